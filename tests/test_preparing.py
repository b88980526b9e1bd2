"""datasets/preparing.py, datasets/layouts/base.py: any layout into a prepared folder; resume, shards, what is left out."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cocos_demo.datasets.archives import TarFolder
from cocos_demo.datasets.layouts.base import Entry, LayoutError, Taken, names, need, squared
from cocos_demo.datasets.prepared import PreparedFolder
from cocos_demo.datasets.preparing import PreparingError, part, prepare
from cocos_demo.photo import open_photo
from cocos_demo.prepare import Prepare, carry_out


@dataclass(frozen=True)
class Letters:
    """Pictures `person_number.png` of one colour; each with a label map."""

    root: Path
    name: str = "letters"
    condition: str = "ade20k"
    source: str = "made up"
    size: int = 32
    expected: dict = field(default_factory=dict)

    def entries(self):
        paths = sorted(path.name for path in self.root.glob("*.png"))
        return [Entry(name, path, path.split("_")[0], "test" if path.startswith("c") else "train")
                for name, path in zip(names(paths), paths)]

    def take(self, entry, size):
        return Taken(squared(open_photo(self.root / entry.source)), None, {"labels": np.full((40, 40), 3, np.uint8)}, ("seen",))


@pytest.fixture
def letters(tmp_path):
    folder = tmp_path / "originals"
    folder.mkdir()
    for i, name in enumerate(("a_0", "a_1", "b_0", "c_0", "c_1", "d_0")):
        Image.new("RGB", (40, 20 + i), (40 * i, 10, 10)).save(folder / f"{name}.png")
    return Letters(folder)


def test_a_set_becomes_a_prepared_folder(letters, tmp_path):
    report = prepare(letters, tmp_path / "out", progress=False)
    assert (report.kept, report.left_out, report.finished) == (6, [], True)
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [item["name"] for item in index["items"]] == ["a_0", "a_1", "b_0", "c_0", "c_1", "d_0"]
    assert index["items"][0] == {"name": "a_0", "source": "a_0.png", "person": "a", "split": "train", "notes": ["seen"]}
    assert np.load(tmp_path / "out" / "points.npy").shape == (6, 0, 3)
    assert not (tmp_path / "out" / "unfinished").exists()
    folder = PreparedFolder(tmp_path / "out", "test")
    assert len(folder) == 2 and (folder.condition(0, 8).argmax(0) == 3).all() and folder.photo(0, 16).shape == (3, 16, 16)
    picture = np.asarray(Image.open(tmp_path / "out" / "images" / "b_0.jpg"))
    assert picture.shape == (32, 32, 3) and (picture[0] > 250).all() and abs(int(picture[16, 16, 0]) - 80) < 4  # white above


def test_what_cannot_be_read_is_named_and_skipped(letters, tmp_path):
    (letters.root / "b_0.png").write_bytes((letters.root / "b_0.png").read_bytes()[:60])
    (letters.root / "d_0.png").write_text("no picture")
    report = prepare(letters, tmp_path / "out", progress=False)
    assert report.kept == 4 and [entry["source"] for entry in report.left_out] == ["b_0.png", "d_0.png"]
    assert "left out 1 of 6: This is not a picture that can be read" in str(report) and "[d_0.png]" in str(report)


def test_an_interrupted_run_goes_on_and_the_originals_stay(letters, tmp_path, monkeypatch):
    before = {path.name: path.read_bytes() for path in letters.root.iterdir()}
    taken, take = [], Letters.take

    def until_the_third(self, entry, size):
        if len(taken) == 3:
            raise KeyboardInterrupt
        taken.append(entry.name)
        return take(self, entry, size)

    monkeypatch.setattr(Letters, "take", until_the_third)
    with pytest.raises(KeyboardInterrupt):
        prepare(letters, tmp_path / "out", workers=1, progress=False)
    assert not (tmp_path / "out" / "index.json").exists()
    monkeypatch.setattr(Letters, "take", lambda self, entry, size: taken.append(entry.name) or take(self, entry, size))
    assert prepare(letters, tmp_path / "out", workers=1, progress=False).kept == 6
    assert taken == ["a_0", "a_1", "b_0", "c_0", "c_1", "d_0"]  # each once
    assert before == {path.name: path.read_bytes() for path in letters.root.iterdir()}
    assert not list((tmp_path / "out").rglob("*partial*"))


def test_a_folder_that_has_grown_is_added_to(letters, tmp_path):
    prepare(letters, tmp_path / "out", progress=False)
    Image.new("RGB", (40, 40), "blue").save(letters.root / "e_0.png")
    (letters.root / "a_1.png").unlink()
    made = (tmp_path / "out" / "images" / "a_0.jpg").stat().st_mtime_ns
    report = prepare(letters, tmp_path / "out", progress=False)
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert report.kept == 6 and [item["name"] for item in index["items"]] == ["a_0", "b_0", "c_0", "c_1", "d_0", "e_0"]
    assert (tmp_path / "out" / "images" / "a_0.jpg").stat().st_mtime_ns == made
    assert len(np.load(tmp_path / "out" / "points.npy")) == 6


def test_shards_together_are_the_whole(letters, tmp_path):
    entries = letters.entries()
    shards = [part(entries, number, 3) for number in (1, 2, 3)]
    assert sorted(entry.name for shard in shards for entry in shard) == [entry.name for entry in entries]
    assert all(len({e.person for e in one} & {e.person for e in two}) == 0 for one, two in zip(shards, shards[1:]))
    reports = [prepare(letters, tmp_path / "out", shard=(number, 3), progress=False) for number in (2, 3, 1)]
    assert [report.finished for report in reports] == [False, False, True] and reports[-1].kept == 6
    prepare(letters, tmp_path / "whole", progress=False)
    one, other = (json.loads((tmp_path / name / "index.json").read_text()) for name in ("out", "whole"))
    assert one == other
    with pytest.raises(PreparingError, match="not 4/3"):
        prepare(letters, tmp_path / "out", shard=(4, 3), progress=False)


def test_a_part_as_a_tar_is_all_that_stays(letters, tmp_path, capsys):
    out = tmp_path / "tars"
    for number in (1, 2):
        carry_out(letters, Prepare(letters.root, out, archives=True, shard=f"{number}/2", workers=1))
    assert sorted(path.name for path in out.iterdir()) == ["00001-of-00002.tar", "00002-of-00002.tar"]
    made = (out / "00001-of-00002.tar").read_bytes()
    carry_out(letters, Prepare(letters.root, out, archives=True, shard="1/2", workers=1))
    assert "is there already" in capsys.readouterr().out and (out / "00001-of-00002.tar").read_bytes() == made
    tars = [TarFolder(str(path), "train") for path in sorted(out.iterdir())]
    prepare(letters, tmp_path / "whole", progress=False)
    whole = PreparedFolder(tmp_path / "whole", "train")
    assert sorted(item["name"] for tar in tars for item in tar.items) == sorted(item["name"] for item in whole.items)
    i = [item["name"] for item in whole.items].index(tars[0].items[0]["name"])
    assert (tars[0].image(0) == whole.image(i)).all() and (tars[0].condition(0, 8) == whole.condition(i, 8)).all()


def test_processes_do_what_one_does(tmp_path):
    root = tmp_path / "originals"
    root.mkdir()
    for i in range(8):
        Image.new("RGB", (40, 40), (30 * i, 0, 0)).save(root / f"p{i}_0.png")
    prepare(Letters(root), tmp_path / "one", workers=1, progress=False)
    prepare(Letters(root), tmp_path / "two", workers=2, progress=False)
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_what_does_not_fit_is_refused(letters, tmp_path):
    prepare(letters, tmp_path / "out", progress=False)
    with pytest.raises(PreparingError, match="size 32 instead of 64"):
        prepare(letters, tmp_path / "out", size=64, progress=False)
    with pytest.raises(PreparingError, match="holds the originals"):
        prepare(letters, letters.root, progress=False)
    with pytest.raises(PreparingError, match="at least 32"):
        prepare(letters, tmp_path / "small", size=8, progress=False)
    with pytest.raises(LayoutError, match="no pictures of letters"):
        prepare(Letters(tmp_path / "nothing"), tmp_path / "other", progress=False)


def test_names_are_unique_and_fit_for_archives_and_lists():
    assert names(["a/b.jpg", "a_b.png", "A_B.jpg", "x y,z.tar.jpg", "été/写真.jpg", "….jpg"]) == [
        "a_b", "a_b_2", "A_B_3", "x_y_z_tar", "été_写真", "picture"]


def test_a_layout_says_all_that_is_missing(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(LayoutError, match=r"lacks annotations \(label maps\); list.txt \(the split\). Ask there."):
        need(tmp_path, {"images": "photos", "annotations": "label maps", "list.txt": "the split"}, "Ask there.")
    with pytest.raises(LayoutError, match="no folder .*absent"):
        need(tmp_path / "absent", {}, "Ask there.")
