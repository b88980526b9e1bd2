"""CoCosNet's Table 4 and Figure 9 again, small: the full objective, the five without one of its losses, and SPADE.

Every row sees the same batches from the same initial weights for the same number of steps. The terms are the paper's alone
(Eq. 14, and the slides' feature matching in D); no extra. `python -m cocos_demo ablation --help`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from torch import nn

from . import checkpoints
from .datasets.pairs import Mix
from .datasets.prepared import DataError
from .evaluation import EvaluateArgs
from .evaluation import run as evaluate
from .objectives import Weights
from .training import TrainArgs, begin

# For activations of mean 1 (see features.py) and one picture in two with a known target; D is small and slow to win.
FULL = Weights(feat=1.0, perc=0.1, context=0.1, adv=0.1, domain=1.0, reg=1.0, d_feat=0.5)
ROWS = {
    "full": FULL,
    "without-feat": replace(FULL, feat=0.0),
    "without-domain": replace(FULL, domain=0.0),
    "without-perc": replace(FULL, perc=0.0),
    "without-context": replace(FULL, context=0.0),
    "without-reg": replace(FULL, reg=0.0),
    "spade": FULL,
}


@dataclass
class AblationArgs:
    """Train the rows of the ablation, measure them, print the tables. Stop it at any time; the same command goes on."""

    data: Path  # a prepared folder of figures, to train on
    test: Path  # another of other people: its split "test" is measured
    out: Path  # a folder a row, ablation.json, ablation.webp
    rows: tuple[str, ...] = tuple(ROWS)
    preset: str = "tiny"  # of the networks: tiny, or mini as in the lessons
    steps: int = 500
    batch: int = 6
    size: int = 64  # pixels
    seed: int = 0
    pairs: int = 64  # measured, of each sort
    perceive: int = 32  # of these, seen by perceptual networks
    jobs: int = 2  # rows trained at once, one CPU thread each
    features: str = "auto"  # perceptual network of the losses: auto, vgg19, vgg16


def row(name: str, args: AblationArgs) -> TrainArgs:
    """The training run of one row."""
    # Positions 2 px apart, so that 64 px still have 32 x 32 of them; and the exemplar comes with its own pose (as released
    # for poses), without which so short a run finds nothing.
    choices = {} if name == "spade" else {"stride": "2", "exemplar_input": "image+condition"}
    return TrainArgs(
        data=(args.data,), out=args.out / name, name=name, system="spade" if name == "spade" else "cocosnet",
        preset=args.preset, size=args.size, steps=args.steps, batch=args.batch, lr_g=1e-3, lr_d=1e-3, d_width=16, seed=args.seed,
        threads=1, save_every=100, features=args.features, weights=ROWS[name],
        mix=Mix(same=0.6, pseudo=0.2, cross=0.2, move=0.0), choices=choices)


def _train(row: TrainArgs) -> Path:
    return begin(row).run()


def train_rows(rows: Sequence[TrainArgs], jobs: int) -> list[Path]:
    """Train the rows, or go on with them, `jobs` at once -> their checkpoints."""
    if jobs == 1:
        return [_train(row) for row in rows]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(pool.map(_train, rows))


def train_seeds(row: Callable[[str, int, object], TrainArgs], args) -> dict[tuple[str, int], nn.Module]:
    """Train `row(name, seed, args)` for each of `args.rows` and `args.seeds` -> {(name, seed): network}. The rows of the first
    seed come first, so that a whole table is there soonest."""
    runs = list(dict.fromkeys((name, seed) for seed in args.seeds for name in args.rows))  # twice: two writers of one folder
    paths = train_rows([row(name, seed, args) for name, seed in runs], args.jobs)
    return {run: checkpoints.load(str(path))[0] for run, path in zip(runs, paths)}


def check_rows(args, known: Sequence[str]) -> None:
    """Raises DataError for rows that there are not, and for numbers below 1."""
    unknown = set(args.rows) - set(known)
    if unknown or not args.rows:
        raise DataError(f"rows are {', '.join(known)}; got {', '.join(sorted(unknown)) or 'none'}")
    if min(args.jobs, args.steps, args.batch, args.pairs) < 1:
        raise DataError("jobs, steps, batch and pairs must be at least 1")


def run(args: AblationArgs) -> None:
    """The command `ablation`."""
    check_rows(args, tuple(ROWS))
    paths = train_rows([row(name, args) for name in args.rows], args.jobs)
    evaluate(EvaluateArgs(tuple(map(str, paths)), args.test, pairs=args.pairs, perceive=args.perceive, table=True,
                          sheet=args.out / "ablation.webp", json=args.out / "ablation.json"))
