"""CoCosNet v2's Tables 4 and 5 and Figures 7 and 8, of what `measure_levels` finds: Markdown, and sheets of pictures."""

from pathlib import Path

import torch

from ..datasets.prepared import PreparedFolder
from ..models import CoCosNetV2
from ..models.cocosnet_v2 import CoCosNetV2Config
from .levels import in_every_way
from .pairs import batch_of, choose_pairs
from .tables import FRONT, HIGH, LOW, THE_EXEMPLAR, TURN, Column, drawn, grid, pictures, write_sheet

LEVEL = "{px} px, "


def _warp(way: str, words: str, measure: str, better: str, over: str) -> Column:
    trivial = {THE_EXEMPLAR: f"{FRONT}exemplar itself: {measure}{over}"} if way == "network" else {}
    return Column(f"{measure}{words}", f"{FRONT}{LEVEL}{way}: {measure}{over}", better, trivial)


WARPS = tuple(_warp(way, words, measure, better, over)
              for way, words, over in (("network", "", ""), ("network", ", figure", " over the figure"),
                                       ("exact", ", figure, exact", " over the figure"),
                                       ("published", ", figure, published", " over the figure"))
              for measure, better in (("L1", LOW), ("PSNR", HIGH), ("SSIM", HIGH)))
PLACES = tuple(Column(f"PCK@{t}{words}", f"{view}{LEVEL}{way}: PCK@{t}", HIGH,
                      {"*the same pixel*": f"{view}PCK@{t} same pixel"} if way == "network" else {})
               for way, words, view in (("network", "", FRONT), ("exact", ", exact", FRONT), ("published", ", published", FRONT),
                                        ("network", ", full turn", TURN))
               for t in (0.05, 0.1))
IN_FULL = tuple(Column(f"PCK@{t}, all levels in full", f"{FRONT}PCK@{t} all levels in full", HIGH) for t in (0.05, 0.1))
COSINES = tuple(Column(f"cosine{words}", f"{FRONT}{LEVEL}{way}: cosine", HIGH)
                for way, words in (("network", ""), ("exact", ", exact"), ("published", ", published")))


def table_5(results: dict[str, dict[str, float]], px: int) -> str:
    """{variant: its figures}, all of one size -> Markdown: the finest level's warp, and its places."""
    rows = {name: (figures, {"px": px}) for name, figures in results.items()}
    return "\n\n".join((grid("Table 5: the warp", WARPS, rows, "refinement"),
                        grid("Table 5: the places", (*PLACES, *IN_FULL, *COSINES), rows, "refinement")))


def table_4(name: str, figures: dict[str, float], config: CoCosNetV2Config) -> str:
    """The figures of one network -> Markdown: each of its levels as if it were the finest."""
    rows = {f"{px} px": (figures, {"px": px}) for px in (config.size // stride for stride in config.strides)}
    return "\n\n".join((grid(f"Table 4, {name}: the warp", WARPS, rows, "finest level"),
                        grid(f"Table 4, {name}: the places", (*PLACES, *COSINES), rows, "finest level")))


@torch.no_grad()
def figure_7(net: CoCosNetV2, folder: PreparedFolder, seed: int, path: Path, count: int = 6) -> None:
    """Write a sheet of pairs of one person: condition, the warps from coarse to fine, output, exemplar, photo."""
    x_A, x_B, y_A, y_B = batch_of(folder, choose_pairs(folder, True, count, seed, front=True), net.config.size)
    out = net(x_A, y_B, y_A)
    write_sheet(path, {"condition": drawn(folder, x_A), **{f"warp, {w.shape[3]} px": pictures(w) for w in out.warps},
                  "output": pictures(out.image), "exemplar": pictures(y_B), "photo": pictures(x_B)})


@torch.no_grad()
def figure_8(nets: dict[str, CoCosNetV2], folder: PreparedFolder, seed: int, path: Path, count: int = 6) -> None:
    """Write a sheet of pairs of one person: exemplar, condition, each variant's warp, what the last one's features give when they
    are compared in full at the finest level, and by the released steps; photo."""
    columns, pairs = {}, choose_pairs(folder, True, count, seed, front=True)
    for name, net in nets.items():
        x_A, x_B, y_A, y_B = batch_of(folder, pairs, net.config.size)
        match = net.correspond(x_A, y_B, y_A)
        columns[name] = pictures(match.warps[-1])
    ways = in_every_way(net, match, y_B)
    columns |= {f"the same, {way}": pictures(levels[-1].warp) for way, levels in ways.items() if way != "network"}
    write_sheet(path, {"exemplar": pictures(y_B), "condition": drawn(folder, x_A), **columns, "photo": pictures(x_B)})
