"""True matches between two pictures whose surfaces are known: the nearest twin on the canonical body (torch, numpy)."""

from typing import NamedTuple

import numpy as np
import torch


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


def true_place(surface_a, mask_a, surface_b, mask_b, x: float, y: float, tolerance=0.03) -> tuple[float, float] | None:
    """Where the point (x, y) of A is in B, both in pixels with centres at .5: the centre of its twin's pixel.

    None where A shows no figure there, or where the twin is hidden in B. Arrays as for `true_matches`.
    """
    column, row = int(x), int(y)
    height, width = mask_a.shape
    if not (0 <= x < width and 0 <= y < height and mask_a[row, column] and mask_b.any()):
        return None
    here = np.zeros_like(mask_a)
    here[row, column] = True
    found = true_matches(surface_a, here, surface_b, mask_b, tolerance)
    if not found.visible[0]:
        return None
    return float(found.target[0, 1] + 0.5), float(found.target[0, 0] + 0.5)
