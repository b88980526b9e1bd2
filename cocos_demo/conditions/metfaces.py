"""Faces of MetFaces as CoCosNet v2 reads them: landmarks joined by lines, soft edges by HED around them (its Sec. 4).

Channels as of kind "portrait", drawn at 1024 pixels; only the edges differ. HED is asked at 512 pixels, near the size of the
photos it has learned from: the larger a picture, the more texture it draws, and 1024 takes four times as long. Its lines are
smooth and five pixels wide, so enlarging them to 1024 loses nothing.

A photo is framed as MetFaces' pictures were cut out of the works: like FFHQ's and CelebA-HQ's, by eyes and mouth, upright.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..photo import Frame, open_photo
from . import faces
from .base import Found
from .celebahqedge import aligned
from .edges import shrink
from .hed import hed
from .portrait import Portrait, background, check_height, frame_of, framed

SIZE = 512  # pixels of the picture that HED sees


class MetFaces(Portrait):
    """Condition kind "metfaces": see the module; points are (478,3), rasters uint8 (512,512) of soft edges, maps (7,H,W)."""

    name = "metfaces"

    def find(self, photo) -> Found:
        """Photo (anything open_photo takes) -> 478 landmarks and soft background edges in MetFaces' frame of the largest face.

        Raises: ConditionError when no face is found, or one under 32 pixels; ModelMissing.
        """
        photo = open_photo(photo)
        xy, notes = faces.largest(photo)  # (478, 2)
        return self._found(photo, xy, aligned(xy), notes)

    def whole(self, picture: Image.Image) -> Found:
        """The same of a picture that is cut out already, RGB and square: in its own frame. Raises as `find`."""
        xy, notes = faces.largest(picture)
        return self._found(picture, xy, Frame(picture.width / 2, picture.height / 2, picture.width), notes)

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """(478,3) landmarks, and soft edges (R,R) in 0..255 or None -> float32 (7,size,size) in 0..1, antialiased."""
        map = super().draw(points, size)
        if raster is not None:
            map[-1] = shrink(raster, (size, size))
        return map

    def _found(self, photo: Image.Image, xy: np.ndarray, frame: Frame, notes: list[str]) -> Found:
        check_height(frame_of(xy, frame.angle)[1])
        points, remarks = framed(xy, frame, photo.size)
        return Found(frame, points, background(frame.cut(photo, SIZE), points, hed), (*notes, *remarks))
