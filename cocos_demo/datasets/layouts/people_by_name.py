"""Who is in a folder's pictures, as far as its sub-folders and file names tell; and who of them is held out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

from .base import LayoutError
from .files import share

# What cameras and programs call every picture: no one's name.
ANYONE = re.compile(r"p|(img|dsc[nf]?|pxl|mvimg|photo|picture|pic|image|scan|frame|screenshot|foto|bild|face|portrait|figure"
                    r"|whatsapp image|received|unnamed|untitled)?[\W_\d]*", re.IGNORECASE)
Rule = Literal["auto", "folders", "names", "each"]


def people_of(sources: Sequence[str], rule: Rule = "auto") -> tuple[list[str], str]:
    """Who each picture shows, by its path; and the rule that told, in words.

    "folders": the first sub-folder is the person; pictures beside the sub-folders stand for themselves. "names": what stands
    before the last _ or - of the file's name, or before a number at its end (anna_01, anna-smiling, anna3); names that
    cameras give (IMG_0001) are no one's, these pictures stand for themselves. "each": every picture does. "auto": folders
    where there are two or more, else names where they put half of the pictures or more into groups, else each.
    """
    alone = [PurePosixPath(source).with_suffix("").as_posix() for source in sources]
    folders = [PurePosixPath(source).parts[0] if "/" in source else one for source, one in zip(sources, alone)]
    named = [prefix(one) or one for one in alone]
    why = ""
    if rule == "auto":
        inside = {folder for source, folder in zip(sources, folders) if "/" in source}
        sizes = Counter(named)
        grouped = sum(count for count in sizes.values() if count > 1)
        rule = "folders" if len(inside) > 1 else "names" if len(sizes) > 1 and 2 * grouped >= len(sources) else "each"
        why = "; neither sub-folders nor file names tell people apart" if rule == "each" else ""
    people, by = {"folders": (folders, "people by sub-folder"), "names": (named, "people by the beginning of the file name"),
                  "each": (alone, "pictures, each for itself")}[rule]  # fmt: skip
    return people, f"{len(set(people))} {by}{why}"


def prefix(path: str) -> str:
    """"set/anna_01" -> "set/anna": what comes before the last _ or -, or a number at the end; "" where that is no name."""
    folder, _, name = path.rpartition("/")
    found = re.fullmatch(r"(.+?)[\s_-]*\(?\d+\)?", name) or re.fullmatch(r"(.+)[_-][^_-]*", name)
    if not found or ANYONE.fullmatch(found[1]):
        return ""
    return f"{folder}/{found[1]}" if folder else found[1]


def held_out(sources: Sequence[str], people: Sequence[str], named: Sequence[str], part: float) -> list[bool]:
    """Whether each picture is held out: those `named` (a person, a folder or a file), and `part` of the others' people.

    A person is held out by a hash of the name, so the same ones are when a folder grows; at least one where part > 0.
    Raises LayoutError for a name that is not there, and where nothing is left to train on.
    """
    out = [False] * len(sources)
    for name in named:
        wanted = name.strip("/").removeprefix("./")
        hits = [i for i, (source, person) in enumerate(zip(sources, people)) if wanted in _called(source, person)]
        if not hits:
            there = sorted(set(people))
            more = f" and {len(there) - 12} more" if len(there) > 12 else ""
            raise LayoutError(f"no person, folder or file {name!r} is there to hold out, but: {', '.join(there[:12])}{more}")
        for i in hits:
            out[i] = True
    rest = sorted({person for person, is_out in zip(people, out) if not is_out}, key=share)
    if part > 0 and len(rest) > 1:
        chosen = {person for person in rest[:-1] if share(person) < part} or ({rest[0]} if not named else set())
        out = [is_out or person in chosen for is_out, person in zip(out, people)]
    if sources and all(out):
        raise LayoutError("all pictures would be held out, and none is left to train on; name fewer")
    return out


def _called(source: str, person: str) -> set[str]:
    """All that a picture's holding out can be asked for by: its person, path, file name with and without ending, folders."""
    path = PurePosixPath(source)
    folders = [parent.as_posix() for parent in path.parents][:-1]
    return {person, source, path.name, path.stem, *folders, *path.parts[:-1]}
