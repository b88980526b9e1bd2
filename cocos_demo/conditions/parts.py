"""Part maps: which part of the body each pixel shows. Classes and numbers are the figure renderer's, hair and skirts included."""

from __future__ import annotations

import numpy as np

from .labels import LabelKind

# Left is lighter than right; hues go down the body.
TABLE = {
    "background": (0, 0, 0), "hair": (150, 75, 0), "face": (255, 200, 150), "neck": (200, 120, 90), "torso": (60, 110, 255),
    "left upper arm": (255, 230, 60), "right upper arm": (205, 150, 0), "left forearm": (160, 255, 90),
    "right forearm": (50, 165, 30), "left hand": (0, 255, 225), "right hand": (0, 150, 140), "left thigh": (225, 130, 255),
    "right thigh": (140, 40, 205), "left shin": (255, 130, 190), "right shin": (210, 20, 110), "left foot": (255, 80, 70),
    "right foot": (150, 10, 20), "skirt": (170, 190, 255),
}  # fmt: skip
RENDERED_AS = {"face": "head"}  # where the renderer's name is another


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
