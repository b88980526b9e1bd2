"""conditions/sketch.py, lines.py, edges.py: sketches told from photos, the condition kind "edges", and how lines shrink."""

import io

import made_up
import numpy as np
import pytest
from made_up import BODY, FACE, SAMPLES
from PIL import Image, ImageDraw, ImageFilter

from cocos_demo.conditions import KINDS, ConditionError, detect, lines
from cocos_demo.conditions.edges import canny, shrink, xdog
from cocos_demo.conditions.sketch import read_sketch
from cocos_demo.exemplars import Finder
from cocos_demo.photo import open_photo
from cocos_demo.translator import Translator

EDGES = KINDS["edges"]
NOTHING = np.zeros((0, 3), np.float32)


def drawing(size=(300, 200), paper="white", pen="black", width=3, mode="RGB"):
    picture = Image.new(mode, size, paper)
    pencil = ImageDraw.Draw(picture)
    box = (20, 20, size[0] - 20, size[1] - 20)
    pencil.ellipse(box, outline=pen, width=width)
    pencil.line((box[0], size[1] // 2, box[2], size[1] // 2), fill=pen, width=width)
    return picture


def shoe(colour, size=(256, 256)):
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, size[1] // 3, size[0] - 20, size[1] * 2 // 3), fill=colour)
    pen.rectangle((20, size[1] * 0.6, size[0] - 20, size[1] * 2 // 3), fill=tuple(int(c * 0.7) for c in colour))
    return picture.filter(ImageFilter.GaussianBlur(1))


# Sketches and photos


INK = np.asarray(drawing().convert("L")) < 128


@pytest.mark.parametrize("picture", [
    drawing(), drawing(paper="black", pen="white"), drawing(pen="blue", width=6), drawing(pen="yellow"),
    drawing(paper="#0a4020", pen="#e8e8e0"), drawing(paper="#f4ecd8", pen="#806040"), drawing(pen="#b0b0b0"),
    drawing(paper=(0, 0, 0, 0), pen="black", mode="RGBA"), drawing(paper=(255, 255, 255, 0), pen="white", mode="RGBA"),
    drawing().convert("1"), drawing().convert("L"), drawing().convert("P"), np.asarray(drawing()) / 255.0,
])  # fmt: skip
def test_a_sketch_is_read_as_it_was_drawn(picture):
    read = read_sketch(picture)
    assert read.dtype == np.uint8 and read.shape == (200, 300) and read.max() == 255
    thin = drawing().width == 300 and np.asarray(read) > 128
    agree = (thin & INK).sum() / INK.sum()
    assert agree > 0.95 and (read[~INK] > 128).mean() < 0.06


def test_a_page_photographed_under_a_lamp_is_a_sketch():
    page = np.asarray(drawing((500, 400), width=4).convert("L"), float) * np.linspace(0.55, 0.9, 500)
    page += np.random.default_rng(0).normal(0, 4, page.shape)
    read = read_sketch(page.clip(0, 255).astype(np.uint8))
    ink = np.asarray(drawing((500, 400), width=4).convert("L")) < 128
    assert read[ink].mean() > 200 and read[~ink].mean() < 12


@pytest.mark.parametrize("size, width", [((90, 68), 1), ((160, 120), 2)])
def test_small_sketches_are_sketches(size, width):
    read = read_sketch(drawing(size, pen="red", width=width))
    assert read is not None and read.shape == size[::-1]


def test_thin_lines_of_a_large_sketch_are_kept_whole():
    picture = Image.new("L", (2400, 1800), 255)
    ImageDraw.Draw(picture).line((0, 800, 2400, 900), fill=0, width=2)
    read = read_sketch(picture)
    assert read.shape == (768, 1024) and (read.sum(0, dtype=int) > 225).all()  # in every column, on two rows where it steps


@pytest.mark.parametrize("colour", [(250, 245, 240), (60, 60, 70), (200, 180, 150), (240, 240, 240)])
def test_a_shoe_on_white_is_a_photo(colour):
    assert read_sketch(shoe(colour)) is None


def test_no_photo_or_label_map_is_a_sketch():
    for path in sorted(SAMPLES.rglob("*.*g")):
        assert read_sketch(path) is None, path
    for tone in ("white", "black", "grey"):
        assert read_sketch(Image.new("RGB", (300, 200), tone)) is None
    assert read_sketch(np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)) is None


def test_the_edges_of_a_photo_are_a_sketch_either_way():
    edges = canny(open_photo(FACE))
    assert read_sketch(edges) is not None
    np.testing.assert_array_equal(read_sketch(edges) > 128, read_sketch(255 - edges) > 128)


# The kind


def test_a_sketch_keeps_its_whole_square():
    found = EDGES.find(drawing())
    assert found.frame.side == 300 and found.raster.shape == (300, 300) and found.points.shape == (0, 3)
    assert not found.raster[:50].any() and not found.raster[-50:].any() and found.raster[150, 100] == 255
    assert found.notes == ("a drawing: its lines were taken as they are",)
    assert np.array_equal(np.asarray(found.picture), 255 - found.raster)


def test_a_shoe_keeps_its_tip_and_a_scene_its_middle():
    found = EDGES.find(shoe((90, 40, 40), (300, 180)), "canny")
    assert found.frame.side == 300
    assert found.notes == ("edges by Canny's operator", "the plain ground was continued to make it square")
    noise = np.random.default_rng(0).integers(0, 255, (100, 300, 3), np.uint8)
    found = EDGES.find(noise, "canny")
    assert (found.frame.side, found.frame.cx) == (100, 150) and found.notes[1] == "the middle square of the picture was taken"


def test_ways_and_what_they_say(monkeypatch):
    for way, title in lines.TITLES.items():
        if way == "hed" and lines.available():
            continue
        found = EDGES.find(FACE, way)
        assert found.notes[0] == f"edges by {title}" and found.raster.shape == (256, 256) and found.raster.dtype == np.uint8
        assert 0.01 < (found.raster > 127).mean() < 0.3
    monkeypatch.setattr(lines, "available", lambda: "h5py is missing")
    assert EDGES.find(FACE).notes[0] == "edges by Canny's operator"


@pytest.mark.parametrize("tone", ["white", "black", "grey"])
def test_without_lines_it_is_refused(tone):
    with pytest.raises(ConditionError, match="No lines were found"):
        EDGES.find(Image.new("RGB", (300, 200), tone), "canny")


def test_drawn_at_any_size():
    raster = EDGES.find(drawing()).raster
    for size in (64, 256, 300, 512):
        map = EDGES.draw(NOTHING, size, raster)
        assert map.shape == (1, size, size) and map.dtype == np.float32 and map.min() == 0 and 0.98 < map.max() <= 1
    with pytest.raises(ValueError, match="none was given"):
        EDGES.draw(NOTHING, 64)


def test_shown_and_edited():
    map = np.array([[[0, 0.5], [1, 0.25]]], np.float32)
    shown = EDGES.to_rgb(map)
    assert shown.shape == (2, 2, 3) and shown[1, 0].tolist() == [255] * 3
    assert np.array_equal(EDGES.from_rgb(shown, map), map)
    edited = shown.copy()
    edited[0, 0], edited[1, 0], edited[1, 1] = (255, 0, 0), 0, shown[1, 1] + 5
    np.testing.assert_array_equal(EDGES.from_rgb(edited, map), np.array([[[1, 0.5], [0, 0.25]]], np.float32))
    with pytest.raises(ValueError, match="edited map"):
        EDGES.from_rgb(np.zeros((3, 3, 3), np.uint8), map)


def test_people_are_still_told():
    assert detect(FACE) == "portrait" and detect(BODY) == "figure"


def test_a_translator_uses_it(tmp_path):
    t = Translator.load(made_up.checkpoint(tmp_path, "edges"), device="cpu")
    file = io.BytesIO()
    drawing(paper=(255, 255, 255, 0), pen="white", mode="RGBA").save(file, "PNG")
    condition = t.condition_of(file.getvalue())
    assert (np.asarray(condition.photo)[..., 0] < 100).any() and np.asarray(condition.photo).mean() > 200  # shown as on paper
    assert t(None, FACE, condition).image.size == (t.size, t.size)
    with pytest.raises(ConditionError, match="exemplar is a drawing"):
        t(FACE, drawing())
    canvas = np.array(condition.image)
    canvas[5:8, 5:40] = 255
    assert condition.edited(Image.fromarray(canvas)).map[0, 6, 10] == 1


def test_a_sketch_has_no_look_to_search_with(tmp_path, monkeypatch):
    t = Translator.load(made_up.checkpoint(tmp_path, "edges"), device="cpu")
    finder = Finder.__new__(Finder)
    finder.kind, asked = EDGES, []
    finder.plain = type("Plain", (), {"size": 64, "__call__": lambda self, maps: asked.append(maps.shape) or ["painting"]})()
    assert finder.look(t.condition_of(drawing())) == "painting" and asked == [(1, 1, 64, 64)]
    condition = t.condition_of(FACE)
    assert finder.look(condition) is condition.photo
    finder.describe = type("Describer", (), {"size": 32})
    monkeypatch.setattr(lines, "WAYS", {})  # the square of a picture is had without looking for lines
    shoe((90, 40, 40), (300, 180)).save(tmp_path / "shoe.png")
    assert finder.frame(tmp_path / "shoe.png").size == (32, 32)


# Lines made smaller, and XDoG


def test_a_line_of_one_pixel_stays_one():
    picture = np.zeros((8, 8), np.uint8)
    picture[:, 5] = 255
    want = np.zeros((4, 4), np.float32)
    want[:, 2] = 1
    np.testing.assert_array_equal(shrink(picture, (4, 4)), want)
    np.testing.assert_array_equal(shrink(picture, (8, 8)), picture / np.float32(255))


def test_tones_and_soft_edges_keep_their_strength():
    assert np.allclose(shrink(np.full((30, 30), 51, np.uint8), (10, 7)), 0.2)
    diagonal = shrink(np.eye(64, dtype=np.uint8) * 255, (16, 16))
    assert np.allclose(diagonal, np.eye(16))
    assert np.allclose(shrink(np.eye(64, dtype=np.uint8) * 255, (64, 64)), np.eye(64))
    larger = shrink(np.eye(4, dtype=np.uint8) * 255, (8, 8))
    assert larger.shape == (8, 8) and larger.max() <= 1


def test_a_rectangle_shrinks_by_its_own_factors():
    picture = np.zeros((40, 20), np.uint8)
    picture[13] = 255
    small = shrink(picture, (10, 10))
    assert small.shape == (10, 10) and np.allclose(small[3], 1) and small.sum() == pytest.approx(10)


def test_xdog_of_a_step_and_of_flat_tones():
    for tone in (0, 40, 255):
        assert not xdog(Image.new("L", (32, 32), tone).convert("RGB")).any()
    step = np.full((32, 32, 3), 230, np.uint8)
    step[:, 16:] = 30
    strokes = xdog(Image.fromarray(step))
    assert (strokes[:, 16] > 200).all() and not strokes[:, :16].any() and not strokes[:, 20:].any()  # on the dark side
