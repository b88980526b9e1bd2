"""Figures: 18 OpenPose keypoints of the largest person, as heatmaps and limb lines.

The condition of CoCosNet's DeepFashion task (Sec. 4): keypoints of Cao et al., "OpenPose" (COCO order).
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..photo import Frame, open_photo
from . import detectors
from .base import ConditionError, Found, fit, outside, redraw

JOINTS = ("nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
          "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
          "right eye", "left eye", "right ear", "left ear")  # fmt: skip
LIMBS = np.array([(1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
                  (1, 0), (0, 14), (14, 16), (0, 15), (15, 17)])  # fmt: skip
MIRRORED = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]
# Where mediapipe's 33 points have each joint; the neck is the middle of 11 and 12.
SOURCE = [0, 11, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7]
FEET = [29, 30, 31, 32]
NECK, FACE, EARS = 1, [0, 14, 15], [16, 17]
LIMB_JOINTS = [3, 4, 6, 7, 8, 9, 10, 11, 12, 13]

SEEN = 0.5  # mediapipe's visibility from which on a joint counts as seen
SIGMA, LINE = 0.024, 0.02  # spread of a heatmap and width of a limb, in sides of the frame
MARGIN = 1.15  # side of the frame in larger sides of the person's box
LEAST_PERSON = 64  # pixels of the photo, larger side of the person's box
DISC = 0.55  # a joint's disc in the drawn picture: where its heatmap is higher than this

WHEEL = np.array([(255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
                  (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
                  (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)], np.uint8)  # fmt: skip


class Figure:
    """Condition kind "figure": see the module; points are (18,3), maps (35,H,W): 18 heatmaps, then 17 limbs."""

    name = "figure"
    stored, exact, sided = None, False, True
    channels = (*JOINTS, *(f"{JOINTS[a]} to {JOINTS[b]}" for a, b in LIMBS))
    palette = np.concatenate([WHEEL, (WHEEL[:17] * 0.6).astype(np.uint8)])  # limbs darker, as OpenPose draws them

    def find(self, photo) -> Found:
        """Photo (anything open_photo takes) -> 18 keypoints in the frame of the largest person.

        The frame is a square about head top, joints and feet, 1.15 times as large as their box, shifted into the photo
        where it can be. Joints that are hidden or outside the photo are absent. Raises: ConditionError when nobody is
        found, when only head and shoulders are seen, or when the person is under 64 pixels.
        """
        return locate(photo)[0]

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """(18,3) keypoints -> float32 (35,size,size) in 0..1: Gaussian heatmaps, then antialiased limb lines."""
        return np.concatenate([heatmaps(points, size), limbs(points, size)])  # (35, size, size)

    def disturb(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Keypoints as an extractor might get them: each moved by about 1.5 pixels of 256, one in twenty unseen."""
        points = points.copy()
        points[:, :2] += rng.normal(0, 1.2 / 256, (18, 2)).astype(np.float32)
        points[:, 2] *= rng.random(18) >= 0.05
        return points

    def mirror(self, points: np.ndarray) -> np.ndarray:
        """Keypoints of a mirrored picture, already moved: left and right exchange their names."""
        return points[MIRRORED]

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(35,H,W) in 0..1 -> uint8 (H,W,3): OpenPose's coloured stick figure on black."""
        colours = self.palette.astype(np.float32)
        picture = (map[18:, ..., None] * colours[18:, None, None]).max(0)  # (H, W, 3)
        discs = np.clip((map[:18] - DISC) * 6 + 0.5, 0, 1)  # (18, H, W)
        top = discs.argmax(0)  # (H, W)
        cover = discs.max(0)[..., None]
        return (picture * (1 - cover) + colours[top] * cover).round().astype(np.uint8)  # (H, W, 3)

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map.

        What is unchanged keeps its values; a painted pixel goes to the channel of the nearest palette colour, a black
        one is erased. A joint is one place: painted, its heatmap is drawn anew about the middle of the paint; its disc
        more than half gone, it is absent.
        """
        new, changed, channel = redraw(edited_rgb, self.to_rgb(map), map, self.palette)
        size = map.shape[-1]
        for joint in range(18):
            disc = map[joint] > DISC
            y, x = np.nonzero(channel == joint)
            new[joint] = map[joint]
            if len(x):
                middle = [[(x.mean() + 0.5) / size, (y.mean() + 0.5) / size, 1]]
                new[joint] = heatmaps(np.array(middle, np.float32), size)[0]
            elif disc.any() and (changed & disc).sum() > disc.sum() / 2:
                new[joint] = 0
        return new


def locate(photo) -> tuple[Found, np.ndarray]:
    """What Figure.find finds, and mediapipe's (33,4) of the same person, in photo pixels."""
    photo = open_photo(photo)
    points, body, notes = pose(photo)
    low, high = box(points, body, photo.size)
    larger = float((high - low).max())
    if larger < LEAST_PERSON:
        raise ConditionError(f"The person is only {larger:.0f} pixels tall; at least {LEAST_PERSON} are needed. "
                             "Use a closer or larger photo.")  # fmt: skip
    frame = fit(Frame(*((low + high) / 2).tolist(), MARGIN * larger), photo.size, least=larger)
    if outside(frame, photo.size) > 0.15:
        notes.append("the photo is narrower than the figure's square; its border was repeated")
    points[:, :2] = frame.to_unit(points[:, :2])
    points[points[:, 2] == 0] = 0
    return Found(frame, points, None, tuple(notes)), body


def pose(photo: Image.Image) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The largest person of a photo: keypoints (18,3) and mediapipe's (33,4), both in photo pixels, and notes.

    Raises: ConditionError when nobody is found, or only head and shoulders are seen; ModelMissing.
    """
    found, near = detectors.search(detectors.poses, photo)
    if not found:
        raise ConditionError("No person was found. Use a photo that shows a person's body, well lit.")
    people = distinct(found)
    body = max(people, key=extent)  # (33, 4)
    notes = [f"{len(people)} people found; took the largest"] if len(people) > 1 else []
    if near:
        notes.append("the person was found on a closer look at a part of the photo")
    points = keypoints(body, photo.size)
    if detectors.turned(body):
        points[FACE, 2] = 0
        notes.append("seen from behind; nose and eyes left out")
    if points[LIMB_JOINTS, 2].sum() < 3:
        raise ConditionError("Only head and shoulders are seen. Use a photo that shows more of the body.")
    missing = [JOINTS[i] for i in LIMB_JOINTS if not points[i, 2]]
    if missing:
        notes.append("not seen: " + ", ".join(missing))
    return points, body, notes


def keypoints(body: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """mediapipe's (33,4) in photo pixels -> float32 (18,3): x, y in photo pixels, present."""
    points = body[SOURCE, :2]  # (18, 2)
    points[NECK] = body[[11, 12], :2].mean(0)
    seen = body[SOURCE, 3] >= SEEN
    seen[NECK] = (body[[11, 12], 3] >= SEEN).all()
    inside = ((points >= 0) & (points < size)).all(1)
    return np.concatenate([points, (seen & inside)[:, None]], 1).astype(np.float32)


def extent(body: np.ndarray) -> float:
    """Area of the box about mediapipe's visible points."""
    seen = body[body[:, 3] >= SEEN, :2]
    return float(np.prod(np.ptp(seen, axis=0))) if len(seen) else 0.0


def distinct(found: list[np.ndarray]) -> list[np.ndarray]:
    """Drop the second report of one person: joints closer than a tenth of the body."""
    people: list[np.ndarray] = []
    for body in sorted(found, key=extent, reverse=True):
        near = 0.1 * np.sqrt(extent(body)) + 1
        if all(np.linalg.norm(body[:, :2] - other[:, :2], axis=1).mean() > near for other in people):
            people.append(body)
    return people


def box(points: np.ndarray, body: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Corners (2,), (2,) of the box about the seen joints, the feet and the top of the head, inside the photo."""
    seen = [points[points[:, 2] > 0, :2], body[[i for i in FEET if body[i, 3] >= SEEN], :2]]
    ears, shoulders = body[[7, 8], :2].mean(0), body[[11, 12], :2].mean(0)
    if points[EARS, 2].any():
        # Shoulder to ear is about as far as ear to crown with hair.
        seen.append(ears[None] + (ears - shoulders) * 0.9)
    xy = np.concatenate(seen)
    return np.clip(xy.min(0), 0, size), np.clip(xy.max(0), 0, size)


def heatmaps(points: np.ndarray, size: int) -> np.ndarray:
    """(N,3) -> float32 (N,size,size): a Gaussian of height 1 about each present point, zeros for an absent one."""
    centre = (np.arange(size, dtype=np.float32) + 0.5) / size
    spread = np.exp(-0.5 * ((centre - points[:, :2, None].astype(np.float32)) / SIGMA) ** 2)  # (N, 2, size)
    present = (points[:, 2] > 0.5)[:, None]
    return (spread[:, 1] * present)[:, :, None] * spread[:, 0][:, None]  # (N, size, size)


def limbs(points: np.ndarray, size: int) -> np.ndarray:
    """(18,3) -> float32 (17,size,size): a line between present joints; a pixel's value is the share the line covers."""
    centre = np.arange(size, dtype=np.float32) + 0.5
    start = (points[LIMBS[:, 0], :2] * size).astype(np.float32)  # (17, 2)
    along = (points[LIMBS[:, 1], :2] * size).astype(np.float32) - start
    x = centre[None, None, :] - start[:, 0, None, None]  # (17, 1, size)
    y = centre[None, :, None] - start[:, 1, None, None]  # (17, size, 1)
    dx, dy = along[:, 0, None, None], along[:, 1, None, None]  # (17, 1, 1)
    length = np.maximum(dx * dx + dy * dy, 1e-6)
    t = np.clip(x * (dx / length) + y * (dy / length), 0, 1)  # (17, size, size): the nearest place on the line
    away = np.hypot(x - t * dx, y - t * dy)
    cover = np.clip(LINE * size / 2 + 0.5 - away, 0, 1)
    present = (points[LIMBS, 2] > 0.5).all(1)  # (17,)
    return cover * present[:, None, None].astype(np.float32)
