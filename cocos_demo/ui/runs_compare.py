"""Runs of the Compare tab: all of a comparison saved in one file, and a saved one put back. Other tabs lay out the same."""

from typing import NamedTuple

import gradio as gr

from cocos_demo import again_compare, runs
from cocos_demo import settings as told
from cocos_demo.ui import models, visits
from cocos_demo.ui.common import friendly, in_boxes, in_facts
from cocos_demo.ui.runs import check_tab, linked, placed


class Shown(NamedTuple):
    """The components, and what is remembered."""

    back: gr.State  # the run that was put back, or None
    save: gr.Button
    link: gr.HTML
    upload: gr.UploadButton
    said: gr.HTML


def lay_out(name: str = "compare", there: bool = False) -> Shown:
    """What saves a run of a tab, once one is `there`, and opens one."""
    back = gr.State(None, time_to_live=visits.AGE)
    look, files = {"size": "sm", "min_width": 110}, [".zip", ".json"]
    with gr.Row(elem_classes="tight"):
        save = gr.Button("Save all (ZIP)", interactive=there, elem_id=f"{name}-save", **look)
        upload = gr.UploadButton("Open a saved one", file_types=files, elem_id=f"{name}-open", **look)
    link = gr.HTML(padding=False, elem_id=f"{name}-link", elem_classes="run-link")
    said = gr.HTML(padding=False, elem_id=f"{name}-said")
    return Shown(back, save, link, upload, said)


@friendly
def zipped(now, kind: str) -> str:
    """All of a compare.Board in one file -> a link to it."""
    run = again_compare.comparison(now.photo, now.exemplar, now.outcomes, now.points, kind)
    return linked(run, "comparison.zip")


@friendly
def opened(path: str):
    """A file that was uploaded -> the run, what is said of it, photo, exemplar, kind."""
    run = runs.load(path)
    settings = run.settings
    check_tab(settings, "compare")
    there = next((model.name for model in settings.models if model.name in dict(map(reversed, models.choices()))), None)
    device = str(models.translator(there).device) if there else settings.made.device
    said = tuple(f"{words[:1].upper()}{words[1:]}." for words in told.differences(settings, device))
    photo, exemplar = (str(placed(role, run.inputs[role], settings)) for role in ("photo", "exemplar"))
    named = " as ".join(settings.inputs[role].name for role in ("photo", "exemplar"))
    words = in_facts(f"Put back: {named}. Compare paints them again, and asks for the same points.")
    return run, in_boxes(said) + words, photo, exemplar, settings.options.kind


def points(back: runs.Run | None, now):
    """The points of a run that was put back, for a board of its two pictures, and whether all of them are as they were."""
    whole = now.photo and len(now.outcomes) == len(now.names)
    if back is None or not whole or not again_compare.alike(back, now.photo, now.exemplar):
        return None, gr.skip()
    unlike = again_compare.unlike(back, now.outcomes)
    return back.settings.options.points, in_boxes(unlike or ["The same pictures as the saved ones, to the pixel."])
