"""One photo, one exemplar, and all systems that read the same kind of condition: what each makes of them, and how well.

Knows no browser: the Compare tab, its endpoint and the command `compare` all begin here.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter

from PIL import Image

from . import __version__, checkpoints, conditions
from .checkpoints import CheckpointError
from .colour import recolour
from .errors import explain
from .matcher import paired
from .measured import CLOSE, Measured
from .pair import MatchError, Pair, Query
from .photo import reopenable, to_image
from .translator import Translator, notes
from .viz import marks
from .viz.contact import Column, contact

SIDE = 512  # pixels of the squares in which clicks are counted and distances measured, whatever a network's own size
ALPHA = 100.0  # of a query; the best match is the same at any
PASTES = "segin"  # its warped exemplar is an auxiliary image
SYSTEMS = {"cocosnet": "CoCosNet", "cocosnet_v2": "CoCosNet v2", "mclnet": "MCL-Net", "segin": "SEGIN", "spade": "SPADE"}
SCALE = 2.0  # of marks on pictures that are shown at less than half their size


class CompareError(ValueError):
    """There is nothing to compare, or a point cannot be asked for; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """What one checkpoint made of the two pictures, or why it made nothing."""

    name: str  # of the checkpoint
    trouble: str = ""  # then all below is empty
    card: dict | None = None
    photo: Image.Image | None = None  # the squares that it looked at
    exemplar: Image.Image | None = None
    condition: Image.Image | None = None
    warped: Image.Image | None = None  # SEGIN: the auxiliary image; None from a network without a warp
    image: Image.Image | None = None
    seconds: float = 0.0  # of matching and painting, the two pictures having been read
    device: str = ""
    pair: Pair | None = None  # in pixels of the given pictures; None from a network that does not match
    notes: tuple[str, ...] = ()

    @cached_property
    def squares(self) -> Pair | None:
        """The pair in pixels of the two squares, SIDE x SIDE."""
        return self.pair and self.pair.square(SIDE)

    @cached_property
    def measured(self) -> Measured | None:
        """How it matches, in pixels of SIDE x SIDE; None from a network that does not."""
        return self.squares and Measured.of(self.squares)

    @property
    def title(self) -> str:
        """Name and system: "portrait_v2 (CoCosNet v2)"."""
        return f"{self.name} ({SYSTEMS.get(self.card['system'], self.card['system'])})" if self.card else self.name

    @property
    def warp_name(self) -> str:
        """What its warp is called."""
        return "auxiliary image W(x, r)" if self.card and self.card["system"] == PASTES else "exemplar, warped to fit"

    def queries(self, points: Iterable[tuple[float, float]]) -> list[Query]:
        """Its answers to points of the photo's square."""
        return [self.squares.query(x, y, ALPHA) for x, y in points] if self.pair else []


def family(kind: str) -> list[str]:
    """Names of the checkpoints that read a kind of condition, in the order of the systems, the baseline last; of one system,
    shipped ones first. Without those for other looks than the rest (paintings). Raises CompareError where there is none."""
    cards = {name: _card(path) for name, path in checkpoints.catalogue().items()}
    there = {name: card for name, card in cards.items() if card and card["condition"] == kind}
    names = [name for name, card in there.items() if not checkpoints.paints(card)] or list(there)
    if not names:
        raise CompareError(f"no checkpoint reads the condition {kind!r}")
    order = {system: i for i, system in enumerate(SYSTEMS)}
    return sorted(names, key=lambda name: order.get(there[name]["system"], len(order)))


def _card(path: Path) -> dict | None:
    try:
        return checkpoints.read_card(path)
    except CheckpointError:
        return None  # whoever asks for it by name is told


def kind_of(photo, kind: str = "auto") -> str:
    """The kind of condition that is meant: as said, or for "auto" what the photo shows. Raises ConditionError, CompareError."""
    if kind == "auto":
        return conditions.detect(photo)
    if kind not in conditions.KINDS:
        raise CompareError(f"there is no condition {kind!r}; there are auto, {', '.join(conditions.KINDS)}")
    return kind


def answered(name: str, net: Translator, photo, exemplar) -> Outcome:
    """Let one network match and paint the two pictures. Raises PhotoError, ConditionError."""
    photo, exemplar = reopenable(photo), reopenable(exemplar)
    condition, example = net.condition_of(photo), net.example_of(exemplar)
    started = perf_counter()
    out = net.forward(condition, example)
    image = to_image(out.image[0].float().cpu())
    seconds = perf_counter() - started
    if net.colourises:
        image = recolour(photo, image, condition.found.frame)
    warped = None if out.warped is None else to_image(out.warped[0].float().cpu())
    try:
        pair = paired(net, photo, condition, exemplar, example, out)
    except MatchError:
        pair = None  # it paints all the same
    return Outcome(name, "", net.card, condition.photo, example.crop, condition.image, warped, image, seconds, str(net.device),
                   pair, notes(condition, example))


def each(names: Sequence[str], photo, exemplar, load: Callable[[str], Translator] = Translator.load) -> Iterator[Outcome]:
    """One checkpoint after the other, as the next is asked for. One that fails says why, and the others go on."""
    photo, exemplar = reopenable(photo), reopenable(exemplar)
    for name in names:
        try:
            outcome = answered(name, load(name), photo, exemplar)
            outcome.measured  # noqa: B018  # here, where time is expected to pass
        except Exception as error:
            words = explain(error)
            if words is None:
                raise
            outcome = Outcome(name, words)
        yield outcome


def to_square(outcomes: Sequence[Outcome], points: Iterable[Sequence[float]]) -> list[tuple[float, float]]:
    """Points in pixels of the photo as given -> of its square, which is the same for all. Raises CompareError where there is no
    system to be asked, or a point lies where none looks."""
    pair, places = next((outcome.pair for outcome in outcomes if outcome.pair), None), []
    for point in points:
        if pair is None:
            raise CompareError("none of these systems matches, so no point can be asked for")
        try:
            x, y = map(float, point)
        except (TypeError, ValueError):
            raise CompareError(f"a point is two numbers, x and y, not {point!r}") from None
        if not pair.photo.covers(x, y):
            raise CompareError(f"the point {x:g}, {y:g} lies outside the part of the photo that the networks see")
        places.append(tuple((pair.photo.frame.to_unit([[x, y]])[0] * SIDE).tolist()))
    return places


# What is kept of it


def numbers(outcome: Outcome) -> dict:
    """What was measured, by name, ready for JSON; distances in pixels of SIDE x SIDE, shares 0 to 1."""
    m = outcome.measured
    return {"seconds": round(outcome.seconds, 3), **({} if m is None else {
        "cycle_error": round(m.trip, 2), "home": round(m.home, 4),
        "error": None if m.error is None else round(m.error, 2), "pck": None if m.pck is None else round(m.pck, 4)})}


def settings(photo: str | Path, exemplar: str | Path, outcomes: Sequence[Outcome], points=()) -> dict:
    """All that is needed to do it again, and what came out, ready for JSON: names, versions, seconds, numbers. `points`: of the
    photo's square."""
    files = checkpoints.catalogue()
    systems = []
    for outcome in outcomes:
        told = {"model": outcome.name, "weights": fingerprint(files.get(outcome.name, Path(outcome.name)))}
        if outcome.trouble:
            systems.append({**told, "trouble": outcome.trouble})
            continue
        found = [{"x": q.x, "y": q.y, "score": q.score, "round_trip": q.round_trip.distance, "error": q.error}
                 for q in outcome.queries(points)]
        systems.append({**told, "system": outcome.card["system"], "size": outcome.card["size"], "device": outcome.device,
                        **numbers(outcome), "matches": found, "notes": list(outcome.notes)})
    return {"program": f"cocos_demo {__version__}", "photo": Path(photo).name, "exemplar": Path(exemplar).name,
            "condition": next((o.card["condition"] for o in outcomes if o.card), None), "side": SIDE,
            "points": [list(map(float, point)) for point in points], "systems": systems}


def fingerprint(path: Path) -> str | None:
    """SHA-256 of a checkpoint's file: which version of it there was."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def in_json(told: dict) -> str:
    """Settings as they are written."""
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def marked(outcome: Outcome, points: Sequence[tuple[float, float]]) -> Image.Image:
    """The exemplar's square with the matches of all points, and stars where they should be; without a point, a grid of dots in
    the colours of their places in the photo."""
    if not points:
        return marks.grid(outcome.squares.grid(16), outcome.squares.photo.picture, outcome.squares.exemplar.picture)[1]
    drawn = {"photo": outcome.squares.photo.picture.copy(), "exemplar": outcome.squares.exemplar.picture.copy()}
    marks.draw(drawn, outcome.queries(points), scale=SCALE)
    return drawn["exemplar"]


def asked(outcome: Outcome, points: Sequence[tuple[float, float]]) -> Image.Image:
    """The photo's square with all points; without one, with the grid of dots."""
    if not points:
        return marks.grid(outcome.squares.grid(16), outcome.squares.photo.picture, outcome.squares.exemplar.picture)[0]
    picture, pen = outcome.squares.photo.picture.copy(), marks.Pen("", SCALE)
    for number, (x, y) in enumerate(points, 1):
        pen.mark(picture, number, x, y)
    return picture


def sheet(outcomes: Sequence[Outcome], points: Sequence[tuple[float, float]] = ()) -> Image.Image:
    """All of it as one picture: a column for what was given, and one for each system. Raises CompareError if all failed."""
    good = [outcome for outcome in outcomes if not outcome.trouble]
    if not good:
        raise CompareError(outcomes[0].trouble if outcomes else "nothing was compared")
    first = next((outcome for outcome in good if outcome.pair), good[0])
    photo = asked(first, points) if first.pair and points else first.photo
    given = Column("given", {"photo": photo, "exemplar": first.exemplar, "condition": first.condition})
    return contact([given, *(_column(outcome, points) for outcome in outcomes)])


def _column(outcome: Outcome, points) -> Column:
    if outcome.trouble:
        return Column(outcome.name, {}, [outcome.trouble])
    matches = "its matches" if points else "equal colours match"
    pictures = {"picture": outcome.image, outcome.warp_name: outcome.warped,
                matches: marked(outcome, points) if outcome.pair else None}
    return Column(outcome.title, pictures, in_lines(outcome))


def in_lines(outcome: Outcome) -> list[str]:
    """What was measured, a line each."""
    lines, m = [f"{outcome.seconds:.2f} s on {outcome.device}"], outcome.measured
    if m is not None:
        lines += [f"cycle error {m.trip:.0f} px", f"{m.home:.0%} find home within {CLOSE:.0%}"]
    if m is not None and m.error is not None:
        lines += [f"{m.error:.0f} px from truth", f"{m.pck:.0%} within {CLOSE:.0%} of it"]
    return lines
