"""True matches between two pictures whose surfaces are known: the nearest twin on the canonical body (torch, numpy)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ..photo import Frame


@dataclass(frozen=True)
class Surface:
    """What a picture shows of a body, at any resolution: `places` (h, w, 3) in metres on the canonical body, `mask` (h, w)
    bool, where the figure is."""

    places: np.ndarray
    mask: np.ndarray

    def cut(self, frame: Frame, size: tuple[int, int]) -> "Surface":
        """The surface in a square of the picture: `frame` in pixels of the picture, which has `size` (width, height)."""
        h, w = self.mask.shape
        side = max(1, round(frame.side * max(w / size[0], h / size[1])))  # samples are repeated rather than left out
        y, x = (np.mgrid[:side, :side] + 0.5) / side
        xy = frame.to_photo(np.stack([x.ravel(), y.ravel()], axis=1)) / size * (w, h)
        column, row = np.floor(xy).astype(int).T
        inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
        at = row.clip(0, h - 1), column.clip(0, w - 1)
        return Surface(self.places[at].reshape(side, side, 3), (self.mask[at] & inside).reshape(side, side))


class Matches(NamedTuple):
    """For each figure pixel of A: its index (N, 2) row, column; its twin in B (N, 2); their distance (N,) in metres on
    the canonical body; whether the twin is visible in B (N,) bool."""

    source: np.ndarray
    target: np.ndarray
    distance: np.ndarray
    visible: np.ndarray


def true_matches(surface_a, mask_a, surface_b, mask_b, tolerance=0.03, chunk=2048) -> Matches:
    """Where each figure pixel of A is in B: the pixel of B whose surface point is nearest.

    surface_* (H, W, 3) canonical places in metres, mask_* (H, W) bool: where the figure is. A twin farther than
    `tolerance` metres is not visible in B. Row and column are pixel indices (the pixel's centre is at + .5).
    ValueError if B shows no figure.
    """
    source, candidates = np.argwhere(mask_a), np.argwhere(mask_b)  # (N, 2), (M, 2)
    if not len(candidates):
        raise ValueError("the second picture shows no figure: its mask is empty")
    a = torch.as_tensor(np.ascontiguousarray(surface_a[mask_a]), dtype=torch.float32)  # (N, 3)
    b = torch.as_tensor(np.ascontiguousarray(surface_b[mask_b]), dtype=torch.float32)  # (M, 3)
    distance, index = torch.empty(len(a)), torch.empty(len(a), dtype=torch.long)
    for i in range(0, len(a), chunk):
        # Exact differences: the fast way by inner products loses a millimetre in float32.
        d = torch.cdist(a[i : i + chunk], b, compute_mode="donot_use_mm_for_euclid_dist")  # (chunk, M)
        distance[i : i + chunk], index[i : i + chunk] = d.min(1)
    distance = distance.numpy()
    return Matches(source, candidates[index.numpy()], distance, distance < tolerance)


def twins(a: Surface, b: Surface, points, tolerance: float = 0.03) -> np.ndarray:
    """Where points (N, 2) of A are in B, both in unit coordinates x, y of their pictures: the centre of the twin's sample. (N, 2)

    NaN where A shows no figure, and where the twin is hidden in B or lies outside it.
    """
    points = np.asarray(points, np.float64).reshape(-1, 2)
    (h, w), out = a.mask.shape, np.full((len(points), 2), np.nan)
    column, row = np.floor(points * (w, h)).astype(int).T
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    asked = np.flatnonzero(inside)
    asked = asked[a.mask[row[asked], column[asked]]]
    if not len(asked) or not b.mask.any():
        return out
    here = np.zeros_like(a.mask)
    here[row[asked], column[asked]] = True
    found = true_matches(a.places, here, b.places, b.mask, tolerance)
    unit = np.full((h, w, 2), np.nan)
    seen = tuple(found.source[found.visible].T)
    unit[seen] = (found.target[found.visible, ::-1] + 0.5) / b.mask.shape[::-1]
    out[asked] = unit[row[asked], column[asked]]
    return out
