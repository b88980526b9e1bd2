"""What is drawn on two pictures to be clicked: numbered markers, the way back, true places, a grid of coloured dots."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..pair import Query
from .overlays import place_colours
from .style import OKABE_ITO

MOST = 12  # points
# Okabe and Ito's seven, and five that differ from them in lightness; a marker's number tells where colours do not.
COLOURS = (*OKABE_ITO, "#FFFFFF", "#882255", "#999999", "#44AA99", "#332288")
REACH, STAR = 34, 12  # pixels from the centre of a marker, and of a star, to its border
LOWER = ("B", "D")  # letters below their mark, so that two in one place are both read
HALO = (255, 255, 255, 170)
FINE = 4  # they are drawn this much larger, then reduced


def ink(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    return "black" if np.dot(ImageColor.getrgb(colour)[:3], (0.299, 0.587, 0.114)) > 120 else "white"


@functools.lru_cache(16 * MOST)
def stamp(number: int, right: bool, up: bool, answer: bool, letter: str = "") -> Image.Image:
    """RGBA marker: a ring round the pixel that lies in the middle, for an answer a diamond, and the number beside it, with a
    letter where several models answer on one picture."""
    side, colour = (2 * REACH + 1) * FINE, COLOURS[(number - 1) % MOST]
    picture, c = Image.new("RGBA", (side, side)), side / 2
    draw = ImageDraw.Draw(picture)

    def disc(x: float, y: float, radius: float, **how):
        draw.ellipse([x - radius * FINE, y - radius * FINE, x + radius * FINE, y + radius * FINE], **how)

    def diamond(radius: float, **how):
        draw.regular_polygon((c, c, radius * FINE), 4, rotation=45, **how)

    ring = diamond if answer else functools.partial(disc, c, c)
    wider = 4 if answer else 0  # a diamond's sides are nearer than its corners
    ring(11 + wider, outline=HALO, width=2 * FINE)  # black alone is lost on the black of condition maps
    ring(10 + wider, outline="black", width=5 * FINE)
    ring(9 + 0.9 * wider, outline=colour, width=3 * FINE)
    disc(c, c, 3.2, fill="black")
    disc(c, c, 2.2, fill=colour)
    x, y = c + (18 if right else -18) * FINE, c - (16 if up else -16) * FINE
    disc(x, y, 12, fill=HALO)
    disc(x, y, 11, fill="black")
    disc(x, y, 9.8, fill=colour)
    words = f"{number}{letter}"
    size = 14 if len(words) < 3 else 10
    draw.text((x, y), words, ink(colour), ImageFont.load_default(size * FINE), anchor="mm")
    return picture.resize((2 * REACH + 1, 2 * REACH + 1), Image.Resampling.BOX)


@functools.lru_cache(MOST)
def star_stamp(number: int) -> Image.Image:
    """RGBA star in the colour of a point, with a white and a black rim."""
    side, c = (2 * STAR + 1) * FINE, (2 * STAR + 1) * FINE / 2
    picture = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(picture)
    for reach, colour in ((STAR, "black"), (STAR - 2, "white"), (STAR - 5.5, COLOURS[(number - 1) % MOST])):
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        reaches = np.where(np.arange(10) % 2, 0.5, 1) * reach * FINE
        draw.polygon([*zip(c + reaches * np.cos(turns), c + reaches * np.sin(turns))], colour)
    return picture.resize((2 * STAR + 1, 2 * STAR + 1), Image.Resampling.BOX)


def mark(picture: Image.Image, number: int, x: float, y: float, answer: bool = False, letter: str = "") -> None:
    """Draw marker `number` on the pixel that (x, y) lies in: a ring, or a diamond for an `answer`. The number stays within
    the picture."""
    below = letter in LOWER and y < picture.height - REACH
    seal = stamp(number, x < picture.width - REACH, y > REACH and not below, answer, letter)
    picture.paste(seal, (int(x) - REACH, int(y) - REACH), seal)


def star(picture: Image.Image, number: int, x: float, y: float) -> None:
    """Draw a star on the pixel that (x, y) lies in: where the match of point `number` should be."""
    seal = star_stamp(number)
    picture.paste(seal, (int(x) - STAR, int(y) - STAR), seal)


def line(picture: Image.Image, number: int, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line in the colour of a point."""
    draw, colour = ImageDraw.Draw(picture), COLOURS[(number - 1) % MOST]
    for width, ink_ in ((5, "black"), (2, colour)):
        draw.line([start, end], ink_, width)


def way(picture: Image.Image, number: int, start: tuple[float, float], end: tuple[float, float], letter: str = "") -> None:
    """Draw the line from a point to where its round trip ends, a square, with a letter in it if there is one."""
    line(picture, number, start, end)
    (x, y), reach, pen = end, 8 if letter else 5, ImageDraw.Draw(picture)
    pen.rectangle([x - reach, y - reach, x + reach, y + reach], "white", "black", 2)
    pen.text((x + 0.5, y + 0.5), letter, "black", ImageFont.load_default(12), anchor="mm")


def draw(pictures: dict[str, Image.Image], queries: Sequence[Query], placed: Callable = lambda side, xy: xy,
         letter: str = "") -> None:
    """Draw every point and its match on the two pictures, by side; of the last also the way back, and the line to where its
    match should have been. `placed(side, xy)`: where a place of a query lies in the picture drawn on. `letter`: the model that
    answers, where several draw on one photo."""
    for number, q in enumerate(queries, 1):
        here, there = q.source.name, q.target.name
        at, match = placed(here, q.at), placed(there, (q.x, q.y))
        if number == len(queries) and q.round_trip.distance:
            way(pictures[here], number, at, placed(here, q.round_trip[:2]), letter if here == "photo" else "")
        if number == len(queries) and q.truth:
            line(pictures[there], number, match, placed(there, q.truth))
        mark(pictures[here], number, *at)
        mark(pictures[there], number, *match, answer=True, letter=letter if there == "photo" else "")
    for number, q in enumerate(queries, 1):  # over all markers
        if q.truth:
            star(pictures[q.target.name], number, *placed(q.target.name, q.truth))


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
