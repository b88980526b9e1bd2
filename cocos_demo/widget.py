"""`CorrespondenceWidget`: two pictures in a notebook to be clicked, with the Matcher of the app behind them.

    m = Matcher.load("portrait").set_images("photo.jpg", "exemplar.jpg")
    CorrespondenceWidget(m, points=[(405, 330), (250, 200)])

Several matchers side by side, each with the exemplar in a panel of its own; every click is answered by all:

    models = [Matcher.load(name).set_images(photo, exemplar) for name in ("figure", "figure_v2")]
    CorrespondenceWidget(models, points=[(60, 40)], names=["CoCosNet", "CoCosNet v2"])

`clicks.py` answers, `widget.js` shows and asks. Places are pixels of the given pictures, centres at .5, as everywhere. Pictures
travel as messages and are no part of the widget's state, so a saved notebook holds one small PNG of each widget.
"""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

import anywidget
from IPython import get_ipython

from .clicks import ALPHA, Clicks
from .matcher import Matcher
from .pair import Pair, Query, Side


def unattended() -> bool:
    """Whether a program runs this notebook (nbconvert, nbmake): it says with every cell that nobody could answer `input()`."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and not kernel.get_parent("shell").get("content", {}).get("allow_stdin", True)


class CorrespondenceWidget(anywidget.AnyWidget):
    """Photo and exemplar to be clicked: marker, match, heatmap, cosine, softmax weights and round trip of up to 12 points.

    matched: a Matcher after `set_images`, or a `pair.Pair`; or up to four of them, all of the same photo and exemplar: then the
    exemplar has a panel for each, and every click, on the photo or on any exemplar, is answered by all (A, B, ... tell their
    answers apart on the photo). names: what stands over these panels; if not given, the checkpoints' names.
    points: (x, y) asked from the start, in pixels of the given photo (of the exemplar with source="exemplar"). alpha: 1 to 200;
    if not given, the (first) matcher's, for a pair 100. side: pixels of a picture's longer side on screen, 128 to 640; if not
    given 384, or 288 of several. Raises MatchError for what cannot be, OutOfFrame for a point where the network does not look.

        a, b = (Matcher.load(name).set_images(photo, exemplar) for name in ("figure", "figure_v2"))
        widget = CorrespondenceWidget([a, b], points=[(60, 40), (80, 90)], names=["CoCosNet", "CoCosNet v2"])
        [q.error for q in widget.answers[1]]        # of b, in the order of the points

    `queries` has the (first) matcher's answers to all points, `answers` those of each. A notebook that a program executes keeps
    a picture of the preset points, which every viewer shows; who runs the cell gets the widget.
    """

    _esm = Path(__file__).with_name("widget.js")
    _css = Path(__file__).with_name("widget.css")

    def __init__(self, matched: Matcher | Pair | Sequence[Matcher | Pair], points: Iterable[tuple[float, float]] = (),
                 alpha: float | None = None, side: int | None = None, source: Side = "photo", names: Sequence[str] = ()):
        several = [matched] if isinstance(matched, (Matcher, Pair)) else list(matched)
        pairs = [each.pair if isinstance(each, Matcher) else each for each in several]
        if alpha is None:
            alpha = several[0].alpha if several and isinstance(several[0], Matcher) else ALPHA
        if len(several) > 1 and not names and all(isinstance(each, Matcher) for each in several):
            names = [each.translator.card["name"] for each in several]
        if side is None:
            side = 384 if len(pairs) < 2 else 288  # three panels beside each other in a notebook
        self.clicks = Clicks(pairs, points, alpha, side, source, names)
        super().__init__()
        self.on_msg(lambda _, message, buffers: self.send(*self.clicks.answer(message)))

    @property
    def queries(self) -> tuple[Query, ...]:
        """The answers to all points so far, of several matchers the first's; see `pair.Query`."""
        return self.answers[0]

    @property
    def answers(self) -> tuple[tuple[Query, ...], ...]:
        """The answers of each matcher to all points so far."""
        return tuple(tuple(self.clicks.queries(m)) for m in range(len(self.clicks.pairs)))

    def open(self) -> None:
        """Connect with a browser, if there can be one."""
        if not unattended():
            super().open()

    def _repr_mimebundle_(self, **kwargs):
        points = f"{len(self.queries)} points, alpha {self.clicks.alpha:g}"
        if len(self.answers) > 1:
            points = f"{', '.join(self.clicks.names)}; {points}"
        still = {"image/png": base64.b64encode(self.clicks.png()).decode(), "text/plain": f"CorrespondenceWidget: {points}"}
        if self.comm is None:
            return still
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | still, metadata
