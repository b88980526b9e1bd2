"""Whole networks on portraits, one design beside another, each trained from several seeds: MCL-Net's Table 3, and what is known
of pairs of one person beside it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ..datasets.prepared import DataError, PreparedFolder
from ..metrics import relative_error
from .critics import EVEN, EXEMPLAR, FRECHET, FRECHET_LAYER, Critics
from .likeness import likeness
from .pairs import batch_of, choose_pairs
from .portraits import answer
from .tables import APART, HIGH, LOW, THE_EXEMPLAR, THE_PHOTO, Column, drawn, grid, over_seeds, pictures, write_sheet

SEED = 0  # of the choice of pictures; the same for every row
DIVERSITY = "diversity: "
TABLE_3 = (
    Column("Frechet distance, VGG-16", FRECHET, LOW),
    Column("FID", "FID", LOW),
    Column("SWD", "SWD", LOW),
    *(Column(f"diversity, {words}", DIVERSITY + name, HIGH, {THE_EXEMPLAR: DIVERSITY + name + EXEMPLAR})
      for words, name in (("perceptual distance", EVEN), ("LPIPS", "LPIPS"))),
    *(Column(f"{words}{APART}", f"{key}{APART}", LOW)
      for words, key in (("Frechet distance", FRECHET), ("SWD", "SWD"), ("diversity", DIVERSITY + EVEN))),
)  # fmt: skip
KNOWN = (
    Column("error / exemplar's", "error / exemplar's error", LOW),
    *(Column(f"{what} {measure}", f"{what}: {measure}", better, {THE_EXEMPLAR: f"exemplar itself: {measure}"})
      for what in ("warp", "output") for measure, better in (("PSNR", HIGH), ("SSIM", HIGH))),
    Column("landmarks", "landmarks, eye distances", LOW, {THE_EXEMPLAR: "landmarks of the exemplar itself",
                                                          THE_PHOTO: "landmarks of the photo itself, found again"}),
    Column("faces found", "faces found", HIGH),
    Column(f"error / exemplar's{APART}", f"error / exemplar's error{APART}", LOW),
)  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """The pictures that every row is measured on, by their numbers in the folder."""

    other: list[tuple[int, int]]  # (photo, exemplar) of two people: for the distances between sets
    same: list[tuple[int, int]]  # of one person in one scene, where the answer is known
    variants: dict[int, list[int]]  # photo -> exemplars of different looks: for the diversity


def choose(folder: PreparedFolder, pairs: int, known: int) -> Chosen:
    """At most `pairs` of two people and `known` of one, and for every photo one exemplar of each look, which is a person in a
    scene, the photo itself left out. Raises DataError where there are none."""
    looks: dict[tuple, list[int]] = {}
    for k, item in enumerate(folder.items):
        looks.setdefault((item["person"], item.get("scene")), []).append(k)
    variants = {}
    for i in range(len(folder)):
        rng = np.random.default_rng((SEED, i))
        others = [[k for k in look if k != i] for look in looks.values()]
        variants[i] = [int(rng.choice(look)) for look in others if look]
    variants = {i: exemplars for i, exemplars in variants.items() if len(exemplars) > 1}
    if not variants:
        raise DataError(f"{folder.path}: the split {folder.split!r} has no photo with two exemplars of different looks, which "
                        f"the diversity of outputs needs")
    return Chosen(choose_pairs(folder, False, pairs, SEED), choose_pairs(folder, True, known, SEED), variants)


@torch.no_grad()
def measure_design(net: torch.nn.Module, folder: PreparedFolder, chosen: Chosen, critics: Critics,
                   desc: str) -> dict[str, float]:
    """How real the outputs are as a set, how they differ with the exemplar, and how near the photo they are where it is known."""
    answers, figures = answer(net, folder, chosen.same, desc)
    figures["error / exemplar's error"] = relative_error(answers.outputs, answers.photos, answers.exemplars)
    figures |= likeness(answers, critics.left_out)
    outputs = torch.cat([paint(net, folder, chosen.other[k:k + 16])
                         for k in tqdm(range(0, len(chosen.other), 16), desc=desc, leave=False)])
    photos = sorted({i for i, _ in chosen.other})
    figures |= critics.realness(outputs, torch.stack([folder.photo(i, net.config.size) for i in photos]),
                                [photos.index(i) for i, _ in chosen.other])
    return figures | diversity(net, folder, chosen, critics, desc)


def diversity(net: torch.nn.Module, folder: PreparedFolder, chosen: Chosen, critics: Critics, desc: str) -> dict[str, float]:
    """Mean over the photos of the mean distance of two outputs of one photo; and of the exemplars themselves."""
    found: dict[str, list[float]] = {}
    for i, exemplars in tqdm(chosen.variants.items(), desc=desc, leave=False):
        outputs = paint(net, folder, [(i, j) for j in exemplars])
        themselves = torch.stack([folder.photo(j, net.config.size) for j in exemplars])
        for whose, batch in (("", outputs), (EXEMPLAR, themselves)):
            for name, value in critics.diversity(batch).items():
                found.setdefault(DIVERSITY + name + whose, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def paint(net: torch.nn.Module, folder: PreparedFolder, pairs: list[tuple[int, int]]) -> torch.Tensor:
    """The outputs (N, 3, S, S) for N pairs."""
    x_A, _, y_A, y_B = batch_of(folder, pairs, net.config.size)
    return net(x_A, y_B, y_A).image


def tables(results: dict[str, list[dict[str, float]]]) -> str:
    """{row: its figures, seed by seed} -> Markdown: the paper's table, and what is known beside it."""
    rows = {name: ({key: value for key, value in over_seeds(figures).items() if not math.isnan(value)}, {})  # no face was found
            for name, figures in results.items()}
    return "\n\n".join((grid("Table 3: another person's exemplar", TABLE_3, rows, "design"),
                        grid("Beside it: one person, like the photo", KNOWN, rows, "design")))


def note(folder: PreparedFolder, chosen: Chosen, critics: Critics) -> str:
    """Of what the tables are, to be printed under them."""
    photos = len({i for i, _ in chosen.other})
    compared = sum(len(exemplars) * (len(exemplars) - 1) // 2 for exemplars in chosen.variants.values())
    text = (f"Split {folder.split!r} of {folder.path.name}: {len(folder)} pictures of {len(folder.people)} people. "
            f"Frechet distance and SWD: {len(chosen.other)} outputs, each of a photo and another person's exemplar, against "
            f"their {photos} photos. Diversity: the mean distance of two outputs of one photo, with exemplars of different "
            f"looks; {compared} distances. The second table: {len(chosen.same)} pairs of one person in one scene. SWD times "
            f"1000, PSNR in dB, landmarks in eye distances.")
    if FRECHET_LAYER in critics.vgg.convs:
        channels = critics.vgg.convs[FRECHET_LAYER].out_channels
        if photos <= channels:  # a covariance of n samples has a rank of n - 1 at most
            text += (f" The Frechet distance looks at {channels} channels, and the covariance of {photos} photos has a rank of "
                     f"{photos - 1} at most: it ranks rows that are measured on the same pictures, and means nothing beside "
                     f"other sets' or FID.")
    return text


@torch.no_grad()
def draw_designs(nets: dict[str, torch.nn.Module], folder: PreparedFolder, path: Path, count: int = 4) -> None:
    """Write a sheet: exemplar, condition, each network's output, photo; `count` pairs of one person, then as many of two."""
    pairs = [pair for same in (True, False) for pair in choose_pairs(folder, same, count, SEED)]
    x_A, x_B, y_A, y_B = batch_of(folder, pairs, next(iter(nets.values())).config.size)
    outputs = {name: pictures(net(x_A, y_B, y_A).image) for name, net in nets.items()}
    write_sheet(path, {"exemplar": pictures(y_B), "condition": drawn(folder, x_A), **outputs, "photo": pictures(x_B)})
