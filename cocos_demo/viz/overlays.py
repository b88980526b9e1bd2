"""Amounts and places laid over a picture, through the frame that the network saw of it. PIL images, for every use."""

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from PIL import Image

from ..pair import Query, View
from .style import position_colours

MOST = 640  # pixels of the longer side that are drawn
HEAT = colormaps["viridis"]


def shrunk(picture: Image.Image, most: int = MOST) -> Image.Image:
    """A copy whose longer side has at most `most` pixels."""
    scale = min(1.0, most / max(picture.size))
    return picture.resize([max(1, round(scale * n)) for n in picture.size], Image.Resampling.LANCZOS)


def spread(values: np.ndarray, view: View, size: tuple[int, int], smooth: bool = True) -> np.ndarray:
    """Values of a view's cells (h, w) or (h, w, K) at every pixel of a copy of its picture of `size` (width, height).

    -> (height, width) or (height, width, K); NaN outside the frame. `smooth`: bilinear between the cells, else in blocks.
    """
    width, height = size
    y, x = np.mgrid[:height, :width] + 0.5
    xy = np.stack([x.ravel(), y.ravel()], axis=1) * (np.array(view.picture.size) / size)  # pixels of the given picture
    unit = view.frame.to_unit(xy).reshape(height, width, 2)
    inside = ((unit >= 0) & (unit <= 1)).all(-1)
    cells = torch.from_numpy(np.atleast_3d(values)).double().permute(2, 0, 1)[None]  # (1, K, h, w)
    at = F.grid_sample(cells, torch.from_numpy(unit * 2 - 1)[None], "bilinear" if smooth else "nearest", "border", False)
    out = np.where(inside[..., None], at[0].permute(1, 2, 0).numpy(), np.nan)
    return out if values.ndim == 3 else out[..., 0]


def blend(picture: Image.Image, colours: np.ndarray, cover: np.ndarray) -> Image.Image:
    """Colours (H, W, 3) in 0..1 over a grey copy of the picture, as opaque as cover (H, W) in 0..1; NaN: the picture dimmed."""
    grey = np.asarray(picture.convert("L"), np.float64)[..., None] / 255
    outside = np.isnan(cover)[..., None]
    cover = np.nan_to_num(cover)[..., None]
    out = np.where(outside, 0.35 * grey + 0.55, (1 - cover) * grey + cover * np.nan_to_num(colours))
    return Image.fromarray((out.clip(0, 1) * 255).round().astype(np.uint8))


def heat_over(values: np.ndarray, view: View, low: float | None = None, high: float | None = None) -> Image.Image:
    """Amounts of a view's cells (h, w) as heat over its picture: viridis, the more the more opaque.

    `low` and `high` are the ends of the scale; if not given, the values' median and maximum: what is unlike stays grey.
    """
    low = float(np.median(values)) if low is None else low
    high = float(values.max()) if high is None else high
    picture = shrunk(view.picture)
    amount = ((spread(values, view, picture.size) - low) / max(high - low, 1e-9)).clip(0, 1)
    return blend(picture, *_heat(amount))


def heat_scale(n: int) -> np.ndarray:
    """(n, 3) RGB in 0..1: amounts from the lowest to the highest as `heat_over` shows them on medium grey, for a key."""
    colours, cover = _heat(np.linspace(0, 1, n))
    return (1 - cover[:, None]) * 0.5 + cover[:, None] * colours


def _heat(amount: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amounts in 0..1, or NaN -> their colours (..., 3), and how opaque these are."""
    return HEAT(np.nan_to_num(amount))[..., :3], 0.85 * amount**0.7


def heatmap(q: Query) -> Image.Image:
    """The cosines of a query over the picture that it searched."""
    return heat_over(q.heatmap, q.target)


def error_over(error: np.ndarray, view: View, high: float | None = None) -> Image.Image:
    """Errors of a view's cells (h, w) over its picture, 0 as it is; `high`, if not given a quarter of the frame's side, is the
    end of the scale."""
    return heat_over(error, view, 0.0, view.frame.side / 4 if high is None else high)


def place_colours(unit: np.ndarray, view: View) -> np.ndarray:
    """Unit coordinates (..., 2) of a view's square -> (..., 3) RGB in 0..1: all colours within what is seen of its picture."""
    corners = view.frame.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]])
    low, high = np.maximum(corners.min(0), 0), np.minimum(corners.max(0), view.picture.size)
    xy = view.frame.to_photo(np.reshape(unit, (-1, 2))).reshape(np.shape(unit))
    return position_colours((xy - low) / (high - low))


def flow_colours(flow: np.ndarray, view: View, target: View, cover: float = 0.7) -> Image.Image:
    """Where each cell of a view goes, unit coordinates (h, w, 2) of the target, over the view's picture: each in the colour of
    that place. With a view's own centres it is the key."""
    picture = shrunk(view.picture)
    colours = spread(place_colours(flow, target), view, picture.size, smooth=False)  # (H, W, 3)
    return blend(picture, colours, np.where(np.isnan(colours[..., 0]), np.nan, cover))
