"""Edges of a photo: Canny's, and XDoG's strokes."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = 256


def canny(image: Image.Image, low: float = 60, high: float = 140) -> np.ndarray:
    """PIL RGB -> uint8 (H,W), 255 on edges; thresholds on the gradient of the slightly blurred grey picture."""
    import cv2

    grey = cv2.GaussianBlur(np.asarray(image.convert("L")), (5, 5), 1.2)
    return cv2.Canny(grey, low, high)  # (H, W)


def xdog(image: Image.Image, sigma: float = 1.0, k: float = 1.6, p: float = 20.0, eps: float = -0.1,
         phi: float = 10.0) -> np.ndarray:
    """PIL RGB -> uint8 (H,W), 255 on strokes: the extended difference of Gaussians, inverted.

    S = (1 + p) G_sigma * I - p G_(k sigma) * I;  T = 1 where S >= eps, else 1 + tanh(phi (S - eps)).  I in 0..1, sigma in pixels.
    With eps under 0 lines alone are drawn: a flat tone has S = I >= 0, and tones darker than eps would be filled.
    H. Winnemoeller, J. E. Kyprianidis, S. C. Olsen, "XDoG: an eXtended difference-of-Gaussians compendium including advanced
    image stylization", Computers & Graphics 36 (2012), Eqs. 5 and 7.
    """
    import cv2

    grey = np.asarray(image.convert("L"), np.float32) / 255
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), width) for width in (sigma, k * sigma))
    S = (1 + p) * fine - p * coarse  # (H, W)
    T = np.where(eps <= S, 1, 1 + np.tanh(phi * (S - eps)))
    return ((1 - T) * 255).round().astype(np.uint8)


def resize(edges: np.ndarray, size: int) -> np.ndarray:
    """uint8 (H,W) 0/255 -> float32 (size,size) in 0..1, by area."""
    image = Image.fromarray(edges)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BOX)
    return np.asarray(image, np.float32) / 255


def shrink(lines: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H,W) of 0..255 -> float32 (h,w) in 0..1; a line of one pixel stays one of full strength when it is made smaller.

    By area a thin line would fade by the factor f that the map shrinks by. So the mean of each cell counts f times, up to the
    strongest of its pixels: flat tones and soft edges keep their strength, slanted lines their soft borders.
    """
    import cv2

    lines = np.asarray(lines, np.float32) / 255
    f = lines.shape[0] / shape[0], lines.shape[1] / shape[1]
    if lines.shape == tuple(shape):
        return lines
    if min(f) <= 1:
        return np.clip(cv2.resize(lines, shape[::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    mean = cv2.resize(lines, shape[::-1], interpolation=cv2.INTER_AREA)
    # A cell covers whole pixels where f is a whole number, else parts of one more on either side.
    reach = np.ones([int(times) if times == int(times) else 2 * int(np.ceil(times / 2)) + 1 for times in f], np.uint8)
    most = cv2.dilate(lines, reach, borderType=cv2.BORDER_REPLICATE)  # (H, W): the strongest of each pixel's surroundings
    centres = [((np.arange(length) + 0.5) * times).astype(int) for length, times in zip(shape, f)]
    return np.minimum(max(f) * mean, most[np.ix_(*centres)])  # (h, w)
