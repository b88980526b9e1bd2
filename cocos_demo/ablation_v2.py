"""CoCosNet v2's Table 5 again, small: PatchMatch alone, the GRU alone, with a convolution, with the GRU, and with a frozen GRU
that is then trained alone.

The correspondence alone is trained: no row paints, so that what differs is the match. Every row sees the same batches for the
same number of steps, and its U-Nets begin with the same weights. Table 4, the levels of one network, is measured of the row with
the GRU and of any network that is given. `python -m cocos_demo ablation_v2 --help`.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import checkpoints
from .ablation import check_rows, train_rows
from .datasets.pairs import Mix
from .datasets.prepared import DataError, PreparedFolder
from .evaluation import choose_pairs
from .evaluation.critics import Critics
from .evaluation.figures import measure_levels
from .evaluation.levels import LevelMeter
from .evaluation.tables import short
from .evaluation.variants import figure_7, figure_8, table_4, table_5
from .files import beside
from .models import CoCosNetV2
from .objectives import Weights
from .training import TrainArgs

# Eq. 11 to 14, the cycle of the first level (the released code's), and the exemplar's pose, moved as its picture is. Nothing
# looks at a painted picture, so neither the translation network nor a perceptual network nor D runs.
WEIGHTS = Weights(feat=0.0, perc=0.0, context=0.0, adv=0.0, d_feat=0.0, domain=1.0, reg=1.0, mapping=0.3, warp=8.0,
                  warped_condition=1.0)
ROWS = {  # choices of the network that make the row
    "none": {"refinement": "none"},
    "gru-only": {"refinement": "gru", "propagation": "False"},
    "conv": {"refinement": "conv"},
    "gru-frozen": {"refinement": "gru"},
    "gru": {"refinement": "gru"},
}
TITLES = {"none": "PatchMatch", "gru-only": "GRU", "conv": "PatchMatch + conv", "gru-frozen": "PatchMatch + frozen GRU",
          "gru": "PatchMatch + GRU", "gru-then": "frozen GRU, then it alone"}
CONDITIONS = ("figure", "parts")  # of which the true matches are known
FROZEN = {"gru-frozen": ("gru",)}  # the rest of N_l learns
# The row with the frozen GRU, trained as long again, and now nothing but its GRU learns, from L_corr (Eq. 12) alone.
THEN = "gru-then"
ALL_ELSE = ("M_A", "M_B", "R.", "G.", "context", "motion", "head")


@dataclass
class AblationV2Args:
    """Train the rows of CoCosNet v2's Table 5, measure them, print Tables 4 and 5. Stop it at any time; it goes on."""

    data: Path  # a prepared folder of figures, to train on
    test: Path  # another of other people: its split "test" is measured
    out: Path  # a folder a row, ablation_v2.json, figure8.webp, a figure7_NAME.webp for each of the networks
    rows: tuple[str, ...] = tuple(ROWS)  # may be none where there are networks
    networks: tuple[str, ...] = ()  # whole networks of CoCosNet v2, by name or path, whose levels are measured too (Table 4)
    preset: str = "tiny"  # of the rows
    steps: int = 800
    batch: int = 6
    size: int = 64  # pixels
    seed: int = 0
    pairs: int = 64  # measured, from the front and all round, of one person
    jobs: int = 2  # rows trained at once, one CPU thread each


def row(name: str, args: AblationV2Args) -> TrainArgs:
    """The training run of one row: levels of an eighth of the picture would be too coarse at 64 px, so there are three."""
    return TrainArgs(
        data=(args.data,), out=args.out / name, name=name, system="cocosnet_v2", preset=args.preset, size=args.size,
        steps=args.steps, batch=args.batch, lr_g=1e-3, lr_d=1e-3, warmup=20, decay_from=0.5, d_width=16, seed=args.seed,
        threads=1, save_every=100, weights=WEIGHTS, mix=Mix(same=0.6, pseudo=0.25, cross=0.15, move=0.0),
        choices={"strides": "4,2,1", "exemplar_input": "image+condition", **ROWS[name]}, freeze=FROZEN.get(name, ()))


def then_the_gru(args: AblationV2Args) -> TrainArgs:
    """The run that goes on from the row with the frozen GRU, with every other parameter as it is."""
    return replace(row("gru-frozen", args), out=args.out / THEN, name=THEN, init=str(args.out / "gru-frozen" / "state.pt"),
                   weights=replace(WEIGHTS, domain=0.0, reg=0.0, mapping=0.0, warped_condition=0.0), freeze=ALL_ELSE)


def load(name: str) -> tuple[CoCosNetV2, dict]:
    """A checkpoint of CoCosNet v2 that reads figures -> network, card. Raises DataError for another."""
    net, card = checkpoints.load(name)
    if not isinstance(net, CoCosNetV2) or card["condition"] not in CONDITIONS:
        raise DataError(f"{name} is a {type(net).__name__} for the condition {card['condition']}; measured are the levels of "
                        f"CoCosNet v2 for {' or '.join(CONDITIONS)}")
    return net, card


def check(args: AblationV2Args) -> None:
    """Raises DataError for what would be found out only after the training."""
    if args.rows or not args.networks:
        check_rows(args, tuple(ROWS))
        kind = PreparedFolder(args.data, "train").kind.name
        if kind not in CONDITIONS:
            raise DataError(f"{args.data} is for the condition {kind}; the truth is known of {' or '.join(CONDITIONS)}")
    PreparedFolder(args.test, "test", condition=CONDITIONS[0])
    named = {*short(list(args.networks)).values()} & {*ROWS}
    if named:
        raise DataError(f"a network cannot be called {', '.join(named)}, as a row is; rename its file")


def measure(net: CoCosNetV2, folder: PreparedFolder, args: AblationV2Args, left_out: frozenset[str]
            ) -> tuple[dict[str, float], LevelMeter]:
    """The figures of one network, from the front and all round, and the single pairs from the front."""
    figures, meters = {}, {}
    for view in ("front", "full turn"):
        key, pairs = f"{view}, same person", choose_pairs(folder, True, args.pairs, args.seed, front=view == "front")
        meters[view] = LevelMeter(left_out)
        found = measure_levels(net, folder, pairs, meters[view], key)
        figures |= {f"{key}: {name}": value for name, value in found.items()}
    return figures, meters["front"]


def what_training_the_gru_gains(frozen: LevelMeter, trained: LevelMeter, px: int) -> str:
    """The warp errors of two networks that differ in their GRU alone, pair by pair: over the picture, which is what Eq. 12 asks
    for, and over the figure."""
    lines = []
    for where in ("", " over the figure"):
        before, after = (np.array(meter.rows[f"{px} px, network: L1{where}"]) for meter in (frozen, trained))
        lines.append(f"The warp's L1{where}: {before.mean():.2f} with the GRU frozen, {after.mean():.2f} once it is trained, "
                     f"nothing else changed; lower in {(after < before).sum()} of {len(after)} pairs.")
    return "\n".join(lines)


def run(args: AblationV2Args) -> None:
    """The command `ablation_v2`."""
    check(args)
    networks = {title: load(name) for name, title in short(list(args.networks)).items()}
    paths = train_rows([row(name, args) for name in args.rows], args.jobs)
    rows = {name: load(str(path)) for name, path in zip(args.rows, paths)}
    if "gru-frozen" in rows:
        rows[THEN] = load(str(train_rows([then_the_gru(args)], 1)[0]))
    critics, results, folders, meters = Critics(0), {}, {}, {}
    for name, (net, card) in {**networks, **rows}.items():
        folders[name] = PreparedFolder(args.test, "test", condition=card["condition"])
        figures, meters[name] = measure(net, folders[name], args, critics.left_out)
        results[name] = {"steps": card["steps"], **figures}
    with beside(args.out / "ablation_v2.json") as partial:
        partial.write_text(json.dumps(results, indent=1))
    if rows:
        print(table_5({TITLES[name]: results[name] for name in rows}, args.size) + "\n")
        figure_8({TITLES[name]: net for name, (net, _) in rows.items()}, folders[args.rows[-1]], args.seed,
                 args.out / "figure8.webp")
    if THEN in rows:
        print(what_training_the_gru_gains(meters["gru-frozen"], meters[THEN], args.size) + "\n")
    if "gru" in rows:
        print(table_4(TITLES["gru"], results["gru"], rows["gru"][0].config) + "\n")
    for name, (net, _) in networks.items():
        print(table_4(name, results[name], net.config) + "\n")
        figure_7(net, folders[name], args.seed, args.out / f"figure7_{name}.webp")
    print(f"Split 'test' of {args.test.name}, seed {args.seed}: at most {args.pairs} pairs of one person, from the front where "
          f"it does not say full turn. L1 in grey values, PSNR in dB; cosine: of the first candidate, mean over the positions.")
    for note in critics.notes:
        print(f"\n{note}")
