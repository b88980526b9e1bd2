"""Matchers, one exchanged for another in a network of SEGIN's: its Figure 10, and figures to it. Nothing is trained."""

import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from ..datasets.prepared import PreparedFolder
from ..metrics import grown_places, l1, pixel_centres
from ..models.semantic import paste
from .critics import EVEN, Critics
from .pairs import batch_of, choose_pairs
from .tables import HIGH, LOW, Column, drawn, grid, pictures, write_sheet

REFERENCE, SAME = "*the reference itself*", "*the same place*"
THRESHOLDS = (0.05, 0.1)  # shares of the side
LANDMARKS = "landmarks within "
COLUMNS = (
    *(Column(f"{what}, {words}", f"{what}: {measure}", LOW, {REFERENCE: f"reference: {measure}"})
      for what in ("W", "output") for words, measure in (("L1", "L1"), ("perceptual distance", EVEN), ("LPIPS", "LPIPS"))),
    *(Column(f"{LANDMARKS}{t}", f"{LANDMARKS}{t}", HIGH, {SAME: f"{LANDMARKS}{t}, same place"}) for t in THRESHOLDS),
    Column("seconds", "seconds", LOW),
)


def landmarks_brought(xi: Tensor, grid_r: tuple[int, int], size: int, x: Tensor, r: Tensor) -> Tensor:
    """How far from the reference's landmark the match of the input's lies, in sides of the picture.

    xi (h, w), positions on r's `grid_r`; x, r (n, 2) the landmarks of input and reference, unit coordinates -> (m,), those within
    both pictures. A pixel keeps its offset inside its cell, as patches do.
    """
    cells = pixel_centres(*grid_r).flatten(1)[:, xi]  # (2, h, w)
    places = grown_places(cells[None], size)[0]  # (2, size, size)
    seen = ((x >= 0) & (x < 1) & (r >= 0) & (r < 1)).all(dim=1)
    column, row = (x[seen] * size).long().unbind(1)
    return (places[:, row, column].T - r[seen]).norm(dim=1)


@torch.no_grad()
def measure_matcher(net: torch.nn.Module, matcher, folder: PreparedFolder, pairs: list[tuple[int, int]], critics: Critics,
                    desc: str) -> dict[str, float]:
    """Of pairs of one person in one scene: how near the photo W(x, r) is and what N makes of it, how many landmarks the match
    brings to their place, and how long it takes."""
    size, rows, apart = net.config.size, {}, {"": [], ", same place": []}
    x_A, _, _, y_B = batch_of(folder, pairs[:1], size)
    matcher(x_A, net.drawn(x_A), y_B)  # loads its network
    for i, j in tqdm(pairs, desc=desc, leave=False):
        x_A, x_B, _, y_B = batch_of(folder, [(i, j)], size)
        start = time.perf_counter()
        xi, grid_r = matcher(x_A, net.drawn(x_A), y_B)
        row = {"seconds": time.perf_counter() - start}
        W = paste(y_B, xi, grid_r, matcher.k)
        for what, picture in (("W", W), ("output", net(x_A, y_B, auxiliary=W).image), ("reference", y_B)):
            row |= {f"{what}: {name}": value for name, value in critics.between(picture, x_B).items()}
            row[f"{what}: L1"] = float(l1(picture, x_B))
        x, r = (torch.from_numpy(folder.points[k][:, :2]) for k in (i, j))
        apart[""].append(landmarks_brought(xi[0], grid_r, size, x, r))
        same = torch.arange(size * size).view(size, size)
        apart[", same place"].append(landmarks_brought(same, (size, size), size, x, r))
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    figures = {name: sum(values) / len(values) for name, values in rows.items()}
    return figures | {f"{LANDMARKS}{t}{whose}": float((torch.cat(found) <= t).double().mean())
                      for whose, found in apart.items() for t in THRESHOLDS}


def table(network: str, results: dict[str, dict[str, float]]) -> str:
    """{matcher: its figures} -> Markdown."""
    return grid(f"Matchers, {network}", COLUMNS, {name: (figures, {}) for name, figures in results.items()}, "matcher")


@torch.no_grad()
def figure_10(net: torch.nn.Module, matchers: dict, folder: PreparedFolder, seed: int, path: Path, count: int = 2) -> None:
    """Write a sheet of `count` pairs of one person and as many of two, two rows each: reference and photo, condition, then each
    matcher's W(x, r) above what N makes of it."""
    pairs = [pair for same in (True, False) for pair in choose_pairs(folder, same, count, seed)]
    x_A, x_B, _, y_B = batch_of(folder, pairs, net.config.size)
    blank = [Image.new("RGB", (8, 8), "white")] * len(pairs)
    columns = {"reference, photo": _in_turn(pictures(y_B), pictures(x_B)), "condition": _in_turn(drawn(folder, x_A), blank)}
    for name, matcher in matchers.items():
        xi, grid_r = matcher(x_A, net.drawn(x_A), y_B)
        W = paste(y_B, xi, grid_r, matcher.k)
        columns[name] = _in_turn(pictures(W), pictures(net(x_A, y_B, auxiliary=W).image))
    write_sheet(path, columns)


def _in_turn(upper: list, lower: list) -> list:
    return [picture for pair in zip(upper, lower) for picture in pair]
