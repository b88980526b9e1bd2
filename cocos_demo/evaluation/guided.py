"""Networks that are guided by a reference, one beside another: SEGIN's Tables I and II, and what is known of a person's pairs."""

from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ..datasets.prepared import PreparedFolder
from ..metrics import l1, relative_error
from .critics import EVEN, EXEMPLAR, FRECHET, PHOTO, Critics
from .designs import DIVERSITY, SEED, Chosen, diversity, paint
from .pairs import batch_of, choose_pairs
from .tables import HIGH, LOW, Column, drawn, grid, pictures, write_sheet

TRUTH, KNOWN, REFERENCE = "truth: ", "known: ", "reference: "
REAL = "*real data*"
ERROR = f"{KNOWN}error / reference's error"
DISTANCES = (("perceptual distance", EVEN), ("LPIPS", "LPIPS"))  # the latter where its network is at hand
SETS = (Column("Frechet distance, VGG-16", FRECHET, LOW), Column("FID", "FID", LOW), Column("SWD", "SWD", LOW))
TO_THE_TRUTH = tuple(Column(f"{words} to the truth", TRUTH + name, LOW, {REAL: TRUTH + name + PHOTO})
                     for words, name in DISTANCES)
TABLE_1 = (
    *SETS,
    *(Column(f"diversity, {words}", DIVERSITY + name, HIGH, {REAL: DIVERSITY + name + EXEMPLAR}) for words, name in DISTANCES),
    *(Column(f"{words} to the reference", REFERENCE + name, LOW, {REAL: REFERENCE + name + PHOTO}) for words, name in DISTANCES),
    *TO_THE_TRUTH,
    Column("error / reference's", ERROR, LOW),
)
TABLE_2 = (
    *SETS,
    *(Column(c.title, c.key, c.better) for c in TO_THE_TRUTH),
    Column("L1 to the truth", f"{TRUTH}L1", LOW),
    *(Column(f"{words}, another picture", KNOWN + name, LOW) for words, name in DISTANCES),
    Column("L1, another picture", f"{KNOWN}L1", LOW),
    Column("error / reference's", ERROR, LOW),
)


@torch.no_grad()
def measure_guided(net: torch.nn.Module, folder: PreparedFolder, chosen: Chosen, critics: Critics, desc: str,
                   references: int = 0) -> dict[str, float]:
    """How real the outputs are as a set; how near the truth they are when the truth is the reference, as in the paper, and when
    another picture of the person is; and, of `references` pairs above 0, how near the reference, and how they differ with it."""
    photos = torch.stack([folder.photo(i, net.config.size) for i in range(len(folder))])
    outputs = _outputs(net, folder, chosen.other, desc)
    which = [i for i, _ in chosen.other]
    figures = critics.realness(outputs, photos, which)
    for key, pairs in ((TRUTH, [(i, i) for i in range(len(folder))]), (KNOWN, chosen.same)):
        x_B, y_B = (photos[list(side)] for side in zip(*pairs))
        found = _outputs(net, folder, pairs, desc)
        figures |= {key + name: value for name, value in critics.between(found, x_B).items()}
        figures[f"{key}L1"] = float(l1(found, x_B).mean())
    figures[ERROR] = relative_error(found, x_B, y_B)
    figures |= {TRUTH + name + PHOTO: 0.0 for name in critics.distances}
    if references:
        y_B = photos[[j for _, j in chosen.other[:references]]]
        for whose, batch in (("", outputs), (PHOTO, photos[which])):
            figures |= {REFERENCE + name + whose: value for name, value in critics.between(batch[:references], y_B).items()}
        figures |= diversity(net, folder, chosen, critics, desc)
    return figures


def _outputs(net: torch.nn.Module, folder: PreparedFolder, pairs: list[tuple[int, int]], desc: str) -> Tensor:
    return torch.cat([paint(net, folder, pairs[k:k + 16]) for k in tqdm(range(0, len(pairs), 16), desc=desc, leave=False)])


def table_1(task: str, results: dict[str, dict[str, float]]) -> str:
    """{row: its figures} -> Markdown; the last row is what the photos themselves come to."""
    return grid(f"Table I, {task}", TABLE_1, {name: (figures, {}) for name, figures in results.items()}, "method")


def table_2(task: str, results: dict[str, dict[str, float]]) -> str:
    """{row: its figures} -> Markdown."""
    return grid(f"Table II, {task}", TABLE_2, {name: (figures, {}) for name, figures in results.items()}, "method")


@torch.no_grad()
def figure_11(nets: dict[str, torch.nn.Module], folder: PreparedFolder, path: Path, count: int = 4) -> None:
    """Write a sheet: reference, condition, auxiliary image, each network's output, photo; `count` pairs of one person, then as
    many of two."""
    pairs = [pair for same in (True, False) for pair in choose_pairs(folder, same, count, SEED)]
    x_A, x_B, y_A, y_B = batch_of(folder, pairs, next(iter(nets.values())).config.size)
    answers = {name: net(x_A, y_B, y_A) for name, net in nets.items()}
    W = next((out.warped for out in answers.values() if out.warped is not None), None)
    write_sheet(path, {"reference": pictures(y_B), "condition": drawn(folder, x_A),
                       **({} if W is None else {"W(x, r)": pictures(W)}),
                       **{name: pictures(out.image) for name, out in answers.items()}, "photo": pictures(x_B)})
