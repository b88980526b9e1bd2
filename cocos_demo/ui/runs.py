"""Runs of the Translate tab: those of this visit to choose from, one of them saved, and a saved one put back into the tab."""

import html
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import gradio as gr
import numpy as np
from PIL import Image

from cocos_demo import again, drawings, runs
from cocos_demo import settings as told
from cocos_demo.photo import open_photo
from cocos_demo.runs import Run
from cocos_demo.translator import Condition, Result, Translator
from cocos_demo.ui import canvas, models, patches, task, visits
from cocos_demo.ui.common import friendly, in_boxes, in_facts, served

MOST = 20  # runs of a visit that are remembered
THUMB = 160  # pixels
ASKED = {"looks": task.NEW, "colours": task.COLOURISE, "oil": task.OIL, "map": task.PAINT, "sketch": task.SKETCH}
FIRST = "What you make here is kept for this visit alone: click a picture to go back to it."
TO_BUTTON = """() => { document.querySelector('#translate').scrollIntoView({block: 'center', behavior: 'smooth'}); return []; }"""
# The file is there a moment after the link to it.
SAVE = """() => { setTimeout(() => [...document.querySelectorAll('.run-link a')].find(link => link.offsetParent)?.click(), 100);
    return []; }"""


class Shown(NamedTuple):
    """The components, and what is remembered."""

    history: gr.State  # the runs of this visit, the last one first
    back: gr.State  # the run that is being put back into the tab, or None
    row: gr.Row
    save: gr.Button
    link: gr.HTML
    upload: gr.UploadButton
    gallery: gr.Gallery
    said: gr.HTML


def lay_out() -> Shown:
    """What saves a run under its pictures, and under that, folded, what opens one."""
    history, back = gr.State((), time_to_live=visits.AGE), gr.State(None, time_to_live=visits.AGE)
    with gr.Row(visible=False, elem_id="run-row") as row:
        save = gr.Button("Save all: pictures and settings (ZIP)", size="sm", elem_id="run-save")
        link = gr.HTML(padding=False, elem_id="run-link", elem_classes="run-link")
    with gr.Accordion("Earlier pictures of this visit, and saved runs", open=False, elem_id="runs"):
        gallery = gr.Gallery(visible=False, allow_preview=False, show_label=False, buttons=[], object_fit="cover",
                             elem_id="run-history", elem_classes=["thumbs", "runs"])  # fmt: skip
        upload = gr.UploadButton("Go on from a saved run (ZIP)", file_types=[".zip", ".json"], size="sm", elem_id="run-open")
        said = gr.HTML(in_facts(FIRST), padding=False, elem_id="run-said")
    return Shown(history, back, row, save, link, upload, gallery, said)


# What was made


def run_of(name: str, net: Translator, result: Result, condition: Condition, read, edited: dict | None, exemplar: str,
           own_map: str | None, matcher: str, what: str) -> Run:  # fmt: skip
    """A translation as a run, its pictures in files of the visit. `read`: a translate.Read, `condition`: as it was drawn over."""
    touched = read.photo is None or not np.array_equal(condition.map, read.condition.map)
    drawing = canvas.drawing_of(read.condition, edited) if touched else None
    asked = next((short for short, words in ASKED.items() if words == what), None)
    given = {"photo": read.photo, "exemplar": exemplar, "exemplar_map": own_map}
    run = again.translation(name, net, result, given, drawing, asked=asked, matcher=matcher)
    return Run(run.settings, in_files(run.inputs), in_files(run.results))


def in_files(pictures) -> dict[str, Path]:
    """Pictures by their role, those that are bytes in files that the app may serve: what a visit remembers is small."""
    return {role: one if isinstance(one, Path) else Path(served(one, f"{role}.png")) for role, one in pictures.items()}


def remembered(history: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    """The history with one more run, which comes in the place of its like."""
    return (run, *(one for one in history if not alike(one, run)))[:MOST]


def alike(one: Run, other: Run) -> bool:
    """Whether two runs are the same pictures, model and options."""
    a, b = one.settings, other.settings
    return a.models == b.models and a.options.matcher == b.options.matcher and (
        {role: given.sha256 for role, given in a.inputs.items()} == {role: given.sha256 for role, given in b.inputs.items()})


def after(history: tuple[Run, ...], back: Run | None, run: Run):
    """A run was made -> history, the row that saves it, no link yet, the gallery, and whether it is what was put back."""
    history = remembered(history, run)
    said = in_facts(FIRST)
    if back is not None and alike(back, run):
        with Image.open(run.results["picture"]) as picture:
            unlike = again.unlike(back, picture)
        said = in_boxes([f"Not the saved picture: {unlike}." if unlike else "The same picture as the saved one, to the pixel."])
    return history, gr.Row(visible=True), "", thumbnails(history), said


def thumbnails(history: tuple[Run, ...]) -> gr.Gallery:
    """The pictures of a visit with their time and model."""
    return gr.Gallery([(thumbnail(run), f"{when(run)} {run.settings.model.name}") for run in history], visible=bool(history))


def thumbnail(run: Run) -> str:
    """Path of a small copy of its picture; of a grey square where that is gone."""
    try:
        picture = open_photo(run.results["picture"])
    except ValueError:
        picture = Image.new("RGB", (THUMB, THUMB), "grey")
    picture.thumbnail((THUMB, THUMB))
    return served(runs.png(picture), "small.png")


def title(run: Run) -> str:
    """In a few words: "10:42 P009.jpg as P001.jpg, portrait"."""
    names = [run.settings.inputs[role].name for role in ("photo", "exemplar") if role in run.settings.inputs]
    return f"{when(run)} {' as '.join(names)}, {run.settings.model.name}"


def when(run: Run) -> str:
    """Hour and minute, as this machine's clock has them."""
    return f"{datetime.fromisoformat(run.settings.made.at).astimezone():%H:%M}"


@friendly
def zipped(history: tuple[Run, ...]) -> str:
    """The last run in one file -> a link to it."""
    if not history:
        raise gr.Error("There is nothing to save yet: translate first.", print_exception=False)
    run = history[0]
    name = runs.plain(f"run_{when(run).replace(':', '')}_{run.settings.model.name}.zip")
    return linked(run, name)


def linked(run: Run, name: str) -> str:
    """A link to a run in one file. Raises RunError."""
    path = served(runs.pack(run), name)
    words = html.escape(f"{name}, {Path(path).stat().st_size / 1e6:.1f} MB")
    return f'<a class="save" download="{html.escape(name)}" href="gradio_api/file={quote(path)}">{words}</a>'


def check_tab(settings: told.Settings, task: str) -> None:
    """Raises SettingsError for a run of another tab."""
    if settings.task != task:
        raise told.SettingsError(f"this run is of the tab {settings.task.capitalize()}: open it there")


# And made again


@friendly
def opened(path: str | None):
    """A file that was uploaded -> as `taken_up`."""
    return taken_up(runs.load(path))


@friendly
def chosen(history: tuple[Run, ...], event: gr.SelectData):
    """A picture of the visit that was clicked -> as `taken_up`."""
    return taken_up(runs.unpack(runs.pack(history[event.index])))


def taken_up(run: Run):
    """A run that was saved -> the run, its pictures in files of the visit; what is said of it; the task, model, what is missing,
    headings, button, photo, the button for an empty canvas, exemplar, its map. Raises SettingsError where its model is not here.
    """
    settings, name = run.settings, run.settings.model.name
    check_tab(settings, "translate")
    said = tuple(f"{words[:1].upper()}{words[1:]}: the picture may be another."
                 for words in told.differences(settings, str(models.translator(name).device)))  # fmt: skip
    run = Run(settings, {role: placed(role, one, settings) for role, one in run.inputs.items()}, in_files(run.results))
    what = asked(run)
    doing = task.TASKS[what]
    words = f"Put back: {title(run)}. {doing.button} paints it again."
    gr.Info(words) if not said else gr.Warning(" ".join((words, *said)), duration=15)
    model = gr.Dropdown(task.offered(what), value=chosen_as(run, what), visible=True)
    return (run, in_boxes(said) + in_facts(words), what, model, task.missing(what), *task.headings(what), gr.Button(doing.button),
            path(run, "photo"), gr.Button(visible=doing.drawn), path(run, "exemplar"), path(run, "exemplar_map"))  # fmt: skip


def placed(role: str, one: bytes | Path, settings: told.Settings) -> Path:
    """The file of a picture that the app may serve: a sample's own, or one that is called as it was, and ends as it is."""
    if isinstance(one, Path):
        return one
    return Path(served(one, f"{Path(settings.inputs[role].name).stem}.{runs.ending(one)}"))


def asked(run: Run) -> str:
    """The task of the tab that a run belongs to: its own, or the first that offers its model."""
    own, name = ASKED.get(run.settings.options.asked), run.settings.model.name
    offering = [what for what in task.TASKS if any(name == offered for _, offered in task.offered(what))]
    if not offering:
        raise told.SettingsError(f"the model {name} cannot be read here")
    return own if own in offering else offering[0]


def chosen_as(run: Run, what: str) -> str:
    """The model as it is chosen: "auto" where that comes to the same, so that another photo may be another kind of picture."""
    name = run.settings.model.name
    try:
        photo = any(models.AUTO == offered for _, offered in task.offered(what)) and path(run, "photo")
        return models.AUTO if photo and models.resolve(models.AUTO, photo) == name else name
    except ValueError:  # nothing that is known is seen in it
        return name


def path(run: Run, role: str) -> str | None:
    return str(run.inputs[role]) if role in run.inputs else None


@friendly
def put_back(run: Run | None, read, photo: str | None, model: str | None):
    """Once the photo of a run that is put back has been read -> the run, canvas, exemplar, its map, matcher. Where another photo
    or model was chosen since, it is forgotten."""
    if run is None or read is None or (photo, model) != (read.photo, read.model):
        return [gr.skip()] * 5
    there = photo and runs.sha256(runs.content(photo))
    wanted = run.settings.inputs["photo"].sha256 if "photo" in run.inputs else None
    if (there, read.name) != (wanted, run.settings.model.name):
        return None, *[gr.skip()] * 4
    drawing = open_photo(run.inputs["drawing"]) if "drawing" in run.inputs else None
    editor = canvas.canvas(read.condition, drawing) if drawings.drawable(read.condition) else gr.skip()
    chosen = models.translator(read.name).card["system"] == models.PASTES  # elsewhere there is no matcher to choose
    matcher = gr.skip()
    if chosen:
        matcher = gr.Dropdown(patches.matchers(read.name), value=known(run.settings.options.matcher, read.name))
    return gr.skip(), editor, path(run, "exemplar"), path(run, "exemplar_map"), matcher


def known(matcher: str, name: str) -> str:
    """The matcher as the tab calls it. Raises SettingsError where it is not offered for the checkpoint `name`."""
    matcher = patches.OWN if matcher == "vgg" else matcher
    offered = [each for _, each in patches.matchers(name)]
    if matcher not in offered:
        raise told.SettingsError(f"the run's matcher {matcher[:60]!r} is not here; there are {', '.join(offered)}")
    return matcher
