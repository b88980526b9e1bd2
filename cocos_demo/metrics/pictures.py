"""How like a picture is to the one it should be: for pairs whose answer is known, as in MCL-Net's Table 4.

Pictures are (B, 3, H, W) in [-1, 1]; a mask (B, 1, H, W), bool, restricts a mean to a region, e.g. a figure; it must not be
empty. Every function but `relative_error` answers (B,), one number a picture.
"""

import torch
from torch import Tensor

from .errors import MetricMissing


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """(B, C, H, W) -> (B,): the mean over the channels and the mask's pixels."""
    values = values.mean(dim=1, keepdim=True)  # (B, 1, H, W)
    keep = torch.ones_like(values) if mask is None else mask.to(values.dtype)
    return (values * keep).sum(dim=(1, 2, 3)) / keep.sum(dim=(1, 2, 3))


def relative_error(output: Tensor, target: Tensor, exemplar: Tensor, mask: Tensor | None = None) -> float:
    """Mean |output - target| over mean |exemplar - target|: 0 is the photo itself, 1 is no better than the exemplar.

    (B, 3, H, W) each, in one range; mask (B, 1, H, W) bool restricts both means, e.g. to a figure.
    """
    keep = torch.ones_like(target[:, :1]) if mask is None else mask.to(target.dtype)
    return float(((output - target).abs() * keep).sum() / ((exemplar - target).abs() * keep).sum())


def l1(output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean |output - target| in grey values, 0 to 255 (MCL-Net's Table 4 does not say in which unit its own is)."""
    return _mean((output - target).abs(), mask) * 127.5


def psnr(output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB, 10 log10(peak^2 / mean squared error) with the peak 2 of [-1, 1]; equal pictures: inf."""
    return 10 * torch.log10(4 / _mean((output - target) ** 2, mask))


def ssim(output: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Structural similarity, 1 for equal pictures: Gaussian window of 11 pixels, sigma 1.5 (Wang et al. 2004), by torchmetrics.

    A window reaches over the mask's border. Raises MetricMissing where torchmetrics is not installed.
    """
    try:
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError:
        raise MetricMissing('SSIM needs the package torchmetrics: pip install --editable ".[train]"') from None
    light = [(x + 1) / 2 for x in (output, target)]  # its comparison of brightness needs black at 0
    _, everywhere = structural_similarity_index_measure(*light, data_range=1.0, reduction="none", return_full_image=True)
    return _mean(everywhere, mask)  # of (B, 3, H, W)
