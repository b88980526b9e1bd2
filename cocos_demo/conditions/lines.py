"""Edges: the lines of a whole picture, drawn by hand or found in a photo.

The condition of "edges to shoes" and "edges to handbags" (Isola et al. 2017), on which SEGIN is shown (Sec. IV).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from ..photo import Frame, open_photo, reopenable
from .base import ConditionError, Found
from .edges import SIZE, canny, shrink, xdog
from .hed import available, hed, thin
from .labels import NOTHING
from .sketch import read_sketch

TITLES = {"hed": "HED", "canny": "Canny's operator", "xdog": "XDoG"}
PLAIN = 14  # a ground of one colour differs from it by less than this, of 255
BARE = 0.0005  # share of a map's area that is line, at least
SURE = 50  # of 255: what HED is less sure of are mostly shadows and soft grounds (pix2pix, with photos on white, drew from 25)


def outlines(picture: Image.Image) -> np.ndarray:
    """PIL RGB -> uint8 (H,W): lines of one pixel, 255, along the contours that HED finds. Raises: ModelMissing."""
    return thin(hed(picture), SURE)


WAYS: dict[str, Callable[[Image.Image], np.ndarray]] = {"hed": outlines, "canny": canny, "xdog": xdog}  # RGB -> uint8 (H,W)


class Edges:
    """Condition kind "edges": see the module; no points, maps (1,H,W), 0 no line to 1 a full one."""

    name = "edges"
    stored, exact, sided = "edges", False, False
    channels = ("lines",)
    palette = np.array([(255, 255, 255)], np.uint8)

    def find(self, photo, way: str | None = None) -> Found:
        """Picture (anything open_photo takes) -> its lines, uint8 (R,R) of 0..255, in its frame; no points.

        A sketch is taken as it was drawn, in a square of its paper, R up to 1024. A photo's edges are extracted at 256 x 256 by
        `way`, a key of WAYS; HED where it is installed, else Canny's operator, if not said. Its frame is the middle square;
        on plain ground the whole picture, the ground going on around it, so that a shoe keeps its tip.
        Raises: PhotoError; ConditionError for a picture that shows no line.
        """
        photo = reopenable(photo)
        drawn = read_sketch(photo)
        return self.sketched(drawn, open_photo(photo).size) if drawn is not None else self.extracted(open_photo(photo), way)

    def located(self, photo) -> Found:
        """As `find`, for whoever needs the frame alone: of a photo no lines are extracted."""
        photo = reopenable(photo)
        drawn = read_sketch(photo)
        if drawn is not None:
            return self.sketched(drawn, open_photo(photo).size)
        frame, notes = framed(open_photo(photo))
        return Found(frame, NOTHING, notes=tuple(notes))

    def blank(self, size: int) -> Found:
        """White paper, to be drawn on."""
        raster = np.zeros((size, size), np.uint8)
        return Found(whole((size, size)), NOTHING, raster, (), Image.new("RGB", (size, size), "white"))

    def sketched(self, drawn: np.ndarray, size: tuple[int, int]) -> Found:
        """Lines of a sketch (H,W) that is `size` large as it was given -> Found, the sketch black on white its picture."""
        side = max(drawn.shape)
        top, left = ((side - length) // 2 for length in drawn.shape)
        raster = np.zeros((side, side), np.uint8)
        raster[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
        picture = Image.fromarray(255 - raster)
        return Found(whole(size), NOTHING, raster, ("a drawing: its lines were taken as they are",), picture)

    def extracted(self, photo: Image.Image, way: str | None = None) -> Found:
        """Edges of a photo, whatever it shows -> Found; notes say by what, and what of the photo was used."""
        way = way or best()
        frame, notes = framed(photo)
        raster = WAYS[way](frame.cut(photo, SIZE))
        if raster.mean() < 255 * BARE:
            raise ConditionError("No lines were found: the picture is all of one tone, or nearly. Use one with clear outlines.")
        return Found(frame, NOTHING, raster, (f"edges by {TITLES[way]}", *notes))

    def draw(self, points: np.ndarray, size: int, raster: np.ndarray | None = None) -> np.ndarray:
        """Lines (R,R) of 0..255 -> float32 (1,size,size) in 0..1, thin ones kept; points are not used."""
        if raster is None:
            raise ValueError("the condition edges is drawn from a map of lines; none was given")
        return shrink(raster, (size, size))[None]  # (1, size, size)

    def disturb(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Lines have no points to move."""
        return points

    def mirror(self, points: np.ndarray) -> np.ndarray:
        """Lines have no points to rename."""
        return points

    def to_rgb(self, map: np.ndarray) -> np.ndarray:
        """(1,H,W) in 0..1 -> uint8 (H,W,3), white lines on black."""
        return np.repeat((map[0] * 255).round().astype(np.uint8)[..., None], 3, axis=-1)  # (H, W, 3)

    def from_rgb(self, edited_rgb, map: np.ndarray) -> np.ndarray:
        """A person's edit of to_rgb(map) -> map: paint of any colour is a line, as strong as its brightest colour; black erases;
        what is unchanged keeps its values."""
        before, edited = self.to_rgb(map), np.asarray(edited_rgb)[..., :3]
        if edited.shape != before.shape:
            raise ValueError(f"the edited map is {edited.shape[:2]}, not {before.shape[:2]}")
        changed = np.abs(edited.astype(int) - before).max(-1) > 12  # (H, W); smaller steps are a canvas's rounding
        new = map.astype(np.float32)
        new[0, changed] = edited.max(-1)[changed] / np.float32(255)
        return new


    def drawn_over(self, before: np.ndarray, after: np.ndarray, map: np.ndarray) -> np.ndarray:
        """What someone drew on a canvas: RGB (H,W,3) before and after, white lines on black, of any size -> map (1,size,size).

        Lines thinner than a pixel of the map stay lines; what was not touched keeps its values.
        """
        changed = np.abs(after.astype(int) - before).max(-1) > 12  # (H, W); smaller steps are a canvas's rounding
        if not changed.any():
            return map
        touched = shrink(np.uint8(255) * changed, map.shape[1:]) > 0  # (size, size)
        return np.where(touched, shrink(after.max(-1), map.shape[1:]), map).astype(np.float32)


def best() -> str:
    """The way to extract edges that is used where none is asked for: a key of WAYS."""
    return "canny" if available() else "hed"


def whole(size: tuple[int, int]) -> Frame:
    """The square about a whole picture of this (width, height)."""
    return Frame(size[0] / 2, size[1] / 2, max(size))


def framed(photo: Image.Image) -> tuple[Frame, list[str]]:
    """The square of a photo that is used, and what a person should know of it."""
    width, height = photo.size
    if width == height:
        return whole(photo.size), []
    if plain_ends(photo):
        return whole(photo.size), ["the plain ground was continued to make it square"]
    return Frame(width / 2, height / 2, min(width, height)), ["the middle square of the picture was taken"]


def plain_ends(photo: Image.Image) -> bool:
    """Whether both ends of a picture's longer axis' other one, where it has to be widened, are of one colour each."""
    pixels = np.asarray(photo, np.float32)
    ends = (pixels[:, 0], pixels[:, -1]) if photo.width < photo.height else (pixels[0], pixels[-1])  # (L, 3) each
    return all((np.abs(end - np.median(end, axis=0)).max(-1) < PLAIN).mean() > 0.97 for end in ends)
