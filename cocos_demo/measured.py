"""How a model matches two pictures, in a few numbers that can stand beside another model's."""

from typing import NamedTuple

import numpy as np

from .pair import Pair

PLACES, CLOSE = 32, 0.05  # measured at 32 x 32 places of the photo; what share of the side counts as found


class Measured(NamedTuple):
    """How a model matches PLACES x PLACES places of the photo; distances in pixels of the pair's pictures."""

    home: float  # share that lands no more than CLOSE off, there and back
    pck: float | None  # share of those with a true place whose match is no more than CLOSE off it; None: no truth is known
    error: float | None  # mean distance from the true place
    trip: float  # mean distance from the start after the round trip: the cycle error

    @classmethod
    def of(cls, pair: Pair) -> "Measured":
        """The same places for every model, however fine its grid."""
        found = pair.grid(PLACES)
        errors = np.linalg.norm(found.targets - pair.truths(found.points), axis=1)
        errors = errors[np.isfinite(errors)]
        home = float((found.distances <= CLOSE * pair.photo.frame.side).mean())
        close = CLOSE * pair.exemplar.frame.side
        known = (float((errors <= close).mean()), float(errors.mean())) if len(errors) else (None, None)
        return cls(home, *known, float(found.distances.mean()))
