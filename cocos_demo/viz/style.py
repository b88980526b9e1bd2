"""What all figures share: their canvas, their colours, and how a picture stands in its axes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from . import small

# Okabe and Ito's colours for people who see all colours and those who do not; black is left for text.
OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
# Places in the unit square: these colours along its upper and lower border, mixed between. From blue to yellow and from light
# to dark are differences that every kind of colour vision keeps; the red between is for those who see it.
BORDERS = np.array([[(145, 205, 255), (250, 165, 175), (250, 240, 85)], [(10, 20, 165), (110, 15, 80), (155, 60, 5)]]) / 255
LARGE, SMALL = 13, 11  # points; figures are read from the last row


class Drawing(Figure):
    """A figure of its own, known to no pyplot; notebooks show it as it is."""

    def __init__(self, width: float, height: float):
        super().__init__(figsize=(width, height), dpi=110, layout="constrained", facecolor="white")
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        return small.png(to_pil(self))

    def _ipython_display_(self) -> None:
        """What notebooks show and keep: PNG, or JPEG where that is much smaller, as it is with photographs."""
        from IPython.display import display

        picture = to_pil(self)
        png, jpeg = small.png(picture), small.jpeg(picture)
        kind, data = ("image/png", png) if len(png) < 1.5 * len(jpeg) else ("image/jpeg", jpeg)
        display({kind: data, "text/plain": repr(self)}, raw=True)


def to_pil(figure: Figure) -> Image.Image:
    """A figure as an RGB picture."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def position_colours(unit) -> np.ndarray:
    """(..., 2) unit coordinates x, y -> (..., 3) RGB in 0..1: near places have near colours. Mixed in linear light."""
    x, y = np.moveaxis(np.clip(np.asarray(unit, np.float64), 0, 1), -1, 0)[..., None]
    upper, lower = ((1 - 2 * x).clip(0) * a + (1 - abs(2 * x - 1)) * b + (2 * x - 1).clip(0) * c for a, b, c in BORDERS**2.2)
    return ((1 - y) * upper + y * lower) ** (1 / 2.2)


def row_of_pictures(pictures: list[Image.Image], height: float = 4.4, extra: float = 0.0) -> tuple[Drawing, list[Axes]]:
    """A figure with one axes a picture, all equally tall; `extra` inches of width for one more axes at the right."""
    shapes = [picture.width / picture.height for picture in pictures]
    widths = [height * shape for shape in shapes] + ([extra] if extra else [])
    width = sum(widths) + 0.3
    figure = Drawing(width, height + (0.55 if extra else 0.3))
    if width > 16:  # panoramas: what a page holds
        figure.set_size_inches(16, 16 / width * height + 0.55)
    return figure, list(np.atleast_1d(figure.subplots(1, len(widths), width_ratios=widths)))


def show(axes: Axes, picture, size: tuple[int, int], title: str = "", **options):
    """A picture or array in axes that count the pixels of a picture of `size` (width, height), whatever its own resolution."""
    shown = axes.imshow(np.asarray(picture), extent=(0, size[0], size[1], 0), **{"interpolation": "nearest", **options})
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0), xticks=[], yticks=[])
    axes.set_title(title, fontsize=LARGE)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return shown
