"""Where things are: landmarks of a face, and the place that each pixel of a picture has in another."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.correspondence import match, warp

LEFT_EYE, RIGHT_EYE = 263, 33  # outer corners among the 478 landmarks


def landmark_distance(found: Tensor, truth: Tensor) -> float:
    """Mean distance of landmarks (478, 2) to the true ones, in units of the distance of the true eyes' outer corners."""
    return float((found - truth).norm(dim=1).mean() / (truth[LEFT_EYE] - truth[RIGHT_EYE]).norm())


def pixel_centres(h: int, w: int) -> Tensor:
    """(2, h, w): x and y of each pixel's centre in unit coordinates."""
    y, x = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
    return torch.stack([x, y])


def predicted_places(x_S: Tensor, y_S: Tensor, size: int, alpha: float, soft: bool) -> Tensor:
    """Where each pixel of x goes in y: (B, C, h, w) features -> (B, 2, size, size) unit coordinates x, y.

    `soft`: the mean place under Eq. 4's weights; else the arg-max cell. Pixels as in `grown_places`.
    """
    cells = pixel_centres(*y_S.shape[2:]).to(x_S)  # (2, h', w')
    if soft:
        place = warp(x_S, y_S, cells.expand(len(x_S), -1, -1, -1), alpha)  # (B, 2, h, w)
    else:
        place = cells.flatten(1)[:, match(x_S, y_S)].transpose(0, 1)  # (B, 2, h, w)
    return grown_places(place.float(), size)


def grown_places(places: Tensor, size: int) -> Tensor:
    """Places of the cells of a grid (B, 2, h, w) -> of the pixels of a picture (B, 2, size, size), both in unit coordinates.

    A pixel keeps its offset inside its cell, as patches do.
    """
    fine, cells = pixel_centres(size, size).to(places), pixel_centres(*places.shape[2:]).to(places)
    offset = fine - F.interpolate(cells[None], size=(size, size), mode="nearest")[0]
    return F.interpolate(places, size=(size, size), mode="nearest") + offset


def pck(places: Tensor, truth: Tensor, visible: Tensor, thresholds: tuple[float, ...]) -> dict[float, float]:
    """Percentage of correct keypoints, over every visible pixel: share whose place is within t of the true one.

    places, truth (..., 2, H, W) in unit coordinates (t is a share of the picture's height); visible (..., H, W) bool.
    """
    distance = (places - truth).norm(dim=-3)[visible]  # (n,)
    return {t: float((distance <= t).double().mean()) for t in thresholds}
