"""Exemplars of one's own: what is offered of a folder, where, and what is left out."""

import shutil
from pathlib import Path

import pytest
from made_up import FACE, FIGURE, PORTRAIT, SAMPLES, empty_photo
from PIL import Image

from cocos_demo.datasets.retrieval import RetrievalError
from cocos_demo.ui import common, models, offered, serve, visits


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A teacher's folder: two that can be used, one that says what it is, and what gets between."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    folder = tmp_path / "pictures"
    (folder / "figures").mkdir(parents=True)
    with Image.open(PORTRAIT) as image:
        exif = image.getexif()
        exif[0x010E] = "where it was taken"
        image.resize((1500, 1500)).save(folder / "Ms Blake.JPG", exif=exif)
    shutil.copy(PORTRAIT, folder / "figures" / "said to be.jpg")
    shutil.copy(FIGURE, folder / "dancer.jpg")
    (folder / "broken.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("of the lesson")
    empty_photo(folder / "nobody.png")
    shutil.copy(next((SAMPLES / "parts").glob("*.png")), folder / "map.png")
    yield folder
    common.OWN.clear()


def test_a_folder_is_offered_first_and_by_what_is_seen(folder):
    lines = list(offered.offer(folder))
    assert [line.split(": ")[1] for line in lines] == ["broken.jpg", "empty.png", "map.png", "nobody.png"]
    for line, why in zip(lines, ("not a picture", "is empty", "part map", "Neither a face")):
        assert why in line
    portraits, figures = models.looks("portrait"), models.looks("figure")
    assert [Path(path).name for path in portraits[:2]] == ["Ms Blake.jpg", "P001_happy.jpg"] and len(portraits) == 15
    assert [Path(path).stem for path in figures[:2]] == ["dancer", "said to be"]
    with Image.open(portraits[0]) as copy:
        assert copy.size == (1024, 1024) and not copy.getexif()
    assert visits.sweep(Path(portraits[0]).parents[1], age=-1) == 0 and Path(portraits[0]).is_file()  # as long as the app runs


def test_they_are_found_for_a_photo(folder):
    from cocos_demo.ui.find import find

    Image.open(FACE).resize((700, 700)).rotate(4, expand=True, fillcolor="grey").save(folder / "nearly.png")
    list(offered.offer(folder))
    found, said = find("portrait", models.translator("portrait").condition_of(FACE))
    assert Path(found[0][0]).stem == "nearly" and found[0][0] in models.looks("portrait")
    assert said == "Searched 14 samples and 2 exemplars of this page."


def test_equal_names_stay_apart_and_too_many_are_told(folder, monkeypatch):
    monkeypatch.setattr(offered, "MOST", 2)
    for name in ("a", "b", "c"):
        (folder / "portraits" / name).mkdir(parents=True)
        shutil.copy(PORTRAIT, folder / "portraits" / name / "same.jpg")
    lines = list(offered.offer(folder))
    assert [Path(path).stem for path in models.looks("portrait")[:2]] == ["Ms Blake", "same"]
    assert sum("2 portraits are offered at most" in line for line in lines) == 2
    monkeypatch.setattr(offered, "MOST", 9)
    list(offered.offer(folder))
    assert [Path(path).stem for path in models.looks("portrait")[:4]] == ["Ms Blake", "same", "same_2", "same_3"]


def test_a_folder_that_holds_nothing_is_told(tmp_path):
    with pytest.raises(serve.ServeError, match="there is no folder"):
        serve.chosen(None, None, "demo", {}, str(tmp_path / "none"))
    assert serve.chosen(None, None, "demo", {}, str(tmp_path)).exemplars == tmp_path
    with pytest.raises(RetrievalError, match="holds no pictures"):
        list(offered.offer(tmp_path))
    (tmp_path / "broken.jpg").write_text("no picture")
    with pytest.raises(RetrievalError, match="no picture in .* can be an exemplar"):
        list(offered.offer(tmp_path))


def test_samples_that_cannot_be_opened_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "portraits").mkdir()
    shutil.copy(PORTRAIT, tmp_path / "portraits" / "mine.jpeg")
    data = PORTRAIT.read_bytes()
    (tmp_path / "portraits" / "short.jpg").write_bytes(data[: len(data) // 2])
    monkeypatch.setattr(common, "SAMPLES", tmp_path)
    (line,) = offered.check_samples()
    assert "portraits/short.jpg: " in line and "cut short" in line
    assert [Path(path).name for path in common.samples("portraits")] == ["mine.jpeg"]
    monkeypatch.undo()
    assert list(offered.check_samples()) == []
