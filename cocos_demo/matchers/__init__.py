"""What finds, for each place of a condition, its place in a reference. SEGIN's is exchangeable (section IV C, Fig. 9 and 10).

A matcher is an object with `k`, the patches it pastes being delta k pixels wide, and

    xi, grid = matcher(condition, x, r)

condition (B, C, S, S) in [0, 1]; x, the condition drawn as RGB, and r, the reference, (B, 3, S, S) in [-1, 1]
-> xi (B, h, w), for each position the number of its match, row * w' + column, on the reference's grid (h', w').
Without gradient; the same pictures are always matched alike.
"""

from ..models.semantic import VGGMatcher
from .analogy import DeepImageAnalogy
from .learned import is_checkpoint, learned, learned_names
from .pixelnn import PixelNN
from .search import MatcherError
from .sift import SIFT

__all__ = ["MATCHERS", "DeepImageAnalogy", "MatcherError", "PixelNN", "SIFT", "VGGMatcher", "learned", "make"]

MATCHERS = {"vgg": VGGMatcher, "sift": SIFT, "dia": DeepImageAnalogy, "pixelnn": PixelNN}


def make(name: str):
    """A matcher by name: one of MATCHERS, or a checkpoint, by name or path, whose network learned to match.

    Raises MatcherError where there is none of this name, or its network cannot match; CheckpointError for a broken file.
    """
    if name in MATCHERS:
        return MATCHERS[name]()
    if is_checkpoint(name):
        return learned(name)
    raise MatcherError(f"there is no matcher {name!r}; there are {', '.join(sorted(MATCHERS))}, and the checkpoints "
                       f"{', '.join(learned_names()) or '(none is here)'}")
