"""Grey: the lightness of a portrait, for painting its colours anew after a reference.

The condition of SEGIN's face colourisation (Sec. IV): a grey photo, coloured after an example.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from ..photo import open_photo
from .base import Found
from .edges import SIZE, resize
from .portrait import Portrait


class Grey(Portrait):
    """Condition kind "grey": points are the portrait's (478,3), maps (1,H,W): luma (ITU-R 601, as in PIL), 0 black to 1 white."""

    name = "grey"
    channels = ("lightness",)
    palette = np.array([(255, 255, 255)], np.uint8)

    def find(self, photo) -> Found:
        """Photo, grey or in colour (anything open_photo takes) -> its luma, uint8 (256,256), in the frame of kind "portrait".

        Raises: ConditionError as that kind does.
        """
        photo = open_photo(photo)
        found = super().find(photo)
        return replace(found, raster=luma(found.frame.cut(photo, SIZE)))

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """Luma (R,R) in 0..255 -> float32 (1,size,size) in 0..1, by area; points are not used."""
        if raster is None:
            raise ValueError("the condition grey is drawn from a picture's luma; none was given")
        return resize(np.asarray(raster, np.float32), size)[None]  # (1, size, size); bytes would be rounded once more

    def disturb(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A photo's lightness is as it is: no detector stands between."""
        return points

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(1,H,W) in 0..1 -> uint8 (H,W,3), a grey picture."""
        return np.repeat((map[0] * 255).round().astype(np.uint8)[..., None], 3, axis=-1)  # (H, W, 3)

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map: what is painted counts by its luma, what is unchanged keeps its values."""
        before, edited = self.to_rgb(map), np.asarray(edited_rgb)[..., :3]
        if edited.shape != before.shape:
            raise ValueError(f"the edited map is {edited.shape[:2]}, not {before.shape[:2]}")
        changed = np.abs(edited.astype(int) - before).max(-1) > 12  # (H, W); smaller steps are a canvas's rounding
        new = map.astype(np.float32)
        new[0, changed] = luma(Image.fromarray(edited.astype(np.uint8)))[changed] / np.float32(255)
        return new


def luma(picture: Image.Image) -> np.ndarray:
    """PIL picture -> uint8 (H,W): 0.299 R + 0.587 G + 0.114 B."""
    return np.array(picture.convert("L"))
