"""The published data sets, a file each: what their folders look like, and what is taken of their pictures."""

from .ade20k import ADE20K, ADE20KOutdoor
from .base import Entry, Layout, LayoutError, Taken
from .celebahq import CelebAHQ, CelebAHQEdge, CelebAHQLandmarks

__all__ = ["LAYOUTS", "Entry", "Layout", "LayoutError", "Taken"]

LAYOUTS: dict[str, type] = {
    "ade20k": ADE20K,
    "ade20k_outdoor": ADE20KOutdoor,
    "celebahq": CelebAHQ,
    "celebahqedge": CelebAHQEdge,
    "celebahq_landmarks": CelebAHQLandmarks,
}
