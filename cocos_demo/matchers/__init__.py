"""What finds, for each place of a condition, its place in a reference. SEGIN's is exchangeable (section IV C, Fig. 9 and 10).

A matcher is an object with `k`, the patches it pastes being delta k pixels wide, and

    xi, grid = matcher(condition, x, r)

condition (B, C, S, S) in [0, 1]; x, the condition drawn as RGB, and r, the reference, (B, 3, S, S) in [-1, 1]
-> xi (B, h, w), for each position the number of its match, row * w' + column, on the reference's grid (h', w').
"""

from ..models.semantic import VGGMatcher

__all__ = ["MATCHERS", "VGGMatcher"]

MATCHERS = {"vgg": VGGMatcher}
