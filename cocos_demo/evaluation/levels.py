"""The levels of CoCosNet v2, each measured as if it were the finest, matched in three ways.

network     H_l and w_l as the network finds them
exact       the same features compared in full at that level alone: the K best of all places, and Eq. 8 over them
published   the same features, matched by the released code's hierarchical PatchMatch, defects included: 16 candidates, five
            iterations, its own refinement, which no training ever changes, at the random weights of a fixed seed
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..metrics import grown_places, pck
from ..models import CoCosNetV2
from ..models import patchmatch as pm
from ..models import published_patchmatch as released
from ..models.cocosnet_v2 import Levels
from ..models.correspondence import normalise
from ..models.layers import resize
from .likeness import measured

THRESHOLDS = (0.03, 0.05, 0.1)  # of PCK, shares of the picture's height
ITERATIONS = 5  # of the released code, at each level but the first
WAYS = ("network", "exact", "published")


@dataclass(frozen=True)
class Found:
    """What one way finds at one level."""

    H: Tensor  # (B, h, w, K, 2) places in cells of y's grid, best first
    warp: Tensor  # (B, 3, h, w) in [-1, 1]
    cosine: Tensor  # (B, h, w) of each position with the cell of its best


def of_the_network(match: Levels) -> list[Found]:
    """The network's own answer, coarse to fine."""
    return [_found(match, level, H, warp) for level, (H, warp) in enumerate(zip(match.H, match.warps))]


def exact(match: Levels, exemplar: Tensor, K: int, alpha: float) -> list[Found]:
    """Each level's features compared in full, whatever the coarser ones say. exemplar (B, 3, H, W)."""
    answers = []
    for level in range(len(match.H)):
        fx, fy = map(pm.rows, match.compared(level))
        H = pm.dense(fx, fy, K)[0]
        answers.append(_found(match, level, H, pm.soft_warp(fx, fy, H, resize(exemplar, fy.shape[1:3]), alpha)))
    return answers


def published(match: Levels, exemplar: Tensor, seed: int = 0) -> list[Found]:
    """The released steps on the same features. Levels must each be twice as fine as the one before; ValueError if not."""
    theta, phi = ([normalise(f) for f in side] for side in zip(*map(match.compared, range(len(match.H)))))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        N = released.PatchMatchGRU(theta[0].shape[1]).to(theta[0])
    flips = released.coin_tosses((len(theta) - 1) * ITERATIONS)
    H, warps, _ = released.matched(theta, phi, exemplar, N, ITERATIONS, flips)
    return [_found(match, level, *answer) for level, answer in enumerate(zip(H, warps))]


def in_every_way(net: CoCosNetV2, match: Levels, exemplar: Tensor) -> dict[str, list[Found]]:
    """WAYS -> their answers, coarse to fine; without "published" where levels are not each twice as fine as the one before."""
    answers = {"network": of_the_network(match), "exact": exact(match, exemplar, net.config.candidates, net.config.alpha)}
    strides = net.config.strides
    if all(coarse == 2 * fine for coarse, fine in zip(strides, strides[1:])):
        answers["published"] = published(match, exemplar)
    return answers


def _found(match: Levels, level: int, H: Tensor, warp: Tensor) -> Found:
    return Found(H, warp, pm.evaluate(*map(pm.rows, match.compared(level)), H[..., :1, :]).squeeze(3))


class LevelMeter:
    """Collects pairs one by one. `figures`: {"16 px, network: PCK@0.1", "16 px, network: L1 over the figure", ...: mean}.

    PCK of the first candidate, a pixel keeping its offset inside its cell, every pixel counting alike; L1, PSNR and SSIM of the
    warp, grown to the picture; the cosine of the first candidate, over all positions.
    """

    def __init__(self, left_out: frozenset[str] = frozenset()):
        self.left_out = left_out
        self.pixels: list[int] = []
        self.rows: dict[str, list[float]] = {}

    def add(self, answers: dict[str, list[Found]], photo: Tensor, truth: Tensor, visible: Tensor, figure: Tensor) -> None:
        """Of one pair, ways -> levels; photo x_B (1, 3, S, S) in [-1, 1]; truth, visible, figure as `true_places` gives them."""
        size = photo.shape[3]
        self.pixels.append(int(visible.sum()))
        for way, levels in answers.items():
            for found in levels:
                h, w = found.warp.shape[2:]
                first = (found.H[..., 0, :] / found.H.new_tensor([w, h])).permute(0, 3, 1, 2)  # (1, 2, h, w), unit coordinates
                rates = pck(grown_places(first, size)[0], truth, visible, THRESHOLDS)
                grown = resize(found.warp, (size, size)).clamp(-1, 1)
                row = {f"PCK@{t}": rate for t, rate in rates.items()} | {"cosine": float(found.cosine.mean())}
                for name, value in (row | measured(grown, photo, figure[None, None], self.left_out)).items():
                    self.rows.setdefault(f"{w} px, {way}: {name}", []).append(value)

    @property
    def figures(self) -> dict[str, float]:
        return {name: float(np.average(values, weights=self.pixels if "PCK" in name else None))
                for name, values in self.rows.items()}
