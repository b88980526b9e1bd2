"""What is drawn on two pictures to be clicked: numbered markers, the way back, a grid of coloured dots."""

import functools

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .overlays import place_colours
from .style import OKABE_ITO

MOST = 12  # points
# Okabe and Ito's seven, and five that differ from them in lightness; a marker's number tells where colours do not.
COLOURS = (*OKABE_ITO, "#FFFFFF", "#882255", "#999999", "#44AA99", "#332288")
REACH, FINE = 34, 4  # pixels from a stamp's centre to its border; stamps are drawn this much larger, then reduced


def ink(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    return "black" if np.dot(ImageColor.getrgb(colour)[:3], (0.299, 0.587, 0.114)) > 120 else "white"


@functools.lru_cache(4 * MOST)
def stamp(number: int, right: bool, up: bool) -> Image.Image:
    """RGBA marker of a point: a ring round its pixel, which lies in the middle, and its number beside it."""
    side, colour = (2 * REACH + 1) * FINE, COLOURS[(number - 1) % MOST]
    picture, c = Image.new("RGBA", (side, side)), side / 2
    draw = ImageDraw.Draw(picture)

    def disc(x: float, y: float, radius: float, **how):
        draw.ellipse([x - radius * FINE, y - radius * FINE, x + radius * FINE, y + radius * FINE], **how)

    disc(c, c, 10, outline="black", width=5 * FINE)
    disc(c, c, 9, outline=colour, width=3 * FINE)
    disc(c, c, 3.2, fill="black")
    disc(c, c, 2.2, fill=colour)
    x, y = c + (18 if right else -18) * FINE, c - (16 if up else -16) * FINE
    disc(x, y, 11, fill="black")
    disc(x, y, 9.8, fill=colour)
    draw.text((x, y), str(number), ink(colour), ImageFont.load_default(14 * FINE), anchor="mm")
    return picture.resize((2 * REACH + 1, 2 * REACH + 1), Image.Resampling.BOX)


def mark(picture: Image.Image, number: int, x: float, y: float) -> None:
    """Draw marker `number` on the pixel that (x, y) lies in; its number stays within the picture."""
    seal = stamp(number, x < picture.width - REACH, y > REACH)
    picture.paste(seal, (int(x) - REACH, int(y) - REACH), seal)


def way(picture: Image.Image, number: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw the line from a point to where its round trip ends, a square."""
    draw, colour = ImageDraw.Draw(picture), COLOURS[(number - 1) % MOST]
    for width, ink_ in ((5, "black"), (2, colour)):
        draw.line([start, end], ink_, width)
    x, y = end
    draw.rectangle([x - 5, y - 5, x + 5, y + 5], "white", "black", 2)


def dots(picture: Image.Image, places: np.ndarray, colours: np.ndarray) -> Image.Image:
    """A pale grey copy of a picture with dots: places (N, 2) in its pixels, colours (N, 3) in 0..1."""
    pale = Image.blend(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, "white"), 0.35)
    large = Image.new("RGBA", (2 * pale.width, 2 * pale.height))
    draw = ImageDraw.Draw(large)
    for (x, y), colour in zip(2 * places, (colours * 255).round().astype(int)):
        draw.ellipse([x - 11, y - 11, x + 11, y + 11], (*colour.tolist(), 255), "black", 2)
    layer = large.resize(pale.size, Image.Resampling.BOX)
    pale.paste(layer, (0, 0), layer)
    return pale


def grid(found, left: Image.Image, right: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A grid of points (see pair.Points) and their matches in the same colours, each that of its place in the photo."""
    colours = place_colours(found.source.frame.to_unit(found.points), found.source)
    return dots(left, found.points, colours), dots(right, found.targets, colours)
