"""Portraits and bodies of the ten AI-made people in the package openpeople (MIT), cut out of sheets and photos.

Each person has a sheet of 4 x 4 framed expressions, a sheet of 4 heads and 4 bodies, and 4 large photos. The white
frames on the sheets are found, so no caption comes into a picture. P009 and P010 are held out.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..conditions import KINDS, ConditionError
from ..conditions.base import outside
from ..files import beside
from ..photo import open_photo
from .masks import write_masks

TEST = ("P009", "P010")
SIDES = ("front", "left", "back", "right")
PHOTOS = ("studio_portrait", "amateur_selfie", "studio_posture", "amateur_posture")
# Largest share of a crop that may be the repeated border of its source.
MOST_OUTSIDE = {"portrait": 0.12, "figure": 0.55}
LEAST_SIZE = 16


class PeopleError(RuntimeError):
    """The people cannot be prepared; the message says what to do."""


def prepare_people(out: str | os.PathLike, size: int = 256, progress: bool = True) -> dict[str, Path]:
    """Write OUT/portraits (condition "portrait") and OUT/bodies ("figure") as prepared data sets, with foreground masks.

    Goes on after an interruption; what is left out is named with its reason in index.json under "left_out". Folders that were
    finished without masks are given them.
    Returns: {"portraits": folder, "bodies": folder}. Raises: PeopleError without the package openpeople, or when
    a folder holds pictures of another size.
    """
    if size < LEAST_SIZE:
        raise PeopleError(f"The pictures must be at least {LEAST_SIZE} pixels a side, not {size}.")
    sources = people_folders()
    folders = {"portraits": Path(out) / "portraits", "bodies": Path(out) / "bodies"}
    jobs = {"portraits": Job(folders["portraits"], "portrait", size), "bodies": Job(folders["bodies"], "figure", size)}
    if not all(job.finished for job in jobs.values()):
        _cut_out(sources, jobs, progress)
    write_masks(folders.values(), progress)
    return folders


def _cut_out(sources: list[Path], jobs: dict[str, Job], progress: bool) -> None:
    """Fill the folders in the making, and say what was left out of them."""
    with tqdm(sources, desc="people", unit="person", disable=not progress) as bar:
        for folder in bar:
            for set_name, name, picture in pictures(folder):
                bar.set_postfix_str(name, refresh=False)
                jobs[set_name].add(name, folder.name, picture)
    for set_name, job in jobs.items():
        kept, left_out = job.finish()
        if progress:
            reasons = "".join(f"\n  left out {item['name']}: {item['reason']}" for item in left_out)
            tqdm.write(f"{set_name}: {kept} pictures in {job.folder}{reasons}")


def people_folders() -> list[Path]:
    """Folders of the people inside the package openpeople, which is located, not run."""
    spec = importlib.util.find_spec("openpeople")
    if spec is None:
        raise PeopleError('The package openpeople is needed: pip install --editable ".[train]"')
    curated = Path(spec.submodule_search_locations[0]) / "data" / "curated"
    folders = sorted(path for path in curated.iterdir() if (path / "assets").is_dir())
    if not folders:
        raise PeopleError(f"The package openpeople holds no people in {curated}; install it again.")
    return folders


def pictures(folder: Path) -> Iterator[tuple[str, str, Image.Image | str]]:
    """All pictures of a person: (data set, name, picture); in place of a picture that is not there, the reason."""
    person, assets = folder.name, folder / "assets"
    expressions = sheet(assets / "emotions_sheet.jpg", 16)
    for number in range(16):
        yield "portraits", f"{person}_emotion_{number:02d}", expressions[number]
    views = sheet(assets / "character_sheet.jpg", 8)
    for number, side in enumerate(SIDES):
        if side == "front":  # half of a face seen from the side would be a guess
            yield "portraits", f"{person}_head_{side}", views[number]
        yield "bodies", f"{person}_body_{side}", views[4 + number]
    for photo in PHOTOS:
        picture = open_photo(assets / f"{photo}.jpg")
        yield "portraits", f"{person}_{photo}", picture
        if photo != "studio_portrait":  # head and shoulders only
            yield "bodies", f"{person}_{photo}", picture


def sheet(path: Path, expected: int) -> list[Image.Image | str]:
    """The framed pictures of a sheet, row by row; if their number is not as expected, that as the reason for each."""
    image = open_photo(path)
    boxes = white_frames(np.asarray(image))
    if len(boxes) != expected:
        return [f"{path.name} has {len(boxes)} white frames, {expected} expected"] * expected
    return [image.crop(box) for box in boxes]


def white_frames(pixels: np.ndarray, least: int = 250, white: int = 200) -> list[tuple[int, int, int, int]]:
    """uint8 (H,W,3) sheet -> boxes (left, top, right, bottom) of what lies inside each white frame, row by row.

    A frame's top is a long white run; its sides go down from both ends of that run, equally far, to another white run.
    """
    mask = pixels.min(-1) >= white  # (H, W)
    boxes: list[tuple[int, int, int, int]] = []
    for y in np.flatnonzero(mask.sum(1) >= least):
        steps = np.diff(np.concatenate([[0], mask[y].astype(np.int8), [0]]))
        for left, right in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
            known = any(box[0] - 20 <= left and right <= box[2] + 20 and box[1] <= y <= box[3] for box in boxes)
            if known or right - left < least:
                continue
            sides = (mask[y:, max(0, x - 8) : x + 8] for x in (left, right))
            down = min(run_below(side) for side in sides)
            if down >= least:
                boxes.append((int(left), int(y), int(right), int(y + down)))
    inner = [inside(mask, box) for box in boxes]
    rows = sorted(inner, key=lambda box: box[1])
    return sorted(rows, key=lambda box: (sum(box[1] > other[1] + least / 2 for other in rows), box[0]))


def run_below(band: np.ndarray) -> int:
    """bool (H,W), a narrow band -> how many rows from the first on hold some True (a side line may lean a little)."""
    gaps = ~band.any(1)
    return int(gaps.argmax()) if gaps.any() else len(gaps)


def inside(mask: np.ndarray, box: tuple[int, int, int, int], spare: int = 4) -> tuple[int, int, int, int]:
    """Outer box of a frame -> box of its picture: past the white line of each side and its soft edge."""
    left, top, right, bottom = box
    middle = slice((3 * left + right) // 4, (left + 3 * right) // 4)
    line = 0
    while line < 20 and mask[top + line, middle].mean() > 0.9:  # the top line crosses no shirt
        line += 1
    return left + line + spare, top + line + spare, right - line - spare, bottom - line - spare


class Job:
    """One prepared folder in the making: each picture is a file of its own until all are there."""

    def __init__(self, folder: Path, condition: str, size: int):
        self.folder, self.condition, self.size = folder, condition, size
        self.notes = folder / "unfinished"
        self.finished = False
        index = folder / "index.json"
        if index.exists():
            made = json.loads(index.read_text())["size"]
            if made != size:
                raise PeopleError(f"{folder} holds pictures of {made} pixels, not {size}; name another folder.")
            self.finished = True
        else:
            for part in ("images", "edges", "unfinished") if condition == "portrait" else ("images", "unfinished"):
                (folder / part).mkdir(parents=True, exist_ok=True)

    def add(self, name: str, person: str, picture: Image.Image | str) -> None:
        """Cut out, save and note one picture, unless an earlier run has done so."""
        note = self.notes / f"{name}.json"
        if self.finished or note.exists():
            return
        # Sheets and studio photos show a person in the same clothes and light; each amateur photo is a scene of its own.
        scene = name.removeprefix(f"{person}_") if "amateur" in name else "studio"
        entry = {"name": name, "person": person, "scene": scene, "split": "test" if person in TEST else "train"}
        try:
            if isinstance(picture, str):
                raise ConditionError(picture)
            found = KINDS[self.condition].find(picture)
            share = outside(found.frame, picture.size)
            if share > MOST_OUTSIDE[self.condition]:
                raise ConditionError(f"{share:.0%} of the square lies outside the picture")
            cut = found.frame.cut(picture, self.size)
            with beside(self.folder / "images" / f"{name}.jpg") as partial:
                cut.save(partial, quality=95, subsampling=0)
            if found.raster is not None:
                with beside(self.folder / "edges" / f"{name}.png") as partial:
                    Image.fromarray(found.raster).convert("1").save(partial, optimize=True)
            entry |= {"notes": list(found.notes), "outside": round(share, 3), "points": found.points.tolist()}
        except ConditionError as error:
            entry["reason"] = str(error)
        with beside(note) as partial:
            partial.write_text(json.dumps(entry))

    def finish(self) -> tuple[int, list[dict]]:
        """Gather the notes into points.npy and index.json. Returns: number of pictures, and those left out."""
        if not self.finished:
            entries = [json.loads(path.read_text()) for path in sorted(self.notes.glob("*.json"))]
            items = [entry for entry in entries if "points" in entry]
            # (items, N, 3); half precision is within a sixteenth of a pixel of 256, and landmarks are found to about a pixel
            points = np.array([item.pop("points") for item in items], np.float16)
            left_out = [{"name": entry["name"], "reason": entry["reason"]} for entry in entries if "reason" in entry]
            with beside(self.folder / "points.npy") as partial:
                np.save(partial, points)
            index = {"format": 1, "condition": self.condition, "size": self.size, "seed": None,
                     "source": "openpeople (MIT), AI-made people", "items": items, "left_out": left_out}  # fmt: skip
            with beside(self.folder / "index.json") as partial:
                partial.write_text(json.dumps(index, indent=1))
            shutil.rmtree(self.notes)
            self.finished = True
        index = json.loads((self.folder / "index.json").read_text())
        return len(index["items"]), index["left_out"]
