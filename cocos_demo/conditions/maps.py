"""Reads uploaded label maps: pictures in a kind's palette colours, or whose pixels are class numbers (grey or index PNG)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..photo import open_stored
from .base import ConditionError

NEAR = 10  # a map saved as JPEG differs from its colours by this much (of 255)
FEW = 40  # a picture of so few colours is no photo
LARGEST = 1024  # pixels of a side that are kept


@dataclass(frozen=True)
class Read:
    """A label map as it was uploaded."""

    labels: np.ndarray  # uint8 (H,W), class numbers
    notes: tuple[str, ...] = ()


def read_map(source, kind) -> Read | None:
    """Anything open_photo takes -> its class numbers, exactly; None for a picture that is no label map.

    Colours are the kind's own or those of one of its `other_palettes`.
    Raises: ConditionError for a map whose colours or numbers are not this kind's; PhotoError.
    """
    image = open_stored(source)
    if max(image.size) > LARGEST:
        scale = LARGEST / max(image.size)
        image = image.resize([max(1, round(scale * length)) for length in image.size], Image.Resampling.NEAREST)
    if image.mode in ("P", "L", "1", "I", "I;16") and not image.has_transparency_data:
        labels = by_number(image, kind)
        if labels is not None:
            return Read(labels)
    if image.has_transparency_data:  # what is left clear in a paint program is background
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    if image.mode.startswith(("I", "F")):
        return None
    return by_colour(np.asarray(image.convert("RGB")), kind)


def by_number(image: Image.Image, kind) -> np.ndarray | None:
    """Class numbers of a grey or index picture; None where the numbers say nothing, but the colours may."""
    indices = np.asarray(image).astype(np.int64)
    if image.mode == "P":
        colours = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
        used = np.unique(indices)
        seen = set(codes(colours[used[used < len(colours)]]).tolist())
        meant = [palette for palette in (kind.palette, *kind.other_palettes) if seen <= set(codes(palette).tolist())]
        if meant:
            found = (by_index(indices, colours, palette) for palette in meant)
            return next((labels for labels in found if labels is not None), None)
    numbers = kind.renumbered(indices)
    there = np.unique(numbers)
    if len(there) < 2 or len(there) > FEW and there[-1] >= len(kind.channels):
        return None
    wrong = there[(there >= len(kind.channels)) | (there < 0)]
    if not len(wrong):
        return numbers.astype(np.uint8)
    if image.mode == "P":
        return None
    listed = ", ".join(map(str, wrong[:6])) + (" and more" if len(wrong) > 6 else "")
    raise ConditionError(f"This looks like a label map with the numbers {listed}; "
                         f"{kind.name} knows 0 to {len(kind.channels) - 1}: {legend(kind)}.")


def by_index(indices: np.ndarray, colours: np.ndarray, palette: np.ndarray) -> np.ndarray | None:
    """Class numbers (H,W) of an index picture (H,W) whose colours (N,3) are all in the palette, if its indices are the class
    numbers, from 0 or from 1 on; else None: the colours count, whatever order they are stored in."""
    used = np.unique(indices)
    for first in (0, 1):
        if 1 < len(used) and used[-1] + first < len(palette) and (colours[used] == palette[used + first]).all():
            return (indices + first).astype(np.uint8)
    return None


def by_colour(rgb: np.ndarray, kind) -> Read | None:
    """Class numbers of a picture (H,W,3) in the kind's colours, None for a photo. Raises: ConditionError."""
    sample = rgb[tuple(np.ix_(*(np.linspace(0, length - 1, 96).astype(int) for length in rgb.shape[:2])))].reshape(-1, 3)
    colours, counts = np.unique(sample, axis=0, return_counts=True)
    palette = max((kind.palette, *kind.other_palettes), key=lambda palette: alike(colours, counts, palette))
    if not rgb.any() or len(colours) > FEW and not close(colours, counts, palette):
        return None
    here, where, counts = np.unique(codes(rgb), return_inverse=True, return_counts=True)
    if len(here) < 2:
        return None
    known = codes(palette).tolist()
    number = {code: n for n, code in reversed(list(enumerate(known)))}  # of two classes in one colour the first
    unknown = [(count, code) for code, count in zip(here.tolist(), counts.tolist(), strict=True) if code not in number]
    if unknown:
        total = sum(count for count, _ in unknown) / where.size
        worst = ", ".join(f"#{code:06x} ({count / where.size:.1%})" for count, code in sorted(unknown, reverse=True)[:5])
        worst += " and more" if len(unknown) > 5 else ""
        raise ConditionError(f"This looks like a label map, but {total:.1%} of it is in colours that {kind.name} does not know: "
                             f"{worst}. Use these alone, in a PNG and without soft borders: {legend(kind)}.")
    twins = [[kind.channels[n] for n, other in enumerate(known) if other == code] for code in here.tolist()]
    notes = tuple(f"{' and '.join(names)} have one colour in this palette; it was taken as {names[0]}"
                  for names in twins if len(names) > 1)
    return Read(np.array([number[code] for code in here.tolist()], np.uint8)[where.reshape(rgb.shape[:2])], notes)


def alike(colours: np.ndarray, counts: np.ndarray, palette: np.ndarray) -> tuple[int, int]:
    """How many pixels are about in a colour of the palette, and how many in the very colour, black aside; colours (N,3), each
    `counts` times there."""
    distance = np.linalg.norm(colours[:, None].astype(float) - palette, axis=-1).min(1)
    bright = colours.any(-1)
    return int(counts[(distance <= NEAR) & bright].sum()), int(counts[(distance == 0) & bright].sum())


def close(colours: np.ndarray, counts: np.ndarray, palette: np.ndarray) -> bool:
    """Whether nearly all that is not black is close to a palette colour: a map that was saved with losses."""
    bright = np.linalg.norm(colours.astype(float), axis=-1) > 4 * NEAR
    distance = np.linalg.norm(colours[:, None].astype(float) - palette, axis=-1).min(1)
    coloured = counts[bright].sum()
    return bool(coloured > 0.02 * counts.sum() and counts[bright & (distance <= NEAR)].sum() > 0.85 * coloured)


def codes(colours: np.ndarray) -> np.ndarray:
    """(...,3) uint8 -> one number a colour, 0xRRGGBB."""
    return colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def legend(kind, most: int = 20) -> str:
    """The classes with their colours, for a message."""
    names = [f"{name} #{code:06x}" for name, code in zip(kind.channels, codes(kind.palette).tolist(), strict=True)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
