"""What to do where memory runs out: the message names a smaller size, or a smaller model, that does the same."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from . import checkpoints


class MemoryShort(RuntimeError):
    """There was not enough memory; the message names what needs less."""


@contextmanager
def enough(card: dict) -> Iterator[None]:
    """`with enough(card):` work with the network of this card; where memory runs out, MemoryShort is raised in its place."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        error.__traceback__ = None  # whose frames hold what was computed so far
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise MemoryShort(f"There is not enough memory for {card['name']} at {card['size']} × {card['size']} pixels. "
                          f"{advice(card)}") from error


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out: of a GPU, of the processor, or Python's own."""
    words = str(error)
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in words or "out of memory" in words


def advice(card: dict) -> str:
    """What needs less: a smaller size of the same kind of condition, else a smaller network, else another way."""
    others = []
    for name, path in checkpoints.catalogue().items():
        try:
            other = checkpoints.read_card(path)
        except checkpoints.CheckpointError:
            continue
        if other["condition"] == card["condition"] and name != card["name"]:
            others.append((other["size"], other["parameters"], name))
    smaller = sorted(one for one in others if one[0] < card["size"])
    if smaller:
        return "Take a smaller size: " + " or ".join(f"{name} ({size} pixels)" for size, _, name in smaller[:2]) + "."
    lighter = sorted(one for one in others if one[:2] < (card["size"], card.get("parameters", 0)))
    if lighter:
        return "Take a smaller model: " + " or ".join(name for *_, name in lighter[:2]) + ", or close other programs."
    return "Close other programs, or take the device cpu."
