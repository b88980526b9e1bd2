"""The published data sets, a file each: what their folders look like, and what is taken of their pictures."""

from .ade20k import ADE20K, ADE20KOutdoor
from .base import Entry, Layout, LayoutError, Taken
from .celebahq import CelebAHQ, CelebAHQEdge, CelebAHQLandmarks
from .danbooru import Danbooru
from .deepfashion import DeepFashion, DeepFashionHD
from .edges2photos import Edges2Handbags, Edges2Shoes
from .metfaces import MetFaces

__all__ = ["LAYOUTS", "Entry", "Layout", "LayoutError", "Taken"]

LAYOUTS: dict[str, type] = {
    "ade20k": ADE20K,
    "ade20k_outdoor": ADE20KOutdoor,
    "celebahq": CelebAHQ,
    "celebahqedge": CelebAHQEdge,
    "celebahq_landmarks": CelebAHQLandmarks,
    "edges2shoes": Edges2Shoes,
    "edges2handbags": Edges2Handbags,
    "danbooru": Danbooru,
    "deepfashion": DeepFashion,
    "deepfashion_hd": DeepFashionHD,
    "metfaces": MetFaces,
}
