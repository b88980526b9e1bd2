"""ADE20K as the SceneParsing challenge released it (ADEChallengeData2016), whole or its outdoor pictures alone.

    images/training/ADE_train_00000001.jpg ... 00020210      annotations/training/ADE_train_00000001.png ...
    images/validation/ADE_val_00000001.jpg ... 00002000      annotations/validation/ADE_val_00000001.png ...
    objectInfo150.txt                                        sceneCategories.txt (for the outdoor part)

or as CoCosNet's code wants it: each .png beside its .jpg, in training/ and validation/, with or without images/ above them.
The papers train on `training` and measure on `validation`; that is split "test" here.

The released code squashes every picture to a square, whatever its shape was (286 x 286, of which 256 x 256 are cut in
training; 256 x 256 at once in testing), bicubic, and its label map by the nearest pixel. So does this reader, at the size asked
for. Label 0 ("unknown") stays channel 0, and 255 becomes 150, as there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from ...conditions import KINDS
from ...photo import PhotoError, open_stored
from .ade20k_scenes import outdoors
from .base import Entry, LayoutError, Taken, names, need

WHERE = ("It is to be had at http://sceneparsing.csail.mit.edu (ADEChallengeData2016.zip, about 920 MB; for non-commercial "
         "research and education); data/README.md shows how the folder has to look.")
SPLITS = {"training": "train", "validation": "test"}
SCENES = "sceneCategories.txt"


@dataclass(frozen=True)
class ADE20K:
    """ADE20K's 20,210 + 2,000 scenes with 150 classes and "unknown"; see the module and base.Layout."""

    root: Path
    name: str = "ade20k"
    condition: str = "ade20k"
    source: str = ("ADE20K, SceneParsing release (Zhou et al., 2017): pictures for non-commercial research and education, "
                   "annotations BSD-3-Clause")
    size: int = 512
    expected: dict[str, int] = field(default_factory=lambda: {"train": 20210, "test": 2000})

    def entries(self) -> list[Entry]:
        """All pictures, and label maps that lack theirs. Raises LayoutError."""
        pictures = "images" if (self.root / "images").is_dir() or not (self.root / "training").is_dir() else ""
        need(self.root, {str(Path(pictures, split)): f"the pictures of the {split} part" for split in SPLITS}, WHERE)
        found = [entry for split in SPLITS for entry in self._entries(pictures, split)]
        if not found and next((self.root / pictures / "training").glob("*/*/*_seg.png"), None):
            raise LayoutError(f"{self.root} is the full ADE20K, whose label files number 3,000 classes; what is needed is its "
                              f"SceneParsing release with 150. {WHERE}")
        if found and not any(entry.files for entry in found):
            raise LayoutError(f"{self.root} lacks annotations/training and annotations/validation (the label maps); there are "
                              f"none beside the pictures either. {WHERE}")
        return [Entry(name, entry.source, name, entry.split, files=entry.files)
                for entry, name in zip(found, names(Path(entry.source).name for entry in found), strict=True)]

    def _entries(self, pictures: str, split: str) -> list[Entry]:
        """Entries without names, by file name."""
        beside = Path(pictures, split)
        maps = {file.stem: file for folder in (beside, Path("annotations", split)) for file in _files(self.root, folder, ".png")}
        photos = {file.stem: file for file in _files(self.root, beside, ".jpg", ".jpeg")}
        return [Entry("", (photos.get(stem) or maps[stem]).as_posix(), "", SPLITS[split],
                      files={"labels": maps[stem].as_posix()} if stem in maps else {})
                for stem in sorted({*photos, *maps})]

    def take(self, entry: Entry, size: int) -> Taken:
        """A picture and its label map, squashed to size x size. Raises PhotoError or LayoutError, which leave it out."""
        if "labels" not in entry.files:
            raise LayoutError("there is a picture, but no label map")
        if entry.source == entry.files["labels"]:
            raise LayoutError("there is a label map, but no picture")
        # Label maps lie over the pixels as they are stored: a turn that EXIF asks for would tear the two apart.
        picture = open_stored(self.root / entry.source).convert("RGB")
        labels = numbers(self.root / entry.files["labels"])
        if labels.shape != (picture.height, picture.width):
            raise LayoutError(f"the label map has {labels.shape[1]} x {labels.shape[0]} pixels, "
                              f"the picture {picture.width} x {picture.height}")
        return Taken(picture.resize((size, size), Image.Resampling.BICUBIC),
                     rasters={"labels": np.asarray(Image.fromarray(labels).resize((size, size), Image.Resampling.NEAREST))})


@dataclass(frozen=True)
class ADE20KOutdoor(ADE20K):
    """The outdoor pictures of ADE20K, by the rule of `ade20k_scenes`; what it does not know is left out."""

    name: str = "ade20k_outdoor"
    expected: dict[str, int] = field(default_factory=dict)  # the papers give no number

    def entries(self) -> list[Entry]:
        """Outdoor pictures, and those of which it is not known. Raises LayoutError."""
        need(self.root, {SCENES: "the scene category of each picture"}, WHERE)
        categories.cache_clear()  # the list may have been put right meanwhile
        category = categories(self.root / SCENES)
        return [entry for entry in super().entries() if outdoors(category.get(Path(entry.source).stem, "")) is not False]

    def take(self, entry: Entry, size: int) -> Taken:
        """As for ADE20K, of pictures that are known to be outdoors."""
        category = categories(self.root / SCENES).get(Path(entry.source).stem)
        if category is None:
            raise LayoutError(f"{SCENES} has no line for it")
        if outdoors(category) is None:
            raise LayoutError(f'its scene category "{category}" is neither outdoors nor indoors for certain')
        return super().take(entry, size)


def numbers(path: Path) -> np.ndarray:
    """A label file -> uint8 (H, W), 0 to 150. Raises LayoutError or PhotoError."""
    try:
        image = open_stored(path)
    except PhotoError as error:
        raise LayoutError(f"the label map cannot be used: {error}") from None
    if image.mode.startswith("I"):
        raise LayoutError("the label map has 16 bits a pixel; those of the SceneParsing release have 8, with 0 to 150")
    if image.mode not in ("L", "P"):
        raise LayoutError(f"the label map is a picture in colours ({image.mode}); a grey or index PNG with the class numbers "
                          "0 to 150 is needed, as in the SceneParsing release")
    labels = KINDS["ade20k"].renumbered(np.asarray(image))
    wrong = np.unique(labels[labels > 150])
    if len(wrong):
        listed = ", ".join(map(str, wrong[:6])) + (" and more" if len(wrong) > 6 else "")
        raise LayoutError(f"the label map holds the class numbers {listed}; 0 to 150 are known, and 255 for unknown")
    return labels.astype(np.uint8)


@lru_cache(maxsize=2)
def categories(path: Path) -> dict[str, str]:
    """sceneCategories.txt -> the category of each picture, by its name without ending. Raises LayoutError."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if len(words) > 2 or len(words) == 1:
            raise LayoutError(f"{path}, line {number}: a picture and its category are expected, not {line.strip()!r}")
        if words:
            found[words[0].removesuffix(".jpg")] = words[1]
    return found


def _files(root: Path, folder: Path, *endings: str) -> list[Path]:
    """Files of a folder within root with these endings, as paths within root; none where there is no folder."""
    if not (root / folder).is_dir():
        return []
    return [folder / path.name for path in (root / folder).iterdir()
            if path.suffix.lower() in endings and not path.name.startswith(".")]
