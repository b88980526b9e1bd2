"""The matching of CoCosNet v2 between any two pictures, told step by step: what each step does, found, and how far it is off.

    told = record(Translator.load("figure_v2"), "photo.jpg", "exemplar.jpg")
    told.steps[3].name, told.steps[3].score, told.steps[3].pck

The steps themselves: `replay.py`. Pictures of them: `viz.steps`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from PIL import Image

from .datasets.truth import twins
from .matcher import views
from .models import PublishedCoCosNetV2
from .models import patchmatch as pm
from .pair import View
from .photo import reopenable, to_image
from .replay import Frame, replay
from .translator import Translator, notes

THRESHOLDS = (0.05, 0.1)  # of PCK, shares of the side
SIDE = 512  # pixels of the two squares that places are looked up and drawn in

DOES = {
    "exact": "Every place of the photo is compared with every place of the exemplar; the {K} most alike stay as its candidates "
             "(Eq. 4).",
    "initialise": "The field of the level before, finer: each place takes over the offsets found there, also tries the cells "
                  "round them, and keeps the {K} best (Eq. 3).",
    "propagate": "Each place also tries the offsets of its neighbours, in its row and in its column, and keeps the {K} best "
                 "(Eq. 5): good matches spread.",
    "refine": "A recurrent network (ConvGRU) looks at features, offsets and scores, remembers what it saw in the iterations "
              "before, and moves every candidate a little (Eq. 6, 7).",
    "refine by convolution": "A convolution looks at features, offsets and scores, and moves every candidate a little (Eq. 7; "
                             "without the memory of Eq. 6, as in Table 5).",
}
DOES_AS_RELEASED = DOES | {
    "initialise": "Each place takes over the best offset of the level before, doubled, and has {K} candidates round it: 2 cells "
                  "before, at, 2 and 4 behind, both ways.",
    "refine": "The GRU of Eq. 6, 7 as released: no gradient ever reached it, and what its corrections leave of a row becomes "
              "columns, so that many candidates jump one column to the left.",
}


@dataclass(frozen=True)
class Step:
    """One step and what it left: of each position p its best candidate alone."""

    level: int  # 0 is the coarsest
    levels: int
    iteration: int
    step: str  # as in `replay.Frame`
    does: str  # in a sentence
    places: np.ndarray  # (h, w, 2) unit coordinates x, y of the exemplar's square
    scores: np.ndarray  # (h, w) cosines
    warp: Image.Image  # (w, h) RGB, Eq. 8
    moved: float | None  # share of positions whose best place lies in another cell than before the step; None: the first
    errors: np.ndarray  # (N,) distances from the true places, in shares of the side; N = 0 where none is known

    @property
    def name(self) -> str:
        """Level, resolution, iteration and step: "Level 3 of 4, 64 × 64, iteration 1: propagate"."""
        h, w = self.scores.shape
        iteration = f", iteration {self.iteration}" if self.iteration else ""
        return f"Level {self.level + 1} of {self.levels}, {w} × {h}{iteration}: {self.step}"

    @property
    def score(self) -> float:
        """Mean over the positions of their best candidates' cosines."""
        return float(self.scores.mean())

    @property
    def error(self) -> float | None:
        """Median distance from the truth, in shares of the side; None where it is unknown."""
        return float(np.median(self.errors)) if len(self.errors) else None

    @property
    def pck(self) -> dict[float, float]:
        """Threshold -> share of the known positions that are off by no more than that share of the side; {} if none is known."""
        return {t: float((self.errors <= t).mean()) for t in THRESHOLDS} if len(self.errors) else {}


@dataclass(frozen=True, eq=False)
class Recording:
    """A whole matching. The views are the squares that the network saw, SIDE x SIDE."""

    steps: tuple[Step, ...]
    photo: View
    exemplar: View
    condition: Image.Image
    notes: tuple[str, ...]  # what a person should know: "Photo: 3 faces found; took the largest"
    seconds: float  # that the matching took

    def of_level(self, level: int) -> list[Step]:
        return [step for step in self.steps if step.level == level]


def record(translator: Translator, photo, exemplar, exemplar_map=None,
           progress: Callable[[str, float], None] | None = None) -> Recording:
    """Match two pictures of any sort and keep every step. Arguments as the translator's. Raises PhotoError, ConditionError,
    and ReplayError for a system that has no steps to tell."""
    report = progress or (lambda stage, fraction: None)
    photo, exemplar = reopenable(photo), reopenable(exemplar)
    report("looking at the pictures", 0.0)
    condition = translator.condition_of(photo)
    example = translator.example_of(exemplar, exemplar_map)
    report("matching", 0.3)
    started = perf_counter()
    frames = replay(translator.net, *translator.inputs(condition, example))
    seconds = perf_counter() - started
    report("measuring", 0.7)
    grid = tuple(frames[-1].S.shape[:2])
    sides = [view.square(SIDE) for view in views(photo, condition, exemplar, example, (grid, frames[-1].grid))]
    return Recording(tuple(measured(translator.net, frames, *sides)), *sides, condition.image, notes(condition, example), seconds)


def table(told: Recording) -> str:
    """A line for every step: how alike the matches are, how many moved, and, where the truth is known, how far they are off."""
    known = told.steps[0].error is not None
    head = ["", "mean score", "moved", *(["median error", *(f"PCK@{t:g}" for t in THRESHOLDS)] if known else [])]
    rows = [head]
    for step in told.steps:
        row = [step.name, f"{step.score:.4f}", "" if step.moved is None else f"{100 * step.moved:.1f} %"]
        rows.append(row + ([f"{100 * step.error:.2f} %", *(f"{share:.3f}" for share in step.pck.values())] if known else []))
    wide = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join((str.rjust if i else str.ljust)(cell, wide[i]) for i, cell in enumerate(row)) for row in rows)


def measured(net: torch.nn.Module, frames: list[Frame], photo: View, exemplar: View) -> Iterator[Step]:
    """What is known of each frame that `replay` of a network gave; the truth, where the views have surfaces."""
    levels = frames[-1].level + 1
    true = {frame.level: _truth(photo, exemplar, frame) for frame in frames if frame.iteration == 0}
    for before, frame in zip([None, *frames], frames):
        places = frame.places.numpy()
        off = np.linalg.norm(places.reshape(-1, 2) - true[frame.level], axis=1)
        yield Step(frame.level, levels, frame.iteration, frame.step, _does(net, frame), places, frame.score.numpy(),
                   to_image(frame.warp), None if before is None else _moved(before, frame), off[np.isfinite(off)])


def _truth(photo: View, exemplar: View, frame: Frame) -> np.ndarray:
    """(h w, 2): the true places of a frame's positions in unit coordinates of the exemplar's square, NaN where unknown."""
    centres = replace(photo, grid=tuple(frame.S.shape[:2])).centres
    if photo.surface is None or exemplar.surface is None:
        return np.full_like(centres, np.nan)
    return twins(photo.surface, exemplar.surface, centres)


def _moved(before: Frame, frame: Frame) -> float:
    """Share of positions whose best place is in another cell than the frame before has it. A coarser frame's field is taken
    as it is at the finer level, before anything was tried."""
    size = before.places.new_tensor(before.grid[::-1])
    H = (before.places * size)[None, :, :, None]  # (1, h, w, 1, 2)
    if before.level != frame.level:
        H = pm.upsampled(H, tuple(frame.S.shape[:2]), (frame.grid[0], before.grid[0]))
    now = frame.places * frame.places.new_tensor(frame.grid[::-1])
    return float((pm.cells(H[0, :, :, 0], *frame.grid) != pm.cells(now, *frame.grid)).float().mean())


def _does(net: torch.nn.Module, frame: Frame) -> str:
    published = isinstance(net, PublishedCoCosNetV2)
    convolution = frame.step == "refine" and not published and net.config.refinement == "conv"
    words = (DOES_AS_RELEASED if published else DOES)["refine by convolution" if convolution else frame.step]
    return words.format(K=frame.S.shape[2])
