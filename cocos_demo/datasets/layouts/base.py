"""What the layouts of published data sets share: an entry for each picture, what is taken of it, and how a layout is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image


class LayoutError(RuntimeError):
    """A folder is not what a data set's layout says; the message lists all that is missing, and where it is got."""


@dataclass(frozen=True)
class Entry:
    """One picture of a set, before it is opened."""

    name: str  # of the prepared files: unique, without dots and separators (see `names`)
    source: str  # its path within the set, with forward slashes: what exemplar lists call it
    person: str  # who or what it shows; pictures of one person may be each other's exemplars with a known target
    split: str  # "train" or "test"
    scene: str | None = None  # pictures of one person in one scene show the same clothes and light
    files: dict[str, str] = field(default_factory=dict)  # what else belongs to it (labels, pose, ...): paths within the set


@dataclass(frozen=True)
class Taken:
    """What is kept of one picture."""

    picture: Image.Image  # square, RGB
    points: np.ndarray | None = None  # (N, 3) in 0..1 of the square, and present (0 or 1); None for kinds without points
    rasters: dict[str, np.ndarray] = field(default_factory=dict)  # folder -> uint8 or uint16 (R, R), or bool
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """A published data set in a folder: a frozen dataclass, so that it can be sent to other processes."""

    root: Path
    name: str  # as in `prepare NAME`
    condition: str  # a key of conditions.KINDS
    source: str  # a line for index.json and model cards: whose data, under what terms
    size: int  # side of the prepared pictures in pixels, where none is asked for
    expected: dict[str, int]  # pictures of each split, as published; empty where any number will do

    def entries(self) -> list[Entry]:
        """All pictures, in a fixed order, after a check of the layout. Raises LayoutError."""

    def take(self, entry: Entry, size: int) -> Taken:
        """Open one. Raises PhotoError, ConditionError or LayoutError, which leave it out."""


def names(sources: Iterable[str]) -> list[str]:
    """Names for prepared files, one for each path within a set: separators and dots become _, and no two are equal.

    Letters and digits of any script are kept. Archives take what stands after a dot for an ending, exemplar lists a comma for a
    separator. Names that fall together without their endings, or in a file system that ignores case, get numbers.
    """
    taken: set[str] = set()
    found = []
    for source in sources:
        name = unique = re.sub(r"[^\w\-]+", "_", source.rsplit(".", 1)[0]).strip("_") or "picture"
        number = 2
        while unique.casefold() in taken:
            unique, number = f"{name}_{number}", number + 1
        taken.add(unique.casefold())
        found.append(unique)
    return found


def need(root: Path, parts: dict[str, str], where: str) -> None:
    """Check that every part (path within root -> what it holds, in words) is there. Raises LayoutError that lists all missing.

    `where`: the sentence that says where the set is asked for.
    """
    if not root.is_dir():
        raise LayoutError(f"there is no folder {root}. {where}")
    missing = [f"{part} ({what})" for part, what in parts.items() if not (root / part).exists()]
    if missing:
        raise LayoutError(f"{root} lacks {'; '.join(missing)}. {where}")


def squared(picture: Image.Image, fill="white") -> Image.Image:
    """A picture in the middle of a square of one colour."""
    side = max(picture.size)
    square = Image.new(picture.mode, (side, side), fill)
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square
