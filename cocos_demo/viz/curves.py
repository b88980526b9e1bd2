"""Curves: results over training steps, and the terms of a training run."""

from collections.abc import Sequence
from itertools import cycle

from .style import LARGE, OKABE_ITO, SMALL, Drawing

# Runs differ in colour and in dashes: prints and projectors may lose one of them.
STYLES = ("-", "--", "-.", ":")


def curves(x: Sequence[float], lines: dict[str, Sequence[float]], x_label: str, y_label: str) -> Drawing:
    """Lines over a common x: solid lines for what is learned, grey dashes or dots for constant answers."""
    figure = Drawing(7, 4)
    axes, dashes, colours = figure.subplots(), cycle(("--", ":", "-.")), cycle((*OKABE_ITO[4:], *OKABE_ITO[:3]))
    for name, y in lines.items():
        constant = len(set(y)) == 1 and len(x) > 1
        style = dict(color="0.4", ls=next(dashes)) if constant else dict(color=next(colours), marker="o", ms=3)
        axes.plot(x, y, **style, label=name)
    axes.set(xlabel=x_label, ylabel=y_label, ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def training(runs: dict[str, list[dict[str, float]]], terms: Sequence[str] = (), columns: int = 4) -> Drawing:
    """The terms of one or more training runs over their steps, a small plot each.

    runs: name -> the lines of its log.jsonl. `terms`: which to show; all if none are named.
    """
    named = [key for rows in runs.values() for row in rows for key in row]
    wanted = list(terms) or [term for term in dict.fromkeys(named) if term not in ("step", "seconds")]
    columns = min(columns, len(wanted))
    rows = -(-len(wanted) // columns)
    figure = Drawing(3.4 * columns, 2.5 * rows + 0.5)
    plots = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes, term in zip(plots.flat, wanted):
        for (name, log), colour, style in zip(runs.items(), cycle((*OKABE_ITO[4:], *OKABE_ITO[:3])), cycle(STYLES)):
            at = [(row["step"], row[term]) for row in log if term in row]
            axes.plot(*zip(*at), color=colour, ls=style, lw=1.8, label=name)
        axes.set_title(term.replace("_", " "), fontsize=LARGE)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=9)
    for axes in plots.flat[len(wanted):]:
        axes.set_visible(False)
    figure.supxlabel("step", fontsize=SMALL)
    if len(runs) > 1:
        figure.legend(*plots.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(runs), frameon=False)
    return figure
