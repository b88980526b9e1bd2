"""PixelNN's nearest neighbour (Bansal, Sheikh and Ramanan 2017), pixel by pixel with hypercolumns about the same place.

What is kept of it: the multi-scale descriptor of a pixel, its cosine, and the search within a window about the pixel's own place,
k = 1, so that each pixel is copied by itself. What is other, or left out:

| PixelNN                                          | here                                                               |
|--------------------------------------------------|--------------------------------------------------------------------|
| a network first paints a smooth picture, and this| the condition as it is drawn: no network, nothing learned. Where a |
| is compared with its smooth paintings of others  | drawing and a photo differ in kind, so do their descriptors        |
| hypercolumns of a segmentation network, conv1_2  | of ImageNet's VGG-16: relu1_2, relu2_2, relu3_3, as deep as ships  |
| to fc7                                           |                                                                    |
| the best of many exemplars for each pixel        | the one reference                                                  |
| a window of T x T pixels, T their choice for each| 33 x 33 of 128 x 128: an eighth of the side each way               |
| of several answers                               |                                                                    |

Each layer is of unit length before they are joined, so that the cosine is the mean of the layers' own.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .search import check_grid, features, nearest

LAYERS = ("relu1_2", "relu2_2", "relu3_3")  # of strides 1, 2, 4


class PixelNN:
    """The matcher: `PixelNN()(condition, x, r)` -> (xi, grid). Compares the condition as it is drawn, x, with r.

    stride: delta, pixels from one position to the next; sizes must be multiples of it (MatcherError). reach: how far from its
    own place a pixel is looked for, as a share of the side. Raises FeaturesError.
    """

    k = 1

    def __init__(self, stride: int = 2, reach: float = 1 / 8):
        self.stride, self.reach = stride, reach

    def __call__(self, condition: Tensor, x: Tensor, r: Tensor) -> tuple[Tensor, tuple[int, int]]:
        grid = check_grid(r, self.stride, "PixelNN")
        return nearest(hypercolumns(x, self.stride), hypercolumns(r, self.stride), self.reach), grid


def hypercolumns(picture: Tensor, stride: int = 2) -> Tensor:
    """The descriptor of each stride x stride pixels: (B, 3, H, W) in [-1, 1] -> (B, 448, H / stride, W / stride).

    Of length sqrt 3, each layer's part of unit length. Finer layers are averaged over these pixels, coarser ones read between
    their positions. Raises MatcherError, FeaturesError.
    """
    grid = check_grid(picture, stride, "PixelNN")
    found = features(picture, LAYERS)
    return torch.cat([F.normalize(_brought_to(grid, found[layer]), dim=1) for layer in LAYERS], dim=1)


def _brought_to(grid: tuple[int, int], f: Tensor) -> Tensor:
    if f.shape[2] > grid[0]:
        return F.adaptive_avg_pool2d(f, grid)
    return f if f.shape[2:] == grid else F.interpolate(f, grid, mode="bilinear", align_corners=False)
