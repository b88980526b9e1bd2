"""What finds SEGIN's patches: its own matcher, or another in its place."""

import functools

from cocos_demo import checkpoints
from cocos_demo.matchers import learned_names
from cocos_demo.translator import Translator
from cocos_demo.ui import models

OWN = "own"  # the matcher that the network was trained with
# What it is, and roughly the seconds that it takes on one core.
MATCHERS = {"sift": ("dense SIFT", 0.02), "pixelnn": ("PixelNN’s nearest neighbours", 0.25),
            "dia": ("Deep Image Analogy", 1.6)}  # fmt: skip
OWN_WORDS = "VGG’s patches, as in the paper", 0.07
LEARNED = {"cocosnet": 0.03, "mclnet": 0.04, "cocosnet_v2": 0.2}  # seconds, by system


def matchers(name: str) -> list[tuple[str, str]]:
    """(words with seconds, name) of what can find the patches of the checkpoint `name`: beside the general ones those that were
    learned, for the same kind of condition and size."""
    there, own = checkpoints.catalogue(), models.translator(name).card
    listed = [(OWN, *OWN_WORDS), *((key, *told) for key, told in MATCHERS.items())]
    found = [(f"{words} ({seconds:g} s)", key) for key, words, seconds in listed]
    cards = {other: checkpoints.read_card(there[other]) for other in learned_names()}
    return found + [(f"learned: {models.titled(other)[:-1]}, {LEARNED[card['system']]:g} s)", other)
                    for other, card in cards.items() if (card["condition"], card["size"]) == (own["condition"], own["size"])]


def translator(name: str, matcher: str = OWN) -> Translator:
    """The checkpoint `name`, its patches found by `matcher`. Raises MatcherError."""
    net = models.translator(name)
    return net if matcher == OWN else _matched_by(net, matcher)


@functools.lru_cache(3)
def _matched_by(net: Translator, matcher: str) -> Translator:
    return net.matched_by(matcher)
