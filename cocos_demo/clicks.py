"""The points asked in a widget and what is to be seen of them: what `widget.CorrespondenceWidget` answers a browser.

Knows neither notebook nor browser. Places are pixels of the given pictures, centres at .5, as everywhere.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from string import ascii_uppercase
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .matcher import checked_alpha
from .pair import MatchError, Pair, Query, Side, View
from .photo import Frame
from .viz import heat_over, marks

ALPHA = 100.0  # the papers'
MOST = 4  # matchers side by side
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


class Asked(NamedTuple):
    """One point and what every pair answers to it."""

    by: int  # the pair on whose panel it was clicked; on the photo, the first
    answers: tuple[Query, ...]


class Clicks:
    """The points asked so far of one pair, or of several that match the same two pictures, and what is to be seen of them.

    Panels: 0 is the photo, 1 the exemplar as the first pair answers, 2 as the second does. Raises MatchError where a point,
    alpha, side or source cannot be, or the pairs do not go together.
    """

    def __init__(self, pairs: Sequence[Pair], points: Iterable[tuple[float, float]] = (), alpha: float = ALPHA, side: int = 384,
                 source: Side = "photo", names: Sequence[str] = ()):
        if not SIDES[0] <= side <= SIDES[1]:
            raise MatchError(f"side, pixels on screen, must lie between {SIDES[0]} and {SIDES[1]}, got {side}")
        self.pairs, self.asked = tuple(pairs), []
        check(self.pairs)
        self.names = titles(names, len(self.pairs))
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
        self.asked = [Asked(by, self._answers(q.source.name, *q.at)) for by, (q, *_) in self.asked]

    @property
    def letters(self) -> list[str]:
        """What tells the pairs' marks apart where both lie on the photo: A, B; one pair needs none."""
        return [""] if len(self.pairs) == 1 else list(ascii_uppercase[: len(self.pairs)])

    def queries(self, m: int = 0) -> list[Query]:
        """The answers of pair m to all points, in order."""
        return [asked.answers[m] for asked in self.asked]

    def click(self, source: Side, x: float, y: float, by: int = 0) -> None:
        """Ask for one more point, at most twelve."""
        if len(self.asked) == marks.MOST:
            raise MatchError(f"{marks.MOST} points are the most: undo one, or clear them.")
        self.asked.append(Asked(by, self._answers(source, x, y)))

    def _answers(self, source: Side, x: float, y: float) -> tuple[Query, ...]:
        return tuple(pair.query(x, y, self.alpha, source=source) for pair in self.pairs)

    def answer(self, message: dict) -> tuple[dict, list[bytes]]:
        """A message of the browser -> what it shall show now, and the JPEGs that go with it.

        {"do": "start"}, {"do": "click", "panel": 0, "at": [x, y]}, {"do": "undo"}, {"do": "clear"},
        {"do": "alpha", "alpha": 50}, {"do": "heat", "heat": "weights"}. What cannot be is told as {"error": words}.
        """
        try:
            match message["do"]:
                case "click":
                    panel = message["panel"]
                    self.click("exemplar" if panel else "photo", *message["at"], by=max(panel - 1, 0))
                case "undo":
                    del self.asked[-1:]
                case "clear":
                    self.asked.clear()
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
            state["start"] = {"panels": [shown.facts() for shown in self.shown], "names": self.names, "letters": self.letters,
                              "colours": [(colour, marks.ink(colour)) for colour in marks.COLOURS]}
            buffers = [jpeg(shown.view.picture) for shown in self.shown] + buffers
        return state, buffers

    def at(self, side: int) -> list[Shown]:
        """The pictures of all panels, `side` pixels on screen."""
        return [Shown.of(view, side) for view in (self.pairs[0].photo, *(pair.exemplar for pair in self.pairs))]

    def state(self) -> dict:
        """What each pair answered to all points, the numbers behind its last, and the settings, ready for JSON."""
        each = [self.queries(m) for m in range(len(self.pairs))]
        answers = [{"points": [told(q) for q in queries], "last": behind(queries[-1]) if queries else None} for queries in each]
        return {"answers": answers, "by": self.asked[-1].by if self.asked else 0, "alpha": self.alpha, "heat": self.heat}

    def painted(self, shown: list[Shown]) -> dict[int, Image.Image]:
        """The panels that do not look as given: those that the last point searched, or all with the grid of matches. The photo
        holds the heat of one pair: that on whose panel the point was clicked."""
        photo, *exemplars = (part.view for part in shown)
        if not self.asked:
            pairs = [replace(pair, photo=replace(photo, grid=pair.photo.grid), exemplar=exemplar)
                     for pair, exemplar in zip(self.pairs, exemplars)]
            dotted = [marks.grid(pair.grid(16), photo.picture, pair.exemplar.picture) for pair in pairs]
            return {0: dotted[0][0], **{panel: right for panel, (_, right) in enumerate(dotted, 1)}}
        by, answers = self.asked[-1]
        values = [q.heatmap if self.heat == "cosines" else q.weights for q in answers]
        if answers[0].target.name == "photo":
            return {0: heat_over(values[by], photo)}
        return {panel: heat_over(heat, view) for panel, (heat, view) in enumerate(zip(values, exemplars), 1)}

    def picture(self, side: int) -> Image.Image:
        """All this as one picture: the panels, `side` pixels each, with their markers and words below."""
        shown = self.at(side)
        pictures = dict(enumerate(part.view.picture for part in shown)) | self.painted(shown)
        for m, letter in enumerate(self.letters):
            panels = {"photo": 0, "exemplar": m + 1}
            drawn = {name: pictures[panel] for name, panel in panels.items()}
            marks.draw(drawn, self.queries(m), lambda name, xy, of=panels: shown[of[name]].on_screen(xy), letter)
        return beside(list(pictures.values()), [self.words(panel) for panel in pictures])

    def words(self, panel: int) -> list[str]:
        """The lines under a panel of the still picture."""
        title = ["photo", *self.names][panel]
        if not self.asked:
            return [title, "equal colours match"]
        side, number = ("exemplar" if panel else "photo"), len(self.asked)
        said = [words(side, q, number) for q in self.asked[-1].answers]
        if panel == 0:
            return [title, *(f"{letter}, {line}" if letter else line for letter, line in zip(self.letters, said))]
        known = [q.error for q in self.queries(panel - 1) if q.error is not None]
        several = len(self.pairs) > 1 and len(known) > 1
        return [title, said[panel - 1], *([f"mean of {len(known)} points: {np.mean(known):.0f} px off"] if several else [])]

    def png(self) -> bytes:
        """That picture in 256 colours, as large as a notebook should hold."""
        return next(data for side in STILL if len(data := reduced(self.picture(side))) <= LARGEST or side == STILL[-1])


def check(pairs: Sequence[Pair]) -> None:
    """Raises MatchError unless there is a pair, and all look at the same squares of the same two pictures."""
    if not pairs or len(pairs) > MOST:
        raise MatchError(f"1 to {MOST} matchers can stand side by side, got {len(pairs)}")
    for pair in pairs[1:]:
        for one, other in ((pairs[0].photo, pair.photo), (pairs[0].exemplar, pair.exemplar)):
            if one.picture != other.picture:
                raise MatchError(f"all matchers must be given the same {one.name}: set_images(photo, exemplar) with the same two")
            if not np.allclose(astuple(one.frame), astuple(other.frame)):
                raise MatchError(f"the matchers look at different squares of the {one.name}, so they cannot stand side by side: "
                                 "take models that read the same kind of condition")


def titles(names: Sequence[str], count: int) -> list[str]:
    """What stands over each exemplar: "exemplar", or of several "A: name"."""
    if names and len(names) != count:
        raise MatchError(f"one name for each matcher: got {len(names)} names and {count} matchers")
    if count == 1:
        return [f"exemplar, {name}" for name in names] or ["exemplar"]
    return [f"{letter}: {names[i]}" if names else letter for i, letter in enumerate(ascii_uppercase[:count])]


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


def words(side: Side, q: Query, number: int) -> str:
    """What a pair's answer to the last point says of one picture."""
    if side == q.target.name:
        true = "" if q.error is None else f", {q.error:.0f} px off"
        return f"point {number}: cosine {q.score:.3f}{true}"
    off = q.round_trip.distance
    return f"point {number} " + ("finds home" if off == 0 else f"lands {off:.0f} px off")


def beside(pictures: list[Image.Image], lines: list[list[str]]) -> Image.Image:
    """Pictures side by side on white, lines of words under each."""
    gap, line = 12, 18
    height = max(p.height for p in pictures)
    page = Image.new("RGB", (sum(p.width + gap for p in pictures) - gap, height + line * max(map(len, lines)) + 4), "white")
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
