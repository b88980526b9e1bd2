"""A painting of an edit, finished with the picture's own pixels: image analogies, painting : picture :: new painting : ?.

A network of 128 pixels paints a blurred edit, with seams of its own making. But it paints the untouched picture in the same way,
and there it is known what stands behind each blur and seam: the picture. So each patch of the new painting takes the patch of
the picture whose painting and parts are most like its own (Hertzmann et al., "Image Analogies", 2001), and patches agree with
their neighbours and with what was not touched.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 5  # pixels of the network; the side of a patch
ROUNDS = 4  # of searching and voting
GUIDE, PARTS, OWN, NEAR = 0.5, 1.5, 0.7, 0.5  # weights of the painting, the parts, the pixels, and of nearness, per half a side
MOST = 2**14  # patches of a class that are looked at: evenly chosen where there are more
BLOCK = 2**24  # distances that are held at a time


def finish(photo: np.ndarray, fine: np.ndarray, paintings: tuple[np.ndarray, np.ndarray], labels: tuple[np.ndarray, np.ndarray],
           hole: np.ndarray) -> np.ndarray:
    """The picture, its hole filled with patches of its own.

    photo: float32 (n, n, 3) in [-1, 1], at the network's size; fine: the same, (k n, k n, 3); paintings: (n, n, 3) in [-1, 1], of
    the untouched map and of the edited one; labels: these maps (n, n); hole: bool (n, n).
    Returns: fine, (k n, k n, 3), other where the hole is.
    """
    if not hole.any():
        return fine
    n, k = len(photo), len(fine) // len(photo)
    target = np.flatnonzero(_dilated(hole))  # (M,) every patch that touches the hole
    known, wide = torch.from_numpy(photo).float(), torch.from_numpy(fine).float()
    asked = np.unique(labels[1].ravel()[target]).tolist()
    y, x = np.mgrid[:n, :n] / n
    at = torch.from_numpy(np.stack([y, x], -1).reshape(-1, 2)).float() * (2 * NEAR)  # (n n, 2)
    old, new = (torch.cat([_patches(GUIDE * torch.from_numpy(painting).float()),
                           _patches(PARTS * _one_hot(numbers, asked)), at], 1)
                for painting, numbers in zip(paintings, labels, strict=True))  # (n n, D)
    match = _matched(new[target], old, target, labels)
    old = torch.cat([old, OWN * _patches(known)], 1)
    for _ in range(ROUNDS - 1):
        filled = _voted(known, target, match, hole, n, 1)
        match = _matched(torch.cat([new[target], OWN * _patches(filled)[target]], 1), old, target, labels)
    return _voted(wide, target, match, hole, n, k).numpy()


def _one_hot(labels: np.ndarray, asked: list[int]) -> Tensor:
    """(n, n) -> (n, n, A): which of the classes that are asked for each pixel has; of all others none."""
    return torch.from_numpy(np.stack([labels == c for c in asked], -1)).float()


def _weights() -> np.ndarray:
    """What each pixel of a patch counts, (PATCH, PATCH), 1 in sum: the middle most."""
    i = np.arange(PATCH) - PATCH // 2
    w = np.exp(-(i[:, None] ** 2 + i**2) / 4)
    return (w / w.sum()).astype(np.float32)


def _patches(values: Tensor) -> Tensor:
    """(n, n, C) -> (n n, C PATCH PATCH), the border repeated; squared distances of two are means, weighted as `_weights`."""
    r = PATCH // 2
    padded = F.pad(values.permute(2, 0, 1)[None], (r, r, r, r), mode="replicate")  # (1, C, n + 2r, n + 2r)
    columns = F.unfold(padded, PATCH)[0]  # (C PATCH PATCH, n n)
    weight = torch.from_numpy(_weights()).sqrt().flatten().repeat(values.shape[-1])
    return (columns * weight[:, None]).T


def _matched(queries: Tensor, keys: Tensor, target: np.ndarray, labels: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Of each query (M, D), the patch at `target` (M,), the most similar of all patches (n n, D) around a pixel of its own class;
    of any class, where the untouched map has none of it. (M,)"""
    had, wanted = labels[0].ravel(), labels[1].ravel()[target]
    match = np.zeros(len(target), np.int64)
    for c in np.unique(wanted):
        sources = np.flatnonzero(had == c)
        sources = sources if len(sources) else np.arange(len(had))
        sources = sources[:: -(-len(sources) // MOST)]
        match[wanted == c] = sources[_nearest(queries[wanted == c], keys[sources])]
    return match


def _nearest(queries: Tensor, keys: Tensor) -> np.ndarray:
    """Of each query (M, D) the number of the nearest key (N, D): (M,)."""
    half = (keys**2).sum(1) / 2  # (N,)
    rows = max(1, BLOCK // len(keys))
    return torch.cat([(block @ keys.T - half).argmax(1) for block in queries.split(rows)]).numpy()


def _voted(photo: Tensor, target: np.ndarray, match: np.ndarray, hole: np.ndarray, n: int, k: int) -> Tensor:
    """The hole of a picture (k n, k n, 3) as the matched patches see it: each pixel the mean of all that cover it, weighted."""
    r, weights = PATCH // 2, _weights()
    blocks = photo.reshape(n, k, n, k, 3).permute(0, 2, 1, 3, 4).reshape(n * n, k * k * 3)  # a row for each pixel of the network
    sums, total = torch.zeros_like(blocks), torch.zeros(n * n, 1)
    (y, x), (from_y, from_x) = (tuple(map(torch.from_numpy, np.divmod(i, n))) for i in (target, match))
    for dy in range(-r, r + 1):
        for dx in range(-r, r + 1):
            there = (y + dy >= 0) & (y + dy < n) & (x + dx >= 0) & (x + dx < n)
            to = ((y + dy) * n + x + dx)[there]
            source = ((from_y + dy).clamp(0, n - 1) * n + (from_x + dx).clamp(0, n - 1))[there]
            weight = float(weights[dy + r, dx + r])
            sums.index_add_(0, to, weight * blocks[source])
            total.index_add_(0, to, torch.full((len(to), 1), weight))
    filled = torch.where(torch.from_numpy(hole.reshape(-1, 1)), sums / total.clamp(min=1e-9), blocks)
    return filled.reshape(n, n, k, k, 3).permute(0, 2, 1, 3, 4).reshape(k * n, k * n, 3)


def _dilated(mask: np.ndarray) -> np.ndarray:
    """Where a patch touches the mask."""
    return F.max_pool2d(torch.from_numpy(mask).float()[None, None], PATCH, 1, PATCH // 2)[0, 0].numpy() > 0
