"""A contact sheet: columns of named pictures, each with a title above and lines of words below."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

CELL, GAP, HEAD, NAME, LINE = 256, 14, 34, 22, 19  # pixels: a picture, between columns, a title, a picture's name, a line
INK, PALE = "#1a1a1a", "#555555"


@dataclass(frozen=True)
class Column:
    """What stands in one column; a picture that is None leaves its place empty."""

    title: str
    pictures: dict[str, Image.Image | None] = field(default_factory=dict)
    lines: Sequence[str] = ()


def contact(columns: Sequence[Column]) -> Image.Image:
    """The sheet, RGB on white. Where a column has no pictures, its words stand in their place."""
    large, small = ImageFont.load_default(16), ImageFont.load_default(13)
    texts = [[part for line in column.lines for part in textwrap.wrap(line, 36)] for column in columns]
    rows = max(len(column.pictures) for column in columns)
    body = HEAD + rows * (NAME + CELL)
    below = max((len(text) for column, text in zip(columns, texts) if column.pictures), default=0)
    page = Image.new("RGB", (len(columns) * (CELL + GAP) + GAP, body + below * LINE + GAP), "white")
    pen = ImageDraw.Draw(page)
    for i, (column, lines) in enumerate(zip(columns, texts)):
        left = GAP + i * (CELL + GAP)
        pen.text((left, HEAD / 2 + 2), column.title, INK, large, anchor="lm")
        for row, (name, picture) in enumerate(column.pictures.items()):
            top = HEAD + row * (NAME + CELL)
            if picture is None:
                continue
            pen.text((left, top + NAME / 2), name, PALE, small, anchor="lm")
            page.paste(picture.convert("RGB").resize((CELL, CELL), Image.Resampling.LANCZOS), (left, top + NAME))
        start = body + LINE * 0.3 if column.pictures else HEAD + NAME
        for line, text in enumerate(lines):
            pen.text((left, start + (line + 0.5) * LINE), text, INK, small, anchor="lm")
    return page
