"""Makeup transfer (CoCosNet, Sec. 5, Fig. 11): strokes drawn on one portrait, carried to others by their correspondence.

    portrait, the exemplar y ---+
                                +-> network -> fx, fy -> for each place of the target its place of the portrait (carrying.py)
    target, the photo x --------+                                                   |
    strokes drawn on the portrait, transparent -------- looked up there ------------+-> a layer on the target, in its own pixels
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..photo import Frame, open_photo, opened, reopenable
from ..translator import Example, Translator
from . import ready
from .blending import check, lay, over, premultiplied, straight, tinted
from .carrying import Carrier, How
from .placing import Place, sample
from .ready import MakeupError

LAYER = 1024  # pixels a side of the strokes in the portrait's frame, at most
GRID = 256  # places a side where it is seen where strokes arrive, and how well they match
NEEDED = 1 / 255  # alpha that counts as drawn
KINDS = ("portrait", "celebahqedge")  # of conditions whose networks match faces, by landmarks


@dataclass(frozen=True)
class Portrait:
    """A portrait and the strokes drawn on it."""

    picture: Image.Image  # RGB as given, upright
    example: Example  # the square that the network sees, as its exemplar
    points: np.ndarray | None  # float32 (478, 2) landmarks in that square, 0..1; None where no face was found in it
    strokes: np.ndarray  # premultiplied float32 (n, n, 4) in 0..1, in that square

    @property
    def layer(self) -> Image.Image:
        """The strokes, RGBA, of the picture's size."""
        return self._laid("normal", 1.0)[1]

    def made_up(self, mode: str = "normal", opacity: float = 1.0) -> Image.Image:
        """The portrait with its strokes; mode and opacity as for `transfer`."""
        return self._laid(mode, opacity)[0]

    def _laid(self, mode: str, opacity: float) -> tuple[Image.Image, Image.Image]:
        return _laid(self.picture, self.example.frame, self._at, mode, opacity, self.strokes[..., 3] > 0)

    def _at(self, place: Place) -> np.ndarray:
        return np.clip(sample(self.strokes, place.unit), 0, 1)


class Makeover(NamedTuple):
    """A target made up."""

    image: Image.Image  # RGB, the whole target, at its own resolution
    layer: Image.Image  # RGBA of that size: the strokes as they came, transparent, to keep
    agreement: float  # mean cosine of the places that carry strokes with their matches
    seconds: float
    notes: tuple[str, ...]


def portrait(translator: Translator, picture, strokes=None, makeup: tuple[str, ...] = (), colours: dict[str, str] | None = None,
             colour: str | None = None) -> Portrait:
    """A portrait with strokes: a transparent picture of its size (or shape), or ready makeup by name, or both.

    colours: of ready makeup, by name; colour: one for all strokes, whatever they are drawn in.
    Raises PhotoError, ConditionError, MakeupError: for no strokes, a picture without transparency, or one of another shape.
    """
    _matches(translator)
    picture = open_photo(reopenable(picture))
    example, points = _seen(translator, picture)
    frame = example.frame
    side = int(np.clip(round(frame.side), 64, LAYER))
    layer = np.zeros((side, side, 4), np.float32)
    if makeup:
        if points is None:
            raise MakeupError("ready makeup is drawn from a face's landmarks, and no face was found in the portrait; draw "
                              "strokes on it instead")
        layer = ready.drawn(points * side, (side, side), makeup, colours)
    if strokes is not None:
        layer = over(layer, _cut(_strokes(strokes, picture.size), frame, side))
    if colour is not None:
        layer = tinted(layer, ready.rgb(colour))
    if layer[..., 3].max(initial=0) < NEEDED:
        raise MakeupError("there are no strokes in the part of the portrait that the network sees: draw some, or name a ready "
                          "makeup")
    return Portrait(picture, example, points, layer.astype(np.float32))


def transfer(translator: Translator, made_up: Portrait, target, mode: str = "normal", opacity: float = 1.0, confine: bool = True,
             how: How = "places") -> Makeover:
    """The portrait's strokes on a target. mode: of blending.MODES; opacity: 0..1; confine: what was drawn on the lips stays on
    them, and off teeth and eyes; how: whether Eq. 4 carries places, or the strokes themselves.

    Raises PhotoError, ConditionError where the target shows no face, BlendError.
    """
    started = perf_counter()
    check(mode, opacity)
    picture = open_photo(reopenable(target))
    condition = translator.condition_of(picture)
    frame = condition.found.frame
    points = (condition.found.points[:, :2], made_up.points) if confine else (None, None)
    carrier = Carrier(translator, condition, made_up.example, made_up.strokes, points, how)
    grid = Place((0, 0, GRID, GRID), Frame(GRID / 2, GRID / 2, GRID)).unit
    weight = np.clip(carrier.at(grid)[..., 3], 0, 1)
    image, layer = _laid(picture, frame, carrier.smooth, mode, opacity, weight > 0)
    agreement = float((sample(carrier.score, grid) * weight).sum() / max(weight.sum(), 1e-6))
    notes = [f"Target: {note}" for note in condition.found.notes]
    return Makeover(image, layer, agreement, perf_counter() - started, (*notes, *made_up.example.notes))


def _laid(picture: Image.Image, frame: Frame, at: Callable[[Place], np.ndarray], mode: str,
          opacity: float, where: np.ndarray) -> tuple[Image.Image, Image.Image]:
    """A picture with what `at(place)`, premultiplied (h, w, 4), lays on its frame; and that layer alone, RGBA of its size.

    where: bool (n, n), the cells of the frame that hold any of it.
    """
    result, layer = np.array(picture), np.zeros((picture.height, picture.width, 4), np.uint8)
    for strip in Place.of(frame, picture.size).around(where).strips():
        strokes = at(strip) * strip.inside[..., None]
        lay(strip.of_array(result), strokes, mode, opacity)
        strip.of_array(layer)[:] = straight(strokes * opacity)
    return Image.fromarray(result), Image.fromarray(layer, "RGBA")


def _matches(translator: Translator) -> None:
    """Raises MakeupError for a network that is no matcher of portraits."""
    if translator.kind.name not in KINDS:
        raise MakeupError(f"{translator.card['name']} does not read portraits by their face lines; take a model that does, such "
                          'as "portrait"')
    if translator.card["system"] == "spade":
        raise MakeupError(f"{translator.card['name']} paints without a correspondence, so it cannot carry strokes")


def _seen(translator: Translator, picture: Image.Image) -> tuple[Example, np.ndarray | None]:
    """The portrait as the network is given it, and its landmarks where a face is found."""
    example = translator.example_of(picture)
    try:
        found = translator.kind.find(picture)
    except ValueError:
        return example, None
    return example, found.points[:, :2]


def _strokes(source, size: tuple[int, int]) -> np.ndarray:
    """A transparent picture -> premultiplied (H, W, 4), of the portrait's shape. Raises PhotoError, MakeupError."""
    picture = opened(reopenable(source), lambda image: image.copy())
    if picture.mode not in ("RGBA", "LA", "PA") and not picture.has_transparency_data:
        raise MakeupError("the strokes are not transparent: a picture with a clear background is needed, such as a PNG")
    width, height = size
    if abs(picture.width / picture.height * height / width - 1) > 0.02:
        raise MakeupError(f"the strokes have another shape ({picture.width} x {picture.height}) than the portrait "
                          f"({width} x {height})")
    layer = premultiplied(picture)
    if picture.size != size:
        import cv2

        how = cv2.INTER_AREA if picture.width > width else cv2.INTER_LINEAR
        layer = cv2.resize(layer, size, interpolation=how)
    return layer


def _cut(layer: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """The frame's square of a layer (H, W, 4) -> (side, side, 4); clear beyond the picture."""
    import cv2

    y, x = (np.mgrid[:side, :side] + 0.5) / side
    xy = frame.to_photo(np.stack([x.ravel(), y.ravel()], 1)).reshape(side, side, 2).astype(np.float32) - 0.5
    return cv2.remap(layer, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
