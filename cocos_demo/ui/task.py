"""What the Translate tab is asked to do: paint new looks, or colour a grey photo; and what finds SEGIN's patches."""

import functools
import io

import gradio as gr

from cocos_demo import checkpoints
from cocos_demo.colour import is_grey
from cocos_demo.matchers import learned_names
from cocos_demo.photo import open_photo
from cocos_demo.translator import Condition, Translator
from cocos_demo.ui import models
from cocos_demo.ui.common import samples, served, step

NEW, COLOURISE = "New looks for a photo", "Colourise a grey photo"
GREY = "grey"  # the kind of condition whose models colourise
OWN = "own"  # the matcher that the network was trained with
# What it is, and roughly the seconds that it takes on one core.
MATCHERS = {"sift": ("dense SIFT", 0.02), "pixelnn": ("PixelNN’s nearest neighbours", 0.25),
            "dia": ("Deep Image Analogy", 1.6)}  # fmt: skip
OWN_WORDS = "VGG’s patches, as in the paper", 0.07
LEARNED = {"cocosnet": 0.03, "mclnet": 0.04, "cocosnet_v2": 0.2}  # seconds, by system


# Grey photos


def offered(what: str) -> list[tuple[str, str]]:
    """(words, name) of the models that can do it, for a dropdown."""
    kinds = {name: kind_of(name) for _, name in models.choices()}
    return [(words, name) for words, name in models.choices() if (kinds[name] == GREY) == (what == COLOURISE)]


def kind_of(name: str) -> str | None:
    """The kind of condition that a checkpoint reads; None for "auto", and where it cannot be read."""
    path = checkpoints.catalogue().get(name)
    try:
        return path and checkpoints.read_card(path)["condition"]
    except checkpoints.CheckpointError:
        return None


def choice() -> gr.Radio:
    """New looks or colours; not seen where no model colourises."""
    look = {"show_label": False, "container": False, "elem_id": "task-choice"}
    return gr.Radio([NEW, COLOURISE], value=NEW, visible=bool(offered(COLOURISE)), **look)


def there(what: str):
    """-> whether there is a choice, and the models that do what is chosen, as they are now."""
    return gr.Radio(visible=bool(offered(COLOURISE))), gr.Dropdown(offered(what))


def taken_up(what: str):
    """-> the models that do it, the first of them chosen; what the first and the last step ask for; the button's word."""
    there = offered(what)
    return gr.Dropdown(there, value=there[0][1]), *headings(what), gr.Button("Colourise" if what == COLOURISE else "Translate")


def headings(what: str = NEW) -> tuple[str, str]:
    """What stands over the photo and over the exemplar."""
    if what == COLOURISE:
        return step(1, "A portrait, grey or in colour"), step(3, "An exemplar: the colours to take")
    return step(1, "A photo"), step(3, "An exemplar: the look to take")


def photos_for(model: str) -> list[str]:
    """The photos to start from: grey ones for a model that colourises."""
    return grey_samples() if kind_of(model) == GREY else models.photos_for(model, offered(NEW))


@functools.cache
def grey_samples() -> list[str]:
    """The sample photos of people, made grey."""
    there = [path for path in samples("photos") if not models.rendered(path)]
    return [grey(path) for path in there]


def grey(path: str) -> str:
    """Path of a grey copy of a sample, which the app may serve."""
    file = io.BytesIO()
    open_photo(path).convert("L").save(file, "jpeg", quality=92)
    return served(file.getvalue(), f"grey_{path.rsplit('/', 1)[-1]}")


def hint(condition: Condition) -> tuple[str, ...]:
    """What to say of a grey portrait that was to be given new looks."""
    if condition.kind.name != "portrait" or not offered(COLOURISE) or not is_grey(condition.photo):
        return ()
    return (f"this photo is grey: to colour it after the exemplar instead, choose “{COLOURISE}” above",)


# What finds SEGIN's patches


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
