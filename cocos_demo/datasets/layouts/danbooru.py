"""Danbooru-style folders: drawn pictures in any tree (Danbooru2018's are 0000/1234000.jpg); their sketches are extracted.

SEGIN paints sketches of Danbooru2018 (Sec. IV): made there by HED and a network that simplifies sketches, here by HED's thinned
lines, or by XDoG. "We simply pick colored regions as foreground": what a plain border's colour, flooded, does not reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...conditions.base import ModelMissing
from ...conditions.hed import available
from .base import Entry, LayoutError, Taken, names
from .files import against, files_of, open_file, share
from .own import lines_of

HELD_OUT = 0.02  # share of the pictures, by their names


@dataclass(frozen=True)
class Danbooru:
    """A folder of drawn pictures in colour."""

    root: Path
    lines: str = "hed"  # or "xdog"
    name: str = "danbooru"
    condition: str = "edges"
    source: str = "drawn pictures in the layout of Danbooru20xx; each is its artist's"
    size: int = 256
    expected: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        return {"lines": self.lines}

    def entries(self) -> list[Entry]:
        """Each picture stands for itself; two in a hundred are held out, by a hash of their path, so always the same ones."""
        if self.lines == "hed" and available():
            raise ModelMissing(f"{available()} Or ask for --lines xdog.")
        files, _ = files_of(self.root)
        entries = [Entry(name, file.source, name, "test" if share(file.source) < HELD_OUT else "train",
                         files=against(file))
                   for name, file in zip(names(file.source for file in files), files)]
        if not entries:
            raise LayoutError(f"{self.root} holds no pictures; Danbooru's are 0000/1234000.jpg and so on (see data/README.md)")
        return entries

    def take(self, entry: Entry, size: int) -> Taken:
        if "wrong" in entry.files:
            raise LayoutError(entry.files["wrong"])
        return lines_of(open_file(self.root / entry.source), size, self.lines)
