"""The pictures that the Translate tab ends with. Which there will be is known before they come, so nothing moves when they do."""

from typing import NamedTuple

import gradio as gr
from PIL import Image

from cocos_demo.translator import Condition, Result, Translator, enlarge
from cocos_demo.ui import canvas, models
from cocos_demo.ui.common import as_served, in_boxes, in_facts, shown
from cocos_demo.ui.patches import OWN

MOST = 1024  # pixels a side of what the slider compares
WARPED, AUXILIARY, FOREGROUND, PAINTED = "Exemplar, warped to fit", "Auxiliary image W(x, r)", "Foreground", "As painted"
TOLD = {
    AUXILIARY: "Where SEGIN begins: each patch of the exemplar stands where what the network sees of the photo is most like it, ",
    FOREGROUND: "White where SEGIN sees the person.",
    PAINTED: "What the network gives. The eye sees fine detail in lightness and little of it in colour, so the picture above has "
             "the photo’s own lightness, and from here the colours alone.",
}  # fmt: skip
BY_VGG = "by VGG’s features. These know photos of anything and no faces, so much of it is wrong; what to trust is learned."
BY_OTHERS = "here found by another matcher than the one that the network was trained with."


class Shown(NamedTuple):
    """The components, in the order in which `expected` gives their values; of the first six also `filled`."""

    picture: gr.Image
    slider: gr.ImageSlider
    warped: gr.Image
    mask: gr.Image
    painted: gr.Image
    facts: gr.HTML
    row: gr.Row
    second: gr.Row
    told: gr.HTML
    more: gr.Row


def lay_out() -> tuple[Shown, gr.Button, gr.Button]:
    """All of it, not yet seen -> this, and buttons for a closer look and for the steps of the matching."""
    with gr.Row(visible=False) as row:
        picture = as_served(shown("Picture", elem_id="picture"))
        look = {"format": "webp", "interactive": False, "buttons": ["fullscreen"]}
        slider = gr.ImageSlider(label="Photo | picture", elem_id="slider", **look)
        warped = as_served(shown(WARPED, elem_id="warped"))
    with gr.Row(visible=False, elem_id="segin") as second:
        mask, painted = (shown(label, ["download"], elem_id=name, min_width=130)
                         for label, name in ((FOREGROUND, "mask"), (PAINTED, "painted")))  # fmt: skip
        words = gr.HTML(elem_id="told", min_width=300)
    facts = gr.HTML(padding=False)
    with gr.Row(visible=False) as more:
        closer = gr.Button("What came from where? Click points in both pictures", size="sm", elem_id="closer")
        watch = gr.Button("How are matches found? Play CoCosNet v2’s PatchMatch", size="sm", elem_id="watch")
    return Shown(picture, slider, warped, mask, painted, facts, row, second, words, more), closer, watch


def expected(name: str, matcher: str = OWN, drawn: bool = False, photo: bool = True) -> list:
    """What the checkpoint `name` will have to show -> an update of each part of `Shown`, before anything is painted.

    `drawn`: it paints a map or a sketch that was given or drawn; `photo`: there is a picture to look closer at.
    """
    net = models.translator(name)
    system, colourises = net.card["system"], net.colourises
    pastes = system == models.PASTES
    by = {AUXILIARY: BY_VGG if matcher == OWN else BY_OTHERS}
    there = {AUXILIARY: pastes, FOREGROUND: pastes and net.net.config.mask, PAINTED: colourises}
    return [
        gr.skip(),
        gr.ImageSlider(label="Grey photo | coloured" if colourises else "Drawn | picture" if drawn else "Photo | picture"),
        gr.Image(label=AUXILIARY if pastes else WARPED, visible=system != models.PAINTS),
        gr.Image(visible=there[FOREGROUND]),
        gr.Image(visible=there[PAINTED]),
        gr.skip(),
        gr.Row(visible=True),
        gr.Row(visible=any(there.values())),
        "".join(f'<p class="facts"><b>{label}.</b> {TOLD[label]}{by.get(label, "")}</p>' for label in there if there[label]),
        gr.Row(visible=photo),
    ]


def filled(result: Result, net: Translator, condition: Condition) -> tuple:
    """-> picture, slider, warped exemplar, foreground, the painting where the picture is another, facts."""
    # The photo's own pixels without, beside with their colours; where there was no photo, what was drawn.
    before = result.coloured.convert("L").convert("RGB") if result.coloured else result.photo
    if canvas.drawn(condition):
        before = canvas.picture(condition)
    small = result.warped, result.mask, result.image if result.coloured else None
    return (
        enlarge(result.final, canvas.SIDE),
        tuple(at_most(enlarge(picture, canvas.SIDE)) for picture in (before, result.final)),
        *(picture and enlarge(picture, canvas.SIDE) for picture in small),
        in_words(result, net),
    )


def at_most(picture: Image.Image) -> Image.Image:
    """Reduced to MOST pixels a side, where it is larger."""
    return picture.resize((MOST, MOST), Image.Resampling.LANCZOS) if picture.width > MOST else picture


def in_words(result: Result, net: Translator) -> str:
    """What is said under the pictures; of the notes, the exemplar's: the photo's were told when it was read."""
    words, side = f"Painted at {net.size} × {net.size} pixels in {result.cost}", result.final.width
    words += f"; the colours lie on your photo’s own {side} × {side} pixels" if result.coloured else ""
    if side < canvas.SIDE:
        words += ", shown enlarged"
    elif side > canvas.SIDE:
        words += "; the arrow on the picture saves it at this size"
    words += "."
    return in_boxes(note for note in result.notes if note.startswith("Exemplar")) + in_facts(words)
