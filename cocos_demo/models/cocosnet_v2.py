"""CoCosNet v2: full-resolution correspondence learning for image translation (Zhou et al., CVPR 2021).

Read it top to bottom like the paper. Paper symbol = variable name:

    x_A  the input's condition map      y_B  the exemplar           x_B  the photo behind x_A (training only)
    M_A, M_B  U-Nets into the spaces S_1 ... S_L, coarse to fine    f_l^x, f_l^y  features of level l
    H_l  the field of level l, K places in y for each position      N_l  the GRU-assisted PatchMatch of level l
    w_l  the exemplar, warped at level l    z  the constant code    R  maps features to pictures (training only)

The steps of PatchMatch stand in `patchmatch.py`. Where the paper leaves open or slips, the choice is named in the config:

| choice             | here (`tiny`, `full`)                       | paper                                             |
|--------------------|---------------------------------------------|---------------------------------------------------|
| `alpha`            | 100: the softmax of Eq. 8 has a temperature | 1, with which it averages its K candidates evenly |
| level 1            | compared in full, softmax over all places   | Eq. 4 and 8 (so does the released code)           |
| `exemplar_input`   | `image`: M_B sees y_B alone                 | the same; released: `image+condition`             |
| `refinement`       | `gru`                                       | the same; Table 5: `none`, `conv`                 |
| `propagation`      | True                                        | the same; Table 5: False                          |

MetFaces is painted at 1024 pixels (Sec. 4), and the paper does not say how. `full1024` compares 64 x 64 places in full, as `full`
does, and refines on 128, 256, 512 and 1024: a level more, with half the channels and candidates, and fewer iterations. So one
picture's activations take about 14 GB in bfloat16 (`full` at 512: 9; both computed, from pictures of 256 pixels), and a batch of
one fits the paper's cards of 32 GB.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import patchmatch as pm
from .cocosnet import GeneratorConfig, Translation, TranslationNetwork
from .correspondence import normalise, warp
from .layers import ConvGRU, conv, resize


@dataclass(frozen=True)
class CoCosNetV2Config(GeneratorConfig):
    condition_channels: int
    size: int = 128  # pixels; pictures are square
    widths: tuple[int, ...] = (16, 32, 48, 96, 128)  # of the U-Nets at strides 1, 2, 4, ...
    strides: tuple[int, ...] = (8, 4, 2, 1)  # of the levels, coarse to fine
    features: int = 32  # C_l, the channels of every level
    candidates: int = 4  # K
    iterations: int = 2  # at each level but the first
    alpha: float = 100.0  # Eq. 8
    refinement: Literal["gru", "conv", "none"] = "gru"
    memory: int = 16  # channels of the hidden state
    propagation: bool = True
    generator: tuple[int, ...] = (96, 96, 96, 64, 32)  # widths of the translation network, coarse to fine
    hidden: int = 32  # channels between the two layers of each SPADE
    exemplar_input: Literal["image", "image+condition"] = "image"
    modulation: Literal["warp", "warp+condition"] = "warp"
    spectral: Literal["all", "convolutions"] = "all"
    # What the translation network takes from CoCosNet as it is.
    code, keeps, attention, shortcut, padding, shrinking = "constant", (), 0, "plain", "zeros", "area"

    def __post_init__(self):
        self.check_choices()
        known = [2**level for level in range(len(self.widths))]
        if not self.strides or list(self.strides) != sorted({*self.strides} & {*known}, reverse=True):
            raise ValueError(f"strides must fall and be among the U-Net's, {', '.join(map(str, known))}; got {self.strides}")
        if min(self.condition_channels, self.candidates) < 1 or self.iterations < 0:
            raise ValueError("condition_channels and candidates must be at least 1, iterations at least 0; "
                             f"got {self.condition_channels}, {self.candidates}, {self.iterations}")
        self.check_size(self.size, self.size)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError for a picture that the widths cannot halve, or whose first level has fewer than K places."""
        coarsest = 2 ** max(self.halvings, len(self.widths) - 1)
        places = (height // self.strides[0]) * (width // self.strides[0])
        if min(height, width) < 2 * coarsest or height % coarsest or width % coarsest or places < self.candidates:
            raise ValueError(f"size must be a multiple of {coarsest} for these widths and at least {2 * coarsest}, "
                             f"got {height if height == width else (height, width)}")


PRESETS = {
    "tiny": dict(),
    "full": dict(size=512, widths=(32, 64, 128, 256, 256), features=64, candidates=16, iterations=5, memory=32, hidden=128,
                 generator=(512, 512, 512, 256, 128, 64)),
    "full1024": dict(size=1024, widths=(16, 32, 64, 128, 256), strides=(16, 8, 4, 2, 1), features=32, candidates=8, iterations=3,
                     memory=16, hidden=64, generator=(512, 512, 512, 256, 128, 64, 32)),
}


@dataclass
class Levels:
    """What sections 3.1 and 3.2 find, coarse to fine."""

    x: list[Tensor]  # f_l^x (B, C, h_l, w_l), Eq. 1
    y: list[Tensor]  # f_l^y, Eq. 2
    H: list[Tensor]  # (B, h_l, w_l, K, 2), Eq. 3; see patchmatch.py
    warps: list[Tensor]  # w_l (B, 3, h_l, w_l) in [-1, 1], Eq. 8
    along: list[Tensor]  # other values, moved as the exemplar is (B, V, h_l, w_l); none if none were given

    def compared(self, level: int) -> tuple[Tensor, Tensor]:
        """What is compared at a level, both (B, C, h_l, w_l)."""
        return self.x[level], self.y[level]

    @property
    def fx(self) -> Tensor:
        """What is compared where every place is compared with every other, as for a click: the features of all levels side by
        side on the finest grid, (B, L C, h_L, w_L), so that a cosine is the mean of theirs. The finest alone cannot tell apart
        places that look alike; PatchMatch asks them only near where the coarse ones point."""
        return _side_by_side(self.x)

    @property
    def fy(self) -> Tensor:
        return _side_by_side(self.y)


def _side_by_side(f: list[Tensor]) -> Tensor:
    return torch.cat([resize(normalise(level), f[-1].shape[2:]) for level in f], dim=1)


class UNet(nn.Module):
    """M_A or M_B (Eq. 1, 2): (B, c_in, H, W) -> features of each level (B, C, H / stride, W / stride), coarse to fine."""

    def __init__(self, c_in: int, config: CoCosNetV2Config):
        super().__init__()
        widths, norm, act = config.widths, nn.InstanceNorm2d, lambda: nn.LeakyReLU(0.2)
        self.levels = [stride.bit_length() - 1 for stride in config.strides]
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            before = c_in if level == 0 else widths[level - 1]
            layers = [conv(before, width, stride=1 if level == 0 else 2, spectral=True), norm(width), act()]
            if level >= 2:
                layers += [conv(width, width, spectral=True), norm(width), act()]
            self.down.append(nn.Sequential(*layers))
        self.up = nn.ModuleList(nn.Sequential(conv(coarse + fine, fine, spectral=True), norm(fine), act())
                                for fine, coarse in zip(widths, widths[1:]))
        self.out = nn.ModuleList(conv(widths[level], config.features, spectral=True) for level in self.levels)

    def forward(self, x: Tensor) -> list[Tensor]:
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        merged = {len(skips) - 1: x}
        for level in reversed(range(len(skips) - 1)):
            x = self.up[level](torch.cat([resize(x, skips[level].shape[2:]), skips[level]], dim=1))
            merged[level] = x
        return [out(merged[level]) for out, level in zip(self.out, self.levels)]


class Refinement(nn.Module):
    """The ConvGRU of Eq. 6 with what goes into it (Eq. 7) and comes out: one for each level but the first.

    x_t is made of f^x, f^y, the offsets O_t and the scores S_t; two convolutions make Delta H_t, in cells, of h_t.
    """

    def __init__(self, config: CoCosNetV2Config):
        super().__init__()
        K, m = config.candidates, config.memory
        self.context = conv(2 * config.features, m, spectral=False)
        self.motion = conv(3 * K, m, 5, spectral=False)
        self.gru = ConvGRU(m, 2 * m) if config.refinement == "gru" else None
        self.plain = conv(2 * m, m, spectral=False) if config.refinement == "conv" else None
        self.head = nn.Sequential(conv(m, m, spectral=False), nn.ReLU(), conv(m, 2 * K, spectral=False))
        nn.init.normal_(self.head[2].weight, std=0.01)  # small corrections at first, but a gradient for all

    def begin(self, fx: Tensor, fy: Tensor, precision: torch.autocast) -> Callable:
        """fx, fy (B, h, w, C) of a level -> the function (H, S, hidden) -> (Delta H, hidden) that `patchmatch.refined` calls."""
        h, w = fx.shape[1:3]
        fy_here = resize(fy.permute(0, 3, 1, 2), (h, w))
        with precision:
            context = F.relu(self.context(torch.cat([fx.permute(0, 3, 1, 2), fy_here], dim=1)))
        p = pm.centres(h, w, fx).unsqueeze(2)
        size = max(fy.shape[1:3])

        def refine(H: Tensor, S: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
            offset = ((H - p) / size).flatten(3)  # O_t (B, h, w, 2 K), Eq. 7
            with precision:
                x = torch.cat([context, F.relu(self.motion(torch.cat([offset, S], dim=3).permute(0, 3, 1, 2)))], dim=1)
                if self.gru is not None:
                    hidden = self.gru(torch.zeros_like(context) if hidden is None else hidden, x)
                else:
                    hidden = torch.tanh(self.plain(x))
                delta = self.head(hidden)
            return delta.to(H.dtype).permute(0, 2, 3, 1).unflatten(3, (-1, 2)), hidden

        return refine


class CoCosNetV2(nn.Module):
    """CoCosNet v2. `net(condition, exemplar)` -> `Translation`; arguments and shapes as CoCosNet's, but `along` holds values for
    each level, on its grid. out.warps are w_1 ... w_L, each on its own grid; out.warped is w_L at the picture's size."""

    def __init__(self, preset: str = "tiny", **choices):
        super().__init__()
        if preset not in PRESETS:
            raise ValueError(f"CoCosNet v2 has the presets {', '.join(PRESETS)}; there is no {preset!r}")
        self.config = config = CoCosNetV2Config(**{**PRESETS[preset], **choices})
        n = config.condition_channels
        self.M_A = UNet(n, config)
        self.M_B = UNet(3 + n if config.exemplar_input == "image+condition" else 3, config)
        # Eq. 13, 14: used in training alone
        self.R = nn.Sequential(conv(config.features, config.features, spectral=True), nn.LeakyReLU(0.2),
                               conv(config.features, 3, spectral=True), nn.Tanh())
        self.N = nn.ModuleList(Refinement(config) for _ in config.strides[1:]) if config.refinement != "none" else None
        self.G = TranslationNetwork(3 * len(config.strides) + (n if config.modulation == "warp+condition" else 0), config)

    def x_S(self, x_A: Tensor) -> list[Tensor]:
        """Eq. 1."""
        return self.M_A(x_A)

    def y_S(self, y_B: Tensor, y_A: Tensor | None = None) -> list[Tensor]:
        """Eq. 2."""
        return self.M_B(torch.cat([y_B, y_A], dim=1) if self.config.exemplar_input == "image+condition" else y_B)

    def correspond(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                   along: Sequence[Tensor] = (), callback: Callable[[dict], None] | None = None) -> Levels:
        """Sections 3.1 and 3.2 alone. `callback` gets {"level", "iteration", "step", "H", "S"} after each step of a level, the
        first of them "exact", level 0's only one."""
        self._check(condition, exemplar, exemplar_condition)
        x, y = self.x_S(condition), self.y_S(exemplar, exemplar_condition)
        device = condition.device.type
        # Scores and places in full precision; the convolutions between them as in the rest of the network.
        precision = torch.autocast(device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))
        with torch.autocast(device, enabled=False):
            x, y = ([f if f.dtype == torch.float64 else f.float() for f in side] for side in (x, y))
            return self._match(x, y, exemplar, along, callback, precision)

    def _match(self, x: list[Tensor], y: list[Tensor], exemplar: Tensor, along: Sequence[Tensor],
               callback: Callable[[dict], None] | None, precision: torch.autocast) -> Levels:
        c = self.config
        H, moved = [], []
        for level, (fx, fy) in enumerate(zip(x, y)):
            y_l = torch.cat([resize(exemplar, fy.shape[2:]), *along[level : level + 1]], dim=1)
            rx, ry = pm.rows(fx), pm.rows(fy)
            if level == 0:
                exact, S = pm.dense(rx, ry, c.candidates)
                H.append(exact)
                if callback:
                    callback({"level": 0, "iteration": 0, "step": "exact", "H": exact, "S": S})
                moved.append(warp(fx, fy, y_l, c.alpha))
                continue
            begin = pm.widened(pm.upsampled(H[-1], fx.shape[2:], (fy.shape[2], y[level - 1].shape[2])))
            refine = self.N[level - 1].begin(rx, ry, precision) if self.N is not None else None
            told = (lambda state, level=level: callback({"level": level, **state})) if callback else None
            H.append(pm.refined(rx, ry, begin, c.candidates, c.iterations, refine, c.propagation, told))
            moved.append(pm.soft_warp(rx, ry, H[-1], y_l, c.alpha))
        return Levels(x, y, H, [m[:, :3] for m in moved], [m[:, 3:] for m in moved[: len(along)]])

    def forward(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None,
                along: Sequence[Tensor] = ()) -> Translation:
        match = self.correspond(condition, exemplar, exemplar_condition, along)
        size = condition.shape[2:]
        grown = [resize(w, size) for w in match.warps]
        style = torch.cat([*grown, condition] if self.config.modulation == "warp+condition" else grown, dim=1)
        return Translation(self.G(style), grown[-1], tuple(match.warps), match)  # Eq. 9, 10

    def _check(self, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None) -> None:
        c = self.config
        if c.exemplar_input != "image" and exemplar_condition is None:
            raise ValueError("this network reads the exemplar together with its condition map; give exemplar_condition")
        for name, t, channels in (("condition", condition, c.condition_channels), ("exemplar", exemplar, 3),
                                  ("exemplar_condition", exemplar_condition, c.condition_channels)):
            if t is not None and (t.dim() != 4 or t.shape[1] != channels):
                raise ValueError(f"{name} must be (B, {channels}, H, W), got {tuple(t.shape)}")
            if t is not None:
                c.check_size(*t.shape[2:])
