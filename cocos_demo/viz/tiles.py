"""Maps of a few cells, drawn large, each cell with what is written in it: for equations done by hand."""

from collections.abc import Sequence

import numpy as np

from .style import SMALL, Drawing, show


def tiles(maps: dict[str, np.ndarray], written: Sequence[np.ndarray] = (), side: float = 2.9) -> Drawing:
    """Small maps side by side, `side` inches each: title -> colours (h, w, 3) in 0..1, or amounts (h, w) in viridis.

    `written`: for each map the numbers (h, w) to write in its cells; without them a cell tells its position u = row w + column.
    """
    figure = Drawing(len(maps) * side, side + 0.25)
    for i, (axes, (title, colours)) in enumerate(zip(figure.subplots(1, len(maps), squeeze=False)[0], maps.items())):
        colours = np.asarray(colours)
        h, w = colours.shape[:2]
        shown = show(axes, colours, (w, h), title, cmap="viridis")
        numbers = np.asarray(written[i]) if written else np.arange(h * w).reshape(h, w)
        ground = shown.to_rgba(colours)[..., :3] @ (0.299, 0.587, 0.114)  # how light each cell is
        for (row, column), number in np.ndenumerate(numbers):
            axes.text(column + 0.5, row + 0.5, f"{number:g}", color="black" if ground[row, column] > 0.5 else "white",
                      ha="center", va="center_baseline", fontsize=SMALL + 1)
    return figure
