"""CoCosNet: cross-domain correspondence learning for exemplar-based image translation (Zhang et al., CVPR 2020).

Read it top to bottom like the paper. Paper symbol = variable name:

    x_A  the input's condition map      y_B  the exemplar           x_B   the photo behind x_A (training only)
    F_A, F_B  the domain adaptors       x_S, y_S  features of the shared domain S
    r    the warped exemplar r_y->x     z    the constant code      alpha  sharpness of the softmax

Where paper and released code differ and pictures depend on it, the choice is named in the config. The presets follow the
paper; a checkpoint stores what it was trained with.

| choice            | paper (preset)                            | released code                                     |
|-------------------|-------------------------------------------|---------------------------------------------------|
| `exemplar_input`  | `image`: F_B sees y_B alone               | `image+condition`: its own condition as well      |
| `carries`         | `pixels`: Eq. 4 moves average colours     | `patches` (pose task): it moves whole patches     |
| `modulation`      | `warp`: Eq. 5 to 7, T_i(r) alone          | `warp+condition`: T_i sees r and x_A              |
| `spectral`        | `all`: every layer spectrally normalised  | `convolutions`: not inside SPADE                  |
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .correspondence import from_patches, to_patches, warp
from .layers import SPADEBlock, conv, resize


@dataclass(frozen=True)
class CoCosNetConfig:
    condition_channels: int
    size: int = 128  # pixels; pictures are square
    pyramid: tuple[int, ...] = (16, 32, 64, 96, 128)  # widths of the adaptor at strides 1, 2, 4, ...
    stride: int = 4  # pixels of the picture a position of S covers
    features: int = 64  # C, the channels of S
    alpha: float = 100.0  # Eq. 4
    generator: tuple[int, ...] = (96, 96, 96, 64, 32)  # widths of the translation network, coarse to fine
    hidden: int = 32  # channels between the two layers of T_i
    exemplar_input: Literal["image", "image+condition"] = "image"
    carries: Literal["pixels", "patches"] = "pixels"
    modulation: Literal["warp", "warp+condition"] = "warp"
    spectral: Literal["all", "convolutions"] = "all"

    def __post_init__(self):
        for field, allowed in (("exemplar_input", ("image", "image+condition")), ("carries", ("pixels", "patches")),
                               ("modulation", ("warp", "warp+condition")), ("spectral", ("all", "convolutions"))):
            if getattr(self, field) not in allowed:
                raise ValueError(f"{field} is {getattr(self, field)!r}; it can be {' or '.join(map(repr, allowed))}")
        coarsest = 2 ** max(len(self.pyramid) - 1, len(self.generator) - 1)
        if self.condition_channels < 1 or self.size < coarsest or self.size % coarsest:
            raise ValueError(f"size must be a multiple of {coarsest} for these widths, got {self.size}; "
                             f"condition_channels at least 1, got {self.condition_channels}")
        if self.stride not in [2**level for level in range(len(self.pyramid))]:
            raise ValueError(f"stride must be one of the pyramid's, a power of two, got {self.stride}")


PRESETS = {
    "tiny": dict(),
    "full": dict(size=256, pyramid=(64, 128, 256, 512, 512), features=256, hidden=128,
                 generator=(1024, 1024, 512, 256, 128, 64)),
}


@dataclass
class Correspondence:
    """What section 3.1 finds. h, w = size / stride."""

    x_S: Tensor  # (B, C, h, w), Eq. 1
    y_S: Tensor  # (B, C, h, w), Eq. 2
    warped: Tensor  # r_y->x (B, 3, size, size) in [-1, 1], Eq. 4
    coarse: Tensor  # the same on the grid of S (B, 3, h, w)
    along: Tensor  # other values moved by the same weights (B, K, h, w)


@dataclass
class Translation:
    """What a system answers. Pictures are (B, 3, h, w) in [-1, 1]; a system without a warp has None, () and None."""

    image: Tensor
    warped: Tensor | None
    warps: tuple[Tensor, ...]  # coarse to fine
    match: Correspondence | None


class Adaptor(nn.Module):
    """F_A->S or F_B->S: a feature pyramid network (Eq. 1, 2; section 3.1, "both local and global image context").

    (B, c_in, H, W) -> (B, C, H/stride, W/stride), the features of S before the channel normalisation of Eq. 3, which
    `correlate`, `warp` and the domain loss apply themselves.
    """

    def __init__(self, c_in: int, config: CoCosNetConfig):
        super().__init__()
        widths, norm, act = config.pyramid, nn.InstanceNorm2d, nn.LeakyReLU
        self.start = config.stride.bit_length() - 1  # the pyramid level whose stride is that of S
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):  # bottom-up: (B, widths[l], H / 2^l, W / 2^l)
            before = c_in if level == 0 else widths[level - 1]
            layers = [conv(before, width, stride=1 if level == 0 else 2, spectral=True), norm(width), act(0.2)]
            if level >= self.start:
                layers += [conv(width, width, spectral=True), norm(width), act(0.2)]
            self.down.append(nn.Sequential(*layers))
        middle = widths[self.start]
        self.lateral = nn.ModuleList(conv(width, middle, 1, spectral=True) for width in widths[self.start:])
        self.merge = nn.ModuleList(nn.Sequential(conv(middle, middle, spectral=True), norm(middle), act(0.2))
                                   for _ in widths[self.start:])
        self.out = conv(middle, config.features, spectral=True)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for down in self.down:
            x = down(x)
            levels.append(x)
        f = None
        for lateral, merge, level in reversed(list(zip(self.lateral, self.merge, levels[self.start:]))):  # top-down
            f = lateral(level) if f is None else lateral(level) + resize(f, level.shape[2:])
            f = f + merge(f)
        return self.out(f)  # (B, C, H/stride, W/stride)


class TranslationNetwork(nn.Module):
    """G of Eq. 7: from the constant code z, block by block, modulated by T_i(r) (Eq. 5, 6).

    style (B, S, size, size) -> picture (B, 3, size, size) in [-1, 1].
    """

    def __init__(self, style: int, config: CoCosNetConfig):
        super().__init__()
        widths = config.generator
        coarse = config.size >> (len(widths) - 1)
        self.z = nn.Parameter(torch.randn(1, widths[0], coarse, coarse))
        self.blocks = nn.ModuleList(SPADEBlock(a, b, style, config.hidden, config.spectral)
                                    for a, b in zip((widths[0], *widths[:-1]), widths))
        self.to_image = conv(widths[-1], 3, spectral=config.spectral == "all")

    def forward(self, style: Tensor) -> Tensor:
        f = self.z.expand(style.shape[0], -1, -1, -1)
        for i, block in enumerate(self.blocks):
            if i > 0:
                f = F.interpolate(f, scale_factor=2.0, mode="nearest")
            f = block(f, style)
        return torch.tanh(self.to_image(F.leaky_relu(f, 0.2)))


class CoCosNet(nn.Module):
    """CoCosNet. `net(condition, exemplar)` -> `Translation`.

    condition x_A (B, condition_channels, size, size) in [0, 1]; exemplar y_B (B, 3, size, size) in [-1, 1];
    exemplar_condition (B, condition_channels, size, size), needed where config.exemplar_input is "image+condition";
    along (B, K, size/stride, size/stride), any values of the exemplar that the same weights are to move.
    """

    def __init__(self, preset: str = "tiny", **choices):
        super().__init__()
        if preset not in PRESETS:
            raise ValueError(f"CoCosNet has the presets {', '.join(PRESETS)}; there is no {preset!r}")
        self.config = config = CoCosNetConfig(**{**PRESETS[preset], **choices})
        n = config.condition_channels
        self.F_A = Adaptor(n, config)
        self.F_B = Adaptor(3 + n if config.exemplar_input == "image+condition" else 3, config)
        self.G = TranslationNetwork(3 + n if config.modulation == "warp+condition" else 3, config)

    def x_S(self, x_A: Tensor) -> Tensor:
        """Eq. 1. (B, condition_channels, size, size) -> (B, C, size/stride, size/stride)."""
        return self.F_A(x_A)

    def y_S(self, y_B: Tensor, y_A: Tensor | None = None) -> Tensor:
        """Eq. 2. (B, 3, size, size), and its condition where the config asks for it -> (B, C, size/stride, size/stride)."""
        if self.config.exemplar_input == "image":
            return self.F_B(y_B)
        if y_A is None:
            raise ValueError("this network reads the exemplar together with its condition map; give exemplar_condition")
        return self.F_B(torch.cat([y_B, y_A], dim=1))

    def correspond(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                   along: Tensor | None = None) -> Correspondence:
        """Section 3.1 alone, without the translation network. Arguments as `forward`."""
        self._check(condition, exemplar, exemplar_condition)
        s, alpha, patches = self.config.stride, self.config.alpha, self.config.carries == "patches"
        x_S = self.x_S(condition)  # Eq. 1
        y_S = self.y_S(exemplar, exemplar_condition)  # Eq. 2
        y = to_patches(exemplar, s) if patches else F.avg_pool2d(exemplar, s)  # (B, 48 or 3, h, w)
        values = y if along is None else torch.cat([y, along], dim=1)
        moved = warp(x_S, y_S, values, alpha)  # Eq. 3, 4
        r = from_patches(moved[:, : y.shape[1]], s) if patches else moved[:, :3]  # (B, 3, size, size) or (B, 3, h, w)
        coarse = F.avg_pool2d(r, s) if patches else r
        return Correspondence(x_S, y_S, resize(r, exemplar.shape[2:]), coarse, moved[:, y.shape[1]:])

    def forward(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                along: Tensor | None = None) -> Translation:
        match = self.correspond(condition, exemplar, exemplar_condition, along)
        style = torch.cat([match.warped, condition], dim=1) if self.config.modulation == "warp+condition" else match.warped
        return Translation(self.G(style), match.warped, (match.warped,), match)  # Eq. 5 to 7

    def _check(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None) -> None:
        c = self.config
        for name, t, channels in (("condition", condition, c.condition_channels), ("exemplar", exemplar, 3),
                                  ("exemplar_condition", exemplar_condition, c.condition_channels)):
            if t is not None and (t.dim() != 4 or tuple(t.shape[1:]) != (channels, c.size, c.size)):
                raise ValueError(f"{name} must be (B, {channels}, {c.size}, {c.size}), got {tuple(t.shape)}")

