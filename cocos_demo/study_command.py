"""The command `tally`: rankings of a blind comparison, counted again out of the files that were saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from . import study
from .pictures import write_picture
from .study import StudyError
from .viz import rates, to_pil


@dataclass(frozen=True)
class Tally:
    """Count the rankings of one or more people, print how often each system had which place, and draw the rates.

    Every row is checked: places that do not add up are refused, and so is an order that its seed does not draw.
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE.csv")]
    """What the tab Blind saved; of several people, several files."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("rates.png")
    """Where the bars go; the ending says the format (.png, .jpg, .webp)."""


def run(options: Tally) -> None:
    """Carry it out."""
    if not options.files:
        raise StudyError("name at least one file that the tab Blind saved")
    found = study.checked((str(path), text_of(path)) for path in options.files)
    counted = study.tally(found)
    write_picture(to_pil(rates(counted, study.QUESTIONS)), options.out)
    print(f"{len(found)} rounds, every order as its seed draws it\n\n{study.table(counted)}\n\n{options.out}")


def text_of(path: Path) -> str:
    """Raises StudyError, OSError."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise StudyError(f"{path} is no text") from None
