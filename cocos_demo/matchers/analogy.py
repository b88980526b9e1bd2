"""Deep Image Analogy (Liao, Yao, Yuan, Hua and Kang 2017), as far as the VGG-16 base that ships goes: a coarse-to-fine match.

Symbols of that paper: A = the input, here x; B' = the reference, here r; A' and B, which are not known = A with the looks of B',
and B' with the looks of A: "A : A' = B : B'". F_A^L and so on = their features at level L, a bar = each position of unit length;
phi_a->b(p) = the position of B that is nearest to p of A, here xi; W = how much of its own features A keeps.

    at the coarsest level A' = A and B = B', and both phi are found; then, level by level,
    phi is enlarged; F_A'^L = F_A W + R_B' (1 - W), with R_B' the features of B', moved by phi_a->b, and F_B^L likewise;
    phi is improved by PatchMatch: it maximises the mean of two cosines of patches, of A and B, and of A' and B'

| Deep Image Analogy                                     | here                                                           |
|--------------------------------------------------------|----------------------------------------------------------------|
| VGG-19, relu5_1 to relu1_1                             | VGG-16, relu3_3, relu2_1, relu1_1: what ships. So the beginning |
|                                                        | sees 40 pixels, and knows textures more than objects           |
| both directions                                        | both; at the finest level, where b->a helps nobody, a->b alone |
| the coarsest level by PatchMatch from random places    | exactly, by all cosines (`semantic_match`)                     |
| R_B'^L by deconvolution: L-BFGS looks for features     | F_B'^L itself, moved by the enlarged phi: no deconvolution, so |
| whose next layers are those of level L + 1, moved      | where phi tears, so does F_A'                                  |
| W = alpha / (1 + exp(-kappa (|F_A|^2 - tau))), alpha   | the same                                                       |
| 0.6, 0.1 at levels 2, 1; kappa 300, tau 0.05           |                                                                |
| patches 3 x 3 at level 3, 5 x 5 at levels 2 and 1      | the same; features outside a picture are 0                     |
| random search within 4 positions at levels 2 and 1     | the same: within 4, 2 and 1 of the best, four times. All       |
|                                                        | positions at once try their neighbours' matches, 4 away first  |
| A' = at each pixel the mean of 5 x 5 patches of B'     | the same: delta = 1 and k = 5, which `paste` averages          |
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.patchmatch import Products
from ..models.semantic import semantic_match
from .search import features

LEVELS = ("relu3_3", "relu2_1", "relu1_1")
ALPHA = (None, 0.6, 0.1)  # of W at each level; at the first nothing is mixed
KAPPA, TAU = 300.0, 0.05
COARSEST, PATCH = 3, 5  # patches are this wide at the first level, at the others
REACH = 4  # positions, of the random search
JUMPS = (4, 2, 1, 1)  # positions between those that tell each other their matches, in each iteration


class DeepImageAnalogy:
    """The matcher: `DeepImageAnalogy()(condition, x, r)` -> (xi, grid), one match a pixel.

    Compares the condition as it is drawn, x, with r; any size from 16 pixels on. The same pictures and seed give the same answer,
    whatever else is in the batch. Raises FeaturesError.
    """

    k = PATCH

    def __init__(self, seed: int = 0):
        self.seed = seed

    @torch.no_grad()
    def __call__(self, condition: Tensor, x: Tensor, r: Tensor) -> tuple[Tensor, tuple[int, int]]:
        F_A, F_B_ = features(x, LEVELS), features(r, LEVELS)
        xi = [analogy(*([F_[level][b] for level in LEVELS] for F_ in (F_A, F_B_)), self.seed) for b in range(len(x))]
        return torch.stack(xi), tuple(r.shape[2:])


def analogy(F_A: list[Tensor], F_B_: list[Tensor], seed: int = 0, callback: Callable[[dict], None] | None = None) -> Tensor:
    """phi_a->b at the finest level, (h, w) positions row * w' + column of B'.

    F_A, F_B_: features of A and of B' of each level, coarse to fine, (C, h, w) and (C, h', w').
    `callback` gets {"level", "phi"} after each.
    """
    generator = torch.Generator().manual_seed(seed)
    a, b = (unit(f[0])[None] for f in (F_A, F_B_))
    ab, ba = semantic_match(a, b, COARSEST)[0], semantic_match(b, a, COARSEST)[0]
    for level in range(1, len(F_A)):
        if callback:
            callback({"level": level - 1, "phi": ab})
        A, B_ = F_A[level], F_B_[level]
        sides = A.shape[1:], B_.shape[1:]
        ab = enlarged(ab, F_B_[level - 1].shape[1:], *sides)
        ba = enlarged(ba, F_A[level - 1].shape[1:], *reversed(sides))
        A_, B = mixed(A, moved(B_, ab), ALPHA[level]), mixed(B_, moved(A, ba), ALPHA[level])
        X, Y = (torch.cat([unit(f), unit(g)]) for f, g in ((A, A_), (B, B_)))
        ab = patchmatch(X, Y, ab, generator)
        if level < len(F_A) - 1:
            ba = patchmatch(Y, X, ba, generator)
    if callback:
        callback({"level": len(F_A) - 1, "phi": ab})
    return ab


def unit(f: Tensor) -> Tensor:
    """The bar: each position of unit length. (C, h, w) -> (C, h, w)."""
    return F.normalize(f, dim=0)


def moved(f: Tensor, phi: Tensor) -> Tensor:
    """f(phi): (C, h', w'), phi (h, w) -> (C, h, w)."""
    return f.flatten(1)[:, phi]


def mixed(own: Tensor, other: Tensor, alpha: float) -> Tensor:
    """F_A' of F_A and R_B', or F_B of F_B' and R_A: own W + other (1 - W), both (C, h, w). W is alpha where there is something of
    its own, and 0 where there is not."""
    M = own.square().sum(dim=0)  # |F|^2, brought to 0..1 over the picture
    M = (M - M.amin()) / (M.amax() - M.amin()).clamp(min=1e-12)
    W = alpha * torch.sigmoid(KAPPA * (M - TAU))
    return own * W + other * (1 - W)


def enlarged(phi: Tensor, was: tuple[int, int], size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """A coarser field at a finer level: phi (h, w) into a grid `was` -> (*size) into `grid`.

    Each position goes where the coarse one that it lies in goes, and keeps where it lies in it.
    """
    fine = [torch.arange(n, device=phi.device) for n in size]
    coarse = [i * m // n for i, n, m in zip(fine, size, phi.shape)]  # the row, and the column, that each lies in
    row, column = (i - c * n // m for i, c, n, m in zip(fine, coarse, size, phi.shape))  # within it
    phi = phi[coarse[0][:, None], coarse[1]]  # (*size)
    row = phi // was[1] * grid[0] // was[0] + row[:, None]
    column = phi % was[1] * grid[1] // was[1] + column
    return row.clamp(max=grid[0] - 1) * grid[1] + column.clamp(max=grid[1] - 1)


def patchmatch(X: Tensor, Y: Tensor, phi: Tensor, generator: torch.Generator) -> Tensor:
    """phi improved: X (C, h, w), Y (C, h', w'), phi (h, w) -> (h, w), never of a lower score at any position.

    All positions at once try the matches of four others, moved as they lie to them, and random places round their own.
    """
    h, w = Y.shape[1:]
    score = scorer(X, Y, PATCH)
    best = torch.stack([phi // w, phi % w])[:, None]  # (2, 1, h, w)
    S = score(best)  # (1, h, w)
    for jump in JUMPS:
        tried = torch.cat([best, *neighbours(best, jump), *random_places(best, generator)], dim=1)
        tried = torch.minimum(tried.clamp(min=0), tried.new_tensor([h - 1, w - 1]).view(2, 1, 1, 1))
        S = torch.cat([S, score(tried[:, 1:])])  # (J, h, w)
        S, chosen = S.max(dim=0, keepdim=True)
        best = tried.gather(1, chosen.expand(2, -1, -1, -1))
    return (best[0] * w + best[1])[0]


def neighbours(best: Tensor, jump: int) -> list[Tensor]:
    """Where p would go if it moved as the position `jump` above, below, left or right of it does, or the one at the border.

    (2, 1, h, w) rows and columns -> four of these.
    """
    found = []
    for axis in (2, 3):
        here = torch.arange(best.shape[axis], device=best.device)
        for away in (-jump, jump):
            there = (here + away).clamp(0, len(here) - 1)
            step = (here - there).view(-1, 1) if axis == 2 else here - there
            moved = best.index_select(axis, there)
            found.append(moved + torch.stack([step, 0 * step] if axis == 2 else [0 * step, step])[:, None])
    return found


def random_places(best: Tensor, generator: torch.Generator) -> list[Tensor]:
    """One random place within REACH positions of the best in each direction, one within half of it, and so on to 1."""
    reach, found = REACH, []
    while reach >= 1:
        found.append(best + torch.randint(-reach, reach + 1, best.shape, generator=generator).to(best.device))
        reach //= 2
    return found


def scorer(X: Tensor, Y: Tensor, k: int) -> Callable[[Tensor], Tensor]:
    """X (C, h, w), Y (C, h', w') -> the function from candidates (2, J, h, w), rows and columns in Y, to their scores (J, h, w):
    the inner product of the k x k patches over the length of Y's, which is Eq. 1 of SEGIN but for the length of X's.

    The patches are never laid out: the product of two is the sum over their k x k places of the products of single positions.
    """
    (C, h, w), p = X.shape, k // 2
    X, Y = (F.pad(f, (p, p, p, p)).permute(1, 2, 0).contiguous() for f in (X, Y))  # (h + 2p, w + 2p, C)
    length = F.avg_pool2d(Y.square().sum(dim=2)[None], k, 1, divisor_override=1)[0].sqrt().clamp(min=1e-12)  # (h', w')
    columns = Y.shape[1]

    def score(at: Tensor) -> Tensor:
        corner = (at[0] * columns + at[1]).flatten(1).T.int()  # (h w, J), the patch's first place among the padded ones
        total = torch.zeros(corner.shape, dtype=X.dtype, device=X.device)
        for dy in range(k):
            for dx in range(k):
                x = X[dy : dy + h, dx : dx + w].reshape(h * w, C)
                total += Products.apply(x, Y.flatten(0, 1), corner + (dy * columns + dx))
        return total.T.reshape(at.shape[1:]) / length[at[0], at[1]]

    return score
