"""A condition that was drawn over: what a picture of the canvas makes of it, in the app and when a run is done again."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from .conditions import LabelKind
from .translator import Condition

LARGEST = 1024  # pixels a side of a drawing that is read: more than any canvas has
GREY, LINES = "grey", "edges"  # kinds of condition: one that cannot be drawn on, and one that is drawn black on white


def drawable(condition: Condition) -> bool:
    """Whether it can be drawn on: what a grey photo shows is its own, and stays."""
    return condition.kind.name != GREY


def drawn(condition: Condition) -> bool:
    """Whether a condition was given or drawn as it is, and read from no photo."""
    return condition.found.picture is not None


def on_paper(kind) -> bool:
    """Whether a kind is drawn black on white, as a sketch is; the others are drawn on black."""
    return kind.name == LINES


def over(condition: Condition, picture: Image.Image) -> Condition:
    """The condition after `picture`, RGB, was drawn over it on its own ground; a map that was painted counts as given so."""
    kind = condition.kind
    if on_paper(kind):
        return condition.edited(ImageOps.invert(picture))
    new = condition.edited(picture)
    if not isinstance(kind, LabelKind) or not drawn(condition):
        return new
    found = kind.found(new.map.argmax(0).astype(np.uint8), condition.found.frame, condition.found.notes)
    return replace(new, found=found, photo=found.picture)
