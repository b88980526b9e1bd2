"""Recipes on the command line of `train`: what they choose, unless the user says otherwise, and what is printed of it.

    begin(words, TrainArgs)    the options that the command line begins with, by --data, --system, --preset and --recipe, or by
                               --like, a checkpoint to go on from as it was trained
    complete(options)          names become folders, and the recipe's choices of the network those of the run; what is missing
                               is told, with the command that makes it
    said(options)              the settings that the recipe chose, with their sources
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from . import checkpoints
from .datasets.archives import LIST as ARCHIVES
from .recipes import FORMS, SETS, Recipe, RecipeError, recipe

HOME = Path("datasets")  # of prepared sets, each under its name, as `prepare NAME` makes them
LIST = "exemplars.txt"  # in a prepared folder: its list of exemplars
MISSING = object()


def begin(words: Sequence[str], options: type):
    """The instance of `options` (TrainArgs) that these words of a command line begin with, or None without a recipe.

    Raises RecipeError for a recipe that there is not; CheckpointError.
    """
    said = _first(words)
    chosen = _chosen(said.data, said.system or "cocosnet", said.preset, said.recipe)
    if said.like:
        if chosen:
            raise RecipeError(f"--like {said.like} and the recipe {chosen.name} both say how to train; with --recipe none the "
                              f"first alone does")
        return _like(said.like, said.data, options)
    if chosen is None:
        return None
    known = {one.name: one for one in fields(options)}
    values = {name: value for name, value in chosen.part("").items() if name in known}
    if any(word.split("=")[0] == "--steps" for word in words):
        values.pop("epochs", None)  # whoever counts steps does not count epochs
    data = tuple(Path(name) for name in said.data) or (Path(chosen.data),)
    weights, mix = chosen.part("weights"), chosen.part("mix")
    if mix["hard"] > 0 and _in_archives(_located(data[0])):  # lists need folders: at random, then
        mix |= {"cross": mix["cross"] + mix["hard"], "hard": 0.0}
    elif mix["hard"] > 0:
        values["exemplars"] = _located(data[0]) / LIST
    values["weights"], values["mix"] = (replace(known[group].default_factory(), **given)
                                        for group, given in (("weights", weights), ("mix", mix)))
    name = f"{chosen.data}-{chosen.system}"
    return options(data=data, out=Path("runs") / f"{name}-{chosen.preset}", name=name.replace("-", "_"), system=chosen.system,
                   preset=chosen.preset, recipe=chosen.name, **values)


def _like(name: str, data: Sequence[str], options: type):
    """The options by which a checkpoint, by name or path, goes on as it was trained last."""
    card = checkpoints.card_of(name)
    if not {"weights", "mix", "rates", "batch"} <= set(card):
        raise RecipeError(f"{name} does not tell how it was trained; begin with its weights alone: --init {name}")
    groups = {one.name: one.default_factory() for one in fields(options) if one.name in ("weights", "mix")}
    # What came later than the checkpoint is at its default.
    filled = {group: replace(value, **{one.name: card[group][one.name] for one in fields(value) if one.name in card[group]})
              for group, value in groups.items()}
    rates = {name: value for name, value in card["rates"].items() if name in ("beta1", "beta2", "decay_from", "ema")}
    return options(data=tuple(map(Path, data)), out=Path("runs") / f"like-{Path(name).name.split('.')[0]}", like=name, init=name,
                   name=card["name"], system=card["system"], condition=card["condition"], size=card["size"],
                   batch=card["batch"], lr_g=card["rates"]["G"], lr_d=card["rates"]["D"], warmup=20, **rates, **filled)


def of(options) -> Recipe | None:
    """The recipe that filled in these options; None without one. Raises RecipeError."""
    if not options.recipe:
        return None
    return _chosen([str(path) for path in options.data], options.system, options.preset, options.recipe)


def complete(options):
    """The same options with folders for names, and the network's choices. Raises RecipeError for what is not there."""
    if not options.data:
        raise RecipeError("--data is missing: a prepared folder to train on")
    chosen = of(options)
    options = replace(options, data=tuple(_located(path) for path in options.data), recipe=chosen.name if chosen else "")
    if chosen is None:
        return options
    for path in options.data:
        if not path.exists():
            raise RecipeError(f"there is no prepared folder {path}; make it of the folder DIR that {chosen.of_set.title} lies "
                              f"in: python -m cocos_demo prepare {chosen.data} DIR --out {path} --size {chosen.prepared}")
    lists = options.mix.hard > 0 or (options.mix.cross > 0 and options.exemplars)
    if lists and options.exemplars and not options.exemplars.is_file():
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:  # one process makes it, before the others are started
            raise RecipeError(f"there is no list of exemplars {options.exemplars}; make one with: python -m cocos_demo exemplars "
                              f"{options.data[0]} --other-people --out {options.exemplars} (or draw exemplars at random: "
                              f"--exemplars None --mix.hard 0)")
        from .exemplars import of_others  # with what translates, which a run with a list at hand does not need

        print(f"there is no list of exemplars {options.exemplars} yet: they are retrieved once, as the papers do")
        of_others(options.data[0], options.exemplars)
    options = replace(options, choices={name: str(value) for name, value in chosen.part("choices").items()} | options.choices)
    if options.system == "segin" and not all(_tells_foreground(path) for path in options.data):
        weights = replace(options.weights, seg=0.0, attention=0.0)
        options = replace(options, weights=weights, choices={"mask": "False"} | options.choices)
    return options


def said(options) -> str:
    """What the recipe chose and the user let stand, a line a source; then what the user gave instead. "" without a recipe."""
    if options.like:
        given = [f"{group}.{one.name} {_short(getattr(getattr(options, group), one.name))}" for group in ("weights", "mix")
                 for one in fields(getattr(options, group)) if getattr(getattr(options, group), one.name) != one.default]
        return (f"as {options.like} was trained last, or as said here: {', '.join(given)}, batch {options.batch}, rates "
                f"{options.lr_g:g} and {options.lr_d:g}; the rest as train --help has it")
    chosen = of(options)
    if chosen is None:
        return ""
    by_source: dict[str, list[str]] = {}
    own = []
    for name, one in chosen.settings.items():
        value = _value(options, name)
        if value is MISSING:
            continue
        if str(value) == str(one.value):
            by_source.setdefault(one.source, []).append(f"{name} {_short(one.value)}")
        else:
            own.append(f"{name} {_short(value)} (recipe: {_short(one.value)})")
    lines = [f"recipe {chosen.name}, {chosen.system}, preset {chosen.preset}"]
    lines += [f"  {', '.join(settings)}  [{source}]" for source, settings in by_source.items()]
    lines += [f"  not the recipe's: {', '.join(own)}"] if own else []
    return "\n".join(lines)


def _value(options, name: str):
    group, _, last = name.rpartition(".")
    within = getattr(options, group) if group else options
    if isinstance(within, dict):
        return within.get(last, MISSING)
    return getattr(within, last, MISSING)


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _first(words: Sequence[str]) -> argparse.Namespace:
    """The words that decide on a recipe, out of all."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--data", nargs="*", default=[])
    for name in ("--system", "--preset", "--recipe", "--like"):
        parser.add_argument(name, nargs="?", default=None)
    try:
        return parser.parse_known_args(list(words))[0]
    except argparse.ArgumentError:  # tyro will say what is wrong
        return argparse.Namespace(data=[], system=None, preset=None, recipe=None, like=None)


def _chosen(data: Sequence[str], system: str, preset: str | None, asked: str | None) -> Recipe | None:
    """The recipe that was asked for, else that of a set named by --data. None where neither is."""
    names = [part for part in (asked or "").split("/") if part]
    if names == ["none"]:
        return None
    unknown = [part for part in names if part not in (*SETS, *FORMS)]
    form = next((part for part in names if part in FORMS), None)
    if unknown or len(names) > 2:
        raise RecipeError(f"--recipe is none, {' or '.join(FORMS)}, or a set's name ({', '.join(SETS)}), or both, as in "
                          f"celebahqedge/published; not {asked!r}")
    name = next((part for part in names if part in SETS), None)
    if name is None and len(data) == 1 and data[0] in SETS and not Path(data[0]).exists():
        name = data[0]
    if name is None:
        if names:
            raise RecipeError(f"--recipe {asked} needs a set: give --data one of {', '.join(SETS)}, or --recipe NAME/{form}")
        return None
    form = form or ("published" if preset == "published" else "paper")
    return recipe(name, system, preset or ("published" if form == "published" else "tiny"), form)


def _located(path: Path) -> Path:
    """datasets/NAME for the name of a recipe, unless there is such a path."""
    return HOME / path if str(path) in SETS and not path.exists() else path


def _in_archives(path: Path) -> bool:
    return (path / ARCHIVES).is_file()


def _tells_foreground(path: Path) -> bool:
    """Whether a prepared folder has masks, or parts to tell them by. Of a set in tars it is not known before they are read."""
    index = path / "index.json"
    return _in_archives(path) or (path / "masks").is_dir() or (index.is_file() and '"parts"' in index.read_text(encoding="utf-8"))
