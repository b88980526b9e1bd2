"""A square that a network saw, laid back on the picture it was cut from, at the picture's own resolution."""

from typing import NamedTuple

import numpy as np

from ..photo import Frame


class Place(NamedTuple):
    """The part of a picture that a frame covers, and where each of its pixels lies in the frame."""

    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels of the picture
    unit: np.ndarray  # float32 (h, w, 2): x, y in 0..1 of the frame, of each pixel's centre; beyond where it lies outside

    @classmethod
    def of(cls, frame: Frame, size: tuple[int, int]) -> "Place":
        """Of a picture with this (width, height). Empty where frame and picture do not meet."""
        corners = frame.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]])
        left, top = np.clip(np.floor(corners.min(0)), 0, size).astype(int).tolist()
        right, bottom = np.clip(np.ceil(corners.max(0)), 0, size).astype(int).tolist()
        right, bottom = max(right, left), max(bottom, top)
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        unit = frame.to_unit(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(*x.shape, 2)
        return cls((left, top, right, bottom), unit.astype(np.float32))

    @property
    def inside(self) -> np.ndarray:
        """bool (h, w): which pixels have their centre in the frame."""
        return ((self.unit >= 0) & (self.unit < 1)).all(-1)

    @property
    def scale(self) -> float:
        """How many frames a pixel of the picture is wide."""
        (left, top, right, bottom), unit = self.box, self.unit
        if right - left > 1:
            return float(np.linalg.norm(unit[0, 1] - unit[0, 0]))
        return float(np.linalg.norm(unit[1, 0] - unit[0, 0])) if bottom - top > 1 else 1.0


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
