"""One makeup for a folder of portraits: picture by picture, what cannot be made up left out with the reason."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..conditions import ConditionError
from ..datasets.retrieval import pictures_in
from ..errors import explain
from ..photo import PhotoError
from ..pictures import write_picture
from ..translator import Translator
from .makeup import Makeover, Portrait, transfer
from .ready import MakeupError


class Done(NamedTuple):
    """What became of one picture."""

    source: Path
    makeover: Makeover | None  # None: left out
    why: str = ""  # then the reason, in one line
    out: Path | None = None  # where it was written


def each(translator: Translator, made_up: Portrait, sources: Iterable[Path], out: Callable[[Path], Path] | None = None,
         **options) -> Iterator[Done]:
    """Make up one picture after the other, as it is asked for the next; `options` as of `transfer`.

    out: where the picture of a source goes, PNG or as its ending says, written whole or not at all; None writes nothing.
    A picture without a face, too small a one or a broken file is left out and the next taken. Raises what is wrong with all of
    them: BlendError, OSError (a full disk, no permission).
    """
    for source in sources:
        try:
            makeover = transfer(translator, made_up, source, **options)
        except (PhotoError, ConditionError) as error:
            yield Done(source, None, explain(error))
            continue
        path = None if out is None else out(source)
        if path is not None:
            write_picture(makeover.image, path)
        yield Done(source, makeover, out=path)


def sources_of(targets: Iterable[Path]) -> list[Path]:
    """Pictures and folders as they were given -> all the pictures, those of a folder and below it in order.

    Raises RetrievalError for a folder without pictures; a file that is not there is told when it is opened.
    """
    return [path for target in targets for path in
            ([target / name for name in pictures_in(target)] if target.is_dir() else [target])]


def places_in(folder: Path, sources: list[Path]) -> dict[Path, Path]:
    """Of each source the PNG in a folder: its name, after the folders it lies in where two have the same.

    Raises MakeupError where a picture would be written over itself.
    """
    places: dict[Path, Path] = {}
    for source in sources:
        for name in (f"{source.stem}.png", f"{source.name}.png", f"{source.parent.name}_{source.name}.png"):
            place = folder / name
            if place not in places.values():
                break
        while place in places.values():
            place = place.with_name(f"_{place.name}")
        if place.resolve() == source.resolve():
            raise MakeupError(f"{source} would be written over: choose another folder for the pictures")
        places[source] = place
    return places
