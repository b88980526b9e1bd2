"""Lines as distance transforms, and back: how the published edge and pose inputs of CoCosNet hold a line.

The released networks were given 8-bit maps at 256 x 256: every pixel's city-block distance to the line, divided by 3, cut
off to a whole number of at most 255, over 255. A line that is not there is at distance 255 everywhere: the constant 1.
Those of CoCosNet v2 are measured at 1024 x 1024 (`published`).
"""

from __future__ import annotations

import numpy as np

PUBLISHED = 256  # the size the distances are measured at; smaller and larger maps are the same drawing
STEP = 3  # pixels of the published size that one grey level counts


def distances(lines: np.ndarray, published: int = PUBLISHED) -> np.ndarray:
    """bool (N,S,S), True on a line -> float32 (N,S,S) in 0..1, floor(L1 distance / 3) / 255; 1 for no line."""
    per_level = STEP * lines.shape[-1]
    levels = [away(line) * published // per_level if line.any() else np.full(line.shape, 255) for line in lines]
    return np.minimum(levels, 255).astype(np.float32) / 255  # (N, S, S)


def drawn(maps: np.ndarray, published: int = PUBLISHED) -> np.ndarray:
    """float (N,S,S) of `distances` -> bool (N,S,S): lines that give exactly these maps.

    A map has level 0 up to two pixels away from its line. Taking all pixels whose own surroundings of that size have level
    0 gives the line back, its gaps of up to four pixels filled; what is filled is invisible in the map.
    """
    reach = -(-STEP * maps.shape[-1] // published) - 1  # the largest distance of level 0
    near = maps < 0.5 / 255
    return np.stack([away(~one) > reach if not one.all() else one for one in near])  # (N, S, S)


def away(line: np.ndarray) -> np.ndarray:
    """bool (H,W) with a True -> int32 (H,W): each pixel's city-block distance to the nearest True, in pixels."""
    import cv2

    return cv2.distanceTransform(np.uint8(~line), cv2.DIST_L1, 3).astype(np.int32)


def outline(regions: np.ndarray) -> np.ndarray:
    """bool (..., H,W) -> bool (..., H,W): the pixels on both sides of every border, so lines are two pixels wide."""
    lines = np.zeros(regions.shape, bool)
    across = regions[..., 1:] != regions[..., :-1]  # (..., H, W - 1)
    down = regions[..., 1:, :] != regions[..., :-1, :]  # (..., H - 1, W)
    lines[..., 1:] |= across
    lines[..., :-1] |= across
    lines[..., 1:, :] |= down
    lines[..., :-1, :] |= down
    return lines
