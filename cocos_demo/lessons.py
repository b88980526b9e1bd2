"""What the notebooks share: small sets of pictures and small networks that ship for them, and the check of an exercise."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import checkpoints, packed
from .datasets.figures import load_surface
from .datasets.pairs import Batch
from .datasets.prepared import PreparedFolder
from .datasets.truth import Surface
from .pair import Pair
from .photo import to_image

DATA = Path(__file__).resolve().parents[1] / "data"
SAMPLES = DATA / "samples"  # portraits/, figures/, photos/, parts/
LESSONS = DATA / "lessons"


class LessonError(ValueError):
    """A lesson asks for something that does not ship; the message says what does."""


def figures(split: str) -> PreparedFolder:
    """Rendered people, 64 px, two pictures each, with poses: "train" (54 people) or "test" (6, with the true matches)."""
    return PreparedFolder(LESSONS / "figures", split)


def faces(split: str) -> PreparedFolder:
    """AI-made portraits, 64 px, with landmarks and background edges: "train" (8 people, 168 pictures) or "test" (2, 42)."""
    return PreparedFolder(LESSONS / "faces", split)


def network(name: str) -> nn.Module:
    """A CoCosNet of the preset mini, as the ablation trained it on other rendered people: "full", "without-reg", ...

    In eval mode, on the CPU; it reads the exemplar's own pose too. Raises LessonError for one that does not ship.
    """
    there = packed.files(LESSONS / "networks")
    if name not in there:
        raise LessonError(f"there is no network {name!r} for the lessons; there are {', '.join(there)}")
    return checkpoints.load(there[name])[0].eval()


def batch(folder: PreparedFolder, pairs: Sequence[tuple[int, int]], size: int | None = None) -> Batch:
    """Pairs (photo i, exemplar k) of a folder, undistorted -> Batch. `size` in pixels, the folder's own if not given.

    `known` is 1 on the figure (everywhere, without a part map) where both show one person in one scene, else 0.
    """
    size = size or folder.index["size"]

    def stacked(take, column):
        return torch.stack([take(pair[column], size) for pair in pairs])

    figure = [F.adaptive_avg_pool2d(folder.figure(i), size) * folder.same_scene(i, k) for i, k in pairs]
    return Batch(stacked(folder.condition, 0), stacked(folder.photo, 0), stacked(folder.condition, 1), stacked(folder.photo, 1),
                 torch.stack(figure))


@torch.no_grad()
def pair(net: nn.Module, folder: PreparedFolder, i: int, k: int) -> Pair:
    """What a network finds between the condition of item i and the exemplar k; with the true matches where they are known."""
    b = batch(folder, [(i, k)], net.config.size)
    match = net.correspond(b.x_A, b.y_B, b.y_A)
    photo, exemplar = (to_image(picture[0]) for picture in (b.x_B, b.y_B))
    return Pair.between(photo, exemplar, match.fx[0], match.fy[0], (surface(folder, i), surface(folder, k)))


def surface(folder: PreparedFolder, i: int) -> Surface | None:
    """What item i shows of the body, where the folder holds it."""
    name = folder.items[i]["name"]
    return Surface(*load_surface(folder.path, name)) if (folder.path / "surface" / f"{name}.npz").is_file() else None


def check(answer, expected, tolerance: float = 1e-5) -> None:
    """Whether an exercise is solved: says "Not yet" while the answer is `...`; AssertionError if it is wrong.

    Numbers and tensors may differ by `tolerance`; everything else must be equal.
    """
    if answer is ...:
        print("Not yet: write your answer in place of the dots.")
        return
    if isinstance(expected, Tensor | float):
        answer, expected = (torch.as_tensor(value, dtype=torch.float64) for value in (answer, expected))
        torch.testing.assert_close(answer, expected, atol=tolerance, rtol=tolerance)
    else:
        assert answer == expected, f"{answer!r} is not it yet"
    print("Right.")
