"""CoCosNet v2 as released (github.com/microsoft/CoCosNet-v2), to the layer: what its published weights fit into.

Symbols and what is answered as in `cocosnet_v2.py`; PatchMatch and its two defects in `published_patchmatch.py`. Beside those:

| part              | paper                              | released code, and here                                          |
|-------------------|------------------------------------|------------------------------------------------------------------|
| M_B               | sees y_B alone                     | sees y_B and its condition map                                   |
| U-Nets            | skips, no more is said             | skips added; up by SPADE blocks that look at the input again     |
| f_l^x, f_l^y      | features of level l                | of unit length, then theta_l and phi_l, 1 x 1, centred, again of |
|                   |                                    | unit length                                                      |
| levels            | L, from low to full resolution     | four: an eighth, a quarter, half of the picture, the picture     |
| Eq. 8             | no temperature                     | 0.01                                                             |
| z                 | constant code                      | warps and x_A, shrunk, through a convolution                     |
| G modulated by    | warps                              | warps, grown by repetition, and x_A                              |
| mapping loss, R   | Eq. 13, 14                         | not there                                                        |

The released code takes pictures of 512 x 512 and nothing else, with its test command in half precision; here any size that
can be halved five times will do, and matching is in full precision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import published_patchmatch as pm
from .cocosnet import GeneratorConfig, Translation, TranslationNetwork
from .cocosnet_v2 import Levels
from .layers import PositionalNorm, ResidualBlock, SPADEBlock, conv, resize


@dataclass(frozen=True)
class PublishedV2Config(GeneratorConfig):
    condition_channels: int
    size: int = 512  # pixels, of the released network; others will do
    width: int = 32  # channels of the U-Nets' first layer and of the features that are compared; deeper layers have 2 and 4 times
    generator: tuple[int, ...] = (512, 512, 512, 512, 256, 128, 64)  # widths of the translation network, coarse to fine
    hidden: int = 128  # channels between the two layers of each SPADE
    iterations: int = 5  # at each level but the first
    preset: Literal["published"] = "published"
    strides: ClassVar[tuple[int, ...]] = (8, 4, 2, 1)
    alpha: ClassVar[float] = 1 / pm.TEMPERATURE
    exemplar_input: ClassVar[str] = "image+condition"
    # What the translation network takes from CoCosNet's published one.
    keeps: ClassVar[tuple[int, ...]] = (2,)
    code, attention, spectral, padding, shrinking, shortcut = "condition", 0, "convolutions", "reflect", "nearest", "modulated"

    def __post_init__(self):
        if self.preset != "published" or min(self.condition_channels, self.width, self.hidden, self.iterations) < 1:
            raise ValueError("the published CoCosNet v2 needs condition_channels, width, hidden and iterations of at least 1; "
                             f"got {self}")
        self.check_size(self.size, self.size)

    @property
    def spade(self) -> dict:
        """As everywhere, with the released code's smaller epsilon."""
        return super().spade | {"norm": lambda channels: PositionalNorm(1e-8)}

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError for a picture that cannot be halved; reflection needs two pixels on the coarsest map."""
        coarsest = 2 ** max(self.halvings, 3)
        if min(height, width) < 2 * coarsest or height % coarsest or width % coarsest:
            raise ValueError(f"size must be a multiple of {coarsest} and at least {2 * coarsest}, "
                             f"got {height if height == width else (height, width)}")


# What the published checkpoint chooses; its widths are read from the files.
TASKS = {"deepfashion_hd": dict(condition_channels=20)}


@dataclass
class PublishedLevels(Levels):
    """x, y are the aligned features, of unit length; what is compared stands beside them."""

    theta: list[Tensor]  # (B, width, h_l, w_l), centred over the channels and of unit length
    phi: list[Tensor]

    def compared(self, level: int) -> tuple[Tensor, Tensor]:
        return self.theta[level], self.phi[level]

    @property
    def fx(self) -> Tensor:
        return self.theta[-1]

    @property
    def fy(self) -> Tensor:
        return self.phi[-1]


class PublishedUNet(nn.Module):
    """M_A or M_B as released: (B, c_in, H, W) -> (B, 4, 4, 2, 1 times `width`, H / stride, W / stride), coarse to fine."""

    def __init__(self, c_in: int, config: PublishedV2Config):
        super().__init__()
        n = config.width
        down, up = (c_in, n, 2 * n, 4 * n, 4 * n, 4 * n), (4 * n, 4 * n, 4 * n, 2 * n, n)
        self.layers = nn.ModuleList(conv(a, b, stride=stride, spectral=True, bias=False)
                                    for a, b, stride in zip(down, down[1:], (1, 1, 2, 2, 2)))
        self.residuals = nn.ModuleList(ResidualBlock(width) for width in down[2:])
        self.blocks = nn.ModuleList(SPADEBlock(a, b, c_in, **config.spade) for a, b in zip(up, up[1:]))

    def forward(self, x: Tensor) -> list[Tensor]:
        f, skips = F.instance_norm(self.layers[0](x)), []
        for layer, residual in zip(self.layers[1:], self.residuals):
            f = residual(F.instance_norm(layer(F.leaky_relu(f, 0.2))))
            skips.append(f)  # strides 1, 2, 4, 8
        levels = [self.blocks[0](skips.pop(), x)]
        for block in self.blocks[1:]:
            grown = F.interpolate(levels[-1], scale_factor=2, mode="bilinear", align_corners=True)
            levels.append(block(grown + skips.pop(), x))
        return levels


def compared(layers: nn.ModuleList, features: list[Tensor]) -> list[Tensor]:
    """What PatchMatch compares: theta_l or phi_l of each level, centred over the channels and of unit length."""
    mapped = [layer(f.to(layer.weight.dtype)) for layer, f in zip(layers, features)]
    return [pm.normalised(f - f.mean(dim=1, keepdim=True)) for f in mapped]


class PublishedCoCosNetV2(nn.Module):
    """The released CoCosNet v2. `net(condition, exemplar, exemplar_condition)` -> `Translation`, its `match` PublishedLevels.

    condition x_A (B, condition_channels, H, W) in [0, 1]; exemplar y_B (B, 3, H, W) in [-1, 1] and its own condition map, all
    of one size, a multiple of 32, 64 or more. out.warps are w_1 ... w_4, each on its own grid; out.warped is w_4. along[0]
    (B, V, H / 8, W / 8): values that are moved as the first level is. `flips`: for every iteration, levels in turn, whether
    rows are propagated before columns. The released code tosses a coin, also when it does not train; where nothing is given,
    these are always the tosses of its first picture, so the same pictures give the same answer.
    """

    def __init__(self, preset: str = "published", **choices):
        super().__init__()
        self.config = config = PublishedV2Config(preset=preset, **choices)
        n, width = config.condition_channels, config.width
        self.M_A = PublishedUNet(n, config)
        self.M_B = PublishedUNet(3 + n, config)
        self.theta, self.phi = (nn.ModuleList(conv(times * width, width, 1, spectral=False) for times in (4, 4, 2, 1))
                                for _ in range(2))
        self.N = pm.PatchMatchGRU(width)
        self.R = None  # the released code has no mapping loss
        self.G = TranslationNetwork(3 * len(config.strides) + n, config)

    def x_S(self, x_A: Tensor) -> list[Tensor]:
        """Eq. 1: features of unit length, coarse to fine."""
        return [pm.normalised(f) for f in self.M_A(x_A)]

    def y_S(self, y_B: Tensor, y_A: Tensor) -> list[Tensor]:
        """Eq. 2, likewise."""
        return [pm.normalised(f) for f in self.M_B(torch.cat([y_B, y_A], dim=1))]

    def correspond(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor, along: Sequence[Tensor] = (),
                   callback: Callable[[dict], None] | None = None, flips: Sequence[bool] | None = None) -> PublishedLevels:
        """Sections 3.1 and 3.2 alone. `callback` gets {"level", "iteration", "step", "H", "S"} after each step of a level, the
        first of them "exact", level 0's only one, of one candidate."""
        self._check(condition, exemplar, exemplar_condition)
        n = self.config.iterations
        flips = pm.coin_tosses((len(self.config.strides) - 1) * n) if flips is None else flips
        x, y = self.x_S(condition), self.y_S(exemplar, exemplar_condition)
        with torch.autocast(condition.device.type, enabled=False):  # half precision cannot number the cells of a level
            theta, phi = compared(self.theta, x), compared(self.phi, y)
            H, warps, moved = pm.matched(theta, phi, exemplar, self.N, n, flips, along, callback)
        return PublishedLevels(x, y, H, warps, moved, theta, phi)

    def forward(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None, along: Sequence[Tensor] = (),
                flips: Sequence[bool] | None = None) -> Translation:
        match = self.correspond(condition, exemplar, exemplar_condition, along, flips=flips)
        grown = [resize(w, condition.shape[2:], "nearest") for w in match.warps]
        return Translation(self.G(torch.cat([*grown, condition], dim=1)), grown[-1], tuple(match.warps), match)

    def _check(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None) -> None:
        if exemplar_condition is None:
            raise ValueError("this network reads the exemplar together with its condition map; give exemplar_condition")
        n = self.config.condition_channels
        for name, t, channels in (("condition", condition, n), ("exemplar", exemplar, 3),
                                  ("exemplar_condition", exemplar_condition, n)):
            if t.dim() != 4 or t.shape[1] != channels or t.shape[2:] != condition.shape[2:]:
                raise ValueError(f"{name} must be (B, {channels}, H, W) of the condition's size, got {tuple(t.shape)}")
        self.config.check_size(*condition.shape[2:])
