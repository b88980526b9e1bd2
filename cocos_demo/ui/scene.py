"""Two matched pictures and the points clicked on them, as the Correspond tab draws them; no gradio here."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from cocos_demo.matcher import Matcher
from cocos_demo.pair import Pair, Query, Side, View
from cocos_demo.viz import error_over, flow_colours, heat_over, marks

SIDE = 512  # pixels of the two pictures, whatever the network's own size: clicks and answers are counted in these
PHOTO, CONDITION = "Photo", "Condition map"  # what may lie under the marks on the left
COSINES, WEIGHTS, ERRORS, FLOW = "Cosines", "Softmax weights", "Round-trip errors", "Matches as colours"  # and over it
OTHER: dict[Side, Side] = {"photo": "exemplar", "exemplar": "photo"}


class Point(NamedTuple):
    """A pixel that was clicked, of the picture as it is shown."""

    side: Side
    column: int
    row: int


class Scene(NamedTuple):
    """What is on the screen, but for how it is looked at. Places are pixels of the pictures shown."""

    given: tuple[str | None, str | None, str]  # photo, exemplar, model as chosen
    looks: tuple[str, ...] = ()  # the exemplars on offer for this kind of condition
    pair: Pair | None = None
    condition: Image.Image | None = None
    notes: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()  # in the order of the clicks
    trouble: str = ""  # why these pictures are not matched; pair and points are then the last that were

    @classmethod
    def of(cls, given, looks, matcher: Matcher, before: "Scene | None") -> "Scene":
        """Two pictures just matched. Points stay where the picture that was clicked has stayed."""
        pair = replace(matcher.pair, photo=matcher.photo.square(SIDE), exemplar=matcher.exemplar.square(SIDE))
        condition = matcher.condition.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        points = () if before is None or before.pair is None else tuple(
            point for point in before.points
            if getattr(before.pair, point.side).picture == getattr(pair, point.side).picture)
        return cls(given, looks, pair, condition, matcher.notes, points)

    @property
    def there(self) -> bool:
        """Whether there is something to be clicked."""
        return self.pair is not None and not self.trouble

    def queries(self, alpha: float) -> list[Query]:
        """The answers to all points."""
        return [self.pair.query(p.column + 0.5, p.row + 0.5, alpha, source=p.side) for p in self.points]

    def views(self, base: str) -> dict[Side, View]:
        """Both sides; the photo's may have the condition map for its picture."""
        photo = replace(self.pair.photo, picture=self.condition) if base == CONDITION else self.pair.photo
        return {"photo": photo, "exemplar": self.pair.exemplar}


def pictures(scene: Scene, queries: list[Query], base: str, overlay: str) -> tuple[dict[Side, Image.Image], tuple[float, float]]:
    """Both pictures (SIDE x SIDE) with all marks -> by side, and the ends of the overlay's scale (zeros where it has none)."""
    drawn, scale = laid_over(scene, queries, scene.views(base), overlay)
    marks.draw(drawn, queries)
    return drawn, scale


def laid_over(scene: Scene, queries: list[Query], views: dict[Side, View], overlay: str):
    """Both pictures under the overlay, without marks -> as `pictures`. Cosines and weights are those of the last point."""
    pair = scene.pair
    asked: Side = queries[-1].source.name if queries else "photo"
    answering = OTHER[asked]
    if overlay == ERRORS:
        return {side: error_over(pair.cycle_error(side), view) for side, view in views.items()}, (0.0, SIDE / 4)
    if overlay == FLOW:
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
