"""Blend modes by hand-worked numbers, and premultiplied layers."""

import numpy as np
import pytest
from PIL import Image

from cocos_demo.applications import blending
from cocos_demo.applications.blending import BlendError, blend


def layer(r, g, b, a):
    """One premultiplied pixel."""
    return np.array([[[r * a, g * a, b * a, a]]], np.float32)


GREY = np.full((1, 1, 3), 0.4, np.float32)


@pytest.mark.parametrize("mode, of_half, of_quarter", [
    ("normal", 0.5, 0.25),
    ("multiply", 0.2, 0.1),
    ("screen", 0.7, 0.55),  # 0.4 + s - 0.4 s
    ("overlay", 0.4, 0.2),  # the photo is dark: 2 * 0.4 * s
    ("hard light", 0.4, 0.2),  # the layer is dark: 2 s * 0.4
    ("soft light", 0.4, 0.28),  # 0.4 - (1 - 2 s) * 0.4 * 0.6
    ("darken", 0.4, 0.25),
    ("lighten", 0.5, 0.4),
    ("colour", 0.4, 0.4),  # a grey layer has no colour: the photo's lightness remains
])  # fmt: skip
def test_each_mode_gives_the_number_of_its_formula(mode, of_half, of_quarter):
    for s, wanted in ((0.5, of_half), (0.25, of_quarter)):
        assert blend(GREY, layer(s, s, s, 1), mode)[0, 0] == pytest.approx([wanted] * 3, abs=1e-5)


def test_soft_light_brightens_by_both_branches_of_its_curve():
    s = 0.75
    assert blend(np.full((1, 1, 3), 0.64), layer(s, s, s, 1), "soft light")[0, 0, 0] == pytest.approx(0.64 + 0.5 * (0.8 - 0.64))
    b = 0.2  # D(b) = ((16 b - 12) b + 4) b = 0.448
    assert blend(np.full((1, 1, 3), b), layer(s, s, s, 1), "soft light")[0, 0, 0] == pytest.approx(b + 0.5 * (0.448 - b))


def test_alpha_and_opacity_multiply():
    assert blend(GREY, layer(1, 0, 0, 0.5), opacity=0.5)[0, 0] == pytest.approx([0.75 * 0.4 + 0.25, 0.3, 0.3])
    for mode in blending.MODES:
        assert blend(GREY, layer(0.9, 0.1, 0.3, 0), mode) == pytest.approx(GREY)
        assert blend(GREY, layer(0.9, 0.1, 0.3, 1), mode, opacity=0) == pytest.approx(GREY)


def test_colour_keeps_lightness_and_every_mode_stays_within_range():
    rng = np.random.default_rng(0)
    photo, colours = rng.random((50, 50, 3)), rng.random((50, 50, 3))
    full = np.concatenate([colours, np.ones((50, 50, 1))], -1)
    light = lambda rgb: rgb @ [0.3, 0.59, 0.11]  # noqa: E731
    assert light(blend(photo, full, "colour")) == pytest.approx(light(photo), abs=1e-4)
    for mode in blending.MODES:
        result = blend(photo, full, mode)
        assert result.min() > -1e-6 and result.max() < 1 + 1e-6


def test_where_the_layer_is_clear_the_photos_pixels_are_its_own():
    rng = np.random.default_rng(1)
    photo = Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8))
    one = np.zeros((5, 6, 4), np.float32)
    one[2, 3] = 1
    result = np.array(photo)
    blending.lay(result[4:9, 10:16], one)
    changed = (result != np.asarray(photo)).any(-1)
    assert np.argwhere(changed).tolist() == [[6, 13]] and (result[6, 13] == 255).all()


def test_pictures_come_back_from_premultiplied_layers():
    rng = np.random.default_rng(2)
    rgba = rng.integers(0, 256, (8, 9, 4), np.uint8)
    rgba[..., 3] = np.maximum(rgba[..., 3], 128)
    back = np.asarray(blending.as_picture(blending.premultiplied(Image.fromarray(rgba, "RGBA"))))
    assert np.abs(back.astype(int) - rgba).max() <= 1


def test_over_and_tinted_by_hand():
    both = blending.over(layer(1, 0, 0, 1), layer(0, 0, 1, 0.25))
    assert both[0, 0] == pytest.approx([0.75, 0, 0.25, 1])
    assert blending.tinted(layer(1, 0, 0, 0.5), (0, 255, 0))[0, 0] == pytest.approx([0, 0.5, 0, 0.5])


def test_what_cannot_be_is_told():
    with pytest.raises(BlendError, match="no blend mode 'burn'; there are normal, multiply"):
        blend(GREY, layer(1, 1, 1, 1), "burn")
    with pytest.raises(BlendError, match="between 0 and 1, got 1.5"):
        blend(GREY, layer(1, 1, 1, 1), opacity=1.5)
