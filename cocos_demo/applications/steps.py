"""Edits of a label map as they are typed: "grow hair 8 over background", "delete skirt", "move hair 0 -10", "turn face hair"."""

from collections.abc import Iterable

import numpy as np

from . import regions
from .editing import Canvas, EditError

FORMS = {  # verb: how many parts and numbers follow, and how it is written
    "grow": (1, 1, "grow PART PIXELS, perhaps with: over PART PART ... (negative: shrink)"),
    "delete": (1, 0, "delete PART"),
    "move": (1, 2, "move PART RIGHT DOWN (pixels)"),
    "turn": (2, 0, "turn PART INTO-PART"),
}
OVER = "over"  # what a part may grow over stands behind this


def carried_out(canvas: Canvas, steps: Iterable[str], labels: np.ndarray | None = None) -> np.ndarray:
    """The labels (R, R) of a canvas after steps, one after the other; on `labels` if given. Pixels are those of its map.

    Spaces within a part's name are written "-" or "_". Raises EditError, RegionError.
    """
    labels = canvas.labels if labels is None else labels
    for step in steps:
        labels = _carried_out(canvas, step, labels)
    return labels


def _carried_out(canvas: Canvas, step: str, labels: np.ndarray) -> np.ndarray:
    verb, *words = step.split() or [""]
    if verb not in FORMS:
        raise EditError(f"{step!r} is no edit; there are: {'; '.join(form for _, _, form in FORMS.values())}")
    parts, numbers, form = FORMS[verb]
    over = []
    if verb == "grow" and OVER in words:
        words, over = words[: words.index(OVER)], words[words.index(OVER) + 1 :]
    if len(words) != parts + numbers:
        raise EditError(f"{step!r} is written otherwise: {form}")
    names = {channel.replace(" ", "-"): channel for channel in canvas.kind.channels}
    named, over = ([canvas.number(names.get(word.replace("_", "-"), word)) for word in some] for some in (words[:parts], over))
    try:
        counts = [int(word) for word in words[parts:]]
    except ValueError:
        raise EditError(f"{step!r} is written otherwise: {form}, in whole numbers") from None
    try:
        return getattr(regions, verb)(labels, *named, *counts, **({"over": tuple(over)} if over else {}))
    except regions.RegionError:
        raise EditError(f"{step!r}: this picture's map shows no {canvas.kind.channels[named[0]]}, or nothing else") from None
