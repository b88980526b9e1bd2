"""Image editing (CoCosNet, Sec. 5, Fig. 10): a picture's part map is changed, and the picture is its own exemplar.

    picture -> part map -> edited by a person ---+
                                                 +-> network -> painting -> laid on the picture, where the map was changed
    picture, as the exemplar --------------------+

What was not touched stays as it was, to the last pixel, at the picture's own resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

import numpy as np
from PIL import Image

from ..conditions import ConditionError, Found, LabelKind
from ..photo import open_photo, reopenable, to_array
from ..translator import Condition, Example, Translator
from . import own_pixels
from .placing import STRIP, Place, sample
from .regions import distance_to

MARGIN = 2.5  # pixels of the network beyond a change that may change with it: outlines are that wide
MOST = 0.6  # share of a map that was changed: more than that is another map
Finish = Literal["pixels", "painting"]
FINE = 512  # pixels a side at which own pixels are put together, at most


class EditError(ValueError):
    """The edit cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Canvas:
    """A picture and its part map, to be edited."""

    picture: Image.Image  # RGB as given, upright
    kind: LabelKind
    found: Found  # found.frame is in pixels of the picture; found.raster (R, R) holds the labels

    @property
    def labels(self) -> np.ndarray:
        """Class numbers, uint8 (R, R), of the frame's square."""
        return self.found.raster

    @property
    def map(self) -> Image.Image:
        """The labels in the kind's colours, RGB (R, R): what is edited in a paint program, and read again by `read`."""
        return in_colours(self.kind, self.labels)

    def number(self, name: str) -> int:
        """Of a part by its name. Raises EditError."""
        if name not in self.kind.channels:
            raise EditError(f"{self.kind.name} knows no part {name!r}; there are {', '.join(self.kind.channels)}")
        return self.kind.channels.index(name)

    def condition(self, labels: np.ndarray | None = None, size: int | None = None) -> Condition:
        """These labels, or the picture's own, as the network is given them; at the labels' own size if no other is said."""
        labels = self.labels if labels is None else labels
        size = size or len(self.labels)
        found = replace(self.found, raster=labels)
        return Condition(self.kind, found, self.found.frame.cut(self.picture, size), self.kind.draw(found.points, size, labels))

    def read(self, source) -> np.ndarray:
        """An edited map -> labels (R, R): an array of class numbers, or a picture of the shape of `map` in the kind's colours or
        numbers. Raises EditError, ConditionError, PhotoError."""
        if isinstance(source, np.ndarray) and source.ndim == 2:
            if source.shape != self.labels.shape:
                raise EditError(f"the edited map has {source.shape[1]} x {source.shape[0]} pixels, the picture's own "
                                f"{self.labels.shape[1]} x {self.labels.shape[0]}")
            if source.size and not 0 <= source.min() <= source.max() < len(self.kind.channels):
                raise EditError(f"{self.kind.name} has the classes 0 to {len(self.kind.channels) - 1}; the edited map has others")
            return source.astype(np.uint8)
        found = self.kind.find(reopenable(source))
        if found.picture is None:
            raise EditError("This is a photo, not the edited map. Save the picture's map first, paint on it with the same "
                            "colours, and give that.")
        return resized(found.raster, len(self.labels))

    def drawn(self, picture: Image.Image, labels: np.ndarray | None = None) -> np.ndarray:
        """Labels (R, R) after someone drew on these labels, or the picture's own, as `translator.on_canvas` shows them in
        colours; what was not touched keeps its class."""
        return self.condition(labels).edited(picture).map.argmax(0).astype(np.uint8)


@dataclass(frozen=True)
class Edit:
    """An edited picture, and what was done to it."""

    image: Image.Image  # RGB, the whole picture, at its own resolution
    mask: Image.Image  # L, of that size: 255 painted anew, 0 untouched, between them blended
    painted: Image.Image  # RGB (S, S): what the network made of the edited map
    before: Image.Image  # RGB (R, R), the two maps in the kind's colours
    after: Image.Image
    changed: float  # share of the map whose class is another, 0..1
    repainted: float  # share of the picture's pixels that the mask lets change at all, 0..1
    outside: int  # the largest difference from the picture where it does not, of 255, measured
    seconds: float
    device: str
    notes: tuple[str, ...]


def canvas(translator: Translator, picture, map=None) -> Canvas:
    """A picture and its part map: given, or guessed where the kind can. Raises PhotoError, EditError."""
    kind = translator.kind
    if not isinstance(kind, LabelKind):
        raise EditError(f"{translator.card['name']} reads {kind.name}, which has no regions to edit. Take a model that reads a "
                        'label map, such as "parts".')
    picture = open_photo(reopenable(picture))
    try:
        found = kind.find(picture) if map is None else translator._map_beside(picture, reopenable(map))
    except ConditionError as error:
        raise EditError(f"The picture cannot be edited{'' if map is None else ' with this map'}: {error}") from error
    if found.picture is not None:
        raise EditError("The picture to edit is a label map itself. Give the photo, and the map beside it.")
    return Canvas(picture, kind, found)


def edit(translator: Translator, picture, edited_map, map=None, finish: Finish = "pixels", margin: float = MARGIN,
         progress: Callable[[str, float], None] | None = None) -> Edit:
    """Paint a picture anew where its part map was changed.

    picture: what open_photo takes, or a `Canvas`, whose map is then known. edited_map: see `Canvas.read`. map: the picture's own,
    as `canvas` takes it. finish: "pixels", the painting's patches replaced by the picture's own (see own_pixels), or "painting",
    as the network paints. margin: pixels of the network around the change that are blended.
    Raises PhotoError, ConditionError; EditError where nothing was changed.
    """
    started = perf_counter()
    report = progress or (lambda stage, fraction: None)
    report("looking at the picture", 0.0)
    at = picture if isinstance(picture, Canvas) else canvas(translator, picture, map)
    after = at.read(edited_map)
    changed = after != at.labels
    if not changed.any():
        raise EditError("The map is as it was: change a region first.")
    report("matching and painting", 0.3)
    size, frame = translator.size, at.found.frame
    example = Example(frame, frame.cut(at.picture, size), _own_map(translator, at, size), ())
    condition = at.condition(after, size)
    painted = translator._picture(translator.forward(condition, example).image)
    square = np.asarray(painted, np.float32)
    place = Place.of(frame, at.picture.size)
    reach = margin / size  # in frames
    if finish == "pixels":
        report("finding its own pixels", 0.6)
        first = translator._picture(translator.forward(at.condition(size=size), example).image)
        square = _finished(at, (first, painted), (at.labels, after), changed, reach, size)
    report("laying it on the picture", 0.9)
    result, mask = lay(at.picture, square, changed, place, reach)
    notes = [f"Picture: {note}" for note in at.found.notes]
    new = [at.kind.channels[c] for c in np.setdiff1d(after, at.labels)]
    if new:
        notes.append(f"this picture shows nothing yet of {', '.join(new)}: the network makes it up, so it is blurred")
    if changed.mean() > MOST:
        notes.append(f"{changed.mean():.0%} of the map is another; was it drawn on this picture's own map?")
    repainted, outside = float((np.asarray(mask) > 0).mean()), difference(result, at.picture, mask)
    return Edit(result, mask, painted, at.map, in_colours(at.kind, after), float(changed.mean()), repainted,
                outside, perf_counter() - started, str(translator.device), tuple(notes))


def lay(picture: Image.Image, square: np.ndarray, changed: np.ndarray, place: Place,
        reach: float) -> tuple[Image.Image, Image.Image]:
    """A square (n, n, 3), 0 to 255, blended into a picture where its map (R, R) was changed and up to `reach` frames around that.

    Returns the picture, and the mask it was blended by, L: 1 where changed, falling to 0 over `reach`. Pixels where the mask is 0
    are the picture's own.
    """
    alpha = softened(changed, reach)
    mask, result = np.zeros(picture.size[::-1], np.uint8), np.array(picture)
    for strip in place.around(alpha > 0).strips():
        unit, part = strip.unit, strip.of_array(result)
        share = np.round(np.clip(sample(alpha, unit), 0, 1) * strip.inside * 255).astype(np.uint8)  # (h, w)
        weight = (share / np.float32(255))[..., None]
        blended = weight * np.clip(sample(square, unit), 0, 255) + (1 - weight) * part
        part[:] = np.where(weight > 0, blended.round().astype(np.uint8), part)
        strip.of_array(mask)[:] = share
    return Image.fromarray(result), Image.fromarray(mask)


def difference(result: Image.Image, picture: Image.Image, mask: Image.Image) -> int:
    """The largest difference of two pictures, 0 to 255, where a mask is 0."""
    largest = 0
    for top in range(0, picture.height, STRIP):
        box = (0, top, picture.width, min(top + STRIP, picture.height))
        one, other, clear = (np.asarray(p.crop(box), np.int16) for p in (result, picture, mask))
        largest = max(largest, int((np.abs(one - other) * (clear == 0)[..., None]).max()))
    return largest


def softened(changed: np.ndarray, reach: float) -> np.ndarray:
    """A mask (R, R) as shares: 1 in it, falling to 0 at `reach` sides from it, smoothly; float32."""
    off = distance_to(changed) / max(reach * len(changed), 1e-6)
    x = np.clip(1 - off, 0, 1)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def in_colours(kind: LabelKind, labels: np.ndarray) -> Image.Image:
    """Labels (R, R) in the kind's colours, RGB."""
    return Image.fromarray(kind.palette[labels])


def resized(labels: np.ndarray, side: int) -> np.ndarray:
    """Labels (R, R) with so many pixels a side, each the one at its centre."""
    at = ((np.arange(side) + 0.5) * len(labels) / side).astype(int)
    return labels[at][:, at]


def _own_map(translator: Translator, at: Canvas, size: int) -> np.ndarray | None:
    """The picture's own map, where the network matches by the exemplar's."""
    return None if translator.net.config.exemplar_input == "image" else at.kind.draw(at.found.points, size, at.labels)


def _finished(at: Canvas, paintings, labels, changed: np.ndarray, reach: float, size: int) -> np.ndarray:
    """The square (k S, k S, 3), 0 to 255, whose hole is filled with the picture's own patches; with the painting, where the
    picture has nothing of a class."""
    frame, (old, new) = at.found.frame, (resized(numbers, size) for numbers in labels)
    k = max(1, min(FINE // size, round(frame.side / size)))
    photo, fine = (to_array(frame.cut(at.picture, side)).transpose(1, 2, 0) for side in (size, k * size))  # (S, S, 3), ...
    hole = resized((softened(changed, reach) > 0).astype(np.uint8), size) > 0
    strange = hole & ~np.isin(new, np.unique(old))
    large = to_array(paintings[1].resize(fine.shape[:2], Image.Resampling.BICUBIC)).transpose(1, 2, 0)
    photo = np.where(strange[..., None], to_array(paintings[1]).transpose(1, 2, 0), photo)
    fine = np.where(np.kron(strange, np.ones((k, k), bool))[..., None], large, fine)
    paintings = tuple(to_array(painting).transpose(1, 2, 0) for painting in paintings)
    return (own_pixels.finish(photo, fine, paintings, (old, new), hole & ~strange) + 1) * 127.5
