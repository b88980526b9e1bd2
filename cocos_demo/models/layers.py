"""Blocks that the papers share: spectral-norm convolutions, positional normalisation, SPADE, residual blocks, attention."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from .correspondence import attend

POWER_ITERATIONS = 30  # enough for u and v from random ones


def conv(in_channels: int, out_channels: int, kernel: int | tuple[int, int] = 3, stride: int = 1, *, spectral: bool,
         **options) -> nn.Conv2d:
    """A convolution, under spectral normalisation (Miyato et al. 2018) where `spectral`.

    Padded by kernel // 2 zeros a side; `options` are those of nn.Conv2d, as padding=1 or padding_mode="reflect".
    On torch's meta device, where a network is but its shapes, waiting for baked weights, the convolution stays plain.
    """
    padding = kernel // 2 if isinstance(kernel, int) else tuple(n // 2 for n in kernel)
    layer = nn.Conv2d(in_channels, out_channels, kernel, stride, **{"padding": padding, **options})
    nn.init.xavier_normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return parametrizations.spectral_norm(layer) if spectral and not layer.weight.is_meta else layer


def bake(net: nn.Module) -> nn.Module:
    """Replace each spectrally normalised weight by its value W / sigma(W), in place: what ships, and what runs fastest."""
    net.eval()  # in training mode reading the weight would take another power iteration
    for layer in net.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
    return net


def unbake(net: nn.Module, baked: dict[str, Tensor]) -> None:
    """Load weights that `bake` left into a network with spectral normalisation, to train on from there.

    A baked weight has sigma 1, so it is its own W; u and v are found again by power iterations.
    """
    state = net.state_dict()
    names = {key.replace("parametrizations.weight.original", "weight"): key for key in state if not key.endswith(("._u", "._v"))}
    if set(baked) != set(names):
        raise ValueError(f"other layers: {', '.join(sorted(set(baked) ^ set(names))[:3])}")
    net.load_state_dict(state | {names[key]: value for key, value in baked.items()})
    power_iterations(net, POWER_ITERATIONS)


def power_iterations(net: nn.Module, times: int = 1) -> None:
    """Let sigma of every spectrally normalised layer follow its weight by so many iterations, and hold it from there on.

    Of its own accord a layer takes one whenever its weight is read in training mode. Then sigma would depend on how often a step
    reads it: for the exemplar and the photo, for each part of the batch. A training calls this after each update instead, so
    that all of a step sees one W / sigma. Miyato et al. 2018, Algorithm 1. net.train() gives a layer its own accord back.
    """
    for layer in net.modules():
        if parametrize.is_parametrized(layer, "weight"):
            layer.parametrizations.train()
            with torch.no_grad():
                for _ in range(times):
                    layer.weight  # noqa: B018  reading it is what takes an iteration
            layer.parametrizations.eval()


def freeze(net: nn.Module, parts: tuple[str, ...]) -> None:
    """Let no parameter learn whose name contains one of `parts`. Spectral normalisation goes on estimating sigma.

    Raises ValueError if a part is in no name, or if nothing is left to learn.
    """
    for part in parts:
        named = [parameter for name, parameter in net.named_parameters() if part in name]
        if not named:
            words = dict.fromkeys(word for name, _ in net.named_parameters() for word in name.split(".") if not word.isdigit())
            raise ValueError(f"no parameter has {part!r} in its name, to be frozen; names are made of {', '.join(words)}")
        for parameter in named:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"with {', '.join(parts)} frozen nothing is left to learn")


def resize(x: Tensor, size: tuple[int, int], method: str = "area") -> Tensor:
    """(B, C, H, W) -> (B, C, h, w). `method` "area": area average when shrinking, so that thin lines survive, bilinear when
    growing; "nearest": one of the given values, as released."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    if method == "nearest":
        return F.interpolate(x, size=size, mode="nearest")
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
    convolutions; alpha is predicted as a difference from 1, as released. `norm`, channels -> module, takes the place of PN;
    `padding` is "zeros" or "reflect"; `method` is that of `resize`.
    """

    def __init__(self, channels: int, style: int, hidden: int, spectral: bool, norm: Callable[[int], nn.Module] | None = None,
                 padding: str = "zeros", method: str = "area"):
        super().__init__()
        self.method = method
        self.norm = norm(channels) if norm else PositionalNorm()
        self.shared = conv(style, hidden, spectral=spectral, padding_mode=padding)
        self.alpha_beta = conv(hidden, 2 * channels, spectral=spectral, padding_mode=padding)

    def forward(self, f: Tensor, style: Tensor) -> Tensor:
        hidden = F.relu(self.shared(resize(style, f.shape[2:], self.method)))  # (B, hidden, H, W)
        alpha, beta = self.alpha_beta(hidden).chunk(2, dim=1)  # (B, C, H, W) each
        return self.norm(f) * (1 + alpha) + beta


class SPADEBlock(nn.Module):
    """A residual block of two convolutions, each behind SPADE and a leaky ReLU (Park et al. 2019).

    (B, C_in, H, W), style (B, S, h, w) -> (B, C_out, H, W). The shortcut is learned where C_in != C_out.
    `spectral`: "all" normalises every layer, as the paper says; "convolutions" leaves SPADE's own layers free, as released.
    `shortcut`: "plain", or "modulated", which puts SPADE before a learned one, as released. The rest as `SPADE`.
    """

    def __init__(self, c_in: int, c_out: int, style: int, hidden: int, spectral: str,
                 norm: Callable[[int], nn.Module] | None = None, padding: str = "zeros", method: str = "area",
                 shortcut: str = "plain"):
        super().__init__()
        middle, learned = min(c_in, c_out), c_in != c_out
        modulation = dict(style=style, hidden=hidden, spectral=spectral == "all", norm=norm, padding=padding, method=method)
        self.norm_0 = SPADE(c_in, **modulation)
        self.conv_0 = conv(c_in, middle, spectral=True, padding_mode=padding)
        self.norm_1 = SPADE(middle, **modulation)
        self.conv_1 = conv(middle, c_out, spectral=True, padding_mode=padding)
        self.norm_s = SPADE(c_in, **modulation) if learned and shortcut == "modulated" else None
        self.conv_s = conv(c_in, c_out, 1, spectral=True, bias=False) if learned else None

    def forward(self, f: Tensor, style: Tensor) -> Tensor:
        shortcut = f if self.norm_s is None else self.norm_s(f, style)
        shortcut = shortcut if self.conv_s is None else self.conv_s(shortcut)
        d = self.conv_0(F.leaky_relu(self.norm_0(f, style), 0.2))
        d = self.conv_1(F.leaky_relu(self.norm_1(d, style), 0.2))
        return shortcut + d


class ResidualBlock(nn.Module):
    """Two convolutions with instance normalisation and one learned rectifier, used twice (He et al. 2015, 2016).

    (B, C, H, W) -> (B, C, H, W), H and W at least 2.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = conv(channels, channels, spectral=False, padding_mode="reflect")
        self.conv2 = conv(channels, channels, spectral=False, padding_mode="reflect")
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        d = self.prelu(F.instance_norm(self.conv1(x)))
        return self.prelu(x + F.instance_norm(self.conv2(d)))


class Attention(nn.Module):
    """Self-attention over all positions, with keys and values pooled by 2 and a learned strength gamma that starts at 0
    (Zhang et al. 2019, as in BigGAN). (B, C, H, W) -> (B, C, H, W), C a multiple of 8, H and W even."""

    def __init__(self, channels: int):
        super().__init__()
        self.theta = conv(channels, channels // 8, 1, spectral=True, bias=False)
        self.phi = conv(channels, channels // 8, 1, spectral=True, bias=False)
        self.g = conv(channels, channels // 2, 1, spectral=True, bias=False)
        self.o = conv(channels // 2, channels, 1, spectral=True, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        keys, values = F.max_pool2d(self.phi(x), 2), F.max_pool2d(self.g(x), 2)  # (B, C/8 and C/2, H/2, W/2)
        return x + self.gamma * self.o(attend(self.theta(x), keys, values, scale=1.0))


class ConvGRU(nn.Module):
    """A convolutional gated recurrent unit. CoCosNet v2, Eq. 6. h (B, hidden, H, W), x (B, inputs, H, W) -> the new h."""

    def __init__(self, hidden: int, inputs: int, kernel: int | tuple[int, int] = 3):
        super().__init__()
        self.z, self.r, self.h = (conv(hidden + inputs, hidden, kernel, spectral=False) for _ in range(3))

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        hx = torch.cat([h, x], dim=1)
        z, r = torch.sigmoid(self.z(hx)), torch.sigmoid(self.r(hx))
        h_hat = torch.tanh(self.h(torch.cat([r * h, x], dim=1)))
        return (1 - z) * h + z * h_hat
