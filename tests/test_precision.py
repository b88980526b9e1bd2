"""precision.py: the quickest way is taken where it gains enough, and no way changes a picture that anyone would see."""

import numpy as np
import pytest
import torch
from made_up import FACE, PORTRAIT

from cocos_demo import Translator, precision
from cocos_demo.matcher import Matcher
from cocos_demo.precision import PLAIN, TOLERANCE, WAYS, Way

LAST, HALF = WAYS[1:]


def test_another_way_must_gain_enough():
    assert precision.quickest({PLAIN: 1.0, LAST: 0.9, HALF: 0.85}) == PLAIN
    assert precision.quickest({PLAIN: 1.0, LAST: 0.9, HALF: 0.8}) == HALF
    assert precision.quickest({PLAIN: 1.0, LAST: 0.5, HALF: 0.6}) == LAST


def test_it_is_measured_in_the_background_and_told():
    chosen = precision.Chosen()
    assert chosen.way == PLAIN and chosen.words == "float32"
    chosen.measure_aside(torch.device("cpu")).join(60)
    assert chosen.way in WAYS and chosen.words.startswith(f"{chosen.way}. Measured") and "bfloat16" in chosen.words
    assert [str(way) for way in WAYS] == ["float32", "float32, channels last", "bfloat16, channels last"]


def test_what_a_device_cannot_is_left_out():
    class Impossible(Way):
        def laid(self, batch):
            raise RuntimeError("not implemented for this device")

    impossible = Impossible(torch.bfloat16)
    assert impossible not in precision.measured(torch.device("cpu"), (PLAIN, impossible))


@pytest.fixture(scope="module", params=["portrait", "portrait_v2", "portrait_mcl", "portrait_segin"])
def translator(request):
    return Translator.load(request.param, "cpu")


def test_every_way_gives_the_same_picture_within_the_tolerance(translator, monkeypatch):
    condition, plain = translator.condition_of(FACE), None
    for way in WAYS:
        monkeypatch.setattr(precision.chosen, "way", way)
        picture = np.asarray(translator(FACE, PORTRAIT, condition).image, int)
        plain = picture if plain is None else plain
        off = np.abs(picture - plain)
        assert off.mean() <= (TOLERANCE[0] if way == HALF else 0.1) and off.max() <= (TOLERANCE[1] if way == HALF else 3), way


def test_matches_stay_in_float32(translator, monkeypatch):
    monkeypatch.setattr(precision.chosen, "way", HALF)
    matcher = Matcher(translator).set_images(FACE, PORTRAIT)
    assert matcher.translation.match.fx.dtype == matcher.translation.image.dtype == torch.float32
    assert -1 <= matcher.query(400, 400).score <= 1.001
