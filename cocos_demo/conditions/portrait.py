"""Portraits: landmark lines of the largest face, one channel a group, and Canny edges of what surrounds it.

The condition of CoCosNet's CelebA-HQ task (Sec. 4): face landmarks joined by lines, background edges by Canny.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from ..photo import Frame, open_photo
from . import faces
from .base import ConditionError, Found, fit, outside, redraw
from .edges import SIZE, canny, resize

LEAST_FACE = 32  # pixels of the photo, height of the face oval
WIDE, TIGHT = 2.0, 1.25  # side of the frame in heights of the face oval: wished for, and least when the photo is narrow
LINE = 0.011  # width of a line in sides of the frame
LEVEL = math.radians(30)  # heads leaning more are turned upright

# Chains of mediapipe's 478 landmarks; a chain that ends where it began is closed.
# fmt: off
OVAL = ((10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
         148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10),)
BROWS = ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336), (46, 53, 52, 65, 55), (70, 63, 105, 66, 107))
EYES = ((263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263),
        (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33))
IRISES = ((474, 475, 476, 477, 474), (469, 470, 471, 472, 469))
NOSE = ((168, 6, 197, 195, 5, 4, 1, 19, 94, 2),
        (98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64, 98))
LIPS = ((61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61),
        (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78))
# fmt: on
GROUPS = {"oval": OVAL, "brows": BROWS, "eyes": EYES, "irises": IRISES, "nose": NOSE, "lips": LIPS}
LEFT, RIGHT, TIP = 263, 33, 4  # outer corners of the eyes, tip of the nose
# Number of the group each landmark belongs to, from 1; 0: drawn nowhere.
MEMBER = np.array([next((n for n, chains in enumerate(GROUPS.values(), 1) if any(i in chain for chain in chains)), 0)
                   for i in range(478)])  # fmt: skip


class Portrait:
    """Condition kind "portrait": see the module; points are (478,3), maps (7,H,W)."""

    name = "portrait"
    stored, exact, sided = "edges", False, False
    channels = (*GROUPS, "background")
    palette = np.array([(255, 190, 40), (70, 230, 80), (60, 130, 255), (0, 255, 255), (190, 80, 255), (255, 50, 60),
                        (170, 170, 170)], np.uint8)

    def find(self, photo) -> Found:
        """Photo (anything open_photo takes) -> 478 landmarks and background edges in the frame of the largest face.

        The frame is a square about the face oval, 2.0 oval heights a side (room for hair and some shoulders), shifted
        and tightened, to 1.25 at least, where the photo ends. It stays level up to 30 degrees of roll, and turns with
        the head beyond. Raises: ConditionError when no face is found, or one under 32 pixels.
        """
        photo = open_photo(photo)
        xy, notes = faces.largest(photo)  # (478, 2)
        roll = math.atan2(*(xy[LEFT] - xy[RIGHT])[::-1])
        angle = roll if abs(roll) > LEVEL else 0.0
        if angle:
            notes.append(f"the head leans {abs(math.degrees(roll)):.0f} degrees; the picture was turned upright")
        frame, height = frame_of(xy, angle)
        check_height(height)
        if not angle:
            frame = fit(frame, photo.size, TIGHT * height)
        points, remarks = framed(xy, frame, photo.size)
        notes += remarks
        return Found(frame, points, background(frame.cut(photo, SIZE), points), tuple(notes))

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """(478,3) landmarks, and background edges (256,256) or None -> float32 (7,size,size) in 0..1, antialiased."""
        at = points[:, :2] * (4 * size) - 0.5  # drawn four times as large; PIL counts pixel indices
        seen = points[:, 2] > 0.5
        layers = [np.asarray(layer(name, at, seen, size), np.float32) / 255 for name in GROUPS]
        layers.append(np.zeros((size, size), np.float32) if raster is None else resize(raster, size))
        return np.stack(layers)  # (7, size, size)

    def disturb(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Landmarks as an extractor might get them: moved by about a pixel of 256, one group in fifty missing.

        The move is a shift of all, one of each group, and one of each point; a group is missing when a hand covers the
        mouth, or a person erased a line.
        """
        points = points.copy()
        shift = rng.normal(0, 0.5 / 256, (len(GROUPS) + 1, 2)).astype(np.float32)
        points[:, :2] += shift[0] + shift[MEMBER] + rng.normal(0, 0.35 / 256, (478, 2)).astype(np.float32)
        missing = np.flatnonzero(rng.random(len(GROUPS)) < 0.02) + 1
        points[np.isin(MEMBER, missing), 2] = 0
        return points

    def mirror(self, points: np.ndarray) -> np.ndarray:
        """Landmarks of a mirrored picture, already moved: every group is its own mirror image."""
        return points

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(7,H,W) in 0..1 -> uint8 (H,W,3): coloured lines on black."""
        colours = map[..., None] * self.palette[:, None, None].astype(np.float32)  # (7, H, W, 3)
        return colours.max(0).round().astype(np.uint8)  # (H, W, 3)

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map.

        What is unchanged keeps its values; a painted pixel goes to the channel of the nearest palette colour, a black
        one is erased.
        """
        return redraw(edited_rgb, self.to_rgb(map), map, self.palette)[0]


def check_height(height: float) -> None:
    """Refuse a face whose oval is under 32 pixels tall. Raises: ConditionError."""
    if height < LEAST_FACE:
        raise ConditionError(f"The face is only {height:.0f} pixels tall; at least {LEAST_FACE} are needed. "
                             "Use a closer or larger photo.")  # fmt: skip


def framed(xy: np.ndarray, frame: Frame, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Landmarks (478,2) in photo pixels -> points (478,3) of a frame, and what a person should know of that frame."""
    notes = []
    if outside(frame, size) > 0.15:
        notes.append("the face is close to the photo's border; the border was repeated around it")
    points = np.ones((478, 3), np.float32)
    points[:, :2] = frame.to_unit(xy)
    if not points[RIGHT, 0] < points[TIP, 0] < points[LEFT, 0]:
        notes.append("the face is seen from the side; its far half is a guess")
    return points, notes


def frame_of(xy: np.ndarray, angle: float) -> tuple[Frame, float]:
    """(478,2) landmarks in photo pixels -> the wished-for frame at this angle, and the height of the face oval."""
    oval = Frame(0, 0, 1, angle).to_unit(xy[list(OVAL[0])])  # turned about the photo's corner
    low, high = oval.min(0), oval.max(0)
    width, height = high - low
    height = max(height, 1.15 * width)  # a face seen from below or above is short
    cx, cy = Frame(0, 0, 1, angle).to_photo((low + high) / 2)
    return Frame(float(cx), float(cy), float(WIDE * height), angle), float(height)


def background(image: Image.Image, points: np.ndarray, edges: Callable[[Image.Image], np.ndarray] = canny) -> np.ndarray:
    """Edges, uint8 (S,S), of a cut-out frame (S,S), without those inside the face oval or along it."""
    found = edges(image)
    mask = Image.new("L", image.size, 255)
    outline = [tuple(xy) for xy in points[list(OVAL[0]), :2] * image.width - 0.5]
    pen = ImageDraw.Draw(mask)
    pen.polygon(outline, fill=0)
    pen.line(outline, fill=0, width=round(9 * image.width / SIZE), joint="curve")
    return np.where(np.asarray(mask), found, 0).astype(np.uint8)


def layer(name: str, at: np.ndarray, seen: np.ndarray, size: int) -> Image.Image:
    """One group as a PIL L image size x size; at: (478,2) pixel indices of the picture drawn four times as large."""
    big = Image.new("L", (4 * size, 4 * size))
    pen = ImageDraw.Draw(big)
    for chain in GROUPS[name]:
        for run in runs(chain, seen):
            line = [tuple(xy) for xy in at[run].tolist()]
            if name == "irises" and len(run) == 5:
                pen.polygon(line, fill=255)
            elif name != "irises" and len(run) > 1:
                pen.line(line, fill=255, width=max(1, round(LINE * 4 * size)))
    if name == "irises":  # lids cover irises: what shows lies within the eye
        lids = Image.new("L", big.size)
        for chain in EYES:
            ImageDraw.Draw(lids).polygon([tuple(xy) for xy in at[list(chain)].tolist()], fill=255)
        big = ImageChops.darker(big, lids)
    return big.reduce(4)


def runs(chain: tuple[int, ...], seen: np.ndarray) -> list[list[int]]:
    """Cut a chain of landmarks where one is absent."""
    parts: list[list[int]] = [[]]
    for i in chain:
        if seen[i]:
            parts[-1].append(i)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]
