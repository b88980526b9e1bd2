"""The matching of CoCosNet v2 told again step by step: the field after each, and the exemplar moved through it.

Symbols as in `models/patchmatch.py`: H(p, k) = the place in y of the k-th candidate of p, in cells; S(p, k) = their cosine.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .models import CoCosNetV2, PublishedCoCosNetV2
from .models import patchmatch as pm
from .models.layers import resize


class ReplayError(ValueError):
    """What was given cannot be told step by step; the message says what can."""


@dataclass(frozen=True)
class Frame:
    """What one step left behind, of one picture."""

    level: int  # 0 is the coarsest
    iteration: int  # 0 before the first
    step: str  # "exact" (Eq. 4): level 0's; at each other "initialise", then in turn "propagate" (Eq. 5) and "refine" (Eq. 6)
    H: Tensor  # (h, w, K, 2) places x, y in cells of y's grid, a centre at .5; in the order that the step left
    S: Tensor  # (h, w, K) their cosines
    warp: Tensor  # (3, h, w) in [-1, 1]: the exemplar through this field, Eq. 8 with the network's alpha
    grid: tuple[int, int]  # (h', w') of y at this level

    @property
    def score(self) -> Tensor:
        """(h, w): the best of each position's cosines."""
        return self.S.amax(dim=-1)

    @property
    def places(self) -> Tensor:
        """(h, w, 2): the place of the best candidate of each position, x, y in unit coordinates of the exemplar."""
        best = self.S.argmax(dim=-1)[..., None, None].expand(-1, -1, 1, 2)
        return self.H.gather(2, best).squeeze(2) / self.H.new_tensor(self.grid[::-1])


@torch.no_grad()
def replay(net: nn.Module, condition: Tensor, exemplar: Tensor, exemplar_condition: Tensor | None = None) -> list[Frame]:
    """Match one picture and keep every step, in order. Arguments as the network's, B = 1; frames lie on the CPU.

    At the first level the network itself warps by all places of y; a frame's warp is through its K candidates. Where the
    last frame's field is the network's, so is its warp. Raises ReplayError for other systems and for more than one picture.
    """
    if not isinstance(net, CoCosNetV2 | PublishedCoCosNetV2):
        raise ReplayError(f"{type(net).__name__} matches in one step, if at all: there are no iterations to tell. "
                          "Take a network of CoCosNet v2.")
    if len(condition) != 1:
        raise ReplayError(f"one picture at a time can be told, got {len(condition)}")
    told: list[dict] = []
    match = net.correspond(condition, exemplar, exemplar_condition, callback=told.append)
    features = [[pm.rows(f) for f in match.compared(level)] for level in range(len(match.x))]
    frames = []
    for state in told:
        fx, fy = features[state["level"]]
        warp = pm.soft_warp(fx, fy, state["H"], resize(exemplar, fy.shape[1:3]), net.config.alpha)
        state |= {"H": state["H"][0].cpu(), "S": state["S"][0].cpu(), "warp": warp[0].float().cpu()}
        frames.append(Frame(**state, grid=tuple(fy.shape[1:3])))
    return frames
