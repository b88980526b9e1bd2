"""Dense correspondence between two feature maps: correlate, warp, cycle. The heart of every system here.

Symbols (CoCosNet, section 3.1): fx = x_S and fy = y_S, features of the shared domain S; M = the correlation matrix;
alpha = the sharpness of the softmax; y = whatever the exemplar carries (its pixels, its patches, its labels).

Each of `warp` and `cycle` stands here twice: the explicit softmax, to be read, and the one that runs, which never holds
the HW x HW matrix. They give the same numbers (tests/test_correspondence.py).

Convention: positions are the cells of the feature map in row-major order, u = row * W + column.
"""

from collections.abc import Callable
from functools import wraps

import torch
import torch.nn.functional as F
from torch import Tensor


def _in_full_precision(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Computes in float32 (float64 stays) also under autocast: half precision is too coarse for the exponent, where
    alpha = 100 turns an error of 0.004 into a factor of 1.5."""

    @wraps(function)
    def precise(fx: Tensor, fy: Tensor, *rest, **options) -> Tensor:
        with torch.autocast(fx.device.type, enabled=False):
            tensors = [t if t.dtype == torch.float64 else t.float() for t in (fx, fy)]
            return function(*tensors, *rest, **options)

    return precise


def normalise(f: Tensor) -> Tensor:
    """Centre each position over its channels and scale it to unit length: the numerator and denominator of Eq. 3.

    (B, C, H, W) -> (B, C, H, W). A position whose channels are all equal becomes zero: it resembles nothing.
    """
    return F.normalize(f - f.mean(dim=1, keepdim=True), dim=1)


def _check(fx: Tensor, fy: Tensor, y: Tensor | None = None) -> None:
    if fx.dim() != 4 or fy.dim() != 4 or fx.shape[:2] != fy.shape[:2]:
        raise ValueError(f"fx and fy must be (B, C, H, W) with the same B and C, got {tuple(fx.shape)} and {tuple(fy.shape)}")
    if y is not None and (y.dim() != 4 or y.shape[0] != fy.shape[0] or y.shape[2:] != fy.shape[2:]):
        raise ValueError(f"y must be (B, K, H, W) on the grid of fy {tuple(fy.shape)}, got {tuple(y.shape)}")


@_in_full_precision
def correlate(fx: Tensor, fy: Tensor) -> Tensor:
    """Eq. 3: the correlation matrix M(u, v), the cosine of the channel-centred features.

    fx (B, C, H, W), fy (B, C, H', W') -> (B, HW, H'W') in [-1, 1]. CoCosNet, Eq. 3.
    """
    _check(fx, fy)
    qx, ky = normalise(fx).flatten(2), normalise(fy).flatten(2)  # (B, C, HW), (B, C, H'W')
    return qx.transpose(1, 2) @ ky  # (B, HW, H'W')


@_in_full_precision
def warp_explicit(fx: Tensor, fy: Tensor, y: Tensor, alpha: float = 100.0) -> Tensor:
    """Eq. 4 as it is written: r_y->x(u) = sum_v softmax_v(alpha M(u, v)) y(v). Holds the whole matrix; shapes as `warp`."""
    _check(fx, fy, y)
    weights = torch.softmax(alpha * correlate(fx, fy), dim=2)  # (B, HW, H'W')
    r = weights @ y.flatten(2).transpose(1, 2).to(weights.dtype)  # (B, HW, K)
    return r.transpose(1, 2).unflatten(2, fx.shape[2:])  # (B, K, H, W)


def cycle_explicit(fx: Tensor, fy: Tensor, y: Tensor, alpha: float = 100.0) -> Tensor:
    """Eq. 12 as it is written: r_y->x->y(v) = sum_u softmax_u(alpha M(u, v)) r_y->x(u). Shapes as `cycle`."""
    _check(fx, fy, y)
    r = warp_explicit(fx, fy, y, alpha).flatten(2)  # (B, K, HW)
    weights = torch.softmax(alpha * correlate(fx, fy), dim=1)  # (B, HW, H'W'), over u
    return (r @ weights).unflatten(2, fy.shape[2:])  # (B, K, H', W')


def attend(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """Attention over positions, sum_j softmax_j(scale q_i . k_j) v_j, without the HW x HW matrix.

    q (B, C, H, W); k (B, C, H', W'); v (B, K, H', W') -> (B, K, H, W).
    """
    size, channels = q.shape[2:], v.shape[1]
    q, k, v = (t.flatten(2).transpose(1, 2) for t in (q, k, v.to(q.dtype)))  # (B, HW, C), (B, H'W', C), (B, H'W', K)
    # The kernel that keeps its memory small wants keys and values equally wide, and each position's channels side by side;
    # given anything else, attention silently builds the whole matrix.
    width = max(q.shape[2], v.shape[2])
    q, k, v = (F.pad(t, (0, width - t.shape[2])).contiguous().unsqueeze(1) for t in (q, k, v))  # (B, 1, ..., width)
    r = F.scaled_dot_product_attention(q, k, v, scale=scale)[:, 0, :, :channels]  # (B, HW, K)
    return r.transpose(1, 2).unflatten(2, size)  # (B, K, H, W)


@_in_full_precision
def warp(fx: Tensor, fy: Tensor, y: Tensor, alpha: float = 100.0) -> Tensor:
    """Eq. 4 without the HW x HW matrix: the exemplar's values y, moved to where x has their counterparts.

    fx (B, C, H, W); fy (B, C, H', W'); y (B, K, H', W') in any range -> r_y->x (B, K, H, W) in y's range.
    Eq. 4 is attention with queries fx, keys fy, values y and scale alpha, so the fused kernel computes it. CoCosNet, Eq. 4.
    """
    _check(fx, fy, y)
    return attend(normalise(fx), normalise(fy), y, alpha)


def cycle(fx: Tensor, fy: Tensor, y: Tensor, alpha: float = 100.0) -> Tensor:
    """Eq. 12 without the matrix: the exemplar's values, warped to x and back again.

    Shapes as `warp`, but the result r_y->x->y (B, K, H', W') lies on the exemplar's grid. M is the same matrix in both
    directions, so the way back is `warp` with the two feature maps exchanged. CoCosNet, Eq. 12.
    """
    return warp(fy, fx, warp(fx, fy, y, alpha), alpha)


@_in_full_precision
def match(fx: Tensor, fy: Tensor, rows: int | None = None) -> Tensor:
    """The best match of each position of x: arg max_v M(u, v), computed `rows` positions at a time (None: 64 MB of M).

    fx (B, C, H, W); fy (B, C, H', W') -> (B, H, W) indices v = row * W' + column into the exemplar's grid.
    """
    _check(fx, fy)
    q = normalise(fx).flatten(2).transpose(1, 2)  # (B, HW, C)
    k = normalise(fy).flatten(2)  # (B, C, H'W')
    best = [(block @ k).argmax(dim=2) for block in q.split(rows or max(1, 2**24 // (len(k) * k.shape[2])), dim=1)]
    return torch.cat(best, dim=1).unflatten(1, fx.shape[2:])  # (B, H, W)


def to_patches(y: Tensor, p: int) -> Tensor:
    """(B, K, pH, pW) -> (B, K p p, H, W): each p x p patch becomes one position's value, so a warp moves whole patches."""
    return F.pixel_unshuffle(y, p)


def from_patches(r: Tensor, p: int) -> Tensor:
    """(B, K p p, H, W) -> (B, K, pH, pW): the inverse of `to_patches`."""
    return F.pixel_shuffle(r, p)
