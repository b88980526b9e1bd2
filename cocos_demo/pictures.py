"""Pictures and animations into files: the ending says the format, and no half file is left."""

import io
from collections.abc import Container, Sequence
from pathlib import Path

from PIL import Image

from .files import beside

QUALITY = 95  # of formats that lose some
ANIMATED = {".webp": {"quality": 85}, ".gif": {}, ".png": {}}  # formats of animations, and how they are written


class PictureError(ValueError):
    """A picture cannot be written like this; the message says how it can."""


def write_picture(picture: Image.Image, path: Path) -> None:
    """Raises OSError, PictureError."""
    known = [ending for ending, kind in Image.registered_extensions().items() if kind in Image.SAVE]
    check(path, known, "no picture format; use .png, .jpg or .webp")
    kind = Image.registered_extensions()[path.suffix.lower()]
    _write(path, lambda file: picture.save(file, format=kind, **({"quality": QUALITY} if kind in ("JPEG", "WEBP") else {})))


def write_animation(frames: Sequence[Image.Image], durations: Sequence[int], path: Path) -> None:
    """Frames that are shown for so many milliseconds each, again and again. Raises OSError, PictureError."""
    check_animation(path)
    data = animated(frames, durations, path.suffix.lower())
    _write(path, lambda file: file.write(data))


def animated(frames: Sequence[Image.Image], durations: Sequence[int], ending: str = ".webp") -> bytes:
    """The same as the bytes of a file with one of the endings of ANIMATED."""
    file = io.BytesIO()
    frames[0].save(file, format=Image.registered_extensions()[ending], save_all=True, append_images=list(frames[1:]),
                   duration=list(durations), loop=0, **ANIMATED[ending])
    return file.getvalue()


def check_animation(path: Path) -> None:
    """Raises PictureError where no animation can go."""
    check(path, ANIMATED, f"no format of animations; use {', '.join(ANIMATED)}")


def check(path: Path, endings: Container[str], trouble: str) -> None:
    """Raises PictureError for another ending, and for a folder."""
    if path.suffix.lower() not in endings:
        raise PictureError(f"{path}: the ending {path.suffix!r} is {trouble}")
    if path.is_dir():
        raise PictureError(f"{path}: is a folder; name a file in it")


def _write(path: Path, write) -> None:
    try:
        with beside(path) as partial, open(partial, "wb") as file:
            write(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
