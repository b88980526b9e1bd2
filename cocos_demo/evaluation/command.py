"""The command `evaluate`: measures checkpoints, prints, draws, records."""

import json
from dataclasses import dataclass
from pathlib import Path

from .. import checkpoints
from ..datasets.prepared import DataError, PreparedFolder
from ..files import beside
from .critics import Critics
from .figures import measure_figures
from .portraits import measure_portraits
from .tables import draw_curve, draw_sheet, markdown

MEASURES = {"portrait": measure_portraits, "grey": measure_portraits, "figure": measure_figures, "parts": measure_figures}


@dataclass
class EvaluateArgs:
    """Measure checkpoints on the held-out people of a prepared folder, beside the trivial answers."""

    model: tuple[str, ...]  # shipped names or paths; several give a table over them
    data: Path  # a prepared folder of the checkpoint's condition
    pairs: int = 32  # of each sort
    split: str = "test"
    seed: int = 0  # of the choice of pairs
    any_scene: bool = False  # pairs of one person in other clothes and light too, where the answer is not known
    perceive: int = 32  # pairs of each sort, at most, that perceptual networks look at, about half a second each; 0: none
    table: bool = False  # print Markdown tables, models side by side, in place of the lists
    sheet: Path | None = None  # a picture of eight held-out results, models side by side
    curve: Path | None = None  # figures: PCK over training steps, drawn from several checkpoints
    json: Path | None = None  # the figures, to be read by a program
    record: bool = False  # write the figures into the model card inside the checkpoint


def run(args: EvaluateArgs) -> None:
    """The command `evaluate`."""
    if args.pairs < 1:
        raise DataError("at least one pair of each sort is needed")
    if args.perceive < 0:
        raise DataError("--perceive is a number of pairs, 0 for none")
    critics, results, nets, folders = Critics(args.perceive), {}, {}, {}
    for name in args.model:
        net, card = checkpoints.load(name)
        if card["condition"] not in MEASURES:
            raise DataError(f"{name} reads the condition {card['condition']}; measured are {', '.join(MEASURES)}")
        folder = PreparedFolder(args.data, args.split, condition=card["condition"])
        figures = MEASURES[card["condition"]](net, folder, args, critics)
        results[name] = {"steps": card["steps"], **figures}
        nets[name], folders[name] = net, folder
        if not args.table:
            print(f"\n{name}: {card['system']}, {card['parameters']:,} parameters, {card['steps']} steps; "
                  f"split {args.split!r} of {args.data.name}: {len(folder)} pictures of {len(folder.people)} people")
            for label, value in figures.items():
                print(f"  {label:<80} {value if isinstance(value, int) else f'{value:.3f}'}")
        if args.record:
            measured = {"data": args.data.name, "split": args.split, "seed": args.seed, **figures}
            checkpoints.save(checkpoints.catalogue().get(name, Path(name)), net, card | {"figures": measured})
    if args.table:
        print(markdown(results))
        print(f"\nSplit {args.split!r} of {args.data.name}, seed {args.seed}: at most {args.pairs} pairs of each sort, "
              f"{min(args.pairs, args.perceive)} of them seen by perceptual networks. L1 in grey values, PSNR in dB, SWD times "
              f"1000, landmarks in eye distances.")
    for note in critics.notes:
        print(f"\n{note}")
    if args.json:  # before the pictures, of which the curve cannot be drawn of every system
        with beside(args.json) as partial:
            partial.write_text(json.dumps(results, indent=1))
    if args.sheet:
        draw_sheet(nets, folders, args.seed, args.sheet, args.any_scene)
    if args.curve:
        draw_curve(results, args.curve)
