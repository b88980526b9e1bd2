"""Two pictures and the field of correspondences between them: everything that a click can ask, without any network.

Coordinates are pixels of the pictures as they were given (upright), x to the right, y down, pixel centres at .5. The way of
a click: pixel -> unit square of the frame -> cell u of the grid and the offset from its centre -> cell v of the other grid,
same offset (as whole patches move) -> unit square of the other frame -> pixel.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from .datasets.truth import Surface, twins
from .models import correspondence
from .models.field import Field, attention
from .photo import Frame, to_array, to_image

MOST = 128  # rows and columns of a grid whose positions are all compared with all others
EDGE = 1e-6  # shares of a frame: a point on its very border is inside

Side = Literal["photo", "exemplar"]


class MatchError(ValueError):
    """What was asked has no answer; the message says why and what to do."""


class OutOfFrame(MatchError):
    """The point lies where the network does not look; the message says where it does."""


@dataclass(frozen=True)
class View:
    """One of the two pictures: as given, the square of it that the network saw, and the grid of its features."""

    name: Side
    picture: Image.Image  # RGB as given, upright
    frame: Frame  # the square, in pixels of `picture`
    crop: Image.Image  # (S, S) RGB, what `frame` cuts out
    grid: tuple[int, int]  # (h, w)
    surface: Surface | None = None  # of `picture`, where it is known: rendered figures

    @classmethod
    def whole(cls, name: Side, picture: Image.Image, grid: tuple[int, int], surface: Surface | None = None) -> "View":
        """A square picture that the network saw as it is."""
        if picture.width != picture.height:
            raise MatchError(f"the {name} must be square, got {picture.width} x {picture.height}")
        side = picture.width
        return cls(name, picture, Frame(side / 2, side / 2, side), picture.convert("RGB"), grid, surface)

    def square(self, side: int) -> "View":
        """The same view of its square alone, enlarged to side x side: pixels are now counted in that."""
        surface = self.surface and self.surface.cut(self.frame, self.picture.size)
        whole = View.whole(self.name, self.crop.resize((side, side), Image.Resampling.LANCZOS), self.grid, surface)
        return replace(whole, crop=self.crop)

    def covers(self, x: float, y: float) -> bool:
        """Whether (x, y) lies in the picture and in the square."""
        width, height = self.picture.size
        unit = self.frame.to_unit([[x, y]])[0]
        return bool(0 <= x <= width and 0 <= y <= height and ((unit >= -EDGE) & (unit <= 1 + EDGE)).all())

    def cells(self, xy) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) pixels -> cells u (N,), and the offsets (N, 2) from their centres in unit coordinates. Raises OutOfFrame."""
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        for x, y in xy:
            if not self.covers(x, y):
                raise OutOfFrame(self._where(x, y))
        (h, w), unit = self.grid, self.frame.to_unit(xy)
        column, row = (np.clip(np.floor(unit[:, i] * n), 0, n - 1).astype(int) for i, n in ((0, w), (1, h)))
        u = row * w + column
        return u, unit - self.centres[u]

    @cached_property
    def centres(self) -> np.ndarray:
        """(h w, 2) unit coordinates of the cells' centres, row by row."""
        h, w = self.grid
        y, x = np.mgrid[:h, :w]
        return np.stack([(x.ravel() + 0.5) / w, (y.ravel() + 0.5) / h], axis=1)

    def pixels(self, unit) -> np.ndarray:
        """(N, 2) unit coordinates of the square -> pixels. Where the square reaches beyond the picture, its border is repeated
        there, so such a place is the border pixel that the network saw."""
        xy, size = self.frame.to_photo(unit), np.array(self.picture.size)
        return np.where(xy < 0, 0.5, np.where(xy >= size, size - 0.5, xy))

    @cached_property
    def colours(self) -> np.ndarray:
        """(h w, 3) mean RGB of each cell, 0 to 255."""
        pixels = torch.from_numpy(np.array(self.crop)).permute(2, 0, 1).double()  # (3, S, S)
        return F.adaptive_avg_pool2d(pixels[None], self.grid)[0].flatten(1).T.numpy()

    def _where(self, x: float, y: float) -> str:
        width, height = self.picture.size
        if not (0 <= x <= width and 0 <= y <= height):
            return f"({x:.0f}, {y:.0f}) lies outside the {self.name}, which has {width} x {height} pixels"
        corners = ", ".join(f"({a:.0f}, {b:.0f})" for a, b in self.frame.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]]))
        return (f"({x:.0f}, {y:.0f}) lies outside the part of the {self.name} that the network sees; "
                f"choose a point in the square with the corners {corners}")


class Candidate(NamedTuple):
    """One of the k best: its place in the other picture, cosine, share in Eq. 4, and mean colour (RGB, 0 to 255)."""

    x: float
    y: float
    score: float
    weight: float
    colour: np.ndarray


class Trip(NamedTuple):
    """Where one lands going to the best match and from there to its own best match; how far from the start, in pixels."""

    x: float
    y: float
    distance: float


@dataclass(frozen=True)
class Query:
    """The answer to one point. Places are pixels of the given pictures."""

    at: tuple[float, float]  # the point, in source.picture
    x: float  # its best match, in target.picture
    y: float
    score: float  # their cosine, -1 to 1
    heatmap: np.ndarray  # (h, w) cosines with every cell of the target: one row of M, Eq. 3
    weights: np.ndarray  # (h, w) softmax of alpha times these, 1 in sum: that row in Eq. 4
    alpha: float
    best: tuple[Candidate, ...]  # best first
    colour: np.ndarray  # (3,) RGB 0 to 255: the target's colours blended with the weights, Eq. 4
    soft: tuple[float, float]  # the mean place under the weights
    round_trip: Trip
    source: View
    target: View
    truth: tuple[float, float] | None = None  # the true place in target.picture; None: unknown, or hidden there

    @property
    def error(self) -> float | None:
        """How many pixels of the target the match is off the true place."""
        return None if self.truth is None else float(np.hypot(self.x - self.truth[0], self.y - self.truth[1]))


@dataclass(frozen=True)
class Points:
    """Many points at once: arrays over N. Places are pixels of the given pictures."""

    points: np.ndarray  # (N, 2) in source.picture
    targets: np.ndarray  # (N, 2) their best matches
    scores: np.ndarray  # (N,) cosines
    returns: np.ndarray  # (N, 2) round trips
    distances: np.ndarray  # (N,) how far these end from the start
    mutual: np.ndarray  # (N,) bool: point and match are each other's best, so the round trip ends in the cell it began in
    source: View
    target: View

    def __len__(self) -> int:
        return len(self.points)

    def only(self, keep: np.ndarray) -> "Points":
        """Those that a mask (N,) keeps."""
        names = ("points", "targets", "scores", "returns", "distances", "mutual")
        return Points(*(getattr(self, name)[keep] for name in names), self.source, self.target)


@dataclass(frozen=True)
class Pair:
    """x is the photo, y the exemplar. `source` says which of the two a question starts from."""

    field: Field
    photo: View
    exemplar: View
    patches: bool = False  # whether a warp moves whole patches, or each cell's mean colour

    @classmethod
    def between(cls, photo: Image.Image, exemplar: Image.Image, fx: torch.Tensor, fy: torch.Tensor,
                surfaces: tuple[Surface | None, Surface | None] = (None, None)) -> "Pair":
        """Two square pictures, and features of them from anywhere: raw pixels, VGG, a network of yours.

        fx (C, h, w), fy (C, h', w'), compared as in Eq. 3. Raises MatchError for pictures that are not square.
        """
        views = [View.whole(name, picture, tuple(f.shape[1:]), surface) for name, picture, f, surface
                 in zip(("photo", "exemplar"), (photo, exemplar), (fx, fy), surfaces)]
        return cls(Field.of(fx, fy), *views)

    def square(self, side: int) -> "Pair":
        """The same of the squares alone that the network saw, enlarged to side x side: pixels are now counted in these."""
        return replace(self, photo=self.photo.square(side), exemplar=self.exemplar.square(side))

    @cached_property
    def overview(self) -> "Pair":
        """What answers a question about the whole picture, which compares every position with every other: on finer grids than
        128 x 128 that would take minutes, so this pair on such grids. A single point asks the full ones."""
        if max(self.field.x_grid + self.field.y_grid) <= MOST:
            return self
        field = self.field.shrunk(MOST)
        photo, exemplar = replace(self.photo, grid=field.x_grid), replace(self.exemplar, grid=field.y_grid)
        return replace(self, field=field, photo=photo, exemplar=exemplar)

    def _from(self, source: Side) -> tuple[Field, View, View]:
        if source not in ("photo", "exemplar"):
            raise MatchError(f'source is "photo" or "exemplar", not {source!r}')
        forward = source == "photo"
        return (self.field, self.photo, self.exemplar) if forward else (self.field.reversed, self.exemplar, self.photo)

    def query(self, x: float, y: float, alpha: float, k: int = 5, source: Side = "photo") -> Query:
        """Everything about one point; see Query. Two rows of M. Raises OutOfFrame."""
        if k < 1:
            raise MatchError(f"k best: k must be at least 1, got {k}")
        field, here, there = self._from(source)
        (u,), (offset,) = here.cells([[x, y]])
        row = field.row(u)  # (h'w',)
        top = row.topk(min(k, len(row)))
        weights = attention(row, alpha)
        v = top.indices.cpu().numpy()  # (k,)
        back = int(field.reversed.row(v[0]).argmax())
        w = weights.cpu().double().numpy()  # in this order: Apple GPUs have no float64
        places, home = there.pixels(there.centres[v] + offset), here.pixels(here.centres[[back]] + offset)[0]
        best = tuple(Candidate(*place, float(score), float(w[i]), there.colours[i])
                     for i, place, score in zip(v, places.tolist(), top.values))
        off = here.frame.side * float(np.linalg.norm(here.centres[back] - here.centres[u]))
        return Query(
            at=(float(x), float(y)), x=best[0].x, y=best[0].y, score=best[0].score,
            heatmap=row.cpu().numpy().reshape(there.grid), weights=weights.cpu().numpy().reshape(there.grid), alpha=alpha,
            best=best, colour=w @ there.colours, soft=tuple(there.pixels((w @ there.centres + offset)[None])[0].tolist()),
            round_trip=Trip(*home.tolist(), off), source=here, target=there, truth=self.truth(x, y, source))

    def truth(self, x: float, y: float, source: Side = "photo") -> tuple[float, float] | None:
        """The true place of (x, y), in pixels of the other picture; None where it is unknown, hidden or no figure is."""
        (place,) = self.truths([[x, y]], source)
        return None if np.isnan(place).any() else tuple(place.tolist())

    def errors(self, source: Side = "photo") -> np.ndarray:
        """How many pixels of the target the best match of each cell of the source is off its true place. (h, w) of the
        `overview`, NaN where that is unknown."""
        _, here, there = self.overview._from(source)
        matched = there.frame.to_photo(self.flow(source).reshape(-1, 2))
        off = np.linalg.norm(matched - self.truths(here.frame.to_photo(here.centres), source), axis=1)
        return off.reshape(here.grid)

    def truths(self, points, source: Side = "photo") -> np.ndarray:
        """(N, 2) pixels of the source -> their true places in pixels of the target, NaN where unknown."""
        _, here, there = self._from(source)
        points = np.asarray(points, np.float64)
        if here.surface is None or there.surface is None:
            return np.full_like(points, np.nan)
        unit = twins(here.surface, there.surface, points / here.picture.size)
        return unit * there.picture.size

    def match(self, points, source: Side = "photo") -> Points:
        """The best match of each of (N, 2) points, there and back, in blocks of rows. Raises OutOfFrame."""
        field, here, there = self._from(source)
        points = np.asarray(points, np.float64).reshape(-1, 2)
        u, offset = here.cells(points)
        if not len(u):
            none = np.zeros(0)
            return Points(points, points, none, points, none, none.astype(bool), here, there)
        v, scores = field.matches(torch.from_numpy(u).to(field.x.device))
        back = field.reversed.matches(v)[0].cpu().numpy()
        v, scores = v.cpu().numpy(), scores.cpu().numpy()
        off = here.frame.side * np.linalg.norm(here.centres[back] - here.centres[u], axis=1)
        return Points(points, there.pixels(there.centres[v] + offset), scores, here.pixels(here.centres[back] + offset), off,
                      back == u, here, there)

    def grid(self, n: int = 16, source: Side = "photo") -> Points:
        """The matches of n x n points, evenly over the source's square; those beyond its picture are left out."""
        if n < 1:
            raise MatchError(f"a grid has at least 1 point a side, got {n}")
        _, here, _ = self._from(source)
        y, x = (np.mgrid[:n, :n] + 0.5) / n
        xy = here.frame.to_photo(np.stack([x.ravel(), y.ravel()], axis=1))
        return self.match([point for point in xy if here.covers(*point)], source)

    @cached_property
    def _both_ways(self) -> tuple[np.ndarray, np.ndarray]:
        return tuple(t.cpu().numpy() for t in self.field.both_ways())

    def flow(self, source: Side = "photo") -> np.ndarray:
        """The best match of every cell of the source, as unit coordinates x, y of the target's square. (h, w, 2) of the
        `overview`."""
        _, here, there = self.overview._from(source)
        there_of = self.overview._both_ways[0 if source == "photo" else 1]
        return there.centres[there_of].reshape(*here.grid, 2)

    def cycle_error(self, source: Side = "photo") -> np.ndarray:
        """How many pixels of the source each of its cells lands off after the round trip. (h, w) of the `overview`."""
        _, here, _ = self.overview._from(source)
        forward, back = self.overview._both_ways[:: 1 if source == "photo" else -1]
        return here.frame.side * np.linalg.norm(here.centres[back[forward]] - here.centres, axis=1).reshape(here.grid)

    def warp(self, alpha: float, source: Side = "photo") -> Image.Image:
        """Eq. 4: the other picture's crop, moved to where the source has its counterparts, cell by cell of the `overview`."""
        field, here, there = self.overview._from(source)
        return self._moved(correspondence.warp, field, here, there, alpha)

    def cycle(self, alpha: float, source: Side = "exemplar") -> Image.Image:
        """Eq. 12: the source's own crop, moved to the other picture and back; where matching is a cycle, it is unchanged. Cell by
        cell of the `overview`."""
        field, here, _ = self.overview._from(source)
        return self._moved(correspondence.cycle, field.reversed, here, here, alpha)

    def _moved(self, move, field: Field, here: View, carried: View, alpha: float) -> Image.Image:
        """Warp or cycle the crop of `carried`, by patches or by mean colours -> a picture in the frame of `here`."""
        x, y = (f.T.unflatten(1, grid)[None] for f, grid in ((field.x, field.x_grid), (field.y, field.y_grid)))
        pixels = torch.from_numpy(to_array(carried.crop))[None].to(x)  # (1, 3, S, S)
        p = carried.crop.width // carried.grid[1]
        if self.patches:
            r = correspondence.from_patches(move(x, y, correspondence.to_patches(pixels, p), alpha), p)
        else:
            r = move(x, y, F.adaptive_avg_pool2d(pixels, carried.grid), alpha)
            r = F.interpolate(r, here.crop.size[::-1], mode="bilinear", align_corners=False)
        return to_image(r[0].clamp(-1, 1))

    def components(self) -> tuple[np.ndarray, np.ndarray]:
        """The features of photo and exemplar as colours (h, w, 3), (h', w', 3) in 0..1: their three main components, in one
        basis and on one scale, so that equal colours mean equal features. Cells of the `overview`."""
        x, y = (c.cpu() for c in self.overview.field.components(3))
        both = torch.cat([x.flatten(0, 1), y.flatten(0, 1)])  # (hw + h'w', 3)
        low, high = (torch.quantile(both, q, dim=0) for q in (0.01, 0.99))
        return tuple(((c - low) / (high - low).clamp(min=1e-6)).clamp(0, 1).numpy() for c in (x, y))

    def matrix(self, side: int = 32) -> np.ndarray:
        """M between side x side positions of the photo (rows) and of the exemplar (columns), to be looked at."""
        u, v = (torch.from_numpy(sample(view.grid, side)).to(self.field.x.device) for view in (self.photo, self.exemplar))
        return self.field.matrix(u, v).cpu().numpy()

    def row_of(self, x: float, y: float, side: int = 32) -> int:
        """The row of `matrix(side)` that the point (x, y) of the photo lies in. Raises OutOfFrame."""
        self.photo.cells([[x, y]])
        column, row = np.clip(np.floor(self.photo.frame.to_unit([[x, y]])[0] * side), 0, side - 1).astype(int)
        return int(row * side + column)


def sample(grid: tuple[int, int], side: int) -> np.ndarray:
    """Cells of a grid (h, w) nearest to the centres of a grid of side x side, row by row. (side side,)."""
    (h, w), at = grid, (np.arange(side) + 0.5) / side
    return ((at * h).astype(int)[:, None] * w + (at * w).astype(int)).ravel()
