"""CoCosNet v2's Table 5 again, small: PatchMatch alone, the GRU alone, with a convolution, with the GRU, and with a frozen GRU.

The correspondence alone is trained: no row paints, so that what differs is the match. Every row sees the same batches for the
same number of steps, and its U-Nets begin with the same weights. `python -m cocos_demo ablation_v2 --help`.
"""

from dataclasses import dataclass
from pathlib import Path

from .ablation import check_rows, train_rows
from .datasets.pairs import Mix
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
    "gru": {"refinement": "gru"},
    "gru-frozen": {"refinement": "gru"},
}
FROZEN = {"gru-frozen": ("gru",)}  # the rest of N_l learns


@dataclass
class AblationV2Args:
    """Train the rows of CoCosNet v2's Table 5. Stop it at any time; the same command goes on."""

    data: Path  # a prepared folder of figures, to train on
    test: Path  # another of other people: its split "test" is measured
    out: Path  # a folder a row
    rows: tuple[str, ...] = tuple(ROWS)
    preset: str = "tiny"  # of the networks
    steps: int = 800
    batch: int = 6
    size: int = 64  # pixels
    seed: int = 0
    pairs: int = 32  # measured, of each sort
    jobs: int = 2  # rows trained at once, one CPU thread each


def row(name: str, args: AblationV2Args) -> TrainArgs:
    """The training run of one row: levels of an eighth of the picture would be too coarse at 64 px, so there are three."""
    return TrainArgs(
        data=(args.data,), out=args.out / name, name=name, system="cocosnet_v2", preset=args.preset, size=args.size,
        steps=args.steps, batch=args.batch, lr_g=1e-3, lr_d=1e-3, warmup=20, decay_from=0.5, d_width=16, seed=args.seed,
        threads=1, save_every=100, weights=WEIGHTS, mix=Mix(same=0.6, pseudo=0.25, cross=0.15, move=0.0),
        choices={"strides": "4,2,1", "exemplar_input": "image+condition", **ROWS[name]}, freeze=FROZEN.get(name, ()))


def run(args: AblationV2Args) -> None:
    """The command `ablation_v2`."""
    check_rows(args, tuple(ROWS))
    paths = train_rows([row(name, args) for name in args.rows], args.jobs)
    print("\n".join(f"wrote {path}" for path in paths))
