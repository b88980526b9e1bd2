"""A folder of one's own: any pictures in any tree, conditions extracted, people told by sub-folders or file names."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from ...conditions import KINDS, ConditionError
from ...conditions.detectors import silhouette
from ...conditions.sketch import read_sketch
from ..ground import SAID, border_colour, foreground
from .base import Entry, LayoutError, Taken, names
from .files import File, against, duplicates, files_of, open_file
from .people_by_name import Rule, held_out, people_of

NECK, HIPS = 1, [8, 11]  # of a figure's 18 keypoints
TURNED = "the photo lay on its side, by its face; it was turned"
LYING = "the body lies on its side; if the photo does too, turn it and prepare it again"
NO_PHOTO = "a drawing in black and white; there is no photo of it to paint"


@dataclass(frozen=True)
class OwnFolder:
    """Pictures of one's own in `root`, as `condition` reads them."""

    root: Path
    condition: str = "portrait"  # portrait, figure or edges
    people: Rule = "auto"
    named: tuple[str, ...] = ()  # people, folders and files to hold out
    part: float = 0.1  # of the other people, to hold out
    lines: str = ""  # of edges: hed, canny or xdog
    name: str = "folder"
    source: str = "own pictures"
    size: int = 256
    expected: dict[str, int] = field(default_factory=dict)

    def __getstate__(self) -> dict:
        """What is sent to another process with each handful of pictures: not the list of files."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def settings(self) -> dict[str, str]:
        return {"lines": self.lines} if self.condition == "edges" else {}

    @cached_property
    def found(self) -> tuple[list[File], int]:
        """The files, and how many hidden ones were passed over; looked for once."""
        files, hidden = files_of(self.root)
        return duplicates(self.root, files), hidden

    @cached_property
    def rule(self) -> str:
        """By what people were told apart, in words."""
        return people_of(self._usable, self.people)[1]

    @property
    def _usable(self) -> list[str]:
        return [file.source for file in self.found[0] if not file.wrong]

    def entries(self) -> list[Entry]:
        files, sources = self.found[0], self._usable
        if not sources:
            why = f" that can be read: {files[0].source}: {files[0].wrong}" if files else ""
            raise LayoutError(f"{self.root} holds no pictures{why}")
        people, _ = people_of(sources, self.people)
        out = held_out(sources, people, self.named, self.part)
        told = {source: (person, "test" if is_out else "train") for source, person, is_out in zip(sources, people, out)}
        return [Entry(name, file.source, *told.get(file.source, (name, "train")), scene_of(file.source, name), against(file))
                for name, file in zip(names(file.source for file in files), files)]

    def take(self, entry: Entry, size: int) -> Taken:
        if "wrong" in entry.files:
            raise LayoutError(entry.files["wrong"])
        photo = open_file(self.root / entry.source)
        return lines_of(photo, size, self.lines) if self.condition == "edges" else person_of(photo, size, self.condition)


def scene_of(source: str, name: str) -> str:
    """What tells that two pictures of a person show the same clothes and light: a folder in the person's own. Without one nothing
    does, and each picture is a scene of its own: were one taken for the other's target, the network would learn to guess."""
    within = Path(source).parts[1:-1]
    return "/".join(within) or name


def person_of(photo: Image.Image, size: int, condition: str) -> Taken:
    """The framed person of a photo, points, background edges and foreground mask. Raises ConditionError.

    A photo on its side without a word of EXIF is turned by its face.
    """
    kind = KINDS[condition]
    found, notes = kind.find(photo), []
    quarters = round(found.frame.angle / (math.pi / 2))
    if quarters:  # a sideways face is placed less well, and its square reaches beyond the photo
        photo = photo.rotate(90 * quarters, expand=True)
        found, notes = kind.find(photo), [TURNED]
    picture = found.frame.cut(photo, size)
    rasters = {"masks": silhouette(picture) > 0.5}  # (S, S)
    if kind.stored:
        rasters[kind.stored] = found.raster
    if condition == "figure" and lies(found.points):
        notes.append(LYING)
    return Taken(picture, found.points, rasters, (*notes, *found.notes))


def lies(points: np.ndarray) -> bool:
    """Whether a figure's trunk, from the neck to the middle of the hips (18 keypoints, each x, y, present), lies on its side."""
    if not points[[NECK, *HIPS], 2].all():
        return False
    along = np.abs(points[HIPS, :2].mean(0) - points[NECK, :2])
    return bool(along[0] > 1.5 * along[1])


def lines_of(photo: Image.Image, size: int, way: str) -> Taken:
    """The square of a picture that is used, its lines, and a mask of what stands on its ground. Raises ConditionError."""
    if read_sketch(photo) is not None:
        raise ConditionError(NO_PHOTO)
    found = KINDS["edges"].extracted(photo, way)
    picture = found.frame.cut(photo, size)
    mask = foreground(picture, border_colour(picture))
    notes = found.notes if mask is not None else (*found.notes, SAID)
    return Taken(picture, None, {"edges": found.raster, "masks": np.ones((size, size), bool) if mask is None else mask}, notes)
