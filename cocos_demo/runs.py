"""A run in one ZIP file: its settings, the pictures that went in and those that came out, so that it can be done again."""

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from . import settings as told
from .drawings import LARGEST
from .files import beside
from .photo import PhotoError, known_formats, open_photo
from .settings import Given, Settings

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
SETTINGS = "settings.json"
ROLES = "photo", "exemplar", "exemplar_map", "drawing", "strokes"  # of pictures that go in
TWO = {"photo", "exemplar"}
NEEDED = {"edit": {"photo", "drawing"}, "makeup": TWO, "compare": TWO, "correspond": TWO,
          "patchmatch": TWO}  # of them, by the task  # fmt: skip
RESULTS = "picture", "condition", "warped", "mask", "painted", "sheet", "layer"  # and that come out
NUMBERED = r"picture_\d\d"  # those of the models that were compared, in their order
MANY = 64  # files in a ZIP file
ENDINGS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "GIF": "gif", "BMP": "bmp", "TIFF": "tif",
           "PPM": "ppm", "TGA": "tga", "JPEG2000": "jp2", "ICO": "ico"}  # fmt: skip
KNOWN = re.compile(rf"(?:{'|'.join((*ROLES, *RESULTS, NUMBERED))})\.(?:{'|'.join(sorted(set(ENDINGS.values())))})|settings\.json")
MOST = 40_000_000  # bytes of all that is in it, unpacked: what the app takes as an upload


class RunError(ValueError):
    """A file holds no run that can be done again, or a run cannot be saved; the message says why."""


@dataclass(frozen=True)
class Run:
    """Settings, and the pictures by their role: bytes of a file, or its path."""

    settings: Settings
    inputs: Mapping[str, bytes | Path]
    results: Mapping[str, bytes | Path] = field(default_factory=dict)


def given(inputs: Mapping[str, str | Path | bytes], names: Mapping[str, str] | None = None) -> dict[str, Given]:
    """The pictures that go in, by their role -> as settings tell of them. `names`: of those that are bytes. Raises OSError."""
    names = names or {}
    return {role: Given(names.get(role) or (f"{role}.png" if isinstance(one, bytes) else Path(one).name), sha256(content(one)))
            for role, one in inputs.items()}


def content(one: bytes | str | Path) -> bytes:
    """What is in a file. Raises OSError."""
    return one if isinstance(one, bytes) else Path(one).read_bytes()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def png(picture: Image.Image) -> bytes:
    """A picture as a PNG file, compressed lightly."""
    file = io.BytesIO()
    picture.save(file, "png", compress_level=1)
    return file.getvalue()


def pack(run: Run) -> bytes:
    """The run as a ZIP file. Raises RunError where a picture is gone or they are too large."""
    parts = {SETTINGS: told.written(run.settings).encode()}
    for role, one in {**run.inputs, **run.results}.items():
        try:
            data = content(one)
        except FileNotFoundError:
            raise RunError("the pictures of this run are gone: they are kept for two hours") from None
        parts[f"{role}.{ending(data)}"] = data
    if sum(map(len, parts.values())) > MOST:
        raise RunError(f"the pictures of this run are over {MOST // 1_000_000} MB together: save the picture alone, or begin "
                       "with smaller ones")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            kind = zipfile.ZIP_DEFLATED if name == SETTINGS else zipfile.ZIP_STORED  # pictures are packed already
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, kind)  # one run, one file: no time in it
    return file.getvalue()


def save(run: Run, path: str | Path) -> None:
    """Write the ZIP file. Raises RunError, OSError."""
    data = pack(run)
    with beside(path) as partial:
        partial.write_bytes(data)


def ending(data: bytes) -> str:
    """By which a picture's file is known, from what is in it. Raises RunError."""
    try:
        with Image.open(io.BytesIO(data), formats=known_formats()) as image:
            return ENDINGS[image.format]
    except Exception:  # noqa: BLE001  # broken files make the decoders raise nearly anything
        raise RunError("one of the pictures of this run is no picture that can be read") from None


def unpack(data: bytes) -> Run:
    """What `pack` made, or the settings alone where its pictures are samples that ship. Every picture is looked at, and is the
    one that the settings name. Raises RunError, SettingsError, PhotoError."""
    if len(data) > MOST + told.LONGEST:
        raise RunError(f"the file is over {MOST // 1_000_000} MB, which is the most")
    if not data.startswith(b"PK"):
        return _checked(told.read(data), {}, {})
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = _read(archive)
    except RunError:
        raise
    except Exception as error:  # noqa: BLE001  # damaged, encrypted or unknown to zipfile: nearly anything is raised
        raise RunError("the file is a damaged ZIP file: save the run again") from error
    if SETTINGS not in parts:
        raise RunError(f"there is no {SETTINGS} in this ZIP file: it holds no run of cocos_demo")
    settings = told.read(parts.pop(SETTINGS))
    by_role = {name.partition(".")[0]: picture for name, picture in parts.items()}
    return _checked(settings, {role: one for role, one in by_role.items() if role in ROLES},
                    {role: one for role, one in by_role.items() if role not in ROLES})


def load(path: str | Path) -> Run:
    """As `unpack`, of a file. Raises OSError too."""
    with open(path, "rb") as file:
        return unpack(file.read(MOST + told.LONGEST + 1))


def _read(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """The files in it, of names that a run has, and of no more bytes than it may have. Raises RunError."""
    parts, left = {}, MOST
    for one in archive.infolist():
        if not KNOWN.fullmatch(one.filename) or one.filename in parts or len(parts) == MANY:
            raise RunError(f"{one.filename[:60]!r} is in this ZIP file, which is not of a run of cocos_demo")
        with archive.open(one) as file:
            parts[one.filename] = file.read(left + 1)  # what is there, whatever the header says
        left -= len(parts[one.filename])
        if left < 0:
            raise RunError(f"what is in this ZIP file is over {MOST // 1_000_000} MB, which is the most")
    return parts


def _checked(settings: Settings, inputs: dict[str, bytes | Path], results: dict[str, bytes]) -> Run:
    """Raises RunError, PhotoError."""
    there, needed = {*settings.inputs}, NEEDED.get(settings.task)
    whole = needed <= there if needed else "exemplar" in there and {"photo", "drawing"} & there
    if not whole or there - {*ROLES}:
        raise RunError("the settings have been changed: a run has a photo or a drawing, and an exemplar"
                       if needed is None else f"the settings have been changed: this run needs {' and '.join(sorted(needed))}")
    if {*inputs} - {*settings.inputs}:
        raise RunError("there are pictures in this file that its settings know nothing of")
    named = {}
    for role, one in settings.inputs.items():
        data = inputs.get(role) or sample(one)
        if data is None:
            raise RunError(f"its {role.replace('_', ' ')}, {plain(one.name)}, is not in it, and no sample that ships: give the "
                           "whole ZIP file")
        if sha256(content(data)) != one.sha256:
            raise RunError(f"its {role.replace('_', ' ')} is another picture than its settings say")
        named[role] = data
    for role, data in {**named, **results}.items():
        try:
            width, height = open_photo(data).size
        except PhotoError as error:
            raise PhotoError(f"its {role.replace('_', ' ')}: {error}") from None
        if role == "drawing" and not width == height <= LARGEST:
            raise RunError(f"its drawing has {width} × {height} pixels; a canvas is square, of {LARGEST} at most")
        if role == "strokes" and max(width, height) > LARGEST:
            raise RunError(f"its strokes have {width} × {height} pixels; {LARGEST} a side are the most")
    return Run(replace(settings, inputs={role: replace(one, name=plain(one.name)) for role, one in settings.inputs.items()}),
               named, results)


def sample(one: Given) -> Path | None:
    """The sample that ships with this name and content."""
    for path in SAMPLES.glob(f"*/{plain(one.name)}"):
        if path.is_file() and sha256(path.read_bytes()) == one.sha256:
            return path
    return None


def plain(name: str) -> str:
    """A file's name that came from elsewhere, of harmless letters alone, and no longer than 60."""
    name = re.sub(r"[^\w.-]+", "_", re.split(r"[/\\]", name)[-1]).lstrip(".")
    return name[-60:] or "picture"
