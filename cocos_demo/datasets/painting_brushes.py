"""Brushes: filters that turn a picture into strokes, and the light on what stands out of the canvas.

Pictures are float32 (H, W, 3) RGB in 0..1; `radius` is in pixels of a picture 256 px wide and grows with it. All of it is known
craft: OpenCV's oil painting, stylisation, edge-preserving filter and mean shift; the Kuwahara filter with soft sectors (Papari et
al. 2007); line integral convolution along the structure tensor (Cabral, Leedom 1993); strokes of several sizes (Hertzmann 1998).
"""

from functools import lru_cache

import cv2
import numpy as np


class PaintingError(RuntimeError):
    """Paintings cannot be made; the message says what to do."""


def check_opencv() -> None:
    """Raises PaintingError where OpenCV lacks its extra modules: two of its packages share one folder, and the last one wins."""
    if not hasattr(cv2, "xphoto"):
        raise PaintingError("OpenCV is here without its module xphoto (oil painting); bring it back with: "
                            "pip install --force-reinstall --no-deps opencv-contrib-python")


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """(H, W) of mean 0 and deviation 1: random values about every `cell` pixels, smooth between them."""
    h, w = shape
    coarse = rng.normal(size=(max(2, round(h / cell) + 1), max(2, round(w / cell) + 1))).astype(np.float32)
    grown = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)
    return (grown - grown.mean()) / (grown.std() + 1e-6)


def flow(picture: np.ndarray, sigma: float, swirl: np.ndarray | None = None) -> np.ndarray:
    """(H, W, 2) unit vectors (x, y) along the edges, by the smoothed structure tensor; where there is no edge, along `swirl`, an
    (H, W) field of angles, or across the picture."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(one, (0, 0), sigma) for one in (gx * gx, gy * gy, gx * gy))
    idle = 0.004  # an edge weaker than this gives way to the swirl
    angle = np.zeros_like(grey) if swirl is None else swirl
    # Twice the angle, as the tensor has it, so that both can be added: the tangent lies at right angles to the gradient.
    c2 = -(xx - yy) + idle * np.cos(2 * angle)
    s2 = -2 * xy + idle * np.sin(2 * angle)
    theta = 0.5 * np.arctan2(s2, c2)
    return np.stack([np.cos(theta), np.sin(theta)], -1).astype(np.float32)


def along(picture: np.ndarray, field: np.ndarray, length: float) -> np.ndarray:
    """Line integral convolution: the mean of (H, W[, 3]) over a line of `length` pixels that follows the field both ways."""
    h, w = picture.shape[:2]
    y0, x0 = np.mgrid[:h, :w].astype(np.float32)
    total, weight = picture.copy(), 1.0
    steps = max(1, round(length / 2))
    for sign in (1.0, -1.0):
        x, y, way = x0.copy(), y0.copy(), sign * field
        for step in range(steps):
            x, y = x + way[..., 0], y + way[..., 1]
            there = cv2.remap(field, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            way = there * np.where((there * way).sum(-1, keepdims=True) < 0, np.float32(-1), np.float32(1))  # a line has no head
            share = 0.5 + 0.5 * np.cos(np.pi * (step + 1) / (steps + 1))
            total = total + share * cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            weight += share
    return (total / weight).astype(np.float32)


@lru_cache(maxsize=8)
def _sectors(radius: int, count: int = 8) -> tuple[np.ndarray, ...]:
    """`count` normalised kernels: a Gaussian disc cut into soft slices."""
    y, x = np.mgrid[-radius:radius + 1, -radius:radius + 1].astype(np.float32)
    disc = np.exp(-(x * x + y * y) / (0.5 * radius**2)) * (x * x + y * y <= radius**2)
    turn = np.arctan2(y, x)
    kernels = []
    for n in range(count):
        off = np.angle(np.exp(1j * (turn - 2 * np.pi * n / count)))
        kernel = disc * np.exp(-(off / (np.pi / count)) ** 2)
        kernel[radius, radius] = disc[radius, radius] / count
        kernels.append((kernel / kernel.sum()).astype(np.float32))
    return tuple(kernels)


def kuwahara(picture: np.ndarray, radius: int, q: float = 8.0) -> np.ndarray:
    """The mean of eight slices around each pixel, the calmest counting most: flat dabs with sharp rims."""
    total, weight = np.zeros_like(picture), np.zeros(picture.shape[:2] + (1,), np.float32)
    for kernel in _sectors(radius):
        mean = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT)
        square = cv2.filter2D(picture * picture, -1, kernel, borderType=cv2.BORDER_REFLECT)
        spread = np.sqrt(np.maximum(square - mean * mean, 0).sum(-1, keepdims=True))
        share = 1 / (0.02 + spread) ** q
        total, weight = total + share * mean, weight + share
    return total / weight


def oil(picture: np.ndarray, radius: int) -> np.ndarray:
    """OpenCV's oil painting: the mean colour of the most common lightness around each pixel; runs joined along the edges."""
    painted = cv2.xphoto.oilPainting(_bytes(picture), max(1, radius), 1)
    return along(painted.astype(np.float32) / 255, flow(picture, 3), 2 * radius)


def glaze(picture: np.ndarray, radius: int) -> np.ndarray:
    """OpenCV's edge-preserving filter: smooth layers without a visible stroke."""
    smooth = cv2.edgePreservingFilter(_bytes(picture), flags=1, sigma_s=6 * radius, sigma_r=0.22)
    return kuwahara(smooth.astype(np.float32) / 255, max(2, round(0.7 * radius)))


def wash(picture: np.ndarray, radius: int) -> np.ndarray:
    """OpenCV's stylisation: even fields and a drawn outline."""
    drawn = cv2.stylization(_bytes(picture), sigma_s=10 * radius, sigma_r=0.35)
    return kuwahara(drawn.astype(np.float32) / 255, radius)


def knife(picture: np.ndarray, radius: int) -> np.ndarray:
    """Mean shift, then soft sectors: flat facets as a palette knife leaves them."""
    flat = cv2.pyrMeanShiftFiltering(_bytes(picture), 2 * radius, 26)
    return kuwahara(flat.astype(np.float32) / 255, radius)


def swirled(picture: np.ndarray, radius: int, rng: np.random.Generator) -> np.ndarray:
    """Long bristle lines along the edges, and in whirls where there are none."""
    whirl = noise(rng, picture.shape[:2], picture.shape[1] / 3) * 1.6
    field = flow(picture, 3, whirl)
    rough = noise(rng, picture.shape[:2], 1.6 * radius / 3)[..., None]
    grain = along(np.repeat(rough, 3, -1), field, 9 * radius)[..., :1]
    lines = along(kuwahara(picture, radius), field, 4 * radius)
    return np.clip(lines + 0.11 * grain / (grain.std() + 1e-6) * (0.35 + lines.mean(-1, keepdims=True)), 0, 1)


def strokes(picture: np.ndarray, radii: tuple[int, ...], rng: np.random.Generator, length: int = 9, colours: float = 0.055,
            accuracy: float = 0.07) -> np.ndarray:
    """Curved strokes, the broad ones first, finer ones only where the picture is not yet met (Hertzmann 1998).

    `length` is in steps of a radius, 2 for dots; `colours`: how far a stroke strays from the colour it saw.
    """
    h, w = picture.shape[:2]
    canvas = cv2.GaussianBlur(picture, (0, 0), 2 * radii[0])
    for number, radius in enumerate(radii):
        seen = cv2.GaussianBlur(picture, (0, 0), max(0.5, 0.5 * radius))
        field = flow(seen, 1 + radius / 2, noise(rng, (h, w), w / 3))
        error = cv2.blur(np.abs(canvas - seen).sum(-1), (2 * radius + 1, 2 * radius + 1))
        step = max(2, round(1.2 * radius))
        ys, xs = np.mgrid[step // 2:h:step, step // 2:w:step]
        spots = np.stack([xs.ravel(), ys.ravel()], -1) + rng.integers(-step // 2, step // 2 + 1, (xs.size, 2))
        spots = np.clip(spots, 0, (w - 1, h - 1))
        if number:
            spots = spots[error[spots[:, 1], spots[:, 0]] > accuracy * 3]
        spots = rng.permutation(spots)
        lines, ends = _lines(seen, canvas, field, spots, radius, length)
        paint = seen[spots[:, 1], spots[:, 0]]
        stray = rng.normal(size=(len(spots), 1)) + 0.7 * rng.normal(size=(len(spots), 3))
        paint = np.clip(paint + colours * (0.4 + paint.mean(-1, keepdims=True)) * stray, 0, 1).tolist()
        for line, end, colour in zip(lines, ends, paint, strict=True):
            cv2.polylines(canvas, [line[:end, None]], False, colour, 2 * radius, cv2.LINE_AA, 3)
    return canvas


def _lines(seen, canvas, field, spots, radius, length) -> tuple[np.ndarray, np.ndarray]:
    """Strokes from `spots` (N, 2) -> points (N, length, 2) int32 in eighths of a pixel, and how many of each are drawn (N,): a
    stroke follows the field until it leaves the picture, or what is there already comes nearer than its own colour."""
    h, w = seen.shape[:2]
    at = spots.astype(np.float32)
    way, colour = field[spots[:, 1], spots[:, 0]], seen[spots[:, 1], spots[:, 0]]
    points, ends, alive = [at], np.ones(len(at), int), np.ones(len(at), bool)
    for step in range(1, length):
        at = at + radius * way
        x, y = np.clip(at[:, 0], 0, w - 1).astype(int), np.clip(at[:, 1], 0, h - 1).astype(int)
        alive &= (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] < w) & (at[:, 1] < h)
        if step > 2:
            there = seen[y, x]
            alive &= np.abs(there - canvas[y, x]).sum(-1) >= np.abs(there - colour).sum(-1)
        ends += alive
        points.append(at)
        turn = field[y, x]
        way = turn * np.where((turn * way).sum(-1, keepdims=True) < 0, np.float32(-1), np.float32(1))
    return np.round(np.stack(points, 1) * 8).astype(np.int32), ends


def impasto(picture: np.ndarray, strength: float | np.ndarray, rng: np.random.Generator, light: float = -2.2,
            radius: int = 3) -> np.ndarray:
    """The picture lit from the angle `light` as if its paint stood out: bristle grooves along the strokes, and their rims.

    `strength` is a number or an array (H, W, 1).
    """
    field = flow(picture, 2, 0.8 * noise(rng, picture.shape[:2], picture.shape[1] / 4) - 0.6)
    grooves = along(noise(rng, picture.shape[:2], 1.3), field, 5 * radius)
    height = grooves / (grooves.std() + 1e-6) + 6 * cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    slope = np.cos(light) * cv2.Sobel(height, cv2.CV_32F, 1, 0) + np.sin(light) * cv2.Sobel(height, cv2.CV_32F, 0, 1)
    slope = np.clip(slope / (4 * slope.std() + 1e-6), -1, 1)[..., None]
    return np.clip(picture * (1 + strength * slope) + 0.25 * strength * np.maximum(slope, 0) ** 2, 0, 1)


def canvas(picture: np.ndarray, strength: float, rng: np.random.Generator, thread: float = 4.0) -> np.ndarray:
    """A woven ground that shows through: threads `thread` pixels apart, uneven as linen is."""
    if strength <= 0:
        return picture
    h, w = picture.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32)
    x, y = x + 0.7 * noise(rng, (h, w), 14), y + 0.7 * noise(rng, (h, w), 14)
    weave = np.sin(2 * np.pi * x / thread) * np.sin(2 * np.pi * y / thread) + 0.5 * noise(rng, (h, w), 2)
    return np.clip(picture * (1 + strength * weave[..., None]), 0, 1)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
