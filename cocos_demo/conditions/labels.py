"""Label maps: every pixel has one class. What all kinds of them share; their classes stand in a file each.

The condition of CoCosNet's ADE20K and CelebA-HQ (mask) tasks (Sec. 4): semantic segmentation masks, one channel a class.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from ..photo import Frame, open_photo, reopenable
from .base import ConditionError, Found
from .maps import legend, read_map

NOTHING = np.zeros((0, 3), np.float32)  # the points of a label map
UNSURE = 24  # a painted colour farther than this from every palette colour (of 255) is the border of a soft brush


class LabelKind:
    """A condition kind whose raster is a label map, uint8 (R, R) of class numbers; maps are (C, H, W), one channel a class.

    `mirrored[c]` is the class that class c becomes in a mirror: left and right exchange their names. Class 0 is the
    background: black, and what an eraser leaves.
    """

    stored, exact = "labels", True
    other_palettes: tuple[np.ndarray, ...] = ()  # (C, 3) each: other colours of the same classes that an upload may have
    soft = True  # a map larger than the network is drawn by area; else, as in the released code, by the nearest pixel

    def __init__(self, name: str, channels: tuple[str, ...], palette: np.ndarray):
        self.name, self.channels, self.palette = name, channels, palette
        self.mirrored = opposites(channels)
        self.sided = bool((self.mirrored != np.arange(len(channels))).any())

    def find(self, photo) -> Found:
        """A label map as it was uploaded (see maps.py), or guessed from a photo where the kind can. Raises: ConditionError."""
        photo = reopenable(photo)
        read = read_map(photo, self)
        if read is None:
            return self.guess(open_photo(photo))
        found = self.framed(read.labels)
        return replace(found, notes=(*read.notes, *found.notes))

    def guess(self, photo: Image.Image) -> Found:
        """A label map guessed from a photo; this one cannot be."""
        raise ConditionError(f"The classes of {self.name} cannot be read from a photo. Give a label map: a grey or index PNG "
                             f"with the numbers 0 to {len(self.channels) - 1}, or a PNG in these colours: {legend(self)}.")

    def framed(self, labels: np.ndarray) -> Found:
        """The square of an uploaded label map (H, W) that is used: its middle."""
        height, width = labels.shape
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        notes = ("the middle square of the label map was taken",) if height != width else ()
        return self.found(labels[top : top + side, left : left + side], Frame(left + side / 2, top + side / 2, side), notes)

    def found(self, raster: np.ndarray, frame: Frame, notes: tuple[str, ...]) -> Found:
        """An uploaded map's square (R, R), which lay in this frame."""
        return Found(frame, NOTHING, np.ascontiguousarray(raster), notes, Image.fromarray(self.palette[raster]))

    def renumbered(self, numbers: np.ndarray) -> np.ndarray:
        """Class numbers as a data set's files store them -> ours."""
        return numbers

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """Label map (R, R) -> float32 (C, size, size): the share of each class in each pixel, 1 in sum; points are not used.

        A map of `size` or a fraction of it gives zeros and ones; a larger one borders between 0 and 1 where the kind is `soft`.
        """
        if raster is None:
            raise ValueError(f"the condition {self.name} is drawn from a label map; none was given")
        rows, columns = (fine(length, size, self.soft) for length in raster.shape)
        labels = raster[rows][:, columns].astype(np.int64)  # (k size, l size)
        k, l = len(rows) // size, len(columns) // size  # noqa: E741
        y, x = np.arange(len(rows))[:, None] // k, np.arange(len(columns)) // l
        counts = np.bincount(((labels * size + y) * size + x).ravel(), minlength=len(self.channels) * size * size)
        return (counts.reshape(-1, size, size) / np.float32(k * l)).astype(np.float32)  # (C, size, size)

    def disturb(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Label maps have no points to move."""
        return points

    def mirror(self, points: np.ndarray) -> np.ndarray:
        """Label maps have no points to rename; see `mirrored`."""
        return points

    def renamed(self, raster: np.ndarray) -> np.ndarray:
        """The label map of a mirrored picture, already moved: left and right classes exchange their numbers."""
        return self.mirrored[raster]

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(C,H,W) in 0..1 -> uint8 (H,W,3): each pixel in the colour of its largest class."""
        return self.palette[map.argmax(0)]

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map.

        What is unchanged keeps its shares. A painted pixel becomes wholly the class of the nearest palette colour. Where a soft
        brush mixed its colour with the old one, the pixel takes the one it is closer to: a mixture of two classes' colours
        may look like a third's.
        """
        before, edited = self.to_rgb(map), np.asarray(edited_rgb)[..., :3]
        if edited.shape != before.shape:
            raise ValueError(f"the edited map is {edited.shape[:2]}, not {before.shape[:2]}")
        changed = np.abs(edited.astype(int) - before).max(-1) > 12  # (H, W); smaller steps are a canvas's rounding
        new = map.astype(np.float32)
        if not changed.any():
            return new
        colours, pixels, old = (a.astype(np.float32) for a in (self.palette, edited[changed], before[changed]))
        distance = np.linalg.norm(pixels[:, None] - colours, axis=-1)  # (M, C)
        label, sure = distance.argmin(1), distance.min(1) < UNSURE
        if sure.any() and not sure.all():
            label[~sure] = unmix(pixels[~sure], old[~sure], map.argmax(0)[changed][~sure], colours, np.unique(label[sure]))
        new[:, changed] = label == np.arange(len(colours))[:, None]
        return new


def opposites(names: tuple[str, ...]) -> np.ndarray:
    """uint8 (N,): for each name the number of the one with left and right exchanged; its own where it has neither."""
    swap = str.maketrans({"\0": "right", "\1": "left"})
    return np.array([names.index(name.replace("left", "\0").replace("right", "\1").translate(swap)) for name in names], np.uint8)


def fine(length: int, size: int, every: bool = True) -> np.ndarray:
    """Indices into `length` pixels for each of `size` pixels: the one at its centre, or enough that `every` one occurs."""
    steps = size * -(-length // size) if every else size
    return ((np.arange(steps) + 0.5) * length / steps).astype(np.int64)


def unmix(pixels: np.ndarray, old: np.ndarray, labels: np.ndarray, colours: np.ndarray, brushes: np.ndarray) -> np.ndarray:
    """Classes (M,) of pixels (M,3) that lie between an old colour (M,3), of class labels (M,), and that of one of the brushes."""
    way = colours[brushes][None] - old[:, None]  # (M, K, 3)
    share = np.clip(((pixels - old)[:, None] * way).sum(-1) / np.maximum((way**2).sum(-1), 1), 0, 1)  # (M, K)
    off = np.linalg.norm((pixels - old)[:, None] - share[..., None] * way, axis=-1)  # (M, K)
    best = off.argmin(1)
    return np.where(share[np.arange(len(best)), best] >= 0.5, brushes[best], labels)
