"""Semantic match of patches: which patch of a reference resembles each patch of the input, and the picture of these patches.

SEGIN (Huang, Liao and Kwong, section III A); symbols as there:

    Phi(x), Phi(r)  features of input and reference      kappa  all k x k patches, in row-major order, as vectors
    xi  for each patch of x the number of r's nearest    W(x, r)  the auxiliary image    delta = size(r) / size(Phi(r))

Eq. 1 stands here twice: with all patches as vectors, to be read, and the one that runs. Both are exact: nothing is sampled, and
no position left out (tests/test_semantic.py). What the paper leaves open, and the choice:

| what                    | here                                                                             |
|-------------------------|----------------------------------------------------------------------------------|
| patches at the border   | every position has one; features outside the picture are 0                       |
| equal patches           | the first                                                                        |
| patches in W overlap    | the mean of those that cover a pixel, without what lies outside the reference    |
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..features import VGG, load_vgg16_base

ENTRIES = 2**24  # cosines that are held at a time: 64 MB


def patches(f: Tensor, k: int) -> Tensor:
    """kappa: the k x k patch about each position as one vector. (B, C, h, w) -> (B, C k k, h, w). k is odd.

    Plain cosines of these, not centred, are those of Eq. 1.
    """
    return F.unfold(f, k, padding=k // 2).unflatten(2, f.shape[2:])


def plain(f: Tensor) -> Tensor:
    """Vectors whose inner products are the same and whose mean over the channels is 0, so that a cosine of centred features
    (CoCosNet, Eq. 3), and with it everything that is made for one, compares them by Eq. 1. (B, C, h, w) -> (B, C + 1, h, w).

    With s the sum of a vector f: (f + a s, b s). The mean is 0 for b = -(1 + C a), and s adds nothing to an inner product where
    2 a + C a^2 + b^2 = 0.
    """
    C = f.shape[1]
    a = (1 / (C + 1) ** 0.5 - 1) / C
    s = f.sum(dim=1, keepdim=True)
    return torch.cat([f + a * s, -(1 + C * a) * s], dim=1)


def semantic_match_explicit(fx: Tensor, fy: Tensor, k: int = 3) -> Tensor:
    """Eq. 1 as it is written. Holds all patches, and all n x n cosines; shapes as `semantic_match`."""
    _check(fx, fy, k)
    x, r = (F.normalize(patches(f, k).flatten(2), dim=1) for f in (fx, fy))  # (B, C k k, n), (B, C k k, n')
    return (x.transpose(1, 2) @ r).argmax(dim=2).unflatten(1, fx.shape[2:])


def semantic_match(fx: Tensor, fy: Tensor, k: int = 3, rows: int | None = None) -> Tensor:
    """Eq. 1: xi_i = arg max_j of the cosine between kappa(Phi(x))_i and kappa(Phi(r))_j.

    fx = Phi(x) (B, C, h, w), fy = Phi(r) (B, C, h', w'), k odd -> xi (B, h, w), numbers row * w' + column of r's positions.

    The inner product of two patches is the sum, over their k x k places, of the inner products of single positions, k times k
    fewer numbers to multiply; and it is summed along columns first, then along rows. `rows` rows of x at a time (None: what 64 MB
    hold), so the n x n' matrix is never there. The length of x's patch does not change which j is best, and is left out.
    In full precision, without gradient. Raises ValueError.
    """
    _check(fx, fy, k)
    with torch.no_grad(), torch.autocast(fx.device.type, enabled=False):
        fx, fy = (f if f.dtype == torch.float64 else f.float() for f in (fx, fy))
        (h, w), p = fx.shape[2:], k // 2
        rows = rows or max(1, ENTRIES // (w * fy[0, 0].numel()) - 2 * p)
        length = F.avg_pool2d((fy**2).sum(dim=1, keepdim=True), k, 1, p, divisor_override=1).sqrt()  # |kappa(Phi(r))_j|
        xi = torch.empty(len(fx), h, w, dtype=torch.long, device=fx.device)
        for b in range(len(fx)):
            padded = F.pad(fx[b], (0, 0, p, p))  # (C, h + 2p, w)
            for top in range(0, h, rows):
                block = padded[:, top : top + rows + 2 * p]  # (C, R + 2p, w)
                products = (block.flatten(1).T @ fy[b].flatten(1)).view(-1, w, *fy.shape[2:])  # (R + 2p, w, h', w')
                products = _along_columns(_along_rows(products, p), p)  # (R, w, h', w')
                xi[b, top : top + rows] = (products / length[b, 0].clamp(min=1e-12)).flatten(2).argmax(dim=2)
        return xi


def _along_rows(c: Tensor, p: int) -> Tensor:
    """(R + 2p, w, h', w') -> (R, w, h', w'): the sum over dy in -p..p of c at (y + dy, y' + dy), 0 where y' + dy is outside."""
    if p == 0:
        return c
    R, n = c.shape[0] - 2 * p, c.shape[2]
    total = c[p : p + R].clone()
    for d in (d for d in range(-p, p + 1) if d and abs(d) < n):
        total[:, :, max(0, -d) : n - max(0, d)] += c[p + d : p + d + R, :, max(0, d) : n + min(0, d)]
    return total


def _along_columns(c: Tensor, p: int) -> Tensor:
    """(R, w, h', w') -> the same shape: the sum over dx in -p..p of c at (x + dx, x' + dx), 0 where either is outside."""
    w, n = c.shape[1], c.shape[3]
    total = c if p == 0 else c.clone()
    for d in (d for d in range(-p, p + 1) if d and abs(d) < min(w, n)):
        total[:, max(0, -d) : w - max(0, d), :, max(0, -d) : n - max(0, d)] += \
            c[:, max(0, d) : w + min(0, d), :, max(0, d) : n + min(0, d)]
    return total


def paste(r: Tensor, xi: Tensor, grid: tuple[int, int], k: int = 1) -> Tensor:
    """Eq. 2: the auxiliary image, kappa(W(x, r))_i = kappa(r)_xi_i, patches of delta k x delta k pixels.

    r (B, K, delta h', delta w') in any range; xi (B, h, w), positions on r's `grid` (h', w'); k odd
    -> W (B, K, delta h, delta w). With k = 1 patches lie side by side; else each pixel is the mean of the patches over it.
    Raises ValueError.
    """
    K, (height, width), (h, w) = r.shape[1], r.shape[2:], xi.shape[1:]
    delta = height // grid[0]
    if (height, width) != (delta * grid[0], delta * grid[1]) or not delta:
        raise ValueError(f"a picture of {height} x {width} does not divide into {grid[0]} x {grid[1]} squares")
    if xi.amax() >= grid[0] * grid[1] or xi.amin() < 0:
        raise ValueError(f"xi names positions outside the grid of {grid[0]} x {grid[1]}")
    shape = dict(kernel_size=delta * k, stride=delta, padding=delta * (k // 2))
    inside = torch.ones_like(r[:, :1])
    columns = F.unfold(torch.cat([r, inside], dim=1), **shape)  # (B, (K + 1) (delta k)^2, h' w')
    taken = columns.gather(2, xi.flatten(1)[:, None].expand(-1, columns.shape[1], -1))  # (B, ..., h w)
    summed = F.fold(taken, (delta * h, delta * w), **shape)
    return summed[:, :K] / summed[:, K:].clamp(min=1)


def _check(fx: Tensor, fy: Tensor, k: int) -> None:
    if fx.dim() != 4 or fy.dim() != 4 or fx.shape[:2] != fy.shape[:2]:
        raise ValueError(f"fx and fy must be (B, C, H, W) with the same B and C, got {tuple(fx.shape)} and {tuple(fy.shape)}")
    if k < 1 or k % 2 == 0:
        raise ValueError(f"patches are k x k with an odd k, got {k}")


@cache
def vgg16_base(device: str) -> VGG:
    """The VGG-16 that ships, loaded once a device."""
    with torch.inference_mode(False):  # weights made while translating could not be trained through afterwards
        return load_vgg16_base().to(device, memory_format=torch.channels_last)


class VGGMatcher:
    """SEGIN's own matcher, as one of `cocos_demo.matchers`: `patch` x `patch` positions of the features of `layer`, relu1_1 to
    relu3_3, are compared, k x k of them pasted.

    The paper uses VGG-19 and names neither layer nor k. Of relu2_2 to relu3_3, 1, 3 and 5 positions, relu3_2 and 5 bring most
    landmarks of a face to their place on another's, by drawn lines and by grey photos; pasted as large, patches of several
    matches blur one another.
    """

    def __init__(self, layer: str = "relu3_2", patch: int = 5, k: int = 3):
        self.layer, self.patch, self.k = layer, patch, k

    def features(self, picture: Tensor) -> Tensor:
        """Phi: (B, 3, S, S) in [-1, 1] -> (B, C, S / delta, S / delta). Raises FeaturesError, and ValueError for no layer."""
        with torch.no_grad():
            return vgg16_base(str(picture.device))(picture, (self.layer,))[self.layer]

    def __call__(self, condition: Tensor, x: Tensor, r: Tensor) -> tuple[Tensor, tuple[int, int]]:
        fx, fr = self.features(x), self.features(r)
        return semantic_match(fx, fr, self.patch), tuple(fr.shape[2:])
