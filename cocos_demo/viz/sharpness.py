"""What alpha does to one row of M: the same cosines, softened more or less (Eq. 4)."""

from collections.abc import Sequence

import numpy as np

from ..pair import Query
from .overlays import heat_over
from .style import LARGE, OKABE_ITO, SMALL, Drawing, show

MOST = 30  # places whose weights are drawn


def softened(cosines: np.ndarray, alpha: float) -> np.ndarray:
    """softmax(alpha M(u, .)) of a row of M, of any shape."""
    weights = np.exp(alpha * (cosines - cosines.max()))
    return weights / weights.sum()


def spread_over(weights: np.ndarray) -> float:
    """Over how many places weights are spread: exp of their entropy, 1 if one has all, N if N share evenly."""
    some = weights[weights > 0]
    return float(np.exp(-(some * np.log(some)).sum()))


def sharpness(q: Query, alphas: Sequence[float] = (1, 10, 100, 200)) -> Drawing:
    """A query's row of M at several alphas: above, where its weights lie in the target; below, the largest of them in order."""
    figure = Drawing(2.9 * len(alphas), 4.9)
    above, below = figure.subplots(2, len(alphas), squeeze=False, height_ratios=(1.7, 1))
    for i, alpha in enumerate(alphas):
        weights = softened(q.heatmap.astype(np.float64), alpha)
        show(above[i], heat_over(weights, q.target, 0.0), q.target.picture.size, f"alpha {alpha:g}")
        largest = np.sort(weights, axis=None)[::-1][:MOST]
        below[i].bar(np.arange(len(largest)) + 1, largest, color=OKABE_ITO[4])
        places = spread_over(weights)
        below[i].set_title(f"as if {places:.0f} places" if places >= 10 else f"as if {places:.1f} places", fontsize=LARGE)
        below[i].set(ylim=(0, max(1.05 * float(largest[0]), 0.02)))
        below[i].tick_params(labelsize=9)
    below[0].set_ylabel("weight", fontsize=SMALL)
    figure.supxlabel(f"the {MOST} best places of the {q.target.name}, best first", fontsize=SMALL)
    return figure
