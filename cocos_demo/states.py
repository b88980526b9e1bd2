"""What a training run keeps on disk to go on, and with what weights a run can begin.

The first process reads and writes; the others are told, so that a machine without the run's folder takes part as well.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from . import checkpoints
from .files import beside
from .models.cocosnet import for_warps
from .models.layers import unbake

if TYPE_CHECKING:
    from .training import Trainer


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what is left."""


def write(trainer: "Trainer") -> None:
    """The whole state, beside its place and then there."""
    t = trainer
    state = {"step": t.step, "seconds": t.seconds, "before": t.before, "shares": t.shares, "d_width": t.args.d_width,
             "net": t.net.state_dict(), "D": t.D.state_dict(), "ema": t.ema.state_dict(),
             "opt_G": t.opt_G.state_dict(), "opt_D": t.opt_D.state_dict(), "config": asdict(t.net.config)}
    with beside(t.state_file) as partial:
        torch.save(state, partial)


def begin(trainer: "Trainer") -> None:
    """Where the run's folder holds a state, go on from it; else begin with what `init` and `generator` name, if anything."""
    t, args = trainer, trainer.args
    state = t.processes.from_first(lambda: _read(t, t.state_file) if t.state_file.is_file() else None)
    if state:
        _restore(t, state)
        return
    if args.init.endswith(".pt"):
        _begin_with(t, Path(args.init))
    elif args.init:
        _begin_with_checkpoint(t, args.init)
    if args.generator:
        _begin_generator_with(t, args.generator)
    if t.processes.count > 1:  # alike to the bit, whatever processor drew its random numbers
        for module in (t.net, t.D, t.ema):
            module.load_state_dict(t.processes.from_first(lambda m=module: {k: v.cpu() for k, v in m.state_dict().items()}))


def _restore(t: "Trainer", state: dict) -> None:
    t.net.load_state_dict(state["net"])
    t.D.load_state_dict(state["D"])
    t.ema.load_state_dict(state["ema"])
    t.opt_G.load_state_dict(state["opt_G"])
    t.opt_D.load_state_dict(state["opt_D"])
    t.step, t.seconds, t.before = state["step"], state["seconds"], state["before"]
    t.shares = state.get("shares", {})  # states of earlier versions tell none


def _begin_with(t: "Trainer", path: Path) -> None:
    """The weights of another run, averaged ones where there are, and a fresh optimiser."""
    state = t.processes.from_first(lambda: _read(t, path))
    t.ema.load_state_dict(state["ema"])
    t.net.load_state_dict(t.ema.module.state_dict())
    t.D.load_state_dict(state["D"])
    t.before, t.seconds = state["before"] + state["step"], state["seconds"]


def _begin_with_checkpoint(t: "Trainer", name: str) -> None:
    """The weights of a checkpoint; it holds no discriminator, so D begins afresh."""
    config, weights, card = _checkpoint(t, name)
    if card["condition"] != t.kind.name:
        raise TrainingError(f"{name} paints from the condition {card['condition']}, the data hold {t.kind.name}")
    if config != t.net.config:
        raise TrainingError(f"{name} was trained with other choices: {asdict(config)}")
    unbake(t.net, weights)
    _average_from_here(t)
    t.before, t.seconds = card.get("steps", 0), card.get("seconds", 0.0)  # imported ones tell neither


def _begin_generator_with(t: "Trainer", name: str) -> None:
    """The translation network of a checkpoint; its one warp's weights are shared out among the warps of this network."""
    _, weights, _ = _checkpoint(t, name)
    theirs = {key.removeprefix("G."): value for key, value in weights.items() if key.startswith("G.")}
    try:
        unbake(t.net.G, for_warps(theirs, t.net.G))
    except (AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(f"the translation network of {name} does not fit this one: {error}") from None
    _average_from_here(t)


def configuration(args, processes) -> dict | None:
    """What the checkpoint that a run begins with is configured as, where nothing else was chosen; None without one.

    Raises TrainingError for a checkpoint of another system, condition or size.
    """
    if not args.init or args.init.endswith(".pt") or args.choices:
        return None
    card = processes.from_first(lambda: checkpoints.card_of(args.init))
    if (card["system"], card["size"]) != (args.system, args.size):
        raise TrainingError(f"{args.init} is a network of {card['system']} for {card['size']} px: go on with it by "
                            f"--system {card['system']} --size {card['size']}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in card["config"].items()}


def _checkpoint(t: "Trainer", name: str) -> tuple:
    """Config, weights and card of a checkpoint."""
    def load():
        net, card = checkpoints.load(name)
        return net.config, net.state_dict(), card

    return t.processes.from_first(load)


def _average_from_here(t: "Trainer") -> None:
    t.ema.load_state_dict({"n_averaged": t.ema.n_averaged} | {
        f"module.{key}": value for key, value in t.net.state_dict().items()})


def _read(t: "Trainer", path: Path) -> dict:
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # the loader raises whatever a broken file leads it to
        raise TrainingError(f"{path} is not a training state ({error}); a run keeps its own in state.pt") from None
    if not isinstance(state, dict) or not {"config", "d_width", "ema", "D"} <= set(state):
        raise TrainingError(f"{path} is not a training state; a run keeps its own in state.pt")
    try:
        config = type(t.net.config)(**state["config"])  # choices that came later than the state are at their defaults
    except TypeError:  # of another system
        config = None
    if (config, state["d_width"]) != (t.net.config, t.args.d_width):
        raise TrainingError(f"{path} was trained with other choices: {state['config']}, d_width {state['d_width']}; "
                            f"use another --out, or the same choices")
    return state
