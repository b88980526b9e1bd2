"""The published data sets, a file each: what their folders look like, and what is taken of their pictures."""

from .base import Entry, Layout, LayoutError, Taken

__all__ = ["LAYOUTS", "Entry", "Layout", "LayoutError", "Taken"]

LAYOUTS: dict[str, type] = {}
