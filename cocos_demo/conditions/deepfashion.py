"""Figures as the published pose network of CoCosNet reads them: a coloured stick figure and a distance map for each limb.

20 channels at 256 x 256: [0..2] red, green and blue of the stick figure on black, 0..1: a disc of radius 4 for each of
OpenPose's 18 joints, then 17 limbs, ellipses from joint to joint, 4 pixels from their axis at most, each laid over what is
there with six tenths of its colour; [3..19] `distances` of those ellipses. A limb with an absent joint is absent: the
constant 1. (CoCosNet, Sec. 4: keypoints by OpenPose, DeepFashion.)

CoCosNet v2 draws the same on 1024 x 1024, with radius and width 20 (a quarter thicker for its size) and a grey level for
every 3 of those pixels (four times as steep), and shrinks the drawing: the picture by taking pixels, the distances bilinearly.

The released code writes OpenPose's colour table as blue, green, red, so the nose is blue here and the knee red; the
networks know it so. Keypoints come from mediapipe in place of OpenPose, in the frame of kind "figure", as a figure fills
DeepFashion's square pictures; where v2's tall photos were made square with grey 232, the photo's border is repeated here.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from .base import redraw
from .distances import PUBLISHED, distances, drawn
from .figure import JOINTS, LIMBS, WHEEL, Figure

WIDTH = 4  # radius of a joint's disc, and half the width of a limb, in pixels of the published size
COVER = 0.6  # share of a limb's colour in what it is laid over
COLOURS = WHEEL[:, ::-1]  # (18, 3)


class DeepFashion(Figure):
    """Condition kind "deepfashion": see the module; points are (18,3) as of kind "figure", maps (20,H,W)."""

    name = "deepfashion"
    published, width = PUBLISHED, WIDTH
    channels = ("red of the picture", "green of the picture", "blue of the picture",
                *(f"{JOINTS[a]} to {JOINTS[b]}" for a, b in LIMBS))  # fmt: skip
    palette = np.concatenate([np.eye(3, dtype=np.uint8) * 255, np.round(COLOURS[: len(LIMBS)] * COVER).astype(np.uint8)])

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """(18,3) keypoints -> float32 (20,size,size) in 0..1: the stick figure, then distances to 17 limbs."""
        picture, limbs = stick_figure(points, size, max(1, round(self.width * size / self.published)))
        return np.concatenate([picture.transpose(2, 0, 1).astype(np.float32) / 255, distances(limbs, self.published)])

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(20,H,W) in 0..1 -> uint8 (H,W,3): the stick figure as the network gets it."""
        return (map[:3] * 255).round().astype(np.uint8).transpose(1, 2, 0)

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map.

        The stick figure takes the colours that were painted. Where a colour is a limb's, the pixel belongs to that limb
        and to no other; where it is black, to none. Distances of the limbs that changed are computed anew; a limb without
        any pixel left is absent.
        """
        limbs = drawn(map[3:], self.published)  # (17, H, W)
        before = np.concatenate([map[:3], limbs.astype(np.float32)])
        new, changed, _ = redraw(edited_rgb, self.to_rgb(map), before, self.palette)
        if not changed.any():
            return map
        picture = np.asarray(edited_rgb, np.float32)[..., :3].transpose(2, 0, 1) / 255
        new_limbs = new[3:] > 0.5
        touched = (new_limbs != limbs).any((1, 2))  # (17,)
        return np.concatenate([
            np.where(changed, picture, map[:3]),
            np.where(touched[:, None, None], distances(new_limbs, self.published), map[3:]),
        ]).astype(np.float32)  # fmt: skip


class DeepFashionHD(DeepFashion):
    """Condition kind "deepfashion_hd", of CoCosNet v2: as "deepfashion", drawn large and shrunk; see the module."""

    name = "deepfashion_hd"
    published, width = 1024, 20

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """(18,3) keypoints -> float32 (20,size,size) in 0..1: the stick figure, then distances to 17 limbs."""
        large = np.uint8((super().draw(points, self.published) * 255).round())
        methods = [Image.Resampling.NEAREST] * 3 + [Image.Resampling.BILINEAR] * len(LIMBS)
        small = [Image.fromarray(channel).resize((size, size), method) for channel, method in zip(large, methods)]
        return np.stack(small).astype(np.float32) / 255


def stick_figure(points: np.ndarray, size: int, thick: int) -> tuple[np.ndarray, np.ndarray]:
    """(18,3) keypoints -> the picture, uint8 (size,size,3) RGB, and the limbs' ellipses, bool (17,size,size).

    `thick`: radius of the joints and half the width of the limbs, in pixels.

    Whole pixels, as published: joints and middles of limbs are cut off to pixel numbers, lengths and angles likewise.
    """
    import cv2

    xy, seen = (points[:, :2] * size).astype(np.float64), points[:, 2] > 0.5
    picture = np.zeros((size, size, 3), np.uint8)
    limbs = np.zeros((len(LIMBS), size, size), np.uint8)
    for joint in np.flatnonzero(seen):
        centre = [int(at) for at in xy[joint]]
        cv2.circle(picture, centre, thick, COLOURS[joint].tolist(), -1)
    for limb, (a, b) in enumerate(LIMBS):
        if not (seen[a] and seen[b]):
            continue
        middle, (dx, dy) = (xy[a] + xy[b]) / 2, xy[a] - xy[b]
        axes = int(math.hypot(dx, dy) / 2), thick
        ellipse = cv2.ellipse2Poly([int(at) for at in middle], axes, int(math.degrees(math.atan2(dy, dx))), 0, 360, 1)
        cv2.fillConvexPoly(limbs[limb], ellipse, 1)
        over = picture.copy()
        over[limbs[limb] > 0] = COLOURS[limb]
        picture = cv2.addWeighted(picture, 1 - COVER, over, COVER, 0)
    return picture, limbs > 0
