"""SPADE with a style encoder: the baseline without a correspondence (Park et al., CVPR 2019, "Semantic image synthesis with
spatially-adaptive normalization").

    x_A  the input's condition map      y_B  the exemplar      z ~ N(mu, sigma^2)  its style, one vector for the whole picture

The exemplar is squeezed into z (a variational autoencoder); a linear layer makes the coarsest map of z; SPADE blocks,
modulated by the condition alone, paint. So an exemplar gives its overall look, and where a colour goes is left to the
condition: what CoCosNet's warp is there to change. The presets have about the parameters of CoCosNet's of the same name.

| choice         | paper (preset)                                      | other                                             |
|----------------|-----------------------------------------------------|---------------------------------------------------|
| `norm`         | `batch`: over batch and places, a channel at a time | `instance`: over the places of each picture       |
| `encoder_norm` | `instance`, behind every convolution of the encoder | `none`: as MUNIT; the mean of a channel is style  |
| `spectral`     | `all`: every layer spectrally normalised            | `convolutions`: not inside SPADE, no linear layer |

`batch` is the preset on purpose: instance normalisation would take the mean of every channel out of the map that z has
just been written into, and with it much of the style. It has no parameters; the running statistics it paints with after
training are buffers, so they travel with the weights. Small batches make them noisy, no more: each mean is over places too.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from .cocosnet import Translation
from .layers import SPADEBlock, conv


@dataclass(frozen=True)
class SPADEConfig:
    condition_channels: int
    size: int = 128  # pixels; pictures are square
    encoder: tuple[int, ...] = (32, 64, 96, 128, 128)  # widths of the style encoder at strides 2, 4, 8, ...
    code: int = 64  # length of z
    generator: tuple[int, ...] = (112, 112, 96, 72, 40)  # widths of the blocks, coarse to fine
    hidden: int = 32  # channels between the two layers of each SPADE
    norm: Literal["batch", "instance"] = "batch"
    encoder_norm: Literal["instance", "none"] = "instance"
    spectral: Literal["all", "convolutions"] = "all"
    exemplar_input: ClassVar[str] = "image"  # the exemplar's own condition is never asked for

    def __post_init__(self):
        for field, allowed in (("norm", ("batch", "instance")), ("encoder_norm", ("instance", "none")),
                               ("spectral", ("all", "convolutions"))):
            if getattr(self, field) not in allowed:
                raise ValueError(f"{field} is {getattr(self, field)!r}; it can be {' or '.join(map(repr, allowed))}")
        # Instance normalisation of a single place would leave nothing of it, so at least 2 x 2 must remain.
        coarsest = 2 ** max(len(self.encoder) + 1, len(self.generator) - 1)
        if self.condition_channels < 1 or self.size < coarsest or self.size % coarsest:
            raise ValueError(f"size must be a multiple of {coarsest} for these widths, got {self.size}; "
                             f"condition_channels at least 1, got {self.condition_channels}")


PRESETS = {
    "mini": dict(size=64, encoder=(24, 32, 48, 48), code=32, generator=(48, 48, 40, 24), hidden=16),
    "tiny": dict(),
    "full": dict(size=256, encoder=(64, 128, 256, 512, 512, 512), code=256, hidden=128,
                 generator=(1024, 1024, 512, 512, 256, 128, 64)),
}

NORMS = {"batch": lambda channels: nn.BatchNorm2d(channels, affine=False), "instance": nn.InstanceNorm2d}


def linear(in_features: int, out_features: int, spectral: bool) -> nn.Linear:
    """A linear layer, initialised and spectrally normalised like `layers.conv`."""
    layer = nn.Linear(in_features, out_features)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return parametrizations.spectral_norm(layer) if spectral else layer


class StyleEncoder(nn.Module):
    """y_B (B, 3, size, size) in [-1, 1] -> mu, log sigma^2 of its style, (B, code) each."""

    def __init__(self, config: SPADEConfig):
        super().__init__()
        layers = []
        for before, width in zip((3, *config.encoder), config.encoder):
            norm = nn.InstanceNorm2d(width) if config.encoder_norm == "instance" else nn.Identity()
            layers += [conv(before, width, stride=2, spectral=True), norm, nn.LeakyReLU(0.2)]
        self.down = nn.Sequential(*layers)
        coarse = config.size >> len(config.encoder)
        self.mu_logvar = linear(config.encoder[-1] * coarse**2, 2 * config.code, config.spectral == "all")

    def forward(self, y_B: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.mu_logvar(self.down(y_B).flatten(1)).chunk(2, dim=1)
        return mu, logvar


class SPADENet(nn.Module):
    """SPADE with a style encoder. `net(condition, exemplar)` -> `Translation` with neither warp nor match.

    condition x_A (B, condition_channels, size, size) in [0, 1]; exemplar y_B (B, 3, size, size) in [-1, 1]. In training z is
    drawn, in eval mode it is mu: the same pictures give the same answer. `exemplar_condition` may be given, as to every
    system, and is not read; there is no warp that could move `along`.
    """

    def __init__(self, preset: str = "tiny", **choices):
        super().__init__()
        if preset not in PRESETS:
            raise ValueError(f"SPADE has the presets {', '.join(PRESETS)}; there is no {preset!r}")
        self.config = config = SPADEConfig(**{**PRESETS[preset], **choices})
        widths, n, spectral = config.generator, config.condition_channels, config.spectral
        self.coarse = config.size >> (len(widths) - 1)
        self.E = StyleEncoder(config)
        self.from_z = linear(config.code, widths[0] * self.coarse**2, spectral == "all")
        self.blocks = nn.ModuleList(SPADEBlock(a, b, n, config.hidden, spectral, NORMS[config.norm])
                                    for a, b in zip((widths[0], *widths[:-1]), widths))
        self.to_image = conv(widths[-1], 3, spectral=spectral == "all")

    def draw(self, mu: Tensor, logvar: Tensor, noise: Tensor | None = None) -> Tensor:
        """z ~ N(mu, exp(logvar)) while training, mu afterwards. (B, code). `noise`: drawn already, of N(0, 1)."""
        if not self.training:
            return mu
        return mu + (torch.randn_like(mu) if noise is None else noise.to(mu)) * torch.exp(0.5 * logvar)

    def paint(self, x_A: Tensor, z: Tensor) -> Tensor:
        """x_A (B, condition_channels, size, size), z (B, code) -> picture (B, 3, size, size) in [-1, 1]."""
        f = self.from_z(z).unflatten(1, (-1, self.coarse, self.coarse))  # (B, widths[0], coarse, coarse)
        for i, block in enumerate(self.blocks):
            if i > 0:
                f = F.interpolate(f, scale_factor=2.0, mode="nearest")
            f = block(f, x_A)
        return torch.tanh(self.to_image(F.leaky_relu(f, 0.2)))

    def forward(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                along: Tensor | None = None) -> Translation:
        c = self.config
        for name, t, channels in (("condition", condition, c.condition_channels), ("exemplar", exemplar, 3)):
            if t.dim() != 4 or tuple(t.shape[1:]) != (channels, c.size, c.size):
                raise ValueError(f"{name} must be (B, {channels}, {c.size}, {c.size}), got {tuple(t.shape)}")
        if along is not None:
            raise ValueError("SPADE finds no correspondence, so it can move nothing along; leave `along` out")
        return Translation(self.paint(condition, self.draw(*self.E(exemplar))), None, (), None)
