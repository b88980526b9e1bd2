"""What the released CoCosNet has in place of the paper's parts: plain blocks that the config of `cocosnet.py` selects."""

import torch.nn.functional as F
from torch import Tensor, nn

from .layers import ResidualBlock, SPADEBlock, conv


class StridedAdaptor(nn.Module):
    """F_A->S or F_B->S as released: a plain encoder without skips, then SPADE blocks that look at its own input again.

    (B, c_in, H, W) -> (B, features, H/stride, W/stride). `widths` has one entry a layer; every second layer halves the
    resolution with a `kernel` x `kernel` convolution. `spade` holds the options of `SPADEBlock`.
    """

    def __init__(self, c_in: int, widths: tuple[int, ...], kernel: int, features: int, **spade):
        super().__init__()
        self.layers = nn.ModuleList(
            conv(a, b, *((kernel, 2) if i % 2 else (3, 1)), spectral=True, padding=1, bias=False)
            for i, (a, b) in enumerate(zip((c_in, *widths), widths)))
        self.blocks = nn.ModuleList(SPADEBlock(widths[-1], width, c_in, **spade)
                                    for width in (widths[-1], widths[-1], features))

    def forward(self, x: Tensor) -> Tensor:
        f = F.instance_norm(self.layers[0](x))  # (B, widths[0], H, W)
        for layer in self.layers[1:]:
            f = F.instance_norm(layer(F.leaky_relu(f, 0.2)))
        for block in self.blocks:
            f = block(f, x)
        return f  # (B, features, H/stride, W/stride)


class MatchingHead(nn.Module):
    """Between S and the comparison, as released: residual blocks that both domains share, then a 1 x 1 convolution for each.

    x_S, y_S (B, channels, h, w) -> (B, features, h, w) twice.
    """

    def __init__(self, channels: int, features: int, blocks: int):
        super().__init__()
        self.shared = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.theta = conv(channels, features, 1, spectral=False)
        self.phi = conv(channels, features, 1, spectral=False)

    def forward(self, x_S: Tensor, y_S: Tensor) -> tuple[Tensor, Tensor]:
        return self.theta(self.shared(x_S)), self.phi(self.shared(y_S))


def with_neighbours(f: Tensor, n: int) -> Tensor:
    """(B, C, h, w) -> (B, C n n, h, w): each position together with its n x n neighbourhood, zeros beyond the border."""
    return F.unfold(f, n, padding=n // 2).unflatten(2, f.shape[2:])
