"""`Matcher`: set two pictures once, then ask for matches as often as you like.

    m = Matcher.load("figure").set_images("photo.jpg", "exemplar.jpg")
    q = m.query(210, 340)           # pixels of the photo; q.x, q.y are pixels of the exemplar

What a question means and in which coordinates: `pair.py`.
"""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from .conditions.maps import LARGEST
from .datasets.surfaces import surface_of
from .models.cocosnet import Translation
from .models.field import Field
from .pair import MatchError, OutOfFrame, Pair, Points, Query, Side, View
from .photo import Frame, open_photo, reopenable, to_image
from .translator import Condition, Example, Translator, notes

__all__ = ["MatchError", "Matcher", "OutOfFrame", "Points", "Query"]

SHARPEST = 200.0  # alpha lies between 1 and this


class Matcher:
    """A network's correspondences between a photo and an exemplar. `alpha`, the sharpness of Eq. 4, may be set at any time."""

    def __init__(self, translator: Translator):
        self.translator = translator
        self._alpha = float(getattr(translator.net.config, "alpha", 100.0))
        self._pair: Pair | None = None
        self.condition: Condition | None = None  # what the photo gave the network
        self.translation: Translation | None = None  # what the network answered for the two pictures
        self.notes: tuple[str, ...] = ()  # what a person should know: "Photo: 3 faces found; took the largest"

    @classmethod
    def load(cls, name_or_path: str | Path, device: str = "auto") -> "Matcher":
        """A checkpoint by name ("portrait", "figure") or path; raises CheckpointError, DeviceError."""
        return cls(Translator.load(name_or_path, device))

    def set_images(self, photo, exemplar, condition: Condition | None = None, exemplar_map=None) -> "Matcher":
        """Run the network once on two pictures of any sort (path, bytes, PIL, array) -> this matcher.

        `condition`: one of `translator.condition_of(photo)`, perhaps edited; with it, photo may be None, and questions are
        then in pixels of `condition.photo`. `exemplar_map`: as for Translator. Raises PhotoError, ConditionError, and
        MatchError where the network finds no correspondence.
        """
        t, exemplar, photo = self.translator, reopenable(exemplar), reopenable(photo)
        condition = condition or t.condition_of(photo)
        example = t.example_of(exemplar, exemplar_map)
        out = t.forward(condition, example)
        self._pair = paired(t, photo, condition, exemplar, example, out)
        self.condition, self.translation = condition, out
        self.notes = notes(condition, example)
        return self

    @property
    def alpha(self) -> float:
        """Sharpness of the softmax of Eq. 4, 1 to 200; at first what the network was trained with."""
        return self._alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._alpha = checked_alpha(value)

    @property
    def pair(self) -> Pair:
        """The two pictures and the field between them. Raises MatchError before `set_images`."""
        if self._pair is None:
            raise MatchError("Give the two pictures first: matcher.set_images(photo, exemplar)")
        return self._pair

    @property
    def photo(self) -> View:
        """The photo as given, and the square of it that the network sees."""
        return self.pair.photo

    @property
    def exemplar(self) -> View:
        """The exemplar, likewise."""
        return self.pair.exemplar

    @property
    def image(self) -> Image.Image:
        """The picture that the network painted, in the photo's square."""
        self.pair  # noqa: B018
        return to_image(self.translation.image[0])

    def covers(self, x: float, y: float, source: Side = "photo") -> bool:
        """Whether (x, y), pixels of the given picture, can be asked for."""
        return getattr(self.pair, source).covers(x, y)

    def query(self, x: float, y: float, k: int = 5, source: Side = "photo") -> Query:
        """Where the point (x, y) of the source is in the other picture, how sure that is, and why; see `Query`.

        Pixels of the given picture, centres at .5: the pixel in column i and row j is asked for as (i + .5, j + .5).
        Raises OutOfFrame where the network does not look.
        """
        return self.pair.query(x, y, self.alpha, k, source)

    def match(self, points, source: Side = "photo") -> Points:
        """The best matches of (N, 2) points, there and back; raises OutOfFrame."""
        return self.pair.match(points, source)

    def grid(self, n: int = 16, source: Side = "photo") -> Points:
        """The matches of n x n points, evenly over the source's square; `.only(points.mutual)` keeps mutual nearest ones."""
        return self.pair.grid(n, source)

    def cycle_error(self, source: Side = "photo"):
        """How many pixels each cell lands off after the round trip. (h, w), 128 x 128 at most."""
        return self.pair.cycle_error(source)

    def warp(self, source: Side = "photo") -> Image.Image:
        """Eq. 4 at the present alpha: the other picture's crop, moved to the source's places."""
        return self.pair.warp(self.alpha, source)

    def cycle(self, source: Side = "exemplar") -> Image.Image:
        """Eq. 12 at the present alpha: the source's crop, moved to the other picture and back."""
        return self.pair.cycle(self.alpha, source)

    def truth(self, x: float, y: float, source: Side = "photo") -> tuple[float, float] | None:
        """The true place of a point in the other picture, where it is known: between rendered samples."""
        return self.pair.truth(x, y, source)

    def components(self):
        """The features of photo and exemplar as colours (h, w, 3) in 0..1, 128 x 128 cells at most: principal components in one
        basis."""
        return self.pair.components()


def paired(net: Translator, photo, condition: Condition, exemplar, example: Example, out: Translation) -> Pair:
    """The correspondences in what a network answered. Raises MatchError where it finds none."""
    if out.match is None:
        raise MatchError(f"The system {net.card['system']} paints without a correspondence, so there is nothing to match. "
                         'Take a model that matches, such as "portrait" or "figure".')
    fx, fy = out.match.fx[0], out.match.fy[0]  # (C, h, w), (C, h', w')
    return Pair(Field.of(fx, fy), *views(photo, condition, exemplar, example, (fx.shape[1:], fy.shape[1:])),
                patches=getattr(net.net.config, "carries", "pixels") == "patches")


def views(photo, condition: Condition, exemplar, example: Example, grids) -> tuple[View, View]:
    """Photo and exemplar as they were given, with the squares of them that a network saw. Without a photo, the condition's.
    `grids`: (h, w) of the features of each."""
    size = condition.photo.width
    if photo is None:
        picture, frame = condition.photo, Frame(size / 2, size / 2, size)
    else:
        picture = open_photo(photo)
        frame = _frame_in(picture, condition)
    look = open_photo(exemplar)
    return (View("photo", picture, frame, condition.photo, tuple(grids[0]), surface_of(picture)),
            View("exemplar", look, example.frame, example.crop, tuple(grids[1]), surface_of(look)))


def checked_alpha(value: float) -> float:
    """The value, if Eq. 4 can be asked for with this sharpness; raises MatchError."""
    if not 1 <= value <= SHARPEST:
        raise MatchError(f"alpha must lie between 1 and {SHARPEST:g}, got {value:g}")
    return float(value)


def _frame_in(picture: Image.Image, condition: Condition) -> Frame:
    """The condition's frame in pixels of the picture: a large label map was shrunk before its frame was found."""
    frame, longest = condition.found.frame, max(picture.size)
    if condition.found.picture is None or longest <= LARGEST:
        return frame
    scale = longest / LARGEST
    return replace(frame, cx=frame.cx * scale, cy=frame.cy * scale, side=frame.side * scale)
