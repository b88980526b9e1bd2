"""A square that a network saw, laid back on the picture it was cut from, at the picture's own resolution."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..photo import Frame

STRIP = 256  # rows that are worked on together


class Place(NamedTuple):
    """The part of a picture that a frame covers."""

    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels of the picture
    frame: Frame

    @classmethod
    def of(cls, frame: Frame, size: tuple[int, int]) -> "Place":
        """Of a picture with this (width, height). Empty where frame and picture do not meet."""
        corners = frame.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]])
        left, top = np.clip(np.floor(corners.min(0)), 0, size).astype(int).tolist()
        right, bottom = np.clip(np.ceil(corners.max(0)), 0, size).astype(int).tolist()
        return cls((left, top, max(right, left), max(bottom, top)), frame)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        left, top, right, bottom = self.box
        return right - left, bottom - top

    @property
    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """From a pixel to the next on the right, and to the one below, in the frame: (2,) each."""
        here, right, below = self.frame.to_unit([[0, 0], [1, 0], [0, 1]])
        return right - here, below - here

    @property
    def unit(self) -> np.ndarray:
        """Where each pixel's centre lies in the frame: float32 (h, w, 2) of x, y in 0..1, beyond where it lies outside."""
        (width, height), (right, down) = self.size, self.steps
        first = self.frame.to_unit([[self.box[0] + 0.5, self.box[1] + 0.5]])[0]
        x, y = np.arange(width)[None, :, None] * right, np.arange(height)[:, None, None] * down
        return (first + x).astype(np.float32) + y.astype(np.float32)

    @property
    def inside(self) -> np.ndarray:
        """bool (h, w): which pixels have their centre in the frame."""
        unit = self.unit
        return ((unit >= 0) & (unit < 1)).all(-1)

    def around(self, mask: np.ndarray) -> "Place":
        """The part of it that a mask (n, n) of the frame covers, and a cell around that."""
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        if not len(rows):
            return Place((*self.box[:2], *self.box[:2]), self.frame)
        low, high = (np.array([columns[0], rows[0]]) - 1) / len(mask), (np.array([columns[-1], rows[-1]]) + 2) / len(mask)
        corners = self.frame.to_photo([low, [high[0], low[1]], high, [low[0], high[1]]])
        left, top = np.clip(np.floor(corners.min(0)), self.box[:2], self.box[2:]).astype(int).tolist()
        right, bottom = np.clip(np.ceil(corners.max(0)), self.box[:2], self.box[2:]).astype(int).tolist()
        return Place((left, top, right, bottom), self.frame)

    def strips(self, rows: int = STRIP) -> Iterator["Place"]:
        """The same from top to bottom, so many rows at a time: what is worked out on the way takes many times a photo's space."""
        left, top, right, bottom = self.box
        for at in range(top, bottom, rows):
            yield Place((left, at, right, min(at + rows, bottom)), self.frame)

    def of_array(self, array: np.ndarray) -> np.ndarray:
        """The place's part of an array (H, W, ...) that covers the picture: a view."""
        left, top, right, bottom = self.box
        return array[top:bottom, left:right]


def sample(square: np.ndarray, unit: np.ndarray, smooth: bool = True) -> np.ndarray:
    """A square array (n, n) or (n, n, C) read at places `unit` (h, w, 2) in 0..1 -> (h, w) or (h, w, C).

    Values stand at the centres of the cells, those at the border go on beyond it. `smooth`: bicubic, which may overshoot, after
    a reduction by area where the places lie far apart; else the nearest value, for labels.
    """
    import cv2

    n = len(square)
    if not smooth:
        column, row = (np.clip(np.floor(unit[..., i] * n), 0, n - 1).astype(int) for i in (0, 1))
        return square[row, column]
    square = square.astype(np.float32)
    apart = float(np.linalg.norm(unit[0, 1] - unit[0, 0])) * n if unit.shape[0] and unit.shape[1] > 1 else 1.0
    if 1.5 < apart < n:
        n = max(1, round(n / apart))
        square = cv2.resize(square, (n, n), interpolation=cv2.INTER_AREA)
    at = (unit * n - 0.5).astype(np.float32)
    values = square.reshape(n, n, -1)
    few = (values[..., c : c + 4] for c in range(0, values.shape[-1], 4))  # OpenCV takes four channels at a time
    read = (cv2.remap(v, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE) for v in few)
    return np.dstack(list(read)).reshape(*unit.shape[:2], *square.shape[2:])
