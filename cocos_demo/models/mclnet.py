"""MCL-Net: marginal contrastive correspondence for guided image generation (Zhan et al., CVPR 2022).

CoCosNet with two ideas more, so what they share is imported and keeps its names there:

    X = x_A  the conditional input    Z = y_B  the exemplar    Y = x_B  the ground truth (training only)
    E_X = F_A  the condition encoder  E_Z = F_B  the image encoder, for Z and for Y    T  the softmax of alpha M (Eq. 4 there)

One idea is here: the self-correlation map (Eq. 2). The other is a loss, `losses.marginal_contrastive` (Algorithm 1); where it
and Eq. 3 to 8 come in is `objectives.mclnet`. The only published code (github.com/fnzhan/UNITE) holds neither in a form that
runs or trains, so the paper is followed; where it leaves open or slips, the choice is:

| what                     | here                                       | paper                                             |
|--------------------------|--------------------------------------------|---------------------------------------------------|
| encoders, G              | CoCosNet's of the same preset, condition   | "two encoders"; SPADE's generator                 |
|                          | and warp together in its SPADE blocks      |                                                   |
| Eq. 2                    | cosines of centred features, as in Eq. 3   | inner products of features of no said length      |
|                          | of CoCosNet                                |                                                   |
| its layer                | one for X and Z                            | "a fully-connected layer"                         |
| `scm`, channels after it | 32, 64, 256 (`mini`, `tiny`, `full`)       | 256                                               |
| joining                  | each half centred and of unit length: the  | feature and map are concatenated                  |
|                          | cosine is the mean of the halves'          |                                                   |
| Eq. 4, cyc               | softmax in both directions                 | T^T, whose rows do not add up to 1                |
| Eq. 5, pse               | warp against Y, wherever Y is known        | against Y', which Z is in the sentence before     |
| Eq. 7, cxt               | output and exemplar, log layer by layer    | exemplar and ground truth, log of the sum         |
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .cocosnet import PRESETS as COCOSNET
from .cocosnet import CoCosNet, CoCosNetConfig
from .correspondence import correlate, normalise


@dataclass(frozen=True)
class MCLNetConfig(CoCosNetConfig):
    modulation: Literal["warp", "warp+condition"] = "warp+condition"
    scm: int = 64  # channels of the self-correlation map behind its layer; 0: no map

    def __post_init__(self):
        super().__post_init__()
        if self.scm < 0:
            raise ValueError(f"scm must be at least 1, or 0 for no self-correlation map, got {self.scm}")
        if self.scm and self.code == "condition":
            raise ValueError("the self-correlation map has one entry for each position, so pictures have one size; "
                             'take code "constant", or scm 0')


PRESETS = {
    "mini": {**COCOSNET["mini"], "scm": 32},
    "tiny": {**COCOSNET["tiny"]},
    "full": {**COCOSNET["full"], "scm": 256},
}


def self_correlation(f: Tensor) -> Tensor:
    """Eq. 2: the cosine of each position with every other. (B, C, h, w) -> (B, hw, h, w) in [-1, 1]; [:, u] is the map of
    u = row * w + column. To look at, and to read: the network does without, 64 MiB a picture for 64 x 64."""
    return correlate(f, f).unflatten(2, f.shape[2:])


class SelfCorrelation(nn.Module):
    """The maps of Eq. 2, each brought from hw entries to `channels` by a fully connected layer W.

    (B, C, h, w) -> (B, channels, h, w), h w = positions. Which channel says what does not matter, nor any turning or mirroring
    of the centred features: how positions resemble one another is structure, without style. But W weighs each place of the
    picture by itself, so a map tells its position's place as well.

    SCM_i W = (x_i^T X) W = x_i^T (X W), so the layer may come before the product: the maps are never held, only X W, C times
    `channels` numbers a picture.
    """

    def __init__(self, positions: int, channels: int):
        super().__init__()
        self.layer = nn.Linear(positions, channels)
        nn.init.xavier_normal_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, f: Tensor) -> Tensor:
        with torch.autocast(f.device.type, enabled=False):  # as the other cosines
            X = normalise(f if f.dtype == torch.float64 else f.float()).flatten(2)  # (B, C, N)
            XW = X @ self.layer.weight.T  # (B, C, channels)
            scm = XW.transpose(1, 2) @ X + self.layer.bias[:, None]  # (B, channels, N)
            return scm.unflatten(2, f.shape[2:])


class MCLNet(CoCosNet):
    """MCL-Net. `net(condition, exemplar)` -> `Translation`; arguments and shapes as CoCosNet's."""

    Config, presets = MCLNetConfig, PRESETS

    def __init__(self, preset: str = "tiny", **choices):
        super().__init__(preset, **choices)
        c = self.config
        self.scm = SelfCorrelation((c.size // c.stride) ** 2, c.scm) if c.scm else None

    def compared(self, x_S: Tensor, y_S: Tensor, x_A: Tensor, y_A: Tensor | None) -> tuple[Tensor, Tensor]:
        """What is compared, and what the marginal contrastive loss sees (section 3.3): (B, C, h, w) twice and the condition
        maps -> (B, C + scm, h, w) twice, features and self-correlation maps, each centred and of unit length."""
        x, y = super().compared(x_S, y_S, x_A, y_A)
        return self._joined(x), self._joined(y)

    def _joined(self, f: Tensor) -> Tensor:
        f = normalise(f if f.dtype == torch.float64 else f.float())
        return f if self.scm is None else torch.cat([f, normalise(self.scm(f))], dim=1)
