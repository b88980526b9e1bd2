"""MCL-Net's Table 4 again, small: the margin of the contrastive loss, with and without the self-correlation map.

The correspondence alone is trained, by Eq. 3 to 5 and Algorithm 1: no row paints, so that what differs is the match. Every row
of a seed sees the same batches for the same number of steps, and its encoders begin with the same weights. Beside the paper's
columns there is PCK, since the true matches of rendered people are known. `python -m cocos_demo ablation_mcl --help`.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from .ablation import check_rows, train_seeds
from .datasets.pairs import Mix
from .datasets.prepared import DataError, PreparedFolder
from .evaluation.critics import Critics
from .evaluation.warps import draw_warps, measure_warps, table
from .files import beside
from .objectives import Weights
from .training import TrainArgs

# What all rows share. Nothing looks at a painted picture, so neither G nor a perceptual network nor D runs.
WEIGHTS = Weights(feat=0.0, perc=0.0, context=0.0, adv=0.0, d_feat=0.0, domain=1.0, reg=1.0, warp=8.0, mcl=0.0)
MARGINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    margin: float | None  # None: without the loss
    scm: bool


ROWS = {
    "baseline": Row("CoCosNet", None, False),
    **{f"m{m}": Row(f"+ MCL (m = {m})", m, False) for m in MARGINS},
    "scm": Row("+ SCM", None, True),
    **{f"m{m}-scm": Row(f"+ MCL (m = {m}) + SCM", m, True) for m in MARGINS},
}


@dataclass
class AblationMCLArgs:
    """Train the rows of MCL-Net's Table 4, measure them, print the table. Stop it at any time; the same command goes on."""

    data: Path  # a prepared folder of figures, to train on
    test: Path  # another of other people: its split "test" is measured
    out: Path  # a folder a row and seed, ablation_mcl.json, ablation_mcl.webp
    rows: tuple[str, ...] = tuple(ROWS)
    seeds: tuple[int, ...] = (0, 1)  # of weights and batches; the table shows the mean, and how far they are apart
    preset: str = "tiny"  # of the networks: tiny, or mini as in the lessons
    steps: int = 200  # about two minutes on one core
    batch: int = 6
    size: int = 64  # pixels
    mcl: float = 0.1  # weight of the marginal contrastive loss; the paper gives none
    scale: float = 30.0  # its s; nor this
    pairs: int = 64  # measured, from the front and all round, of one person
    jobs: int = 2  # rows trained at once, one CPU thread each


def row(name: str, seed: int, args: AblationMCLArgs) -> TrainArgs:
    """The training run of one row. Stride and the exemplar's own pose for the reasons in `ablation.row`."""
    line, run = ROWS[name], f"{name}_{seed}"
    weights = WEIGHTS if line.margin is None else replace(WEIGHTS, mcl=args.mcl, margin=line.margin, scale=args.scale)
    choices = {"stride": "2", "exemplar_input": "image+condition"} | ({} if line.scm else {"scm": "0"})
    return TrainArgs(
        data=(args.data,), out=args.out / run, name=run, system="mclnet", preset=args.preset, size=args.size, steps=args.steps,
        batch=args.batch, lr_g=1e-3, lr_d=1e-3, warmup=20, decay_from=0.5, d_width=16, seed=seed, threads=1, save_every=100,
        weights=weights, mix=Mix(same=0.6, pseudo=0.25, cross=0.15, move=0.0), choices=choices)


def run(args: AblationMCLArgs) -> None:
    """The command `ablation_mcl`."""
    check_rows(args, tuple(ROWS))
    if not args.seeds or min(args.mcl, args.scale) <= 0:
        raise DataError("at least one seed is needed, and mcl and scale above 0")
    folder = PreparedFolder(args.test, "test", condition="figure")
    nets = train_seeds(row, args)
    critics = Critics(0)
    results = {name: {seed: measure_warps(nets[name, seed], folder, args.pairs, 0, critics.left_out, f"{name}, seed {seed}")
                      for seed in args.seeds} for name in args.rows}
    with beside(args.out / "ablation_mcl.json") as partial:
        partial.write_text(json.dumps(results, indent=1))
    print(table({ROWS[name].title: list(figures.values()) for name, figures in results.items()}))
    print(f"\nSplit 'test' of {args.test.name}: at most {args.pairs} pairs of one person, from the front where it does not say "
          f"full turn; mean of the seeds {', '.join(map(str, args.seeds))}. L1 in grey values, PSNR in dB.")
    for note in critics.notes:
        print(f"\n{note}")
    draw_warps({ROWS[name].title: nets[name, args.seeds[0]] for name in args.rows}, folder, 0, args.out / "ablation_mcl.webp")
