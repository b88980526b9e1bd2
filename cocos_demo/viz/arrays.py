"""Arrays as pictures: activations of a network as colours or amounts, and tables of numbers."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.colors import Normalize
from torch import Tensor

from .style import LARGE, OKABE_ITO, SMALL, Drawing, show


def as_colours(f: Tensor) -> np.ndarray:
    """Activations (C, h, w), C >= 3 -> (h, w, 3) in 0..1: their three main components as red, green and blue."""
    places = f.detach().float().flatten(1).T  # (hw, C)
    places = places - places.mean(0)
    main = torch.linalg.svd(places, full_matrices=False).Vh[:3]  # (3, C), of any sign: make the largest entry > 0
    main = main * main.gather(1, main.abs().argmax(dim=1, keepdim=True)).sign()
    found = places @ main.T  # (hw, 3)
    low, high = (found.quantile(q, dim=0) for q in (0.02, 0.98))
    return ((found - low) / (high - low).clamp(min=1e-6)).clamp(0, 1).unflatten(0, f.shape[1:]).cpu().numpy()


def maps(named: dict[str, Tensor | np.ndarray], columns: int = 4, side: float = 2.2, limits: tuple[float, float] | None = None,
         at: tuple[int, int] | None = None) -> Drawing:
    """Maps in rows of `columns`: title -> colours (h, w, 3) in 0..1, or amounts (h, w) in viridis, each map from its lowest to
    its highest, or all within `limits`, with a scale. `at`: x, y of a cell that is ringed."""
    rows = -(-len(named) // columns)
    figure = Drawing(columns * side + (0.9 if limits else 0), rows * (side + 0.3))
    plots = figure.subplots(rows, columns, squeeze=False)
    span = dict(vmin=limits[0], vmax=limits[1]) if limits else {}
    for axes, (title, values) in zip(plots.flat, named.items()):
        values = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        shown = show(axes, values, values.shape[1::-1], title, cmap="viridis", **span)
        if at:
            for colour, width in (("black", 4), (OKABE_ITO[0], 2)):
                axes.plot(at[0] + 0.5, at[1] + 0.5, "o", ms=13, mfc="none", mec=colour, mew=width)
    for axes in plots.flat[len(named):]:
        axes.set_visible(False)
    if limits:
        figure.colorbar(shown, ax=plots, shrink=0.8)
    return figure


def table(values, rows: Sequence[str], columns: Sequence[str], title: str = "", shades=None,
          limits: tuple[float, float] | None = None, digits: int = 2) -> Drawing:
    """Numbers (R, C) in a table, each cell shaded by its value, or by `shades` (R, C): light is much; NaN stays empty."""
    values = np.asarray(values, float)
    shades = values if shades is None else np.asarray(shades, float)
    low, high = limits or (np.nanmin(shades), np.nanmax(shades))
    lines = max(name.count("\n") for name in columns) + 1
    figure = Drawing(1.9 + 1.25 * len(columns), 0.5 + 0.22 * lines + 0.38 * len(rows) + (0.3 if title else 0))
    axes = figure.subplots()
    shown = axes.imshow(shades, cmap="viridis", norm=Normalize(low, high), aspect="auto")
    ground = shown.to_rgba(shades)[..., :3] @ (0.299, 0.587, 0.114)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column, row, f"{value:.{digits}f}", ha="center", va="center_baseline", fontsize=SMALL + 1,
                      color="black" if ground[row, column] > 0.5 else "white")
    axes.set_xticks(range(len(columns)), columns, fontsize=SMALL)
    axes.set_yticks(range(len(rows)), rows, fontsize=SMALL)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=LARGE)
    return figure
