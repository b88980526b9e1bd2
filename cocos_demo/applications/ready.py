"""Ready makeup: transparent layers drawn from a face's landmarks by our own code, to be laid on or transferred.

Points are mediapipe's 478 (see conditions/portrait.py). Sizes are in widths of an eye, so that a small face gets the same makeup.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from ..conditions.portrait import EYES, LIPS
from .blending import over

FINE = 4  # times as large are layers drawn before they are reduced, up to
LARGEST = 4096  # pixels a side

# fmt: off
# Upper lids, from the outer corner.
UPPER = ((263, 466, 388, 387, 386, 385, 384, 398, 362), (33, 246, 161, 160, 159, 158, 157, 173, 133))
LOWER_BROW = ((276, 283, 282, 295, 285), (46, 53, 52, 65, 55))  # lower edges of the brows, outer end first
CHEEK = (((425, 0.55), (352, 0.45)), ((205, 0.55), (123, 0.45)))  # middles of the cheeks: landmarks and their shares
CHEEKBONE = ((266, 454), (36, 234))  # from beside the nose to the ear: which way blush runs
NOSE_BRIDGE, NOSE_TIP, CHIN, BROW_MIDDLE, TOP = 6, 4, 152, 9, 10
# fmt: on
EYE_ENDS = ((263, 362), (33, 133))


class MakeupError(ValueError):
    """This makeup cannot be made; the message says why and what to do."""


class Face:
    """Landmarks (478, 2), in pixels of a picture of this (width, height), and a large empty layer to draw on."""

    def __init__(self, points: np.ndarray, size: tuple[int, int]):
        self.size = size
        self.fine = max(1, min(FINE, LARGEST // max(size)))
        self.points = np.asarray(points, np.float64)[:, :2] * self.fine
        ends = np.array([[self.points[a], self.points[b]] for a, b in EYE_ENDS])  # (2, 2, 2)
        self.unit = float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1).mean())  # the width of an eye
        self.across = ends[0].mean(0) - ends[1].mean(0)  # from the right eye to the left
        self.across /= max(np.linalg.norm(self.across), 1e-6)
        self.down = np.array([-self.across[1], self.across[0]])

    def mask(self) -> Image.Image:
        """An empty layer, L."""
        return Image.new("L", [n * self.fine for n in self.size])

    def at(self, *chain: int) -> list[tuple[float, float]]:
        return [tuple(self.points[i]) for i in chain]

    def softened(self, mask: Image.Image, by: float) -> np.ndarray:
        """A mask blurred by so many widths of an eye, and reduced to the picture's size: alpha (H, W) in 0..1."""
        small = mask if self.fine == 1 else mask.reduce(self.fine)
        soft = small.filter(ImageFilter.GaussianBlur(max(by * self.unit / self.fine, 0.3)))
        return np.asarray(soft, np.float32) / 255


def lips(face: Face) -> np.ndarray:
    """Both lips, without the mouth between."""
    mask = face.mask()
    pen = ImageDraw.Draw(mask)
    pen.polygon(face.at(*LIPS[0]), fill=255)
    pen.polygon(face.at(*LIPS[1]), fill=0)
    return face.softened(mask, 0.03)


def shadow(face: Face) -> np.ndarray:
    """Eye shadow: between the upper lid and the brow, densest at the lid, drawn out a little at the outer corner."""
    alpha = np.zeros(face.size[::-1], np.float32)
    for up, share in ((0.75, 0.45), (0.5, 0.35), (0.28, 0.2)):  # stacked, so that it fades upwards
        mask = face.mask()
        pen = ImageDraw.Draw(mask)
        for lid, brow, way in zip(UPPER, LOWER_BROW, (1, -1), strict=True):
            below, above = face.points[list(lid)], face.points[list(brow)]
            t, known = np.linspace(0, 1, len(lid)), np.linspace(0, 1, len(brow))
            spread = np.stack([np.interp(t, known, above[:, i]) for i in (0, 1)], axis=1)  # (9, 2)
            rim = below + up * (spread - below)  # (9, 2)
            wing = below[0] + 0.22 * face.unit * (way * face.across - 0.6 * face.down)
            pen.polygon([*map(tuple, below), *map(tuple, rim[::-1]), tuple(wing)], fill=255)
        alpha += share * face.softened(mask, 0.09)
    return np.clip(alpha, 0, 1) * _outside_eyes(face)


def liner(face: Face) -> np.ndarray:
    """Eyeliner: along the upper lid, thicker outwards, with a wing."""
    mask = face.mask()
    pen = ImageDraw.Draw(mask)
    for lid, way in zip(UPPER, (1, -1), strict=True):
        edge = face.points[list(lid)]
        thick = np.linspace(0.11, 0.03, len(lid))[:, None] * face.unit
        tip = edge[0] + face.unit * (0.26 * way * face.across - 0.16 * face.down)
        pen.polygon([*map(tuple, edge), *map(tuple, (edge - thick * face.down)[::-1]), tuple(tip)], fill=255)
    return face.softened(mask, 0.012)


def blush(face: Face) -> np.ndarray:
    """Blush: an oval on each cheekbone, rising to the ear."""
    alpha = np.zeros(face.size[::-1], np.float32)
    y, x = np.mgrid[: face.size[1], : face.size[0]] + 0.5
    for middle, (inner, outer) in zip(CHEEK, CHEEKBONE, strict=True):
        centre = sum(share * face.points[i] for i, share in middle) / face.fine
        way = face.points[outer] - face.points[inner]
        reach = float(np.linalg.norm(way)) / face.fine
        way = way / max(np.linalg.norm(way), 1e-6)
        along = (x - centre[0]) * way[0] + (y - centre[1]) * way[1]
        beside = -(x - centre[0]) * way[1] + (y - centre[1]) * way[0]
        radius = (along / (0.42 * reach)) ** 2 + (beside / (0.42 * face.unit / face.fine)) ** 2
        alpha = np.maximum(alpha, np.exp(-radius).astype(np.float32))
    return 0.75 * alpha


def freckles(face: Face) -> np.ndarray:
    """Freckles: small spots over nose and cheeks, always the same ones."""
    rng = np.random.default_rng(7)
    mask = face.mask()
    pen = ImageDraw.Draw(mask)
    left, right = (sum(share * face.points[i] for i, share in middle) for middle in CHEEK)
    bridge = (face.points[NOSE_BRIDGE] + face.points[NOSE_TIP]) / 2
    for _ in range(110):
        t = rng.uniform(-1.15, 1.15)  # from the right cheek over the nose to the left
        end = left if t > 0 else right
        centre = bridge + abs(t) * (end - bridge) + face.unit * rng.normal(0, [0.1, 0.2])
        r = face.unit * rng.uniform(0.012, 0.034)
        pen.ellipse([*(centre - r), *(centre + r)], fill=int(rng.uniform(120, 235)))
    return face.softened(mask, 0.012) * _outside_eyes(face)


def star(face: Face) -> np.ndarray:
    """Face paint: a large star around the left eye."""
    mask = face.mask()
    centre = face.points[list(EYES[0])].mean(0)
    radii = [1.25 * face.unit, 0.56 * face.unit]
    turns = [math.pi * i / 5 for i in range(10)]
    tips = [centre + radii[i % 2] * (math.sin(a) * face.across - math.cos(a) * face.down) for i, a in enumerate(turns)]
    ImageDraw.Draw(mask).polygon([tuple(tip) for tip in tips], fill=255)
    return face.softened(mask, 0.02) * _outside_eyes(face)


def stripes(face: Face) -> np.ndarray:
    """Face paint: two stripes on each cheek."""
    mask = face.mask()
    pen = ImageDraw.Draw(mask)
    for middle, (inner, outer) in zip(CHEEK, CHEEKBONE, strict=True):
        centre = sum(share * face.points[i] for i, share in middle)
        way = (face.points[outer] - face.points[inner])
        way = way / max(np.linalg.norm(way), 1e-6)
        for shift in (-0.02, 0.3):
            start = centre + face.unit * (shift * face.down - 0.55 * way)
            end = start + 1.15 * face.unit * way
            side = 0.075 * face.unit * np.array([-way[1], way[0]])
            pen.polygon([tuple(p) for p in (start - 0.6 * side, end - side, end + side, start + 0.6 * side)], fill=255)
    return face.softened(mask, 0.02)


def _outside_eyes(face: Face) -> np.ndarray:
    """1 outside the eyes' openings, 0 in them: (H, W)."""
    mask = face.mask()
    for chain in EYES:
        ImageDraw.Draw(mask).polygon(face.at(*chain), fill=255)
    return 1 - face.softened(mask, 0.01)


# Name -> (what draws its alpha, its colour if no other is asked for, its opacity).
READY: dict[str, tuple[Callable[[Face], np.ndarray], str, float]] = {
    "lips": (lips, "#b3123a", 0.75),
    "shadow": (shadow, "#5b3fa0", 0.8),
    "liner": (liner, "#141018", 0.95),
    "blush": (blush, "#e0526a", 0.6),
    "freckles": (freckles, "#8a4b2a", 0.75),
    "star": (star, "#1c5fd6", 0.85),
    "stripes": (stripes, "#f2c230", 0.85),
}


def drawn(points: np.ndarray, size: tuple[int, int], names: Iterable[str], colours: dict[str, str] | None = None) -> np.ndarray:
    """Makeup of these names for a face -> premultiplied layer, float32 (H, W, 4) in 0..1.

    points: (478, 2) landmarks in pixels of a picture of `size` (width, height); colours: name -> "#rrggbb" where another is
    wanted. Raises MakeupError for an unknown name or colour.
    """
    face, layers = Face(points, size), [np.zeros((size[1], size[0], 4), np.float32)]
    for name in check(names):
        alpha, colour, opacity = READY[name]
        shade = np.float32(rgb((colours or {}).get(name, colour))) / 255
        a = (alpha(face) * opacity)[..., None]
        layers.append(np.concatenate([a * shade, a], axis=-1).astype(np.float32))
    return over(*layers)


def check(names: Iterable[str]) -> list[str]:
    """The names as a list. Raises MakeupError for an unknown one, and for none."""
    names = list(names)
    unknown = [name for name in names if name not in READY]
    if unknown or not names:
        said = f"there is no makeup {', '.join(map(repr, unknown))}" if unknown else "no makeup was named"
        raise MakeupError(f"{said}; there are {', '.join(READY)}")
    return names


def rgb(colour: str) -> tuple[int, int, int]:
    """A colour as it is typed, "#c01040" or "red" -> (r, g, b). Raises MakeupError."""
    try:
        return ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise MakeupError(f"{colour!r} is no colour; write it like #c01040, or a name like red") from None

