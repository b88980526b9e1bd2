"""Conditions: what is read from a photo and painted from: face landmarks and edges, a body's keypoints, label maps."""

from __future__ import annotations

from ..photo import open_photo
from .base import ConditionError, Found, ModelMissing
from .celebahqedge import CelebAHQEdge
from .deepfashion import DeepFashion
from .figure import Figure
from .labels import LabelKind
from .parts import Parts
from .portrait import Portrait

__all__ = ["KINDS", "ConditionError", "Found", "LabelKind", "ModelMissing", "detect"]

KINDS = {
    "portrait": Portrait(),
    "figure": Figure(),
    "parts": Parts(),
    "celebahqedge": CelebAHQEdge(),
    "deepfashion": DeepFashion(),
}


def detect(photo) -> str:
    """Kind of condition a photo calls for: "figure" when a body is seen that dwarfs its face, else "portrait".

    Raises: ConditionError when neither a face nor a person is found; ModelMissing.
    """
    photo = open_photo(photo)
    sides = {}
    for name in ("portrait", "figure"):
        try:
            sides[name] = KINDS[name].find(photo).frame.side
        except ConditionError:
            continue
    if not sides:
        raise ConditionError("Neither a face nor a person was found. Use a photo that shows one, well lit.")
    if len(sides) == 1:
        return next(iter(sides))
    return "figure" if sides["portrait"] < 0.45 * sides["figure"] else "portrait"
