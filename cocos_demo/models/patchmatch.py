"""PatchMatch between two feature maps, as functions: classic (Barnes et al. 2009), and the steps of CoCosNet v2 (Eq. 3 to 8).

Symbols of CoCosNet v2: p = a position of x; H(p, k) = the place in y of its k-th candidate; O = H - p, the offset; S(p, k) =
the cosine of f^x(p) and f^y(H(p, k)); K = how many candidates each position keeps.

Layout: feature maps are (B, h, w, C), of unit length along C, so that one read fetches a whole vector. A field H is
(B, h, w, K, 2): x, y in cells of y's grid, real numbers, a cell's centre at .5. The cell of a place is its floor, x and y apart:
rows and columns never mix. Steps choose by the score of the cell that a place falls in; what the network learns from are the
scores between cells, `sampled`, which have a gradient with respect to the place.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**17  # candidates that are worked on at a time: a MB, so that they stay in the cache
FETCHED = 2**20  # the same where vectors are fetched first
SPARSE = True  # whether the CPU's sparse kernel may be used: it needs numbers, not shapes alone
TILE = 64  # cells of y that `dense` looks at together

with warnings.catch_warnings():  # the first sparse tensor of a program warns that they are in beta
    warnings.filterwarnings("ignore", "Sparse CSR tensor support")
    torch.eye(1).to_sparse_csr()


def rows(f: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h, w, C), each vector in one piece, centred over channels and of unit length (Eq. 3 of CoCosNet)."""
    return F.normalize(f - f.mean(dim=1, keepdim=True), dim=1).permute(0, 2, 3, 1).contiguous()


def centres(h: int, w: int, like: Tensor) -> Tensor:
    """The places p themselves, (h, w, 2)."""
    y, x = torch.meshgrid(torch.arange(h, device=like.device), torch.arange(w, device=like.device), indexing="ij")
    return torch.stack([x, y], dim=-1).to(like.dtype) + 0.5


def inside(H: Tensor, h: int, w: int) -> Tensor:
    """The field with every place moved into a grid of h x w cells, its border cells' centres at most."""
    return torch.minimum(H.clamp(min=0.5), _per_place(w - 0.5, h - 0.5, H))


def cells(H: Tensor, h: int, w: int) -> Tensor:
    """Places (..., 2) -> row * w + column of the cell that each lies in (...), int32; the nearest cell where it lies outside."""
    H = H.int()  # x and y each cut off on its own
    column, row = torch.minimum(H.clamp_(min=0), _per_place(w - 1, h - 1, H)).unbind(-1)
    return torch.add(column, row, alpha=w)


def _per_place(x: float, y: float, H: Tensor) -> Tensor:
    """(x, y) for each of the last dimension but one of places H (..., 2): in one piece, as they are, it is quicker to add."""
    return torch.tensor([x, y], dtype=H.dtype, device=H.device).expand(H.shape[-2:]).contiguous()


def corners(H: Tensor, h: int, w: int) -> tuple[Tensor, Tensor]:
    """Bilinear reading at places H (B, ..., 2) `inside` h x w cells: the four cells whose centres lie round each, as `cells`,
    (B, ..., 4) int32, and their weights (B, ..., 4), 1 in sum, which have a gradient with respect to the place."""
    low = (H.detach() - 0.5).floor()
    x, y = (H - 0.5 - low).unbind(-1)  # 0 to 1
    weights = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], dim=-1)
    left, top = low.int().unbind(-1)
    right, above, below = (left + 1).clamp_(max=w - 1), top * w, (top + 1).clamp_(max=h - 1) * w
    return torch.stack([above + left, above + right, below + left, below + right], dim=-1), weights


def _among_all(at: Tensor, h: int, w: int) -> Tensor:
    """Cells (B, ...) of each picture's own -> the same among the cells of all pictures of the batch."""
    if len(at) == 1:
        return at
    return at + torch.arange(0, len(at) * h * w, h * w, device=at.device, dtype=at.dtype).view(-1, *[1] * (at.dim() - 1))


# ---- scores


class Products(torch.autograd.Function):
    """Some entries of the matrix x y^T: x (N, C), y (M, C), at (N, J) int32, the columns wanted in each row -> (N, J).

    A sampled matrix product. On the CPU its kernel reads each vector where it lies and keeps one number of it; elsewhere the
    vectors are fetched first.
    """

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor, at: Tensor) -> Tensor:
        ctx.save_for_backward(x, y, at)
        if x.device.type != "cpu" or at.shape[1] > len(y) or not SPARSE:  # it takes no more entries than the matrix has
            n = max(1, FETCHED // at.shape[1])
            return torch.cat([(y[at_] * x_.unsqueeze(1)).sum(-1) for at_, x_ in zip(at.split(n), x.split(n))])
        begins = torch.arange(0, at.numel() + 1, at.shape[1], dtype=at.dtype)
        M = torch.sparse_csr_tensor(begins, at.flatten(), x.new_zeros(at.numel()), (len(x), len(y)), check_invariants=False)
        return torch.sparse.sampled_addmm(M, x, y.T, beta=0.0, out=M).values().view(at.shape)

    @staticmethod
    def backward(ctx, d: Tensor) -> tuple[Tensor, Tensor, None]:
        x, y, at = ctx.saved_tensors
        d_x, d_y = F.embedding_bag(at, y, per_sample_weights=d.contiguous(), mode="sum"), torch.zeros_like(y)
        n = max(1, BLOCK // at.shape[1])
        for at_, d_, x_ in zip(at.split(n), d.split(n), x.split(n)):
            d_y.index_add_(0, at_.flatten(), (d_.unsqueeze(2) * x_.unsqueeze(1)).flatten(0, 1))
        return d_x, d_y, None


def _products(fx: Tensor, fy: Tensor, at: Tensor) -> Tensor:
    """fx (B, h, w, C), fy (B, h', w', C), at (B, h, w, J) cells of each picture's own -> (B, h, w, J)."""
    at = _among_all(at, *fy.shape[1:3])
    return Products.apply(fx.flatten(0, 2), fy.flatten(0, 2), at.flatten(0, 2)).view(at.shape)


@torch.no_grad()
def evaluate(fx: Tensor, fy: Tensor, H: Tensor) -> Tensor:
    """S of Eq. 7, each candidate by the cell it lies in: fx (B, h, w, C), fy (B, h', w', C), H (B, h, w, J, 2) -> (B, h, w, J).

    Without gradient: it is what the steps choose by.
    """
    return _products(fx, fy, cells(H, *fy.shape[1:3]))


def sampled(values: Tensor, H: Tensor) -> Tensor:
    """Values at real places, bilinear between the cells' centres: (B, h', w', C), H (B, h, w, K, 2) -> (B, h, w, K, C).

    Differentiable in the values and in the places, which must be `inside`.
    """
    h, w = values.shape[1:3]
    at, weights = corners(H, h, w)
    return (values.flatten(0, 2)[_among_all(at, h, w)] * weights.unsqueeze(-1)).sum(-2)


def scores(fx: Tensor, fy: Tensor, H: Tensor) -> Tensor:
    """S of Eq. 7 at real places: M(p, .) read bilinearly between its cells. Shapes as `evaluate`.

    Differentiable in features and places, which must be `inside`. The scores of four cells are mixed, not their vectors.
    """
    return _mixed(fx, fy, *corners(H, *fy.shape[1:3]))


def _mixed(fx: Tensor, fy: Tensor, at: Tensor, weights: Tensor) -> Tensor:
    return (_products(fx, fy, at.flatten(3)).view(at.shape) * weights).sum(-1)


# ---- steps


def best(H: Tensor, S: Tensor, K: int, h: int, w: int) -> tuple[Tensor, Tensor]:
    """The K candidates of the highest score, best first, no cell twice: H (B, ..., J, 2), S (B, ..., J) -> K of each.

    h, w: the grid that H points into. Of several in one cell the highest score counts; of equal scores the first counts, and
    comes first. Where there are fewer than K different cells, repeats fill up behind them. S are cosines, compared to within
    1e-9. ValueError if J < K, or for a grid too large for J.
    """
    return _best(H, S, cells(H, h, w), K, h * w)


def _best(H: Tensor, S: Tensor, at: Tensor, K: int, n: int) -> tuple[Tensor, Tensor]:
    """`best` of candidates in the cells `at` (B, ..., J) of n."""
    J = S.shape[-1]
    bits = J.bit_length()
    if not (K <= J and n << bits < 1 << 31):
        raise ValueError(f"{K} candidates of {J} cannot be kept among {n} cells")
    # What is sorted are whole numbers: first the cell, then 32 bits for the score, the highest first, then the candidate.
    behind, last = 1 << 32 + bits, torch.arange(J, device=H.device) + (1 << 31 + bits)
    keys = torch.sub(last, (S.detach() * 2.0**30).long(), alpha=1 << bits).add_(at, alpha=behind)
    flat = _in_order(keys).flatten()
    again = (flat[1:] ^ flat[:-1]) < behind  # the same cell as the one before,
    again[J - 1 :: J] = False  # but not as the last one of another position
    flat &= behind - 1
    flat[1:].add_(again, alpha=behind)  # repeats behind the others
    by_score = _in_order(flat.view(keys.shape))
    kept = by_score[..., :K] & ((1 << bits) - 1)
    places = torch.view_as_complex(H).gather(-1, kept)  # x and y at once
    return torch.view_as_real(places), S.gather(-1, kept)


def _in_order(keys: Tensor) -> Tensor:
    """Each row sorted. For short rows NumPy is ten times as fast as PyTorch on a CPU."""
    if keys.device.type != "cpu":
        return keys.sort(dim=-1).values
    keys.numpy().sort(axis=-1)
    return keys


def improved(H: Tensor, S: Tensor, new: list[Tensor], fx: Tensor, fy: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """The K best of candidates H, whose scores S are known, and of new ones: H (B, h, w, J, 2), S (B, h, w, J), new a list of
    (B, h, w, ., 2) -> K of each. Only the new ones are scored, in strips of positions: memory does not grow with the picture."""
    def strip(H: Tensor, S: Tensor, fx: Tensor, *new: Tensor) -> tuple[Tensor, Tensor]:
        return _improved(H, S, new, fx, fy, K)

    return _in_strips(strip, 1, sum(t.shape[3] for t in (H, *new)), H, S, fx, *new)


def _improved(H: Tensor, S: Tensor, new: Sequence[Tensor], fx: Tensor, fy: Tensor, K: int) -> tuple[Tensor, Tensor]:
    grid, J = fy.shape[1:3], H.shape[3]
    H = torch.cat([H, *new], dim=3)
    at = cells(H.detach(), *grid)
    with torch.no_grad():
        S = torch.cat([S, _products(fx, fy, at[..., J:])], dim=3)
    H, S = _best(H, S, at, K, grid[0] * grid[1])
    return inside(H, *grid), S


def _in_strips(work: Callable, dim: int, candidates: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    """work(*strips of the tensors (B, h, w, ...) along dim), its answers put together: `candidates` of each position are worked
    on, and memory does not grow with the picture."""
    strip = max(1, BLOCK * tensors[0].shape[dim] // (tensors[0].shape[:3].numel() * candidates))
    found = [work(*parts) for parts in zip(*(t.split(strip, dim) for t in tensors))]
    return tuple(torch.cat(parts, dim) for parts in zip(*found))


@torch.no_grad()
def dense(fx: Tensor, fy: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """Eq. 4 exactly: the K best of all cells, best first -> H (B, h, w, K, 2), S (B, h, w, K). Without gradient.

    M is computed in blocks, of which the highest entry of each tile of 64 cells is kept. The K best cells lie in the K tiles
    of the highest entries: those are scored again, one by one.
    """
    (b, h, w, c), (W, n) = fx.shape, (fy.shape[2], fy.shape[1] * fy.shape[2])
    K, within, found = min(K, n), torch.arange(TILE, device=fx.device), []
    side = 16 * TILE
    for i in range(b):
        keys = fy[i].reshape(-1, c)
        keys = torch.cat([keys, keys[-1:].expand(-n % TILE, c)])  # the last cell again, until the last tile is full
        for q in fx[i].reshape(-1, c).split(side):
            M, highest = fx.new_empty(len(q), side), []
            for k in keys.split(side):
                highest.append(torch.mm(q, k.T, out=M[:, : len(k)]).unflatten(1, (-1, TILE)).amax(2))
            tiles = torch.cat(highest, dim=1)  # (rows, tiles)
            tile = tiles.topk(min(K, tiles.shape[1]), dim=1).indices
            v = (tile.unsqueeze(2) * TILE + within).flatten(1).clamp(max=n - 1)
            H = (torch.stack([v % W, v // W], dim=-1).to(fx.dtype) + 0.5)[None, None]  # (1, 1, rows, K * 64, 2)
            none = H[:, :, :, :0]
            found.append(improved(none, none[..., 0], [H], q[None, None], fy[i : i + 1], K))
    H, S = (torch.cat(parts, dim=2) for parts in zip(*found))
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
    n, step = H.shape[axis], 1j if axis == 1 else 1  # places as x + iy

    def strip(H: Tensor, S: Tensor, fx: Tensor) -> tuple[Tensor, Tensor]:
        # A neighbour's offset at p is its place, moved as p is from it. At the border p is its own neighbour; repeats drop out.
        Z = torch.view_as_complex(H)
        before = torch.cat([Z.narrow(axis, 0, 1), Z.narrow(axis, 0, n - 1) + step], dim=axis)
        after = torch.cat([Z.narrow(axis, 1, n - 1) - step, Z.narrow(axis, n - 1, 1)], dim=axis)
        return _improved(H, S, [torch.view_as_real(before), torch.view_as_real(after)], fx, fy, H.shape[3])

    return _in_strips(strip, 3 - axis, 3 * H.shape[3], H, S, fx)  # whole rows, or whole columns


def random_search(H: Tensor, S: Tensor, fx: Tensor, fy: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Barnes et al.: round each candidate one random place within the whole map, one within half of it, and so on to a cell."""
    K, (h, w) = H.shape[3], fy.shape[1:3]
    reach, tried = float(max(h, w)), []
    while reach >= 1:
        moved = torch.rand(H.shape, generator=generator, dtype=H.dtype).to(H.device) * 2 - 1
        tried.append(H + reach * moved)
        reach /= 2
    return improved(H, S, tried, fx, fy, K)


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
    """Eq. 5 to 7 at one level: propagate, let `refine` correct the places; `iterations` times -> H (B, h, w, K, 2), best first.

    fx, fy (B, h, w, C) as `rows` gives them; H (B, h, w, J, 2), J >= K candidates to begin with. `refine(H, S, hidden)` ->
    Delta H (B, h, w, K, 2) and its new hidden state (None at first). Rows first in even iterations, columns first in odd ones.
    The gradient flows through the places; which of them are kept is decided by detached scores.
    """
    def tell(step: str, iteration: int) -> None:
        if callback:
            callback({"iteration": iteration, "step": step, "H": H.detach(), "S": S.detach()})

    h, w = fy.shape[1:3]
    none = H[:, :, :, :0]
    H, S = improved(none, none[..., 0], [H], fx, fy, K)
    tell("initialise", 0)
    hidden = None
    for t in range(1, iterations + 1):
        if propagation:
            for axis in ((2, 1), (1, 2))[t % 2]:
                H, S = propagate(H, S, fx, fy, axis)
            tell("propagate", t)
        if refine:
            delta, hidden = refine(H, S, hidden)
            H = inside(H + delta, h, w)
            S = evaluate(fx, fy, H)
            tell("refine", t)
    return best(H, S, K, h, w)[0]  # a correction may have changed which is the best


def soft_warp_explicit(fx: Tensor, fy: Tensor, H: Tensor, y: Tensor, alpha: float = 1.0) -> Tensor:
    """Eq. 8 as it is written, with a vector for each candidate. Shapes as `soft_warp`."""
    S = (fx.unsqueeze(3) * sampled(fy, H)).sum(-1)  # (B, h, w, K)
    weights = torch.softmax(alpha * S, dim=-1)
    return (weights.unsqueeze(-1) * sampled(y.permute(0, 2, 3, 1), H)).sum(3).permute(0, 3, 1, 2)


def soft_warp(fx: Tensor, fy: Tensor, H: Tensor, y: Tensor, alpha: float = 1.0) -> Tensor:
    """Eq. 8: w(p) = sum_k softmax_k(alpha S(p, k)) y(H(p, k)). y (B, V, h', w') -> (B, V, h, w); alpha = 1 is the equation.

    S and y are read between cells, so the gradient reaches features, values and places. Each pixel is one weighted sum of 4 K
    of y's, which are not laid out beside each other first.
    """
    h, w = y.shape[2:]
    at, between = corners(H, h, w)
    weights = torch.softmax(alpha * _mixed(fx, fy, at, between), dim=-1).unsqueeze(-1) * between  # (B, h, w, K, 4)
    moved = F.embedding_bag(_among_all(at, h, w).flatten(3).flatten(0, 2), y.permute(0, 2, 3, 1).flatten(0, 2),
                            per_sample_weights=weights.flatten(3).flatten(0, 2), mode="sum")  # (B h w, V)
    return moved.view(*fx.shape[:3], -1).permute(0, 3, 1, 2)
