"""The command `keep`: a checkpoint that was trained becomes one that the program knows by name, as an imported one is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from . import checkpoints, packed
from .checkpoints import CheckpointError
from .conditions import KINDS


@dataclass(frozen=True)
class Keep:
    """Copy a checkpoint of your own to where the app and the command line find it by its name.

    It is read whole first: what does not fit its own configuration, or is none of this program's, is refused.
    """

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """What `train` wrote: runs/NAME/NAME.safetensors."""
    name: str = ""
    """What to call it; the file's own name if not said. One of this name that was kept before is replaced."""


def run(options: Keep) -> None:
    """Carry it out, and say where it lies."""
    path = keep(options.checkpoint, options.name or packed.name(options.checkpoint))
    card = checkpoints.read_card(path)
    print(f"{path}  ({path.stat().st_size / 1e6:.1f} MB; known as {card['name']}: {card['system']}, condition "
          f"{card['condition']}, {card['size']} px)")


def keep(source: Path, name: str) -> Path:
    """Copy the checkpoint `source` to the imported ones under `name`, its card renamed -> its new path.

    Raises CheckpointError for a name that cannot be, and for a file that is none of ours or reads an unknown condition.
    """
    path = checkpoints.place(name)
    if not source.is_file():
        raise CheckpointError(f"there is no file {source}")
    _, card = checkpoints.load(source)
    if card["condition"] not in KINDS:
        raise CheckpointError(f"{source} reads the condition {card['condition']!r}; this version knows {', '.join(KINDS)}")
    packed.write(path, packed.tensors(source), {"cocos_demo": json.dumps({**card, "name": name})})
    return path
