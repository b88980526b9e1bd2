"""conditions/metfaces.py and datasets/layouts/metfaces.py: a made-up MetFaces becomes a prepared folder, and is trained on."""

import json

import numpy as np
import pytest
from miniatures import metfaces as made
from PIL import Image, ImageDraw

from cocos_demo.conditions import KINDS, ModelMissing, hed
from cocos_demo.conditions.portrait import OVAL
from cocos_demo.datasets.layouts import LAYOUTS, LayoutError
from cocos_demo.datasets.layouts.metfaces import split_of
from cocos_demo.datasets.prepared import PreparedFolder
from cocos_demo.datasets.preparing import prepare
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer

KIND = KINDS["metfaces"]
needs_weights = pytest.mark.skipif(bool(hed.available()), reason=hed.available())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root, out = (tmp_path_factory.mktemp(name) for name in ("set", "out"))
    made.build(root / "metfaces", 256)
    whole = (root / "metfaces" / "images" / "11713-00.png").read_bytes()
    (root / "metfaces" / "images" / "300-00.png").write_bytes(whole[: len(whole) // 3])
    Image.new("RGB", (256, 200)).save(root / "metfaces" / "images" / "301-00.png")
    Image.new("RGB", (128, 128)).save(root / "metfaces" / "images" / "302-00.png")
    return out, prepare(LAYOUTS["metfaces"](root / "metfaces"), out, 256, workers=1, progress=False)


@needs_weights
def test_the_whole_set(prepared):
    out, report = prepared
    items = {item["name"]: item for item in json.loads((out / "index.json").read_text())["items"]}
    assert {name: (item["person"], item["scene"], item["split"]) for name, item in items.items()} == {
        "11713-00": ("11713", "00", "train"), "11713-01": ("11713", "01", "train"), "11000-00": ("11000", "00", "test")}
    train = PreparedFolder(out, "train")
    assert train.same_person(0, 1) and not train.same_scene(0, 1)  # two faces of one work are no targets for each other
    reasons = {entry["name"]: entry["reason"] for entry in report.left_out}
    assert reasons["285-00"].startswith("No face was found") and "damaged or cut short" in reasons["300-00"]
    assert reasons["301-00"].startswith("it has 256 x 200 pixels") and "choose another --size" in reasons["302-00"]
    assert "left out 1 of 7: No face was found" in str(report)


@needs_weights
def test_soft_edges_around_the_face(prepared):
    train = PreparedFolder(prepared[0], "train")
    raster, points = train.raster(0), train.points[0]
    assert raster.shape == (512, 512) and raster.dtype == np.uint8 and len(np.unique(raster)) > 50 and raster.max() > 150
    inside = Image.new("L", (512, 512))
    ImageDraw.Draw(inside).polygon([tuple(xy) for xy in points[list(OVAL[0]), :2] * 512], fill=255)
    assert not raster[np.asarray(inside) > 0].any() and (raster > 40).mean() > 0.02
    map = train.condition(0, 1024).numpy()
    assert map.shape == (7, 1024, 1024) and abs(map[-1].mean() - raster.mean() / 255) < 1e-3
    assert np.abs(np.diff(map[-1], axis=1)).max() < 0.5  # enlarged smoothly, not in blocks
    small = train.condition(0, 128).numpy()
    assert small.min() >= 0 and small.max() <= 1 and np.array_equal(KIND.from_rgb(KIND.to_rgb(small), small), small)
    assert not KIND.draw(points, 64)[-1].any()


@needs_weights
def test_an_upload_is_framed_as_the_set_is():
    photo = Image.open(made.PORTRAITS / "P008_studio_portrait.jpg").convert("RGB")
    found = KIND.find(photo)
    again = KIND.whole(found.frame.cut(photo, 512))  # what was cut out by its frame is a picture of the set
    assert np.abs(again.points - found.points)[:, :2].max() < 0.02
    assert np.abs(again.raster.astype(int) - found.raster).mean() < 4
    high, low = found.points[list(OVAL[0]), 1].min(), found.points[list(OVAL[0]), 1].max()
    assert 0.5 < low - high < 0.8


@needs_weights
def test_one_step_of_training(prepared, tmp_path):
    weights = Weights(feat=0.0, perc=0.0, context=0.0, detail=0.0, pixel=1.0, warp=1.0)
    args = TrainArgs(data=(prepared[0],), out=tmp_path / "run", system="cocosnet_v2", size=32, steps=1, batch=1, d_width=4,
                     save_every=1, device="cpu", weights=weights)
    args.mix.cross, args.mix.pseudo = 0.0, 1.0  # both faces are of one work
    seen = []
    Trainer(args).run(lambda state: seen.append(state["terms"]))
    assert len(seen) == 1 and np.isfinite(list(seen[0].values())).all()


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    layout = LAYOUTS["metfaces"](tmp_path)
    assert layout.size == 1024 and sum(layout.expected.values()) == 1336
    with pytest.raises(LayoutError, match=r"lacks images \(1,336 PNG pictures\). It is found at https"):
        layout.entries()
    (tmp_path / "images").mkdir()
    with pytest.raises(LayoutError, match="images holds no .png pictures"):
        layout.entries()
    Image.new("RGB", (64, 64)).save(tmp_path / "images" / "1-00.png")
    monkeypatch.setattr(hed, "available", lambda: "The edge network HED is missing.")
    with pytest.raises(ModelMissing, match="HED is missing"):
        layout.entries()


def test_the_split_is_by_work():
    assert split_of("11713") == "train" and split_of("11000") == "test"
    share = np.mean([split_of(str(work)) == "test" for work in range(10000, 12000)])
    assert 0.08 < share < 0.12
