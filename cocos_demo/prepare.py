"""The commands `prepare NAME DIR`: a published data set in its folder becomes a prepared folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from .datasets.archives import pack
from .datasets.layouts import LAYOUTS, Layout
from .datasets.preparing import Part, PreparingError, Report, prepare


@dataclass(frozen=True)
class Prepare:
    """Read a published data set in its folder, as data/README.md tells, and write what training reads.

    The layout is checked first. An interrupted run goes on; the originals are never touched; what is left out is named.
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """The folder that it lies in."""
    out: Path | None = None
    """The folder to make; datasets/NAME if not said."""
    size: int | None = None
    """Side of the prepared pictures in pixels; what the paper's resolution needs if not said."""
    workers: int | None = None
    """Processes; one a core if not said."""
    shard: Annotated[str, tyro.conf.arg(metavar="I/N")] = "1/1"
    """Prepare the I-th of N parts alone, so that a batch scheduler can spread the work; the last to come gathers them."""
    archives: bool = False
    """For a set that does not fit the disk: make each part one tar, OUT/00003-of-00064.tar, which is all that stays of it."""


def run(options: Prepare, name: str) -> None:
    """Carry it out for the data set `name`."""
    carry_out(LAYOUTS[name](options.folder), options)


def carry_out(layout: Layout, options: Prepare) -> None:
    """Prepare a layout as the options say, and tell what became of it."""
    out, shard = options.out or Path("datasets") / layout.name, read_shard(options.shard)
    if not options.archives:
        say(layout, prepare(layout, out, options.size, options.workers, shard))
        return
    number, of = shard
    tar = out / f"{number:05d}-of-{of:05d}.tar"
    if tar.is_file():
        print(f"{tar} is there already")
        return
    folder = out / f".{tar.stem}"
    report = prepare(Part(layout, number, of), folder, options.size, options.workers)
    pack(folder, tar)
    shutil.rmtree(folder)
    print(f"{tar}, of {report}")


def say(layout: Layout, report: Report) -> None:
    """Print what became of a set's pictures, and whether as many were there as were published."""
    print(report)
    if report.finished:
        print(f"source: {layout.source}")
    found, published = report.kept + len(report.left_out), sum(layout.expected.values())
    if report.finished and found < published:
        print(f"note: {found} pictures were there; the published set has {published}")


def read_shard(text: str) -> tuple[int, int]:
    """"3/64" -> (3, 64). Raises PreparingError."""
    try:
        number, of = map(int, text.split("/"))
    except ValueError:
        raise PreparingError(f"--shard is I/N, as in 3/64, not {text!r}") from None
    return number, of
