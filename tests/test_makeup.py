"""Makeup transfer: fields of places by hand, and strokes carried by the weights that ship."""

import numpy as np
import pytest
import torch
from PIL import Image

from cocos_demo.applications import carrying, makeup
from cocos_demo.applications.ready import MakeupError, drawn
from cocos_demo.conditions import ConditionError
from cocos_demo.photo import open_photo
from cocos_demo.translator import Translator

PORTRAIT, TARGET = "data/samples/photos/P009_studio_portrait.jpg", "data/samples/portraits/P010_smug.jpg"


@pytest.fixture(scope="module")
def net():
    return Translator.load("portrait_mcl", "cpu")


@pytest.fixture(scope="module")
def lips(net):
    return makeup.portrait(net, PORTRAIT, makeup=("lips",))


def test_the_field_of_a_shifted_picture_is_the_shift():
    torch.manual_seed(0)
    wide = torch.randn(1, 24, 16, 20)
    fx, fy = wide[..., 4:], wide[..., :16]  # what x shows in column c stands in column c + 4 of y
    places, score = carrying.field(fx, fy, 100.0)
    at = (np.arange(16) + 0.5) / 16
    assert places[2:-2, :11, 0] == pytest.approx(np.tile(at[:11] + 4 / 16, (12, 1)), abs=0.01)
    assert places[2:-2, :11, 1] == pytest.approx(np.tile(at[2:-2, None], (1, 11)), abs=0.01)
    assert score[:, :12] == pytest.approx(np.ones((16, 12)), abs=1e-5)


def test_smoothing_keeps_affine_fields_and_heals_what_is_unsure():
    y, x = (np.mgrid[:20, :20] + 0.5) / 20
    field = np.stack([0.8 * x + 0.1 * y + 0.05, -0.1 * x + 0.9 * y], -1)
    sure = np.ones((20, 20))
    assert carrying.smoothed(field, sure) == pytest.approx(field, abs=1e-6)
    broken, sure[5:8, 9:12] = field.copy(), 1e-3
    broken[5:8, 9:12] = 0
    assert carrying.smoothed(broken, sure) == pytest.approx(field, abs=0.01)
    assert carrying.smoothed(broken, np.ones((20, 20))) == pytest.approx(field, abs=0.06)  # a crowd outvotes it even so


def face(open_mouth: float) -> np.ndarray:
    """Landmarks whose lips are two nested squares, the inner one so high, and whose eyes are nowhere."""
    points = np.zeros((478, 2), np.float32)
    for chain, half in ((carrying.LIPS[0], (0.2, 0.15)), (carrying.LIPS[1], (0.1, open_mouth / 2))):
        turn = np.linspace(0, 2 * np.pi, len(chain) - 1, endpoint=False)
        points[list(chain[:-1])] = 0.5 + np.stack([half[0] * np.cos(turn), half[1] * np.sin(turn)], 1)
    return points


def test_regions_by_hand():
    drawn = carrying.regions(face(0.1), 100)
    assert (drawn[50, 50], drawn[50, 65], drawn[50, 75]) == (3, 2, 0)


def test_places_are_moved_into_their_region_and_teeth_of_a_closed_mouth_are_nowhere():
    unit = np.array([[[0.5, 0.5], [0.65, 0.5], [0.8, 0.9]]], np.float32)  # teeth, lips and skin of the target
    same = carrying.Confines(face(0.1), face(0.1)).moved(unit.copy(), unit)
    assert same == pytest.approx(unit)
    shifted = unit + np.float32([0.1, 0])  # the match is off: teeth on lips, lips on skin
    moved = carrying.Confines(face(0.1), face(0.1)).moved(shifted, unit)
    own = carrying.regions(face(0.1), 1000)
    assert [own[int(1000 * y), int(1000 * x)] for x, y in moved[0]] == [3, 2, 0]
    assert moved[0, 2] == pytest.approx(shifted[0, 2]) and np.abs(moved - shifted).max() < 0.11
    assert carrying.Confines(face(0.1), face(0.0)).moved(unit.copy(), unit)[0, 0] == pytest.approx([carrying.NOWHERE] * 2)


def test_lipstick_lands_on_the_others_lips_and_nowhere_else(net, lips):
    made = makeup.transfer(net, lips, TARGET)
    photo = open_photo(TARGET)
    found = net.kind.find(photo)
    truth = drawn(found.frame.to_photo(found.points[:, :2]), photo.size, ["lips"])[..., 3]
    alpha = np.asarray(made.layer, np.float32)[..., 3] / 255
    assert np.minimum(alpha, truth).sum() / np.maximum(alpha, truth).sum() > 0.6
    assert made.image.size == made.layer.size == photo.size and made.layer.mode == "RGBA" and 0.5 < made.agreement <= 1
    clear = alpha == 0
    assert (np.asarray(made.image)[clear] == np.asarray(photo)[clear]).all() and clear.mean() > 0.9
    red = np.asarray(made.image, int)[alpha > 0.6].mean(0) - np.asarray(photo, int)[alpha > 0.6].mean(0)
    assert red[1] < -30 and red[0] > red[1]


def test_opacity_mode_and_carrier_change_the_picture(net, lips):
    pictures = [makeup.transfer(net, lips, TARGET, **options).image for options in (
        {}, {"opacity": 0.3}, {"mode": "multiply"}, {"how": "strokes"}, {"confine": False})]
    assert len({picture.tobytes() for picture in pictures}) == 5
    assert makeup.transfer(net, lips, TARGET, opacity=0).image.tobytes() == open_photo(TARGET).tobytes()


def test_drawn_strokes_come_back_on_the_portrait_itself(net):
    photo = open_photo(PORTRAIT)
    strokes = np.zeros((photo.height, photo.width, 4), np.uint8)
    at = net.kind.find(photo)
    nose = at.frame.to_photo(at.points[[4], :2])[0].astype(int)
    strokes[nose[1] - 25 : nose[1] + 25, nose[0] - 15 : nose[0] + 15] = (0, 200, 40, 255)
    drawn_on = makeup.portrait(net, PORTRAIT, Image.fromarray(strokes, "RGBA"))
    again = makeup.transfer(net, drawn_on, PORTRAIT)
    alpha, truth = (np.asarray(layer, np.float32)[..., 3] / 255 for layer in (again.layer, strokes))
    assert np.minimum(alpha, truth).sum() / np.maximum(alpha, truth).sum() > 0.6
    green = makeup.portrait(net, PORTRAIT, Image.fromarray(strokes, "RGBA"), colour="red").strokes
    assert green[..., 1].max() == 0 and green[..., 0].max() == pytest.approx(1)


@pytest.mark.parametrize("strokes, words", [
    (Image.new("RGB", (800, 800)), "not transparent"),
    (Image.new("RGBA", (400, 800)), "another shape"),
    (Image.new("RGBA", (800, 800)), "no strokes"),
])
def test_strokes_that_cannot_be_used_are_told(net, strokes, words):
    with pytest.raises(MakeupError, match=words):
        makeup.portrait(net, PORTRAIT, strokes)


def test_what_cannot_be_made_up_is_told(net, lips):
    with pytest.raises(ConditionError, match="No face"):
        makeup.transfer(net, lips, np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(MakeupError, match="figure does not read portraits"):
        makeup.portrait(Translator.load("figure", "cpu"), PORTRAIT, makeup=("lips",))
    with pytest.raises(MakeupError, match="no face was found in the portrait"):
        makeup.portrait(net, np.full((64, 64, 3), 90, np.uint8), makeup=("lips",))
