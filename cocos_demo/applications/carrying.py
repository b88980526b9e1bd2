"""What was drawn on one face, carried to another by a network's correspondence, as finely as the other has pixels.

Eq. 4 averages whatever the exemplar carries. Here that is the place of each cell: between cells a place can be told as finely as
one likes, where a warp of the strokes themselves comes in blocks of the network's cells.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from ..conditions.portrait import EYES, LIPS
from ..models import correspondence
from ..translator import Condition, Example, Translator
from .placing import Place, sample
from .regions import distance_to, nearest_of

GRID = 64  # cells a side, at most, that are matched
NEAR = 1.5 / 32  # of the frame: how far around its best match a place is averaged
ROUNDS, SPREAD = 3, 1.6 / 32  # of smoothing the places; its width, of the frame
REGIONS = 1024  # pixels a side of a map of a face's regions
BORDER = 4  # of these
OPEN = 0.05  # of the lips' area: what a mouth shows between them, if it is open
LARGE = 2000  # pixels of a target's frame from which on nobody sees such steps
NOWHERE = -1.0  # a place beyond the portrait's frame
How = Literal["places", "strokes"]  # what Eq. 4 carries


class Carrier:
    """Strokes of one face on their way to another: the network's answer, to be looked up at any place of the target."""

    def __init__(self, translator: Translator, condition: Condition, example: Example, strokes: np.ndarray,
                 points: tuple[np.ndarray | None, np.ndarray | None] = (None, None), how: How = "places"):
        """strokes: premultiplied (n, n, K), their alpha fourth, in the portrait's frame. points: the landmarks of target and
        portrait (478, 2) in their frames, or None; with both, strokes on lips, eyes, teeth or skin stay on them: `Confines`."""
        match = translator.forward(condition, example).match
        fx, fy = (F.adaptive_avg_pool2d(f.float(), [min(GRID, n) for n in f.shape[2:]]) for f in (match.fx, match.fy))
        alpha = float(getattr(translator.net.config, "alpha", 100.0))
        self.strokes = strokes
        self.confines = Confines(*points) if all(p is not None for p in points) else None
        self.places, self.score = field(fx, fy, alpha)
        self.warped = _warped(fx, fy, strokes, alpha) if how == "strokes" else None

    def at(self, unit: np.ndarray) -> np.ndarray:
        """The strokes at places (h, w, 2) of the target's frame: (h, w, K)."""
        if self.warped is not None:
            return sample(self.warped, unit)
        there = sample(self.places, unit)  # (h, w, 2): of the portrait's frame
        if self.confines is not None:
            there = self.confines.moved(there, unit)
        return sample(self.strokes, there) * ((there >= 0) & (there <= 1)).all(-1)[..., None]

    def smooth(self, place: Place) -> np.ndarray:
        """The strokes at a place's pixels, in 0..1, each the mean of four points in it, for edges without steps: (h, w, K)."""
        unit, (right, down) = place.unit, place.steps
        if place.frame.side > LARGE:
            return np.clip(self.at(unit), 0, 1)
        shifts = (a * right + b * down for a in (-0.25, 0.25) for b in (-0.25, 0.25))
        return np.mean([np.clip(self.at((unit + shift).astype(np.float32)), 0, 1) for shift in shifts], axis=0)


def field(fx: Tensor, fy: Tensor, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """For each cell of the target its place in the portrait's frame, and the cosine of its best match.

    fx (1, C, h, w), fy (1, C, h', w') -> float32 (h, w, 2) unit x, y, smoothed as far as matches agree, and (h, w). The place is
    Eq. 4's mean of places within NEAR of the best match alone: the mean of two eyes would lie on the nose.
    """
    (rows, columns), (h, w) = fx.shape[2:], fy.shape[2:]
    M = correspondence.correlate(fx, fy)[0].cpu()  # (hw, h'w')
    best, back = M.max(dim=1), M.max(dim=0).indices
    y, x = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
    at = torch.stack([x, y], -1).reshape(-1, 2)  # (h'w', 2)
    near = torch.cdist(at, at)[best.indices] <= NEAR  # (hw, h'w')
    weights = torch.softmax(alpha * M, dim=1) * near
    share = weights.sum(1)  # of Eq. 4 that lies near the best: low where several places look alike
    places = (weights @ at) / share.clamp(min=1e-12)[:, None]
    home = back[best.indices].numpy()
    (uy, ux), (by, bx) = (np.divmod(u, columns) for u in (np.arange(rows * columns), home))
    lost = np.hypot((uy - by) / rows, (ux - bx) / columns)  # round trip
    sure = np.exp(-((lost / 0.06) ** 2)) * share.numpy() + 1e-3
    field = smoothed(places.numpy().reshape(rows, columns, 2), sure.reshape(rows, columns))
    return field.astype(np.float32), best.values.numpy().reshape(rows, columns)


def smoothed(places: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Places (h, w, 2) with what is unsure taken from the neighbours: a smooth field through those that agree.

    What is smoothed is where a place lies beside an affine map of the whole field, fitted to the sure ones; those that disagree
    with their neighbourhood count less in each round.
    """
    import cv2

    h, w = sure.shape
    y, x = np.mgrid[:h, :w]
    at = np.stack([(x + 0.5) / w, (y + 0.5) / h, np.ones((h, w))], -1)  # (h, w, 3)
    weight, sigma = sure.astype(np.float64), SPREAD * h
    for _ in range(ROUNDS):
        root = np.sqrt(weight).reshape(-1, 1)
        affine = np.linalg.lstsq(at.reshape(-1, 3) * root, places.reshape(-1, 2) * root, rcond=None)[0]
        base = at @ affine  # (h, w, 2)
        rest = places - base
        mean, total = np.zeros_like(rest), np.zeros((h, w))
        for times, share in ((1, 1.0), (3, 0.05), (9, 0.002)):  # near ones if there are sure ones, else farther ones
            total += share * cv2.GaussianBlur(weight, (0, 0), times * sigma)
            mean += share * cv2.GaussianBlur(rest * weight[..., None], (0, 0), times * sigma)
        field = base + mean / np.maximum(total, 1e-12)[..., None]
        off = np.linalg.norm(places - field, axis=-1)
        weight = sure / (1 + (off / 0.03) ** 2)
    return field


class Confines:
    """The regions of two faces, so that strokes do not cross from one to another: see `moved`."""

    def __init__(self, target: np.ndarray, own: np.ndarray):
        """target, own: landmarks (478, 2) of the two faces, in 0..1 of their frames."""
        self.here, self.there, self._nearest = regions(target, REGIONS), regions(own, REGIONS), {}

    def moved(self, there: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Places (h, w, 2) of the portrait, each moved to the nearest one in the region that its `unit`, of the target, is in.

        A region that the portrait does not show, such as the teeth of a closed mouth, has no places: NOWHERE.
        """
        wanted, got = sample(self.here, unit, smooth=False), sample(self.there, there, smooth=False)  # (h, w)
        moved = there.copy()
        for number in np.unique(wanted[wanted != got]).tolist():
            wrong = (wanted == number) & (got != number)
            at = np.clip((there[wrong] * REGIONS).astype(int), 0, REGIONS - 1)  # (M, 2)
            near = self.nearest(number)
            moved[wrong] = NOWHERE if near is None else (near[at[:, 1], at[:, 0]] + 0.5) / REGIONS
        return moved

    def nearest(self, number: int) -> np.ndarray | None:
        """Column and row, (REGIONS, REGIONS, 2), of the portrait's nearest pixel within a region; None where it has none."""
        if number not in self._nearest:
            # Not its very border: strokes are soft there, and a closed eye is nothing but border.
            inner = distance_to(self.there != number) > BORDER
            self._nearest[number] = np.stack(nearest_of(inner)[::-1], -1).astype(np.int32) if inner.any() else None
        return self._nearest[number]


def regions(points: np.ndarray, n: int) -> np.ndarray:
    """Landmarks (478, 2) in 0..1 -> uint8 (n, n): 0 skin and all that is none of these: 1 eyes, 2 lips, 3 between the lips."""
    drawn = Image.new("L", (n, n))
    pen = ImageDraw.Draw(drawn)
    shut = _area(points[list(LIPS[1])]) < OPEN * _area(points[list(LIPS[0])])
    for number, chains in enumerate((EYES, LIPS[:1], () if shut else LIPS[1:]), 1):
        for chain in chains:
            pen.polygon([tuple(xy) for xy in points[list(chain)] * n - 0.5], fill=number)
    return np.array(drawn)


def _area(polygon: np.ndarray) -> float:
    """Of a polygon (N, 2), by the shoelace formula."""
    x, y = polygon.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def _warped(fx: Tensor, fy: Tensor, strokes: np.ndarray, alpha: float) -> np.ndarray:
    """Eq. 4 with the strokes themselves: each cell of the exemplar carries its patch of them. (n, n, 4) -> (m, m, 4)."""
    import cv2

    h = fy.shape[2]
    p = max(1, 256 // h)
    small = cv2.resize(strokes, (h * p, h * p), interpolation=cv2.INTER_AREA)
    y = correspondence.to_patches(torch.from_numpy(small).permute(2, 0, 1)[None].to(fy), p)  # (1, 4 p p, h', w')
    return correspondence.from_patches(correspondence.warp(fx, fy, y, alpha), p)[0].permute(1, 2, 0).cpu().numpy()
