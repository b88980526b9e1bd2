"""What an exemplar list says about the pictures of a prepared folder: whose looks each may take, and who is the same person."""

import unicodedata
from pathlib import PurePosixPath

from .prepared import DataError, PreparedFolder

ROOTS = ("img", "img_highres", "images")  # folders that hold all pictures of a set, and that its lists name or leave out


def others(folder: PreparedFolder, exemplars: dict[str, tuple[str, ...]]) -> dict[int, list[int]]:
    """Item -> its exemplars among the folder's items, best first; other people's alone. Raises DataError where there are none."""
    listed = {i: [k for k in refs if not folder.same_person(i, k)] for i, refs in _read(folder, exemplars).items()}
    bare = [folder.items[i]["name"] for i in range(len(folder)) if not listed.get(i)]
    if bare:
        raise DataError(f"the list of exemplars has none of other people for {len(bare)} of the {len(folder)} pictures of "
                        f"{folder.path} ({bare[0]}, ...); make one with: "
                        f"python -m cocos_demo exemplars {folder.path} --other-people. A list that pairs pictures of one person "
                        f"(deepfashion_self_pair.txt) is for trainings without cross and hard pairs")
    return listed


def selves(folder: PreparedFolder, exemplars: dict[str, tuple[str, ...]]) -> dict[int, list[int]]:
    """Item -> the other pictures that the list pairs it with; they must show the same person, and those count that show the same
    clothes and light. Raises DataError for a list that pairs different people, or names none of the folder's pictures."""
    found = _read(folder, exemplars)
    wrong = [(i, k) for i, refs in found.items() for k in refs if not folder.same_person(i, k)]
    if wrong:
        told = "; ".join(f"{_called(folder, i)} with {_called(folder, k)}" for i, k in wrong[:3])
        raise DataError(f"{len(wrong)} pairs of the list are of different people: {told}{'; ...' if len(wrong) > 3 else ''}. "
                        "Without cross and hard pairs a list says which pictures show the same person; for exemplars of other "
                        "people set mix.cross or mix.hard over 0")
    pairs = {i: [k for k in refs if k != i and folder.same_scene(i, k)] for i, refs in found.items()}
    if not any(pairs.values()):
        raise DataError(f"the list pairs no two pictures of {folder.path} that show the same person in the same clothes")
    return pairs


def _read(folder: PreparedFolder, exemplars: dict[str, tuple[str, ...]]) -> dict[int, list[int]]:
    """The lines whose query is an item, with those of their exemplars that are."""
    find = _Finder(folder)
    lines = ((find(query), refs) for query, refs in exemplars.items())
    return {i: [k for k in map(find, refs) if k is not None] for i, refs in lines if i is not None}


def _called(folder: PreparedFolder, i: int) -> str:
    return folder.items[i].get("source", folder.items[i]["name"])


class _Finder:
    """`find(path as a list has it)` -> the item that is meant, or None.

    Published lists name pictures by their path within the set, whole, from the folder that holds all pictures, from one below it,
    or from one above it; ours name the files in a prepared folder's images/. Endings do not count, nor how accents are coded.
    """

    def __init__(self, folder: PreparedFolder):
        self.names = {_parts(item["name"], ending=False)[-1]: i for i, item in enumerate(folder.items)}
        self.whole: dict[tuple[str, ...], int] = {}  # paths within the set, with and without the folder that holds all pictures
        self.tails: dict[tuple[str, ...], int | None] = {}  # their ends; None where two paths end alike
        for i, item in enumerate(folder.items):
            path = _parts(item["source"]) if "source" in item else ()
            for k in range(len(path)):
                self.tails[path[k:]] = i if path[k:] not in self.tails else None
            if len(path) > 1 and path[0] in ROOTS:
                self.whole[path[1:]] = i
            if path:
                self.whole[path] = i

    def __call__(self, listed: str) -> int | None:
        path = _parts(listed)
        if len(path) == 2 and path[0] == "images" and path[1] in self.names:
            return self.names[path[1]]
        for k in range(len(path)):
            if path[k:] in self.whole:
                return self.whole[path[k:]]
        found = self.tails.get(path)
        return found if found is not None else self.names.get(path[-1] if path else "")


def _parts(path: str, ending: bool = True) -> tuple[str, ...]:
    """A path without its ending, folder by folder."""
    pure = PurePosixPath(unicodedata.normalize("NFC", path.replace("\\", "/")))
    parts = pure.with_suffix("").parts if ending and pure.suffix else pure.parts
    return tuple(part for part in parts if part not in (".", "/"))
