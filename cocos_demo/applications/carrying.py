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
from .placing import sample
from .regions import distance_to, nearest_of

GRID = 64  # cells a side, at most, that are matched
NEAR = 1.5 / 32  # of the frame: how far around its best match a place is averaged
ROUNDS, SPREAD = 3, 1.6 / 32  # of smoothing the places; its width, of the frame
REGIONS = 1024  # pixels a side of a map of a face's regions
BORDER = 4  # of these
OPEN = 0.05  # of the lips' area: what a mouth shows between them, if it is open
NOWHERE = -1.0  # a place beyond the portrait's frame
How = Literal["places", "strokes"]  # what Eq. 4 carries


def carried(translator: Translator, condition: Condition, example: Example, strokes: np.ndarray, unit: np.ndarray,
            points: tuple[np.ndarray | None, np.ndarray | None] = (None, None), how: How = "places",
            smooth: bool = False) -> tuple[np.ndarray, float]:
    """The strokes at places `unit` (h, w, 2) of the target's frame: premultiplied (h, w, 4), and their matches' mean cosine.

    strokes: premultiplied (n, n, 4), in the portrait's frame. points: the landmarks of target and portrait (478, 2) in their
    frames, or None; with both, what lies on lips, eyes, teeth or skin stays on them: `confined`. smooth: each place is the mean
    of four within it, for edges without steps.
    """
    out = translator.forward(condition, example)
    fx, fy = (F.adaptive_avg_pool2d(f.float(), [min(GRID, n) for n in f.shape[2:]]) for f in (out.match.fx, out.match.fy))
    alpha = float(getattr(translator.net.config, "alpha", 100.0))
    places, score = field(fx, fy, alpha)
    warped = _warped(fx, fy, strokes, alpha) if how == "strokes" else None
    layers = []
    for at in within(unit) if smooth else [unit]:
        if warped is not None:
            layers.append(sample(warped, at))
            continue
        there = sample(places, at)  # (h, w, 2): of the portrait's frame
        if all(p is not None for p in points):
            there = confined(there, at, *points)
        layers.append(sample(strokes, there) * ((there >= 0) & (there <= 1)).all(-1)[..., None])
    layer = np.mean(layers, axis=0)
    weight = np.clip(layer[..., 3], 0, 1)
    return layer, float((sample(score, unit) * weight).sum() / max(weight.sum(), 1e-6))


def within(unit: np.ndarray) -> list[np.ndarray]:
    """Places (h, w, 2), on a grid, a quarter of a step from each to every corner: four times as many."""
    if min(unit.shape[:2]) < 2:
        return [unit]
    right, down = unit[0, 1] - unit[0, 0], unit[1, 0] - unit[0, 0]
    return [(unit + a * right + b * down).astype(np.float32) for a in (-0.25, 0.25) for b in (-0.25, 0.25)]


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


def confined(there: np.ndarray, unit: np.ndarray, target: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Places (h, w, 2) of the portrait, each moved to the nearest one in the same region of the face as where it is asked from.

    unit (h, w, 2): from where; target, own (478, 2): landmarks of the two faces, all in 0..1 of their frames. A region that the
    portrait does not show, such as the teeth of a closed mouth, has no places: NOWHERE.
    """
    here, portrait = regions(target, REGIONS), regions(own, REGIONS)
    wanted, got = sample(here, unit, smooth=False), sample(portrait, there, smooth=False)  # (h, w)
    moved = there.copy()
    for number in np.unique(wanted[wanted != got]):
        wrong = (wanted == number) & (got != number)
        # Not its very border: strokes are soft there, and a closed mouth is nothing but border.
        inner = distance_to(portrait != number) > BORDER
        if not inner.any():
            moved[wrong] = NOWHERE
            continue
        rows, columns = nearest_of(inner)
        at = np.clip((there[wrong] * REGIONS).astype(int), 0, REGIONS - 1)  # (M, 2)
        moved[wrong] = (np.stack([columns[at[:, 1], at[:, 0]], rows[at[:, 1], at[:, 0]]], -1) + 0.5) / REGIONS
    return moved


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
