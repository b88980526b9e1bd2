"""SEGIN: semantic example guided image-to-image translation (Huang, Liao and Kwong).

    x  the input, a condition map     r  the reference, whose looks are wanted     y  the photo behind x (training only)
    S  the semantic match, not trained: xi = Eq. 1, W(x, r) = Eq. 2, the auxiliary image     N  the translation network
    N_s  its second decoder, the foreground mask

W(x, r) is pasted of patches of r, at the places of x that they resemble. It is wrong in many places, and N has learned, from
pictures made wrong on purpose (`datasets/corruption.py`), what to trust. There is no published code; what the paper leaves open:

| what                 | paper                                     | here                                                        |
|----------------------|-------------------------------------------|-------------------------------------------------------------|
| features, k          | VGG-19, no layer, no k                    | VGG-16 relu3_2, which ships, k = 5 (`semantic.py`)          |
| x for VGG            | an edge map is a picture                  | lines black on white; grey photos grey; labels by hue       |
| N's inputs           | "x and r ... with W"; N(x, W) in Eq. 5    | x, W, r, in one stack; `reads_reference` False: x, W        |
| r in training        | y' = W(x, y), or y                        | y distorted, the pseudo exemplar, so that it cannot be      |
|                      |                                           | copied; W is matched with that and corrupted                |
| encoder              | 6 blocks of convolution, batch            | the same; widths by preset; the first `halvings` after the  |
|                      | normalisation, ReLU                       | first block halve                                           |
| bottleneck           | 3 non-local layers, residual blocks of    | in turn, beginning and ending with a non-local layer; its   |
|                      | two 3 x 3 convolutions in between         | last convolution begins at 0, as Wang et al. do             |
| decoder of pictures  | U-Net, up-sampling and convolution        | nearest; skips from blocks of each finer resolution         |
| decoder of the mask  | not said                                  | the same without skips, a quarter as wide                   |
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cocosnet import Correspondence, GeneratorConfig, Translation
from .correspondence import attend
from .semantic import VGGMatcher, paste, patches, plain, semantic_match


@dataclass(frozen=True)
class SEGINConfig(GeneratorConfig):
    condition_channels: int
    size: int = 128  # pixels; pictures are square
    drawing: Literal["lines", "grey", "labels"] = "lines"  # how VGG sees the condition
    layer: Literal["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"] = "relu3_2"  # Phi of Eq. 1
    k: int = 5  # patches of k x k features are compared (Eq. 1) ...
    pasted: int = 3  # ... and of this many times this many pasted (Eq. 2)
    encoder: tuple[int, ...] = (32, 64, 96, 128, 128, 128)  # widths of the encoder's blocks
    halvings: int = 3
    nonlocals: int = 3  # non-local layers, and one residual block fewer between them; 0: residual blocks alone
    mask: bool = True  # the second decoder
    reads_reference: bool = True
    exemplar_input: ClassVar[str] = "image"  # the exemplar's own condition is never asked for
    carries: ClassVar[str] = "patches"
    alpha: ClassVar[float] = 200.0  # nothing is blended in W; where others show Eq. 4 of a matrix of cosines, as sharp as they go

    def __post_init__(self):
        self.check_choices()
        for name in ("k", "pasted"):
            if getattr(self, name) < 1 or getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} must be odd, got {getattr(self, name)}")
        if not 0 < self.halvings < len(self.encoder):
            raise ValueError(f"halvings must be 1 to {len(self.encoder) - 1} for {len(self.encoder)} blocks, got {self.halvings}")
        if self.condition_channels < 1 or self.nonlocals < 0:
            raise ValueError(f"condition_channels must be at least 1, nonlocals at least 0, "
                             f"got {self.condition_channels} and {self.nonlocals}")
        coarsest = max(2**self.halvings, self.stride)
        if self.size < 2 * coarsest or self.size % coarsest:
            raise ValueError(f"size must be a multiple of {coarsest} and at least {2 * coarsest}, got {self.size}")

    @property
    def stride(self) -> int:
        """delta of Eq. 2: pixels of the picture that a position of Phi covers."""
        return 2 ** (int(self.layer[4]) - 1)


PRESETS = {
    "mini": dict(size=64, encoder=(16, 32, 48, 64, 64, 64)),
    "tiny": dict(),
    "full": dict(size=256, encoder=(64, 128, 256, 512, 512, 512)),
}


@dataclass
class SEGINTranslation(Translation):
    """A `Translation` whose warp is the auxiliary image; and the foreground."""

    mask: Tensor | None = None  # N_s(x) (B, 1, size, size) in [0, 1]; None without the second decoder


def block(c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU. (B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""
    layer = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(c_out), nn.ReLU())


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions about a shortcut. (B, C, H, W) -> the same shape."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(*block(channels, channels), *block(channels, channels)[:2])

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class NonLocal(nn.Module):
    """Eq. 3 with the embedded Gaussian of Eq. 4, about a shortcut (Wang et al. 2018). (B, C, H, W) -> the same shape.

    y_i = 1/C(x) sum_j F(x_i, x_j) g(x_j), F = exp(theta(x_i)^T phi(x_j)), C(x) = sum_j F: attention of every position to all.
    theta, phi and g have half the channels; the last convolution begins at 0, the layer as the identity.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.theta, self.phi, self.g = (nn.Conv2d(channels, channels // 2, 1) for _ in range(3))
        self.out = nn.Conv2d(channels // 2, channels, 1)
        nn.init.zeros_(self.out.weight), nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.out(attend(self.theta(x), self.phi(x), self.g(x), scale=1.0))

    def attention(self, x: Tensor, position: int) -> Tensor:
        """F(x_i, x_j) / C(x) of one position i = row * W + column with every j, to be looked at. (B, C, H, W) -> (B, H, W)."""
        theta, phi = self.theta(x).flatten(2)[:, :, position], self.phi(x).flatten(2)  # (B, C/2), (B, C/2, HW)
        return torch.softmax((theta[:, None] @ phi)[:, 0], dim=1).unflatten(1, x.shape[2:])


class TranslationNetwork(nn.Module):
    """N and N_s: one encoder, two decoders. (B, c_in, H, W) -> picture (B, 3, H, W) in [-1, 1], mask (B, 1, H, W) or None."""

    def __init__(self, c_in: int, config: SEGINConfig):
        super().__init__()
        widths, n = config.encoder, config.halvings
        self.encoder = nn.ModuleList(block(before, width, 2 if 1 <= i <= n else 1)
                                     for i, (before, width) in enumerate(zip((c_in, *widths), widths)))
        layers = []
        for i in range(config.nonlocals or 2):
            layers += [NonLocal(widths[-1])] if config.nonlocals else []
            layers += [ResidualBlock(widths[-1])] if i < config.nonlocals - 1 or not config.nonlocals else []
        self.bottleneck = nn.Sequential(*layers)
        finer = widths[:n][::-1]  # of the blocks before each halving, coarse to fine
        self.decoder = nn.ModuleList(block(before + skip, skip) for before, skip in zip((widths[-1], *finer), finer))
        self.to_image = nn.Conv2d(finer[-1], 3, 3, padding=1)
        self.mask_decoder = None
        if config.mask:
            narrow = [max(width // 4, 8) for width in finer]
            self.mask_decoder = nn.ModuleList(block(a, b) for a, b in zip((widths[-1], *narrow), narrow))
            self.to_mask = nn.Conv2d(narrow[-1], 1, 3, padding=1)

    def encode(self, inputs: Tensor) -> list[Tensor]:
        """What each block of the encoder gives, fine to coarse."""
        levels = []
        for layer in self.encoder:
            inputs = layer(inputs)
            levels.append(inputs)
        return levels

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        levels = self.encode(inputs)
        code = f = self.bottleneck(levels[-1])
        for layer, skip in zip(self.decoder, levels[: len(self.decoder)][::-1]):
            f = layer(torch.cat([F.interpolate(f, scale_factor=2.0, mode="nearest"), skip], dim=1))
        image = torch.tanh(self.to_image(f))
        if self.mask_decoder is None:
            return image, None
        for layer in self.mask_decoder:
            code = layer(F.interpolate(code, scale_factor=2.0, mode="nearest"))
        return image, torch.sigmoid(self.to_mask(code))


class SEGIN(nn.Module):
    """SEGIN. `net(condition, exemplar)` -> `SEGINTranslation`.

    condition x (B, condition_channels, size, size) in [0, 1]; exemplar r (B, 3, size, size) in [-1, 1]. `matcher`, the semantic
    match S, may be exchanged for any of `cocos_demo.matchers`; `auxiliary` (B, 3, size, size) in [-1, 1] takes its place, as in
    training. `along` (B, K, size / stride, size / stride): any values of the exemplar, moved by the same matches.
    `exemplar_condition` may be given, as to every system, and is not read.
    """

    Config, presets = SEGINConfig, PRESETS

    def __init__(self, preset: str = "tiny", **choices):
        super().__init__()
        if preset not in PRESETS:
            raise ValueError(f"SEGIN has the presets {', '.join(PRESETS)}; there is no {preset!r}")
        self.config = c = SEGINConfig(**{**PRESETS[preset], **choices})
        self.matcher = VGGMatcher(c.layer, c.k, c.pasted)
        self.N = TranslationNetwork(c.condition_channels + (6 if c.reads_reference else 3), c)

    def drawn(self, condition: Tensor) -> Tensor:
        """The condition as a picture, for VGG. (B, C, size, size) in [0, 1] -> (B, 3, size, size) in [-1, 1]."""
        if self.config.drawing == "labels":  # class 0, unknown or background, is black; the others lie around the circle of hues
            hues = torch.arange(condition.shape[1] - 1, device=condition.device) / max(condition.shape[1] - 1, 1)
            shifts = torch.tensor([0.0, 1 / 3, 2 / 3], device=condition.device)[:, None]
            colours = 0.5 + 0.5 * torch.cos(2 * torch.pi * (hues - shifts))  # (3, C - 1)
            return 2 * torch.einsum("kc,bchw->bkhw", colours.to(condition.dtype), condition[:, 1:]) - 1
        light = condition[:, :1] if self.config.drawing == "grey" else 1 - condition.amax(dim=1, keepdim=True)
        return (2 * light - 1).expand(-1, 3, -1, -1)

    def auxiliary(self, condition: Tensor, exemplar: Tensor) -> Tensor:
        """W(x, r), Eq. 1 and 2, by whatever matcher. (B, 3, size, size) in [-1, 1]."""
        xi, grid = self.matcher(condition, self.drawn(condition), exemplar)
        return paste(exemplar, xi, grid, self.matcher.k)

    def correspond(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                   along: Tensor | None = None) -> Correspondence:
        """The semantic match alone, by VGG's patches. Arguments as `forward`; fx and fy are `plain` patches, whose centred
        cosines are those of Eq. 1."""
        self._check(condition, exemplar)
        c = self.config
        vgg = VGGMatcher(c.layer, c.k, c.pasted)
        x_S, r_S = vgg.features(self.drawn(condition)), vgg.features(exemplar)
        xi, grid = semantic_match(x_S, r_S, c.k), tuple(r_S.shape[2:])
        W = paste(exemplar, xi, grid, c.pasted)
        moved = exemplar.new_zeros(len(exemplar), 0, *grid) if along is None else \
            along.flatten(2).gather(2, xi.flatten(1)[:, None].expand(-1, along.shape[1], -1)).unflatten(2, xi.shape[1:])
        fx, fy = (plain(patches(f, c.k)) for f in (x_S, r_S))
        return Correspondence(x_S, r_S, fx, fy, W, F.avg_pool2d(W, c.stride), moved)

    def paint(self, condition: Tensor, auxiliary: Tensor, exemplar: Tensor) -> tuple[Tensor, Tensor | None]:
        """N and N_s: picture (B, 3, size, size) in [-1, 1], and mask (B, 1, size, size) in [0, 1] or None."""
        inputs = [condition, auxiliary, *([exemplar] if self.config.reads_reference else [])]
        return self.N(torch.cat(inputs, dim=1))

    def forward(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                along: Tensor | None = None, auxiliary: Tensor | None = None) -> SEGINTranslation:
        self._check(condition, exemplar)
        match = None
        if auxiliary is None and isinstance(self.matcher, VGGMatcher):
            match = self.correspond(condition, exemplar, along=along)
            auxiliary = match.warped
        elif auxiliary is None:
            auxiliary = self.auxiliary(condition, exemplar)
        image, mask = self.paint(condition, auxiliary, exemplar)
        return SEGINTranslation(image, auxiliary, (auxiliary,), match, mask)

    def _check(self, condition: Tensor, exemplar: Tensor) -> None:
        c = self.config
        for name, t, channels in (("condition", condition, c.condition_channels), ("exemplar", exemplar, 3)):
            if t.dim() != 4 or tuple(t.shape[1:]) != (channels, c.size, c.size):
                raise ValueError(f"{name} must be (B, {channels}, {c.size}, {c.size}), got {tuple(t.shape)}")
