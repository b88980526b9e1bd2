"""Exemplars by retrieval: pictures whose VGG features are nearest by cosine, and lists of them in the published format.

The released lists take VGG's features after the last max-pooling, place by place (VGG-19's, where its weights are at hand).
With the base of VGG-16 that ships, relu3_3 of a 128 px picture is max-pooled to 8 x 8 places, as many as the last pooling
leaves of 256 px. The places are kept because an exemplar should agree in content and structure: over 150 rendered people,
the joints of the three nearest other people lay 0.13 of the picture away with 8 x 8 places, 0.14 with 4 x 4, 0.21 with one
(0.13 with 16 x 16, at four times the storage; random people 0.23, after VGG-16's last max-pooling 0.15). Maxima did a little
better than means: they do not mind how much of a cell an edge fills.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ..conditions import ConditionError
from ..errors import explain
from ..features import VGG, FeaturesError, load_vgg, load_vgg16_base
from ..files import beside
from ..photo import PhotoError, open_photo, to_array

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif")
BATCH, SAVE_EVERY = 8, 60.0  # pictures described together; seconds between two savings of an unfinished index


class RetrievalError(RuntimeError):
    """Exemplars cannot be searched or a list cannot be used; the message says what is missing."""


class Describer:
    """`describer(pictures)`: PIL pictures -> float32 (N, D), rows of length 1. Equal structure gives a cosine near 1."""

    def __init__(self, vgg: VGG, device: str | torch.device = "cpu"):
        self.vgg, self.device = vgg.to(device), torch.device(device)
        self.layer, self.size, self.pool = ("relu5_4", 224, 2) if vgg.name == "vgg19" else ("relu3_3", 128, 4)
        self.name = f"{vgg.name} {self.layer}, {self.size} px, max-pooled by {self.pool}"

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        square = (self.size, self.size)
        x = np.stack([to_array(p.resize(square, Image.Resampling.LANCZOS, reducing_gap=3)) for p in pictures])
        f = self.vgg(torch.from_numpy(x).to(self.device), (self.layer,))[self.layer]  # (N, C, h, w)
        f = F.max_pool2d(f, self.pool).flatten(1)  # (N, C h/p w/p)
        return F.normalize(f, dim=1).cpu().numpy()


def describer(device: str | torch.device = "cpu") -> Describer:
    """The released lists' VGG-19 if it lies in torch's cache, else the base of VGG-16 that ships; `.name` tells which."""
    try:
        return Describer(load_vgg("vgg19"), device)
    except FeaturesError:
        return Describer(load_vgg16_base(), device)


@dataclass
class Index:
    """Described pictures: `names` (paths within `root`), `descriptors` float16 (N, D); and what could not be described."""

    root: Path
    names: list[str]
    descriptors: np.ndarray
    left_out: dict[str, str] = field(default_factory=dict)  # name -> why
    notes: tuple[str, ...] = ()

    def nearest(self, query: np.ndarray, top: int, allowed: np.ndarray | None = None) -> list[tuple[str, float]]:
        """The `top` nearest to a descriptor (D,), best first, with their cosines; `allowed` bool (N,). Fewer if there are."""
        rows, cosines = nearest(query[None], self.descriptors, top, None if allowed is None else allowed[None])
        return [(self.names[k], float(c)) for k, c in zip(rows[0], cosines[0]) if np.isfinite(c)]


def nearest(queries: np.ndarray, descriptors: np.ndarray, top: int, allowed: np.ndarray | None = None):
    """Rows of the `top` nearest of descriptors (N, D) for each of queries (M, D), best first -> (M, top) int, (M, top) cosines.

    Both have rows of length 1. `allowed` bool (M, N); what is not allowed comes last, with cosine -inf. Of equals, the first
    in order comes first. Half precision is widened 4096 rows at a time.
    """
    cosines = np.empty((len(queries), len(descriptors)), np.float32)
    for at in range(0, len(descriptors), 4096):
        cosines[:, at:at + 4096] = queries.astype(np.float32) @ descriptors[at:at + 4096].astype(np.float32).T
    if allowed is not None:
        cosines[~allowed] = -np.inf
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :top]
    return order, np.take_along_axis(cosines, order, 1)


def pictures_in(folder: str | Path) -> list[str]:
    """Paths, within a folder and those below it, of the pictures there, in order. Raises RetrievalError where there are none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise RetrievalError(f"there is no folder {folder}")
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    names = sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))
    if not names:
        raise RetrievalError(f"{folder} holds no pictures ({', '.join(ENDINGS)})")
    return names


def describe_folder(root: str | Path, names: Sequence[str], describe: Describer, look: Callable[[str], Image.Image] | None = None,
                    store: Path | None = None, key: str = "", progress: Callable[[int, int], None] | None = None) -> Index:
    """Describe the pictures `names` within `root`, or take what `store` remembers of them.

    `look(name)` gives what is described (default: the whole picture); what it raises as PhotoError or ConditionError leaves
    the picture out. `store` (.npz) keeps all of it, with `key`, which names the way of looking: under another key, or for
    a file that has changed since, everything is done anew. An interrupted run goes on from there. `progress(done, of)`.
    """
    root, memory = Path(root), _Memory(store, f"{describe.name}; {key}")
    look = look or (lambda name: open_photo(root / name))
    stamps = {name: _stamp(root / name) for name in names}
    todo = [name for name in names if memory.stamps.get(name) != stamps[name]]
    try:
        for at in range(0, len(todo), BATCH):
            if progress:
                progress(at, len(todo))
            looks = {}
            for name in todo[at:at + BATCH]:
                try:
                    looks[name] = look(name)
                except (PhotoError, ConditionError) as error:
                    memory.put(name, stamps[name], None, str(error))
            for name, row in zip(looks, describe(list(looks.values())) if looks else ()):
                memory.put(name, stamps[name], row.astype(np.float16))
            memory.save(SAVE_EVERY)
        if progress:
            progress(len(todo), len(todo))
    finally:
        for name in [name for name in memory.stamps if not (root / name).is_file()]:
            memory.drop(name)
        memory.save()
    left_out = {name: memory.reasons[name] for name in names if name in memory.reasons}
    kept = [name for name in names if name not in left_out]
    rows = np.stack([memory.rows[name] for name in kept]) if kept else np.zeros((0, 1), np.float16)
    return Index(root, kept, rows, left_out, memory.notes)


class _Memory:
    """What an index file holds, name by name; written beside its place and moved there."""

    def __init__(self, path: Path | None, key: str):
        self.path, self.key = path, key
        self.stamps: dict[str, tuple[int, int]] = {}
        self.rows: dict[str, np.ndarray] = {}  # what could be described ...
        self.reasons: dict[str, str] = {}  # ... and why the others could not
        self.notes, self.changed, self.saved = (), False, monotonic()
        if path and path.is_file():
            try:
                with np.load(path, allow_pickle=False) as file:
                    held = dict(file)
            except Exception:  # cut short, or no index at all: numpy raises whatever it leads to; it is made anew
                held = {}
            if str(held.get("key")) == key:
                names = held["names"].tolist()
                self.stamps = dict(zip(names, map(tuple, held["stamps"].tolist())))
                self.rows = dict(zip(names, held["rows"]))
                self.reasons = dict(zip(names[len(held["rows"]):], held["reasons"].tolist()))

    def put(self, name: str, stamp: tuple[int, int], row: np.ndarray | None, reason: str = "") -> None:
        """Remember a description, or, without one, the reason."""
        self.drop(name)
        self.stamps[name] = stamp
        if row is None:
            self.reasons[name] = reason
        else:
            self.rows[name] = row

    def drop(self, name: str) -> None:
        self.changed = True
        for part in (self.stamps, self.rows, self.reasons):
            part.pop(name, None)

    def save(self, least_wait: float = 0.0) -> None:
        """Write what is new, if the last time is at least so many seconds ago. A folder that cannot be written to is a note."""
        if not (self.path and self.changed and monotonic() - self.saved >= least_wait):
            return
        names = [*self.rows, *self.reasons]
        try:
            with beside(self.path) as partial:
                np.savez(partial, key=np.array(self.key), names=np.array(names), reasons=np.array([*self.reasons.values()], "U"),
                         stamps=np.array([self.stamps[name] for name in names], np.int64), rows=np.array([*self.rows.values()]))
        except OSError as error:
            self.notes = (f"the index could not be kept, next time takes as long: {explain(error)}",)
        self.changed, self.saved = False, monotonic()


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file does: time of the last writing (ns) and size."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def write_list(path: str | Path, rows: dict[str, Sequence[str]]) -> None:
    """Write an exemplar list in the published format: a line `query,ref1,...,refK` for each query, best first.

    Raises RetrievalError for a name with a comma, which the format cannot hold.
    """
    for name in {name for query, refs in rows.items() for name in (query, *refs)}:
        if "," in name or "\n" in name:
            raise RetrievalError(f"the list separates names by commas, and {name!r} has one: rename the file")
    with beside(path) as partial:
        partial.write_text("".join(f"{','.join((query, *refs))}\n" for query, refs in rows.items()), encoding="utf-8")


def read_list(path: str | Path) -> dict[str, tuple[str, ...]]:
    """An exemplar list, ours or a published one -> {query: (ref1, ..., refK)}, best first; names with forward slashes.

    Our lists for a prepared folder name the files in its folder images. Raises RetrievalError for a file that is no list.
    """
    rows: dict[str, tuple[str, ...]] = {}
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise RetrievalError(f"{path} is not a text file with lines query,ref1,...,refK") from None
    for number, line in enumerate(lines, 1):
        names = tuple(name.strip().replace("\\", "/") for name in line.split(",") if name.strip())
        if not names:
            continue
        if len(names) < 2:
            raise RetrievalError(f"{path}, line {number}: no exemplar after {names[0]!r}; a line is query,ref1,...,refK")
        if names[0] in rows:
            raise RetrievalError(f"{path}, line {number}: a second line for {names[0]!r}")
        rows[names[0]] = names[1:]
    if not rows:
        raise RetrievalError(f"{path} holds no line query,ref1,...,refK")
    return rows
