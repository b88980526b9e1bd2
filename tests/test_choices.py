"""choices.py: words from a command line become what a configuration holds, by the types of its fields."""

import pytest

from cocos_demo.choices import read_choices
from cocos_demo.models import SYSTEMS, config_class

V2 = config_class("cocosnet_v2", "tiny")


def test_every_type_of_field():
    assert read_choices(V2, {"strides": "4,2,1", "candidates": "3", "alpha": "50.5", "propagation": "False", "refinement": "conv"
                             }) == {"strides": (4, 2, 1), "candidates": 3, "alpha": 50.5, "propagation": False,
                                    "refinement": "conv"}
    assert read_choices(V2, {"propagation": "true", "strides": "1"}) == {"propagation": True, "strides": (1,)}
    cocosnet = config_class("cocosnet", "tiny")
    assert read_choices(cocosnet, {"adaptor_kernel": "4", "keeps": ""}) == {"adaptor_kernel": 4, "keeps": ()}  # 4, not "4"


@pytest.mark.parametrize("typed, said", [
    ({"propagation": "no"}, "propagation is True or False, got 'no'"), ({"strides": "4;2"}, "whole numbers with commas"),
    ({"candidates": "3.5"}, "a whole number"), ({"alpha": "high"}, "a number"), ({"stride": "4"}, "there are .*strides"),
])
def test_words_that_cannot_be(typed, said):
    with pytest.raises(ValueError, match=said):
        read_choices(V2, typed)


@pytest.mark.parametrize("system, preset", [("cocosnet", "tiny"), ("cocosnet", "published"), ("cocosnet_v2", "tiny"),
                                            ("cocosnet_v2", "published"), ("spade", "tiny")])
def test_the_class_is_that_of_the_networks_configuration(system, preset):
    import torch

    with torch.device("meta"):
        assert type(SYSTEMS[system](preset, condition_channels=3, size=256).config) is config_class(system, preset)
