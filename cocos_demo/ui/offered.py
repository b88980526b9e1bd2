"""Exemplars of one's own: a folder of pictures that every gallery of exemplars offers before the samples."""

from collections.abc import Iterator
from pathlib import Path

from gradio.utils import get_upload_folder
from PIL import Image

from cocos_demo import conditions
from cocos_demo.checkpoints import PAINTINGS
from cocos_demo.datasets.retrieval import RetrievalError, pictures_in
from cocos_demo.errors import explain
from cocos_demo.files import beside
from cocos_demo.photo import open_photo
from cocos_demo.ui import common, visits

SIDE = 1024  # pixels to which a picture is reduced
MOST = 60  # pictures of a kind
KINDS = {"portrait": "portraits", "figure": "figures"}  # what a picture shows, and the gallery that offers it
FOLDERS = (*KINDS.values(), PAINTINGS)  # a painting shows a portrait: that it is one must be said
MAP = "This is a part map, and no photo to take a look from."


def check_samples() -> Iterator[str]:
    """Leave out of the galleries what lies in data/samples and cannot be opened -> a line for each."""
    common.OWN.clear()
    common.LEFT_OUT.clear()
    for path in sorted(common.SAMPLES.glob("*/*")):
        if path.suffix.lower() not in common.ENDINGS:
            continue
        try:
            with Image.open(path) as image:
                image.draft(None, (64, 64))  # a JPEG is read to its end, but not in full
                image.load()
        except Exception:  # noqa: BLE001 (open_photo has the words for it)
            try:
                open_photo(path)
            except Exception as error:  # noqa: BLE001
                common.LEFT_OUT.add(str(path))
                yield f"left out of the samples: {path.parent.name}/{path.name}: {explain(error) or type(error).__name__}"


def offer(folder: Path) -> Iterator[str]:
    """Have the pictures in a folder, and those below it, offered first -> a line for each that is left out, and why.

    A folder in it named portraits, figures or paintings says what its pictures show; of the others it is seen. The app serves
    reduced copies that carry no place or time. Raises RetrievalError where nothing is left.
    """
    names, kept = pictures_in(folder), {kind: [] for kind in FOLDERS}
    for name in names:
        try:
            kind = shows(folder, name)
            if len(kept[kind]) == MOST:
                raise RetrievalError(f"{MOST} {kind} are offered at most.")
            kept[kind].append(copied(folder / name, place(kind), kept[kind]))
        except Exception as error:  # noqa: BLE001
            if (why := explain(error)) is None:
                raise
            yield f"left out of the exemplars: {name}: {why.removeprefix(f'{Path(name).name} ')}"
    if not any(kept.values()):
        raise RetrievalError(f"no picture in {folder} can be an exemplar")
    common.OWN.clear()
    common.OWN.update(kept)


def shows(folder: Path, name: str) -> str:
    """The gallery that a picture belongs to. Raises PhotoError, ConditionError; RetrievalError for a map."""
    first = name.split("/")[0]
    if first in FOLDERS:
        return first
    kind = conditions.detect(folder / name)
    if kind not in KINDS:
        raise RetrievalError(MAP)
    return KINDS[kind]


def place(kind: str) -> Path:
    """The folder of the copies of a kind."""
    return Path(get_upload_folder()).resolve() / "exemplars" / kind


def copied(source: Path, to: Path, before: list[str]) -> str:
    """Path of a copy, upright and reduced, with nothing but its pixels."""
    picture = open_photo(source)
    picture.thumbnail((SIDE, SIDE))
    taken, stem, n = {Path(path).stem for path in before}, source.stem, 1
    while stem in taken:
        n += 1
        stem = f"{source.stem}_{n}"
    with beside(to / f"{stem}.jpg") as partial:
        picture.save(partial, "jpeg", quality=92, exif=b"")
    return visits.keep(str(to / f"{stem}.jpg"))
