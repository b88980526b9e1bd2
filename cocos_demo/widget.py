"""`CorrespondenceWidget`: two pictures in a notebook to be clicked, with the Matcher of the app behind them.

    m = Matcher.load("portrait").set_images("photo.jpg", "exemplar.jpg")
    CorrespondenceWidget(m, points=[(405, 330), (250, 200)])

`Clicks` answers, `widget.js` shows and asks. Places are pixels of the given pictures, centres at .5, as everywhere. Pictures
travel as messages and are no part of the widget's state, so a saved notebook holds one small PNG of each widget.
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import anywidget
import numpy as np
from IPython import get_ipython
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .matcher import Matcher, checked_alpha
from .pair import MatchError, Pair, Query, Side, View
from .photo import Frame
from .viz import heat_over, marks

ALPHA = 100.0  # the papers'
SIDES = 128, 640  # pixels that a picture's longer side may have on screen
STILL, LARGEST = (320, 288, 256, 224), 140_000  # sides, and bytes, of the PNG that a notebook keeps; as text it is a third more


@dataclass(frozen=True)
class Shown:
    """What a widget shows of a view: the part of its picture that holds the network's square."""

    view: View  # its picture is that part, in the size it has on screen
    box: tuple[int, int, int, int]  # left, top, width, height of the part, in pixels of the given picture
    outline: list | None  # corners of the square there, where it is turned

    @classmethod
    def of(cls, view: View, side: int) -> "Shown":
        """`side` is how many pixels the part's longer side has on screen."""
        corners = view.frame.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]])
        left, top = np.maximum(np.ceil(corners.min(0) - 1e-6), 0).astype(int)  # whole pixels
        right, bottom = np.minimum(np.floor(corners.max(0) + 1e-6), view.picture.size).astype(int)
        scale = side / max(right - left, bottom - top)
        size = [max(1, round(scale * int(n))) for n in (right - left, bottom - top)]
        picture = view.picture.crop((left, top, right, bottom)).resize(size, Image.Resampling.LANCZOS)
        f = view.frame
        part = replace(view, picture=picture, surface=None,
                       frame=Frame((f.cx - left) * scale, (f.cy - top) * scale, f.side * scale, f.angle))
        return cls(part, (int(left), int(top), int(right - left), int(bottom - top)), corners.tolist() if f.angle else None)

    def on_screen(self, xy) -> tuple[float, float]:
        """A pixel of the given picture -> one of the part shown."""
        left, top, width, height = self.box
        return (xy[0] - left) / width * self.view.picture.width, (xy[1] - top) / height * self.view.picture.height

    def facts(self) -> dict:
        """What the browser must know to place a click and a marker."""
        return {"box": self.box, "size": self.view.picture.size, "outline": self.outline}


class Clicks:
    """The points asked of a pair so far, and what is to be seen of them. Knows neither notebook nor browser.

    `queries` are the answers, in order. Raises MatchError where a point, alpha, side or source cannot be.
    """

    def __init__(self, pair: Pair, points: Iterable[tuple[float, float]] = (), alpha: float = ALPHA, side: int = 384,
                 source: Side = "photo"):
        if not SIDES[0] <= side <= SIDES[1]:
            raise MatchError(f"side, pixels on screen, must lie between {SIDES[0]} and {SIDES[1]}, got {side}")
        self.pair, self.queries = pair, []
        self.heat: Literal["cosines", "weights"] = "cosines"
        self.alpha = alpha
        for x, y in points:
            self.click(source, x, y)
        self.shown = self.at(side)

    @property
    def alpha(self) -> float:
        """Sharpness of the softmax of Eq. 4, 1 to 200, for all points."""
        return self._alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._alpha = checked_alpha(value)
        self.queries = [self.pair.query(*q.at, self._alpha, source=q.source.name) for q in self.queries]

    def click(self, source: Side, x: float, y: float) -> None:
        """Ask for one more point, at most twelve."""
        if len(self.queries) == marks.MOST:
            raise MatchError(f"{marks.MOST} points are the most: undo one, or clear them.")
        self.queries.append(self.pair.query(x, y, self.alpha, source=source))

    def answer(self, message: dict) -> tuple[dict, list[bytes]]:
        """A message of the browser -> what it shall show now, and the JPEGs that go with it.

        {"do": "start"}, {"do": "click", "on": "photo", "at": [x, y]}, {"do": "undo"}, {"do": "clear"},
        {"do": "alpha", "alpha": 50}, {"do": "heat", "heat": "weights"}. What cannot be is told as {"error": words}.
        """
        try:
            match message["do"]:
                case "click":
                    self.click(message["on"], *message["at"])
                case "undo":
                    del self.queries[-1:]
                case "clear":
                    self.queries.clear()
                case "alpha":
                    self.alpha = message["alpha"]
                case "heat":
                    self.heat = message["heat"]
        except MatchError as error:
            return {"error": str(error)}, []
        state, pictures = self.state(), self.painted(self.shown)
        state["painted"] = list(pictures)
        buffers = [jpeg(picture) for picture in pictures.values()]
        if message["do"] == "start":
            state["start"] = {name: shown.facts() for name, shown in self.shown.items()}
            state["start"]["colours"] = [(colour, marks.ink(colour)) for colour in marks.COLOURS]
            buffers = [jpeg(shown.view.picture) for shown in self.shown.values()] + buffers
        return state, buffers

    def at(self, side: int) -> dict[Side, Shown]:
        """Both pictures, `side` pixels on screen."""
        return {view.name: Shown.of(view, side) for view in (self.pair.photo, self.pair.exemplar)}

    def state(self) -> dict:
        """Points, the numbers behind the last, and the settings, ready for JSON."""
        last = behind(self.queries[-1]) if self.queries else None
        return {"points": [told(q) for q in self.queries], "last": last, "alpha": self.alpha, "heat": self.heat}

    def painted(self, shown: dict[Side, Shown]) -> dict[Side, Image.Image]:
        """The pictures that do not look as given: the one that the last point searched, or both with the grid of matches."""
        if not self.queries:
            pair = replace(self.pair, **{name: part.view for name, part in shown.items()})
            return dict(zip(shown, marks.grid(pair.grid(16), pair.photo.picture, pair.exemplar.picture)))
        q = self.queries[-1]
        return {q.target.name: heat_over(q.heatmap if self.heat == "cosines" else q.weights, shown[q.target.name].view)}

    def picture(self, side: int) -> Image.Image:
        """All this as one picture: photo and exemplar, `side` pixels each, with their markers and words below."""
        shown = self.at(side)
        pictures = {name: part.view.picture for name, part in shown.items()} | self.painted(shown)
        marks.draw(pictures, self.queries, lambda name, xy: shown[name].on_screen(xy))
        return beside(list(pictures.values()), [words(name, self.queries) for name in pictures])

    def png(self) -> bytes:
        """That picture in 256 colours, as large as a notebook should hold."""
        return next(data for side in STILL if len(data := reduced(self.picture(side))) <= LARGEST or side == STILL[-1])


def told(q: Query) -> dict:
    """One point for the browser."""
    *home, off = q.round_trip
    return {"source": q.source.name, "at": q.at, "match": (q.x, q.y), "score": q.score, "home": home, "off": off,
            "truth": q.truth, "error": q.error}


def behind(q: Query) -> dict:
    """The numbers behind one point: the best five, the weight of all others, and the colour that all blend to."""
    best = [{"at": (c.x, c.y), "score": c.score, "weight": c.weight, "colour": css(c.colour)} for c in q.best]
    return {"best": best, "rest": max(1 - sum(c.weight for c in q.best), 0.0), "blend": css(q.colour)}


def css(colour: np.ndarray) -> str:
    return "#" + bytes(colour.round().clip(0, 255).astype(np.uint8)).hex()


def words(side: Side, queries: list[Query]) -> list[str]:
    """The lines under a picture."""
    if not queries:
        return [side, "equal colours match"]
    q, number = queries[-1], len(queries)
    if side == q.target.name:
        true = "" if q.error is None else f", {q.error:.0f} px off"
        return [side, f"point {number}: cosine {q.score:.3f}{true}"]
    off = q.round_trip.distance
    return [side, f"point {number} " + ("finds home" if off == 0 else f"lands {off:.0f} px off")]


def beside(pictures: list[Image.Image], lines: list[list[str]]) -> Image.Image:
    """Pictures side by side on white, lines of words under each."""
    gap, line = 12, 18
    height = max(p.height for p in pictures)
    page = Image.new("RGB", (sum(p.width for p in pictures) + gap, height + line * max(map(len, lines)) + 4), "white")
    pen, left = ImageDraw.Draw(page), 0
    for picture, texts in zip(pictures, lines):
        page.paste(picture, (left, height - picture.height))
        for i, text in enumerate(texts):
            pen.text((left + 1, height + line * (i + 0.5) + 2), text, "black", ImageFont.load_default(13), anchor="lm")
        left += picture.width + gap
    return page


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88, subsampling=0)
    return file.getvalue()


def reduced(picture: Image.Image) -> bytes:
    """A PNG in 256 colours, the markers' own among them."""
    ours = [channel for colour in ("black", "white", *marks.COLOURS) for channel in ImageColor.getrgb(colour)]
    small = picture.reduce(3)  # colours enough to choose from, in a tenth of the time
    theirs = small.quantize(256 - len(ours) // 3, Image.Quantize.MEDIANCUT, kmeans=3).getpalette()
    palette, file = Image.new("P", (1, 1)), io.BytesIO()
    palette.putpalette(theirs + ours)
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def unattended() -> bool:
    """Whether a program runs this notebook (nbconvert, nbmake): it says with every cell that nobody could answer `input()`."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and not kernel.get_parent("shell").get("content", {}).get("allow_stdin", True)


class CorrespondenceWidget(anywidget.AnyWidget):
    """Photo and exemplar to be clicked: marker, match, heatmap, cosine, softmax weights and round trip of up to 12 points.

    matcher_or_pair: a Matcher after `set_images`, or a `pair.Pair`. points: (x, y) asked from the start, in pixels of the
    given photo (of the exemplar with source="exemplar"). alpha: 1 to 200; if not given, the matcher's, for a pair 100.
    side: pixels of a picture's longer side on screen, 128 to 640. Raises MatchError for what cannot be, OutOfFrame for a point
    where the network does not look.

    `queries` has the answers to all points, in order. A notebook that a program executes keeps a picture of the preset points,
    which every viewer shows; who runs the cell gets the widget.
    """

    _esm = Path(__file__).with_name("widget.js")
    _css = Path(__file__).with_name("widget.css")

    def __init__(self, matcher_or_pair: Matcher | Pair, points: Iterable[tuple[float, float]] = (), alpha: float | None = None,
                 side: int = 384, source: Side = "photo"):
        matched = isinstance(matcher_or_pair, Matcher)
        pair = matcher_or_pair.pair if matched else matcher_or_pair
        if alpha is None:
            alpha = matcher_or_pair.alpha if matched else ALPHA
        self.clicks = Clicks(pair, points, alpha, side, source)
        super().__init__()
        self.on_msg(lambda _, message, buffers: self.send(*self.clicks.answer(message)))

    @property
    def queries(self) -> tuple[Query, ...]:
        """The answers to all points so far; see `pair.Query`."""
        return tuple(self.clicks.queries)

    def open(self) -> None:
        """Connect with a browser, if there can be one."""
        if not unattended():
            super().open()

    def _repr_mimebundle_(self, **kwargs):
        points = f"{len(self.queries)} points, alpha {self.clicks.alpha:g}"
        still = {"image/png": base64.b64encode(self.clicks.png()).decode(), "text/plain": f"CorrespondenceWidget: {points}"}
        if self.comm is None:
            return still
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | still, metadata
