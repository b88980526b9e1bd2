"""Weights: a safetensors file each, plain or packed, its configuration and model card inside. Some ship; people import others."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from . import packed
from .models import SYSTEMS
from .models.layers import bake

FOLDER = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
PAINTINGS = "paintings"  # what a card says in "looks" where looks are not taken from photos


class CheckpointError(RuntimeError):
    """A checkpoint is missing or is not one of ours; the message says which ones there are."""


def imported_folder() -> Path:
    """Where imported checkpoints lie: checkpoints/ in the folder COCOS_DEMO_HOME, which is ~/.cache/cocos_demo if not set."""
    return Path(os.environ.get("COCOS_DEMO_HOME") or Path.home() / ".cache" / "cocos_demo") / "checkpoints"


def shipped() -> dict[str, Path]:
    """The checkpoints that come with the program, name -> file."""
    return packed.files(FOLDER)


def catalogue() -> dict[str, Path]:
    """The checkpoints known by name, name -> file: the shipped ones, then the imported ones."""
    there = shipped()
    return there | {name: path for name, path in packed.files(imported_folder()).items() if name not in there}


def place(name: str) -> Path:
    """Where the imported checkpoint `name` lies or will lie. Raises CheckpointError for what cannot be its name."""
    if name in shipped():
        raise CheckpointError(f"{name!r} cannot be the name: a checkpoint that ships has it")
    foreign = any(c in '/\\:*?"<>|' or not c.isprintable() for c in name)
    if foreign or not name.strip(". ") or name.startswith(".") or name == "auto":
        raise CheckpointError(f"{name!r} cannot be the name: it must be a file's name, without a dot in front, and not auto")
    return imported_folder() / f"{name}.safetensors"


def save(path: str | Path, net: nn.Module, card: dict) -> None:
    """Write a baked network (see `layers.bake`) with its config; packed if `path` ends in .safetensors.xz. Raises OSError.

    `card` holds at least "name", "system" (a key of SYSTEMS) and "condition" (a key of conditions.KINDS); all of it JSON.
    Its "precision" is "float16" if not said, or "float32".
    """
    card = {"precision": "float16", **card, "config": asdict(net.config), "parameters": sum(p.numel() for p in net.parameters())}
    dtype = {"float16": torch.float16, "float32": torch.float32}[card["precision"]]
    state = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}  # counts stay exact
    packed.write(path, state, {"cocos_demo": json.dumps(card)})


def read_card(path: str | Path) -> dict:
    """The model card and config inside a checkpoint file, without its weights. Raises CheckpointError."""
    metadata = _read(packed.metadata, path)
    if "cocos_demo" not in metadata:
        raise CheckpointError(f"{path} was not written by cocos_demo: it holds no configuration")
    return json.loads(metadata["cocos_demo"])


def _read(read: Callable[[str | Path], dict], path: str | Path) -> dict:
    """What `read` finds in a checkpoint file. Raises CheckpointError."""
    try:
        return read(path)
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint {path}") from None
    except (packed.WeightsError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file ({error})") from None


def card_of(name_or_path: str | Path) -> dict:
    """The model card and config of a checkpoint by name or path, without its weights. Raises CheckpointError."""
    return read_card(_path(name_or_path))


def _path(name_or_path: str | Path) -> Path:
    known = catalogue()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {str(name_or_path)!r}; known by name: {', '.join(known) or 'none'}; "
                              "or give the path of a .safetensors or .safetensors.xz file")
    return path


def load(name_or_path: str | Path, device: str | torch.device = "cpu") -> tuple[nn.Module, dict]:
    """A checkpoint by name, shipped or imported, or any of ours by path -> (network in eval mode and float32, its card).

    The weights must fit the stored configuration to the last tensor. Raises CheckpointError.
    """
    path = _path(name_or_path)
    card = read_card(path)
    if card["system"] not in SYSTEMS:
        raise CheckpointError(f"{path} holds the system {card['system']!r}; this version knows {', '.join(SYSTEMS)}")
    config = {key: tuple(value) if isinstance(value, list) else value for key, value in card["config"].items()}
    tensors = _read(packed.tensors, path)
    try:
        with torch.device("meta"):  # shapes alone: the weights come from the file
            net = bake(SYSTEMS[card["system"]](**config))
        state = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
        net.load_state_dict(state, assign=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} does not fit its own configuration: {error}") from None
    return net.to(device).eval(), card


def paints(card: dict) -> bool:
    """Whether a checkpoint was trained to take its looks from paintings."""
    return card["condition"] == "metfaces" or card.get("looks") == PAINTINGS


def for_condition(condition: str, system: str = "cocosnet") -> str:
    """Name of the first checkpoint of a system for a kind of condition, shipped ones first, those for paintings last. Raises
    CheckpointError."""
    painted = None
    for name, path in catalogue().items():
        try:
            card = read_card(path)
        except CheckpointError:
            continue  # whoever asks for it by name is told
        if (card["system"], card["condition"]) == (system, condition):
            if not paints(card):
                return name
            painted = painted or name
    if painted:
        return painted
    raise CheckpointError(f"there is no checkpoint of the system {system} for the condition {condition!r}")
