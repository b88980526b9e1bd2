"""Finding an exemplar: among the samples, and in a folder of this machine that a person names."""

import io
from pathlib import Path

import gradio as gr

from cocos_demo.datasets.retrieval import Index, RetrievalError
from cocos_demo.photo import open_photo
from cocos_demo.stopping import go_on
from cocos_demo.translator import Condition
from cocos_demo.ui import visits
from cocos_demo.ui.common import OWN, SAMPLES, served
from cocos_demo.ui.models import finder, folder_for, translator
from cocos_demo.ui.offered import place

BEST = 4  # exemplars that are shown
SIDE = 1024  # pixels to which a person's own picture is reduced to be shown


def find(name: str, condition: Condition, folder: str | None = None, top: int = BEST, progress: gr.Progress | None = None):
    """Exemplars for a condition by the checkpoint `name` -> [(path, cosine)], best first, and words on what was searched.

    `folder` is searched beside the samples, if given; the app may serve the paths. Raises RetrievalError where nothing can be
    searched or found.
    """
    search, indices, said = finder(name), [], []

    def report(what: str):
        def tell(done: int, of: int) -> None:
            go_on()
            if progress:
                progress((done, of), desc=f"Looking at {what}", unit="pictures")

        return tell

    if samples := folder_for(translator(name)):
        indices.append(search.index(SAMPLES / samples, keep=False, progress=report("the samples")))
        said.append(f"{len(indices[-1].names)} samples")
        if OWN.get(samples):
            indices.append(search.index(place(samples), keep=False, progress=report("the exemplars of this page")))
            said.append(f"{len(indices[-1].names)} exemplars of this page")
    if folder and folder.strip():
        if not visits.OWN_FOLDERS:
            raise RetrievalError("Folders of this computer are searched only for the person who sits at it.")
        own = Path(folder.strip().strip("'\"")).expanduser()
        indices.append(search.index(own, keep=True, progress=report(own.name)))
        said.append(in_words(indices[-1]))
    if not indices:
        raise RetrievalError(f"No samples ship for {name}: name a folder of your own pictures to search.")
    found = search.find(condition, indices, top)
    if not found:
        raise RetrievalError(f"Nothing was found in {' and '.join(said)}.")
    return [(shown(path), cosine) for path, cosine in found], f"Searched {' and '.join(said)}."


def in_words(index: Index) -> str:
    """What was searched in a person's own folder, what was not, and why."""
    why = f" ({len(index.left_out)} left out: {next(iter(index.left_out.values()))})" if index.left_out else ""
    notes = "".join(f" {note}" for note in index.notes)
    return f"{len(index.names)} pictures of {index.root}{why}{notes}"


def shown(path: Path) -> str:
    """Path of a picture that the app may serve: a sample's own, or a copy, reduced, of a person's own."""
    if path.is_relative_to(SAMPLES) or any(str(path) in own for own in OWN.values()):
        return str(path)
    picture, file = open_photo(path), io.BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(file, "png")
    return served(file.getvalue(), f"{path.stem}.png")
