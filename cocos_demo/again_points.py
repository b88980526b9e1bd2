"""Points that were asked for, of one model or two, as a run that can be saved, and asked again."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from . import runs
from . import settings as told
from .comparing import SIDE
from .matcher import Matcher
from .pair import Pair, Query
from .runs import Run
from .settings import Points
from .translator import Translator
from .viz import marks

LETTERS = ("",), ("A", "B")  # what tells the answers of one model, or two, apart on the photo


def queries(pair: Pair, options: Points) -> list[Query]:
    """The answers of one model, whose two pictures have SIDE x SIDE pixels."""
    return [pair.query(column + 0.5, row + 0.5, options.alpha, source=side) for side, column, row, _ in options.points]


def sheet(pairs: Sequence[Pair], options: Points) -> Image.Image:
    """The photo, and beside it the exemplar as each model answers, with all points: RGB, SIDE pixels high."""
    photo = pairs[0].photo.picture.copy()
    exemplars = [pair.exemplar.picture.copy() for pair in pairs]
    for letter, pair, exemplar in zip(LETTERS[len(pairs) - 1], pairs, exemplars):
        marks.draw({"photo": photo, "exemplar": exemplar}, queries(pair, options), letter=letter)
    page = Image.new("RGB", ((len(pairs) + 1) * SIDE, SIDE))
    for i, picture in enumerate((photo, *exemplars)):
        page.paste(picture, (i * SIDE, 0))
    return page


def pointed(nets: dict[str, Translator], pairs: Sequence[Pair], options: Points, photo: str | Path, exemplar: str | Path,
            notes: Sequence[str] = ()) -> Run:  # fmt: skip
    """Points of two pictures, files, as one model or two answer, by their names. Raises RunError without a point."""
    if not options.points:
        raise runs.RunError("there is no point to save yet: click one")
    inputs, picture = {"photo": Path(photo), "exemplar": Path(exemplar)}, sheet(pairs, options)
    of = tuple(told.of_model(name, net.card) for name, net in nets.items())
    made = told.made(str(next(iter(nets.values())).device), 0.0)
    settings = told.Settings(told.FORMAT, "correspond", of, options, runs.given(inputs), {"picture": told.pixels(picture)}, made,
                             tuple(notes))  # fmt: skip
    return Run(settings, inputs, {"picture": runs.png(picture)})


def repeated(run: Run, nets: Sequence[Translator]) -> tuple[Image.Image, list[list[Query]]]:
    """The points asked again -> the sheet, and of each model the answers. Raises MatchError, and what reading raises."""
    pairs = [Matcher(net).set_images(run.inputs["photo"], run.inputs["exemplar"]).pair.square(SIDE) for net in nets]
    return sheet(pairs, run.settings.options), [queries(pair, run.settings.options) for pair in pairs]


def in_lines(run: Run, answers: list[list[Query]]) -> list[str]:
    """A line for each answer: "1 portrait: photo 254, 112 -> 222, 128, cosine 0.979"."""
    return [f"{number} {model.name}: {q.source.name} {q.at[0]:.0f}, {q.at[1]:.0f} -> {q.x:.0f}, {q.y:.0f}, cosine {q.score:.3f}"
            for number, each in enumerate(zip(*answers), 1) for model, q in zip(run.settings.models, each)]
