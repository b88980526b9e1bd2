"""Two matched pictures and the points clicked on them, as the Correspond tab draws them; no gradio here."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from cocos_demo.matcher import Matcher
from cocos_demo.measured import Measured
from cocos_demo.pair import Pair, Query, Side, View
from cocos_demo.viz import error_over, flow_colours, heat_over, marks

SIDE = 512  # pixels of the two pictures, whatever the network's own size: clicks and answers are counted in these
PHOTO, CONDITION = "Photo", "Condition map"  # what may lie under the marks on the left
COSINES, WEIGHTS, ERRORS, FLOW = "Cosines", "Softmax weights", "Round-trip errors", "Matches as colours"  # and over it
OTHER: dict[Side, Side] = {"photo": "exemplar", "exemplar": "photo"}
ENLARGED = 1.5  # marks, where three pictures stand side by side and are smaller on the screen


class Point(NamedTuple):
    """A pixel that was clicked, of the picture as it is shown."""

    side: Side
    column: int
    row: int
    by: int = 0  # of two models, the one on whose exemplar it was clicked


class Scene(NamedTuple):
    """What is on the screen, but for how it is looked at. Places are pixels of the pictures shown."""

    given: tuple[str | None, str | None, str]  # photo, exemplar, model as chosen
    looks: tuple[str, ...] = ()  # the exemplars on offer for this kind of condition
    pair: Pair | None = None
    condition: Image.Image | None = None
    notes: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()  # in the order of the clicks
    trouble: str = ""  # why these pictures are not matched; pair and points are then the last that were
    rivals: tuple[tuple[str, str], ...] = ()  # (words, name) of the models that this one can be compared with
    other: str = "none"  # the one that it is
    rival: Pair | None = None  # the same two pictures, as that one matches them
    names: tuple[str, ...] = ()  # of both models, in words; () without a second one
    measured: tuple[Measured, ...] = ()  # likewise

    @classmethod
    def of(cls, given, looks, matcher: Matcher, before: "Scene | None") -> "Scene":
        """Two pictures just matched. Points stay where the picture that was clicked has stayed."""
        pair = shown(matcher)
        condition = matcher.condition.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        points = () if before is None or before.pair is None else tuple(
            point for point in before.points
            if getattr(before.pair, point.side).picture == getattr(pair, point.side).picture)
        return cls(given, looks, pair, condition, matcher.notes, points)

    @property
    def there(self) -> bool:
        """Whether there is something to be clicked."""
        return self.pair is not None and not self.trouble

    def beside(self, matcher: Matcher, other: str, names: tuple[str, ...]) -> "Scene":
        """The same, with a second model that has matched the same two pictures, looking at the same squares of them."""
        rival = shown(matcher)
        return self._replace(other=other, rival=rival, names=names, measured=(Measured.of(self.pair), Measured.of(rival)))

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """As one model matches, or two."""
        return (self.pair,) if self.rival is None else (self.pair, self.rival)

    @property
    def letters(self) -> tuple[str, ...]:
        """What tells two models' answers apart; one needs none."""
        return ("",) if self.rival is None else ("A", "B")

    @property
    def by(self) -> int:
        """The model whose heat and round trips the photo shows: that on whose exemplar the last point was clicked, or A."""
        return self.points[-1].by if self.points and self.rival else 0

    def queries(self, alpha: float, m: int = 0) -> list[Query]:
        """The answers of model m to all points."""
        return [self.pairs[m].query(p.column + 0.5, p.row + 0.5, alpha, source=p.side) for p in self.points]

    def answers(self, alpha: float) -> list[list[Query]]:
        """The answers of each model to all points."""
        return [self.queries(alpha, m) for m in range(len(self.pairs))]

    def views(self, base: str, m: int = 0) -> dict[Side, View]:
        """Both sides, as model m sees them; the photo's may have the condition map for its picture."""
        pair = self.pairs[m]
        photo = replace(pair.photo, picture=self.condition) if base == CONDITION else pair.photo
        return {"photo": photo, "exemplar": pair.exemplar}


def shown(matcher: Matcher) -> Pair:
    """The squares that the network saw, enlarged to SIDE x SIDE: pixels are now counted in these."""
    return matcher.pair.square(SIDE)


def pictures(scene: Scene, answers: list[list[Query]], base: str, overlay: str):
    """Photo, exemplar, and of two models the exemplar again, as the second answers (SIDE x SIDE), with all marks -> these, and of
    each model the ends of the overlay's scale (zeros where it has none)."""
    each = [laid_over(scene, m, queries, scene.views(base, m), overlay) for m, queries in enumerate(answers)]
    photo, exemplars = each[scene.by][0]["photo"], [drawn["exemplar"] for drawn, _ in each]
    for letter, queries, exemplar in zip(scene.letters, answers, exemplars):
        marks.draw({"photo": photo, "exemplar": exemplar}, queries, letter=letter, scale=ENLARGED if scene.rival else 1)
    return [photo, *exemplars], [scale for _, scale in each]


def laid_over(scene: Scene, m: int, queries: list[Query], views: dict[Side, View], overlay: str):
    """Both pictures under the overlay of model m, without marks -> by side, and the ends of its scale. Cosines and weights are
    those of the last point."""
    pair = scene.pairs[m]
    asked: Side = queries[-1].source.name if queries else "photo"
    answering = OTHER[asked]
    if overlay == ERRORS:
        return {side: error_over(pair.cycle_error(side), view) for side, view in views.items()}, (0.0, SIDE / 4)
    if overlay == FLOW:
        if scene.rival:  # the one photo is the key, so that both models' matches are seen
            asked, answering = "exemplar", "photo"
        here, there = views[asked], views[answering]
        own = there.centres.reshape(*there.grid, 2)
        return {asked: flow_colours(pair.flow(asked), here, there), answering: flow_colours(own, there, there)}, (0.0, 0.0)
    if not queries:
        dotted = marks.grid(pair.grid(16), views["photo"].picture, views["exemplar"].picture)
        return dict(zip(OTHER, dotted)), (0.0, 0.0)
    values = queries[-1].heatmap if overlay == COSINES else queries[-1].weights
    scale = float(np.median(values)) if overlay == COSINES else 0.0, float(values.max())
    heat = heat_over(values, views[answering], *scale)
    return {asked: views[asked].picture.copy(), answering: heat}, scale
