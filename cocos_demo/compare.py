"""The command `compare`: all systems side by side on one sheet, with the settings as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from . import again_compare, comparing, runs
from .files import beside
from .pictures import write_picture
from .translator import Translator


@dataclass(frozen=True)
class Compare:
    """Let every system that reads the photo's kind of condition match and paint the same two pictures: one contact sheet, and the
    numbers as a table. Cycle error: how far, there and back, a place of the photo lands off, in pixels of 512 x 512."""

    photo: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO")]
    """Whose face or pose to take."""
    exemplar: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="EXEMPLAR")]
    """Whose look to take."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("compare.png")
    """Where the sheet goes; the ending says the format (.png, .jpg, .webp)."""
    settings: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where names, versions, seconds and numbers go as JSON; beside the sheet if not said."""
    models: tuple[str, ...] = ()
    """Checkpoints by name or path; all that read the photo's kind of condition if not said."""
    kind: str = "auto"
    """The kind of condition, where models are not named: "portrait", "figure", ..., or "auto": by what the photo shows."""
    at: tuple[tuple[float, float], ...] = ()
    """Points of the photo, pixels x y x y ..., whose matches each system marks on the exemplar."""
    save_run: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A ZIP file for all of it: the pictures that went in and came out, and settings.json; `again` does it once more."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""


def run(options: Compare) -> None:
    """Carry it out, a line a system as it comes."""
    names = options.models or comparing.family(comparing.kind_of(options.photo, options.kind))
    wide = max(map(len, names))
    outcomes = []
    for outcome in comparing.each(names, options.photo, options.exemplar, lambda name: Translator.load(name, options.device)):
        outcomes.append(outcome)
        print(f"{outcome.name:<{wide}}  {outcome.trouble or ', '.join(comparing.in_lines(outcome))}", flush=True)
    points = comparing.to_square(outcomes, options.at)
    write_picture(comparing.sheet(outcomes, points), options.out)
    written = options.settings or options.out.with_suffix(".json")
    with beside(written) as partial:
        partial.write_text(comparing.in_json(comparing.settings(options.photo, options.exemplar, outcomes, points)), "utf-8")
    if options.save_run:
        runs.save(again_compare.comparison(options.photo, options.exemplar, outcomes, points, options.kind), options.save_run)
    print(", ".join(str(path) for path in (options.out, written, options.save_run) if path))
