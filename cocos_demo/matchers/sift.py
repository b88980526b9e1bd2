"""Dense SIFT descriptors, matched by themselves: of SIFT Flow (Liu, Yuen and Torralba 2010) what describes, not what smooths.

SEGIN's Figure 10 takes SIFT Flow for its match. That minimises an energy of three terms (its Eq. 1); here is what of them:

| SIFT Flow                                      | here                                                                 |
|------------------------------------------------|----------------------------------------------------------------------|
| descriptors of 4 x 4 cells with 8 directions,  | the same; one every delta = 4 pixels, from OpenCV, which weights the |
| upright, over 16 x 16 pixels, one for a pixel  | middle of the window more                                            |
| its code shortens those of little contrast     | 0 where the grey levels under it deviate by less than 2.5 of 255     |
| data term: L1 distance of descriptors, cut off | cosine of RootSIFT (below), not cut off                              |
| small displacements                            | decides between equal descriptors alone (`search.TIE`)               |
| neighbours move alike (the smoothness term),   | none: every position by itself, exactly, among all of the reference. |
| minimised coarse to fine by belief propagation | So this is the match that SIFT Flow begins from, not its flow        |

RootSIFT (Arandjelovic and Zisserman 2012): descriptors divided by their sum, then square roots. The cosine of two is
sum sqrt(p q) of the histograms p and q, and bounds their L1 distance from both sides, 2 - 2 cos <= L1 <= 2 sqrt(1 - cos^2): it
orders as SIFT Flow's own distance nearly does, and is a matrix product, where plain SIFT's cosine is ruled by its largest cells.
"""

import numpy as np
import torch
from torch import Tensor

from .search import check_grid, nearest

WINDOW = 16  # pixels of the picture under a descriptor
FLAT = 2.5  # grey levels of 255: where they deviate less under the window, what a descriptor says is noise
GREY = (0.299, 0.587, 0.114)  # of R, G, B: Pillow's and OpenCV's luma


class SIFT:
    """The matcher: `SIFT()(condition, x, r)` -> (xi, grid). Compares the condition as it is drawn, x, with r, both in grey.

    stride: delta, the pixels from one descriptor to the next. Sizes must be multiples of it (MatcherError).
    """

    k = 1

    def __init__(self, stride: int = 4):
        self.stride = stride

    def __call__(self, condition: Tensor, x: Tensor, r: Tensor) -> tuple[Tensor, tuple[int, int]]:
        grid = check_grid(r, self.stride, "SIFT")
        return nearest(descriptors(x, self.stride), descriptors(r, self.stride)), grid


def descriptors(picture: Tensor, stride: int = 4) -> Tensor:
    """RootSIFT about the middle of every stride x stride pixels: (B, 3, H, W) in [-1, 1] -> (B, 128, H / stride, W / stride).

    Of unit length; 0 where the picture is flat (FLAT). Computed on the CPU, on 256 grey levels, then brought to the picture's
    device. Raises MatcherError.
    """
    import cv2

    h, w = check_grid(picture, stride, "SIFT")
    grey = ((picture.float() + 1) * 127.5 * picture.new_tensor(GREY, dtype=torch.float32).view(1, 3, 1, 1)).sum(dim=1)
    grey = grey.round().clamp(0, 255).byte().cpu().numpy()  # (B, H, W)
    # A keypoint's size is such that a cell of its histogram is 1.5 sizes wide. An angle that is not said would be -1 degree.
    size = WINDOW / 4 / 1.5
    places = [(stride * j + stride // 2, stride * i + stride // 2) for i in range(h) for j in range(w)]
    keypoints = [cv2.KeyPoint(float(column), float(row), size, 0.0) for column, row in places]
    sift, found = cv2.SIFT_create(), []
    for image in grey:
        kept, sifts = sift.compute(image, keypoints)
        if len(kept) != len(places):
            raise RuntimeError(f"OpenCV described {len(kept)} of {len(places)} places")
        root = np.sqrt(sifts / np.maximum(sifts.sum(axis=1, keepdims=True), 1))  # (h w, 128)
        root *= deviation(image)[stride // 2 :: stride, stride // 2 :: stride].reshape(-1, 1) >= FLAT
        found.append(torch.from_numpy(root).T.unflatten(1, (h, w)))
    return torch.stack(found).to(picture.device)


def deviation(grey: np.ndarray) -> np.ndarray:
    """Standard deviation of the grey levels under the window about each pixel: uint8 (H, W) -> float32 (H, W)."""
    import cv2

    mean, of_squares = (cv2.blur(g, (WINDOW, WINDOW)) for g in (np.float32(grey), np.float32(grey) ** 2))
    return np.sqrt(np.maximum(of_squares - mean**2, 0))
