"""The inputs of the published edge and pose networks: hand-worked maps, what is read from the samples, and edits."""

import subprocess
import sys
from pathlib import Path

import made_up
import numpy as np
import pytest
from PIL import Image

from cocos_demo.conditions import KINDS, ConditionError
from cocos_demo.conditions import celebahqedge as edge
from cocos_demo.conditions.distances import distances, drawn, outline
from cocos_demo.conditions.hair import cut
from cocos_demo.conditions.portrait import EYES, LEFT, OVAL, RIGHT
from cocos_demo.photo import open_photo
from cocos_demo.translator import Translator

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "data" / "samples"
FACE = SAMPLES / "portraits" / "P008_studio_portrait.jpg"  # long hair, closed mouth
LAUGHING = SAMPLES / "portraits" / "P009_surprised.jpg"
BODY = SAMPLES / "photos" / "P010_amateur_posture.jpg"
BACK = SAMPLES / "figures" / "P003_back.jpg"
EDGE, POSE = KINDS["celebahqedge"], KINDS["deepfashion"]
ONE = np.float32(1 / 255)


@pytest.fixture(scope="module")
def face():
    return EDGE.find(FACE)


@pytest.fixture(scope="module")
def body():
    return POSE.find(BODY)


def drawn_map(kind, found, size=256):
    return kind.draw(found.points, size, found.raster)


def channel(map, name):
    return map[EDGE.channels.index(name)]


# Distances


def test_a_distance_is_counted_along_rows_and_columns_in_steps_of_three():
    lines = np.zeros((1, 256, 256), bool)
    lines[0, 10, 20] = True
    map = distances(lines)[0]
    assert map.dtype == np.float32
    for y, x, level in ((10, 20, 0), (12, 20, 0), (13, 20, 1), (14, 24, 2), (10, 0, 6), (255, 255, 160)):
        assert map[y, x] == np.float32(level) / 255, (y, x)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_distances_are_the_formula(size):
    lines = np.random.default_rng(0).random((2, size, size)) > 0.999
    y, x = np.mgrid[:size, :size]
    for line, map in zip(lines, distances(lines)):
        away = np.min([abs(y - v) + abs(x - u) for v, u in np.argwhere(line)], axis=0)
        np.testing.assert_array_equal(map * 255, np.floor(np.float64(away) * 256 / size / 3).astype(np.float32))


def test_no_line_is_the_constant_one():
    lines = np.zeros((2, 256, 256), bool)
    lines[1, 0, 0] = True
    map = distances(lines)
    assert (map[0] == 1).all() and map[1, 0, 0] == 0 and map[1].max() == np.float32(170) / 255
    assert np.array_equal(drawn(map[:1]), lines[:1])


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_lines_out_of_a_map_give_that_map(size):
    rng = np.random.default_rng(size)
    lines = rng.random((4, size, size)) > np.array([0.5, 0.9, 0.99, 0.9999])[:, None, None]
    lines[2, size // 4 :, size // 4 :] = False
    map = distances(lines)
    assert np.array_equal(distances(drawn(map)), map)
    assert (drawn(map) >= lines).all()


def test_an_outline_is_the_pixels_on_both_sides():
    region = np.zeros((5, 5), bool)
    region[2, 2:] = True
    want = [[0, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]]
    assert np.array_equal(outline(region), np.array(want, bool))
    assert not outline(np.ones((3, 4, 4), bool)).any()


# Both kinds


@pytest.mark.parametrize("kind, channels", [(EDGE, 15), (POSE, 20)])
def test_interface(kind, channels, face, body):
    found = face if kind is EDGE else body
    assert KINDS[kind.name] is kind
    assert len(kind.channels) == len(kind.palette) == channels == len({tuple(colour) for colour in kind.palette})
    assert kind.palette.dtype == np.uint8 and found.points.dtype == np.float32
    for size in (64, 256):
        map = drawn_map(kind, found, size)
        assert map.shape == (channels, size, size) and map.dtype == np.float32
        assert map.min() == 0 and map.max() <= 1
        shown = kind.to_rgb(map)
        assert shown.shape == (size, size, 3) and shown.dtype == np.uint8 and shown.any()
        assert np.array_equal(kind.from_rgb(shown, map), map)


@pytest.mark.parametrize("kind", [EDGE, POSE], ids=lambda kind: kind.name)
def test_smaller_maps_are_the_same_drawing(kind, face, body):
    found = face if kind is EDGE else body
    part = slice(1, 14) if kind is EDGE else slice(3, 20)
    large, small = drawn_map(kind, found)[part], drawn_map(kind, found, 128)[part]
    assert np.abs(large.reshape(-1, 128, 2, 128, 2).mean((2, 4)) - small).max() < 2.5 * ONE


@pytest.mark.parametrize("kind", [EDGE, POSE], ids=lambda kind: kind.name)
def test_mirrored_twice_is_as_before(kind, face, body):
    found = face if kind is EDGE else body
    assert np.array_equal(kind.mirror(kind.mirror(found.points)), found.points)
    assert not np.array_equal(kind.mirror(found.points), found.points)


@pytest.mark.parametrize("kind", [EDGE, POSE], ids=lambda kind: kind.name)
def test_mirrored_points_draw_the_flipped_map_with_left_and_right_exchanged(kind, face, body):
    found = face if kind is EDGE else body
    flipped = found.points.copy()
    flipped[:, 0] = 1 - flipped[:, 0]
    raster = None if found.raster is None else np.ascontiguousarray(found.raster[:, ::-1])
    swap = str.maketrans({"L": "right", "R": "left"})
    names = [name.replace("left", "L").replace("right", "R").translate(swap) for name in kind.channels]
    part = slice(1, 14) if kind is EDGE else slice(3, 20)
    exchange = [kind.channels.index(name) for name in names][part]
    assert exchange != sorted(exchange)
    got, want = kind.draw(kind.mirror(flipped), 256, raster)[part], drawn_map(kind, found)[exchange, :, ::-1]
    assert np.abs(got - want).max() < 2.5 * ONE  # outlines start on whole pixels


@pytest.mark.parametrize("kind", [EDGE, POSE], ids=lambda kind: kind.name)
def test_disturbed_by_about_a_pixel(kind, face, body):
    points = (face if kind is EDGE else body).points
    moved = kind.disturb(points, np.random.default_rng(0))
    assert 0.5 < np.linalg.norm(moved - points, axis=1)[moved[:, 2] > 0].mean() * 256 < 3


@pytest.mark.parametrize("kind", [EDGE, POSE], ids=lambda kind: kind.name)
@pytest.mark.parametrize("what", ["noise", "black"])
def test_nobody(kind, what):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    with pytest.raises(ConditionError, match="found"):
        kind.find(noise if what == "noise" else noise * 0)


def test_from_behind_there_is_no_face_but_a_figure():
    with pytest.raises(ConditionError, match="from behind"):
        EDGE.find(BACK)
    found = POSE.find(BACK)
    map = drawn_map(POSE, found)
    assert any("behind" in note for note in found.notes)
    for name in ("nose to right eye", "neck to nose"):
        assert (map[POSE.channels.index(name)] == 1).all()


@pytest.mark.parametrize("name", ["celebahqedge", "deepfashion"])
def test_a_translator_uses_them(name, tmp_path):
    t = Translator.load(made_up.checkpoint(tmp_path, name), device="cpu")
    photo, exemplar = (FACE, LAUGHING) if name == "celebahqedge" else (BODY, BACK)
    condition = t.condition_of(photo)
    canvas = np.array(condition.image)
    canvas[10:13, 10:40] = KINDS[name].palette[-2]
    edited = condition.edited(Image.fromarray(canvas))
    assert not np.array_equal(edited.map[-2], condition.map[-2])
    assert t(None, exemplar, edited).image.size == (t.size, t.size)


def test_reading_a_photo_writes_nothing_to_the_console():
    code = f"from cocos_demo.conditions import KINDS\nKINDS['celebahqedge'].find({str(FACE)!r})"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "" and done.stderr == ""


# Faces


def test_a_face_is_framed_as_in_celeba_hq():
    """Karras et al. 2018: eyes 60 apart and 70 above the mouth give max(4 * 60, 3.6 * 70) = 252."""
    xy = np.zeros((478, 2))
    xy[list(EYES[1])], xy[list(EYES[0])] = (100, 100), (160, 100)
    xy[edge.OUTER[0]], xy[edge.OUTER[10]] = (110, 170), (150, 170)
    frame = edge.aligned(xy)
    assert (frame.cx, frame.cy, frame.angle) == (130, pytest.approx(107), 0)
    assert frame.side == pytest.approx(252)
    turned = edge.aligned(xy[:, ::-1] * (-1, 1))  # by a quarter turn, clockwise
    assert (turned.cx, turned.cy, turned.side) == (pytest.approx(-107), 130, pytest.approx(252))
    assert turned.angle == pytest.approx(np.pi / 2)


def test_a_leaning_head_is_framed_alike(face):
    leaning = EDGE.find(Image.open(FACE).rotate(-25, expand=True, fillcolor="grey"))
    assert leaning.frame.angle == pytest.approx(face.frame.angle + np.radians(25), abs=0.05)
    assert np.abs(leaning.points - face.points)[list(OVAL[0])].mean() < 0.02


def test_channels_of_a_face(face):
    map = drawn_map(EDGE, face)
    assert set(np.unique(map[[0, 14]])) == {0, 1}
    assert (map[0] >= map[14]).all()  # every outline is an edge
    for name in ("left ear", "right ear", "glasses"):
        assert (channel(map, name) == 1).all()
    for name in ("skin", "left brow", "right brow", "left eye", "right eye", "nose", "upper lip", "lower lip", "hair"):
        lines = channel(map, name) == 0
        assert lines.any() and 0.1 < channel(map, name).max() < 0.7, name
        assert map[14][drawn(channel(map, name)[None])[0] & (map[14] > 0)].all()
    y, x = (np.argwhere(channel(map, name) == 0).mean(0) for name in ("left eye", "right eye"))
    assert y[1] < x[1] and abs(y[0] - x[0]) < 12
    assert face.points[RIGHT, 0] * 256 < y[1] + 20 and face.points[LEFT, 0] * 256 > x[1] - 20


def test_edges_around_leave_the_face_free(face):
    around = drawn_map(EDGE, face)[0] > drawn_map(EDGE, face)[14]
    middle = edge.regions(face.points, 256)[0]
    assert around.mean() > 0.02 and not (around & middle).any()


def test_a_closed_mouth_is_absent_and_an_open_one_is_there(face):
    assert (channel(drawn_map(EDGE, face), "mouth") == 1).all()
    assert channel(drawn_map(EDGE, EDGE.find(LAUGHING)), "mouth").min() == 0


def test_a_part_with_an_absent_landmark_is_absent(face):
    points = face.points.copy()
    points[edge.NOSE[0], 2] = 0
    map = EDGE.draw(points, 256, face.raster)
    assert (channel(map, "nose") == 1).all() and channel(map, "skin").min() == 0


def test_hair_reaches_above_the_face(face):
    hair = face.raster & edge.HAIR > 0
    oval = face.points[list(OVAL[0]), :2] * 256
    y, x = np.nonzero(hair)
    assert 0.1 < hair.mean() < 0.6 and y.min() < oval[:, 1].min() - 15
    assert x.min() < oval[:, 0].min() - 15 and x.max() > oval[:, 0].max() + 15
    assert not (hair & edge.regions(face.points, 256)[0])[100:200, 100:150].any()


def test_hair_like_skin_is_no_hair():
    rng = np.random.default_rng(0)
    rgb = np.uint8(rng.normal((200, 150, 120), 3, (256, 256, 3)).clip(0, 255))
    face = np.zeros((478, 2))
    face[list(OVAL[0])] = np.stack([128 + 60 * np.cos(t := np.linspace(0, 6.28, 37)), 140 + 80 * np.sin(t)], 1)
    face[edge.LIP_TOP], face[152], face[17] = (128, 190), (128, 220), (128, 200)
    face[4] = 128, 150
    y, x = np.mgrid[:256, :256]
    oval = ((x - 128) / 60) ** 2 + ((y - 140) / 80) ** 2 < 1
    person = ((x - 128) / 80) ** 2 + ((y - 120) / 110) ** 2 < 1
    seed, cheeks = person & (y < 35), oval & (y > 110) & (y < 150)
    assert not cut(rgb, person, oval, seed, cheeks, face).any()
    rgb[(y < 60) & person] = (30, 20, 20)
    hair = cut(rgb, person, oval, seed, cheeks, face)
    assert abs(hair[:, 60:196].sum() / (person & (y < 60) & ~oval)[:, 60:196].sum() - 1) < 0.1


@pytest.mark.parametrize("step, found", [(24, True), (16, False)])
def test_canny_begins_at_the_gradient_51(step, found):
    """A step of h under a Gaussian of sigma 1 has the Sobel gradient 4 h (Phi(0.5) - Phi(-1.5)) = 2.5 h."""
    picture = np.full((40, 40, 3), 100, np.uint8)
    picture[:, 20:] += step
    edges = edge.canny(Image.fromarray(picture))
    assert edges[10:30, 18:22].any(1).all() == found and edges[:, :15].sum() == 0


def test_the_largest_of_three_faces_is_taken():
    row = Image.new("RGB", (1000, 400), "grey")
    for i, side in enumerate((260, 320, 290)):
        row.paste(Image.open(FACE).resize((side, side)), (10 + i * 330, 20))
    found = EDGE.find(row)
    assert "3 faces found; took the largest" in found.notes and 340 < found.frame.cx < 660


def test_grey_and_tiny(face):
    grey = EDGE.find(Image.open(FACE).convert("L"))
    assert np.abs(grey.points - face.points).mean() < 0.01
    with pytest.raises(ConditionError, match="pixels tall|face"):
        EDGE.find(Image.open(FACE).resize((52, 52)))


def test_a_face_at_the_border_has_no_edges_outside_the_photo():
    photo = open_photo(FACE)
    x, y = EDGE.find(photo).frame.to_photo(np.array([[0.5, 0.25]]))[0]
    found = EDGE.find(photo.crop((0, int(y), photo.width, photo.height)))  # cut at the forehead
    assert any("border" in note for note in found.notes)
    beyond = found.raster & edge.BEYOND > 0
    assert 0.1 < beyond.mean() < 0.5 and not (found.raster[beyond] & edge.EDGE).any()
    lines = drawn_map(EDGE, found)[0] > 0
    assert not lines[beyond].any()


# Edits of a face


def test_drawn_glasses_are_a_new_part(face):
    map = drawn_map(EDGE, face)
    shown = EDGE.to_rgb(map)
    number = EDGE.channels.index("glasses")
    line = np.zeros((256, 256), bool)
    line[140:142, 60:190] = True
    shown[line] = EDGE.palette[number]
    new = EDGE.from_rgb(shown, map)
    assert np.array_equal(new[number], distances(line[None])[0])
    assert (new[14][line] == 1).all() and (new[0][line] == 1).all()
    assert np.array_equal(channel(new, "left brow"), channel(map, "left brow"))
    assert np.array_equal(EDGE.to_rgb(new)[line], shown[line])


def test_an_erased_part_is_absent(face):
    map = drawn_map(EDGE, face)
    shown = EDGE.to_rgb(map)
    area = drawn(channel(map, "left brow")[None])[0]
    shown[area] = 0
    new = EDGE.from_rgb(shown, map)
    assert (channel(new, "left brow") == 1).all() and not new[14][area].any()
    assert np.array_equal(channel(new, "right brow"), channel(map, "right brow"))
    black = EDGE.from_rgb(np.zeros_like(shown), map)
    assert not black[[0, 14]].any() and (black[1:14] == 1).all()


def test_edges_around_and_other_outlines_can_be_drawn(face):
    map = drawn_map(EDGE, face)
    shown = EDGE.to_rgb(map)
    shown[30:32, :20], shown[60:62, :20] = EDGE.palette[0], EDGE.palette[14]
    new = EDGE.from_rgb(shown, map)
    assert (new[0, 30:32, :20] == 1).all() and not new[14, 30:32, :20].any()
    assert (new[[0, 14], 60:62, :20] == 1).all()
    assert np.array_equal(EDGE.to_rgb(new), shown)


# Figures


def two(first, second, at=((50.5, 100.5), (150.5, 100.5))):
    points = np.zeros((18, 3), np.float32)
    points[[first, second], :2] = np.array(at) / 256
    points[[first, second], 2] = 1
    return points


def test_a_limb_is_an_ellipse_and_joints_are_discs():
    map = POSE.draw(two(2, 3), 256)  # right shoulder and elbow: limb number 2
    limb = POSE.channels.index("right shoulder to right elbow")
    assert limb == 3 + 2
    for y, x, level in ((100, 100, 0), (104, 100, 0), (107, 100, 1), (110, 100, 2), (100, 159, 3)):
        assert map[limb, y, x] == np.float32(level) / 255, (y, x)
    others = [i for i in range(3, 20) if i != limb]
    assert (map[others] == 1).all()
    picture = POSE.to_rgb(map)
    assert picture[100, 47].tolist() == [0, 170, 255] and picture[97, 150].tolist() == [0, 255, 255]  # joints 2 and 3
    assert picture[103, 100].tolist() == [0, 102, 153]  # six tenths of limb 2's colour
    assert not picture[:, :46].any() and not picture[106:].any()


def test_colours_are_openposes_in_the_order_blue_green_red():
    points = two(0, 12, ((50.5, 50.5), (150.5, 100.5)))  # nose and left knee, which no limb joins
    picture = POSE.to_rgb(POSE.draw(points, 256))
    assert picture[50, 50].tolist() == [0, 0, 255] and picture[100, 150].tolist() == [255, 0, 0]
    assert (picture.any(-1)).sum() == 2 * (picture[:75].any(-1)).sum()


def test_two_limbs_of_one_joint_are_laid_over_each_other(body):
    map = drawn_map(POSE, body)
    neck = (body.points[1, :2] * 256).astype(int)
    assert sum(map[3 + limb, neck[1], neck[0]] == 0 for limb in (0, 1, 6, 9, 12)) == 5
    assert (map[3:].max((1, 2)) < 1).all()


def test_an_arm_can_be_erased_and_drawn_anew(body):
    map = drawn_map(POSE, body)
    shown = POSE.to_rgb(map)
    limb = POSE.channels.index("right elbow to right wrist")
    shown[drawn(map[limb : limb + 1])[0]] = 0
    erased = POSE.from_rgb(shown, map)
    assert (erased[limb] == 1).all() and np.array_equal(POSE.to_rgb(erased), shown)
    far = POSE.channels.index("left knee to left ankle")
    assert np.array_equal(erased[far], map[far])
    line = np.zeros((256, 256), bool)
    line[20:26, 10:60] = True
    shown[line] = POSE.palette[limb]
    new = POSE.from_rgb(shown, map)
    assert np.array_equal(new[limb], distances(line[None])[0])
    assert np.array_equal(POSE.to_rgb(new), shown) and np.array_equal(new[far], map[far])
