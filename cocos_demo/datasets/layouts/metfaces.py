"""MetFaces: faces out of works of art (Karras et al., "Training generative adversarial networks with limited data", 2020).

    images/11713-00.png      1,336 squares of 1024 pixels: the work's number in the museum, and the number of the face in it

There is no published split. Here a work is in the test where the CRC-32 of its number is a multiple of ten: about one in ten, the
same on every machine, and all faces of one work stay together. Faces of one work are no targets for each other.

Landmarks come from mediapipe, in the whole picture, edges from HED. Painted, carved or woven faces are often not found: these
pictures are left out, and named.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from ...conditions import KINDS, ModelMissing, hed
from ...photo import open_photo
from .base import Entry, LayoutError, Taken, names, need

WHERE = "It is found at https://github.com/NVlabs/metfaces-dataset; data/README.md shows how the folder has to look."


@dataclass(frozen=True)
class MetFaces:
    """MetFaces with landmarks and HED's edges, 1024 pixels: see the module and base.Layout."""

    root: Path
    name, condition, size = "metfaces", "metfaces", 1024
    expected = {"train and test": 1336}
    source = ("MetFaces (Karras et al. 2020): CC BY-NC 2.0 by NVIDIA, of works that the Metropolitan Museum put under CC0; "
              "split by the CRC-32 of the work's number")

    def entries(self) -> list[Entry]:
        """All pictures. Raises LayoutError; ModelMissing where HED is not installed."""
        need(self.root, {"images": "1,336 PNG pictures"}, WHERE)
        paths = sorted(path.name for path in (self.root / "images").iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not paths:
            raise LayoutError(f"{self.root / 'images'} holds no .png pictures. {WHERE}")
        if why := hed.available():
            raise ModelMissing(why)
        found = []
        for path, name in zip(paths, names(paths)):
            work, _, face = path.rsplit(".", 1)[0].rpartition("-")
            work, scene = (work, face) if work else (face, None)
            found.append(Entry(name, f"images/{path}", work, split_of(work), scene))
        return found

    def take(self, entry: Entry, size: int) -> Taken:
        """The picture, 478 landmarks and soft edges. Raises PhotoError, ConditionError or LayoutError, which leave it out."""
        picture = open_photo(self.root / entry.source)
        if picture.width != picture.height:
            raise LayoutError(f"it has {picture.width} x {picture.height} pixels; MetFaces' pictures are squares of 1024")
        if picture.width < size:
            raise LayoutError(f"it has {picture.width} pixels a side, fewer than the {size} asked for; choose another --size")
        found = KINDS["metfaces"].whole(picture)
        return Taken(picture, found.points, {"edges": found.raster}, found.notes)


def split_of(work: str) -> str:
    """"test" for a work whose number has a CRC-32 that is a multiple of ten."""
    return "train" if zlib.crc32(work.encode()) % 10 else "test"
