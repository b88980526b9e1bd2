"""The multi-scale patch discriminator D (CoCosNet, Eq. 13; Wang et al. 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import conv


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches. (B, c_in, H, W) -> the features of every layer; the last, (B, 1, H/8 + 1, W/8 + 1), is
    the verdict."""

    def __init__(self, c_in: int, width: int, norm: bool = True):
        super().__init__()
        widths = (width, 2 * width, 4 * width)
        self.layers = nn.ModuleList()
        for before, after in zip((c_in, *widths), widths):
            between = nn.InstanceNorm2d(after) if norm and before != c_in else nn.Identity()
            self.layers.append(nn.Sequential(conv(before, after, 4, 2, spectral=True), between, nn.LeakyReLU(0.2)))
        self.layers.append(conv(widths[-1], 1, 3, spectral=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return features


class Discriminator(nn.Module):
    """Patch discriminators on the picture and on its halves: local texture and larger structure. With one of `scales` on the
    picture alone; without `norm` nothing but spectral normalisation steadies it (SEGIN).

    condition (B, N, H, W) in [0, 1], image (B, 3, H, W) in [-1, 1] -> for each scale the list of its layers' features,
    of which the last is the verdict, unbounded: the hinge loss draws real above 1 and fake below -1.
    """

    def __init__(self, condition_channels: int, width: int = 32, scales: int = 2, norm: bool = True):
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(3 + condition_channels, width, norm) for _ in range(scales))

    def forward(self, condition: Tensor, image: Tensor) -> list[list[Tensor]]:
        x, answers = torch.cat([condition, image], dim=1), []
        for scale in self.scales:
            answers.append(scale(x))
            x = F.avg_pool2d(x, 2)
        return answers
