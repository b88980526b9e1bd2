"""What the papers' main tables ask of one network, on pairs of two held-out people: quality, content, style, diversity."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..datasets.prepared import DataError, PreparedFolder
from ..metrics.distributions import INCEPTION
from . import figures, portraits
from .critics import Critics
from .pairs import FRONT, Answers, batch_of, choose_pairs

DIVERSITY, TO_EXEMPLAR, TO_TRUTH = "diversity, ", "to the exemplar, ", "to the photo, "  # a distance's name follows
REAL = " of real photos"  # the trivial answer: the exemplars' own diversity


def references(pool: list[int], i: int, references: int, seed: int) -> list[int]:
    """The exemplars under which input i is painted: so many other pictures of the pool, drawn by the seed and by i. DataError."""
    others = np.array([k for k in pool if k != i])
    if len(others) < references:
        raise DataError(f"{references} exemplars for one input need {references + 1} held-out pictures; there are {len(pool)}")
    return np.random.default_rng((seed, i)).permutation(others)[:references].tolist()


def diversity(critics: Critics, sets: list[Tensor]) -> dict[str, float]:
    """Mean over inputs of the mean distance of any two results of one input; sets of (K, 3, S, S), K >= 2, one an input."""
    rows = [critics.diversity(variants) for variants in tqdm(sets, desc="diversity", leave=False)]
    return {name: float(np.mean([row[name] for row in rows])) for name in critics.distances} if rows else {}


@torch.no_grad()
def measure(net: torch.nn.Module, folder: PreparedFolder, args, critics: Critics,
            known: dict[str, float] | None = None) -> dict[str, float]:
    """All figures of the main tables. `args`: pairs, seed, inputs, references, as in the command `tables`. `known`: figures of
    another network on the same pairs, out of which those of real photos are taken.

    Figures are seen from the front, as those that `evaluate` shows to perceptual networks. Raises DataError.
    """
    size, seed, front = net.config.size, args.seed, folder.kind.name == "figure"
    pairs = choose_pairs(folder, False, args.pairs, seed, front=front)
    pool = [k for k, item in enumerate(folder.items) if not front or abs(item.get("yaw", 0)) <= FRONT]
    inputs = list(dict.fromkeys(i for i, _ in pairs))[:args.inputs]
    with torch.random.fork_rng(devices=[]):  # whatever a network draws, it draws the same in every run
        torch.manual_seed(seed)
        rows = [_row(net, folder, i, j, size) for i, j in tqdm(pairs, desc="pairs", leave=False)]
        truths = torch.cat([_painted(net, folder, i, i, size) for i, _ in tqdm(pairs, desc="own photo", leave=False)])
        variants = {i: [(k, _painted(net, folder, i, k, size)) for k in references(pool, i, args.references, seed)]
                    for i in tqdm(inputs, desc="exemplars", leave=False)}
    answers = Answers.stack(rows)
    found = {"pairs": len(pairs), **critics.looks(answers)}
    found |= {DIVERSITY + name: value for name, value in diversity(
        critics, [torch.cat([picture for _, picture in each]) for each in variants.values()]).items()}
    found |= {TO_EXEMPLAR + name: value for name, value in critics.between(answers.outputs, answers.exemplars).items()}
    found |= {TO_TRUTH + name: value for name, value in critics.between(truths, answers.photos).items()}
    return found | (_real(known or {}) or _of_real_photos(folder, variants, answers, size, critics))


def _real(figures: dict[str, float]) -> dict[str, float]:
    return {key: value for key, value in figures.items() if key.endswith(REAL)}


def _of_real_photos(folder: PreparedFolder, variants: dict, answers: Answers, size: int, critics: Critics) -> dict[str, float]:
    """The trivial answers: how far the exemplars of one input are from each other, and a photo from its exemplar and itself."""
    exemplars = [torch.stack([folder.photo(k, size) for k, _ in each]) for each in variants.values()]
    found = {DIVERSITY + name: value for name, value in diversity(critics, exemplars).items()}
    found |= {TO_EXEMPLAR + name: value for name, value in critics.between(answers.photos, answers.exemplars).items()}
    return {name + REAL: value for name, value in found.items()} | {TO_TRUTH + name + REAL: 0.0 for name in critics.distances}


def judges(critics: Critics) -> list[str]:
    """What can be measured here with the weights that are there: figures of other judges are measured again."""
    inception = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION
    return [*critics.distances, *(["FID"] if inception.is_file() else [])]


def _painted(net: torch.nn.Module, folder: PreparedFolder, i: int, j: int, size: int) -> Tensor:
    """(1, 3, S, S): the condition of i in the looks of j."""
    x_A, _, y_A, y_B = batch_of(folder, [(i, j)], size)
    return net(x_A, y_B, y_A).image


def _row(net: torch.nn.Module, folder: PreparedFolder, i: int, j: int, size: int) -> dict[str, Tensor | None]:
    regions = ((lambda k: figures.regions(folder, k, size)) if folder.kind.name == "figure" else
               (lambda k: portraits.regions(torch.from_numpy(folder.points[k][:, :2]), size)))
    return dict(outputs=_painted(net, folder, i, j, size)[0], warps=None, photos=folder.photo(i, size),
                exemplars=folder.photo(j, size), photo_regions=regions(i), exemplar_regions=regions(j))
