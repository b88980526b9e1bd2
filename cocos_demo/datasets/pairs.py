"""Training pairs out of a prepared folder: same person, pseudo exemplar, any other person."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..conditions import KINDS, LabelKind
from ..conditions.grey import luma
from . import distortion


class DataError(RuntimeError):
    """A prepared folder is missing or incomplete; the message says what to run."""


class PreparedFolder:
    """A folder written by `prepare`: pictures, points, edges or part maps, and who is in them.

    `condition` is the kind that is drawn: the folder's own if not given; a folder of figures with part maps serves "parts" too,
    one of portraits "grey".
    `folder.items[i]` is the entry of index.json; `folder.image(i)` a (3, S, S) uint8 tensor with S = `load_size`;
    `folder.condition(i, size)` the drawn map (C, size, size). Raises DataError for a folder that is not one.
    """

    def __init__(self, path: str | Path, split: str, load_size: int | None = None, condition: str | None = None):
        self.path = Path(path)
        try:
            index = json.loads((self.path / "index.json").read_text())
            points = np.load(self.path / "points.npy").astype(np.float32)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path} is not a prepared folder ({error}); make one with: "
                            f"python -m cocos_demo prepare people|figures OUT") from None
        if not (isinstance(index, dict) and {"condition", "items", "size"} <= set(index)) or index["condition"] not in KINDS:
            raise DataError(f"{self.path}/index.json was not written by python -m cocos_demo prepare, or by another version")
        if len(points) != len(index["items"]):
            raise DataError(f"{self.path}: points.npy has {len(points)} rows, index.json {len(index['items'])} items")
        chosen = [i for i, item in enumerate(index["items"]) if item["split"] == split]
        if not chosen:
            raise DataError(f"{self.path} holds no picture of the split {split!r}")
        serves = [index["condition"], *(["parts"] if "parts" in index else [])]
        serves += ["grey"] if index["condition"] == "portrait" else []
        if condition and condition not in serves:
            raise DataError(f"{self.path} serves the condition {' or '.join(serves)}, not {condition}")
        self.index, self.split, self.kind = index, split, KINDS[condition or index["condition"]]
        try:
            self._numbers = KINDS["parts"].numbers(index["parts"]) if self.kind.name == "parts" else None
        except ValueError as error:
            raise DataError(f"{self.path}: {error}") from None
        self.items, self.points = [index["items"][i] for i in chosen], points[chosen]
        self.load_size = min(load_size or index["size"], index["size"])
        self._images: dict[int, Tensor] = {}
        self.people: dict[str, list[int]] = {}
        for i, item in enumerate(self.items):
            self.people.setdefault(item["person"], []).append(i)

    def __len__(self) -> int:
        return len(self.items)

    def same_person(self, i: int, k: int) -> bool:
        """Whether i and k show one person."""
        return self.items[i]["person"] == self.items[k]["person"]

    def same_scene(self, i: int, k: int) -> bool:
        """Whether i's looks can be known from k: one person in the same clothes and light, where the index tells scenes."""
        return self.same_person(i, k) and self.items[i].get("scene") == self.items[k].get("scene")

    def _open(self, part: str, i: int, ending: str) -> Image.Image:
        file = self.path / part / f"{self.items[i]['name']}.{ending}"
        try:
            picture = Image.open(file)
            picture.load()
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error}); prepare the folder again") from None
        return picture

    def image(self, i: int) -> Tensor:
        """(3, S, S) uint8 RGB; read once, then kept in memory."""
        if i not in self._images:
            picture = self._open("images", i, "jpg").convert("RGB")
            if picture.size != (self.load_size, self.load_size):
                picture = picture.resize((self.load_size, self.load_size), Image.LANCZOS)
            self._images[i] = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
        return self._images[i]

    def raster(self, i: int) -> np.ndarray | None:
        """uint8: the background edges (256, 256) of a portrait, the label map (R, R) of kind "parts", the luma (S, S) of kind
        "grey"; None for figures."""
        if self.kind.name == "parts":
            return self._numbers[self.parts(i)]
        if self.kind.name == "grey":
            return luma(Image.fromarray(self.image(i).permute(1, 2, 0).numpy()))
        return np.array(self._open("edges", i, "png").convert("L")) if self.kind.name == "portrait" else None

    def parts(self, i: int) -> np.ndarray:
        """uint8 (R, R): the part of the body that each pixel shows, by its number in `index["parts"]`; 0 is the background."""
        return np.array(self._open("parts", i, "png"))

    def figure(self, i: int) -> Tensor:
        """(1, S, S) float: 1 on the figure, by the part map; 1 everywhere for kinds without one."""
        if "parts" not in self.index:
            return torch.ones(1, self.load_size, self.load_size)
        parts = self._open("parts", i, "png")
        mask = np.array(parts.resize((self.load_size, self.load_size), Image.NEAREST)) > 0
        return torch.from_numpy(mask).float()[None]

    def foreground(self, i: int) -> Tensor:
        """(1, S, S) in 0..1: 1 where a person is in front, by the part map, else by masks/. Raises DataError without either."""
        if "parts" in self.index:
            return self.figure(i)
        if not (self.path / "masks" / f"{self.items[i]['name']}.png").is_file():
            raise DataError(f"{self.path} has no foreground mask of {self.items[i]['name']}; masks are made by: "
                            f"python -m cocos_demo prepare people {self.path.parent} --size {self.index['size']}")
        mask = self._open("masks", i, "png").convert("L").resize((self.load_size, self.load_size), Image.BOX)
        return torch.from_numpy(np.array(mask)).float()[None] / 255

    def photo(self, i: int, size: int) -> Tensor:
        """(3, size, size) in [-1, 1], undistorted."""
        return F.adaptive_avg_pool2d(self.image(i).float() / 127.5 - 1, size)

    def condition(self, i: int, size: int) -> Tensor:
        """(C, size, size) in [0, 1], undistorted."""
        return torch.from_numpy(self.kind.draw(self.points[i], size, self.raster(i)))


@dataclass
class Mix:
    """How often each kind of pair is drawn (shares; normalised), and how strongly pictures are moved."""

    same: float = 0.4  # another picture of the same person: the target is known
    pseudo: float = 0.2  # the picture itself, distorted: the target is known
    cross: float = 0.4  # another person: the target's structure is known, its looks are the exemplar's. Any other person, or,
    # where an exemplar list is given, the picture's best exemplar ...
    hard: float = 0.0  # ... and the last one of its line: an exemplar that has less in common with the picture
    move: float = 1.0  # strength of the small affine that every picture gets; 0 for sets that vary enough
    colour: float = 0.0  # strength of a random change of hue, saturation and tint, the same for both pictures where the target
    # is known, so that what colour a thing has is told by the exemplar alone; lightness stays
    light: float = 0.0  # the same for lightness: strength of a random gamma. Not for grey photos, whose condition it is


@dataclass
class Batch:
    """x_A, y_A (B, C, S, S) in [0, 1]; x_B, y_B (B, 3, S, S) in [-1, 1]; known (B, 1, S, S): 1 where x_B is what y_B's looks
    give: everywhere for pseudo pairs, nowhere for different people; of one person the figure alone, where a part map tells
    it from the background. foreground (B, 1, S, S) in [0, 1], of x_B, or None where it was not asked for."""

    x_A: Tensor
    x_B: Tensor
    y_A: Tensor
    y_B: Tensor
    known: Tensor
    foreground: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(None if t is None else t.to(device, non_blocking=True) for t in vars(self).values()))


def _normalised(shares: tuple[float, ...], what: str) -> np.ndarray:
    shares = np.array(shares, dtype=float)
    if shares.min() < 0 or shares.sum() <= 0:
        raise ValueError(f"the shares of {what} must be at least 0 and not all 0, got {shares.tolist()}")
    return shares / shares.sum()


class PairSampler:
    """`sampler(step, batch)` -> Batch, a function of (seed, step) alone, so a resumed training sees what it would have seen.

    Each sample comes from one of `folders`, all of one condition, drawn by `shares` (equal ones if not given). `exemplars`: what
    `retrieval.read_list` gives, for pairs of different people. `foreground`: batches hold the foreground masks as well.
    """

    def __init__(self, folders: list[PreparedFolder], size: int, mix: Mix, seed: int = 0, shares: tuple[float, ...] = (),
                 exemplars: dict[str, tuple[str, ...]] | None = None, foreground: bool = False):
        self.folders, self.size, self.mix, self.seed, self.foreground = folders, size, mix, seed, foreground
        if len({folder.kind.name for folder in folders}) != 1:
            raise DataError(f"one network reads one condition; got {', '.join(f.kind.name for f in folders)}")
        if mix.light > 0 and folders[0].kind.name == "grey":
            raise DataError("the condition grey is the photo's lightness, which mix.light would change; set it to 0")
        self.sorts = _normalised((mix.same, mix.pseudo, mix.cross, mix.hard), "same, pseudo, cross and hard pairs")
        if mix.hard > 0 and not exemplars:
            raise DataError("hard pairs are the last exemplars of a list; make one with: python -m cocos_demo exemplars")
        self.listed = [_listed(folder, exemplars) if exemplars else {} for folder in folders]
        self.shares = _normalised(shares or (1.0,) * len(folders), "the folders")
        if len(self.shares) != len(folders):
            raise ValueError(f"{len(folders)} folders need as many shares, got {len(self.shares)}")
        for folder in folders:
            if folder.index["size"] < size:
                raise DataError(f"{folder.path} has pictures of {folder.index['size']} px, the network {size} px; "
                                f"prepare them again with --size {size} or more")
            if len(folder.people) < 2 and mix.cross > 0:
                raise DataError(f"{folder.path}: pairs of different people need at least two people; set mix.cross to 0")
            if foreground:
                folder.foreground(0)  # a folder without masks is refused now

    def __call__(self, step: int, batch: int, first: int = 0) -> Batch:
        """Samples `first` to `first + batch` of this step; several processes share a step by taking one stretch each."""
        samples = [self._pair(np.random.default_rng((self.seed, step, k))) for k in range(first, first + batch)]
        return Batch(*(torch.stack(column) for column in zip(*samples)))

    def _pair(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        f = rng.choice(len(self.folders), p=self.shares)
        folder, listed = self.folders[f], self.listed[f]
        i, sort, flip = int(rng.integers(len(folder))), rng.choice(4, p=self.sorts), bool(rng.integers(2))
        person = folder.items[i]["person"]
        others = [k for k in folder.people[person] if k != i and folder.same_scene(i, k)]
        x_A, x_B, figure, *foreground = self._take(folder, i, rng, flip, self.foreground)
        if sort == 0 and others:
            y_A, y_B, _ = self._take(folder, int(rng.choice(others)), rng, flip)
            known = figure
        elif sort >= 2:
            k = listed[i][-1 if sort == 3 else 0] if listed else self._stranger(folder, person, rng)
            y_A, y_B, _ = self._take(folder, k, rng, bool(rng.integers(2)))
            known = torch.zeros_like(figure)
        else:
            y_A, y_B = self._pseudo(folder, x_A, x_B, rng)
            known = torch.ones_like(figure)
        if self.mix.colour > 0:
            first, second = (distortion.random_chroma(rng, self.mix.colour) for _ in range(2))
            x_B, y_B = distortion.recoloured(x_B, first), distortion.recoloured(y_B, second if sort >= 2 else first)
        if self.mix.light > 0:
            first, second = (distortion.random_gamma(rng, self.mix.light) for _ in range(2))
            x_B, y_B = distortion.relit(x_B, first), distortion.relit(y_B, second if sort >= 2 else first)
        return x_A, x_B, y_A, y_B, known, *foreground

    @staticmethod
    def _stranger(folder: PreparedFolder, person: str, rng: np.random.Generator) -> int:
        """Any picture of any other person, each person as often as another."""
        names = list(folder.people)
        stranger = names[int(rng.integers(len(names) - 1))]
        stranger = names[-1] if stranger == person else stranger
        return int(rng.choice(folder.people[stranger]))

    def _take(self, folder: PreparedFolder, i: int, rng: np.random.Generator, flip: bool,
              foreground: bool = False) -> tuple[Tensor, ...]:
        """Condition, picture, figure mask and, if asked for, foreground of item i under one small affine map: the points are
        moved and drawn anew, so lines stay crisp."""
        m = self.mix.move
        affine = distortion.random_affine(rng, 0.1 * m, 0.04 * m, 0.12 * m, flip)
        points, raster = distortion.move_points(folder.points[i], affine), folder.raster(i)
        if flip:
            points = folder.kind.mirror(points)
        if raster is not None:
            raster = _moved(folder.kind, raster, affine, flip)
        drawn = folder.kind.draw(folder.kind.disturb(points, rng), self.size, raster)
        masks = [folder.figure(i), *([folder.foreground(i)] if foreground else [])]
        picture = torch.cat([folder.image(i).float() / 127.5 - 1, *masks])  # (4 or 5, S, S)
        if m > 0:
            picture = distortion.sample(picture, distortion.affine_grid(affine, folder.load_size))
        elif flip:
            picture = picture.flip(2)
        picture = F.adaptive_avg_pool2d(picture, self.size)
        return torch.from_numpy(drawn), picture[:3], *picture[3:].split(1)

    def _pseudo(self, folder: PreparedFolder, x_A: Tensor, x_B: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The pseudo exemplar x'_B = h(x_B), and its condition under the same h."""
        labels = isinstance(folder.kind, LabelKind)
        flip = folder.kind.name in ("portrait", "grey") and bool(rng.integers(2))  # a figure has a left and a right
        affine = distortion.affine_grid(distortion.random_affine(rng, 0.2, 0.1, 0.3, flip), self.size)
        grid = distortion.compose(affine, distortion.thin_plate_grid(rng, 0.06, self.size))
        return distortion.sample(x_A, grid, "nearest" if labels else "bilinear"), distortion.sample(x_B, grid)


def _listed(folder: PreparedFolder, exemplars: dict[str, tuple[str, ...]]) -> dict[int, list[int]]:
    """Item -> its exemplars among the folder's items, best first; other people's alone. Raises DataError where there are none."""
    number = {item["name"]: i for i, item in enumerate(folder.items)}
    lines = {Path(query).stem: [Path(ref).stem for ref in refs] for query, refs in exemplars.items()}
    listed = {i: [number[ref] for ref in lines.get(name, ()) if ref in number and not folder.same_person(i, number[ref])]
              for name, i in number.items()}
    bare = [folder.items[i]["name"] for i, refs in listed.items() if not refs]
    if bare:
        raise DataError(f"the list of exemplars has none of other people for {len(bare)} of the {len(folder)} pictures of "
                        f"{folder.path} ({bare[0]}, ...); make one with: "
                        f"python -m cocos_demo exemplars {folder.path} --other-people")
    return listed


def _moved(kind, raster: np.ndarray, affine: np.ndarray, flip: bool) -> np.ndarray:
    """A raster (R, R) under an affine map; a label map stays one, its left and right classes exchanged in a mirror."""
    grid, labels = distortion.affine_grid(affine, raster.shape[0]), isinstance(kind, LabelKind)
    moved = distortion.sample(torch.from_numpy(raster).float()[None], grid, "nearest" if labels else "bilinear")[0].numpy()
    if not labels:
        return moved
    moved = moved.astype(np.uint8)
    return kind.mirrored[moved] if flip else moved
