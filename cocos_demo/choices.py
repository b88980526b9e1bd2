"""A network's named choices as they are typed, `strides 4,2,1 propagation False`, into what its configuration holds."""

from dataclasses import fields
from typing import Literal, get_args, get_origin

SWITCH = {"true": True, "false": False}


def read_choices(config: type, typed: dict[str, str]) -> dict:
    """The words read by the types of `config`'s fields: numbers, True or False, and whole numbers with commas for a tuple.

    A word that a field cannot be is left to the configuration, which knows what it can be. Raises ValueError for a name that it
    does not have, and for what is no number or switch where it has one.
    """
    kinds = {field.name: field.type for field in fields(config)}
    read = {}
    for name, word in typed.items():
        if name not in kinds:
            raise ValueError(f"there is no choice {name!r}; there are {', '.join(kinds)}")
        try:
            read[name] = _read(kinds[name], word)
        except (KeyError, ValueError):
            raise ValueError(f"the choice {name} is {_wanted(kinds[name])}, got {word!r}") from None
    return read


def _read(kind: type, word: str):
    if get_origin(kind) is tuple:
        return tuple(int(number) for number in word.split(",") if number)
    if get_origin(kind) is Literal:
        return {str(value): value for value in get_args(kind)}.get(word, word)
    return SWITCH[word.lower()] if kind is bool else kind(word)


def _wanted(kind: type) -> str:
    return "whole numbers with commas between" if get_origin(kind) is tuple else {
        bool: "True or False", int: "a whole number", float: "a number"}[kind]
