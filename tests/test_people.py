"""Portraits and bodies cut out of the package openpeople: frames found, people kept apart, work taken up again."""

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cocos_demo.conditions import KINDS, ConditionError
from cocos_demo.datasets import people
from cocos_demo.photo import open_photo

needs_openpeople = pytest.mark.skipif(importlib.util.find_spec("openpeople") is None, reason="openpeople not installed")


def drawn_sheet(rows=2, columns=3, size=300, line=4):
    """Frames with captions under them, each picture a grey of its own, with a white shirt at its bottom."""
    image = Image.new("RGB", (columns * (size + 60) + 40, rows * (size + 90) + 60), (128, 128, 120))
    pen = ImageDraw.Draw(image)
    pen.text((40, 10), "A WHITE TITLE " * 6, fill="white")
    for row in range(rows):
        for column in range(columns):
            x, y = 40 + column * (size + 60), 40 + row * (size + 90) + 3 * column
            pen.rectangle((x, y, x + size, y + size), (50 + 10 * (row * columns + column),) * 3, "white", line)
            pen.polygon([(x + 20, y + size), (x + size // 2, y + 200), (x + size - 20, y + size)], fill="white")
            pen.text((x + 90, y + size + 12), "CAPTION " * 3, fill="white")
    return np.asarray(image)


def test_frames_of_a_drawn_sheet():
    pixels = drawn_sheet()
    boxes = people.white_frames(pixels)
    assert len(boxes) == 6
    for number, (left, top, right, bottom) in enumerate(boxes):  # row by row, though the rows are not quite level
        row, column = divmod(number, 3)
        x, y = 40 + column * 360, 40 + row * 390 + 3 * column
        assert x + 4 <= left <= x + 10 and y + 4 <= top <= y + 10
        assert x + 290 <= right <= x + 297 and y + 290 <= bottom <= y + 297
        inner = pixels[top:bottom, left:right]
        assert (inner[0] == 50 + 10 * number).all() and (inner[:, [0, -1]] == 50 + 10 * number).mean() > 0.9


def test_no_frames():
    assert people.white_frames(np.full((600, 600, 3), 120, np.uint8)) == []
    assert people.white_frames(np.full((600, 600, 3), 255, np.uint8)[:, :200]) == []


def test_a_sheet_with_other_frames_is_named_not_cut(tmp_path):
    Image.fromarray(drawn_sheet()).save(tmp_path / "sheet.png")
    assert people.sheet(tmp_path / "sheet.png", 16) == ["sheet.png has 6 white frames, 16 expected"] * 16


@needs_openpeople
def test_all_frames_of_all_people_without_captions():
    folders = people.people_folders()
    assert [folder.name for folder in folders] == [f"P{i:03d}" for i in range(1, 11)]
    for folder in folders:
        for name, count in (("emotions_sheet", 16), ("character_sheet", 8)):
            pixels = np.asarray(open_photo(folder / "assets" / f"{name}.jpg"))
            boxes = people.white_frames(pixels)
            assert len(boxes) == count, folder
            for left, top, right, bottom in boxes:
                # the white line all around lies outside, and close by: nothing below it, no caption, is inside
                sides = [pixels[top, left:right], pixels[top:bottom, left], pixels[top:bottom, right - 1]]
                assert sum((side.min(-1) > 200).mean() > 0.5 for side in sides) == 0
                middle = slice((left * 3 + right) // 4, (left + right * 3) // 4)
                assert pixels[top - 12 : top, middle].min(-1).mean(1).max() > 200
                assert pixels[bottom : bottom + 12, middle].min(-1).mean(1).max() > 200


@pytest.fixture
def two_people(monkeypatch):
    """One person to learn from and one held out, with fewer pictures each."""
    folders = [folder for folder in people.people_folders() if folder.name in ("P006", "P009")]
    wanted = ("emotion_00", "emotion_04", "head_front", "body_front", "body_back", "studio_portrait", "amateur_selfie")
    everything = people.pictures
    monkeypatch.setattr(people, "people_folders", lambda: folders)
    monkeypatch.setattr(
        people, "pictures", lambda folder: (job for job in everything(folder) if job[1][5:] in wanted)
    )


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@needs_openpeople
def test_prepared_folders(tmp_path, two_people, capsys):
    folders = people.prepare_people(tmp_path, size=64)
    for name, condition, points, count in (("portraits", "portrait", 478, 10), ("bodies", "figure", 18, 5)):
        folder = folders[name]
        index = json.loads((folder / "index.json").read_text())
        assert folder == tmp_path / name
        assert (index["format"], index["condition"], index["size"]) == (1, condition, 64)
        items = index["items"]
        assert len(items) == count
        assert all(item["split"] == ("test" if item["person"] == "P009" else "train") for item in items)
        assert all(item["name"].startswith(item["person"]) for item in items)
        stored = np.load(folder / "points.npy")
        assert stored.shape == (count, points, 3) and stored.dtype == np.float16
        names = {item["name"] for item in items}
        assert {path.stem for path in (folder / "images").iterdir()} == names
        for item in items:
            assert Image.open(folder / "images" / f"{item['name']}.jpg").size == (64, 64)
        if condition == "portrait":
            assert {path.stem for path in (folder / "edges").iterdir()} == names
            edges = Image.open(folder / "edges" / f"{items[0]['name']}.png")
            assert edges.size == (256, 256) and edges.mode == "1" and 0 < np.asarray(edges).mean() < 1
        assert {path.stem for path in (folder / "masks").iterdir()} == names
        for item in items:
            mask = Image.open(folder / "masks" / f"{item['name']}.png")
            assert mask.size == (64, 64) and mask.mode == "1" and 0.05 < np.asarray(mask).mean() < 0.95
            if "emotion" in item["name"]:  # the face is in front, the upper corners are not
                assert np.asarray(mask)[24:40, 24:40].all() and not np.asarray(mask)[:4, [0, 1, 62, 63]].any()
        assert {path.name for path in folder.iterdir()} <= {"index.json", "points.npy", "images", "edges", "masks"}
    left_out = json.loads((tmp_path / "bodies" / "index.json").read_text())["left_out"]
    assert [item["name"] for item in left_out] == ["P006_amateur_selfie"]
    assert "head and shoulders" in left_out[0]["reason"]
    assert "left out P006_amateur_selfie: Only head" in capsys.readouterr().out


@needs_openpeople
def test_stored_points_fit_the_stored_pictures(tmp_path, two_people):
    folder = people.prepare_people(tmp_path, size=256, progress=False)["portraits"]
    items, points = json.loads((folder / "index.json").read_text())["items"], np.load(folder / "points.npy")
    for item, stored in zip(items[:4], points, strict=False):
        photo = Image.open(folder / "images" / f"{item['name']}.jpg")
        found = KINDS["portrait"].find(photo)
        there = found.frame.to_photo(found.points[:, :2]) / 256
        assert np.linalg.norm(there - stored[:, :2], axis=1).mean() < 0.005


@needs_openpeople
def test_goes_on_after_an_interruption(tmp_path, two_people, monkeypatch):
    whole = people.prepare_people(tmp_path / "whole", size=64, progress=False)
    add, done = people.Job.add, []

    def interrupted(self, name, person, picture):
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(name)
        add(self, name, person, picture)

    monkeypatch.setattr(people.Job, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        people.prepare_people(tmp_path / "parts", size=64, progress=False)
    assert not list((tmp_path / "parts").rglob("index.json"))
    monkeypatch.setattr(people.Job, "add", add)
    found = []
    monkeypatch.setitem(people.KINDS, "portrait", Counting(KINDS["portrait"], found))
    parts = people.prepare_people(tmp_path / "parts", size=64, progress=False)
    assert 0 < len(found) < 10
    for name in whole:
        assert contents(whole[name]) == contents(parts[name])
    people.prepare_people(tmp_path / "parts", size=64, progress=False)  # nothing left to do
    assert len(found) < 10
    with pytest.raises(people.PeopleError, match="64 pixels, not 128"):
        people.prepare_people(tmp_path / "parts", size=128, progress=False)


@needs_openpeople
def test_finished_folders_without_masks_are_given_them(tmp_path, two_people, monkeypatch, capsys):
    folders = people.prepare_people(tmp_path, size=64, progress=False)
    before = {name: contents(folder) for name, folder in folders.items()}
    for mask in (*folders["bodies"].glob("masks/*"), *list(folders["portraits"].glob("masks/*"))[:3]):
        mask.unlink()
    (folders["bodies"] / "masks").rmdir()
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    monkeypatch.setattr(people.Job, "add", None)  # no picture is cut out again
    people.prepare_people(tmp_path, size=64)
    assert "8/8" in capsys.readouterr().err
    assert {name: contents(folder) for name, folder in folders.items()} == before
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    people.prepare_people(tmp_path, size=64)
    assert capsys.readouterr().err == ""  # nothing to do, nothing to say


class Counting:
    def __init__(self, kind, found):
        self.kind, self.found = kind, found

    def find(self, photo):
        self.found.append(photo)
        return self.kind.find(photo)


@needs_openpeople
def test_heads_from_the_side_and_from_behind():
    """From close by the detector takes ears for faces; what is found must be where the pose detector has the eyes."""
    for folder in people.people_folders()[:5]:
        heads = people.sheet(folder / "assets" / "character_sheet.jpg", 8)
        with pytest.raises(ConditionError, match="[Nn]o face"):
            KINDS["portrait"].find(heads[2])
        for head in (heads[1], heads[3]):
            try:
                found = KINDS["portrait"].find(head)
            except ConditionError:
                continue
            assert found.frame.side > 250, folder  # an ear's frame would be 100
            assert any("from the side" in note for note in found.notes)


def test_without_the_package(monkeypatch, tmp_path):
    monkeypatch.setattr(people.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(people.PeopleError, match=r"pip install --editable \"\.\[train\]\""):
        people.prepare_people(tmp_path)
