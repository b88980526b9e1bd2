"""The published data sets, a file each: what their folders look like, and what is taken of their pictures."""

from .base import Entry, Layout, LayoutError, Taken
from .deepfashion import DeepFashion, DeepFashionHD
from .metfaces import MetFaces

__all__ = ["LAYOUTS", "Entry", "Layout", "LayoutError", "Taken"]

LAYOUTS: dict[str, type] = {
    "deepfashion": DeepFashion,
    "deepfashion_hd": DeepFashionHD,
    "metfaces": MetFaces,
}
