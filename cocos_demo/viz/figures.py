"""Figures of correspondences: one point and the numbers behind it, many points, whole fields."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import ConnectionPatch, Rectangle
from matplotlib.patheffects import Normal, Stroke

from ..pair import Pair, Points, Query, Side, View
from ..photo import Frame
from .overlays import error_over, flow_colours, heatmap, shrunk
from .style import LARGE, OKABE_ITO, SMALL, Drawing, position_colours, row_of_pictures, show

OUTLINE = [Stroke(linewidth=3.5, foreground="black"), Normal()]
POINT = OKABE_ITO[0]


def query(q: Query) -> Drawing:
    """One point: where it is, the heatmap with its match, the way back, and the k best with what they weigh in Eq. 4."""
    here, there = shrunk(q.source.picture), heatmap(q)
    figure, (left, right, numbers) = row_of_pictures([here, there], extra=3.6)
    show(left, here, q.source.picture.size, q.source.name)
    show(right, there, q.target.picture.size, f"{q.target.name}: cosine {q.score:.3f}")
    _frame(left, q.source)
    _frame(right, q.target)
    for candidate in q.best[1:]:
        right.plot(candidate.x, candidate.y, "o", ms=5, mfc="none", mec="white", mew=1.3)
    _cross(left, *q.at, POINT)
    _cross(right, q.x, q.y, POINT)
    _way_back(left, q, POINT)
    left.set_xlabel(_trip(q), fontsize=SMALL)
    right.set_xlabel(f"{len(q.best)} best circled" if len(q.best) > 1 else " ", fontsize=SMALL)
    _numbers(numbers, q)
    return figure


def points(queries: Sequence[Query], lines: bool = True) -> Drawing:
    """Several points, numbered, each in its own colour and joined with its match; the way back as a thin line to a square, and
    the true place, where it is known, as a star."""
    first = queries[0]
    pictures = [shrunk(view.picture) for view in (first.source, first.target)]
    figure, (left, right) = row_of_pictures(pictures)
    for axes, picture, view in zip((left, right), pictures, (first.source, first.target)):
        show(axes, picture, view.picture.size, view.name)
        _frame(axes, view)
    for i, q in enumerate(queries):
        colour = OKABE_ITO[i % len(OKABE_ITO)]
        if lines:
            figure.add_artist(_line(left, right, q.at, (q.x, q.y), colour, 1.6, 8.5))
        _way_back(left, q, colour)
        for axes, at in ((left, q.at), (right, (q.x, q.y))):
            axes.plot(*at, "o", ms=15, mfc=colour, mec="black", mew=1.2, zorder=4, clip_on=False)
            axes.annotate(str(i + 1), at, ha="center", va="center_baseline", fontsize=SMALL, weight="bold", zorder=5)
        if q.truth:
            right.plot(*q.truth, "*", ms=13, mfc=colour, mec="black", mew=1.2, zorder=3.5, clip_on=False)
    return figure


def matches(found: Points, lines: bool = False) -> Drawing:
    """Many points and their matches in the same colours: each has the colour of its place among the points. Lines are for a
    hundred points at most."""
    pictures = [shrunk(view.picture) for view in (found.source, found.target)]
    figure, (left, right) = row_of_pictures(pictures)
    low, high = (found.points.min(0), found.points.max(0)) if len(found) else (0, 1)
    colours = position_colours((found.points - low) / np.maximum(high - low, 1))
    for axes, picture, view, xy in zip((left, right), pictures, (found.source, found.target), (found.points, found.targets)):
        show(axes, picture.convert("L"), view.picture.size, view.name, cmap="gray", vmin=-120, vmax=300)
        _frame(axes, view)
        axes.scatter(*xy.T, s=42, c=colours, edgecolors="black", linewidths=0.7, zorder=3)
    if lines:
        for point, target, colour in zip(found.points, found.targets, colours):
            figure.add_artist(_line(left, right, point, target, colour, 1.2, 3.5))
    return figure


def flow(pair: Pair, source: Side = "photo") -> Drawing:
    """Where every cell goes: the other picture is the key, painted with the colour of each place; here each cell has the
    colour of the place that its best match is at."""
    here, there = (pair.photo, pair.exemplar) if source == "photo" else (pair.exemplar, pair.photo)
    key = there.centres.reshape(*there.grid, 2)
    pictures = [flow_colours(pair.flow(source), here, there), flow_colours(key, there, there)]
    figure, (left, right) = row_of_pictures(pictures)
    show(left, pictures[0], here.picture.size, f"{here.name}: colour of its match")
    show(right, pictures[1], there.picture.size, f"{there.name}: colour of each place")
    return figure


def warps(pair: Pair, alpha: float) -> Drawing:
    """The exemplar warped to the photo (Eq. 4) and back (Eq. 12), how far its colours are then off, and how many pixels the
    hard matches miss their start by."""
    warped, cycled = pair.warp(alpha), pair.cycle(alpha)
    off = np.abs(np.asarray(cycled, float) - np.asarray(pair.exemplar.crop)).mean(-1)  # (S, S) grey values
    error, size = pair.cycle_error(), pair.photo.crop.size
    end = pair.photo.frame.side / 4
    figure = Drawing(12.8, 8.2)
    grid = figure.subplots(2, 4, width_ratios=(1, 1, 1, 0.05))
    named = [(pair.photo.crop, "photo"), (warped, f"exemplar, warped: Eq. 4, alpha {alpha:g}"),
             (pair.exemplar.crop, "exemplar"), (cycled, "warped back: Eq. 12")]
    for axes, (picture, title) in zip(grid[:, :2].flat, named):
        show(axes, picture, size, title)
    seen = View("photo", pair.photo.crop, Frame(size[0] / 2, size[1] / 2, size[0]), pair.photo.crop, pair.photo.grid)
    show(grid[0, 2], error_over(error, seen, end), size, f"round trips of best matches: median {np.median(error):.0f} px")
    shown = show(grid[1, 2], off, size, f"warped back, minus exemplar: mean {off.mean():.1f}", cmap="viridis", vmin=0, vmax=80)
    pixels = ScalarMappable(Normalize(0, end), "viridis")
    for axes, amount, label in ((grid[0, 3], pixels, "pixels of the photo"), (grid[1, 3], shown, "grey values")):
        figure.colorbar(amount, cax=axes, extend="max").set_label(label, fontsize=SMALL)
    return figure


def components(pair: Pair, condition=None) -> Drawing:
    """The shared domain S as colours: photo (or its condition) and exemplar above, three main components of their features
    below, in one basis, so that equal colours mean equal features."""
    figure = Drawing(8.4, 8.8)
    grid = figure.subplots(2, 2)
    first = (pair.photo.crop, "photo") if condition is None else (condition, "condition")
    for axes, (picture, title) in zip(grid[0], (first, (pair.exemplar.crop, "exemplar"))):
        show(axes, picture, (1, 1), title)
    for axes, features, name in zip(grid[1], pair.components(), ("x", "y")):
        show(axes, features, (1, 1), f"features ${name}_S$, as colours")
    return figure


def matrix(M: np.ndarray, row: int) -> Drawing:
    """A correlation matrix (n n, m m) with one row lit, and that row folded to the m x m grid it runs over."""
    side = round(M.shape[1] ** 0.5)
    figure = Drawing(12.4, 6)
    left, right = figure.subplots(1, 2)
    limits = dict(cmap="viridis", vmin=float(np.quantile(M, 0.01)), vmax=1)  # a trained network's cosines crowd near 1
    show(left, M, M.shape[::-1], f"M: {M.shape[0]} x {M.shape[1]} cosines", alpha=0.5, **limits)
    thick = max(M.shape[0] / 60, 1)  # one row of a thousand would not be seen
    left.imshow(M[row : row + 1], extent=(0, M.shape[1], row + 0.5 + thick / 2, row + 0.5 - thick / 2), aspect="auto",
                interpolation="nearest", zorder=3, **limits)
    left.add_patch(Rectangle((0, row + 0.5 - thick / 2), M.shape[1], thick, fill=False, ec=OKABE_ITO[5], lw=2, zorder=4))
    left.set(xlim=(0, M.shape[1]), ylim=(M.shape[0], 0), aspect="equal")
    left.set_ylabel("positions u of the photo", fontsize=SMALL)
    left.set_xlabel("positions v of the exemplar", fontsize=SMALL)
    shown = show(right, M[row].reshape(side, side), (side, side), f"row {row}, on the exemplar's grid", **limits)
    y, x = divmod(int(M[row].argmax()), side)
    _cross(right, x + 0.5, y + 0.5, POINT)
    figure.colorbar(shown, ax=right, shrink=0.8).set_label("cosine", fontsize=SMALL)
    return figure


def _frame(axes: Axes, view: View) -> None:
    """Outline of the square that the network saw."""
    corners = view.frame.to_photo([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    axes.plot(*corners.T, "--", color="white", lw=1.2, path_effects=[Stroke(linewidth=2.4, foreground="0.3"), Normal()])


def _cross(axes: Axes, x: float, y: float, colour: str) -> None:
    """The marker of a point: a ring with a cross in it, seen on every ground."""
    axes.plot(x, y, "o", ms=17, mfc="none", mec="black", mew=3.4, zorder=4, clip_on=False)
    axes.plot(x, y, "o", ms=17, mfc="none", mec=colour, mew=1.6, zorder=5, clip_on=False)
    axes.plot(x, y, "+", ms=7, color=colour, mew=1.2, zorder=5, clip_on=False,
              path_effects=[Stroke(linewidth=2.6, foreground="black"), Normal()])


def _way_back(axes: Axes, q: Query, colour: str) -> None:
    """Line from a point to where its round trip ends, if that is elsewhere."""
    if q.round_trip.distance > 0:
        axes.plot((q.at[0], q.round_trip.x), (q.at[1], q.round_trip.y), color=colour, lw=2, path_effects=OUTLINE, zorder=3)
        axes.plot(q.round_trip.x, q.round_trip.y, "s", ms=7, mfc="white", mec="black", mew=1.5, zorder=3)


def _trip(q: Query) -> str:
    distance = q.round_trip.distance
    return "there and back: home" if distance == 0 else f"there and back: {distance:.0f} px off (square)"


def _line(left: Axes, right: Axes, a, b, colour, width: float, gap: float) -> ConnectionPatch:
    line = ConnectionPatch(a, b, "data", "data", axesA=left, axesB=right, color=colour, lw=width, shrinkA=gap, shrinkB=gap)
    line.set_path_effects([Stroke(linewidth=width + 1, foreground="black", alpha=0.5), Normal()])
    return line


def _numbers(axes: Axes, q: Query) -> None:
    """The k best as bars of their weights, each in its colour, then the blend."""
    axes.axis("off")
    n = len(q.best)
    axes.set(xlim=(0, 1), ylim=(n + 2.2, -1))
    axes.text(0, -0.6, f"softmax at alpha {q.alpha:g}", fontsize=LARGE)
    for i, candidate in enumerate(q.best):
        axes.add_patch(Rectangle((0, i), 0.16, 0.8, fc=candidate.colour / 255, ec="0.3"))
        axes.add_patch(Rectangle((0.2, i + 0.55), 0.8 * candidate.weight, 0.25, fc=OKABE_ITO[4]))
        axes.text(0.2, i + 0.42, f"cos {candidate.score:.3f}    weight {candidate.weight:.3f}", fontsize=SMALL)
    rest = 1 - sum(candidate.weight for candidate in q.best)
    axes.text(0.2, n + 0.35, f"all others: {max(rest, 0):.3f}", fontsize=SMALL)
    axes.add_patch(Rectangle((0, n + 0.9), 0.16, 0.8, fc=np.clip(q.colour / 255, 0, 1), ec="0.3"))
    axes.text(0.2, n + 1.42, "their blend (Eq. 4)", fontsize=SMALL)
