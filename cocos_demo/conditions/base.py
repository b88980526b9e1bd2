"""What the kinds of conditions share: what was found, the frame inside the photo, and edits of a drawn map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..photo import Frame


class ConditionError(ValueError):
    """No condition can be read from the photo; the message says what was looked for and what to do."""


class ModelMissing(RuntimeError):
    """A landmark model is not installed, whatever the photo shows; the message says how to install it."""


@dataclass(frozen=True)
class Found:
    """What an extractor saw: the square it belongs to, and points in that square's unit coordinates."""

    frame: Frame
    points: np.ndarray  # float32 (N, 3): unit x, unit y, present (0 or 1)
    raster: np.ndarray | None = None  # uint8 (R, R): edges, 0 to 255; or a label map, class numbers
    notes: tuple[str, ...] = ()
    picture: Image.Image | None = None  # of an uploaded map, its square: a label map in the kind's colours, a sketch in grey (L)


def fit(frame: Frame, size: tuple[int, int], least: float) -> Frame:
    """Shrink a level frame to the photo, but not under side `least`, and shift it inside as far as it goes."""
    side = min(frame.side, max(min(size), least))
    centre = [
        min(max(at, side / 2), length - side / 2) if side <= length else length / 2
        for at, length in zip((frame.cx, frame.cy), size, strict=True)
    ]
    return Frame(*centre, side, frame.angle)


def outside(frame: Frame, size: tuple[int, int]) -> float:
    """Share (0..1) of a frame's area that lies outside a photo of this (width, height)."""
    grid = (np.arange(64) + 0.5) / 64
    xy = frame.to_photo(np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2))  # (4096, 2)
    return float(1 - ((xy >= 0) & (xy < size)).all(1).mean())


def redraw(edited, before: np.ndarray, map: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a person changed in a drawn map, and the map with it.

    edited: RGB picture (H,W,3); before: uint8 (H,W,3), the map as it was shown; map (C,H,W) in 0..1; palette (C,3).
    Returns: the new map (C,H,W); changed bool (H,W); channel int (H,W) of what was painted there, -1 for nothing. A pixel
    that only lost brightness keeps its channels, as much weaker: the soft border of an eraser is no other colour.
    """
    edited = np.asarray(edited)[..., :3]
    if edited.shape != before.shape:
        raise ValueError(f"the edited map is {edited.shape[:2]}, not {before.shape[:2]}")
    # Steps under 12 of 255 are a canvas's rounding, not a person's hand.
    changed = np.abs(edited.astype(int) - before).max(-1) > 12  # (H, W)
    pixels, old, colours = (array.astype(np.float32) for array in (edited[changed], before[changed], palette))
    faded = (pixels * old).sum(-1) / np.maximum((old**2).sum(-1), 1)  # (M,)
    fades = (np.abs(pixels - faded[:, None] * old).max(-1) < 24) & (faded < 1) & (old.max(-1) > 0)
    distance = ((pixels[:, None] - colours) ** 2).sum(-1)  # (M, C)
    nearest = distance.argmin(1)
    along = np.clip((pixels * colours[nearest]).sum(-1) / (colours[nearest] ** 2).sum(-1), 0, 1)
    nearest[fades | ((pixels**2).sum(-1) < distance.min(1))] = -1
    new, channel = map.astype(np.float32), np.full(before.shape[:2], -1)
    painted = (nearest == np.arange(len(palette))[:, None]) * along  # (C, M)
    new[:, changed] = np.where(fades, map[:, changed] * faded, painted)
    channel[changed] = nearest
    return new, changed, channel
