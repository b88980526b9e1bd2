"""Finding exemplars: the command `exemplars`, and `Finder`, which searches folders for one photo.

Conditions that come without a photo are searched as in the paper (Sec. 5): a plain translation network, the system "spade",
paints them, and its painting is compared with the pictures.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from PIL import Image
from tqdm import tqdm

from . import checkpoints
from .conditions import ConditionError, LabelKind
from .conditions.lines import Edges, framed
from .datasets.prepared import PreparedFolder
from .datasets.retrieval import Describer, Index, RetrievalError, describe_folder, describer, nearest, pictures_in, write_list
from .device import pick_device
from .photo import Frame, open_photo, to_image
from .translator import Condition, Translator

ITSELF = 0.999  # cosine from which on a picture is the photo itself
MAP_ITSELF = 8  # mean difference (of 255) up to which a "photo" is the very map that was read from it


@dataclass(frozen=True)
class Exemplars:
    """For every picture of a folder the pictures most like it in content and structure: lines `query,ref1,...,refK`.

    What was computed is kept in the folder, so a run that was stopped goes on, and a second one is quick.
    """

    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """A prepared folder, or any folder of pictures."""
    out: Path
    """The list to write."""
    top: int = 10
    """Exemplars for each picture, best first."""
    split: str | None = None
    """Of a prepared folder: which split, for queries and exemplars; "train" if not said."""
    other_people: bool = False
    """Of a prepared folder: only pictures of other people."""
    condition: str | None = None
    """Of a prepared folder: search by the maps of this kind ("parts", ...) alone, through a plain translation network."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""


class PlainTranslation:
    """A plain translation network for one kind: `plain(maps)`, (B, C, S, S) in [0, 1] -> PIL pictures of no one's look.

    SPADE paints with the mean of its prior, z = 0. Raises RetrievalError where no checkpoint of the system "spade" is there.
    """

    def __init__(self, kind: str, device: str | torch.device = "cpu"):
        self.path = plain_checkpoint(kind)
        self.net, card = checkpoints.load(self.path, device)
        self.size, self.device = int(card["size"]), device

    @torch.inference_mode()
    def __call__(self, maps: np.ndarray) -> list[Image.Image]:
        x_A = torch.as_tensor(maps, dtype=torch.float32, device=self.device)  # (B, C, S, S)
        z = x_A.new_zeros(len(x_A), self.net.config.code)
        return [to_image(picture) for picture in self.net.paint(x_A, z)]


def plain_checkpoint(kind: str) -> Path:
    """The file of a plain translation network for this kind of condition, shipped or imported. Raises RetrievalError."""
    try:
        return checkpoints.catalogue()[checkpoints.for_condition(kind, "spade")]
    except checkpoints.CheckpointError as error:
        raise RetrievalError(f"without a photo, exemplars are found through a plain translation network, and {error}; train one "
                             f"with: python -m cocos_demo train --system spade, and put it into {checkpoints.FOLDER}") from None


class Finder:
    """Searches pictures for exemplars of one translator's kind, each framed as the translator frames it."""

    def __init__(self, translator: Translator):
        self.kind, self.device = translator.kind, translator.device
        self.describe: Describer = describer(self.device)
        self._kept: dict[tuple, Index] = {}  # of folders that nothing is written into

    @cached_property
    def plain(self) -> PlainTranslation:
        return PlainTranslation(self.kind.name, self.device)

    def frame(self, path: str | Path) -> Image.Image:
        """The square of a picture that is compared. Raises PhotoError; ConditionError for a photo of something else."""
        photo = open_photo(path)
        if isinstance(self.kind, Edges):  # which has a frame for anything, and takes long to find lines in it
            return framed(photo)[0].cut(photo, self.describe.size)
        try:
            frame = self.kind.find(photo).frame
        except ConditionError:
            if not isinstance(self.kind, LabelKind):
                raise
            frame = Frame(photo.width / 2, photo.height / 2, min(photo.size))  # a scene has no person to frame
        return frame.cut(photo, self.describe.size)

    def look(self, condition: Condition) -> Image.Image:
        """What is searched with: the photo, or, where only a map was given, the plain network's painting of it."""
        difference = np.asarray(condition.photo, np.int16) - np.asarray(condition.image, np.int16)  # (S, S, 3)
        photographed = condition.found.picture is None and np.abs(difference).mean() > MAP_ITSELF
        if condition.kind.name == "grey" or photographed:  # a grey photo is its own map
            return condition.photo
        size = self.plain.size
        map = self.kind.draw(condition.found.points, size, condition.found.raster)  # (C, S, S), for this network's size
        return self.plain(map[None])[0]

    def index(self, folder: str | Path, keep: bool, progress: Callable[[int, int], None] | None = None) -> Index:
        """Describe a folder's pictures; what was computed is kept in it if `keep`, else in memory. Raises RetrievalError."""
        folder, names = Path(folder), pictures_in(folder)
        if (folder, *names) not in self._kept:
            store = folder / f".exemplars-{self.kind.name}.npz" if keep else None
            index = describe_folder(folder, names, self.describe, lambda name: self.frame(folder / name), store,
                                    f"framed for {self.kind.name}", progress)
            if keep:
                return index
            self._kept[folder, *names] = index
        return self._kept[folder, *names]

    def find(self, condition: Condition, indices: Sequence[Index], top: int) -> list[tuple[Path, float]]:
        """The `top` pictures of some indices nearest to a condition's photo, best first, with cosines; never the photo itself."""
        query = self.describe([self.look(condition)])[0]
        found = [(index.root / name, cosine) for index in indices for name, cosine in index.nearest(query, top + 1)]
        return sorted((pair for pair in found if pair[1] < ITSELF), key=lambda pair: -pair[1])[:top]


def fewest_others(folder: PreparedFolder) -> int:
    """Pictures of other people that each of a folder's has to choose from, at least."""
    return len(folder) - max(Counter(item["person"] for item in folder.items).values())


def of_others(data: Path, out: Path, top: int = 10) -> None:
    """Write the list of exemplars of a prepared folder's training split: the `top` pictures of other people most like each, or as
    many as there are. Raises RetrievalError, DataError."""
    run(Exemplars(data, out, min(top, fewest_others(PreparedFolder(data, "train"))), split="train", other_people=True))


def run(options: Exemplars) -> None:
    """The command `exemplars`."""
    prepared = (options.data / "index.json").is_file()
    of_prepared = {"--split": options.split, "--other-people": options.other_people, "--condition": options.condition}
    asked = [name for name, value in of_prepared.items() if value]
    if asked and not prepared:
        raise RetrievalError(f"{' and '.join(asked)}: only a prepared folder knows that, and {options.data} has no index.json")
    if options.top < 1:
        raise RetrievalError(f"--top must be at least 1, not {options.top}")
    if options.out.is_dir():
        raise RetrievalError(f"--out {options.out} is a folder; name a file")
    device, _ = pick_device(options.device)
    describe, plain = describer(device), PlainTranslation(options.condition, device) if options.condition else None
    folder = PreparedFolder(options.data, options.split or "train", condition=options.condition) if prepared else None
    root = options.data / "images" if prepared else options.data
    names = [f"{item['name']}.jpg" for item in folder.items] if prepared else pictures_in(root)
    with _Bar("pictures") as bar:
        refs = describe_folder(root, names, describe, store=options.data / ".exemplars.npz", progress=bar.show)
    queries = refs
    if plain:
        number = {name: i for i, name in enumerate(names)}
        with _Bar("maps") as bar:
            queries = describe_folder(
                root, names, describe, lambda name: plain(folder.condition(number[name], plain.size)[None].numpy())[0],
                store=options.data / f".exemplars-by-{options.condition}.npz",
                key=f"{plain.path} {plain.path.stat().st_mtime_ns}", progress=bar.show)
    owner = {name: folder.items[i]["person"] if options.other_people else name for i, name in enumerate(names)}
    rows, mean = _rows(queries, refs, owner, options.top)
    write_list(options.out, rows)
    for name, why in refs.left_out.items():
        tqdm.write(f"left out {name}: {why}")
    for note in {*refs.notes, *queries.notes}:
        tqdm.write(f"note: {note}")
    print(f"wrote {options.out}: {len(rows)} pictures, {options.top} exemplars each, by {describe.name}; mean cosine {mean:.3f}")


def _rows(queries: Index, refs: Index, owner: dict[str, str], top: int) -> tuple[dict[str, list[str]], float]:
    """The nearest of refs for each query that are not its owner's own; and their mean cosine. Raises RetrievalError."""
    owners, rows, total = np.array([owner[name] for name in refs.names]), {}, 0.0
    for at in range(0, len(queries.names), 64):
        block = queries.names[at:at + 64]
        allowed = owners[None] != np.array([owner[name] for name in block])[:, None]  # (M, N)
        fewest = int(allowed.sum(1).min())
        if fewest < top:
            raise RetrievalError(f"{block[int(allowed.sum(1).argmin())]} has only {fewest} other pictures to choose from; "
                                 f"lower --top to that" if fewest else "there are no other pictures to choose from")
        best, cosines = nearest(queries.descriptors[at:at + 64], refs.descriptors, top, allowed)
        rows |= {name: [refs.names[k] for k in row] for name, row in zip(block, best)}
        total += float(cosines.sum())
    return rows, total / max(len(rows) * top, 1)


class _Bar(tqdm):
    """A progress bar whose `show` takes (done, of)."""

    def __init__(self, what: str):
        super().__init__(desc=what, unit="picture", leave=False, disable=None)

    def show(self, done: int, of: int) -> None:
        self.total = of
        self.update(done - self.n)
