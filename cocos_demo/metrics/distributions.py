"""How like a set of pictures is to a set of photos: Frechet distances, FID among them, and the sliced Wasserstein distance."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import MetricMissing

INCEPTION = "weights-inception-2015-12-05-6726825d.pth"  # as published with torch-fidelity: the network that defines FID
PATCH, PATCHES, DIRECTIONS = 7, 128, 512  # progressive GAN's: pixels a side, patches a picture and level, projections
COARSEST = 16  # pixels of the last level


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Frechet distance of the Gaussians fitted to two sets of features, computed in float64.

    (N, D) and (M, D), N, M >= 2 -> |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^1/2). Heusel et al. 2017, Eq. 6. With few
    pictures it is too large by an amount that falls with N: compare only values of equally many pictures.
    """
    a, b = a.double(), b.double()
    mu_a, mu_b = a.mean(dim=0), b.mean(dim=0)
    # C = A^T A for centred, scaled rows, and tr (C_a C_b)^1/2 is the sum of the singular values of A B^T: no root of a
    # singular matrix is needed, as there would be with fewer pictures than features. QR keeps A B^T at most D x D.
    A, B = (torch.linalg.qr((f - mu) / (len(f) - 1) ** 0.5, mode="r").R for f, mu in ((a, mu_a), (b, mu_b)))
    cross = torch.linalg.svdvals(A @ B.T).sum()
    return float((mu_a - mu_b).square().sum() + A.square().sum() + B.square().sum() - 2 * cross)


def fid(outputs: Tensor, photos: Tensor) -> float:
    """The Frechet Inception Distance, by torchmetrics and torch-fidelity's Inception. (N, 3, H, W), (M, 3, H, W) in [-1, 1].

    Nothing is downloaded: raises MetricMissing where the packages are not installed or the weights not in torch's cache.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION
    if not path.is_file():
        raise MetricMissing(f"FID needs Inception's weights: put {INCEPTION}, published with torch-fidelity, into {path.parent}")
    try:
        torch.load(path, weights_only=True, map_location="cpu")  # the library's own loader would run code inside the file
    except Exception:  # the loader raises whatever a broken file leads it to
        raise MetricMissing(f"{path} is not a plain file of weights; put the published {INCEPTION} there") from None
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance

        metric = FrechetInceptionDistance(feature_extractor_weights_path=str(path))
    except ImportError:
        raise MetricMissing('FID needs torchmetrics and torch-fidelity: pip install --editable ".[fid]"') from None
    metric.set_dtype(torch.float64)
    for pictures, real in ((photos, True), (outputs, False)):
        for batch in pictures.split(8):
            metric.update(((batch.clamp(-1, 1) + 1) * 127.5).round().byte(), real=real)
    return float(metric.compute())


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = DIRECTIONS, seed: int = 0) -> float:
    """Mean over random unit directions of the Wasserstein-1 distance of two sets of points projected on them.

    (N, D), (N, D): in one dimension the optimal transport joins the k-th smallest with the k-th smallest.
    """
    if a.shape != b.shape:
        raise ValueError(f"two sets of equally many points are needed, got {tuple(a.shape)} and {tuple(b.shape)}")
    theta = torch.randn(a.shape[1], directions, generator=torch.Generator().manual_seed(seed), dtype=a.dtype)
    theta = F.normalize(theta, dim=0).to(a.device)  # (D, directions)
    return float(((a @ theta).sort(dim=0).values - (b @ theta).sort(dim=0).values).abs().mean())


def swd(outputs: Tensor, photos: Tensor, seed: int = 0) -> dict[int, float]:
    """Sliced Wasserstein distance of the patches on each level of a Laplacian pyramid, times 1000, as progressive GAN's.

    (N, 3, S, S), (N, 3, S, S) -> {level's pixels a side: distance}, from S down to 16. Karras et al. 2018, section 5. Patches
    are normalised a colour channel, so a set's overall brightness and contrast are not seen. Both sets are looked at in the
    same random places, so equal sets are at distance 0.
    """
    if outputs.shape != photos.shape:
        raise ValueError(f"two sets of equally many pictures are needed, got {tuple(outputs.shape)} and {tuple(photos.shape)}")
    levels = zip(laplacian_pyramid(outputs), laplacian_pyramid(photos))
    return {a.shape[-1]: 1000 * sliced_wasserstein(*(_patches(level, seed) for level in (a, b)), seed=seed) for a, b in levels}


def _binomial(x: Tensor, gain: float = 1.0) -> Tensor:
    """Blur (B, 3, H, W) with the 5 x 5 binomial kernel, mirrored at the border."""
    row = torch.tensor([1.0, 4, 6, 4, 1], dtype=x.dtype, device=x.device) / 16
    kernel = (gain * row[:, None] * row).expand(x.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=x.shape[1])


def laplacian_pyramid(x: Tensor) -> list[Tensor]:
    """(B, 3, S, S) -> what each halving of the size loses, (B, 3, S, S), (B, 3, S/2, S/2), ..., and the coarsest picture."""
    levels = []
    while x.shape[-1] // 2 >= COARSEST and x.shape[-1] % 2 == 0:
        smaller = _binomial(x)[..., ::2, ::2]
        spread = torch.zeros_like(x)
        spread[..., ::2, ::2] = smaller
        levels.append(x - _binomial(spread, gain=4.0))
        x = smaller
    return [*levels, x]


def _patches(level: Tensor, seed: int) -> Tensor:
    """(B, 3, S, S) -> (B PATCHES, 3 PATCH PATCH): patches at random places, each channel of mean 0 and deviation 1 over all."""
    B, _, _, S = level.shape
    corner = torch.randint(S - PATCH + 1, (2, B, PATCHES, 1, 1), generator=torch.Generator().manual_seed(seed))
    step = torch.arange(PATCH)
    rows, columns = corner[0] + step[:, None], corner[1] + step  # (B, PATCHES, PATCH, 1), (B, PATCHES, 1, PATCH)
    patches = level.permute(0, 2, 3, 1)[torch.arange(B).view(B, 1, 1, 1), rows, columns]  # (B, PATCHES, PATCH, PATCH, 3)
    mean = patches.mean(dim=(0, 1, 2, 3))
    deviation = patches.std(dim=(0, 1, 2, 3), correction=0).clamp_min(1e-8)  # a flat channel stays 0
    return ((patches - mean) / deviation).flatten(0, 1).flatten(1)
