"""Ready makeup: where it lies on a face, by a face made of numbers."""

import numpy as np
import pytest
from PIL import Image

from cocos_demo.applications import ready
from cocos_demo.applications.ready import READY, Face, MakeupError, drawn
from cocos_demo.conditions import faces
from cocos_demo.conditions.portrait import EYES, LIPS
from cocos_demo.photo import open_photo

PHOTO = "data/samples/photos/P009_studio_portrait.jpg"


@pytest.fixture(scope="module")
def found():
    photo = open_photo(PHOTO)
    photo.thumbnail((400, 400))
    return faces.largest(photo)[0], photo.size


def within(points, size, *chains):
    from PIL import ImageDraw

    mask = Image.new("1", size)
    for chain in chains:
        ImageDraw.Draw(mask).polygon([tuple(xy) for xy in points[list(chain)]], fill=1)
    return np.array(mask)


@pytest.mark.parametrize("name", READY)
def test_each_is_there_soft_and_in_its_colour(found, name):
    layer = drawn(*found, [name])
    alpha = layer[..., 3]
    assert layer.shape == (found[1][1], found[1][0], 4) and layer.dtype == np.float32
    assert 0.3 < alpha.max() <= 1 and alpha.min() >= 0 and 0.0005 < (alpha > 0.1).mean() < 0.1
    assert len(np.unique((alpha * 255).round())) > 20  # soft edges
    strong, colour = layer[alpha > 0.3], np.float32(ready.rgb(READY[name][1])) / 255
    assert np.abs(strong[:, :3] / strong[:, 3:] - colour).max() < 0.02


def test_lips_cover_the_lips_and_no_eyes_nor_teeth_are_painted(found):
    points, size = found
    lips = drawn(points, size, ["lips"])[..., 3]
    inside = within(points, size, LIPS[0]) & ~within(points, size, LIPS[1])
    assert lips[inside].sum() > 0.85 * lips.sum() and (lips[inside] > 0.4).mean() > 0.9
    for name in ("shadow", "star", "freckles", "lips"):
        assert drawn(points, size, [name])[..., 3][within(points, size, *EYES)].mean() < 0.25


def test_shadow_and_liner_lie_above_the_eyes_and_blush_beside_the_nose(found):
    points, size = found
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    alphas = {name: drawn(points, size, [name])[..., 3] for name in READY}
    middle = {name: [(c * a).sum() / a.sum() for c in (x, y)] for name, a in alphas.items()}
    eyes, nose, mouth = points[[33, 133, 263, 362], 1].mean(), points[4], points[[13, 14], 1].mean()
    assert middle["shadow"][1] < eyes and middle["liner"][1] < eyes
    assert eyes < middle["blush"][1] < mouth and eyes < middle["freckles"][1] < mouth
    for name in ("lips", "shadow", "liner", "blush", "freckles", "stripes"):  # the same on both sides
        assert middle[name][0] == pytest.approx(nose[0], abs=0.05 * size[0])
    assert middle["star"][0] > nose[0] + 0.05 * size[0]  # on the left eye, which is on the right of the picture


def test_a_face_twice_as_large_gets_twice_as_large_makeup(found):
    points, size = found
    small, large = (drawn(points * k, (size[0] * k, size[1] * k), ["lips", "blush"])[..., 3] for k in (1, 2))
    assert large.reshape(size[1], 2, size[0], 2).mean((1, 3)) == pytest.approx(small, abs=0.15)


def test_the_last_lies_on_top_and_colours_can_be_chosen(found):
    both = drawn(*found, ["lips", "star"], {"lips": "lime"})
    alone = drawn(*found, ["star"])
    star = alone[..., 3] > 0.8
    assert both[star] == pytest.approx(alone[star], abs=0.1)
    lips = drawn(*found, ["lips"], {"lips": "lime"})
    assert (lips[..., 1] >= lips[..., 0]).all() and lips[..., 0].max() == 0


def test_freckles_are_always_the_same_and_units_are_the_width_of_an_eye(found):
    assert (drawn(*found, ["freckles"]) == drawn(*found, ["freckles"])).all()
    face = Face(*found)
    assert face.unit / face.fine == pytest.approx(np.linalg.norm(found[0][33] - found[0][133]), rel=0.15)
    assert face.across @ face.down == pytest.approx(0) and face.down[1] > 0.9


@pytest.mark.parametrize("names, colours, words", [
    (["lips", "tatoo"], None, "no makeup 'tatoo'; there are lips, shadow"),
    ([], None, "no makeup was named"),
    (["lips"], {"lips": "#12"}, "'#12' is no colour"),
])
def test_what_cannot_be_is_told(found, names, colours, words):
    with pytest.raises(MakeupError, match=words):
        drawn(*found, names, colours)
