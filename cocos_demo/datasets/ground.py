"""Foreground masks of things on a plain ground: what the ground, flooded from the border, does not reach."""

from __future__ import annotations

import numpy as np
from PIL import Image

NEAR = 20  # the ground differs from its colour by less than this, of 255: JPEG's noise and soft shadows
SPECK = 0.0005  # parts smaller than this share of a picture are noise
LEAST = 0.01  # share of a picture that its object covers at least
BORDER = 0.5  # share of a picture's border that is ground at least; in less there is no plain one
SAID = "the object could not be told from its ground; its mask is the whole picture"


def foreground(picture: Image.Image, ground: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray | None:
    """PIL RGB -> bool (H,W), True on what stands before a ground of this colour; None where nothing does, or it has another.

    The ground is what is near its colour and joined to the border; white spots within an object stay the object's. SEGIN takes
    the masks of edges2photos from TextureGAN, which are not public; this is how they can be had from the pictures alone.
    """
    import cv2

    near = (np.abs(np.asarray(picture, np.int16) - ground) < NEAR).all(-1)  # (H, W)
    if np.concatenate([near[0], near[-1], near[:, 0], near[:, -1]]).mean() < BORDER:
        return None
    around = np.pad(near, 1, constant_values=True).astype(np.uint8)
    _, regions = cv2.connectedComponents(around, connectivity=4)
    mask = (regions != regions[0, 0])[1:-1, 1:-1]
    _, parts, about, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    mask &= (about[:, cv2.CC_STAT_AREA] >= SPECK * mask.size)[parts]
    return mask if mask.mean() >= LEAST else None


def border_colour(picture: Image.Image) -> tuple[int, int, int]:
    """The colour that half of a picture's border has at least, channel by channel."""
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (2 W + 2 H, 3)
    return tuple(np.median(border, axis=0).astype(int).tolist())
