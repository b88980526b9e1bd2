"""One picture painted: colours of the manner, ground and garment (the underdrawing), then the brush, the canvas, the varnish."""

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ..conditions.portrait import EYES, LIPS, NOSE, OVAL
from . import painting_brushes as brushes
from .painting_manners import Manner, from_lab, lab, rgb

CHIN = 152  # the lowest landmark of the face oval


def paint(picture: np.ndarray, points: np.ndarray, mask: np.ndarray | None, manner: Manner,
          rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Portrait uint8 (S, S, 3), landmarks (478, 3), foreground bool (S, S) or None -> painting and its underdrawing, uint8 RGB.

    The underdrawing has the painting's colours and ground and no stroke yet. Without a mask the ground stays what it was, and
    the garment too. What is random is the ground's pattern and the strokes; the palette is the manner's.
    """
    drawn = underdrawing(picture.astype(np.float32) / 255, points, mask, manner, rng).astype(np.float32)
    radius = max(1, round(manner.radius * len(picture) / 256))
    painted = _brush(drawn, manner.brush, radius, rng)
    if radius > 2:  # eyes, nose and mouth are done with half the brush
        share = _features(points, len(picture))
        rows, columns = (slice(seen.min(), seen.max() + 1) for seen in np.nonzero(share[..., 0]))
        fine = _brush(np.ascontiguousarray(drawn[rows, columns]), manner.brush, radius // 2, rng)
        painted = np.array(painted, np.float32)
        painted[rows, columns] += share[rows, columns] * (fine - painted[rows, columns])
    face = cv2.GaussianBlur(_face(points, len(picture)).astype(np.float32), (0, 0), len(picture) / 40)[..., None]
    painted = brushes.impasto(painted, manner.impasto * (1 - 0.4 * face), rng, manner.light)
    painted = brushes.canvas(painted, manner.canvas, rng) * rgb(manner.varnish)
    return tuple(np.round(np.clip(one, 0, 1) * 255).astype(np.uint8) for one in (painted, drawn * rgb(manner.varnish)))


def underdrawing(picture: np.ndarray, points: np.ndarray, mask: np.ndarray | None, manner: Manner,
                 rng: np.random.Generator) -> np.ndarray:
    """(S, S, 3) in 0..1 -> the same in the manner's colours, its ground and its garment."""
    size = len(picture)
    own = lab(picture)
    skin = np.median(own[_face(points, size)], 0)  # (3,)
    L = np.clip(50 + manner.contrast * (own[..., 0] - 50) + manner.level, 1, 99)
    L = np.clip(L * _lighting(points, size, manner), 1, 99)
    person = _toned(L, own, manner)
    if mask is not None:
        alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), size / 200)[..., None]
        if manner.garments:
            person = _dressed(person, L, own, skin, points, mask, manner)
        if manner.ground:
            person = alpha * person + (1 - alpha) * ground(points, size, manner, rng)
    return person


def _toned(L: np.ndarray, own: np.ndarray, manner: Manner) -> np.ndarray:
    """Lightness L (H, W) in the ramp's hues, mixed with the picture's own."""
    stops = lab(np.stack([rgb(c) for c in manner.ramp]))  # (n, 3)
    hue = np.stack([np.interp(L, stops[:, 0], stops[:, k]) for k in (1, 2)], -1)
    rich = manner.saturation * (manner.mix * hue + (1 - manner.mix) * own[..., 1:])
    return from_lab(np.concatenate([L[..., None], rich], -1))


def _face(points: np.ndarray, size: int) -> np.ndarray:
    """bool (size, size): inside the face oval."""
    inside = Image.new("1", (size, size))
    ImageDraw.Draw(inside).polygon([tuple(xy) for xy in points[list(OVAL[0]), :2] * size - 0.5], fill=1)
    inside = np.asarray(inside)
    if not inside.any():
        raise brushes.PaintingError("the landmarks' face oval holds no pixel; prepare the portraits again")
    return inside


def _features(points: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 1) in 0..1: about eyes, nose and mouth, soft at the rim."""
    layer = Image.new("L", (size, size))
    pen = ImageDraw.Draw(layer)
    for chain in (*EYES, NOSE[1], LIPS[0]):
        line = [tuple(xy) for xy in points[list(chain), :2] * size - 0.5]
        pen.polygon(line, fill=255)
        pen.line(line, fill=255, width=max(1, size // 24))
    soft = cv2.GaussianBlur(np.asarray(layer, np.float32) / 255, (0, 0), size / 64)
    return np.where(soft > 0.01, soft, 0)[..., None]


def _lighting(points: np.ndarray, size: int, manner: Manner) -> np.ndarray:
    """(size, size) factor on lightness: 1 towards the light, down to 1 - dusk on the far side and in the corners."""
    oval = points[list(OVAL[0]), :2]
    cx, cy = oval.mean(0)
    half = max(float(np.ptp(oval[:, 1])) / 2, 0.05)
    y, x = ((np.mgrid[:size, :size] + 0.5) / size).astype(np.float32)
    u, v = (x - cx) / half, (y - cy) / half
    away = -(np.cos(manner.light) * u + np.sin(manner.light) * v)  # 1 at the far rim of the face
    shade = 0.5 * _step(away, 0.0, 1.5) + 0.5 * _step(np.hypot(u, v), 0.9, 2.4)
    return 1 - manner.dusk * shade


def _step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _dressed(person, L, own, skin, points, mask, manner) -> np.ndarray:
    """What is bright below the chin and no skin becomes the garment, its folds kept."""
    size = len(person)
    unlike = np.hypot(own[..., 1] - skin[1], own[..., 2] - skin[2])
    rows = ((np.arange(size) + 0.5) / size)[:, None]
    cloth = _step(own[..., 0], 42, 62) * _step(unlike, 8, 15) * _step(rows, points[CHIN, 1] - 0.02, points[CHIN, 1] + 0.04) * mask
    cloth = cv2.GaussianBlur(cloth.astype(np.float32), (0, 0), size / 256)[..., None]
    colour = lab(rgb(manner.garments[0]))
    fold = np.clip(L / 88, 0.05, 1.1) ** 1.5
    dyed = np.stack([np.clip(6 + colour[0] * fold, 1, 99), colour[1] * fold**0.5, colour[2] * fold**0.5], -1)
    return cloth * from_lab(dyed) + (1 - cloth) * person


def ground(points: np.ndarray, size: int, manner: Manner, rng: np.random.Generator) -> np.ndarray:
    """(size, size, 3) in 0..1: what is painted behind the person, by the manner's layout."""
    shape = (size, size)
    y, x = ((np.mgrid[:size, :size] + 0.5) / size).astype(np.float32)
    cloud = 0.6 * brushes.noise(rng, shape, size / 4) + 0.4 * brushes.noise(rng, shape, size / 14)
    cx, cy = points[list(OVAL[0]), :2].mean(0)
    if manner.layout == "halo":  # lightest beside the head, on the side away from the light
        far = np.hypot(x - cx + 0.25 * np.cos(manner.light), y - cy)
        t = 1 - far / 0.75 + 0.07 * cloud
    elif manner.layout == "landscape":  # from the sky down
        t = y + 0.06 * cloud + 0.05 * np.sin(5 * x + rng.uniform(0, 6))
    elif manner.layout == "drape":
        folds = np.sin(2 * np.pi * (x * rng.uniform(3, 5) + 0.25 * brushes.noise(rng, shape, size / 3) + 0.3 * y))
        t = 0.5 + 0.35 * folds + 0.06 * cloud
    elif manner.layout == "patches":
        t = _patches(shape, rng)
    elif manner.layout == "mosaic":
        t = _mosaic(shape, rng)
    else:
        t = 0.5 + 0.22 * cloud + 0.15 * (cy - y)
    at = np.clip(t, 0, 1) * (len(manner.ground) - 1)
    stops = lab(np.stack([rgb(c) for c in manner.ground]))
    tones = np.stack([np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)], -1)
    tones[..., 1:] += rng.normal(0, 1, 2) + 2.5 * np.stack([brushes.noise(rng, shape, size / 8) for _ in range(2)], -1)
    tones[..., 0] = np.clip(tones[..., 0] * (1 - 0.4 * manner.dusk * _step(np.hypot(x - cx, y - cy), 0.35, 0.9)), 1, 99)
    return from_lab(tones)


def _patches(shape: tuple[int, int], rng: np.random.Generator, count: int = 70) -> np.ndarray:
    """(H, W) in 0..1: patches of one tone each, about random seeds."""
    y, x = ((np.mgrid[:shape[0], :shape[1]] + 0.5) / shape[0]).astype(np.float32)
    seeds = rng.uniform(0, 1, (count, 2)).astype(np.float32)
    nearest = ((x[..., None] - seeds[:, 0]) ** 2 + 1.6 * (y[..., None] - seeds[:, 1]) ** 2).argmin(-1)
    return rng.uniform(0, 1, count)[nearest]


def _mosaic(shape: tuple[int, int], rng: np.random.Generator, tiles: int = 22) -> np.ndarray:
    """(H, W) in 0..1: small upright stones in rows, each row shifted, most of them bright."""
    y, x = (np.mgrid[:shape[0], :shape[1]] + 0.5) / shape[0]
    row = np.floor(y * tiles).astype(int)
    column = np.floor(x * tiles * 1.6 + rng.uniform(0, 1, tiles + 1)[row]).astype(int)
    return rng.beta(2.2, 1.2, (tiles + 1, 2 * tiles + 2))[row, column]


def _brush(drawn: np.ndarray, brush: str, radius: int, rng: np.random.Generator) -> np.ndarray:
    if brush in ("strokes", "dots"):
        fine = max(1, round(radius / 3))
        if brush == "dots":
            return brushes.strokes(drawn, (radius, max(1, radius - 1)), rng, length=2, colours=0.11, accuracy=0.03)
        return brushes.strokes(drawn, (2 * radius, radius, fine), rng, accuracy=0.05)
    if brush == "swirled":
        return brushes.swirled(drawn, radius, rng)
    return getattr(brushes, brush)(drawn, radius)
