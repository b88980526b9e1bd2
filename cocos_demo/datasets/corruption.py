"""SEGIN's training data by corruption: an auxiliary image as wrong as it will be, made of one that is right.

Of a photo y and its own condition x, W(x, y) is nearly y, and nothing would be learned but to copy it. So the matches xi are made
worse before the patches are pasted (section III B 1, Fig. 4), in the three ways that the paper names and gives no numbers for:

    shift    patches of a region come from a little beside their place
    repeat   a pattern of a few patches fills a region
    random   patches come from anywhere: single ones, and whole regions
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Corruption:
    """How likely each kind is. A region is a rectangle of up to `region` of the side; each of `regions` tries may make one."""

    shift: float = 0.5  # probability of each try to shift a region
    repeat: float = 0.25  # ... to fill one with a pattern
    random: float = 0.25  # ... to fill one with another place's patches
    scattered: float = 0.1  # up to this share of single patches come from anywhere; how many is drawn for each picture
    regions: int = 4
    region: float = 0.35
    farthest: float = 0.12  # of a shift, in sides

    def __post_init__(self):
        for name in ("shift", "repeat", "random", "scattered", "region", "farthest"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share and lies between 0 and 1, got {getattr(self, name)}")
        if self.regions < 0:
            raise ValueError(f"regions must be at least 0, got {self.regions}")


def corrupt(xi: Tensor, grid: tuple[int, int], how: Corruption,
            generator: torch.Generator | Sequence[torch.Generator] | None = None) -> Tensor:
    """xi (B, h, w), positions on the reference's `grid` (h', w') -> the same, corrupted, each picture by its own dice.

    `generator`: one for all pictures, one for each, or None: torch's own. xi is left as it is.
    """
    dice = generator if isinstance(generator, Sequence) else [generator] * len(xi)
    return torch.stack([_corrupted(one.cpu(), grid, how, of_one) for one, of_one in zip(xi, dice, strict=True)]).to(xi.device)


def _corrupted(xi: Tensor, grid: tuple[int, int], how: Corruption, generator: torch.Generator | None) -> Tensor:
    (h, w), (rows, columns) = xi.shape, grid
    y, x = xi // columns, xi % columns

    def below(n: int) -> int:
        return int(torch.randint(max(n, 1), (), generator=generator))

    def chance() -> float:
        return float(torch.rand((), generator=generator))

    for _ in range(how.regions):
        for kind in ("shift", "repeat", "random"):
            if chance() >= getattr(how, kind):
                continue
            a, b = (min(2 + below(round(how.region * n) - 1), n) for n in (h, w))  # at least two patches a side
            top, left = below(h - a + 1), below(w - b + 1)
            here = slice(top, top + a), slice(left, left + b)
            if kind == "shift":
                for at, n in ((y, rows), (x, columns)):
                    reach = round(how.farthest * n)
                    at[here] += below(2 * reach + 1) - reach
            elif kind == "repeat":
                m = 1 + below(3)
                i, j = (torch.arange(n) % m for n in (a, b))
                tile = tuple(s[top : top + m, left : left + m] for s in (y, x))
                for at, pattern in zip((y, x), tile, strict=True):
                    i, j = i.clamp(max=pattern.shape[0] - 1), j.clamp(max=pattern.shape[1] - 1)
                    at[here] = pattern[i[:, None], j].clone()
            else:
                at_y, at_x = below(rows), below(columns)
                y[here] = (at_y + torch.arange(a)[:, None]).expand(a, b)
                x[here] = (at_x + torch.arange(b)).expand(a, b)
    stray = torch.rand(h, w, generator=generator) < how.scattered * chance()
    y[stray], x[stray] = (torch.randint(n, (int(stray.sum()),), generator=generator) for n in grid)
    return y.clamp(0, rows - 1) * columns + x.clamp(0, columns - 1)
