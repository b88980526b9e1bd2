"""A field of correspondences: two feature maps, normalised once, asked many times. One row of M answers a click.

Symbols as in `correspondence.py`: u is a position of x, v one of y, in row-major order; M(u, v) is their cosine (CoCosNet,
Eq. 3). The whole matrix is never held: single rows, or blocks of rows.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from .correspondence import normalise

BLOCK = 2**22  # entries of M that are held at a time: 16 MB


@dataclass(frozen=True)
class Field:
    """x (HW, C) and y (H'W', C): features of unit length, or zero where a position has none. `Field.of` makes them."""

    x: Tensor
    y: Tensor
    x_grid: tuple[int, int]  # (H, W)
    y_grid: tuple[int, int]  # (H', W')

    @classmethod
    def of(cls, fx: Tensor, fy: Tensor) -> "Field":
        """fx (C, H, W), fy (C, H', W') as a network gives them -> a field, in float32 (float64 stays)."""
        if fx.dim() != 3 or fy.dim() != 3 or fx.shape[0] != fy.shape[0]:
            raise ValueError(f"fx and fy must be (C, H, W) with the same C, got {tuple(fx.shape)} and {tuple(fy.shape)}")
        rows = [normalise((f if f.dtype == torch.float64 else f.float())[None])[0].flatten(1).T.contiguous() for f in (fx, fy)]
        return cls(*rows, tuple(fx.shape[1:]), tuple(fy.shape[1:]))

    @cached_property
    def reversed(self) -> "Field":
        """The field from y to x: M is the same matrix, read by columns."""
        return Field(self.y, self.x, self.y_grid, self.x_grid)

    def shrunk(self, most: int) -> "Field":
        """The same on grids of at most `most` rows and columns: each position has the mean of the features that it covers."""
        return Field.of(*(F.adaptive_avg_pool2d(f.T.unflatten(1, grid), [min(most, n) for n in grid])
                          for f, grid in ((self.x, self.x_grid), (self.y, self.y_grid))))

    def row(self, u: int) -> Tensor:
        """M(u, .), the cosines of one position of x with every one of y. (H'W',) in [-1, 1]."""
        return self.y @ self.x[u]

    def matches(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """arg max_v M(u, v) of each given position, and its cosine. u (N,) -> (N,), (N,); a block of rows at a time."""
        found = [(block @ self.y.T).max(dim=1) for block in self.x[u].split(max(1, BLOCK // len(self.y)))]
        return torch.cat([f.indices for f in found]), torch.cat([f.values for f in found])

    def both_ways(self) -> tuple[Tensor, Tensor]:
        """arg max_v M(u, v) of every u (HW,), and arg max_u M(u, v) of every v (H'W',): one pass over M in blocks of rows."""
        rows, forward = max(1, BLOCK // len(self.y)), []
        top = torch.full((len(self.y),), -torch.inf, dtype=self.y.dtype, device=self.y.device)  # (H'W',)
        back = torch.zeros_like(top, dtype=torch.long)
        for start in range(0, len(self.x), rows):
            M = self.x[start : start + rows] @ self.y.T  # (rows, H'W')
            forward.append(M.max(dim=1).indices)
            best = M.max(dim=0)
            better = best.values > top
            top, back = torch.where(better, best.values, top), torch.where(better, best.indices + start, back)
        return torch.cat(forward), back

    def matrix(self, u: Tensor, v: Tensor) -> Tensor:
        """M of some positions only, to be looked at. u (N,), v (N',) -> (N, N')."""
        return self.x[u] @ self.y[v].T

    def components(self, n: int = 3) -> tuple[Tensor, Tensor]:
        """The n main components of all features of both sides, in one basis: (H, W, n) and (H', W', n), on the CPU.

        Principal component analysis; the component of largest variance first, signs fixed by the largest entry of each axis.
        """
        both = torch.cat([self.x, self.y]).cpu().double()  # (HW + H'W', C)
        centred = both - both.mean(dim=0)
        if len(centred) < centred.shape[1]:  # fewer positions than channels: the same axes from the smaller product
            main = torch.linalg.eigh(centred @ centred.T).eigenvectors.flip(1)[:, :n]  # (HW + H'W', n)
            axes = F.normalize(centred.T @ main, dim=0)  # (C, n)
        else:
            axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :n]  # (C, n)
        axes = axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
        values = (centred @ axes).float()  # (HW + H'W', n)
        return values[: len(self.x)].unflatten(0, self.x_grid), values[len(self.x) :].unflatten(0, self.y_grid)


def attention(row: Tensor, alpha: float) -> Tensor:
    """softmax_v(alpha M(u, v)) of a row of M: what each position of y counts in Eq. 4. (H'W',) -> (H'W',), 1 in sum."""
    return torch.softmax(alpha * row, dim=0)
