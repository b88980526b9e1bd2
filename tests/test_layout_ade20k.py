"""layouts/ade20k.py: the SceneParsing release on a miniature, its outdoor part, every damage by name, a training step."""

import json
from dataclasses import replace

import numpy as np
import pytest
from miniatures.ade20k import BUILDING, GRASS, SKY, release, scene
from PIL import Image

from cocos_demo.cli import main
from cocos_demo.datasets.layouts import ADE20K, ADE20KOutdoor, LayoutError
from cocos_demo.datasets.layouts.ade20k_scenes import INDOORS, OUTDOORS, outdoors
from cocos_demo.datasets.prepared import PreparedFolder
from cocos_demo.datasets.preparing import prepare
from cocos_demo.objectives import PUBLISHED
from cocos_demo.training import TrainArgs, Trainer


@pytest.fixture
def root(tmp_path):
    return release(tmp_path / "ADE ChallengeData2016 été")


def left_out(report):
    return {entry["source"].rsplit("/", 1)[1]: entry["reason"] for entry in report.left_out}


def labels_of(root, name):
    return root / "annotations" / "training" / f"ADE_train_{name:08d}.png"


def test_the_release_becomes_a_prepared_folder(root, tmp_path):
    report = prepare(ADE20K(root), tmp_path / "out", 64, progress=False)
    assert (report.kept, report.left_out) == (6, [])
    item = PreparedFolder(tmp_path / "out", "train").items[0]
    assert item["name"] == "ADE_train_00000001" and item["source"] == "images/training/ADE_train_00000001.jpg"
    folder = PreparedFolder(tmp_path / "out", "test")
    assert len(folder) == 2 and folder.condition(0, 32).shape == (151, 32, 32) and len(folder.people) == 2


def test_pictures_are_squashed_and_label_maps_by_the_nearest_pixel(root, tmp_path):
    prepare(ADE20K(root), tmp_path / "out", 96, progress=False)
    picture, labels = scene(1)
    stored = np.asarray(Image.open(tmp_path / "out" / "images" / "ADE_train_00000001.jpg")).astype(int)
    want = np.asarray(picture.resize((96, 96), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(stored - want).mean() < 4
    raster = PreparedFolder(tmp_path / "out", "train").raster(0)
    rows, columns = ((np.arange(96) + 0.5) * length / 96 for length in labels.shape)
    assert np.array_equal(raster, labels[rows.astype(int)][:, columns.astype(int)])


def test_png_beside_jpg_is_the_same_set(root, tmp_path):
    other = release(tmp_path / "beside", beside=True)
    (other / "images" / "training").rename(other / "training")
    (other / "images" / "validation").rename(other / "validation")
    (other / "images").rmdir()
    for place, name in ((root, "one"), (other, "two")):
        prepare(ADE20K(place), tmp_path / name, 64, progress=False)
    for file in sorted((tmp_path / "one").rglob("*.[jp][pn]g")):
        assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes(), file


def test_unknown_is_channel_0_and_255_is_150(root, tmp_path):
    labels = np.array(Image.open(labels_of(root, 1)))
    labels[:4] = 255
    Image.fromarray(labels).save(labels_of(root, 1))
    taken = ADE20K(root).take(ADE20K(root).entries()[0], 64)
    assert set(np.unique(taken.rasters["labels"])) == {0, BUILDING, SKY, GRASS, 150}


def test_grey_and_cmyk_pictures_are_used(root, tmp_path):
    folder = root / "images" / "training"
    for number, mode in ((1, "L"), (2, "CMYK")):
        path = folder / f"ADE_train_{number:08d}.jpg"
        Image.open(path).convert(mode).save(path)
    layout = ADE20K(root)
    grey = layout.take(layout.entries()[0], 64).picture
    assert grey.mode == "RGB" and np.ptp(np.asarray(grey).astype(int), axis=-1).max() == 0
    assert layout.take(layout.entries()[1], 64).picture.mode == "RGB"


def test_a_turn_by_exif_is_not_taken(root):
    path = root / "images" / "training" / "ADE_train_00000001.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    before = Image.open(path).convert("RGB")
    before.save(path, exif=exif, quality=95)
    taken = ADE20K(root).take(ADE20K(root).entries()[0], 64)
    assert np.abs(np.asarray(taken.picture).astype(int) - np.asarray(before.resize((64, 64))).astype(int)).mean() < 8


def test_every_damage_is_named_and_the_rest_goes_on(tmp_path):
    root = release(tmp_path / "ade", train=10)
    raster = np.array(Image.open(labels_of(root, 1)))
    Image.fromarray(np.where(raster == SKY, 151, raster).astype(np.uint8)).save(labels_of(root, 1))
    Image.fromarray(raster[:40]).save(labels_of(root, 2))
    Image.fromarray(raster).convert("RGB").save(labels_of(root, 3))
    Image.fromarray(raster.astype(np.uint16)).save(labels_of(root, 4))
    labels_of(root, 5).unlink()
    (root / "images" / "training" / "ADE_train_00000006.jpg").unlink()
    photo = root / "images" / "training" / "ADE_train_00000007.jpg"
    photo.write_bytes(photo.read_bytes()[:300])
    labels_of(root, 8).write_bytes(b"")
    report = prepare(ADE20K(root), tmp_path / "out", 64, workers=1, progress=False)
    why = left_out(report)
    assert report.kept == 4 and len(why) == 8
    assert "class numbers 151; 0 to 150 are known" in why["ADE_train_00000001.jpg"]
    assert why["ADE_train_00000002.jpg"] == "the label map has 64 x 40 pixels, the picture 64 x 48"
    assert "in colours (RGB); a grey or index PNG" in why["ADE_train_00000003.jpg"]
    assert "16 bits a pixel" in why["ADE_train_00000004.jpg"]
    assert why["ADE_train_00000005.jpg"] == "there is a picture, but no label map"
    assert why["ADE_train_00000006.png"] == "there is a label map, but no picture"
    assert "damaged or cut short" in why["ADE_train_00000007.jpg"]
    assert "label map cannot be used" in why["ADE_train_00000008.jpg"] and "empty" in why["ADE_train_00000008.jpg"]


def test_what_a_folder_lacks_is_said(root, tmp_path, capsys):
    with pytest.raises(LayoutError, match="no folder .*nowhere.*sceneparsing.csail.mit.edu"):
        ADE20K(tmp_path / "nowhere").entries()
    (tmp_path / "empty" / "images" / "training").mkdir(parents=True)
    with pytest.raises(LayoutError, match=r"lacks images/validation \(the pictures of the validation part\)"):
        ADE20K(tmp_path / "empty").entries()
    (root / "annotations").rename(tmp_path / "away")
    with pytest.raises(LayoutError, match="lacks annotations/training and annotations/validation"):
        ADE20K(root).entries()
    (root / "sceneCategories.txt").unlink()
    assert main(["prepare", "ade20k_outdoor", str(root), "--out", str(tmp_path / "out")]) == 2
    assert "lacks sceneCategories.txt (the scene category of each picture)" in capsys.readouterr().err


def test_the_full_data_set_is_told_from_its_release(tmp_path):
    for split in ("training", "validation"):
        (tmp_path / "images" / split / "a" / "abbey").mkdir(parents=True)
    Image.new("RGB", (20, 20)).save(tmp_path / "images" / "training" / "a" / "abbey" / "ADE_train_00000970_seg.png")
    with pytest.raises(LayoutError, match="full ADE20K, whose label files number 3,000 classes"):
        ADE20K(tmp_path).entries()


# The outdoor part


def test_outdoors_by_category_and_the_doubtful_left_out(tmp_path):
    root = release(tmp_path / "ade", train=6, test=2)
    lines = (root / "sceneCategories.txt").read_text().splitlines()
    (root / "sceneCategories.txt").write_text("\n".join(line for line in lines if "train_00000006" not in line))
    report = prepare(ADE20KOutdoor(root), tmp_path / "out", 64, progress=False)
    items = json.loads((tmp_path / "out" / "index.json").read_text())["items"]
    assert [item["name"] for item in items] == ["ADE_train_00000001", "ADE_train_00000003", "ADE_val_00000001"]
    assert left_out(report) == {
        "ADE_train_00000004.jpg": 'its scene category "misc" is neither outdoors nor indoors for certain',
        "ADE_train_00000006.jpg": "sceneCategories.txt has no line for it"}


def test_the_rule():
    assert not OUTDOORS & INDOORS
    answers = {"street": True, "mountain_snowy": True, "church_outdoor": True, "exterior": True, "skyscraper": True,
               "cascade": True, "baseball": True, "church_indoor": False, "bedroom": False, "living_room": False,
               "gift_shop": False, "indoor_procenium": False, "elevator_interior": False, "soccer": False, "shop": False,
               "misc": None, "questionable": None, "": None}  # fmt: skip
    for category, answer in answers.items():
        assert outdoors(category) is answer, category
    qualified = [name for name in OUTDOORS | INDOORS if name.endswith(("_indoor", "_outdoor", "_interior", "_exterior"))]
    assert not qualified  # their names say it


def test_a_bad_line_of_the_categories_is_shown(root):
    (root / "sceneCategories.txt").write_text("ADE_train_00000001 street\nADE_train_00000002\n")
    with pytest.raises(LayoutError, match="line 2: a picture and its category are expected, not 'ADE_train_00000002'"):
        ADE20KOutdoor(root).entries()


def test_a_training_step_with_the_published_weights(root, tmp_path):
    prepare(ADE20K(root), tmp_path / "out", 64, progress=False)
    seen = []
    Trainer(TrainArgs(data=(tmp_path / "out",), out=tmp_path / "run", size=32, steps=1, batch=2, d_width=4, device="cpu",
                      weights=replace(PUBLISHED["ade20k"], feat=0.0, perc=0.0, context=0.0, detail=0.0))).run(seen.append)
    assert [state["step"] for state in seen] == [1] and np.isfinite(list(seen[0]["terms"].values())).all()
