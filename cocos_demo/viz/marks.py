"""What is drawn on two pictures to be clicked: numbered markers, the way back, true places, a grid of coloured dots."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
def stamp(number: int, right: bool, up: bool, answer: bool, letter: str = "", scale: float = 1) -> Image.Image:
    """RGBA marker: a ring round the pixel that lies in the middle, for an answer a diamond, and the number beside it, with a
    letter where several models answer on one picture."""
    reach, fine, colour = round(REACH * scale), FINE * scale, COLOURS[(number - 1) % MOST]
    side = (2 * reach + 1) * FINE
    picture, c = Image.new("RGBA", (side, side)), side / 2
    draw = ImageDraw.Draw(picture)

    def disc(x: float, y: float, radius: float, width: float = 1, **how):
        r = radius * fine
        draw.ellipse([x - r, y - r, x + r, y + r], width=round(width * fine), **how)

    def diamond(radius: float, width: float, outline):
        draw.regular_polygon((c, c, radius * fine), 4, rotation=45, outline=outline, width=round(width * fine))

    ring = diamond if answer else functools.partial(disc, c, c)
    wider = 4 if answer else 0  # a diamond's sides are nearer than its corners
    ring(11 + wider, outline=HALO, width=2)  # black alone is lost on the black of condition maps
    ring(10 + wider, outline="black", width=5)
    ring(9 + 0.9 * wider, outline=colour, width=3)
    disc(c, c, 3.2, fill="black")
    disc(c, c, 2.2, fill=colour)
    x, y = c + (18 if right else -18) * fine, c - (16 if up else -16) * fine
    disc(x, y, 12, fill=HALO)
    disc(x, y, 11, fill="black")
    disc(x, y, 9.8, fill=colour)
    words = f"{number}{letter}"
    size = 14 if len(words) < 3 else 10
    draw.text((x, y), words, ink(colour), ImageFont.load_default(size * fine), anchor="mm")
    return picture.resize((2 * reach + 1, 2 * reach + 1), Image.Resampling.BOX)


@functools.lru_cache(2 * MOST)
def star_stamp(number: int, scale: float = 1) -> Image.Image:
    """RGBA star in the colour of a point, with a white and a black rim."""
    size = 2 * round(STAR * scale) + 1
    side, c = size * FINE, size * FINE / 2
    picture = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(picture)
    for reach, colour in ((STAR, "black"), (STAR - 2, "white"), (STAR - 5.5, COLOURS[(number - 1) % MOST])):
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        reaches = np.where(np.arange(10) % 2, 0.5, 1) * reach * FINE * scale
        draw.polygon([*zip(c + reaches * np.cos(turns), c + reaches * np.sin(turns))], colour)
    return picture.resize((size, size), Image.Resampling.BOX)


@dataclass(frozen=True)
class Pen:
    """Draws on pictures. `letter`: the model that answers, where several draw on one photo; `scale`: 1.5 draws all of it half
    as large again, for pictures that are shown smaller."""

    letter: str = ""
    scale: float = 1

    def mark(self, picture: Image.Image, number: int, x: float, y: float, answer: bool = False) -> None:
        """Marker `number` on the pixel that (x, y) lies in: a ring, or a diamond for an `answer`. The number stays within the
        picture."""
        reach = round(REACH * self.scale)
        below = self.letter in LOWER and y < picture.height - reach
        seal = stamp(number, x < picture.width - reach, y > reach and not below, answer, self.letter, self.scale)
        picture.paste(seal, (int(x) - reach, int(y) - reach), seal)

    def star(self, picture: Image.Image, number: int, x: float, y: float) -> None:
        """A star on the pixel that (x, y) lies in: where the match of point `number` should be."""
        seal = star_stamp(number, self.scale)
        picture.paste(seal, (int(x) - seal.width // 2, int(y) - seal.height // 2), seal)

    def line(self, picture: Image.Image, number: int, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A line in the colour of a point."""
        draw, colour = ImageDraw.Draw(picture), COLOURS[(number - 1) % MOST]
        for width, ink_ in ((5, "black"), (2, colour)):
            draw.line([start, end], ink_, round(width * self.scale))

    def way(self, picture: Image.Image, number: int, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The line from a point to where its round trip ends, a square, with the letter in it if there is one."""
        self.line(picture, number, start, end)
        (x, y), reach, draw = end, (8 if self.letter else 5) * self.scale, ImageDraw.Draw(picture)
        draw.rectangle([x - reach, y - reach, x + reach, y + reach], "white", "black", 2)
        if self.letter:
            draw.text((x + 0.5, y + 0.5), self.letter, "black", ImageFont.load_default(12 * self.scale), anchor="mm")


def draw(pictures: dict[str, Image.Image], queries: Sequence[Query], placed: Callable = lambda side, xy: xy,
         letter: str = "", scale: float = 1) -> None:
    """Draw every point and its match on the two pictures, by side; of the last also the way back, and the line to where its
    match should have been. `placed(side, xy)`: where a place of a query lies in the picture drawn on. Letter and scale: `Pen`;
    the letter is for the photo alone."""
    pens = {"photo": Pen(letter, scale), "exemplar": Pen("", scale)}
    for number, q in enumerate(queries, 1):
        here, there = q.source.name, q.target.name
        at, match = placed(here, q.at), placed(there, (q.x, q.y))
        if number == len(queries) and q.round_trip.distance:
            pens[here].way(pictures[here], number, at, placed(here, q.round_trip[:2]))
        if number == len(queries) and q.truth:
            pens[there].line(pictures[there], number, match, placed(there, q.truth))
        Pen("", scale).mark(pictures[here], number, *at)
        pens[there].mark(pictures[there], number, *match, answer=True)
    for number, q in enumerate(queries, 1):  # over all markers
        if q.truth:
            pens[q.target.name].star(pictures[q.target.name], number, *placed(q.target.name, q.truth))


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
