"""A set in many tars (the webdataset format), for sets that do not fit a disk: each tar is a whole small prepared folder.

    00003-of-00064.tar:  set.json            what index.json says of the set, and how many samples follow
                         NAME.edges.png      rasters, a file for each part (edges, labels, masks, ...)
                         NAME.jpg            the picture
                         NAME.json           its entry of index.json, and its points

All pictures of a person lie in one tar, so pairs are drawn within one. Extra `scale`: webdataset reads, writes and fetches the
tars; of its decoders, some of which run what they read, none is used.
"""

import io
import json
import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image

from ..conditions import KINDS
from ..files import beside
from .prepared import DataError, PreparedFolder

FORMAT = 1
LIST = "archives.json"
LANES = 4  # tars that the steps take turns between; a process holds those, and the next of each
TRIES = 3  # of fetching a tar from elsewhere
NAMED = re.compile(r"(\d{5})-of-(\d{5})\.tar")


def _webdataset():
    try:
        from webdataset import TarWriter, gopen
        from webdataset.tariterators import group_by_keys, tar_file_expander
    except ImportError:
        raise DataError('tars are read and written by webdataset; pip install --editable ".[scale]"') from None
    return TarWriter, gopen, group_by_keys, tar_file_expander


def _escaped(name: str) -> str:
    """A sample's key: what stands before the first dot of its files. "set" is taken."""
    key = name.replace("%", "%25").replace(".", "%2E").replace("/", "%2F")
    return "%73et" if key == "set" else key


def pack(folder: str | Path, out: str | Path) -> Path:
    """A prepared folder -> one tar at `out`, written beside and moved there. Pictures and rasters go in as they are, to the byte;
    what only evaluation reads (surface/) stays out. Raises DataError where something is missing."""
    folder, out = Path(folder), Path(out)
    TarWriter, *_ = _webdataset()
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        points = np.load(folder / "points.npy")
        items = index.pop("items")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} is not a prepared folder ({error}); make one with: python -m cocos_demo prepare ...") from None
    if len(points) != len(items):
        raise DataError(f"{folder}: points.npy has {len(points)} rows, index.json {len(items)} items")
    parts = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name != "images" and any(p.glob("*.png")))
    about = {"archive": FORMAT, "set": index, "samples": len(items), "points": str(points.dtype)}
    with beside(out) as partial, open(partial, "wb") as file, \
            TarWriter(file, encoder=False, mtime=0, user="", group="", format="PAX_FORMAT") as tar:
        tar.write({"__key__": "set", "json": _bytes(about)})
        for item, of_item in zip(items, points):
            files = {"jpg": folder / "images" / f"{item['name']}.jpg"}
            files |= {f"{part}.png": folder / part / f"{item['name']}.png" for part in parts}
            try:
                sample = {kind: path.read_bytes() for kind, path in files.items() if kind == "jpg" or path.is_file()}
            except OSError as error:
                raise DataError(f"{files['jpg']} cannot be read ({error.strerror}); prepare the folder again") from None
            # The shortest decimals that give each number back, in the precision that it has.
            told = {"item": item, "points": [[float(str(number)) for number in point] for point in of_item]}
            tar.write({"__key__": _escaped(item["name"]), "json": _bytes(told), **sample})
    return out


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def read(where: str, url: str | None = None) -> tuple[dict, dict[str, dict[str, bytes]]]:
    """A tar, by its path, or fetched from `url` -> what set.json says, and the samples' files: name -> ending -> bytes.

    Raises DataError for a tar that is missing, not whole, or not written by `pack`.
    """
    _, gopen, group_by_keys, tar_file_expander = _webdataset()
    for tries_left in reversed(range(TRIES if url else 1)):
        try:
            with (gopen(url) if url else open(where, "rb")) as stream:
                samples = list(group_by_keys(tar_file_expander([{"url": where, "stream": stream}])))
            break
        except Exception as error:  # whatever tarfile, a pipe or the network lead to
            if tries_left:
                time.sleep(4.0 / tries_left)
                continue
            raise DataError(f"{where} cannot be read ({_first_line(error)}); it is missing or cut off: prepare its shard again, "
                            f"or see to --fetch") from None
    try:
        about = json.loads(samples[0]["json"]) if samples[0]["__key__"] == "set" else {}
    except (IndexError, KeyError, ValueError):
        about = {}
    if about.get("archive") != FORMAT or not {"set", "samples", "points"} <= set(about):
        raise DataError(f"{where} was not written by python -m cocos_demo prepare ... --archives, or by another version")
    if len(samples) - 1 != about["samples"]:
        raise DataError(f"{where} is cut off: it has {len(samples) - 1} of {about['samples']} samples; prepare its shard again")
    return about, {unquote(sample["__key__"]): sample for sample in samples[1:]}


def _first_line(error: Exception) -> str:
    return next((line for word in error.args for line in str(word).splitlines() if line), type(error).__name__)


class TarFolder(PreparedFolder):
    """One tar, in memory, in place of a folder."""

    most_kept = 0  # few pictures are drawn twice before the next tar comes

    def __init__(self, where: str, split: str, load_size: int | None = None, condition: str | None = None,
                 url: str | None = None):
        self.path = Path(where)
        self.about, self._files = read(where, url)
        try:
            told = [json.loads(sample["json"]) for sample in self._files.values()]
            points = [np.array(one["points"], dtype=self.about["points"]).reshape(-1, 3) for one in told]
            index = self.about["set"] | {"items": [one["item"] for one in told]}
            stacked = np.stack(points).astype(np.float32)  # (items, N, 3)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: its samples do not fit together ({error}); prepare its shard again") from None
        self._take_in(index, stacked, split, load_size, condition)

    def holds(self, part: str, i: int, ending: str = "png") -> bool:
        return self._kind(part, ending) in self._files[self.items[i]["name"]]

    @staticmethod
    def _kind(part: str, ending: str) -> str:
        return ending if part == "images" else f"{part}.{ending}"

    def _open(self, part: str, i: int, ending: str) -> Image.Image:
        name = self.items[i]["name"]
        try:
            picture = Image.open(io.BytesIO(self._files[name][self._kind(part, ending)]))
            picture.load()
        except (OSError, KeyError) as error:
            raise DataError(f"{self.path}: {name}.{self._kind(part, ending)} cannot be read ({error}); prepare its shard "
                            f"again") from None
        return picture


def survey(out: str | Path, progress: Callable[[list[str]], Iterable[str]] = list) -> dict:
    """Read all tars of a folder, from the first to the last -> what archives.json is to hold of them.

    Raises DataError where one of n is missing, is not whole, or belongs to another set.
    """
    found = {path.name: NAMED.fullmatch(path.name) for path in sorted(Path(out).glob("*.tar"))}
    numbers = {name: (int(m[1]), int(m[2])) for name, m in found.items() if m}
    totals = {total for _, total in numbers.values()}
    if len(totals) != 1:
        raise DataError(f"{out} holds " + ("no tars named 00001-of-00064.tar and so on" if not totals else
                                           f"tars of sets parted in different ways, into {', '.join(map(str, sorted(totals)))}"))
    total, = totals
    there = {number for number, _ in numbers.values()}
    start = 0 if 0 in there else 1  # shards may be counted from either
    missing = sorted(set(range(start, start + total)) - there)
    if missing:
        raise DataError(f"{out} lacks {len(missing)} of {total} tars: shard {', '.join(map(str, missing[:8]))}"
                        + (", ..." if len(missing) > 8 else "") + "; prepare them with --shard i/n")
    of_all, tars = None, []
    for name in progress(list(numbers)):
        about, samples = read(str(Path(out) / name))
        of_all = of_all or _of_all(about)
        if _of_all(about) != of_all:
            raise DataError(_foreign(name, _of_all(about), of_all))
        items = [json.loads(sample["json"])["item"] for sample in samples.values()]
        splits = {item["split"]: [other["person"] for other in items if other["split"] == item["split"]] for item in items}
        tars.append({"name": name, "splits": {split: {"pictures": len(people), "people": len(set(people))}
                                              for split, people in splits.items()}})
    return {"archives": FORMAT, "set": of_all, "tars": tars}


def _of_all(about: dict) -> dict:
    """What is the same for all tars of a set."""
    return {key: value for key, value in about["set"].items() if key != "left_out"}


def _foreign(name: str, theirs: dict, ours: dict) -> str:
    differ = [f"{key} {theirs.get(key)!r} instead of {ours.get(key)!r}" for key in sorted({*theirs, *ours})
              if theirs.get(key) != ours.get(key)]
    return f"{name} belongs to another set: {'; '.join(differ)}"


class ArchiveSet:
    """The split of a set in tars, for training in place of a prepared folder: `at(seed, step)` is the tar a step draws from.

    Steps take turns between LANES lanes, so that each of as many loader processes has its own. A lane stays with a tar for as
    many steps as draw each of its pictures once on average; then comes the next of a shuffled order of all tars, shuffled anew
    when they are through: a function of seed and step alone, for a given `batch`, which is the whole step's. `fetch`: where the
    tars lie if not beside archives.json: an address with {} for the name, or "pipe:COMMAND {}". Raises DataError.
    """

    def __init__(self, path: str | Path, split: str, load_size: int | None = None, condition: str | None = None, batch: int = 1,
                 fetch: str = ""):
        self.path, self.split, self.load_size, self.condition, self.fetch = Path(path), split, load_size, condition, fetch
        try:
            told = json.loads((self.path / LIST).read_text(encoding="utf-8"))
            self.index = told["set"]
            tars = [(tar["name"], tar["splits"][split]) for tar in told["tars"] if split in tar["splits"]]
            self.pictures = sum(count["pictures"] for _, count in tars)
            self.people = range(sum(count["people"] for _, count in tars))
            self.fewest_people = min((count["people"] for _, count in tars), default=0)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path / LIST} cannot be read ({error}); write it with: python -m cocos_demo archives "
                            f"{self.path}") from None
        if fetch and "{}" not in fetch:
            raise DataError(f"--fetch needs {{}} where the name of a tar is to stand, as in https://host/set/{{}}; got {fetch}")
        if not tars:
            raise DataError(f"{self.path} holds no picture of the split {split!r}")
        if condition and condition not in KINDS:
            raise DataError(f"there is no condition {condition!r}; there are {', '.join(KINDS)}")
        self.tars = [name for name, _ in tars]
        self.stay = max(round(self.pictures / len(tars) / batch), 1)  # steps
        self.kind = KINDS[condition or self.index["condition"]]
        self._held: dict[tuple[int, int], tuple[str, TarFolder]] = {}  # by seed and lane
        self._ahead: dict[tuple[int, int], tuple[str, Future]] = {}  # the lane's next
        self._pool, self._process = None, 0

    def __len__(self) -> int:
        return self.pictures

    def name_at(self, seed: int, step: int) -> str:
        """The tar that a step draws from."""
        turn, lane = divmod(step, LANES)
        epoch, place = divmod(turn // self.stay * LANES + lane, len(self.tars))
        return self.tars[np.random.default_rng((seed, epoch)).permutation(len(self.tars))[place]]

    def at(self, seed: int, step: int) -> TarFolder:
        """The tar that a step draws from. Once it is drawn from again, the lane's next is read ahead, by a thread."""
        if self._process != os.getpid():  # threads do not follow into a loader process
            self._ahead, self._pool, self._process = {}, ThreadPoolExecutor(1), os.getpid()
        name, lane = self.name_at(seed, step), (seed, step % LANES)
        if self._held.get(lane, ("",))[0] == name:
            following = self.name_at(seed, step + self.stay * LANES)
            if lane not in self._ahead and following != name:
                self._ahead[lane] = following, self._pool.submit(self._read, following)
            return self._held[lane][1]
        self._held.pop(lane, None)  # its memory is free before another is read
        coming, future = self._ahead.pop(lane, ("", None))
        held = next((tar for told, tar in list(self._held.values()) if told == name), None)
        held = held or (future.result() if coming == name else self._read(name))
        self._held[lane] = (name, held)
        return held

    def __getstate__(self) -> dict:
        return vars(self) | {"_held": {}, "_ahead": {}, "_pool": None, "_process": 0}

    def _read(self, name: str) -> TarFolder:
        url = self.fetch.replace("{}", name) if self.fetch else None
        tar = TarFolder(str(self.path / name), self.split, self.load_size, self.condition, url)
        if _of_all(tar.about) != self.index:
            raise DataError(_foreign(name, _of_all(tar.about), self.index) + f"; python -m cocos_demo archives {self.path}")
        return tar


def open_set(path: str | Path, split: str, load_size: int | None = None, condition: str | None = None, batch: int = 1,
             fetch: str = "") -> PreparedFolder | ArchiveSet:
    """A prepared folder, or a folder of tars. Raises DataError."""
    if (Path(path) / LIST).is_file():
        return ArchiveSet(path, split, load_size, condition, batch, fetch)
    if not (Path(path) / "index.json").is_file() and any(Path(path).glob("*.tar")):
        raise DataError(f"{path} holds tars and no list of them; write it with: python -m cocos_demo archives {path}")
    return PreparedFolder(path, split, load_size=load_size, condition=condition)
