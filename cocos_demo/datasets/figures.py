"""Rendered figures with exact correspondence: people of many shapes, poses, clothes, seen from all sides.

`prepare_figures` needs the extra `render` (anny and warp-lang); reading and scoring what it wrote does not.
"""

import json
import multiprocessing
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..files import beside
from .truth import Matches, true_matches

__all__ = ["FiguresError", "Matches", "contact_sheet", "load_surface", "prepare_figures", "true_matches"]

# The canonical body lies within these bounds (metres from the pelvis joint); surface places are stored in 65535 steps.
LOW, HIGH = (-0.6, -0.5, -1.0), (0.6, 0.4, 0.9)
_COLOURS = np.random.default_rng(3).integers(60, 255, (256, 3), dtype=np.uint8)
_COLOURS[0] = 0


class FiguresError(RuntimeError):
    """Figures cannot be prepared or read; the message says what to do."""


def _renderer():
    try:
        import warp

        # Before anny, which starts warp and its banner; `quiet` is for versions without the level (40: errors).
        warp.config.quiet, warp.config.log_level = True, 40
        from . import figure_people
    except ImportError as error:
        raise FiguresError(
            f"rendering figures needs the packages anny and warp-lang ({error}); "
            'install them with: pip install --editable ".[render]"'
        ) from error
    return figure_people


def _name(person, shot):
    return f"F{person:05d}_{shot}"


def _person(person, out, shots, size, seed):
    """Render one person's shots, unless they are there; returns the person's index entries (list of dict)."""
    note = out / "people" / f"F{person:05d}.json"
    if note.exists():
        return json.loads(note.read_text())
    entries = []
    for shot, picture in enumerate(_renderer().shoot(person, shots, size, seed)):
        name = _name(person, shot)
        image, parts = Image.fromarray(picture.image), Image.fromarray(picture.parts, "P")
        parts.putpalette(_COLOURS.tobytes())
        scaled = (picture.surface - LOW) / (np.array(HIGH) - LOW)
        xyz = np.where(picture.mask[..., None], np.round(scaled * 65535), 0).astype(np.uint16)  # (H, W, 3)
        with beside(out / "images" / f"{name}.jpg") as file:
            image.save(file, quality=95, subsampling=0)
        with beside(out / "parts" / f"{name}.png") as file:
            parts.save(file)
        with beside(out / "surface" / f"{name}.npz") as file:
            np.savez_compressed(file, xyz=xyz, mask=picture.mask)
        entries.append({"name": name, "shot": shot, "points": picture.points.tolist(), **picture.info})
    _write(note, entries)
    return entries


def _write(path, content):
    with beside(path) as file:
        file.write_text(json.dumps(content))


def _start_worker():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everyone; the parent stops, and ends the workers
    import torch

    torch.set_num_threads(1)


def prepare_figures(out, people=1000, shots=2, size=256, seed=0, workers=None, progress=True) -> Path:
    """Render `people` people, `shots` pictures each, size x size, into the prepared-folder format; returns the folder.

    The same seed gives the same pictures, whatever the number of `workers` (processes of one thread; default: one a
    core; more than one starts processes, so a script of yours needs `if __name__ == "__main__":`). Every tenth
    person (numbers that end in 9) is in the test split. After an interruption call it again: people that are done are
    kept. FiguresError if the renderer is not installed, or if the folder holds figures of other settings.
    """
    if people < 1 or shots < 1 or size < 32:
        raise FiguresError(f"need people >= 1, shots >= 1 and size >= 32, got {people}, {shots} and {size}")
    if workers is not None and workers < 1:
        raise FiguresError(f"need workers >= 1, got {workers}")
    if seed < 0:
        raise FiguresError(f"need seed >= 0, got {seed}")
    renderer, out = _renderer(), Path(out)
    settings = {"people": people, "shots": shots, "size": size, "seed": seed, "recipe": renderer.RECIPE}
    _claim(out, settings)
    for folder in ("images", "parts", "surface", "people"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    task = partial(_person, out=out, shots=shots, size=size, seed=seed)
    workers = min(workers or os.cpu_count() or 1, people)
    bar = partial(tqdm, total=people, desc="figures", unit="person", disable=not progress)
    if workers == 1:
        found = [task(i) for i in bar(range(people))]
    else:
        renderer.warm_up()  # so that the workers find anny's cache and the compiled kernels
        with multiprocessing.get_context("spawn").Pool(workers, _start_worker) as pool:
            found = list(bar(pool.imap(task, range(people))))
    _write_index(out, settings, found, renderer.PARTS)
    return out


def _claim(out, settings):
    """Refuse a folder that holds figures of other settings; more or fewer people are welcome."""
    note = out / "settings.json"
    if note.exists():
        there = json.loads(note.read_text())
        differ = [k for k in settings if k != "people" and there.get(k) != settings[k]]
        if differ:
            what = ", ".join(f"{k} {there.get(k)} instead of {settings[k]}" for k in differ)
            raise FiguresError(f"{out} holds figures of other settings ({what}); choose another folder or remove it")
    out.mkdir(parents=True, exist_ok=True)
    _write(note, settings)


def _write_index(out, settings, found, parts):
    items, points = [], []
    for person, entries in enumerate(found):
        for entry in entries:
            points.append(entry.pop("points"))
            split = "test" if person % 10 == 9 else "train"  # by number, so a larger set keeps its split
            items.append({"name": entry.pop("name"), "person": f"F{person:05d}", "split": split, **entry})
    with beside(out / "points.npy") as file:
        np.save(file, np.asarray(points, np.float32))  # (items, 18, 3)
    index = {
        "format": 1, "condition": "figure", "size": settings["size"], "seed": settings["seed"],
        "source": "rendered from the parametric body of the package anny (MakeHuman's CC0 mesh)",
        "parts": list(parts), "surface": {"low": list(LOW), "high": list(HIGH)}, "items": items,
    }  # fmt: skip
    _write(out / "index.json", index)


def load_surface(folder, name):
    """Surface of one prepared picture: places (H, W, 3) float32 in metres on the canonical body, mask (H, W) bool."""
    folder = Path(folder)
    bounds = json.loads((folder / "index.json").read_text())["surface"]
    low, high = (np.array(bounds[k], np.float32) for k in ("low", "high"))
    with np.load(folder / "surface" / f"{name}.npz") as data:
        xyz, mask = data["xyz"], data["mask"]
    return (low + xyz / 65535 * (high - low)).astype(np.float32), mask


def contact_sheet(folder, n=32, columns=8, start=0) -> Image.Image:
    """The first n pictures of a prepared folder side by side, n from `start` on."""
    folder = Path(folder)
    index = json.loads((folder / "index.json").read_text())
    names, size = [item["name"] for item in index["items"]][start : start + n], index["size"]
    rows = -(-len(names) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size), "white")
    for i, name in enumerate(names):
        with Image.open(folder / "images" / f"{name}.jpg") as picture:
            sheet.paste(picture, (i % columns * size, i // columns * size))
    return sheet
