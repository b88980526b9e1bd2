"""The hierarchical PatchMatch of the released CoCosNet v2, step by step, its two defects included.

Symbols as in `patchmatch.py`, laid out otherwise: `offset` is O, (B, h, w, 2, K), rows before columns, in cells; v is the cell
that a candidate is read from, row * w + column, (B, h, w, K) int64. K = 16 everywhere. Every step has a test against loops.

| step         | paper                                      | released code, and here                                       |
|--------------|--------------------------------------------|---------------------------------------------------------------|
| beginning    | candidates of the coarse level             | its first alone, and d in {-2, 0, 2, 4} round it: `beginning` |
| propagation  | Eq. 5                                      | rows or columns first by the toss of a coin: `flips`; beyond  |
|              |                                            | the border, the offset 0                                      |
| evaluation   | K best                                     | the same; one cell may be there many times                    |
| hidden state | 0; f^x and f^y are part of x_t             | made of f^x and f^y; x_t is offsets and scores                |
| refinement   | one network N_l for each level             | one for all three levels                                      |
| gradient     | "fully differentiable"                     | first defect: none reaches the refinement. Its offsets become |
|              |                                            | numbers of cells, and those have no gradient (`torch.no_grad` |
|              |                                            | here): 30 tensors keep the values they began with             |
| places       | real numbers                               | second defect: v = whole part of (row * w + column), but row  |
|              |                                            | may have a fraction: a quarter of a row less moves the match  |
|              |                                            | by w / 4 columns, and a thousandth up to one column           |
| what remains | a correction that was learned              | half of all candidates move one column to the left each time: |
|              |                                            | a jitter that does the work of a random search                |
"""

import random
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import ConvGRU, conv
from .patchmatch import Products

BLOCK = 2**20  # numbers that are worked on at a time
K = 16
TEMPERATURE = 0.01  # scores are divided by it before every softmax
SEED = 1234  # of the released test program: the coin that its first picture meets

# ---- offsets and cells


def positions(h: int, w: int, like: Tensor) -> Tensor:
    """p: row and column of every position, (h, w, 2, 1)."""
    row, column = torch.arange(h, device=like.device), torch.arange(w, device=like.device)
    return torch.stack(torch.meshgrid(row, column, indexing="ij"), dim=-1).unsqueeze(-1)


def cells(place: Tensor, h: int, w: int) -> Tensor:
    """Rows and columns (..., 2, K) -> v (..., K), in a grid of h x w. The second defect: a fraction of a row becomes columns."""
    row, column = place.unbind(-2)
    return (row.clamp(0, h - 1) * w + column.clamp(0, w - 1)).long()


def indices(offset: Tensor) -> Tensor:
    """offset (B, h, w, 2, K) -> v (B, h, w, K)."""
    h, w = offset.shape[1:3]
    return cells(positions(h, w, offset) + offset, h, w)


def offsets(v: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """v (B, h, w, K) -> offset (B, h, w, 2, K), whole numbers still."""
    _, h, w, _ = v.shape
    return (torch.stack([v // w, v % w], dim=3) - positions(h, w, v)).to(dtype)


def places(v: Tensor) -> Tensor:
    """v (B, h, w, K) -> H (B, h, w, K, 2) as in `patchmatch.py`: x, y, a cell's centre at .5."""
    w = v.shape[2]
    return torch.stack([v % w, v // w], dim=-1).float() + 0.5


# ---- steps


def normalised(f: Tensor) -> Tensor:
    """(B, C, h, w) -> each position divided by its length, as released: nothing is zero length."""
    return f / (f.norm(dim=1, keepdim=True) + 1e-10)


def dense(fx: Tensor, fy: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The coarsest level, all with all: fx, fy (B, C, h, w), values (B, V, h, w) -> warp (B, V, h, w), the best v (B, h, w, 1).

    The softmax is made in blocks of rows of the correlation matrix.
    """
    b, _, h, w = fx.shape
    queries, keys, carried = (t.flatten(2) for t in (fx, fy, values))  # (B, C, hw), (B, C, hw), (B, V, hw)
    moved, best = [], []
    for q in queries.transpose(1, 2).split(max(1, BLOCK // (h * w)), dim=1):
        M = torch.softmax(q @ keys / TEMPERATURE, dim=2)  # (B, rows, hw)
        moved.append(M @ carried.transpose(1, 2))
        best.append(M.detach().topk(1, dim=2).indices)
    return torch.cat(moved, dim=1).transpose(1, 2).unflatten(2, (h, w)), torch.cat(best, dim=1).view(b, h, w, 1)


def beginning(v: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The coarse level's v (B, h, w, 1) -> offset (B, 2h, 2w, 2, 16): twice its offset and d in {-2, 0, 2, 4}^2, rows slowest."""
    d = torch.tensor([-2, 0, 2, 4], device=v.device)
    window = torch.stack(torch.meshgrid(d, d, indexing="ij")).flatten(1)  # (2, 16)
    return (2 * offsets(v, dtype) + window).repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)


def propagate(offset: Tensor, axis: int) -> Tensor:
    """Offsets of the neighbour before, one's own, of the neighbour behind: (B, h, w, 2, K) -> (B, h, w, 2, 3 K).

    `axis` 2: left and right; 1: above and below. Beyond the border the offset is 0.
    """
    n = offset.shape[axis]
    zero = torch.zeros_like(offset.narrow(axis, 0, 1))
    before = torch.cat([zero, offset.narrow(axis, 0, n - 1)], dim=axis)
    behind = torch.cat([offset.narrow(axis, 1, n - 1), zero], dim=axis)
    return torch.cat([before, offset, behind], dim=4)


def cosines(fx: Tensor, fy: Tensor, v: Tensor) -> Tensor:
    """Each position with the cells of its candidates: fx, fy (B, h, w, C), v (B, rows of fx, w, J) -> as v. All J together."""
    b, h, w, _ = fy.shape
    first = torch.arange(b, device=v.device).view(b, 1, 1, 1) * (h * w)  # cell of each picture, among those of the batch
    return Products.apply(fx.flatten(0, 2), fy.flatten(0, 2), (v + first).int().flatten(0, 2)).view(v.shape)


def evaluate(fx: Tensor, fy: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """The best third of the candidates, best first, and their shares in the softmax over all of them.

    fx, fy (B, h, w, C); offset (B, h, w, 2, 3 K) -> offset (B, h, w, 2, K), S (B, h, w, K). In bands of rows.
    """
    b, h, w, _, n = offset.shape
    place, rows = positions(h, w, offset) + offset, max(1, BLOCK // (b * w * n))
    best, S = [], []
    for f, here in zip(fx.split(rows, dim=1), place.split(rows, dim=1)):
        v = cells(here, h, w)  # (B, rows, w, 3 K)
        top = torch.softmax(cosines(f, fy, v) / TEMPERATURE, dim=3).topk(n // 3, dim=3)
        best.append(v.gather(3, top.indices))
        S.append(top.values)
    return offsets(torch.cat(best, dim=1), fx.dtype), torch.cat(S, dim=1)


def soft_warp(fx: Tensor, fy: Tensor, v: Tensor, y: Tensor) -> Tensor:
    """Softmax over the candidates of each position: fx, fy (B, h, w, C), v (B, h, w, K), y (B, V, h, w) -> (B, V, h, w)."""
    weights = torch.softmax(cosines(fx, fy, v) / TEMPERATURE, dim=3)
    found = torch.stack([row[at] for row, at in zip(y.flatten(2).transpose(1, 2), v)])  # (B, h, w, K, V)
    return (weights.unsqueeze(4) * found).sum(3).permute(0, 3, 1, 2)


def coin_tosses(n: int) -> tuple[bool, ...]:
    """What the released program tosses for its first picture: True, rows first."""
    coin = random.Random(SEED)
    return tuple(coin.random() < 0.5 for _ in range(n))


# ---- the refinement


class Motion(nn.Module):
    """What the GRU is told, x_t: offsets (B, 2 K, h, w) and scores (B, K, h, w) -> (B, 64, h, w), the last 2 K the offsets."""

    def __init__(self):
        super().__init__()
        self.scores = nn.ModuleList([conv(K, 64, 1, spectral=False), conv(64, 64, spectral=False)])
        self.offsets = nn.ModuleList([conv(2 * K, 64, 7, spectral=False), conv(64, 64, spectral=False)])
        self.both = conv(128, 64 - 2 * K, spectral=False)

    def forward(self, offset: Tensor, S: Tensor) -> Tensor:
        told = offset
        for layer in self.scores:
            S = F.relu(layer(S))
        for layer in self.offsets:
            told = F.relu(layer(told))
        return torch.cat([F.relu(self.both(torch.cat([S, told], dim=1))), offset], dim=1)


class PatchMatchGRU(nn.Module):
    """One level: propagation, evaluation and the GRU in turn. `channels` of f^x and f^y; the same weights at every level."""

    def __init__(self, channels: int):
        super().__init__()
        self.start = nn.ModuleList([conv(2 * channels, 32, spectral=False), conv(32, 32, spectral=False)])
        self.motion = Motion()
        self.gru = nn.ModuleList([ConvGRU(32, 64, (1, 5)), ConvGRU(32, 64, (5, 1))])
        self.head = nn.ModuleList([conv(32, 64, spectral=False), conv(64, 2 * K, spectral=False)])
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_normal_(layer.weight, gain=0.02)  # as released; no training changes it

    def memory(self, fx: Tensor, fy: Tensor) -> Tensor:
        """The hidden state to begin with. fx, fy (B, C, h, w) -> (B, 32, h, w)."""
        hidden = torch.cat([fx, fy], dim=1)
        for layer in self.start:
            hidden = F.relu(F.instance_norm(layer(hidden)))
        return hidden

    def refine(self, offset: Tensor, S: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """offset (B, h, w, 2, K), S (B, h, w, K), hidden (B, 32, h, w) -> Delta O, as offset, and the new hidden state."""
        x = self.motion(offset.flatten(3).permute(0, 3, 1, 2), S.permute(0, 3, 1, 2))
        for gru in self.gru:
            hidden = gru(hidden, x)
        delta = self.head[1](F.relu(self.head[0](hidden)))  # (B, 2 K, h, w)
        return delta.permute(0, 2, 3, 1).unflatten(3, (2, K)), hidden

    @torch.no_grad()  # the first defect
    def forward(self, fx: Tensor, fy: Tensor, offset: Tensor, flips: Sequence[bool],
                callback: Callable[[dict], None] | None = None) -> Tensor:
        """fx, fy (B, C, h, w), offset (B, h, w, 2, K) to begin with, an iteration for each of `flips` -> v (B, h, w, K).

        The order of the K is that of the last evaluation, before the last refinement. `callback` gets {"iteration", "step",
        "H", "S"}: the cells that are read as `places`, and their cosines.
        """
        hidden = self.memory(fx, fy)
        fx, fy = (f.permute(0, 2, 3, 1).contiguous() for f in (fx, fy))

        def tell(step: str, iteration: int) -> None:
            if callback:
                v = indices(offset)
                callback({"iteration": iteration, "step": step, "H": places(v), "S": cosines(fx, fy, v)})

        tell("initialise", 0)
        for t, rows_first in enumerate(flips, 1):
            for axis in (2, 1) if rows_first else (1, 2):
                offset, S = evaluate(fx, fy, propagate(offset, axis))
            tell("propagate", t)
            delta, hidden = self.refine(offset, S, hidden)
            offset = offset + delta
            tell("refine", t)
        return indices(offset)


# ---- all levels


def matched(theta: list[Tensor], phi: list[Tensor], exemplar: Tensor, N: PatchMatchGRU, iterations: int, flips: Sequence[bool],
            along: Sequence[Tensor] = (), callback: Callable[[dict], None] | None = None
            ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The hierarchy, coarse to fine -> H_l as `places`, w_l, and `along`, moved as the first level is.

    theta, phi (B, C, h_l, w_l): what is compared, of unit length, each level twice as fine as the one before; exemplar (B, 3, H,
    W); flips: a toss for each iteration of each level but the first. `callback` gets {"level", "iteration", "step", "H", "S"}.
    Raises ValueError for other levels and another number of tosses.
    """
    levels, sides = len(theta) - 1, [tuple(f.shape[2:]) for f in (*theta, *phi)]
    if sides != [tuple(2**level * side for side in sides[0]) for level in range(levels + 1)] * 2:
        raise ValueError(f"in the released code each level is twice as fine as the one before, and x's are y's; got {sides}")
    if len(flips) != levels * iterations:
        raise ValueError(f"flips must say for {levels} levels of {iterations} iterations which comes first, "
                         f"{levels * iterations} in all, got {len(flips)}")
    pictures = [F.avg_pool2d(exemplar, exemplar.shape[2] // f.shape[2]) for f in phi]
    moved, v = dense(theta[0], phi[0], torch.cat([pictures[0], *along[:1]], dim=1))
    H, warps = [places(v)], [moved[:, :3]]
    if callback:
        S = cosines(*(f[0].permute(0, 2, 3, 1) for f in (theta, phi)), v)
        callback({"level": 0, "iteration": 0, "step": "exact", "H": H[0], "S": S})
    for level in range(1, levels + 1):
        told = (lambda state, level=level: callback({"level": level, **state})) if callback else None
        # The first alone; since it was put there it has been refined, and need not be the best any more.
        begin = beginning(v[..., :1], phi[level].dtype)
        v = N(theta[level], phi[level], begin, flips[(level - 1) * iterations : level * iterations], told)
        fx, fy = (f[level].permute(0, 2, 3, 1).contiguous() for f in (theta, phi))
        warps.append(soft_warp(fx, fy, v, pictures[level]))
        H.append(places(v))
    return H, warps, [moved[:, 3:]] if along else []
