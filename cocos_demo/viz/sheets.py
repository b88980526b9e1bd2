"""Tables of pictures, as PIL images."""

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..photo import to_image
from .style import LARGE, Drawing, show

COLUMNS = ("condition", "exemplar", "warped exemplar", "output", "photo")


def sheet(columns: Sequence[Sequence[Image.Image]], titles: Sequence[str] = COLUMNS, side: int = 160,
          pairs: int = 1) -> Image.Image:
    """A table of pictures: `columns[c][r]`, each drawn side x side; the rows stand in `pairs` groups beside each other."""
    rows = -(-len(columns[0]) // pairs)
    gap, head, wide = 4, 22, len(columns)
    group = wide * (side + gap) + 3 * gap
    page = Image.new("RGB", (pairs * group - 3 * gap, head + rows * (side + gap)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=13)
    for p in range(pairs):
        for c, title in enumerate(titles):
            pen.text((p * group + c * (side + gap) + side / 2, head / 2), title, fill="black", font=font, anchor="mm")
            for r, picture in enumerate(columns[c][p * rows:(p + 1) * rows]):
                at = (p * group + c * (side + gap), head + r * (side + gap))
                page.paste(picture.resize((side, side), Image.Resampling.LANCZOS), at)
    return page


def gallery(columns: dict[str, Sequence[Image.Image]], side: float = 1.9) -> Drawing:
    """Pictures in columns as a figure: title -> pictures from top to bottom, each `side` inches. Notebooks keep it small."""
    rows = max(map(len, columns.values()))
    figure = Drawing(side * len(columns), side * rows + 0.35)
    for (title, pictures), plots in zip(columns.items(), figure.subplots(rows, len(columns), squeeze=False).T):
        for axes, picture in zip(plots, pictures):
            show(axes, picture, picture.size)
        for axes in plots[len(pictures):]:
            axes.set_axis_off()
        plots[0].set_title(title, fontsize=LARGE)
    return figure


@torch.no_grad()
def translations(net: torch.nn.Module, kind, x_A: Tensor, x_B: Tensor, y_A: Tensor, y_B: Tensor) -> list[list[Image.Image]]:
    """Run net on a batch -> the columns of a sheet. x_A, y_A (B, N, S, S) in [0, 1]; x_B, y_B (B, 3, S, S) in [-1, 1]."""
    out = net(x_A, y_B, y_A)
    warped = torch.ones_like(y_B) if out.warped is None else out.warped  # white: a system without a warp
    drawn = [Image.fromarray(kind.to_rgb(c)) for c in x_A.cpu().numpy()]
    return [drawn, *([to_image(p.float().cpu().clamp(-1, 1)) for p in batch] for batch in (y_B, warped, out.image, x_B))]
