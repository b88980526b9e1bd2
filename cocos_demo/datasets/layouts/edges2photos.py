"""edges2shoes and edges2handbags, as pix2pix publishes them: an edge map and its photo side by side in each picture.

train/*.jpg and val/*.jpg, 512 x 256, edges left, photo right (Isola et al. 2017; photos by Yu and Grauman 2014 and Zhu et al.
2016). SEGIN's figures are of these two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ...photo import open_photo
from ..ground import SAID, foreground
from .base import Entry, LayoutError, Taken, names, need

SPLITS = {"train": "train", "val": "test"}  # folder -> our split
PALE = 24  # a printed line is darker than paper by more than this, of 255; less is JPEG's noise


@dataclass(frozen=True)
class Edges2Shoes:
    """UT Zappos50K's shoes with their edges."""

    root: Path
    name: str = "edges2shoes"
    condition: str = "edges"
    source: str = "edges2shoes (pix2pix); photos of UT Zappos50K, for academic, non-commercial use"
    size: int = 256
    expected: dict[str, int] = field(default_factory=lambda: {"train": 49825, "test": 200})

    def entries(self) -> list[Entry]:
        where = f"Get {self.name}.tar.gz from the project pix2pix and unpack it: data/README.md tells where."
        need(self.root, {"train": "side-by-side pictures NUMBER_AB.jpg to train on", "val": "200 to test on"}, where)
        sources = {}
        for folder, split in SPLITS.items():
            found = [path.name for path in (self.root / folder).iterdir()
                     if path.suffix.lower() in (".jpg", ".jpeg", ".png") and not path.name.startswith(".")]
            if not found:
                raise LayoutError(f"{self.root / folder} holds no pictures NUMBER_AB.jpg. {where}")
            sources |= {f"{folder}/{name}": split for name in sorted(found, key=in_order)}
        return [Entry(name, source, name, split) for name, (source, split) in zip(names(sources), sources.items())]

    def take(self, entry: Entry, size: int) -> Taken:
        edges, photo = halves(open_photo(self.root / entry.source))
        mask = foreground(photo)
        notes = () if mask is not None else (SAID,)
        mask = np.ones(photo.size[::-1], bool) if mask is None else mask
        return Taken(photo, None, {"edges": edges, "masks": mask}, notes)


@dataclass(frozen=True)
class Edges2Handbags(Edges2Shoes):
    """Amazon's handbags with their edges."""

    name: str = "edges2handbags"
    source: str = "edges2handbags (pix2pix); photos of Amazon's catalogue (iGAN)"
    expected: dict[str, int] = field(default_factory=lambda: {"train": 138567, "test": 200})


def halves(picture: Image.Image) -> tuple[np.ndarray, Image.Image]:
    """A side-by-side picture -> its lines, uint8 (H,H) of 0..255, and its photo. Raises LayoutError for any other picture."""
    width, height = picture.size
    if width != 2 * height:
        raise LayoutError(f"it is {width} x {height} pixels, not an edge map and a photo side by side (512 x 256)")
    left, right = (picture.crop((at, 0, at + height, height)) for at in (0, height))
    paper = np.asarray(left, np.int16)
    if np.median(paper) < 200 or np.median(paper.max(-1) - paper.min(-1)) > PALE:
        raise LayoutError("its left half is no edge map, black lines on white")
    lines = 255 - np.asarray(left.convert("L"))
    return np.where(lines > PALE, lines, 0).astype(np.uint8), right


def in_order(name: str) -> tuple:
    """2_AB.jpg before 10_AB.jpg."""
    number = name.split("_")[0]
    return (0, int(number), name) if number.isdigit() else (1, 0, name)
