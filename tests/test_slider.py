"""A slider in a notebook: its picture follows it."""

import io

import pytest
from PIL import Image

from cocos_demo.slider import choice_sliders, log_slider, step_slider


def test_the_picture_follows_the_slider():
    asked = []

    def draw(value):
        asked.append(value)
        return Image.new("RGB", (8, 8), (round(value), 0, 0))

    slider, picture = log_slider(draw, "alpha", 30, 1, 200).children
    assert slider.value == pytest.approx(30) and slider.description == "alpha"
    assert (10**slider.min, 10**slider.max) == pytest.approx((1, 200))
    slider.value = 200
    assert asked == pytest.approx([30, 200])
    red = Image.open(io.BytesIO(picture.value)).getpixel((4, 4))[0]
    assert red == pytest.approx(200, abs=3)


def test_the_slider_chooses_one_of_the_pictures():
    slider, picture = step_slider([Image.new("L", (8, 8), grey) for grey in (0, 100, 200)], "step", value=1).children
    assert (slider.min, slider.max, slider.description) == (0, 2, "step")

    def shown():
        return Image.open(io.BytesIO(picture.value)).getpixel((4, 4))

    assert shown() == pytest.approx(100, abs=3)
    slider.value = 2
    assert shown() == pytest.approx(200, abs=3)


def test_the_picture_follows_two_sliders():
    asked = []

    def draw(m, s):
        asked.append((m, s))
        return Image.new("RGB", (8, 8), (s, 0, 0))

    m, s, picture = choice_sliders(draw, dict(m=0.4, s=30), m=(0, 0.2, 0.4), s=(10, 30, 200)).children
    assert (m.description, s.description) == ("m", "s") and m.options == (0, 0.2, 0.4)
    m.value = 0
    s.value = 200
    assert asked == [(0.4, 30), (0, 30), (0, 200)]
    assert Image.open(io.BytesIO(picture.value)).getpixel((4, 4))[0] == pytest.approx(200, abs=3)
