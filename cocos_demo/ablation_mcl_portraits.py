"""MCL-Net's Table 3 again, small: its designs on portraits, from SPADE without a correspondence to the whole network.

Every row is trained from scratch, with the same terms on the painted picture, the same batches and the same number of steps.
"+ COR", the correspondence alone, is CoCosNet: an MCLNet without self-correlation map and without the contrastive loss, so that
the rows from there on differ in the design that they name. `python -m cocos_demo ablation_mcl_portraits --help`.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from .ablation import check_rows, train_seeds
from .datasets.pairs import Mix
from .datasets.prepared import DataError, PreparedFolder
from .evaluation.critics import Critics
from .evaluation.designs import choose, draw_designs, measure_design, note, tables
from .files import beside
from .objectives import Weights
from .training import TrainArgs

# What all rows share, near the second run of the portrait that ships; SPADE has nothing that domain, reg and warp look at.
WEIGHTS = Weights(feat=0.3, detail=0.1, perc=0.1, context=0.02, domain=1.0, reg=1.0, pixel=8.0, warp=3.0, adv=0.3, d_feat=1.0,
                  mcl=0.0)
ADVERSARIAL_FROM = 0.4  # share of the steps before D begins


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    system: str = "mclnet"
    mcl: bool = False
    scm: bool = False


ROWS = {
    "spade": Row("SPADE", "spade"),
    "cor": Row("+ COR (CoCosNet)"),
    "mcl": Row("+ COR + MCL", mcl=True),
    "scm": Row("+ COR + SCM", scm=True),
    "mcl-scm": Row("+ COR + MCL + SCM", mcl=True, scm=True),
}


@dataclass
class AblationMCLPortraitsArgs:
    """Train the rows of MCL-Net's Table 3, measure them, print the table. Stop it at any time; the same command goes on."""

    data: Path  # a prepared folder of portraits: its split "train" is trained on, its split "test" measured
    out: Path  # a folder a row and seed, ablation_mcl_portraits.json, ablation_mcl_portraits.webp
    rows: tuple[str, ...] = tuple(ROWS)
    seeds: tuple[int, ...] = (0,)  # of weights and batches; of several the table shows the mean, and how far they are apart
    preset: str = "tiny"  # of the networks: tiny, or mini as in the lessons
    steps: int = 300  # about 25 minutes for all five rows on one core
    batch: int = 4
    size: int = 64  # pixels
    mcl: float = 0.1  # weight of the marginal contrastive loss; the paper gives none
    margin: float = 0.4  # its m, the paper's
    scale: float = 30.0  # its s, one over the temperature; the paper gives none
    pairs: int = 400  # photos with another person's exemplar, at most, for the distances between sets of pictures
    known: int = 32  # photos with an exemplar of the same person in the same scene, at most, for the error to the photo
    jobs: int = 2  # rows trained at once, one CPU thread each


def row(name: str, seed: int, args: AblationMCLPortraitsArgs) -> TrainArgs:
    """The training run of one row. Positions 2 px apart, so that 64 px still have 32 x 32 of them."""
    line, run, weights = ROWS[name], f"{name}_{seed}", WEIGHTS
    if line.mcl:
        weights = replace(weights, mcl=args.mcl, margin=args.margin, scale=args.scale)
    choices = {"spectral": "convolutions"}
    if line.system == "mclnet":
        choices |= {"stride": "2", "modulation": "warp+condition"} | ({} if line.scm else {"scm": "0"})
    return TrainArgs(
        data=(args.data,), out=args.out / run, name=run, system=line.system, preset=args.preset, size=args.size,
        steps=args.steps, batch=args.batch, lr_g=1e-3, lr_d=8e-4, warmup=20, decay_from=0.6,
        adversarial_from=round(ADVERSARIAL_FROM * args.steps), d_width=16, seed=seed, threads=1, save_every=100, weights=weights,
        mix=Mix(same=0.6, pseudo=0.15, cross=0.25), choices=choices)


def run(args: AblationMCLPortraitsArgs) -> None:
    """The command `ablation_mcl_portraits`."""
    check_rows(args, tuple(ROWS))
    if not args.seeds or min(args.mcl, args.scale, args.known) <= 0:
        raise DataError("at least one seed is needed, and mcl, scale and known above 0")
    folder = PreparedFolder(args.data, "test", condition="portrait")
    chosen = choose(folder, args.pairs, args.known)
    nets = train_seeds(row, args)
    critics = Critics(1)
    results = {name: {seed: measure_design(nets[name, seed], folder, chosen, critics, f"{name}, seed {seed}")
                      for seed in args.seeds} for name in args.rows}
    with beside(args.out / "ablation_mcl_portraits.json") as partial:
        partial.write_text(json.dumps(results, indent=1))
    print(tables({ROWS[name].title: list(figures.values()) for name, figures in results.items()}))
    seeds = f"Mean of the seeds {', '.join(map(str, args.seeds))}." if len(args.seeds) > 1 else f"Seed {args.seeds[0]}."
    print(f"\n{note(folder, chosen, critics)} {seeds}")
    for line in critics.notes:
        print(f"\n{line}")
    draw_designs({ROWS[name].title: nets[name, args.seeds[0]] for name in args.rows}, folder,
                 args.out / "ablation_mcl_portraits.webp")
