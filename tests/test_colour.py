"""colour.py: CIELAB, and the colours of a small painting on a photo's own lightness."""

import numpy as np
import pytest
from made_up import FACE
from PIL import Image

from cocos_demo import colour
from cocos_demo.colour import recolour, to_lab, to_rgb
from cocos_demo.conditions import KINDS
from cocos_demo.photo import Frame, open_photo


def plain(rgb, side=32):
    return Image.new("RGB", (side, side), rgb)


def small(picture, side=128):
    return picture.resize((side, side), Image.Resampling.LANCZOS)


@pytest.fixture(scope="module")
def found():
    return KINDS["grey"].find(FACE)


@pytest.fixture(scope="module")
def square(found):
    return found.frame.cut(open_photo(FACE), round(found.frame.side))


@pytest.mark.parametrize("rgb, lab", [  # the usual values for sRGB under D65
    ((255, 255, 255), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((255, 0, 0), (53.24, 80.09, 67.20)),
    ((0, 255, 0), (87.73, -86.18, 83.18)), ((0, 0, 255), (32.30, 79.19, -107.86)), ((119, 119, 119), (50.03, 0, 0))])  # fmt: skip
def test_known_colours(rgb, lab):
    assert np.abs(to_lab(plain(rgb)) - lab).max() < 0.05


def test_every_colour_comes_back():
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(18, -1, 3)
    assert np.abs(np.asarray(to_rgb(to_lab(Image.fromarray(cube)))).astype(int) - cube).max() <= 1


def test_lightness_is_the_photos_and_colour_the_paintings(found, square):
    photo = open_photo(FACE).convert("L")
    answer = recolour(photo, plain((170, 120, 100)), found.frame)
    assert answer.size == square.size == (round(found.frame.side),) * 2 and answer.width > 300
    lab, lightness = to_lab(answer), to_lab(found.frame.cut(photo.convert("RGB"), answer.width))[..., 0]
    assert np.abs(lab[..., 0] - lightness).max() < 0.6  # a step of 1 of 255 is 0.4 of L
    there = (lightness > 30) & (lightness < 80)
    assert np.abs(lab[there][:, 1:] - to_lab(plain((170, 120, 100)))[0, 0, 1:]).mean() < 0.3 and there.mean() > 0.2


def test_a_grey_painting_gives_a_grey_photo(square):
    answer = np.asarray(recolour(square, plain((90, 90, 90)))).astype(int)
    assert np.ptp(answer, axis=-1).max() <= 1
    assert np.abs(to_lab(Image.fromarray(answer.astype(np.uint8)))[..., 0] - to_lab(square)[..., 0]).max() < 0.6


def test_its_own_colours_give_the_photo_back(square):
    once = to_lab(recolour(square, square))
    assert np.abs(once - to_lab(square)).max() < 2.5  # bytes: a step of 1 of 255 in a dark colour
    from_small = to_lab(recolour(square, small(square)))
    error = np.linalg.norm(from_small - to_lab(square), axis=-1)
    grey = np.linalg.norm(to_lab(square)[..., 1:], axis=-1)
    assert error.mean() < 0.1 * grey.mean()  # what is lost is colour finer than a pixel of 128


def test_what_cannot_be_shown_becomes_paler_at_its_lightness_and_hue():
    lightness = np.linspace(0, 255, 64).round().astype(np.uint8)
    photo = Image.fromarray(np.repeat(lightness[None], 64, axis=0))
    lab, vivid = to_lab(recolour(photo, plain((255, 0, 0)))), to_lab(plain((255, 0, 0)))[0, 0]
    assert np.abs(lab[..., 0] - to_lab(photo)[..., 0]).max() < 0.6
    chroma = np.linalg.norm(lab[..., 1:], axis=-1)
    assert chroma[:, [0, -1]].max() < 1.5 and chroma.max() < np.linalg.norm(vivid[1:]) + 1 and chroma[0, 32] > 60
    hue = np.arctan2(lab[..., 2], lab[..., 1])[chroma > 20]
    assert np.abs(hue - np.arctan2(vivid[2], vivid[1])).max() < 0.05 and hue.size > 1000
    # as much chroma as can be: a twentieth more is out of reach
    middle = lab[:1, 50:51].copy()
    middle[..., 1:] *= 1.05
    assert np.linalg.norm(to_lab(to_rgb(middle))[..., 1:]) < 1.02 * np.linalg.norm(lab[0, 50, 1:])


def test_colours_lie_where_they_were_painted():
    painted = np.zeros((4, 4, 3), np.uint8)
    painted[:, :2], painted[:, 2:] = (160, 100, 100), (100, 100, 160)
    lab = to_lab(recolour(np.full((400, 400), 120, np.uint8), Image.fromarray(painted)))
    middle = lab[:, 199:201].mean((0, 1))
    sides = lab[:, [50, 350]].mean(0)
    assert sides[0, 1] > 15 and sides[1, 2] < -15
    assert np.abs(middle[1:] - sides[:, 1:].mean(0)).max() < 1  # the border is in the middle: no half pixel is lost


def test_a_painting_larger_than_the_photo(square):
    answer = recolour(small(square, 40), square)
    assert answer.size == (40, 40)
    assert np.linalg.norm(to_lab(answer) - to_lab(small(square, 40)), axis=-1).mean() < 1.5


def test_a_frame_at_the_photos_border_and_the_largest_answer(monkeypatch):
    photo = Image.fromarray(np.tile(np.linspace(0, 255, 60).astype(np.uint8), (60, 1)))
    beyond = recolour(photo, plain((200, 100, 100)), Frame(0, 30, 60))  # half of it beside the photo: its border, repeated
    assert beyond.size == (60, 60) and np.asarray(beyond)[:, :25].max() < 10 < np.asarray(beyond)[:, 45].max()
    monkeypatch.setattr(colour, "LARGEST", 20)
    assert recolour(photo, plain((200, 100, 100))).size == (20, 20)


def test_what_is_not_square_is_refused():
    with pytest.raises(ValueError, match="the painting must be square, not 32 x 16"):
        recolour(plain((9, 9, 9)), Image.new("RGB", (32, 16)))
    with pytest.raises(ValueError, match="the photo must be square, not 64 x 40"):
        recolour(Image.new("L", (64, 40)), plain((9, 9, 9)))
