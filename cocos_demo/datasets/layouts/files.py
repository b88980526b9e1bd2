"""The files of a folder and all below it, in order, each with what stands against its use."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ...photo import PhotoError, open_photo
from .base import LayoutError

VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp")
HEIC = (".heic", ".heif")
RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf")
NO_HEIC = "HEIC photos cannot be read here; save them as JPEG first (iPhones take JPEG with Formats: Most Compatible)"


@dataclass(frozen=True)
class File:
    """A file that is there, by its path within the folder; `wrong` says why it cannot be used, else it is empty."""

    source: str
    wrong: str = ""


def files_of(root: Path) -> tuple[list[File], int]:
    """All files below a folder but hidden ones, in order of their paths; and how many hidden files and folders were passed over.

    Links to files count as files; links to folders are not followed. Nothing is opened. Raises LayoutError for no folder.
    """
    if not root.is_dir():
        raise LayoutError(f"there is no folder {root}" if not root.exists() else f"{root} is a file; name the folder it lies in")
    found, hidden, closed = [], 0, []
    for folder, folders, names in os.walk(root, onerror=closed.append):
        hidden += sum(name.startswith(".") for name in (*folders, *names))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*folders, *sorted(names)):
            path = Path(folder) / name
            if not name.startswith(".") and (name not in folders or path.is_symlink()):
                found.append(File(path.relative_to(root).as_posix(), _wrong(path)))
    for error in closed:
        if Path(error.filename) == root:
            raise LayoutError(f"{root} cannot be read: {error.strerror}")
        found.append(File(Path(error.filename).relative_to(root).as_posix(), "no permission to read this folder"))
    return sorted(found, key=lambda file: file.source), hidden


def against(file: File) -> dict[str, str]:
    """What `Entry.files` carries of a file that cannot be used, for the layout's `take` to say."""
    return {"wrong": file.wrong} if file.wrong else {}


def _wrong(path: Path) -> str:
    """What can be said against a file without opening it."""
    ending = path.suffix.lower()
    if path.is_dir():
        return "a link to a folder; such links are not followed"
    if not path.exists():
        return "a link that leads nowhere"
    if not path.is_file():
        return "not a file that can be read"
    if not os.access(path, os.R_OK):
        return "no permission to read it"
    if not path.stat().st_size:
        return "an empty file"
    if ending in VIDEOS:
        return "a video; take single pictures from it"
    if ending in RAW:
        return "a camera's raw file; save it as JPEG first"
    return NO_HEIC if ending in HEIC else ""


def duplicates(root: Path, files: list[File]) -> list[File]:
    """The same files; of those with equal bytes all but the first say which they equal. Reads only files of equal length."""
    alike, first, out = defaultdict(list), {}, []
    for file in files:
        if not file.wrong:
            alike[(root / file.source).stat().st_size].append(file.source)
    several = {source for sources in alike.values() if len(sources) > 1 for source in sources}
    for file in files:
        if file.source in several:
            with open(root / file.source, "rb") as opened:
                same = first.setdefault(hashlib.file_digest(opened, "sha256").digest(), file.source)
            if same != file.source:
                file = File(file.source, f"the same file as {same}")
        out.append(file)
    return out


def share(name: str) -> float:
    """A number in 0..1 that a name always has: what is split by it stays split when a folder grows."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:6]) / 2**48


def open_file(path: Path):
    """PIL RGB, upright. Raises PhotoError: the same words for all broken files, and for HEIC under whatever name."""
    try:
        return open_photo(path)
    except PhotoError as error:
        if error.__cause__ is not None:  # what a decoder said, with places and numbers
            raise PhotoError("the picture is damaged or cut short") from error
        with open(path, "rb") as file:
            start = file.read(12)
        if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"heim", b"hevc", b"mif1"):
            raise PhotoError(NO_HEIC) from None
        raise
