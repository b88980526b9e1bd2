"""Figures and part maps: PCK against the renderer's truth, error over the figure, likeness and looks."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..datasets.figures import load_surface
from ..datasets.prepared import DataError, PreparedFolder
from ..datasets.truth import true_matches
from ..metrics import pck, pixel_centres, predicted_places, relative_error
from ..models import CoCosNetV2
from .critics import Critics
from .levels import THRESHOLDS, LevelMeter, in_every_way, of_the_network
from .likeness import likeness, measured
from .pairs import Answers, batch_of, choose_pairs


@torch.no_grad()
def measure_figures(net: torch.nn.Module, folder: PreparedFolder, args, critics: Critics) -> dict[str, float]:
    """PCK over the figure's pixels whose twin is visible, soft and arg-max, beside the trivial answers; error over the figure.

    Perceptual networks look at the front views alone: they take as long as all the rest.
    """
    figures = {}
    for view in ("front", "full turn"):
        for sort in ("same person", "other person"):
            key = f"{view}, {sort}"
            pairs = choose_pairs(folder, sort == "same person", args.pairs, args.seed, front=view == "front")
            meter = LevelMeter(critics.left_out) if isinstance(net, CoCosNetV2) and sort == "same person" else None
            answers, found = _answer(net, folder, pairs, key, meter)
            if answers is not None and sort == "same person":
                found["error over the figure / exemplar's"] = relative_error(
                    answers.outputs, answers.photos, answers.exemplars, answers.figures)
                found |= likeness(answers, critics.left_out) | (critics.likeness(answers) if view == "front" else {})
            elif answers is not None and view == "front":
                found |= critics.looks(answers)
            found |= meter.figures if meter else {}
            figures |= {f"{key}: {name}": value for name, value in found.items()}
    return figures


def _answer(net: torch.nn.Module, folder: PreparedFolder, pairs: list[tuple[int, int]], key: str,
            meter: LevelMeter | None) -> tuple[Answers | None, dict[str, float]]:
    """The answers to the pairs that share visible surface (None if none does), and the PCK over them; levels go to the meter."""
    size, rows, pixels = net.config.size, [], []
    hits: dict[str, list[dict[float, float]]] = {}
    # CoCosNet v2 takes no mean over all places: it has its levels, and a click asks for the arg-max.
    ways = ("arg-max",) if isinstance(net, CoCosNetV2) else ("arg-max", "soft")
    torch.manual_seed(0)
    untrained = type(net)(**vars(net.config)).eval()
    for (i, j), (x_A, x_B, y_A, y_B), (truth, visible, figure) in with_truth(folder, pairs, size, key):
        out = net(x_A, y_B, y_A)
        answers = {"same pixel": pixel_centres(size, size)}
        if out.match is not None:
            for name, match in (("untrained", untrained.correspond(x_A, y_B, y_A)), ("network", out.match)):
                for way in ways:
                    places = predicted_places(match.fx, match.fy, size, net.config.alpha, way == "soft")
                    answers[f"{name}, {way}"] = places[0]
        for name, places in answers.items():
            hits.setdefault(name, []).append(pck(places, truth, visible, THRESHOLDS))
        pixels.append(int(visible.sum()))
        if meter:
            meter.add({"network": of_the_network(out.match)}, x_B, truth, visible, figure)
        rows.append(dict(outputs=out.image[0], warps=None if out.warped is None else out.warped[0], photos=x_B[0],
                         exemplars=y_B[0], photo_regions=regions(folder, i, size), exemplar_regions=regions(folder, j, size),
                         figures=figure[None]))
    return Answers.stack(rows) if rows else None, {"pairs": len(pixels)} | _rates(hits, pixels)


@torch.no_grad()
def measure_levels(net: CoCosNetV2, folder: PreparedFolder, pairs: list[tuple[int, int]], meter: LevelMeter,
                   desc: str) -> dict[str, float]:
    """The correspondence alone, of pairs of one person that share visible surface: each level in every way (`levels.py`, by the
    meter, which keeps the single pairs), all levels compared in full (what a click does), the same pixel, the exemplar itself."""
    size, hits, trivial = net.config.size, {}, {}
    for _, (x_A, x_B, y_A, y_B), (truth, visible, figure) in with_truth(folder, pairs, size, desc):
        match = net.correspond(x_A, y_B, y_A)
        meter.add(in_every_way(net, match, y_B), x_B, truth, visible, figure)
        for name, places in (("all levels in full", predicted_places(match.fx, match.fy, size, net.config.alpha, False)[0]),
                             ("same pixel", pixel_centres(size, size))):
            hits.setdefault(name, []).append(pck(places, truth, visible, THRESHOLDS))
        for name, value in measured(y_B, x_B, figure[None, None], meter.left_out).items():
            trivial.setdefault(f"exemplar itself: {name}", []).append(value)
    return {"pairs": len(meter.pixels), **meter.figures, **_rates(hits, meter.pixels),
            **{name: float(np.mean(values)) for name, values in trivial.items()}}


def _rates(hits: dict[str, list[dict[float, float]]], pixels: list[int]) -> dict[str, float]:
    """PCK over all pairs: every pixel counts alike."""
    return {f"PCK@{t} {name}": float(np.average([rate[t] for rate in rates], weights=pixels))
            for name, rates in hits.items() for t in THRESHOLDS}


def _at(side: int, size: int) -> np.ndarray:
    """Of `side` pixels in a row, the `size` that lie nearest the centres of as many larger ones."""
    return ((np.arange(size) + 0.5) * side / size).astype(int)


def regions(folder: PreparedFolder, i: int, size: int) -> Tensor:
    """(size, size) numbers of the parts in the folder's index, 0 the background."""
    parts = folder.parts(i)
    at = _at(len(parts), size)
    return torch.from_numpy(parts[np.ix_(at, at)]).long()


def with_truth(folder: PreparedFolder, pairs: list[tuple[int, int]], size: int, desc: str) -> Iterator[tuple]:
    """Of the pairs that share visible surface: (i, j), what `batch_of` gives and what `true_places` gives."""
    for i, j in tqdm(pairs, desc=desc, leave=False):
        truth = true_places(folder, i, j, size)
        if truth[1].any():
            yield (i, j), batch_of(folder, [(i, j)], size), truth


def true_places(folder: PreparedFolder, i: int, j: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """True places in j of the pixels of i (2, S, S) in unit coordinates; where the twin is visible; where the figure is.

    Larger pictures are looked at in S x S of their pixels. Raises DataError for smaller ones.
    """
    side = folder.index["size"]
    if side < size:
        raise DataError(f"{folder.path} has pictures of {side} px, the network {size} px; "
                        f"prepare held-out figures of {size} px or more")
    at = np.ix_(_at(side, size), _at(side, size))
    (xyz_i, mask_i), (xyz_j, mask_j) = (
        (array[at] for array in load_surface(folder.path, folder.items[k]["name"])) for k in (i, j))
    truth, visible = torch.zeros(2, size, size), torch.zeros(size, size, dtype=torch.bool)
    if mask_i.any() and mask_j.any():
        found = true_matches(xyz_i, mask_i, xyz_j, mask_j)
        rows, columns = torch.from_numpy(found.source.T)
        truth[:, rows, columns] = (torch.from_numpy(found.target.T).flip(0).float() + 0.5) / size  # row, column -> x, y
        visible[rows, columns] = torch.from_numpy(found.visible)
    return truth, visible, torch.from_numpy(mask_i)
