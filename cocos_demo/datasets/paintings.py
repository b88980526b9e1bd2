"""Painted portraits: each picture of a prepared folder of portraits in several manners of painting, as a folder of its own.

They stand in for the museum's portraits of CoCosNet v2's tasks (sections 4.1 and 4.3): those of nobody are at hand here. A person
sits for `versions` manners, and all pictures of that person are painted in them, so that two of one scene share palette and brush
and the one tells how the other must look.
"""

import json
import multiprocessing
import os
import shutil
import signal
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..conditions.edges import SIZE
from ..conditions.portrait import background
from ..files import beside
from .painting_brushes import PaintingError, check_opencv
from .painting_manners import MANNERS, Manner, mixed

RECIPE = 1  # raised when the same seed gives other pictures

__all__ = ["MANNERS", "PaintingError", "deal", "prepare_paintings"]


def prepare_paintings(out: str | os.PathLike, portraits: str | os.PathLike, versions: int = 8, seed: int = 0,
                      workers: int | None = None, people: tuple[str, ...] = (), progress: bool = True) -> Path:
    """Paint every picture of the prepared folder `portraits` (condition "portrait") `versions` times into OUT -> OUT.

    The same seed gives the same pictures, whatever the number of `workers` (processes of one thread; one a core if not said; more
    than one starts processes, so a script of yours needs `if __name__ == "__main__":`). `people`: these alone. The split is the
    portraits' own, by person. An item's "scene" names its picture's scene and the manner, "edges" what its background edges were
    read from: every other item's from the underdrawing, which is as clean as a photo. Goes on after an interruption.
    Raises: PaintingError for another kind of folder, other settings than the folder was begun with, or OpenCV without xphoto.
    """
    check_opencv()
    out, portraits = Path(out), Path(portraits)
    if not 1 <= versions <= len(MANNERS):
        raise PaintingError(f"a picture is painted 1 to {len(MANNERS)} times, not {versions}")
    if seed < 0 or (workers is not None and workers < 1):
        raise PaintingError(f"need seed >= 0 and workers >= 1, got {seed} and {workers}")
    index, points = _read(portraits)
    everyone = sorted({item["person"] for item in index["items"]})
    if unknown := sorted(set(people) - set(everyone)):
        raise PaintingError(f"{portraits} has no {', '.join(unknown)}; it has {', '.join(everyone)}")
    chosen = [i for i, item in enumerate(index["items"]) if not people or item["person"] in people]
    settings = {"recipe": RECIPE, "versions": versions, "seed": seed, "size": index["size"], "people": sorted(people) or "all",
                "pictures": _keys(" ".join(index["items"][i]["name"] for i in chosen))[0]}
    if _claim(out, settings):
        return out
    hands = deal(everyone, versions, seed)
    task = partial(_paint, source=portraits, out=out, seed=seed)
    jobs = [(index["items"][i], points[i], hands[index["items"][i]["person"]]) for i in chosen]
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    bar = partial(tqdm, total=len(jobs), desc="paintings", unit="portrait", disable=not progress)
    if workers == 1:
        found = list(bar(map(task, jobs)))
    else:
        with multiprocessing.get_context("spawn").Pool(workers, _start_worker) as pool:
            found = list(bar(pool.imap(task, jobs)))
    _write_index(out, index, settings, [entry for entries in found for entry in entries],
                 np.repeat(points[chosen], versions, axis=0))
    return out


def deal(people: list[str], versions: int, seed: int) -> dict[str, dict[str, Manner]]:
    """Person -> {name: manner as mixed for this person}. All manners are dealt about equally often.

    By (seed, versions) and the people's order alone; what is mixed, by (seed, person, name).
    """
    rng, deck, hands = np.random.default_rng(seed), [], {}
    for person in people:
        hand: list[str] = []
        while len(hand) < versions:
            if not set(deck) - set(hand):
                deck += [str(name) for name in rng.permutation(list(MANNERS))]
            hand.append(deck.pop(next(k for k, name in enumerate(deck) if name not in hand)))
        hands[person] = {name: mixed(MANNERS[name], np.random.default_rng((seed, *_keys(person, name)))) for name in hand}
    return hands


def _keys(*words: str) -> list[int]:
    """Numbers that stand for words, the same on every machine."""
    return [zlib.crc32(word.encode()) for word in words]


def _read(portraits: Path) -> tuple[dict, np.ndarray]:
    """Index and points of a prepared folder of portraits."""
    again = "prepare portraits with: python -m cocos_demo prepare people OUT"
    try:
        index = json.loads((portraits / "index.json").read_text())
        points = np.load(portraits / "points.npy")
        size, items, kind = index["size"], index["items"], index["condition"]
        names = [(item["name"], item["person"], item["split"]) for item in items]
    except FileNotFoundError as error:
        raise PaintingError(f"{error.filename} is missing; {again}, and name OUT/portraits") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PaintingError(f"{portraits} is no whole prepared folder ({error!r}); {again}") from None
    if kind != "portrait":
        raise PaintingError(f"{portraits} holds pictures for the condition {kind}, not portrait; {again}, and name OUT/portraits")
    if not names or points.shape != (len(names), 478, 3):
        raise PaintingError(f"{portraits} has {len(names)} pictures and points of the shape {points.shape}; {again}")
    if size < 64:
        raise PaintingError(f"{portraits} has pictures of {size} px; strokes need 64 or more")
    return index, points


def _claim(out: Path, settings: dict) -> bool:
    """Make the folder, or go on with one of these settings; True when it is whole already."""
    note, done = out / "unfinished" / "settings.json", out / "index.json"
    for file in (done, note):
        if file.is_file():
            there = json.loads(file.read_text())
            there = there.get("paintings") if file == done else there
            if there != settings:
                raise PaintingError(f"{out} holds something else or paintings of other settings; name another folder")
            return file == done
    for folder in ("images", "edges", "masks", "unfinished"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with beside(note) as partial_file:
        partial_file.write_text(json.dumps(settings))
    return False


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everyone; the parent stops, and ends the workers
    import cv2

    cv2.setNumThreads(1)


def _paint(job: tuple[dict, np.ndarray, dict[str, Manner]], source: Path, out: Path, seed: int) -> list[dict]:
    """Paint one picture in all manners of its person, unless an earlier run has; returns the index entries."""
    from .painter import paint

    item, points, hand = job[0], job[1].astype(np.float32), job[2]
    note = out / "unfinished" / f"{item['name']}.json"
    if note.is_file():
        return json.loads(note.read_text())
    picture, mask = _picture(source, item["name"])
    entries = []
    for number, (manner_name, manner) in enumerate(hand.items()):
        name = f"{item['name']}_{manner_name.replace(' ', '-')}"
        rng = np.random.default_rng((seed, *_keys(name)))
        painting, drawing = (Image.fromarray(one) for one in paint(picture, points, mask, manner, rng))
        read_from = ("painting", "underdrawing")[(number + _keys(item["name"])[0]) % 2]
        seen = painting if read_from == "painting" else drawing
        edges = background(seen.resize((SIZE, SIZE), Image.Resampling.LANCZOS), points)
        with beside(out / "images" / f"{name}.jpg") as file:
            painting.save(file, quality=95, subsampling=0)
        with beside(out / "edges" / f"{name}.png") as file:
            Image.fromarray(edges).convert("1").save(file, optimize=True)
        if mask is not None:
            shutil.copyfile(source / "masks" / f"{item['name']}.png", out / "masks" / f"{name}.png")
        scene = f"{item['scene']}, {manner_name}" if item.get("scene") else manner_name
        entries.append({**item, "name": name, "scene": scene, "of": item["name"], "manner": manner_name, "edges": read_from})
    with beside(note) as file:
        file.write_text(json.dumps(entries))
    return entries


def _picture(source: Path, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A portrait, uint8 (S, S, 3), and its foreground, bool (S, S), or None where the folder has no masks."""
    file = source / "images" / f"{name}.jpg"
    try:
        picture = np.array(Image.open(file).convert("RGB"))
        file = source / "masks" / f"{name}.png"
        mask = np.array(Image.open(file).convert("L")) > 127 if file.is_file() else None
    except OSError as error:
        raise PaintingError(f"{file} cannot be read ({error}); prepare the portraits again") from None
    if mask is not None and mask.shape != picture.shape[:2]:
        raise PaintingError(f"{file} is of another size than its picture; prepare the portraits again")
    return picture, mask


def _write_index(out: Path, index: dict, settings: dict, items: list[dict], points: np.ndarray) -> None:
    with beside(out / "points.npy") as file:
        np.save(file, points)
    if not any((out / "masks").iterdir()):
        (out / "masks").rmdir()
    written = {"format": 1, "condition": "portrait", "size": index["size"], "seed": settings["seed"],
               "source": f"{index['source']}, painted by filters", "paintings": settings, "items": items}
    with beside(out / "index.json") as file:
        file.write_text(json.dumps(written, indent=1))
    shutil.rmtree(out / "unfinished")
