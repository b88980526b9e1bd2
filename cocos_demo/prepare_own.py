"""The commands `prepare folder` and `prepare danbooru`: pictures of one's own, and drawn ones, become a prepared folder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from .checkpoints import shipped
from .conditions.base import ModelMissing
from .conditions.hed import available
from .conditions.lines import best
from .datasets.layouts.danbooru import Danbooru
from .datasets.layouts.own import OwnFolder
from .datasets.prepared import PreparedFolder
from .datasets.preparing import PreparingError, prepare
from .datasets.retrieval import write_list
from .prepare import Prepare, carry_out, say

TOP = 10  # exemplars for each picture


@dataclass(frozen=True)
class Folder:
    """Make a training set of your own pictures: a portrait or a figure in each, or anything, by its edges.

    The folder may hold anything, in any tree: what cannot be used is named, with the reason. An interrupted run goes on, a second
    one adds what is new and tries again what was left out. The originals are never touched.
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """The folder of pictures. Those in one folder of a person's (Anna/beach/1.jpg) are taken to show one look."""
    condition: Literal["portrait", "figure", "edges"]
    """What is read from each: face lines, a body's pose, or the lines of the whole picture."""
    out: Path
    """The folder to make."""
    size: int = 256
    """Side of the prepared pictures in pixels."""
    people: Literal["auto", "folders", "names", "each"] = "auto"
    """What tells who is shown: the first sub-folder; the file name up to its last _ or -, or up to a number at its end; nothing
    (each picture for itself). "auto": sub-folders where there are two or more, else names where they put at least half of the
    pictures into groups."""
    held_out: tuple[str, ...] = ()
    """People, folders or files never to train on."""
    hold_out: float | None = None
    """Share of the (other) people never to train on; 0.1 if not said, 0 beside --held-out."""
    exemplars: Literal["retrieved", "random", "none"] = "retrieved"
    """Exemplars of other people for each picture to train on, into OUT/exemplars.txt: those most like it, or any."""
    lines: Literal["auto", "hed", "canny", "xdog"] = "auto"
    """What finds the lines of --condition edges; "auto" is HED where it is installed, else Canny's operator."""
    workers: int | None = None
    """Processes; one a core if not said."""


@dataclass(frozen=True)
class DrawnPictures(Prepare):
    """Read a folder of drawn pictures, such as Danbooru20xx, and extract their sketches."""

    lines: Literal["hed", "xdog"] = "hed"
    """What extracts them: the network HED, thinned, or extended differences of Gaussians."""


def run(options: Folder) -> None:
    """Carry out `prepare folder`."""
    layout = _layout(options)
    files, hidden = layout.found
    entries = layout.entries()
    train, test = ({entry.person for entry in entries if not entry.files and entry.split == split} for split in ("train", "test"))
    held = [f"{person} (in part)" if person in train else person for person in sorted(test)]
    listed = ", ".join(held[:8]) + (f" and {len(held) - 8} more" if len(held) > 8 else "")
    print(f"{options.folder}: {len(files)} files" + (f", and {hidden} hidden ones passed over" if hidden else ""))
    print(f"{layout.rule}; " + (f"{len(held)} of them held out: {listed}" if held else "none held out"))
    report = prepare(layout, options.out, options.size, options.workers, again=True)
    say(layout, report)
    for line in remarks(options.out):
        print(line)
    listed = _exemplars(options)
    like = ["--like", options.condition] if options.condition in shipped() else []
    words = ["--data", str(options.out), "--out", f"runs/{options.out.name}", *like, *listed]
    print(f"train with: python -m cocos_demo train {shlex.join(words)}")


def remarks(out: Path, most: int = 4) -> Iterator[str]:
    """A line for each thing that was noted of the kept pictures: of how many, and some names; its numbers are not told apart."""
    items = json.loads((out / "index.json").read_text(encoding="utf-8"))["items"]
    noted: dict[str, list[str]] = {}
    for item in items:
        for note in item.get("notes", ()):
            noted.setdefault(re.sub(r"\d+", "some", note), []).append(item["source"])
    for note, sources in sorted(noted.items(), key=lambda pair: -len(pair[1])):
        names = "" if len(sources) == len(items) else f" [{', '.join(sources[:most])}{', ...' if len(sources) > most else ''}]"
        yield f"  noted of {len(sources)} of {len(items)}: {note}{names}"


def run_danbooru(options: DrawnPictures) -> None:
    """Carry out `prepare danbooru`."""
    carry_out(Danbooru(options.folder, options.lines), options)


def _layout(options: Folder) -> OwnFolder:
    """The layout that the options describe. Raises PreparingError, ModelMissing for options that cannot be met."""
    part = options.hold_out if options.hold_out is not None else 0.0 if options.held_out else 0.1
    if not 0 <= part < 1:
        raise PreparingError(f"--hold-out is a share from 0 to below 1, not {part}")
    root, out = options.folder.resolve(), options.out.resolve()
    if root in out.parents or out in (root, *root.parents):
        raise PreparingError(f"--out {options.out} and the originals in {options.folder} lie within each other; name another")
    if options.condition != "edges" and options.lines != "auto":
        raise PreparingError(f"--lines is for --condition edges, not {options.condition}")
    lines = best() if options.lines == "auto" else options.lines
    if options.condition == "edges" and lines == "hed" and available():
        raise ModelMissing(available())
    return OwnFolder(options.folder, options.condition, options.people, options.held_out, part, lines)


def _exemplars(options: Folder) -> list[str]:
    """Write the list for the training split; returns the options by which training reads it, and says what it cannot do."""
    try:
        folder = PreparedFolder(options.out, "train")
    except RuntimeError as error:
        print(f"note: {error}")
        return []
    if len(folder.people) < 2:
        print("note: all pictures to train on show one person, so there are no exemplars of others")
        return ["--mix.cross", "0"]
    if options.exemplars == "none":
        return []
    from .exemplars import fewest_others, of_others

    out = options.out / "exemplars.txt"
    if options.exemplars == "random":
        top = min(TOP, fewest_others(folder))
        write_list(out, random_exemplars(folder, top))
        print(f"wrote {out}: {len(folder)} pictures, {top} exemplars of other people each, drawn at random")
    else:
        of_others(options.out, out, TOP)
    return ["--exemplars", str(out)]


def random_exemplars(folder: PreparedFolder, top: int, seed: int = 0) -> dict[str, list[str]]:
    """For each picture of a folder `top` different ones of other people, drawn by its own name, so the same each time."""
    rows = {}
    for i, item in enumerate(folder.items):
        rng, others = np.random.default_rng([seed, *item["name"].encode()]), []
        while len(others) < top:  # sooner done than looking at all of a large folder
            k = int(rng.integers(len(folder)))
            if k not in others and not folder.same_person(i, k):
                others.append(k)
        rows[f"{item['name']}.jpg"] = [f"{folder.items[k]['name']}.jpg" for k in others]
    return rows
