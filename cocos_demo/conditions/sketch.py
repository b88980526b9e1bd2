"""Tells a drawn sketch from a photo, and reads its lines: dark on light paper, light on a dark board, or on a clear canvas.

A sketch is paper with thin lines on it. Closing (dilation, then erosion) wipes away what is thinner than its kernel; what is
left of a sketch is its paper, which is of one tone, or of one that changes slowly where a lamp lit a page that was
photographed. What is left of a photo is its larger shapes.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from ..photo import open_stored, upright_rgb
from .edges import shrink

LARGEST = 1024  # pixels of a side that are kept
LOOKED_AT = 512  # pixels of the longer side, for telling
THICK = 33  # the thickest line of a sketch is thinner than this, of LOOKED_AT
UNEVEN = 0.025  # paper differs from a smooth change of light by less than this (standard deviation, of its tone)
PALEST = 110  # tone of the paper at least, 255 is white; for a board the other way round
INK = 0.2  # a line differs from its paper by this share of the paper's tone ...
MOST, LEAST = 0.4, 0.001  # ... and lines cover so much of it


def read_sketch(source) -> np.ndarray | None:
    """Anything open_photo takes -> uint8 (H,W), lines of a sketch from 0 to 255 for its strongest; None for a photo.

    Larger sketches are made smaller, LARGEST pixels at most, thin lines kept. Raises: PhotoError.
    """
    for tone in tones(open_stored(source)):
        scale = min(1.0, LARGEST / max(tone.shape))
        shape = tuple(max(1, round(scale * length)) for length in tone.shape)
        ink = _ink(255 * (1 - shrink(255 - tone, shape)))
        if ink is not None:
            return ink
    return None


def tones(image: Image.Image) -> list[np.ndarray]:
    """A stored picture -> uint8 (H,W) each, 255 the paper's side: for a light paper, and for a dark board.

    Of the three colours that counts which is farthest from the paper, so yellow on white is a line. A clear canvas is
    paper for dark strokes, and a board for light ones.
    """
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        opaque = rgba[..., 3] > 127
        dark = not opaque.any() or np.median(rgba[opaque][:, :3].max(-1)) < 200
        over = Image.new("RGBA", image.size, "white" if dark else "black")
        image = Image.alpha_composite(over, image.convert("RGBA"))
    rgb = np.asarray(upright_rgb(image))  # (H, W, 3)
    return [rgb.min(-1), 255 - rgb.max(-1)]


def _ink(tone: np.ndarray) -> np.ndarray | None:
    """Tones (H,W) of 0..255, paper light -> uint8 (H,W) lines; None where this is no paper with lines on it."""
    import cv2

    times = min(1.0, LOOKED_AT / max(tone.shape))
    small = tone if times == 1 else cv2.resize(tone, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    width = max(7, round(THICK * max(small.shape) / LOOKED_AT))
    paper = _paper(np.asarray(small, np.float32), width)
    light = _smooth(paper)
    if np.median(paper) < PALEST or np.std(paper / light) > UNEVEN or light.min() < 0.3 * light.max():
        return None
    paper = cv2.resize(paper, tone.shape[::-1], interpolation=cv2.INTER_LINEAR)
    ink = np.clip(1 - tone / np.maximum(paper, 1), 0, 1)  # (H, W)
    lines = ink > INK
    if not LEAST < lines.mean() < MOST:
        return None
    strongest = np.percentile(ink[lines], 90)
    grain = min(0.08, strongest / 4)  # of the paper
    return (np.clip((ink - grain) / (strongest - grain), 0, 1) * 255).round().astype(np.uint8)


def _paper(tone: np.ndarray, width: int) -> np.ndarray:
    """Tones without what is dark and thinner than `width` pixels."""
    import cv2

    tone = cv2.GaussianBlur(tone, (0, 0), 0.8)  # else the closing finds the brightest grain
    closed = cv2.morphologyEx(tone, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    return cv2.GaussianBlur(closed, (0, 0), width / 4)


def _smooth(paper: np.ndarray) -> np.ndarray:
    """The quadratic change of light over a page that fits it best, (H,W)."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in paper.shape), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1).reshape(-1, 6)
    weights = np.linalg.lstsq(basis[::7], paper.reshape(-1)[::7], rcond=None)[0]
    return np.maximum((basis @ weights).reshape(paper.shape), 1)
