"""Runs of the tabs Edit, Makeup and PatchMatch: the last one saved in one file, and a saved one put back."""

import gradio as gr

from cocos_demo import again, again_applied, runs
from cocos_demo import settings as told
from cocos_demo.photo import open_photo
from cocos_demo.runs import Run
from cocos_demo.ui import models
from cocos_demo.ui.common import friendly, in_boxes, in_facts
from cocos_demo.ui.runs import check_tab, in_files, linked, placed


def taken_up(path: str, task: str, button: str) -> tuple[Run, str]:
    """A file that was uploaded -> the run, its pictures in files of the visit, and what is said of it. `button`: what does it
    again. Raises SettingsError for a run of another tab, or where its model is not here."""
    run = runs.load(path)
    settings = run.settings
    check_tab(settings, task)
    told.there(settings.model)
    device = str(models.translator(settings.model.name).device)
    said = tuple(f"{words[:1].upper()}{words[1:]}: the picture may be another." for words in told.differences(settings, device))
    run = Run(settings, {role: placed(role, one, settings) for role, one in run.inputs.items()}, in_files(run.results))
    names = " as ".join(settings.inputs[role].name for role in ("photo", "exemplar") if role in settings.inputs)
    return run, in_boxes(said) + in_facts(f"Put back: {names}. {button} does it again.")


def after(run: Run, back: Run | None):
    """A run was made -> it, its pictures in files; the button that saves it; no link yet; whether it is what was put back."""
    said = ""
    if back is not None and again_applied.alike(back, run):
        unlike = again.unlike(back, open_photo(run.results["picture"]))
        said = in_boxes([f"Not the saved picture: {unlike}." if unlike else "The same picture as the saved one, to the pixel."])
    run = Run(run.settings, in_files(run.inputs), in_files(run.results))
    return run, gr.Button(interactive=True), "", said


def is_of(run: Run | None, role: str, path: str | None, model: str) -> bool:
    """Whether a picture and a model on screen are those of a run."""
    if run is None or path is None or role not in run.settings.inputs or model != run.settings.model.name:
        return False
    return runs.sha256(runs.content(path)) == run.settings.inputs[role].sha256


@friendly
def zipped(run: Run | None) -> str:
    """The last run in one file -> a link to it."""
    if run is None:
        raise gr.Error("There is nothing to save yet.", print_exception=False)
    return linked(run, f"{run.settings.task}.zip")
