"""What the matchers share: the search for the most similar position, and the VGG-16 that ships."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.semantic import vgg16_base

ENTRIES = 2**22  # cosines that are held at a time: 16 MB, which the cache of a CPU still serves
# Cosines that differ by less than this count as equal, and the nearer place wins. What is flat, as the black of a drawn map, has
# no best match; SIFT Flow's term of small displacements, made this small, then leaves it where it is.
TIE = 1e-4


class MatcherError(ValueError):
    """There is no such matcher, or it cannot read these pictures; the message says what it reads."""


@torch.no_grad()
def nearest(fx: Tensor, fy: Tensor, reach: float | None = None) -> Tensor:
    """arg max_j of the cosine of fx_i and fy_j - TIE times the displacement, |row| + |column| as shares of the sides.

    fx (B, C, h, w), fy (B, C, h', w') -> xi (B, h, w), positions row * w' + column. `reach`: j may lie at most this share of the
    height above or below i, and of the width beside it; None: anywhere. In blocks of rows, without the n x n' matrix, and of that
    only the rows within reach. A position that is 0 resembles nothing: cosine 0. ValueError where reach leaves a position of x
    without one of r.
    """
    (B, _, h, w), (h_, w_) = fx.shape, fy.shape[2:]
    down, across = _apart(h, h_, fx), _apart(w, w_, fx)  # (h, h'), (w, w')
    reach = 2.0 if reach is None else reach + 1e-6  # rounding must not narrow the window by a cell
    if max(down.amin(1).max(), across.amin(1).max()) > reach:
        raise ValueError(f"a position of {h} x {w} has none of {h_} x {w_} within {reach:.3f} of the side")
    x, y = (F.normalize(f.flatten(2), dim=1) for f in (fx, fy))
    x, y = x.unflatten(2, (h, w)), y.unflatten(2, (h_, w_))
    beside = across > reach
    xi = torch.empty(B, h, w, dtype=torch.long, device=fx.device)
    rows = max(1, ENTRIES // (w * h_ * w_))
    for top in range(0, h, rows):
        d = down[top : top + rows]  # (R, h')
        within = (d.amin(0) <= reach).nonzero()
        first, last = int(within[0]), int(within[-1]) + 1
        d = d[:, None, first:last, None]  # (R, 1, n, 1)
        cost = TIE * (d + across[:, None])  # (R, w, n, w')
        cost.masked_fill_(d > reach, torch.inf).masked_fill_(beside[:, None], torch.inf)
        for b in range(B):
            with torch.autocast(fx.device.type, enabled=False):
                cosines = x[b, :, top : top + rows].flatten(1).T @ y[b, :, first:last].flatten(1)  # (R w, n w')
            best = (cosines - cost.view(cosines.shape)).argmax(dim=1)
            xi[b, top : top + rows] = best.view(-1, w) + first * w_
    return xi


def _apart(n: int, m: int, like: Tensor) -> Tensor:
    """How far the centres of n equal pieces of a side lie from those of m, as shares of it. (n, m)"""
    x, y = ((torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count for count in (n, m))
    return (x[:, None] - y).abs()


def features(picture: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
    """Layers of the VGG-16 that ships, up to relu3_3: picture (B, 3, H, W) in [-1, 1] -> {layer: (B, C, h, w)}, in float32.

    Without gradient, and in full precision also under autocast. Raises FeaturesError when its file is missing.
    """
    with torch.no_grad(), torch.autocast(picture.device.type, enabled=False):
        return vgg16_base(str(picture.device))(picture.float(), layers)


def check_grid(picture: Tensor, delta: int, what: str) -> tuple[int, int]:
    """(h, w), the squares of delta x delta pixels that a picture (B, C, H, W) divides into. Raises MatcherError."""
    H, W = picture.shape[2:]
    if min(H, W) < delta or H % delta or W % delta:
        raise MatcherError(f"{what} matches squares of {delta} x {delta} pixels; {W} x {H} is no whole number of them")
    return H // delta, W // delta
