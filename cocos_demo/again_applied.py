"""An edit, makeup that was carried, or a matching step by step, as a run that can be saved, and a saved one done again."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from . import runs
from . import settings as told
from .applications import editing, makeup
from .applications.editing import Canvas
from .applications.makeup import Makeover
from .recording import Recording, record
from .runs import Run
from .translator import Translator

Report = Callable[[str, float], None]


class Matched(NamedTuple):
    """What a matching ends with."""

    image: Image.Image  # the warp of its last step, RGB
    seconds: float
    notes: tuple[str, ...]

    @classmethod
    def of(cls, told: Recording) -> "Matched":
        return cls(told.steps[-1].warp, told.seconds, told.notes)


def edit(name: str, net: Translator, at: Canvas, labels, finish: str, done: editing.Edit, photo: str | Path,
         map: str | Path | None = None) -> Run:  # fmt: skip
    """An edit by the checkpoint `name`. photo, map: the files that `at` was made of; labels: its edited map, (R, R)."""
    inputs = {"photo": Path(photo), "drawing": runs.png(editing.in_colours(at.kind, labels))}
    if map is not None:
        inputs["exemplar_map"] = Path(map)
    options = told.Edit(finish)
    return _run("edit", name, net, options, inputs, {"picture": done.image, "mask": done.mask, "painted": done.painted}, done)


def made_up(name: str, net: Translator, options: told.Makeup, strokes: Image.Image | None, done: Makeover, portrait: str | Path,
            target: str | Path) -> Run:  # fmt: skip
    """Makeup carried by the checkpoint `name` from `portrait` to `target`, files. strokes: what was drawn by hand, RGBA."""
    inputs = {"photo": Path(target), "exemplar": Path(portrait)}
    if strokes is not None:
        inputs["strokes"] = runs.png(strokes)
    return _run("makeup", name, net, options, inputs, {"picture": done.image, "layer": done.layer}, done)


def matched(name: str, net: Translator, recording: Recording, photo: str | Path, exemplar: str | Path) -> Run:
    """A matching by the checkpoint `name` of two files, step by step."""
    done, inputs = Matched.of(recording), {"photo": Path(photo), "exemplar": Path(exemplar)}
    pictures = {"picture": done.image, "condition": recording.condition}
    return _run("patchmatch", name, net, told.PatchMatch(), inputs, pictures, done)


def _run(task: str, name: str, net: Translator, options, inputs: dict, pictures: dict[str, Image.Image], done) -> Run:
    settings = told.Settings(
        told.FORMAT, task, (told.of_model(name, net.card),), options, runs.given(inputs),
        {"picture": told.pixels(done.image)}, told.made(str(net.device), done.seconds), tuple(done.notes),
    )  # fmt: skip
    return Run(settings, inputs, {role: runs.png(picture) for role, picture in pictures.items()})


def strokes(run: Run) -> Image.Image | None:
    """What was drawn by hand on the portrait of a run, RGBA; None where nothing was."""
    if "strokes" not in run.inputs:
        return None
    with Image.open(io.BytesIO(runs.content(run.inputs["strokes"]))) as picture:  # `runs` has looked at it
        return picture.convert("RGBA")


def repeated(run: Run, net: Translator, progress: Report | None = None) -> editing.Edit | Makeover | Matched:
    """The run done again by a network. Raises what an edit, makeup or a recording raises."""
    given, options = run.inputs, run.settings.options
    if run.settings.task == "patchmatch":
        return Matched.of(record(net, given["photo"], given["exemplar"], progress=progress))
    if run.settings.task == "edit":
        at = editing.canvas(net, given["photo"], given.get("exemplar_map"))
        return editing.edit(net, at, given["drawing"], finish=options.finish, progress=progress)
    drawn_on = makeup.portrait(net, given["exemplar"], strokes(run), options.ready, None, options.colour)
    return makeup.transfer(net, drawn_on, given["photo"], options.mode, options.opacity, options.confine)


def alike(one: Run, other: Run) -> bool:
    """Whether two runs have the same pictures, model and options; what was drawn by hand is not looked at."""
    a, b = one.settings, other.settings
    same = {role: given.sha256 for role, given in a.inputs.items() if role in ("photo", "exemplar")}
    return (a.task, a.models, a.options) == (b.task, b.models, b.options) and all(
        role in b.inputs and b.inputs[role].sha256 == sha256 for role, sha256 in same.items())
