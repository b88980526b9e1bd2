"""What programs can ask of the tabs Compare and Blind."""

import gradio as gr

from cocos_demo import comparing, study, viz
from cocos_demo.ui import models
from cocos_demo.ui.common import HEAVY, friendly


def endpoints(photo: gr.Image, exemplar: gr.Image) -> None:
    """The documented API, within a hidden group.

    /compare(photo, exemplar, kind="auto", points=[]) -> contact sheet, settings with what every system measured and answered
    /tally(text) -> the rates of a blind comparison as bars, how often each system had which place; `text`: of the CSV file
    """
    kind, points, text = gr.Textbox(models.AUTO, label="kind"), gr.JSON([], label="points"), gr.Textbox(label="text")
    outputs = [gr.Image(format="png", label="sheet"), gr.JSON(label="settings")]
    gr.Button().click(compare, [photo, exemplar, kind, points], outputs, api_name="compare", **HEAVY)
    outputs = [gr.Image(format="png", label="rates"), gr.JSON(label="tally")]
    gr.Button().click(tally, text, outputs, api_name="tally")


@friendly
def compare(photo: str, exemplar: str, kind: str = models.AUTO, points: list | None = None):
    """All systems that read one kind of condition ("auto": what the photo shows) on the same two pictures: a contact sheet, and
    of each its version, seconds, cycle error and matches, or why it failed. Points: [[x, y], ...], pixels of the photo as given;
    the settings tell them, and all distances, in pixels of the square that the networks see, 512 x 512."""
    names = comparing.family(comparing.kind_of(photo, kind))
    outcomes = [*comparing.each(names, photo, exemplar, models.translator)]
    places = comparing.to_square(outcomes, points or [])
    return comparing.sheet(outcomes, places), comparing.settings(photo, exemplar, outcomes, places)


@friendly
def tally(text: str):
    """How often each system had which place in a blind comparison, by question, and the same as bars. `text` is that of the CSV
    file; every row is checked, and its order drawn again by its seed."""
    judged = study.checked([("the text", text)])
    counted = study.tally(judged)
    return viz.to_pil(viz.rates(counted, study.QUESTIONS)), {"rounds": len(judged), "places": counted}
