"""PatchMatch between two feature maps, as functions: classic (Barnes et al. 2009), and the steps of CoCosNet v2 (Eq. 3 to 8).

Symbols of CoCosNet v2: p = a position of x; H(p, k) = the place in y of its k-th candidate; O = H - p, the offset; S(p, k) =
the cosine of f^x(p) and f^y(H(p, k)); K = how many candidates each position keeps.

Layout: feature maps are (B, h, w, C), of unit length along C, so that one read fetches a whole vector. A field H is
(B, h, w, K, 2): x, y in cells of y's grid, real numbers, a cell's centre at .5. The cell of a place is its floor, x and y apart:
rows and columns never mix. Steps choose by the score of the cell that a place falls in; what the network learns from are the
scores between cells, `sampled`, which have a gradient with respect to the place.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**20  # feature values that are gathered at a time: 4 MB, so that they are still in the cache when they are multiplied


def rows(f: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h, w, C), centred over the channels and of unit length (Eq. 3 of CoCosNet), each vector in one piece."""
    f = f.permute(0, 2, 3, 1)
    return F.normalize(f - f.mean(dim=-1, keepdim=True), dim=-1).contiguous()


def centres(h: int, w: int, like: Tensor) -> Tensor:
    """The places p themselves, (h, w, 2)."""
    y, x = torch.meshgrid(torch.arange(h, device=like.device), torch.arange(w, device=like.device), indexing="ij")
    return torch.stack([x, y], dim=-1).to(like.dtype) + 0.5


def inside(H: Tensor, h: int, w: int) -> Tensor:
    """The field with every place moved into a grid of h x w cells, its border cells' centres at most."""
    limit = torch.tensor([w - 0.5, h - 0.5], dtype=H.dtype, device=H.device)
    return torch.minimum(H.clamp(min=0.5), limit)


def cells(H: Tensor, w: int) -> Tensor:
    """Places (..., 2) -> row * w + column of the cell that each lies in (...), int64."""
    column, row = H.floor().long().unbind(-1)
    return row * w + column


# ---- scores


def evaluate(fx: Tensor, fy: Tensor, H: Tensor) -> Tensor:
    """S of Eq. 7, each candidate by the cell it lies in: fx (B, h, w, C), fy (B, h', w', C), H (B, h, w, J, 2) -> (B, h, w, J).

    In blocks of positions, whose vectors are fetched together: memory does not grow with the picture.
    """
    b, h, w, c = fx.shape
    J = H.shape[3]
    at = cells(H, fy.shape[2]).reshape(b, h * w, J)
    queries, keys = fx.reshape(b, h * w, c), fy.reshape(b, -1, c)
    block, S = max(1, BLOCK // (J * c)), []
    for i in range(b):
        S += [torch.bmm(keys[i][where.reshape(-1)].view(-1, J, c), q.unsqueeze(2)).squeeze(2)
              for where, q in zip(at[i].split(block), queries[i].split(block))]
    return torch.cat(S).view(b, h, w, J)


def sampled(values: Tensor, H: Tensor) -> Tensor:
    """Values at real places, bilinear between the cells' centres: (B, h', w', C), H (B, h, w, K, 2) -> (B, h, w, K, C).

    Differentiable in the values and in the places, which must be `inside`.
    """
    b, h, w, c = values.shape
    flat = values.reshape(b * h * w, c)
    low = (H.detach() - 0.5).floor()
    share = (H - 0.5) - low  # (B, ..., 2), 0 to 1
    picture = torch.arange(b, device=H.device).view(b, *[1] * (H.dim() - 2)) * (h * w)
    out = 0.0
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = (low[..., 0] + dx).clamp(max=w - 1).long(), (low[..., 1] + dy).clamp(max=h - 1).long()
            weight = (share[..., 0] if dx else 1 - share[..., 0]) * (share[..., 1] if dy else 1 - share[..., 1])
            found = flat[(picture + row * w + column).reshape(-1)].view(*H.shape[:-1], c)
            out = out + weight.unsqueeze(-1) * found
    return out


def scores(fx: Tensor, fy: Tensor, H: Tensor) -> Tensor:
    """S of Eq. 7 at real places, M(p, .) read bilinearly between its cells; differentiable. Shapes as `evaluate`."""
    return (fx.unsqueeze(3) * sampled(fy, H)).sum(-1)


# ---- steps


def best(H: Tensor, S: Tensor, K: int, w: int) -> tuple[Tensor, Tensor]:
    """The K candidates of the highest score, best first, no cell twice: H (B, h, w, J, 2), S (B, h, w, J) -> K of each."""
    at, order = cells(H.detach(), w).sort(dim=-1, stable=True)
    again = F.pad(at[..., 1:] == at[..., :-1], (1, 0))  # the same cell as the one before
    S_once = S.detach().masked_fill(torch.zeros_like(again).scatter(-1, order, again), -torch.inf)
    kept = S_once.topk(K, dim=-1).indices  # (B, h, w, K)
    return H.gather(3, kept.unsqueeze(-1).expand(*kept.shape, 2)), S.gather(3, kept)


def dense(fx: Tensor, fy: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """Eq. 4 exactly: the K best of all cells, in blocks of rows of M -> H (B, h, w, K, 2), S (B, h, w, K)."""
    b, h, w, c = fx.shape
    keys, W = fy.reshape(b, -1, c), fy.shape[2]
    K = min(K, keys.shape[1])
    found = [[q @ keys[i].T for q in fx[i].reshape(-1, c).split(max(1, BLOCK // keys.shape[1]))] for i in range(b)]
    top = [[M.topk(K, dim=1) for M in blocks] for blocks in found]
    S, v = (torch.stack([torch.cat([getattr(t, name) for t in blocks]) for blocks in top]) for name in ("values", "indices"))
    H = torch.stack([v % W, v // W], dim=-1).to(fx.dtype) + 0.5
    return H.view(b, h, w, K, 2), S.view(b, h, w, K)


def upsampled(H: Tensor, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """A coarse field at a finer level: each position takes over the offset of the coarse one it lies in, scaled, and keeps
    where it lies in it. H (B, h, w, K, 2) on a coarse grid of y -> (B, *size, K, 2). `grid`: y's fine and coarse height."""
    b, h, w, K, _ = H.shape
    (height, width), scale = size, grid[0] / grid[1]
    row = torch.arange(height, device=H.device) * h // height
    column = torch.arange(width, device=H.device) * w // width
    p = centres(height, width, H)
    within = p - scale * (torch.stack(torch.meshgrid(row, column, indexing="ij"), dim=-1).flip(-1).to(H) + 0.5)
    return scale * H[:, row][:, :, column] + within.unsqueeze(2)


def widened(H: Tensor, reach: int = 1) -> Tensor:
    """Every candidate and the cells round it, (2 reach + 1)^2 each: (B, h, w, K, 2) -> (B, h, w, K (2 reach + 1)^2, 2)."""
    d = torch.arange(-reach, reach + 1, device=H.device, dtype=H.dtype)
    window = torch.stack(torch.meshgrid(d, d, indexing="xy"), dim=-1).reshape(-1, 2)
    return (H.unsqueeze(4) + window).flatten(3, 4)


def propagate(H: Tensor, S: Tensor, fx: Tensor, fy: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Eq. 5 along one axis (1 rows, 2 columns): each position also tries the offsets of its two neighbours, and keeps the best.

    H (B, h, w, K, 2) with its scores S by cells -> the same. Only the neighbours' candidates are scored.
    """
    _, h, w, K, _ = H.shape
    O = H - centres(h, w, H).unsqueeze(2)
    n = O.shape[axis]
    # At the border a position is its own neighbour there; its offsets come twice, and one is dropped.
    before = torch.cat([O.narrow(axis, 0, 1), O.narrow(axis, 0, n - 1)], dim=axis)
    after = torch.cat([O.narrow(axis, 1, n - 1), O.narrow(axis, n - 1, 1)], dim=axis)
    new = inside(torch.cat([before, after], dim=3) + centres(h, w, H).unsqueeze(2), *fy.shape[1:3])
    return best(torch.cat([H, new], dim=3), torch.cat([S, evaluate(fx, fy, new)], dim=3), K, fy.shape[2])


def random_search(H: Tensor, S: Tensor, fx: Tensor, fy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Barnes et al.: round each candidate one random place within the whole map, one within half of it, and so on to a cell."""
    K, (h, w) = H.shape[3], fy.shape[1:3]
    reach, tried = float(max(h, w)), []
    while reach >= 1:
        moved = torch.rand(H.shape, generator=generator, dtype=H.dtype).to(H.device) * 2 - 1
        tried.append(H + reach * moved)
        reach /= 2
    new = inside(torch.cat(tried, dim=3), h, w)
    return best(torch.cat([H, new], dim=3), torch.cat([S, evaluate(fx, fy, new)], dim=3), K, w)


# ---- algorithms


@torch.no_grad()
def patchmatch(fx: Tensor, fy: Tensor, K: int = 1, iterations: int = 5, seed: int = 0,
               callback: Callable[[dict], None] | None = None) -> tuple[Tensor, Tensor]:
    """Classic PatchMatch (Barnes et al. 2009) between any two feature maps, all positions at once.

    fx (B, C, h, w), fy (B, C, h', w') -> H (B, h, w, K, 2), S (B, h, w, K). Random beginning; each iteration propagates along
    rows and columns and searches at random. `callback` gets {"iteration", "step", "H", "S"} after every step.
    """
    fx, fy = rows(fx), rows(fy)
    generator, (b, h, w, _) = torch.Generator().manual_seed(seed), fx.shape
    size = torch.tensor([fy.shape[2], fy.shape[1]], dtype=fx.dtype)
    H = inside((torch.rand(b, h, w, K, 2, generator=generator, dtype=fx.dtype) * size).to(fx.device), *fy.shape[1:3])
    S = evaluate(fx, fy, H)

    def tell(step: str, iteration: int) -> None:
        if callback:
            callback({"iteration": iteration, "step": step, "H": H, "S": S})

    tell("random", 0)
    for t in range(1, iterations + 1):
        for axis in (2, 1):
            H, S = propagate(H, S, fx, fy, axis)
        tell("propagate", t)
        H, S = random_search(H, S, fx, fy, generator)
        tell("random search", t)
    return H, S


def refined(fx: Tensor, fy: Tensor, H: Tensor, K: int, iterations: int, refine: Callable | None = None, propagation: bool = True,
            callback: Callable[[dict], None] | None = None) -> Tensor:
    """Eq. 5 to 7 at one level: propagate, then let `refine` correct the places; `iterations` times -> H (B, h, w, K, 2).

    fx, fy (B, h, w, C) as `rows` gives them; H (B, h, w, J, 2), J >= K candidates to begin with. `refine(H, S, hidden)` ->
    Delta H (B, h, w, K, 2) and its new hidden state (None at first). Rows first in even iterations, columns first in odd ones.
    The gradient flows through the places; which of them are kept is decided by detached scores.
    """
    def scored(H):
        with torch.no_grad():
            return evaluate(fx, fy, H)

    def tell(step: str, iteration: int) -> None:
        if callback:
            callback({"iteration": iteration, "step": step, "H": H.detach(), "S": S.detach()})

    h, w = fy.shape[1:3]
    H = inside(H, h, w)
    H, S = best(H, scored(H), K, w)
    tell("initialise", 0)
    hidden = None
    for t in range(1, iterations + 1):
        if propagation:
            for axis in ((2, 1), (1, 2))[t % 2]:
                H, S = propagate(H, S, fx.detach(), fy.detach(), axis)
            tell("propagate", t)
        if refine:
            delta, hidden = refine(H, S, hidden)
            H = inside(H + delta, h, w)
            S = scored(H)
            tell("refine", t)
    return H


def soft_warp(fx: Tensor, fy: Tensor, H: Tensor, y: Tensor, alpha: float = 1.0) -> Tensor:
    """Eq. 8: w(p) = sum_k softmax_k(alpha S(p, k)) y(H(p, k)). y (B, V, h', w') -> (B, V, h, w); alpha = 1 is the equation.

    S and y are read between cells, so the gradient reaches features, values and places.
    """
    weights = torch.softmax(alpha * scores(fx, fy, H), dim=-1)  # (B, h, w, K)
    found = sampled(y.permute(0, 2, 3, 1).contiguous(), H)  # (B, h, w, K, V)
    return (weights.unsqueeze(-1) * found).sum(3).permute(0, 3, 1, 2)
