"""A matcher that was learned: the features of another system's checkpoint, position by position.

CoCosNet, CoCosNet v2 and MCL-Net learn to bring condition and photo into one domain, where their cosine says what belongs
together. Their networks warp by a softmax over these cosines; here, as in SEGIN's Eq. 1, the largest one alone counts: among
all, or with CoCosNet v2 among the candidates that its PatchMatch has found for a pixel, which is its match (and takes a tenth of
the time of 16,384 cosines for each of as many pixels).
"""

from pathlib import Path

import torch
from torch import Tensor

from .. import checkpoints
from ..models.correspondence import match
from ..models.patchmatch import cells
from .search import MatcherError

LEARN = ("cocosnet", "cocosnet_v2", "mclnet")


class Learned:
    """The matcher: `Learned(net, card)(condition, x, r)` -> (xi, grid): the arg max over what the network compares (its Eq. 3).

    It reads the condition map itself, of the kind and size that it was trained with; how that is drawn, x, does not matter.
    Raises MatcherError for a network that does not match, or that needs more than it can be given here.
    """

    k = 1

    def __init__(self, net: torch.nn.Module, card: dict):
        if why := why_not(card):
            raise MatcherError(f"{card['name']} {why}")
        self.net, self.name, self.kind = net.eval(), card["name"], card["condition"]

    @torch.no_grad()
    def __call__(self, condition: Tensor, x: Tensor, r: Tensor) -> tuple[Tensor, tuple[int, int]]:
        c = self.net.config
        if tuple(condition.shape[1:]) != (c.condition_channels, c.size, c.size) or r.shape[2:] != condition.shape[2:]:
            raise MatcherError(
                f"{self.name} matches a condition map of the kind {self.kind}, {c.condition_channels} channels of {c.size} x "
                f"{c.size}, with a picture of that size; given were {_shape(condition)} and a picture of {_shape(r)}")
        found = self.net.to(condition.device).correspond(condition, r)
        grid = tuple(found.fy.shape[2:])
        xi = cells(found.H[-1][:, :, :, 0], *grid).long() if hasattr(found, "H") else match(found.fx, found.fy)
        return xi, grid


def why_not(card: dict) -> str | None:
    """Why the checkpoint with this card cannot be a matcher; None if it can."""
    if card["system"] not in LEARN:
        return f"is of the system {card['system']}, which learns no match: take a checkpoint of {', '.join(LEARN)}"
    if card["config"].get("exemplar_input") != "image":
        return (f"reads the reference together with its own condition map ({card['condition']}), which a matcher is not given: "
                "take a checkpoint that reads the reference alone")
    return None


def learned(name_or_path: str | Path) -> Learned:
    """The matcher of a checkpoint, by name ("portrait", "portrait_v2", "portrait_mcl") or path.

    Raises CheckpointError where there is none, MatcherError where it cannot match.
    """
    return Learned(*checkpoints.load(name_or_path))


def is_checkpoint(name: str) -> bool:
    """Whether this is the name of a checkpoint, or the path of a file, whatever is in it."""
    return name in checkpoints.catalogue() or Path(name).is_file()


def learned_names() -> list[str]:
    """The checkpoints known by name that `learned` takes."""
    names = []
    for name, path in checkpoints.catalogue().items():
        try:
            card = checkpoints.read_card(path)
        except checkpoints.CheckpointError:
            continue  # whoever asks for it by name is told
        names += [name] if why_not(card) is None else []
    return names


def _shape(t: Tensor) -> str:
    return f"{t.shape[1]} channels of {t.shape[3]} x {t.shape[2]}"
