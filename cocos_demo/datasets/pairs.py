"""Training pairs out of a prepared folder: same person, pseudo exemplar, any other person."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import LabelKind
from . import distortion, listed
from .archives import ArchiveSet
from .prepared import DataError, PreparedFolder


@dataclass
class Mix:
    """How often each kind of pair is drawn (shares; normalised), and how strongly pictures are moved."""

    same: float = 0.4  # another picture of the same person: the target is known
    pseudo: float = 0.2  # the picture itself, distorted: the target is known
    cross: float = 0.4  # another person: the target's structure is known, its looks are the exemplar's. Any other person, or,
    # where an exemplar list is given, the picture's best exemplar ...
    hard: float = 0.0  # ... and the last one of its line: an exemplar that has less in common with the picture
    move: float = 1.0  # strength of the small affine that every picture gets; 0 for sets that vary enough
    crop: float = 0.0  # instead of `move`: a picture is loaded larger by this share and cropped at a random place
    flip: bool = True  # half of the pictures are mirrored
    pseudo_by: Literal["distortion", "crop"] = "distortion"  # what a pseudo exemplar is: the picture turned, scaled and bent, as
    # the paper has it; or the picture cropped and mirrored by other dice, as released
    colour: float = 0.0  # strength of a random change of hue, saturation and tint, the same for both pictures where the target
    # is known, so that what colour a thing has is told by the exemplar alone; lightness stays
    light: float = 0.0  # the same for lightness: strength of a random gamma. Not for grey photos, whose condition it is


@dataclass
class Batch:
    """x_A, y_A (B, C, S, S) in [0, 1]; x_B, y_B (B, 3, S, S) in [-1, 1]; known (B, 1, S, S): 1 where x_B is what y_B's looks
    give: everywhere for pseudo pairs, nowhere for different people; of one person the figure alone, where a part map tells
    it from the background. foreground (B, 1, S, S) in [0, 1], of x_B, or None where it was not asked for. dice (B,): a number
    for each sample, of which what is random about it in the network is drawn, or None."""

    x_A: Tensor
    x_B: Tensor
    y_A: Tensor
    y_B: Tensor
    known: Tensor
    foreground: Tensor | None = None
    dice: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(None if t is None else t.to(device, non_blocking=True) for t in vars(self).values()))

    def split(self, parts: int) -> "list[Batch]":
        """So many batches, of equal size, in order."""
        columns = ([None] * parts if t is None else t.chunk(parts) for t in vars(self).values())
        return [Batch(*column) for column in zip(*columns)]

    def generators(self) -> list[torch.Generator] | None:
        """Fresh dice for each sample, on the CPU: the same whatever batch it is in, on whichever process. None without `dice`."""
        return None if self.dice is None else [torch.Generator().manual_seed(seed) for seed in self.dice.tolist()]


def _normalised(shares: tuple[float, ...], what: str) -> np.ndarray:
    shares = np.array(shares, dtype=float)
    if shares.min() < 0 or shares.sum() <= 0:
        raise ValueError(f"the shares of {what} must be at least 0 and not all 0, got {shares.tolist()}")
    return shares / shares.sum()


class PairSampler:
    """`sampler(step, batch)` -> Batch, a function of (seed, step) alone, so a resumed training sees what it would have seen.

    Each sample comes from one of `folders`, all of one condition, drawn by `shares` (equal ones if not given). `exemplars`: what
    `retrieval.read_list` gives, for pairs of different people; without such pairs in the mix, the pictures of the same person
    that each is paired with (the published deepfashion_self_pair.txt). `foreground`: batches hold the foreground masks as well.
    """

    def __init__(self, folders: list[PreparedFolder | ArchiveSet], size: int, mix: Mix, seed: int = 0,
                 shares: tuple[float, ...] = (), exemplars: dict[str, tuple[str, ...]] | None = None, foreground: bool = False):
        self.folders, self.size, self.mix, self.seed, self.foreground = folders, size, mix, seed, foreground
        if len({folder.kind.name for folder in folders}) != 1:
            raise DataError(f"one network reads one condition; got {', '.join(f.kind.name for f in folders)}")
        if mix.light > 0 and folders[0].kind.name == "grey":
            raise DataError("the condition grey is the photo's lightness, which mix.light would change; set it to 0")
        if not 0 <= mix.crop < 4:
            raise ValueError(f"the share that mix.crop loads a picture larger by must be between 0 and 4, got {mix.crop}")
        if mix.pseudo > 0 and mix.pseudo_by == "crop" and not (mix.crop > 0 or mix.flip):
            raise ValueError('with mix.pseudo_by "crop" and neither mix.crop nor mix.flip a pseudo exemplar would be the picture '
                             'itself')
        self.sorts = _normalised((mix.same, mix.pseudo, mix.cross, mix.hard), "same, pseudo, cross and hard pairs")
        if mix.hard > 0 and not exemplars:
            raise DataError("hard pairs are the last exemplars of a list; make one with: python -m cocos_demo exemplars")
        if exemplars and any(isinstance(folder, ArchiveSet) for folder in folders):
            raise DataError("a list of exemplars pairs pictures of any two tars, and a step has one; train from folders, or "
                            "without the list")
        strangers = mix.cross + mix.hard > 0
        self.listed = [listed.others(folder, exemplars) if exemplars and strangers else {} for folder in folders]
        self.selves = [listed.selves(folder, exemplars) if exemplars and not strangers else None for folder in folders]
        self.shares = _normalised(shares or (1.0,) * len(folders), "the folders")
        if len(self.shares) != len(folders):
            raise ValueError(f"{len(folders)} folders need as many shares, got {len(self.shares)}")
        for folder in folders:
            if folder.index["size"] < size:
                raise DataError(f"{folder.path} has pictures of {folder.index['size']} px, the network {size} px; "
                                f"prepare them again with --size {size} or more")
            if folder.fewest_people < 2 and mix.cross > 0:
                raise DataError(f"{folder.path}: pairs of different people need at least two people (in tars, in each "
                                f"of them); set mix.cross to 0")
            drawn_from = folder.at(seed, 0)  # what cannot be read is refused now ...
            if foreground:
                drawn_from.foreground(0)  # ... and a folder without masks

    def __call__(self, step: int, batch: int, first: int = 0) -> Batch:
        """Samples `first` to `first + batch` of this step; several processes share a step by taking one stretch each."""
        seeds = [np.random.SeedSequence((self.seed, step, k)) for k in range(first, first + batch)]
        samples = [self._pair(np.random.default_rng(seed), step) for seed in seeds]
        dice = torch.from_numpy(np.concatenate([seed.generate_state(1) for seed in seeds]).astype(np.int64))
        return Batch(*(torch.stack(column) for column in zip(*samples)), dice=dice)

    def _pair(self, rng: np.random.Generator, step: int) -> tuple[Tensor, ...]:
        f = rng.choice(len(self.folders), p=self.shares)
        folder, exemplars, selves = self.folders[f].at(self.seed, step), self.listed[f], self.selves[f]
        i, sort, flip = int(rng.integers(len(folder))), rng.choice(4, p=self.sorts), self._flips(rng)
        person = folder.items[i]["person"]
        others = [k for k in folder.people[person] if k != i and folder.same_scene(i, k)] if selves is None else selves.get(i, ())
        x_A, x_B, figure, *foreground = self._take(folder, i, rng, flip, self.foreground)
        if sort == 0 and others:
            y_A, y_B, _ = self._take(folder, int(rng.choice(others)), rng, flip)
            known = figure
        elif sort >= 2:
            k = exemplars[i][-1 if sort == 3 else 0] if exemplars else self._stranger(folder, person, rng)
            y_A, y_B, _ = self._take(folder, k, rng, self._flips(rng))
            known = torch.zeros_like(figure)
        else:
            if self.mix.pseudo_by == "crop":
                y_A, y_B, _ = self._take(folder, i, rng, self._flips(rng))
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

    def _flips(self, rng: np.random.Generator) -> bool:
        return bool(rng.integers(2)) and self.mix.flip

    @staticmethod
    def _stranger(folder: PreparedFolder, person: str, rng: np.random.Generator) -> int:
        """Any picture of any other person, each person as often as another."""
        names = list(folder.people)
        stranger = names[int(rng.integers(len(names) - 1))]
        stranger = names[-1] if stranger == person else stranger
        return int(rng.choice(folder.people[stranger]))

    def _take(self, folder: PreparedFolder, i: int, rng: np.random.Generator, flip: bool,
              foreground: bool = False) -> tuple[Tensor, ...]:
        """Condition, picture, figure mask and, if asked for, foreground of item i under one small affine map, or of one crop:
        the points are moved and drawn anew, so lines stay crisp."""
        m, window = self.mix.move, None
        if self.mix.crop > 0:
            affine, window = distortion.random_crop(rng, self.size, self.mix.crop, flip)
        else:
            affine = distortion.random_affine(rng, 0.1 * m, 0.04 * m, 0.12 * m, flip)
        points, raster = distortion.move_points(folder.points[i], affine), folder.raster(i)
        if flip:
            points = folder.kind.mirror(points)
        if raster is not None:
            raster = _moved(folder.kind, raster, affine, flip)
        drawn = folder.kind.draw(folder.kind.disturb(points, rng), self.size, raster)
        masks = [folder.figure(i), *([folder.foreground(i)] if foreground else [])]
        picture = torch.cat([folder.image(i).float() / 127.5 - 1, *masks])  # (4 or 5, S, S)
        if window:
            picture = _cropped(picture, self.size, *window)
            picture = picture.flip(2) if flip else picture
        elif m > 0:
            picture = distortion.sample(picture, distortion.affine_grid(affine, folder.load_size))
        elif flip:
            picture = picture.flip(2)
        picture = F.adaptive_avg_pool2d(picture, self.size)
        return torch.from_numpy(drawn), picture[:3], *picture[3:].split(1)

    def _pseudo(self, folder: PreparedFolder, x_A: Tensor, x_B: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The pseudo exemplar x'_B = h(x_B), and its condition under the same h."""
        labels = isinstance(folder.kind, LabelKind)
        flip = not folder.kind.sided and self._flips(rng)  # a map that tells left from right is no other's mirror image
        affine = distortion.affine_grid(distortion.random_affine(rng, 0.2, 0.1, 0.3, flip), self.size)
        grid = distortion.compose(affine, distortion.thin_plate_grid(rng, 0.06, self.size))
        return distortion.sample(x_A, grid, "nearest" if labels else "bilinear"), distortion.sample(x_B, grid)


def _cropped(picture: Tensor, size: int, large: int, left: int, top: int) -> Tensor:
    """(C, S, S), loaded as (C, large, large), from there (C, size, size)."""
    if picture.shape[1] != large:
        picture = F.interpolate(picture[None], size=(large, large), mode="bilinear", antialias=True)[0]
    return picture[:, top:top + size, left:left + size]


def _moved(kind, raster: np.ndarray, affine: np.ndarray, flip: bool) -> np.ndarray:
    """A raster (R, R) under an affine map; numbers stay whole, and left and right classes are exchanged in a mirror. Of a label
    map's crop as many pixels are kept as it has, so that none is repeated."""
    side = raster.shape[0]
    if isinstance(kind, LabelKind) and affine[0, 1] == affine[1, 0] == 0:  # neither turned nor ...
        side = min(round(side * affine[1, 1]), side)  # ... made smaller
    grid = distortion.affine_grid(affine, side)
    moved = distortion.sample(torch.from_numpy(raster).float()[None], grid, "nearest" if kind.exact else "bilinear")[0].numpy()
    if not kind.exact:
        return moved
    moved = moved.astype(raster.dtype)
    return kind.renamed(moved) if flip else moved
