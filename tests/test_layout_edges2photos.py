"""datasets/layouts/edges2photos.py, danbooru.py, datasets/ground.py: from miniatures to a step of training."""

import json

import numpy as np
import pytest
from miniatures.edges2photos import edges2photos
from PIL import Image, ImageDraw

from cocos_demo import cli
from cocos_demo.conditions import lines
from cocos_demo.datasets.ground import border_colour, foreground
from cocos_demo.datasets.layouts import LAYOUTS
from cocos_demo.datasets.layouts.base import LayoutError
from cocos_demo.datasets.pairs import Mix
from cocos_demo.datasets.prepared import PreparedFolder
from cocos_demo.datasets.preparing import prepare
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer

NO_VGG = dict(feat=0.0, perc=0.0, context=0.0, detail=0.0)


@pytest.fixture
def shoes(tmp_path):
    return edges2photos(tmp_path / "edges2shoes")


def test_shoes_become_a_prepared_folder(shoes, tmp_path):
    report = prepare(LAYOUTS["edges2shoes"](shoes), tmp_path / "out", workers=1, progress=False)
    assert (report.kept, report.left_out) == (8, [])
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert index["condition"] == "edges" and [item["split"] for item in index["items"]] == ["train"] * 6 + ["test"] * 2
    assert index["items"][0]["source"] == "train/1_AB.jpg" and len({item["person"] for item in index["items"]}) == 8
    folder = PreparedFolder(tmp_path / "out", "train")
    map, photo, mask = folder.condition(0, 256)[0], folder.photo(0, 256), folder.foreground(0)[0]
    given = np.asarray(Image.open(shoes / "train" / "1_AB.jpg").convert("L"), np.float32) / 255
    dark = given[:, :256] < 0.5
    assert (map.numpy()[dark] > 0.5).all() and (map.numpy()[given[:, :256] > 0.93] == 0).all()
    assert np.abs(((photo + 1) / 2).mean(0).numpy() - given[:, 256:]).mean() < 0.03
    assert np.abs(mask.numpy() - _oval(dark)).mean() < 0.02  # the badge included


def _oval(outline):
    """1 within the outline's box, as an ellipse."""
    y, x = np.nonzero(outline)
    mask = Image.new("L", outline.shape[::-1])
    ImageDraw.Draw(mask).ellipse((x.min(), y.min(), x.max(), y.max()), fill=1)
    return np.asarray(mask, np.float32)


def test_numbers_are_in_order(shoes):
    (shoes / "train" / "10_AB.jpg").write_bytes((shoes / "train" / "1_AB.jpg").read_bytes())
    (shoes / "train" / "._1_AB.jpg").touch()
    sources = [entry.source for entry in LAYOUTS["edges2handbags"](shoes).entries()]
    assert sources[1] == "train/2_AB.jpg" and sources[6] == "train/10_AB.jpg" and len(sources) == 9


def test_damage_is_named(shoes, tmp_path):
    Image.new("RGB", (256, 256), "white").save(shoes / "train" / "2_AB.jpg")
    empty = Image.open(shoes / "train" / "1_AB.jpg").copy()
    swapped = Image.new("RGB", (512, 256), "white")
    swapped.paste((90, 30, 30), (20, 20, 250, 240))
    swapped.save(shoes / "train" / "3_AB.jpg")
    (shoes / "train" / "4_AB.jpg").write_bytes((shoes / "train" / "5_AB.jpg").read_bytes()[:2000])
    empty.paste("white", (256, 0, 512, 256))
    empty.save(shoes / "train" / "6_AB.jpg")
    report = prepare(LAYOUTS["edges2shoes"](shoes), tmp_path / "out", workers=1, progress=False)
    reasons = {entry["source"]: entry["reason"] for entry in report.left_out}
    assert reasons["train/2_AB.jpg"] == "it is 256 x 256 pixels, not an edge map and a photo side by side (512 x 256)"
    assert reasons["train/3_AB.jpg"] == "its left half is no edge map, black lines on white"
    assert "cut short" in reasons["train/4_AB.jpg"] and len(reasons) == 3
    items = json.loads((tmp_path / "out" / "index.json").read_text())["items"]
    noted = {item["source"]: item["notes"] for item in items}
    assert "could not be told from its ground" in noted["train/6_AB.jpg"][0] and noted["train/1_AB.jpg"] == []


def test_missing_folders_are_all_named(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(LayoutError, match=r"lacks val \(200 to test on\). Get edges2shoes.tar.gz"):
        LAYOUTS["edges2shoes"](tmp_path).entries()
    (tmp_path / "val").mkdir()
    with pytest.raises(LayoutError, match="train holds no pictures NUMBER_AB.jpg"):
        LAYOUTS["edges2handbags"](tmp_path).entries()


@pytest.mark.parametrize("system", ["cocosnet", "segin"])
def test_a_step_of_training(system, shoes, tmp_path):
    assert cli.main(["prepare", "edges2shoes", str(shoes), "--out", str(tmp_path / "out"), "--size", "64", "--workers", "1"]) == 0
    if system == "segin":
        weights, options = Weights(feature=0.0), dict(preset="mini", size=64)
    else:
        weights, options = Weights(**NO_VGG, pixel=1.0, warp=1.0, warped_condition=1.0), dict(size=32)
    args = TrainArgs(data=(tmp_path / "out",), out=tmp_path / "run", system=system, steps=1, batch=2, d_width=4, device="cpu",
                     weights=weights, mix=Mix(), **options)
    states = []
    assert Trainer(args).run(states.append).is_file() and np.isfinite(list(states[0]["terms"].values())).all()


# Drawn pictures


def anime(root, number, colour):
    picture = Image.new("RGB", (220, 300), (250, 250, 255))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((50, 40, 170, 260), fill=colour, outline="black", width=3)
    pen.line((50, 150, 170, 150), fill="black", width=3)
    path = root / f"{number % 1000:04d}" / f"{number}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=95)


def test_drawn_pictures_with_their_sketches(tmp_path, capsys):
    root = tmp_path / "danbooru"
    for number in (1000, 2001, 3001, 4002):
        anime(root, number, (number % 255, 90, 160))
    Image.new("L", (300, 300), 255).save(root / "0000" / "5000.png")
    page = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(page).ellipse((40, 40, 260, 260), outline="black", width=3)
    page.save(root / "0000" / "6000.png")
    assert cli.main(["prepare", "danbooru", str(root), "--out", str(tmp_path / "out"), "--lines", "xdog", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "4 pictures" in said and "a drawing in black and white" in said and "all of one tone" in said
    folder = PreparedFolder(tmp_path / "out", "train")
    item = folder.items[0]
    assert item["source"] == "0000/1000.jpg" and item["notes"][0] == "edges by XDoG"
    i = 0
    assert folder.condition(i, 64).amax() > 0.9 and 0.2 < folder.foreground(i).mean() < 0.5  # the whole oval, on its ground
    assert cli.main(["prepare", "danbooru", str(root), "--out", str(tmp_path / "out"), "--lines", "hed"]) == 2
    if not lines.available():
        assert "lines xdog instead of hed" in capsys.readouterr().err


def test_two_in_a_hundred_drawn_pictures_are_held_out(tmp_path):
    for number in range(400):
        path = tmp_path / f"{number % 8:04d}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    first = LAYOUTS["danbooru"](tmp_path, "xdog").entries()
    assert 2 <= sum(entry.split == "test" for entry in first) <= 16
    (tmp_path / "0000" / "0.jpg").unlink()
    again = {entry.source: entry.split for entry in LAYOUTS["danbooru"](tmp_path, "xdog").entries()}
    assert all(again[entry.source] == entry.split for entry in first if entry.source in again)
    with pytest.raises(LayoutError, match="no folder"):
        LAYOUTS["danbooru"](tmp_path / "absent", "xdog").entries()


# Grounds


def test_holes_are_the_objects_and_specks_are_none():
    picture = Image.new("RGB", (100, 100), (252, 250, 248))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 30, 79, 69), fill="red")
    pen.rectangle((40, 40, 49, 49), fill="white")
    pen.point((5, 5), fill="black")
    want = np.zeros((100, 100), bool)
    want[30:70, 20:80] = True
    np.testing.assert_array_equal(foreground(picture), want)
    assert foreground(Image.new("RGB", (50, 50), "white")) is None and foreground(Image.new("RGB", (50, 50), "black")) is None
    assert border_colour(picture) == (252, 250, 248)
    np.testing.assert_array_equal(foreground(picture, border_colour(picture)), want)
