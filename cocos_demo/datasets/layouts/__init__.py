"""The published data sets, a file each: what their folders look like, and what is taken of their pictures."""

from .base import Entry, Layout, LayoutError, Taken
from .danbooru import Danbooru
from .edges2photos import Edges2Handbags, Edges2Shoes

__all__ = ["LAYOUTS", "Entry", "Layout", "LayoutError", "Taken"]

LAYOUTS: dict[str, type] = {
    "edges2shoes": Edges2Shoes,
    "edges2handbags": Edges2Handbags,
    "danbooru": Danbooru,
}
