"""The command `strokes`: how well networks carry makeup to the faces of people they have never seen.

Ready makeup is drawn on both faces of a pair by their landmarks. What a network carries from one to the other is compared with
what was drawn on the other directly: intersection over union of the two alphas, sum of minima over sum of maxima, 1 if equal.
Landmarks are mediapipe's, so a pixel or two off themselves; thin strokes lose half of it by being a pixel beside.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from ..applications.carrying import Carrier, How
from ..applications.placing import Place
from ..applications.ready import READY, drawn
from ..conditions import Found
from ..datasets.prepared import DataError, PreparedFolder
from ..photo import Frame
from ..translator import Condition, Example, Translator
from .pairs import choose_pairs
from .tables import HIGH

SIDE = 256  # pixels of a face's frame
SHIPPED = ("portrait", "portrait_mcl", "portrait_v2", "portrait_segin")
WAYS: dict[str, tuple[How, bool]] = {  # what Eq. 4 carries, and whether regions of the faces confine it
    "strokes carried": ("strokes", False), "places carried": ("places", False), "places, confined": ("places", True)}
SAME = "the same place"  # strokes laid on at the same place of the frame, without any match


@dataclass
class StrokesArgs:
    """Carry each ready makeup between held-out people, and print how far it lands where their own landmarks would put it."""

    data: Path  # a prepared folder of portraits
    model: tuple[str, ...] = SHIPPED  # names or paths
    pairs: int = 24  # of different people
    split: str = "test"
    seed: int = 0  # of the choice of pairs
    same_person: bool = False  # pairs of one person, in any two scenes, instead


@torch.no_grad()
def run(args: StrokesArgs) -> None:
    """The command `strokes`."""
    if args.pairs < 1:
        raise DataError("at least one pair is needed")
    folder = PreparedFolder(args.data, args.split, condition="portrait")
    pairs = choose_pairs(folder, args.same_person, args.pairs, args.seed, any_scene=True)
    alphas = {i: alphas_of(folder.points[i]) for i in {k for pair in pairs for k in pair}}
    figures = {(SAME, ""): [[overlap(alphas[j][name], alphas[i][name]) for name in READY] for i, j in pairs]}
    for model in args.model:
        translator = Translator.load(model)
        if translator.kind.name != "portrait":
            raise DataError(f"{model} reads the condition {translator.kind.name}; makeup is carried between portraits")
        for pair in tqdm(pairs, desc=model, leave=False):
            for way, overlaps in measure(translator, folder, pair, alphas).items():
                figures.setdefault((model, way), []).append(overlaps)
    print(f"{len(pairs)} pairs of {'one person' if args.same_person else 'different people'} of {args.data.name}, split "
          f"{args.split!r}: intersection over union with the makeup drawn by the target's own landmarks\n")
    print(table(figures))


def measure(translator: Translator, folder: PreparedFolder, pair: tuple[int, int], alphas: dict) -> dict[str, list[float]]:
    """Of each of WAYS the overlaps of all READY makeup, from the second face of a pair to the first; none without a match."""
    i, j = pair
    size, square = translator.size, Frame(SIDE / 2, SIDE / 2, SIDE)
    crops = [Image.fromarray(folder.image(k).permute(1, 2, 0).numpy()).resize((size, size), Image.Resampling.LANCZOS)
             for k in pair]
    own = None if translator.net.config.exemplar_input == "image" else folder.condition(j, size).numpy()
    condition = Condition(translator.kind, Found(square, folder.points[i]), crops[0], folder.condition(i, size).numpy())
    strokes = np.stack([alphas[j][name] for name in READY], axis=-1)  # (n, n, R): each makeup's alpha is a channel of its own
    points, found = tuple(folder.points[k][:, :2] for k in pair), {}
    unit = Place.of(square, (SIDE, SIDE)).unit
    for way, (how, confined) in WAYS.items():
        layer = Carrier(translator, condition, Example(square, crops[1], own, ()), strokes,
                        points if confined else (None, None), how).at(unit)
        found[way] = [overlap(np.clip(layer[..., r], 0, 1), alphas[i][name]) for r, name in enumerate(READY)]
    return found


def alphas_of(points: np.ndarray) -> dict[str, np.ndarray]:
    """Landmarks (478, 3) in 0..1 -> the alpha of each READY makeup, (SIDE, SIDE)."""
    return {name: drawn(points[:, :2] * SIDE, (SIDE, SIDE), [name])[..., 3] for name in READY}


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two alphas in 0..1: 1 if equal, 0 if they never meet, or none is there."""
    union = np.maximum(one, other).sum()
    return float(np.minimum(one, other).sum() / union) if union else 0.0


def table(figures: dict[tuple[str, str], list[list[float]]]) -> str:
    """(model, way) -> (pairs, READY) overlaps, as Markdown: means over pairs, and over all makeup."""
    columns = [*READY, "mean"]
    rows = {" ".join(filter(None, (model, f"({way})" if way else ""))): [*np.mean(each, 0), np.mean(each)]
            for (model, way), each in figures.items()}
    best = np.max(list(rows.values()), axis=0)
    lines = [f"| | {' | '.join(f'{name} {HIGH}' for name in columns)} |", f"|---|{'---:|' * len(columns)}"]
    for name, values in rows.items():
        cells = (f"**{value:.3f}**" if value == top else f"{value:.3f}" for value, top in zip(values, best, strict=True))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
