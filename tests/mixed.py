"""A folder as people have them: `python tests/mixed.py OUT PAINTINGS` makes 60 files to try `prepare folder` on.

Painted portraits of ten people (PAINTINGS: what `prepare paintings` made), a folder each, and in it one for each manner; and
among them pictures that lie on their side, with EXIF's word for it and without, pictures of nobody, broken ones, a copy, one too
small, and no pictures.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
EACH = 3, 2  # paintings of each person, in one manner and in another
QUARTER = {90: 8, 270: 6}  # degrees clockwise that a picture was turned -> EXIF's orientation that turns it back


def make(out: Path, paintings: Path) -> Path:
    """Fill OUT -> OUT. The same paintings give the same files."""
    items = json.loads((paintings / "index.json").read_text())["items"]
    looks: dict[tuple[str, str], list[str]] = {}  # a person in a manner of painting
    for item in items:
        looks.setdefault((item["person"], item["name"].rsplit("_", 1)[1]), []).append(item["name"])
    for person in sorted({person for person, _ in looks}):
        rng = np.random.default_rng(int(person[1:]))
        manners = rng.choice(sorted(manner for of, manner in looks if of == person), len(EACH), replace=False)
        for manner, count in zip(manners, EACH):
            for number, name in enumerate(rng.choice(sorted(looks[person, manner]), count, replace=False), 1):
                copy(paintings / "images" / f"{name}.jpg", out / person / manner / f"Gemälde {number} ({name}).jpg")
    pictures = sorted(out.rglob("*.jpg"))  # 50
    for path, degrees in zip(pictures[2:40:13], (90, 270, 270)):
        sideways(path, path, degrees, told=True)
    sideways(pictures[4], pictures[4], 90, told=False)
    copy(pictures[7], out / "again.jpg")
    whole = pictures[12].read_bytes()
    pictures[12].write_bytes(whole[: len(whole) // 3])
    (out / "P005" / "letter.jpg").write_text("Dear friend, the portrait is attached.")
    Image.open(pictures[20]).resize((12, 12)).save(out / "P005" / "thumb.png")
    for number, path in enumerate([*sorted((SAMPLES / "parts").iterdir())[:2], SAMPLES / "figures" / "P003_back.jpg"]):
        copy(path, out / "things" / f"thing{number}{path.suffix}")
    light = np.linspace(0, 255, 300)[None] * np.linspace(0.2, 1, 200)[:, None]
    Image.fromarray(light.astype(np.uint8)).save(out / "things" / "evening.png")
    (out / "P007" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    (out / "notes.txt").write_text("who is who")
    (out / ".DS_Store").write_bytes(bytes(8))
    return out


def copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def sideways(path: Path, to: Path, degrees: int, told: bool) -> None:
    """Turn a picture, and say so in EXIF or not."""
    with Image.open(path) as picture:
        turned, exif = picture.rotate(-degrees, expand=True), Image.Exif()
    if told:
        exif[0x0112] = QUARTER[degrees]
    turned.save(to, quality=95, exif=exif)


if __name__ == "__main__":
    print(sum(path.is_file() for path in make(Path(sys.argv[1]), Path(sys.argv[2])).rglob("*")), "files in", sys.argv[1])
