"""The README's pictures come from what the networks paint and the lessons draw."""

import sys
from pathlib import Path

import pytest
from made_up import checkpoint
from PIL import Image

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "docs"))
import front_page  # noqa: E402


def test_each_scene_is_a_frame(tmp_path):
    model = str(checkpoint(tmp_path, "portrait"))
    scenes = [scene._replace(model=model) for scene in front_page.SCENES[:2]]
    out = front_page.strip(tmp_path / "front.webp", scenes)
    with Image.open(out) as picture:
        assert picture.n_frames == 2 and picture.size == (5 * 198 + 8, 24 + 190 + 26)


def test_the_scenes_are_samples_that_ship():
    for scene in front_page.SCENES:
        assert (front_page.SAMPLES / scene.photo).is_file() and (front_page.SAMPLES / scene.exemplar).is_file()


def test_every_lesson_has_a_thumbnail_of_a_picture_of_its_own(tmp_path):
    assert set(front_page.CUTS) == {path.stem for path in front_page.LESSONS.glob("*.ipynb")}
    written = front_page.thumbnails(tmp_path)
    for path in written:
        with Image.open(path) as picture:
            assert picture.size == front_page.THUMBNAIL
            assert len(set(picture.convert("L").resize((12, 8)).getdata())) > 20  # not blank


def test_the_left_of_a_wide_picture_is_taken_and_the_whole_of_a_narrow_one():
    wide = Image.new("RGB", (800, 150), "white")
    wide.paste("red", (0, 0, 240, 150))
    assert front_page.thumbnail(wide).getcolors() == [(240 * 150, (255, 0, 0))]
    narrow = front_page.thumbnail(Image.new("RGB", (75, 150), "red"))
    assert narrow.getpixel((120, 75)) == (255, 0, 0) and narrow.getpixel((10, 75)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["front.webp", *(f"lessons/{name}.webp" for name in front_page.CUTS)])
def test_they_are_there(name):
    assert (HOME / "docs" / name).is_file()
