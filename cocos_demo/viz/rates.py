"""How often each system had which place, as stacked bars: CoCosNet's Figure 7."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps

from .style import LARGE, SMALL, Drawing

LEAST = 0.09  # share of a bar in which its number is still written


def rates(tally: dict[str, dict[str, Sequence[int]]], titles: dict[str, str] | None = None) -> Drawing:
    """A plot for each question: a bar a system, dark the share of first places, then second, and so on.

    tally: question -> system -> how often it had place 1, 2, ...; `titles`: question -> words.
    """
    most = max((len(counts) for places in tally.values() for counts in places.values()), default=1)
    systems = max(len(places) for places in tally.values())
    longest = max((len(name) for places in tally.values() for name in places), default=0)
    figure = Drawing(0.09 * longest * len(tally) + 5 * len(tally), 1.5 + 0.48 * systems)
    shades = [colormaps["viridis"](0.08 + 0.84 * i / max(most - 1, 1)) for i in range(most)]
    for axes, (question, places) in zip(figure.subplots(1, len(tally), squeeze=False)[0], tally.items()):
        for row, counts in enumerate(places.values()):
            start, total = 0.0, sum(counts)
            for place, count in enumerate(counts):
                share = count / total
                axes.barh(row, share, left=start, height=0.72, color=shades[place], edgecolor="white", lw=1)
                if share >= LEAST:
                    ink = "white" if np.dot(shades[place][:3], (0.299, 0.587, 0.114)) < 0.5 else "black"
                    axes.text(start + share / 2, row, f"{share:.0%}", color=ink, ha="center", va="center_baseline",
                              fontsize=SMALL)
                start += share
        axes.set(xlim=(0, 1), xticks=[], ylim=(len(places) - 0.5, -0.5))
        names = [f"{name}  n={sum(counts)}" for name, counts in places.items()]
        axes.set_yticks(range(len(places)), names, fontsize=SMALL)
        axes.set_title((titles or {}).get(question, question), fontsize=LARGE)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    handles = [figure.axes[0].barh(0, 0, color=shade, label=f"place {i}") for i, shade in enumerate(shades, 1)]
    figure.legend(handles=handles, loc="outside lower center", ncols=most, frameon=False, fontsize=SMALL)
    return figure
