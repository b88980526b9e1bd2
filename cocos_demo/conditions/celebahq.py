"""Face masks of CelebAMask-HQ (Lee et al., "MaskGAN", 2020): the label maps that CoCosNet's published mask network reads.

The classes stand in the order of the released code. There glasses lie in a file of their own, in a channel beside what they
cover; here a pixel has one class. "left" is the left of the picture. The released training mirrors pictures and leaves the
channels where they are.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from . import detectors, faces
from .base import Found
from .celebahqedge import PARTS, aligned, regions, within
from .distances import PUBLISHED
from .hair import head
from .hairline import ALIKE, away, joined, median
from .labels import NOTHING, LabelKind
from .outline import smooth
from .portrait import OVAL, check_height, frame_of, framed

TABLE = {
    "background": (0, 0, 0), "skin": (255, 200, 150), "hair": (150, 75, 0), "left brow": (70, 230, 80),
    "right brow": (0, 140, 40), "left eye": (60, 110, 255), "right eye": (0, 255, 255), "left ear": (160, 110, 60),
    "right ear": (230, 140, 90), "nose": (190, 80, 255), "upper lip": (255, 50, 60), "mouth": (255, 0, 200),
    "lower lip": (255, 120, 150), "neck": (255, 225, 60), "clothes": (130, 160, 200), "hat": (140, 40, 205),
    "glasses": (255, 255, 255), "earring": (170, 255, 0), "necklace": (0, 150, 140),
}  # fmt: skip
GUESSED = "the face's parts come from landmarks, hair, neck and clothes from outline and colour; paint over what is wrong"


class CelebAHQ(LabelKind):
    """Condition kind "celebahq": see the module; maps (19,H,W)."""

    soft = False

    def __init__(self):
        super().__init__("celebahq", tuple(TABLE), np.array(list(TABLE.values()), np.uint8))

    def guess(self, photo: Image.Image) -> Found:
        """The mask of the largest face, in the frame of CelebA-HQ; without hat, glasses and jewels.

        Raises: ConditionError when no face is found, or one under 32 pixels; ModelMissing.
        """
        xy, notes = faces.largest(photo)  # (478, 2)
        frame = aligned(xy)
        check_height(frame_of(xy, frame.angle)[1])
        points, remarks = framed(xy, frame, photo.size)
        picture, inside = frame.cut(photo, PUBLISHED), within(frame, photo.size)
        hair, forehead = head(picture, points[:, :2] * PUBLISHED, inside)
        parts = dict(zip(PARTS, regions(points, PUBLISHED), strict=True))
        face = (parts["skin"] | forehead) & ~hair
        person = (detectors.silhouette(picture) > 0.5) & inside & ~face & ~hair
        found = around(np.asarray(picture), person, face, points[list(OVAL[0]), :2] * PUBLISHED)
        inner = ("left brow", "right brow", "left eye", "right eye", "nose", "upper lip", "mouth", "lower lip")
        found |= {"skin": face, "hair": hair} | {name: parts[name] for name in inner}  # what stands later lies on top
        labels = np.zeros((PUBLISHED, PUBLISHED), np.uint8)
        for name, mask in found.items():
            labels[mask] = self.channels.index(name)
        rough = np.isin(labels, [self.channels.index(name) for name in ("background", "clothes", "neck", "hair", "skin")])
        labels = np.where(rough, smooth(labels), labels)
        return Found(frame, NOTHING, labels, (*notes, *remarks, GUESSED))


def around(rgb: np.ndarray, person: np.ndarray, face: np.ndarray, oval: np.ndarray) -> dict[str, np.ndarray]:
    """What of a person is neither face nor hair: clothes, neck, ears; each bool (S,S).

    rgb: uint8 (S,S,3); person, face: bool (S,S); oval: the face's outline (36,2) in pixels.
    """
    import cv2

    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    y, x = np.mgrid[: len(rgb), : len(rgb)] + 0.5
    (left, top), (right, bottom) = oval.min(0), oval.max(0)
    middle, below = (left + right) / 2, person & (y > bottom - 0.25 * (bottom - top))
    skin = median(lab, face)
    to_skin = away(lab, skin)
    # The lowest rows show clothes, or nothing but skin, or a neck, which is no wider than the face.
    lowest = below & (y > 0.9 * len(rgb))
    bare = not lowest.any() or np.ptp(x[lowest]) < right - left or away(median(lab, lowest), skin) < ALIKE
    # Right under the face there is a neck, often in its shadow.
    under = (np.abs(x - middle) < 0.35 * (right - left)) & (y < bottom + 0.3 * (bottom - top))
    like = below if bare else below & (np.where(under, 0.4, 1) * to_skin < away(lab, median(lab, lowest)))
    neck = joined(face, like) & ~face
    beside = person & ~below & (y > top + 0.3 * (bottom - top)) & (to_skin < 2 * ALIKE)
    ears = joined(face, beside) & ~face
    return {"clothes": below & ~neck, "neck": neck, "left ear": ears & (x < middle), "right ear": ears & (x >= middle)}


# What lies over what, from below, where CelebAMask-HQ's part masks overlap: the order in which that set draws its own label maps.
# Glasses lie over skin and nose, and under the eyes and brows that are seen through them.
OVERLAY = ("skin", "nose", "glasses", "left eye", "right eye", "left brow", "right brow", "left ear", "right ear", "mouth",
           "upper lip", "lower lip", "hair", "hat", "earring", "necklace", "neck", "clothes")  # fmt: skip


def of_masks(masks: dict[str, np.ndarray]) -> np.ndarray:
    """Part masks bool (R,R) by their names in TABLE, absent ones left out -> label map uint8 (R,R); a pixel has one class."""
    labels = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for part in OVERLAY:
        if part in masks:
            labels[masks[part]] = tuple(TABLE).index(part)
    return labels
