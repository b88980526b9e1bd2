"""CoCosNet: cross-domain correspondence learning for exemplar-based image translation (Zhang et al., CVPR 2020).

Read it top to bottom like the paper. Paper symbol = variable name:

    x_A  the input's condition map      y_B  the exemplar           x_B   the photo behind x_A (training only)
    F_A, F_B  the domain adaptors       x_S, y_S  features of the shared domain S
    r    the warped exemplar r_y->x     z    the constant code      alpha  sharpness of the softmax

Where paper and released code (github.com/microsoft/CoCosNet) differ, the choice is named in the config. The presets `mini` (the
lessons'), `tiny` and `full` follow the paper; `published` is the released network to the layer, so that its weights fit
(`official.py`). A checkpoint stores what it was trained with.

| choice            | paper (`mini`, `tiny`, `full`)            | released code (`published`)                             |
|-------------------|-------------------------------------------|---------------------------------------------------------|
| `adaptor`         | `pyramid`: feature pyramid, local and     | `strided`: plain encoder without skips, three SPADE     |
|                   | global context                            | blocks on its own input; `adaptor_kernel` 3 or 4        |
| `exemplar_input`  | `image`: F_B sees y_B alone               | `features+condition`: both condition maps are joined to |
|                   |                                           | S before the comparison (pose task: `image`)            |
| `head`            | 0: x_S and y_S are compared as they are   | 4 residual blocks for both, then theta and phi, 1 x 1   |
| `neighbourhood`   | 1: position by position                   | 3: each with its 3 x 3 neighbours, 2304 channels        |
| `carries`         | `pixels`: Eq. 4 moves average colours     | the same; pose task: `patches`, it moves whole patches  |
| `growing`         | not said; here `bilinear`                 | the warp grows by `bilinear`; ADE20K: `nearest`         |
| `code`            | `constant`: z is learned                  | `condition`: r and x_A, shrunk, through a convolution   |
| `modulation`      | `warp`: Eq. 5 to 7, T_i(r) alone          | `warp+condition`: T_i sees r and x_A                    |
| `keeps`           | (): every block doubles the resolution    | (2,): a second block at the second resolution           |
| `attention`       | 0: none                                   | 5: self-attention before the block of that number       |
| `spectral`        | `all`: every layer spectrally normalised  | `convolutions`: not inside SPADE, z, to_image, the head |
| `shortcut`        | not said; here `plain`                    | `modulated`: SPADE on learned shortcuts                 |
| `padding`         | not said; here `zeros`                    | `reflect` in SPADE blocks                               |
| `shrinking`       | not said; here `area`                     | `nearest`: how maps reach a coarser block               |

`full` and `published` agree in C = 256, stride 4, alpha = 100, the widths and positional normalisation in SPADE. Outside the
network, in objective and training, the released code differs from the paper too: it adds feature matching in D and, for
label maps, a loss on the warped labels; Eq. 10 is a squared error; Eq. 11 begins at relu3_2; Eq. 12 is off for ADE20K and
poses; Adam's beta_2 is 0.9; pseudo exemplars are crops and flips alone.
"""

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .correspondence import from_patches, to_patches, warp
from .domain import DomainClassifier
from .layers import Attention, SPADEBlock, conv, resize
from .published import MatchingHead, StridedAdaptor, with_neighbours


class GeneratorConfig:
    """What the configurations of all networks that paint with `TranslationNetwork` say of it."""

    def check_choices(self) -> None:
        """Raises ValueError for a choice that its field does not name."""
        for field in fields(self):
            value, allowed = getattr(self, field.name), get_args(field.type)
            if get_origin(field.type) is Literal and value not in allowed:
                raise ValueError(f"{field.name} is {value!r}; it can be {' or '.join(map(repr, allowed))}")

    @property
    def halvings(self) -> int:
        """How often the picture is halved down to the generator's first block."""
        return len(self.generator) - 1 - len(self.keeps)

    @property
    def spade(self) -> dict:
        """The options of every SPADE block."""
        return dict(hidden=self.hidden, spectral=self.spectral, padding=self.padding, method=self.shrinking,
                    shortcut=self.shortcut)


@dataclass(frozen=True)
class CoCosNetConfig(GeneratorConfig):
    condition_channels: int
    size: int = 128  # pixels; pictures are square
    pyramid: tuple[int, ...] = (16, 32, 64, 96, 128)  # widths of the adaptor at strides 1, 2, 4, ... (strided: layer by layer)
    stride: int = 4  # pixels of the picture a position of S covers
    features: int = 64  # C, the channels of S
    alpha: float = 100.0  # Eq. 4
    domain: Literal["l1", "adversarial"] = "l1"  # how S is aligned: Eq. 9, or with a classifier of domains, as on the slides
    generator: tuple[int, ...] = (96, 96, 96, 64, 32)  # widths of the translation network, coarse to fine
    hidden: int = 32  # channels between the two layers of T_i
    exemplar_input: Literal["image", "image+condition", "features+condition"] = "image"
    carries: Literal["pixels", "patches"] = "pixels"
    modulation: Literal["warp", "warp+condition"] = "warp"
    spectral: Literal["all", "convolutions"] = "all"
    adaptor: Literal["pyramid", "strided"] = "pyramid"
    adaptor_kernel: Literal[3, 4] = 3  # of the strided adaptor's halving layers
    head: int = 0  # shared residual blocks before the comparison; 0: no theta and phi either
    neighbourhood: int = 1  # odd: each position is compared together with this many by this many
    growing: Literal["bilinear", "nearest"] = "bilinear"
    code: Literal["constant", "condition"] = "constant"
    keeps: tuple[int, ...] = ()  # numbers of the generator's blocks that keep the resolution; the first is 0
    attention: int = 0  # number of the generator's block that self-attention comes before; 0: none
    shortcut: Literal["plain", "modulated"] = "plain"
    padding: Literal["zeros", "reflect"] = "zeros"
    shrinking: Literal["area", "nearest"] = "area"

    def __post_init__(self):
        self.check_choices()
        strides = [2**level for level in range(len(self.pyramid))]
        if self.adaptor == "strided":  # every second layer halves
            strides = [2 ** (len(self.pyramid) // 2)]
        if self.stride not in strides:
            raise ValueError(f"stride must be one of the adaptor's, {', '.join(map(str, strides))}, got {self.stride}")
        if self.exemplar_input == "features+condition" and not self.head:
            raise ValueError('exemplar_input "features+condition" needs a head: condition maps alone cannot be compared')
        if self.neighbourhood < 1 or self.neighbourhood % 2 == 0:
            raise ValueError(f"neighbourhood must be odd, got {self.neighbourhood}")
        blocks = range(1, len(self.generator))
        if not {*self.keeps, self.attention or 1} <= {*blocks, 1}:
            raise ValueError(f"keeps {self.keeps} and attention {self.attention} must be among the generator's blocks {blocks}")
        if self.condition_channels < 1:
            raise ValueError(f"condition_channels must be at least 1, got {self.condition_channels}")
        self.check_size(self.size, self.size)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError for a picture that the widths cannot halve; reflection needs two pixels on the coarsest map."""
        coarsest = 2 ** max(self.halvings, len(self.pyramid) - 1 if self.adaptor == "pyramid" else 0)
        least = coarsest * (2 if self.padding == "reflect" else 1)
        if min(height, width) < least or height % coarsest or width % coarsest:
            raise ValueError(f"size must be a multiple of {coarsest} for these widths and at least {least}, "
                             f"got {height if height == width else (height, width)}")


PRESETS = {
    "mini": dict(size=64, pyramid=(12, 24, 48, 48), stride=2, features=32, hidden=16, generator=(48, 48, 32, 24)),
    "tiny": dict(),
    "full": dict(size=256, pyramid=(64, 128, 256, 512, 512), features=256, hidden=128,
                 generator=(1024, 1024, 512, 256, 128, 64)),
    "published": dict(
        size=256, pyramid=(64, 128, 256, 512, 512), features=256, hidden=128,
        generator=(1024, 1024, 1024, 512, 256, 128, 64), keeps=(2,), attention=5, code="condition",
        modulation="warp+condition", exemplar_input="features+condition", adaptor="strided", adaptor_kernel=4, head=4,
        neighbourhood=3, spectral="convolutions", shortcut="modulated", padding="reflect", shrinking="nearest"),
}

# What the four published checkpoints choose on top of the preset `published`. With "features+condition" the exemplar's own
# condition map is needed at inference too; the pose task does without.
TASKS = {
    "ade20k": dict(condition_channels=151, adaptor_kernel=3, growing="nearest"),
    "celebahq": dict(condition_channels=19),
    "celebahqedge": dict(condition_channels=15),
    "deepfashion": dict(condition_channels=20, exemplar_input="image", carries="patches"),
}


@dataclass
class Correspondence:
    """What section 3.1 finds. h, w = size / stride."""

    x_S: Tensor  # (B, C, h, w), Eq. 1
    y_S: Tensor  # (B, C, h, w), Eq. 2
    fx: Tensor  # (B, C', h, w), what Eq. 3 compares: x_S and y_S themselves, or what a head makes of them
    fy: Tensor
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

    style (B, S, H, W) -> picture (B, 3, H, W) in [-1, 1].
    """

    def __init__(self, style: int, config: CoCosNetConfig):
        super().__init__()
        self.config, widths = config, config.generator
        coarse = config.size >> config.halvings
        if config.code == "constant":
            self.z = nn.Parameter(torch.randn(1, widths[0], coarse, coarse))
        else:
            self.z = conv(style, widths[0], spectral=config.spectral == "all")
        before = (widths[0], *widths[:-1])
        self.blocks = nn.ModuleList(SPADEBlock(a, b, style, **config.spade) for a, b in zip(before, widths))
        self.attention = Attention(before[config.attention]) if config.attention else None
        self.to_image = conv(widths[-1], 3, spectral=config.spectral == "all")

    def forward(self, style: Tensor) -> Tensor:
        coarsest = tuple(n >> self.config.halvings for n in style.shape[2:])
        if self.config.code == "constant":  # learned at one size, and stretched for others
            f = resize(self.z, coarsest).expand(style.shape[0], -1, -1, -1)
        else:
            f = self.z(resize(style, coarsest, self.config.shrinking))  # (B, widths[0], H / 2^halvings, ...)
        for i, block in enumerate(self.blocks):
            if i > 0 and i not in self.config.keeps:
                f = F.interpolate(f, scale_factor=2.0, mode="nearest")
            if self.attention is not None and i == self.config.attention:
                f = self.attention(f)
            f = block(f, style)
        return torch.tanh(self.to_image(F.leaky_relu(f, 0.2)))


def for_warps(state: dict[str, Tensor], G: TranslationNetwork) -> dict[str, Tensor]:
    """The baked weights of a translation network that sees one warp, for G, which sees L and else the same: each of them has an
    L-th of the one's weights, so that at first G sees their mean. Raises ValueError where the channels do not fit."""
    seen = G.blocks[0].norm_0.shared.weight.shape[1]
    theirs = state["blocks.0.norm_0.shared.weight"].shape[1]
    more, rest = divmod(seen - theirs, 3)
    if rest or more < 0:
        raise ValueError(f"it is modulated by {theirs} channels, this one by {seen}: not by more warps of 3 channels")
    shares = {key: torch.cat([W[:, :3] / (1 + more)] * (1 + more) + [W[:, 3:]], dim=1)
              for key, W in state.items() if key.endswith("shared.weight")}
    return state | shares


class CoCosNet(nn.Module):
    """CoCosNet. `net(condition, exemplar)` -> `Translation`.

    condition x_A (B, condition_channels, size, size) in [0, 1]; exemplar y_B (B, 3, size, size) in [-1, 1];
    exemplar_condition (B, condition_channels, size, size), needed where config.exemplar_input is not "image";
    along (B, K, size/stride, size/stride), any values of the exemplar that the same weights are to move.
    With code "condition" nothing in the network has the picture's size, and any size that it can halve will do.
    """

    Config, presets = CoCosNetConfig, PRESETS

    def __init__(self, preset: str = "tiny", **choices):
        super().__init__()
        if preset not in self.presets:
            raise ValueError(f"{type(self).__name__} has the presets {', '.join(self.presets)}; there is no {preset!r}")
        self.config = config = self.Config(**{**self.presets[preset], **choices})
        if config.domain == "adversarial":
            self.domain_classifier = DomainClassifier(config.features)  # used in training alone
        n = config.condition_channels
        self.F_A = self._adaptor(n)
        self.F_B = self._adaptor(3 + n if config.exemplar_input == "image+condition" else 3)
        compared = config.features + (n if config.exemplar_input == "features+condition" else 0)
        self.head = MatchingHead(compared, config.features, config.head) if config.head else None
        self.G = TranslationNetwork(3 + n if config.modulation == "warp+condition" else 3, config)

    def _adaptor(self, c_in: int) -> nn.Module:
        c = self.config
        return Adaptor(c_in, c) if c.adaptor == "pyramid" else StridedAdaptor(c_in, c.pyramid, c.adaptor_kernel, c.features,
                                                                              **c.spade)

    def x_S(self, x_A: Tensor) -> Tensor:
        """Eq. 1. (B, condition_channels, size, size) -> (B, C, size/stride, size/stride)."""
        return self.F_A(x_A)

    def y_S(self, y_B: Tensor, y_A: Tensor | None = None) -> Tensor:
        """Eq. 2. (B, 3, size, size), and its condition where the config asks for it -> (B, C, size/stride, size/stride)."""
        return self.F_B(torch.cat([y_B, y_A], dim=1) if self.config.exemplar_input == "image+condition" else y_B)

    def compared(self, x_S: Tensor, y_S: Tensor, x_A: Tensor, y_A: Tensor | None) -> tuple[Tensor, Tensor]:
        """What Eq. 3 compares. (B, C, h, w) twice and the condition maps -> (B, C', h, w) twice."""
        if self.head is not None:
            x_S, y_S = F.normalize(x_S, dim=1), F.normalize(y_S, dim=1)
            if self.config.exemplar_input == "features+condition":
                x_S, y_S = (torch.cat([f, resize(map_, f.shape[2:], self.config.shrinking)], dim=1)
                            for f, map_ in ((x_S, x_A), (y_S, y_A)))  # (B, C + condition_channels, h, w)
            x_S, y_S = self.head(x_S, y_S)
        n = self.config.neighbourhood
        return (x_S, y_S) if n == 1 else (with_neighbours(x_S, n), with_neighbours(y_S, n))

    def correspond(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                   along: Tensor | None = None) -> Correspondence:
        """Section 3.1 alone, without the translation network. Arguments as `forward`."""
        self._check(condition, exemplar, exemplar_condition)
        s, alpha, patches = self.config.stride, self.config.alpha, self.config.carries == "patches"
        x_S = self.x_S(condition)  # Eq. 1
        y_S = self.y_S(exemplar, exemplar_condition)  # Eq. 2
        fx, fy = self.compared(x_S, y_S, condition, exemplar_condition)
        y = to_patches(exemplar, s) if patches else F.avg_pool2d(exemplar, s)  # (B, 48 or 3, h, w)
        values = y if along is None else torch.cat([y, along], dim=1)
        moved = warp(fx, fy, values, alpha)  # Eq. 3, 4
        r = from_patches(moved[:, : y.shape[1]], s) if patches else moved[:, :3]  # (B, 3, size, size) or (B, 3, h, w)
        coarse = F.avg_pool2d(r, s) if patches else r
        warped = resize(r, exemplar.shape[2:], self.config.growing)
        return Correspondence(x_S, y_S, fx, fy, warped, coarse, moved[:, y.shape[1]:])

    def forward(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                along: Tensor | None = None) -> Translation:
        match = self.correspond(condition, exemplar, exemplar_condition, along)
        style = torch.cat([match.warped, condition], dim=1) if self.config.modulation == "warp+condition" else match.warped
        return Translation(self.G(style), match.warped, (match.warped,), match)  # Eq. 5 to 7

    def _check(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None) -> None:
        c = self.config
        if c.exemplar_input != "image" and exemplar_condition is None:
            raise ValueError("this network reads the exemplar together with its condition map; give exemplar_condition")
        size = (c.size, c.size)
        if c.code == "condition" and condition.dim() == 4:
            size = tuple(condition.shape[2:])
            c.check_size(*size)
        for name, t, channels in (("condition", condition, c.condition_channels), ("exemplar", exemplar, 3),
                                  ("exemplar_condition", exemplar_condition, c.condition_channels)):
            if t is not None and (t.dim() != 4 or tuple(t.shape[1:]) != (channels, *size)):
                raise ValueError(f"{name} must be (B, {channels}, {size[0]}, {size[1]}), got {tuple(t.shape)}")
