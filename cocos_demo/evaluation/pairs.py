"""Which pictures are measured, and what a network answers to them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..datasets.prepared import DataError, PreparedFolder

FRONT = 60  # degrees of yaw up to which a figure is seen from the front


def choose_pairs(folder: PreparedFolder, same: bool, count: int, seed: int, front: bool = False,
                 any_scene: bool = False) -> list[tuple[int, int]]:
    """`count` different ordered pairs (photo, exemplar), evenly drawn; fewer if there are fewer.

    Of one person in one scene (`same`: the exemplar's looks are the photo's; `any_scene` drops that), or of two people.
    `front`: both within FRONT.
    """
    keep = [i for i, item in enumerate(folder.items) if not front or abs(item.get("yaw", 0)) <= FRONT]
    if same:
        fits = folder.same_person if any_scene else folder.same_scene
        pairs = [(i, j) for i in keep for j in keep if i != j and fits(i, j)]
    else:
        pairs = [(i, j) for i in keep for j in keep if not folder.same_person(i, j)]
    if not pairs:
        raise DataError(f"{folder.path}: the split {folder.split!r} has no two pictures of "
                        f"{'one person in one scene' if same else 'different people'}")
    order = np.random.default_rng(seed).permutation(len(pairs))[:count]
    return [pairs[k] for k in order]


def batch_of(folder: PreparedFolder, pairs: list[tuple[int, int]], size: int) -> tuple[Tensor, ...]:
    """x_A, x_B, y_A, y_B of undistorted pairs."""
    xs, ys = zip(*pairs)
    conditions = [torch.stack([folder.condition(i, size) for i in side]) for side in (xs, ys)]
    photos = [torch.stack([folder.photo(i, size) for i in side]) for side in (xs, ys)]
    return conditions[0], photos[0], conditions[1], photos[1]


@dataclass
class Answers:
    """What a network made of N pairs, beside the pairs themselves. Pictures (N, 3, S, S) in [-1, 1]."""

    outputs: Tensor
    warps: Tensor | None  # None: the system has no warp
    photos: Tensor  # x_B
    exemplars: Tensor  # y_B
    photo_regions: Tensor  # (N, S, S) class numbers, 0 the background
    exemplar_regions: Tensor
    figures: Tensor | None = None  # (N, 1, S, S) bool: where x_B shows the figure; None where nothing tells it

    @classmethod
    def stack(cls, rows: list[dict[str, Tensor | None]]) -> "Answers":
        """One row a pair, each field without its first dimension."""
        return cls(**{name: None if rows[0][name] is None else torch.stack([row[name] for row in rows]) for name in rows[0]})

    def __len__(self) -> int:
        return len(self.outputs)
