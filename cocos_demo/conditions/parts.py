"""Part maps: which part of the body each pixel shows. Classes and numbers are the figure renderer's, hair and skirts included."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..photo import Frame
from . import detectors
from .base import Found
from .bones import nearest_parts
from .figure import locate
from .hairline import hair_of
from .labels import NOTHING, LabelKind
from .outline import face_mask, person_mask, photo_mask, smooth

# Left is lighter than right; hues go down the body.
TABLE = {
    "background": (0, 0, 0), "hair": (150, 75, 0), "face": (255, 200, 150), "neck": (200, 120, 90), "torso": (60, 110, 255),
    "left upper arm": (255, 230, 60), "right upper arm": (205, 150, 0), "left forearm": (160, 255, 90),
    "right forearm": (50, 165, 30), "left hand": (0, 255, 225), "right hand": (0, 150, 140), "left thigh": (225, 130, 255),
    "right thigh": (140, 40, 205), "left shin": (255, 130, 190), "right shin": (210, 20, 110), "left foot": (255, 80, 70),
    "right foot": (150, 10, 20), "skirt": (170, 190, 255),
}  # fmt: skip
RENDERED_AS = {"face": "head"}  # where the renderer's name is another
GUESSED = "parts guessed from the pose and outline, a skirt as legs; paint over what is wrong"
SIZE = 256  # pixels of a guessed map


class Parts(LabelKind):
    """Condition kind "parts": label maps (18, H, W); hands and feet are parts with or without shoes, clothes are not told."""

    def __init__(self):
        super().__init__("parts", tuple(TABLE), np.array(list(TABLE.values()), np.uint8))

    def numbers(self, names: list[str]) -> np.ndarray:
        """Our class of each of a prepared folder's parts, by the names in its index. Raises ValueError for an unknown one."""
        ours = {RENDERED_AS.get(name, name): number for number, name in enumerate(self.channels)}
        unknown = [name for name in names if name not in ours]
        if unknown:
            raise ValueError(f"no part of the body is called {', '.join(unknown)}; known are {', '.join(ours)}")
        return np.array([ours[name] for name in names], np.uint8)

    def framed(self, labels: np.ndarray) -> Found:
        """All of an uploaded part map (H, W), with background beside it where it is not square."""
        height, width = labels.shape
        side = max(height, width)
        before = ((side - height) // 2, (side - width) // 2)
        raster = np.zeros((side, side), np.uint8)
        raster[before[0] : before[0] + height, before[1] : before[1] + width] = labels
        return self.found(raster, Frame(side / 2 - before[1], side / 2 - before[0], side), ())

    def guess(self, photo: Image.Image) -> Found:
        """The parts of the largest person in a photo, in the frame of kind "figure": by outline, pose, and colour of the hair.

        A skirt is not told from the legs. Raises ConditionError as kind "figure" does.
        """
        figure, body = locate(photo)
        frame, crop = figure.frame, figure.frame.cut(photo, SIZE)
        placed = body.copy()
        placed[:, :2] = frame.to_unit(body[:, :2]) * SIZE
        placed[:, 2] *= SIZE / frame.side
        costs = nearest_parts(placed, SIZE)
        stack = np.stack(list(costs.values()))  # (P, S, S)
        person = person_mask(crop, stack.min(0)) & photo_mask(frame, photo.size, SIZE)
        numbers = np.array([self.channels.index("face" if name == "head" else name) for name in costs])
        labels = np.where(person, numbers[stack.argmin(0)], 0)
        face = self.among(labels, "face", "neck", "torso")
        face &= False if detectors.turned(body) else face_mask(photo, body, frame, SIZE)
        labels[face] = self.channels.index("face")
        below = self.among(labels, "neck", "torso", "left upper arm", "right upper arm")
        hair = hair_of(np.asarray(crop), self.among(labels, "face"), face, below)
        labels[hair] = self.channels.index("hair")
        notes = (*figure.notes, GUESSED)
        return Found(frame, NOTHING, smooth(labels), notes)

    def among(self, labels: np.ndarray, *names: str) -> np.ndarray:
        """Where a label map shows one of these parts, bool (H, W)."""
        return np.isin(labels, [self.channels.index(name) for name in names])
