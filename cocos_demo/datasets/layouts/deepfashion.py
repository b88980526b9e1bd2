"""DeepFashion's in-shop clothes (Liu et al., CVPR 2016): pose to picture, in low and in high resolution.

    img/WOMEN/Dresses/id_00000002/02_1_front.jpg      low resolution: 256 x 256 (also under Img/)
    img_highres/WOMEN/...                             high resolution: 750 x 1101 (also under Img/, or called img)
    pose/WOMEN/Dresses/id_00000002/02_1_front_candidate.txt, ..._subset.txt, or ..._keypoints.json
    train.txt, val.txt  or  Eval/list_eval_partition.txt

A folder id_... holds one piece of clothing on one person; the number before the first underscore is its colour, so pictures of
one folder and one number show the same person in the same clothes: the target is known from either of them.

Poses are OpenPose's where its files lie in pose/, else mediapipe's, found in the whole square. The authors' files count in pixels
of the square: 256 of the low resolution, 1024 of the high one, whose tall pictures they made square with grey 232 left and right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...conditions import figure
from ...photo import open_photo
from . import openpose
from .base import Entry, LayoutError, Taken, names, squared

GREY = (232, 232, 232)
TALL = 750 / 1101  # width by height of the high resolution
PICTURE = re.compile(r"(?:WO)?MEN/[^/]+/(id_0*(\d+))/(\d+)_[^/]*\.jpe?g", re.IGNORECASE)
WHERE = ("It is asked for at http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html (In-shop Clothes Retrieval; the password "
         "for the pictures comes with the agreement); data/README.md shows how the folder has to look.")
LISTS = ("train.txt", "val.txt")
PARTITIONS = ("Eval/list_eval_partition.txt", "list_eval_partition.txt")
STATUS = {"train": "train", "query": "test", "gallery": "test"}
BY_NUMBER = "by the folder's number: those that end in 9 are the test"


@dataclass(frozen=True)
class DeepFashion:
    """DeepFashion in-shop, low resolution: see the module and base.Layout."""

    root: Path
    name, condition, size = "deepfashion", "deepfashion", 286  # of which the released code crops 256
    expected = {"train": 25882, "test": 26830}  # by list_eval_partition.txt; 52,712 in all
    folders, release = ("img", "Img/img"), "low resolution (img.zip)"
    counts = 256  # pixels of the square that the authors' pose files count in

    @property
    def source(self) -> str:
        told = {LISTS: "by CoCosNet's train.txt and val.txt", PARTITIONS: "by list_eval_partition.txt"}
        kind = next((lists for lists in told if any((self.root / file).is_file() for file in lists)), None)
        return (f"DeepFashion, In-shop Clothes Retrieval Benchmark (Liu et al. 2016), {self.release}; for non-commercial "
                f"research and education alone; split {told.get(kind, BY_NUMBER)}")

    def entries(self) -> list[Entry]:
        """All pictures that the lists name, or all there are without one. Raises LayoutError."""
        folder = next((folder for folder in self.folders if (self.root / folder).is_dir()), None)
        if folder is None:
            raise LayoutError(self._missing())
        there = sorted(path.relative_to(self.root / folder).as_posix() for path in (self.root / folder).rglob("*")
                       if path.suffix.lower() in (".jpg", ".jpeg"))
        if not there:
            raise LayoutError(f"{self.root / folder} holds no .jpg pictures. {WHERE}")
        split = self._listed(set(there), folder) or {inner: by_number(inner) for inner in there}
        found = []
        for inner, name in zip(split, names(split)):
            whose = PICTURE.fullmatch(inner)
            person, scene = (whose[1], whose[3]) if whose else (inner.rsplit("/", 1)[0], None)
            found.append(Entry(name, f"img/{inner}", person, split[inner], scene, {"picture": f"{folder}/{inner}"}))
        return found

    def take(self, entry: Entry, size: int) -> Taken:
        """The square picture and 18 keypoints. Raises PhotoError, ConditionError or LayoutError, which leave it out."""
        inner = entry.source.removeprefix("img/")
        if not PICTURE.fullmatch(inner):
            raise LayoutError("its path does not tell whose picture it is, as WOMEN/Dresses/id_00000002/02_1_front.jpg does")
        picture = open_photo(self.root / entry.files["picture"])
        square = self.square(picture)
        stem, side = self.root / "pose" / inner.rsplit(".", 1)[0], square.width
        points, notes = openpose.published(stem), ()
        if points is not None:
            self.check(picture)
            points[:, :2] /= self.counts  # whole pixels stay whole, so that drawings are those of the released code
        elif (points := openpose.native(stem, *picture.size)) is not None:
            points[:, :2] = (points[:, :2] + points[:, 2:] * shift(picture)) / side
        else:
            points, _, told = figure.pose(square)
            points[:, :2] /= side
            notes = ("pose by mediapipe", *told)
        points[points[:, 2] == 0] = 0
        return Taken(square, points, notes=notes)

    def square(self, picture: Image.Image) -> Image.Image:
        """The picture as the network gets it. Raises LayoutError for one of another shape than the release's."""
        if picture.width != picture.height:
            raise LayoutError(f"it has {picture.width} x {picture.height} pixels; the low resolution has squares of 256 x 256 "
                              "(the high one is prepared as deepfashion_hd)")
        return picture

    def check(self, picture: Image.Image) -> None:
        """Refuse a picture that the authors' pose files cannot belong to. Raises LayoutError."""

    def _missing(self) -> str:
        if not self.root.is_dir():
            return f"there is no folder {self.root}. {WHERE}"
        packed = next((f"{folder}.zip" for folder in self.folders if (self.root / f"{folder}.zip").is_file()), None)
        what = f"{packed} is there, but not unpacked" if packed else f"it lacks {' or '.join(self.folders)} (the pictures)"
        return f"{self.root}: {what}. {WHERE}"

    def _listed(self, there: set[str], folder: str) -> dict[str, str] | None:
        """Picture -> split, in the order of the lists; None where there is no list. Raises LayoutError."""
        lists = [self.root / name for name in LISTS]
        partition = next((self.root / name for name in PARTITIONS if (self.root / name).is_file()), None)
        if any(file.is_file() for file in lists):
            absent = [file.name for file in lists if not file.is_file()]
            if absent:
                raise LayoutError(f"{self.root} lacks {absent[0]}, the other half of the split; it is linked in CoCosNet's "
                                  f"README, or take both away and the split is that of {PARTITIONS[0]}, or {BY_NUMBER}")
            lines = [(line, split) for file, split in zip(lists, ("train", "test")) for line in read_lines(file)]
        elif partition:
            lines = read_partition(partition)
        else:
            return None
        split: dict[str, str] = {}
        for line, part in lines:
            inner = inner_path(line)
            if split.setdefault(inner, part) != part:
                raise LayoutError(f"the lists of {self.root} name {line} for training and for the test")
        missing = [inner for inner in split if inner not in there]
        if len(missing) > len(split) / 2:
            raise LayoutError(f"of the {len(split)} pictures that the lists of {self.root} name, {len(missing)} are not in "
                              f"{folder} ({', '.join(missing[:3])}, ...): do lists and pictures belong together? {WHERE}")
        return split


@dataclass(frozen=True)
class DeepFashionHD(DeepFashion):
    """DeepFashion in-shop, high resolution, made square with grey 232 as for CoCosNet v2: see the module and base.Layout."""

    name, condition, size = "deepfashion_hd", "deepfashion_hd", 550  # of which the released code crops 512
    folders, release = ("img_highres", "Img/img_highres", "img"), "high resolution (img_highres.zip)"
    counts = 1024

    def square(self, picture: Image.Image) -> Image.Image:
        """The picture in the middle of a grey square. One that is square already is taken for one made so before."""
        if max(picture.size) < 512:
            raise LayoutError(f"it has {picture.width} x {picture.height} pixels; the high resolution has 750 x 1101 "
                              "(the low one is prepared as deepfashion)")
        return squared(picture, GREY)

    def check(self, picture: Image.Image) -> None:
        """As above: they count in the square that 750 x 1101 makes."""
        if picture.width != picture.height and abs(picture.width / picture.height - TALL) > 2 / 1101:
            raise LayoutError(f"it has {picture.width} x {picture.height} pixels, but its pose file counts in the square that a "
                              "picture of 750 x 1101 makes")


def shift(picture: Image.Image) -> tuple[int, int]:
    """How far a picture lies from the corner of its `squared` one, x and y."""
    side = max(picture.size)
    return (side - picture.width) // 2, (side - picture.height) // 2


def by_number(inner: str) -> str:
    """The split of a picture where no list tells: the number of its folder ends in 9, or does not."""
    whose = PICTURE.fullmatch(inner)
    return "test" if whose and whose[2].endswith("9") else "train"


def inner_path(listed: str) -> str:
    """A path as lists have it (img\\WOMEN\\Dresses\\..., /data/deepfashionHD/img/WOMEN/...) -> WOMEN/Dresses/..."""
    path = listed.strip().replace("\\", "/")
    found = re.search(r"(?:^|/)((?:WO)?MEN/.*)", path)
    return found[1] if found else path


def read_lines(file: Path) -> list[str]:
    """The lines of a list that hold something. Raises LayoutError."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise LayoutError(f"{file} is not a text file with a path on each line") from None
    return [line for line in lines if line]


def read_partition(file: Path) -> list[tuple[str, str]]:
    """Lines of list_eval_partition.txt: (path, split); its first line is their number, its second names the columns."""
    lines = read_lines(file)
    if len(lines) < 3 or not lines[0].isdigit():
        raise LayoutError(f"{file} should begin with the number of pictures and a line of column names, and does not")
    found = []
    for number, line in enumerate(lines[2:], 3):
        words = line.rsplit(None, 2)  # paths may have spaces
        if len(words) != 3 or words[2] not in STATUS:
            raise LayoutError(f"{file}, line {number}: a path, the item's id and train, query or gallery are needed, "
                              f"not {line!r}")
        found.append((words[0], STATUS[words[2]]))
    if len(found) != int(lines[0]):
        raise LayoutError(f"{file} announces {lines[0]} pictures and lists {len(found)}: it was cut short")
    return found
