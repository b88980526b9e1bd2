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
    edges: np.ndarray | None = None  # uint8 (256, 256), 0 or 255
    notes: tuple[str, ...] = ()


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


def changes(edited, before: np.ndarray, palette: np.ndarray):
    """What a person changed in a drawn map.

    edited: RGB picture, (H,W,3) or a whole multiple of it; before: uint8 (H,W,3), the map as it was shown.
    Returns: changed bool (H,W); channel int (H,W), nearest palette colour, -1 for black; strength float32 (H,W), 0..1.
    """
    edited = np.asarray(edited)[..., :3]
    height, width = before.shape[:2]
    if edited.shape[:2] != (height, width):
        by = edited.shape[0] // height
        if edited.shape[:2] != (height * by, width * by):
            raise ValueError(f"the edited map is {edited.shape[:2]}; a whole multiple of {(height, width)} is needed")
        edited = np.asarray(Image.fromarray(np.ascontiguousarray(edited)).reduce(by))
    # Steps under 12 of 255 are a canvas's rounding, not a person's hand.
    changed = np.abs(edited.astype(int) - before).max(-1) > 12  # (H, W)
    colours = palette.astype(np.float32)
    pixels = edited[changed].astype(np.float32)  # (M, 3)
    distance = ((pixels[:, None] - colours) ** 2).sum(-1)  # (M, C)
    nearest = distance.argmin(1)
    nearest[(pixels**2).sum(-1) < distance.min(1)] = -1
    along = (pixels * colours[nearest]).sum(-1) / (colours[nearest] ** 2).sum(-1)
    channel = np.full((height, width), -1)
    strength = np.zeros((height, width), np.float32)
    channel[changed], strength[changed] = nearest, np.clip(along, 0, 1)
    return changed, channel, strength
