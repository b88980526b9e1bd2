"""The correspondence alone, of networks with one warp, each trained from several seeds: MCL-Net's Table 4, and PCK beside it."""

from pathlib import Path

import numpy as np
import torch

from ..datasets.prepared import PreparedFolder
from ..metrics import pck, pixel_centres, predicted_places
from ..models import CoCosNet
from .figures import with_truth
from .likeness import measured
from .pairs import batch_of, choose_pairs
from .tables import APART, FRONT, HIGH, LOW, THE_EXEMPLAR, TURN, Column, drawn, grid, over_seeds, pictures, write_sheet

COLUMNS = (
    *(Column(f"{measure}{words}", f"{FRONT}{measure}{over}", better, {THE_EXEMPLAR: f"{FRONT}exemplar itself: {measure}{over}"})
      for words, over in (("", ""), (", figure", " over the figure"))
      for measure, better in (("L1", LOW), ("PSNR", HIGH), ("SSIM", HIGH))),
    *(Column(f"PCK@{t}{words}", f"{view}PCK@{t}", HIGH, {"*the same pixel*": f"{view}PCK@{t} same pixel"})
      for view, words in ((FRONT, ""), (TURN, ", full turn")) for t in (0.05, 0.1)),
    *(Column(f"{name}{APART}", f"{FRONT}{name}{APART}", LOW) for name in ("L1", "PCK@0.1")),
)  # fmt: skip


def measure_warps(net: CoCosNet, folder: PreparedFolder, count: int, seed: int, left_out: frozenset[str],
                  desc: str) -> dict[str, float]:
    """At most `count` pairs of one person that share visible surface, from the front and all round: L1, PSNR and SSIM of the
    warp, PCK by arg-max, and the same of the exemplar itself and of the same pixel."""
    return {f"{view}{name}": value for view in (FRONT, TURN) for name, value in
            _measure(net, folder, choose_pairs(folder, True, count, seed, front=view == FRONT), left_out, desc).items()}


@torch.no_grad()
def _measure(net: CoCosNet, folder: PreparedFolder, pairs: list[tuple[int, int]], left_out: frozenset[str],
             desc: str) -> dict[str, float]:
    size, found, pixels = net.config.size, {}, []
    for _, (x_A, x_B, y_A, y_B), (truth, visible, figure) in with_truth(folder, pairs, size, desc):
        match = net.correspond(x_A, y_B, y_A)
        pixels.append(int(visible.sum()))
        row = {f"{whose}{name}": value for whose, picture in (("", match.warped), ("exemplar itself: ", y_B))
               for name, value in measured(picture.clamp(-1, 1), x_B, figure[None, None], left_out).items()}
        best = predicted_places(match.fx, match.fy, size, net.config.alpha, soft=False)[0]
        for whose, places in (("", best), (" same pixel", pixel_centres(size, size))):
            row |= {f"PCK@{t}{whose}": rate for t, rate in pck(places, truth, visible, (0.05, 0.1)).items()}
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    # In PCK every pixel counts alike, in the others every pair.
    return {"pairs": len(pixels)} | {name: float(np.average(values, weights=pixels if name.startswith("PCK") else None))
                                     for name, values in found.items()}


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """{row: its figures, seed by seed} -> Markdown."""
    return grid("Table 4", COLUMNS, {name: (over_seeds(figures), {}) for name, figures in results.items()}, "correspondence")


@torch.no_grad()
def draw_warps(nets: dict[str, CoCosNet], folder: PreparedFolder, seed: int, path: Path, count: int = 6) -> None:
    """Write a sheet of pairs of one person: exemplar, condition, each network's warp, photo."""
    size = next(iter(nets.values())).config.size
    x_A, x_B, y_A, y_B = batch_of(folder, choose_pairs(folder, True, count, seed, front=True), size)
    warps = {name: pictures(net.correspond(x_A, y_B, y_A).warped) for name, net in nets.items()}
    write_sheet(path, {"exemplar": pictures(y_B), "condition": drawn(folder, x_A), **warps, "photo": pictures(x_B)})
