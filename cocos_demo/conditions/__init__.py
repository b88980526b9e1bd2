"""Conditions: what is read from a photo and painted from: face landmarks and edges, lightness, a body's keypoints, label
maps, lines of a whole picture."""

from __future__ import annotations

from ..photo import open_photo, reopenable
from .ade20k import ADE20K
from .base import ConditionError, Found, ModelMissing
from .celebahq import CelebAHQ
from .celebahqedge import CelebAHQEdge
from .deepfashion import DeepFashion, DeepFashionHD
from .figure import Figure
from .grey import Grey
from .labels import LabelKind
from .lines import Edges
from .maps import read_map
from .metfaces import MetFaces
from .parts import Parts
from .portrait import Portrait

__all__ = ["KINDS", "ConditionError", "Found", "LabelKind", "ModelMissing", "detect"]

KINDS = {
    "portrait": Portrait(),
    "grey": Grey(),
    "figure": Figure(),
    "parts": Parts(),
    "ade20k": ADE20K(),
    "celebahq": CelebAHQ(),
    "celebahqedge": CelebAHQEdge(),
    "deepfashion": DeepFashion(),
    "deepfashion_hd": DeepFashionHD(),
    "edges": Edges(),
    "metfaces": MetFaces(),
}


def detect(photo) -> str:
    """Kind of condition an upload calls for: "parts" for a part map in its own colours or numbers; of a photo, "figure" when
    a body is seen that dwarfs its face, else "portrait".

    Raises: ConditionError when neither a face nor a person is found; ModelMissing.
    """
    photo = reopenable(photo)
    sides, why = {}, "Neither a face nor a person was found. Use a photo that shows one, well lit."
    try:
        if read_map(photo, KINDS["parts"]) is not None:
            return "parts"
    except ConditionError as error:
        why = str(error)  # few colours, and none of a part map: perhaps a drawing of a person
    photo = open_photo(photo)
    for name in ("portrait", "figure"):
        try:
            sides[name] = KINDS[name].find(photo).frame.side
        except ConditionError:
            continue
    if not sides:
        raise ConditionError(why)
    if len(sides) == 1:
        return next(iter(sides))
    return "figure" if sides["portrait"] < 0.45 * sides["figure"] else "portrait"
