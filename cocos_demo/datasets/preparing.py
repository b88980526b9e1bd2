"""From a data set as it was published to a prepared folder: on all cores, resumable, naming what was left out and why."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..conditions import ConditionError
from ..files import beside
from ..photo import PhotoError
from .layouts.base import Entry, Layout, LayoutError, Taken

CHUNK = 4  # pictures that a process takes at a time


class PreparingError(RuntimeError):
    """A set cannot be prepared; the message says what to do."""


@dataclass(frozen=True)
class Report:
    """What became of a set's pictures."""

    folder: Path
    kept: int
    left_out: list[dict]  # name, source and reason of each
    finished: bool  # False: other shards are still to be prepared

    def __str__(self) -> str:
        return "\n".join([f"{self.folder}: {self.kept} pictures" + ("" if self.finished else ", other shards are still to come"),
                          *reasons(self.left_out, self.kept + len(self.left_out))])


def reasons(left_out: list[dict], of: int, most: int = 8) -> Iterator[str]:
    """A line for each reason: how many, of how many, and their names."""
    by_reason = defaultdict(list)
    for entry in left_out:
        by_reason[entry["reason"]].append(entry["source"])
    for reason, sources in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        more = f" and {len(sources) - most} more (index.json names all)" if len(sources) > most else ""
        yield f"  left out {len(sources)} of {of}: {reason} [{', '.join(sources[:most])}{more}]"


def prepare(layout: Layout, out: str | os.PathLike, size: int | None = None, workers: int | None = None,
            shard: tuple[int, int] = (1, 1), progress: bool = True, again: bool = False) -> Report:
    """Prepare a set, or its part `shard` (number, of how many), into the folder `out`; the originals are never touched.

    Pictures that earlier runs have done are kept, so an interrupted run goes on, and a folder that has grown is added to. Shards
    may run at the same time on several machines; whichever comes last gathers them. `workers`: processes, one a core if not
    given; a script of yours that asks for more than one needs `if __name__ == "__main__":`. `again`: try once more what earlier
    runs left out, as it may have been mended.
    Raises: LayoutError; PreparingError for a folder that holds another set or size.
    """
    out, size = Path(out), size or layout.size
    if size < 32:
        raise PreparingError(f"the pictures must be at least 32 pixels a side, not {size}")
    if workers is not None and workers < 1:
        raise PreparingError(f"at least one worker is needed, not {workers}")
    if out.resolve() == layout.root.resolve():
        raise PreparingError(f"{out} holds the originals; name another folder for what is made of them")
    entries = layout.entries()
    if not entries:
        raise LayoutError(f"{layout.root} holds no pictures of {layout.name}")
    _claim(out, {"name": layout.name, "condition": layout.condition, "size": size,
                 **getattr(layout, "settings", {})})
    known = _Known(out, again)
    todo = [entry for entry in part(entries, *shard) if not known.has(entry)]
    workers = min(workers or os.cpu_count() or 1, max(len(todo) // CHUNK, 1))
    task = partial(_prepare_one, layout=layout, out=out, size=size)
    with tqdm(total=len(todo), desc=layout.name, unit="picture", disable=not progress) as bar:
        for _ in _each(task, todo, workers):
            bar.update()
    if not all(known.has(entry) for entry in entries):
        notes = [known.note(entry) for entry in entries if known.has(entry)]
        return Report(out, sum("reason" not in note for note in notes), [n for n in notes if "reason" in n], False)
    return _gather(layout, entries, out, size, known)


def part(entries: list[Entry], number: int, of: int) -> list[Entry]:
    """The entries of shard `number` (from 1) of `of`; a person's pictures stay together. Raises PreparingError."""
    if not 1 <= number <= of:
        raise PreparingError(f"a shard is i/n with i from 1 to n, not {number}/{of}")
    position = {person: i for i, person in enumerate(sorted({entry.person for entry in entries}))}
    return [entry for entry in entries if position[entry.person] % of == number - 1]


@dataclass(frozen=True)
class Part:
    """The part `number` of `of` of a layout, as a layout of its own."""

    layout: Layout
    number: int
    of: int

    def __getattr__(self, name: str):
        if name.startswith("__"):  # what pickle asks for before there is a layout
            raise AttributeError(name)
        return getattr(self.layout, name)

    def entries(self) -> list[Entry]:
        return part(self.layout.entries(), self.number, self.of)


def _each(task, todo: list[Entry], workers: int) -> Iterator[None]:
    if workers == 1:
        yield from map(task, todo)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
    try:
        yield from pool.map(task, todo, chunksize=CHUNK)
    except BrokenProcessPool:
        raise PreparingError("a worker was ended from outside, perhaps for want of memory; the same command with fewer --workers "
                             "goes on from here") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everyone; the parent stops, and ends the workers
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _claim(out: Path, settings: dict) -> None:
    """Refuse a folder that holds something else."""
    note = out / "settings.json"
    if note.exists():
        there = json.loads(note.read_text(encoding="utf-8"))
        differ = [f"{key} {there.get(key)} instead of {value}" for key, value in settings.items() if there.get(key) != value]
        if differ:
            raise PreparingError(f"{out} holds another set ({', '.join(differ)}); name another folder or remove it")
    elif (out / "index.json").exists():
        raise PreparingError(f"{out} holds another set; name another folder or remove it")
    else:
        with beside(note) as partial_note:
            partial_note.write_text(json.dumps(settings), encoding="utf-8")


class _Known:
    """What is there already: notes of single pictures (NAME.json, and NAME.npy for points), and what was gathered before."""

    def __init__(self, out: Path, again: bool = False):
        self.notes = out / "unfinished"
        self.gathered: dict[str, dict] = {}
        self.points: dict[str, np.ndarray] = {}
        if (out / "index.json").exists():
            index = json.loads((out / "index.json").read_text(encoding="utf-8"))
            self.gathered = {entry["name"]: entry for entry in (*index["items"], *([] if again else index["left_out"]))}
            self.points = dict(zip((item["name"] for item in index["items"]), np.load(out / "points.npy"), strict=True))

    def has(self, entry: Entry) -> bool:
        return self._same(entry) or (self.notes / f"{entry.name}.json").exists()

    def _same(self, entry: Entry) -> bool:
        return self.gathered.get(entry.name, {}).get("source") == entry.source

    def note(self, entry: Entry) -> dict:
        """What was noted of a picture; who is in it and its split are as the set says now."""
        file = self.notes / f"{entry.name}.json"
        note = json.loads(file.read_text(encoding="utf-8")) if file.exists() else self.gathered[entry.name]
        told = {"name": entry.name, "source": entry.source, "person": entry.person, "split": entry.split}
        told |= {"scene": entry.scene} if entry.scene is not None else {}
        return told | {key: note[key] for key in ("notes", "reason") if key in note}

    def points_of(self, name: str) -> np.ndarray:
        file = self.notes / f"{name}.npy"
        return np.load(file) if file.exists() else self.points[name]


def _prepare_one(entry: Entry, layout: Layout, out: Path, size: int) -> None:
    """Take one picture and write its files, the note last; or note why it is left out."""
    note: dict = {"source": entry.source}
    try:
        taken = layout.take(entry, size)
        _write(out, entry.name, taken, size)
        note["notes"] = list(taken.notes)
    except (PhotoError, ConditionError, LayoutError) as error:
        note["reason"] = " ".join(str(error).split())
    with beside(out / "unfinished" / f"{entry.name}.json") as file:
        file.write_text(json.dumps(note), encoding="utf-8")


def _write(out: Path, name: str, taken: Taken, size: int) -> None:
    picture = taken.picture
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3)
    with beside(out / "images" / f"{name}.jpg") as file:
        picture.save(file, quality=95, subsampling=0)
    for folder, raster in taken.rasters.items():
        with beside(out / folder / f"{name}.png") as file:
            Image.fromarray(raster).save(file, optimize=True)
    points = np.zeros((0, 3)) if taken.points is None else taken.points
    with beside(out / "unfinished" / f"{name}.npy") as file:
        np.save(file, points.astype(np.float16))  # within a sixteenth of a pixel of 256


def _gather(layout: Layout, entries: list[Entry], out: Path, size: int, known: _Known) -> Report:
    """The notes of all pictures become points.npy and index.json."""
    notes = [known.note(entry) for entry in entries]
    items, left_out = ([note for note in notes if ("reason" in note) is missing] for missing in (False, True))
    if not items:
        why = "; ".join(line.strip() for line in reasons(left_out, len(notes)))
        raise PreparingError(f"not one picture could be used: {why}")
    with beside(out / "points.npy") as file:
        np.save(file, np.stack([known.points_of(item["name"]) for item in items]).astype(np.float16))  # (items, N, 3)
    index = {"format": 1, "condition": layout.condition, "size": size, "seed": None, "source": layout.source,
             "items": items, "left_out": left_out}  # fmt: skip
    with beside(out / "index.json") as file:
        file.write_text(json.dumps(index, indent=1, ensure_ascii=False), encoding="utf-8")
    shutil.rmtree(known.notes, ignore_errors=True)
    return Report(out, len(items), left_out, True)
