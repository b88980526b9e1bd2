"""CelebA-HQ with the part masks of CelebAMask-HQ (Karras et al., 2018; Lee et al., 2020): three conditions of one set.

    CelebA-HQ-img/0.jpg ... 29999.jpg                              1024 x 1024
    CelebAMask-HQ-mask-anno/0/00000_skin.png ... 14/29999_hat.png  512 x 512, white on black, a file a part; no file, no part
    CelebA-HQ-to-CelebA-mapping.txt                                idx, orig_idx, orig_file of each picture

"celebahq" keeps the 19-class label map, "celebahqedge" the part masks and Canny's edges around them, from which the 15 channels
of the published edge network are drawn, "celebahq_landmarks" the landmarks that the papers write of (it needs no masks). The
faces are aligned, so the whole picture is the frame.

The split is CelebA's own, by the number of the original picture: up to 162770 train, up to 182637 what CelebA calls validation,
on which the papers measure, so it is split "test" here; the rest, CelebA's test part, no paper uses: it is split "spare", which
nothing trains on, for whoever wants pictures that no choice was made by (`evaluate --split spare`). 24,183, 2,993 and 2,824
pictures. Where train.txt and val.txt lie beside the pictures (numbers, one a line), as CoCosNet's code wants them, they count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ...conditions import celebahq, celebahqedge, faces
from ...conditions.edges import SIZE
from ...conditions.portrait import background, check_height, frame_of, framed
from ...photo import Frame, PhotoError, open_photo, open_stored
from .base import Entry, LayoutError, Taken, names, need

WHERE = ("It is asked for at https://github.com/switchablenorms/CelebAMask-HQ (CelebAMask-HQ.zip, about 3 GB: pictures, "
         "masks and mapping together; non-commercial research and education alone); data/README.md shows how the folder has to "
         "look.")
PICTURES, MASKS, MAPPING = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno", "CelebA-HQ-to-CelebA-mapping.txt"
# The 18 parts by the names of their files -> those of our classes.
FILES = {"skin": "skin", "l_brow": "left brow", "r_brow": "right brow", "l_eye": "left eye", "r_eye": "right eye",
         "eye_g": "glasses", "l_ear": "left ear", "r_ear": "right ear", "ear_r": "earring", "nose": "nose", "mouth": "mouth",
         "u_lip": "upper lip", "l_lip": "lower lip", "neck": "neck", "neck_l": "necklace", "cloth": "clothes", "hair": "hair",
         "hat": "hat"}  # fmt: skip
A_FOLDER = 2000  # pictures whose masks lie in one folder
LAST = (162770, 182637)  # the last pictures of CelebA's training and validation parts (Liu et al., 2015)
SPLITS = ("train", "test", "spare")
BLURRED = 0.01  # share of a mask that may be neither black nor white


@dataclass(frozen=True)
class CelebAHQ:
    """CelebA-HQ's 30,000 faces with label maps of 19 classes; see the module and base.Layout."""

    root: Path
    name: str = "celebahq"
    condition: str = "celebahq"
    source: str = ("CelebA-HQ (Karras et al., 2018) with CelebAMask-HQ (Lee et al., 2020): non-commercial research and education "
                   "alone; pictures of people, found on the internet, belong to their owners")
    size: int = 512
    expected: dict[str, int] = field(default_factory=lambda: {"train": 24183, "test": 2993, "spare": 2824})
    masked = True  # not a field: whether the part masks are needed

    def entries(self) -> list[Entry]:
        """All pictures by number; those that have no place in the split too. Raises LayoutError."""
        parts = {PICTURES: "the pictures, 0.jpg to 29999.jpg"}
        parts |= {MASKS: "the part masks, in folders 0 to 14"} if self.masked else {}
        lists = all((self.root / name).exists() for name in ("train.txt", "val.txt"))
        need(self.root, parts | ({} if lists else {MAPPING: "which picture of CelebA each one is; it tells the split"}), WHERE)
        split = listed(self.root) if lists else splits(self.root / MAPPING)
        files = [path for path in (self.root / PICTURES).iterdir()
                 if path.suffix.lower() == ".jpg" and not path.name.startswith(".")]
        files.sort(key=lambda path: (not path.stem.isdecimal(), int(path.stem) if path.stem.isdecimal() else 0, path.name))
        return [Entry(name, f"{PICTURES}/{path.name}", name, split.get(_number(path.stem), ""))
                for path, name in zip(files, names(path.name for path in files), strict=True)]

    def take(self, entry: Entry, size: int) -> Taken:
        """A picture and its condition, at most size x size. Raises PhotoError, ConditionError or LayoutError."""
        if not entry.split:
            raise LayoutError("it has no line in the list of the split")
        picture = open_photo(self.root / entry.source)
        if picture.width != picture.height:
            raise LayoutError(f"the picture has {picture.width} x {picture.height} pixels; those of CelebA-HQ are square")
        return self._take(picture, int(Path(entry.source).stem), size)

    def _take(self, picture: Image.Image, number: int, size: int) -> Taken:
        return Taken(picture, rasters={"labels": celebahq.of_masks(part_masks(self.root, number))})


@dataclass(frozen=True)
class CelebAHQEdge(CelebAHQ):
    """CelebA-HQ with its part masks and the edges around them, for the 15 channels of kind "celebahqedge"."""

    name: str = "celebahqedge"
    condition: str = "celebahqedge"

    def _take(self, picture: Image.Image, number: int, size: int) -> Taken:
        masks = {part: mask for part, mask in part_masks(self.root, number).items() if part in celebahqedge.PARTS}
        if not masks:
            raise LayoutError("it has masks, but none of a part of the face")
        return Taken(picture, rasters={"outlines": celebahqedge.of_masks(masks, picture)})


@dataclass(frozen=True)
class CelebAHQLandmarks(CelebAHQ):
    """CelebA-HQ with landmarks, found here, and Canny's edges around the face: the condition that the papers' text describes."""

    name: str = "celebahq_landmarks"
    condition: str = "portrait"
    masked = False

    def _take(self, picture: Image.Image, number: int, size: int) -> Taken:
        xy, notes = faces.largest(picture)  # (478, 2)
        check_height(frame_of(xy, 0.0)[1])
        side = picture.width
        points, remarks = framed(xy, Frame(side / 2, side / 2, side), picture.size)
        small = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        return Taken(picture, points, {"edges": background(small, points)}, (*notes, *remarks))


def part_masks(root: Path, number: int) -> dict[str, np.ndarray]:
    """The masks that there are of a picture, by our names of the parts: bool (R, R). Raises LayoutError."""
    folder = root / MASKS / str(number // A_FOLDER)
    masks = {}
    for file, part in FILES.items():
        path = folder / f"{number:05d}_{file}.png"
        if path.exists():
            masks[part] = _mask(path, file)
    if not masks:
        raise LayoutError(f"there is not one part mask of it in {MASKS}")
    sizes = sorted({mask.shape for mask in masks.values()})
    if len(sizes) > 1 or sizes[0][0] != sizes[0][1]:
        raise LayoutError("its part masks are not squares of one size but " + " and ".join(f"{w} x {h}" for h, w in sizes))
    return masks


def _mask(path: Path, file: str) -> np.ndarray:
    try:
        image = open_stored(path)
    except PhotoError as error:
        raise LayoutError(f"the mask {file} cannot be used: {error}") from None
    if image.mode.startswith(("I", "F")):
        raise LayoutError(f"the mask {file} has more than 8 bits a pixel; white on black is needed")
    grey = np.asarray(image.convert("L"))
    if ((grey > 8) & (grey < 247)).mean() > BLURRED:
        raise LayoutError(f"the mask {file} is not black and white")
    return grey > 127


def _number(stem: str) -> int:
    return int(stem) if stem.isdecimal() else -1


def splits(path: Path) -> dict[int, str]:
    """CelebA-HQ-to-CelebA-mapping.txt -> the split of each picture, by its number in CelebA-HQ. Raises LayoutError."""
    found = {}
    for line_number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if not words or line_number == 1 and not words[0].isdecimal():  # the names of the columns
            continue
        if len(words) != 3 or not words[0].isdecimal() or not Path(words[2]).stem.isdecimal():
            raise LayoutError(f'{path}, line {line_number}: three columns, as "0 119613 119614.jpg", are expected, '
                              f"not {line.strip()[:80]!r}")
        original = int(Path(words[2]).stem)  # counted from 1, as CelebA's lists do; orig_idx is one less
        found[int(words[0])] = SPLITS[sum(original > last for last in LAST)]
    return found


def listed(root: Path) -> dict[int, str]:
    """train.txt and val.txt -> the split of each picture; what is in neither is spare. Raises LayoutError."""
    found: dict[int, str] = dict.fromkeys((_number(path.stem) for path in (root / PICTURES).iterdir()), "spare")
    found.pop(-1, None)
    train: set[int] = set()
    for name, split in (("train.txt", "train"), ("val.txt", "test")):
        for line_number, line in enumerate((root / name).read_text(encoding="utf-8-sig").split(), 1):
            stem = Path(line.replace("\\", "/")).stem
            if not stem.isdecimal():
                raise LayoutError(f"{root / name}, entry {line_number}: the number of a picture is expected, not {line[:80]!r}")
            if split == "test" and int(stem) in train:
                raise LayoutError(f"picture {int(stem)} is in train.txt and in val.txt")
            found[int(stem)] = split
            train |= {int(stem)} if split == "train" else set()
    return found
