"""Blocks that the papers share: spectral-norm convolutions, positional normalisation, SPADE."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize


def conv(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, *, spectral: bool, **options) -> nn.Conv2d:
    """A convolution with "same" zero padding, under spectral normalisation (Miyato et al. 2018) where `spectral`."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, **options)
    nn.init.xavier_normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return parametrizations.spectral_norm(layer) if spectral else layer


def bake(net: nn.Module) -> nn.Module:
    """Replace each spectrally normalised weight by its value W / sigma(W), in place: what ships, and what runs fastest."""
    net.eval()  # in training mode reading the weight would take another power iteration
    for layer in net.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
    return net


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) -> (B, C, h, w): area average when shrinking, so that thin lines survive, bilinear when growing."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    if x.shape[2] >= size[0]:
        return F.adaptive_avg_pool2d(x, size)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class PositionalNorm(nn.Module):
    """Positional normalisation (Li et al. 2019): mean and deviation over the channels of each position. CoCosNet, Eq. 5.

    (B, C, H, W) -> (B, C, H, W), each position with mean 0 and (unbiased) variance 1 over its C >= 2 channels.
    """

    def __init__(self, eps: float = 1e-5):
        super().__init__()
        self.eps = eps

    def forward(self, f: Tensor) -> Tensor:
        sigma2, mu = torch.var_mean(f, dim=1, keepdim=True)  # (B, 1, H, W)
        return (f - mu) * torch.rsqrt(sigma2 + self.eps)


class SPADE(nn.Module):
    """Spatially adaptive denormalisation around positional normalisation. CoCosNet, Eq. 5 and 6.

    F (B, C, H, W), style (B, S, h, w) -> (1 + alpha(style)) * PN(F) + beta(style), of F's shape. T of Eq. 6 is two plain
    convolutions; alpha is predicted as a difference from 1, as released. `norm`, channels -> module, takes the place of PN.
    """

    def __init__(self, channels: int, style: int, hidden: int, spectral: bool, norm: Callable[[int], nn.Module] | None = None):
        super().__init__()
        self.norm = norm(channels) if norm else PositionalNorm()
        self.shared = conv(style, hidden, spectral=spectral)
        self.alpha_beta = conv(hidden, 2 * channels, spectral=spectral)

    def forward(self, f: Tensor, style: Tensor) -> Tensor:
        hidden = F.relu(self.shared(resize(style, f.shape[2:])))  # (B, hidden, H, W)
        alpha, beta = self.alpha_beta(hidden).chunk(2, dim=1)  # (B, C, H, W) each
        return self.norm(f) * (1 + alpha) + beta


class SPADEBlock(nn.Module):
    """A residual block of two convolutions, each behind SPADE and a leaky ReLU (Park et al. 2019).

    (B, C_in, H, W), style (B, S, h, w) -> (B, C_out, H, W). The shortcut is learned where C_in != C_out.
    `spectral`: "all" normalises every layer, as the paper says; "convolutions" leaves SPADE's own layers free, as released.
    """

    def __init__(self, c_in: int, c_out: int, style: int, hidden: int, spectral: str,
                 norm: Callable[[int], nn.Module] | None = None):
        super().__init__()
        middle, inside = min(c_in, c_out), spectral == "all"
        self.norm_0 = SPADE(c_in, style, hidden, inside, norm)
        self.conv_0 = conv(c_in, middle, spectral=True)
        self.norm_1 = SPADE(middle, style, hidden, inside, norm)
        self.conv_1 = conv(middle, c_out, spectral=True)
        self.conv_s = conv(c_in, c_out, 1, spectral=True, bias=False) if c_in != c_out else None

    def forward(self, f: Tensor, style: Tensor) -> Tensor:
        shortcut = f if self.conv_s is None else self.conv_s(f)
        d = self.conv_0(F.leaky_relu(self.norm_0(f, style), 0.2))
        d = self.conv_1(F.leaky_relu(self.norm_1(d, style), 0.2))
        return shortcut + d
