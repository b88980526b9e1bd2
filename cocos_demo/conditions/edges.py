"""Canny edges of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = 256


def canny(image: Image.Image, low: float = 60, high: float = 140) -> np.ndarray:
    """PIL RGB -> uint8 (H,W), 255 on edges; thresholds on the gradient of the slightly blurred grey picture."""
    import cv2

    grey = cv2.GaussianBlur(np.asarray(image.convert("L")), (5, 5), 1.2)
    return cv2.Canny(grey, low, high)  # (H, W)


def resize(edges: np.ndarray, size: int) -> np.ndarray:
    """uint8 (H,W) 0/255 -> float32 (size,size) in 0..1, by area."""
    image = Image.fromarray(edges)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BOX)
    return np.asarray(image, np.float32) / 255
