"""A prepared folder: what `prepare` writes and everything that trains or measures reads."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..conditions import KINDS
from ..conditions.grey import luma

MOST_KEPT = 512 * 2**20  # bytes of decoded pictures a folder keeps in memory: as they are drawn at random, any will do
# What else can be drawn from what is kept for a kind.
ALSO = {"portrait": ("grey",), "figure": ("deepfashion", "deepfashion_hd")}


class DataError(RuntimeError):
    """A prepared folder is missing or incomplete; the message says what to run."""


class PreparedFolder:
    """A folder written by `prepare`: pictures, points, edges or label maps, and who is in them.

    `condition` is the kind that is drawn: the folder's own if not given; a folder of figures with part maps serves "parts" too,
    one of portraits "grey", one of figures the poses of the published networks.
    `folder.items[i]` is the entry of index.json; `folder.image(i)` a (3, S, S) uint8 tensor with S = `load_size`;
    `folder.condition(i, size)` the drawn map (C, size, size). Raises DataError for a folder that is not one.
    """

    def __init__(self, path: str | Path, split: str, load_size: int | None = None, condition: str | None = None):
        self.path = Path(path)
        try:
            index = json.loads((self.path / "index.json").read_text(encoding="utf-8"))
            points = np.load(self.path / "points.npy").astype(np.float32)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path} is not a prepared folder ({error}); make one with: "
                            f"python -m cocos_demo prepare people|figures|folder|... OUT") from None
        self._take_in(index, points, split, load_size, condition)

    def _take_in(self, index: dict, points: np.ndarray, split: str, load_size: int | None, condition: str | None) -> None:
        """Make this index and these points (items, N, 3) the folder's. Raises DataError where they do not fit together."""
        if not (isinstance(index, dict) and {"condition", "items", "size"} <= set(index)) or index["condition"] not in KINDS:
            raise DataError(f"{self.path}/index.json was not written by python -m cocos_demo prepare, or by another version")
        if len(points) != len(index["items"]):
            raise DataError(f"{self.path}: points.npy has {len(points)} rows, index.json {len(index['items'])} items")
        chosen = [i for i, item in enumerate(index["items"]) if item["split"] == split]
        if not chosen:
            raise DataError(f"{self.path} holds no picture of the split {split!r}")
        serves = [index["condition"], *(["parts"] if "parts" in index else []), *ALSO.get(index["condition"], ())]
        if condition and condition not in serves:
            raise DataError(f"{self.path} serves the condition {' or '.join(serves)}, not {condition}")
        self.index, self.split, self.kind = index, split, KINDS[condition or index["condition"]]
        try:
            self._numbers = KINDS["parts"].numbers(index["parts"]) if self.kind.name == "parts" else None
        except ValueError as error:
            raise DataError(f"{self.path}: {error}") from None
        self.items, self.points = [index["items"][i] for i in chosen], points[chosen]
        self.load_size = min(load_size or index["size"], index["size"])
        self._images: dict[int, Tensor] = {}
        self.people: dict[str, list[int]] = {}
        for i, item in enumerate(self.items):
            self.people.setdefault(item["person"], []).append(i)

    def __len__(self) -> int:
        return len(self.items)

    def same_person(self, i: int, k: int) -> bool:
        """Whether i and k show one person."""
        return self.items[i]["person"] == self.items[k]["person"]

    def same_scene(self, i: int, k: int) -> bool:
        """Whether i's looks can be known from k: one person in the same clothes and light, where the index tells scenes."""
        return self.same_person(i, k) and self.items[i].get("scene") == self.items[k].get("scene")

    def holds(self, part: str, i: int, ending: str = "png") -> bool:
        """Whether there is a file of this part (images, edges, labels, masks, ...) for item i."""
        return self._file(part, i, ending).is_file()

    def _file(self, part: str, i: int, ending: str) -> Path:
        return self.path / part / f"{self.items[i]['name']}.{ending}"

    def _open(self, part: str, i: int, ending: str) -> Image.Image:
        file = self._file(part, i, ending)
        try:
            picture = Image.open(file)
            picture.load()
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error}); prepare the folder again") from None
        return picture

    def image(self, i: int) -> Tensor:
        """(3, S, S) uint8 RGB; kept in memory while there is room."""
        if i in self._images:
            return self._images[i]
        picture = self._open("images", i, "jpg").convert("RGB")
        if picture.size != (self.load_size, self.load_size):
            picture = picture.resize((self.load_size, self.load_size), Image.LANCZOS)
        image = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
        if len(self._images) * image.numel() < MOST_KEPT:
            self._images[i] = image
        return image

    def raster(self, i: int) -> np.ndarray | None:
        """uint8 or uint16 (R, R), what the kind draws from beside the points: background edges, a label map, part masks, the luma
        (S, S) of "grey"; None for a kind that draws points alone."""
        if self.kind.name == "parts":
            return self._numbers[self.parts(i)]
        if self.kind.name == "grey":
            return luma(Image.fromarray(self.image(i).permute(1, 2, 0).numpy()))
        if self.kind.stored is None:
            return None
        picture = self._open(self.kind.stored, i, "png")
        return np.array(picture.convert("L") if picture.mode == "1" else picture)

    def parts(self, i: int) -> np.ndarray:
        """uint8 (R, R): the part of the body that each pixel shows, by its number in `index["parts"]`; 0 is the background."""
        return np.array(self._open("parts", i, "png"))

    def figure(self, i: int) -> Tensor:
        """(1, S, S) float: 1 on the figure, by the part map; 1 everywhere for kinds without one."""
        if "parts" not in self.index:
            return torch.ones(1, self.load_size, self.load_size)
        parts = self._open("parts", i, "png")
        mask = np.array(parts.resize((self.load_size, self.load_size), Image.NEAREST)) > 0
        return torch.from_numpy(mask).float()[None]

    def foreground(self, i: int) -> Tensor:
        """(1, S, S) in 0..1: 1 where somebody or something is in front, by the part map, else by masks/. Raises DataError."""
        if "parts" in self.index:
            return self.figure(i)
        if not self.holds("masks", i):
            raise DataError(f"{self.path} has no foreground mask of {self.items[i]['name']}; masks of people are made by: "
                            f"python -m cocos_demo prepare people {self.path.parent} --size {self.index['size']}")
        mask = self._open("masks", i, "png").convert("L").resize((self.load_size, self.load_size), Image.BOX)
        return torch.from_numpy(np.array(mask)).float()[None] / 255

    def photo(self, i: int, size: int) -> Tensor:
        """(3, size, size) in [-1, 1], undistorted."""
        return F.adaptive_avg_pool2d(self.image(i).float() / 127.5 - 1, size)

    def condition(self, i: int, size: int) -> Tensor:
        """(C, size, size) in [0, 1], undistorted."""
        return torch.from_numpy(self.kind.draw(self.points[i], size, self.raster(i)))
