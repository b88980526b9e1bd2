"""The pictures that the Translate tab ends with. Which there will be is known before they come, so nothing moves when they do."""

from typing import NamedTuple

import gradio as gr
from PIL import Image

from cocos_demo.translator import Result, Translator, enlarge
from cocos_demo.ui import models
from cocos_demo.ui.common import as_served, in_boxes, in_facts, shown

CANVAS = 512
MOST = 1024  # pixels a side of what the slider compares
WARPED, AUXILIARY = "Exemplar, warped to fit", "Auxiliary image W(x, r)"
PATCHES = ("Where SEGIN begins, and what it also finds. Auxiliary image: each patch of the exemplar stands where what is seen of "
           "the photo is most like it, by VGG’s features. Nobody has taught it faces, so much of it is wrong; the "
           "network has learned what to trust. Foreground: white where it sees the person.")
PAINTED = (" As painted: the eye sees fine detail in lightness and little of it in colour, so the picture above has the photo’s "
           "own lightness and takes the colours alone from here.")


class Shown(NamedTuple):
    """The components, in the order in which `expected` and `filled` give their values."""

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

    @property
    def filled(self) -> list[gr.components.Component]:
        return [*self[:6]]


def lay_out() -> tuple[Shown, gr.Button, gr.Button]:
    """All of it, not yet seen -> this, and buttons for a closer look and for the steps of the matching."""
    with gr.Row(visible=False) as row:
        picture = as_served(shown("Picture", elem_id="picture"))
        slider = gr.ImageSlider(label="Photo | picture", format="png", interactive=False, buttons=["fullscreen"])
        warped = shown(WARPED, elem_id="warped")
    with gr.Row(visible=False, elem_id="segin") as second:
        mask = shown("Foreground", elem_id="mask", min_width=150)
        painted = shown("As painted", elem_id="painted", min_width=150)
        told = gr.HTML(elem_id="told", min_width=300)
    facts = gr.HTML(padding=False)
    with gr.Row(visible=False) as more:
        closer = gr.Button("What came from where? Click points in both pictures", size="sm", elem_id="closer")
        watch = gr.Button("How are matches found? Play CoCosNet v2’s PatchMatch", size="sm", elem_id="watch")
    return Shown(picture, slider, warped, mask, painted, facts, row, second, told, more), closer, watch


def expected(name: str) -> list:
    """What the checkpoint `name` will have to show -> an update of each part of `Shown`, before anything is painted."""
    net = models.translator(name)
    pastes, colourises = net.card["system"] == models.PASTES, net.colourises
    return [
        gr.skip(),
        gr.ImageSlider(label="Grey photo | coloured" if colourises else "Photo | picture"),
        gr.Image(label=AUXILIARY if pastes else WARPED, visible=net.card["system"] != models.PAINTS),
        gr.Image(visible=pastes and net.net.config.mask),
        gr.Image(visible=colourises, label=f"As painted, {net.size} × {net.size}"),
        "",
        gr.Row(visible=True),
        gr.Row(visible=pastes),
        in_facts(PATCHES + (PAINTED if colourises else "")),
        gr.Row(visible=True),
    ]


def filled(result: Result, net: Translator) -> tuple:
    """-> picture, slider, warped exemplar, mask, the painting where the picture is another, facts."""
    after = enlarge(result.final, CANVAS)
    before = result.condition if net.colourises else result.photo
    again = result.coloured and enlarge(result.image, CANVAS)
    if result.coloured:  # the photo's own pixels beside their colours
        before = result.coloured.convert("L").convert("RGB")
    pair = tuple(at_most(enlarge(each, CANVAS)) for each in (before, after))
    each = (small and enlarge(small, CANVAS) for small in (result.warped, result.mask))
    return after, pair, *each, again, in_words(result, net)


def at_most(picture: Image.Image) -> Image.Image:
    """Reduced to MOST pixels a side, where it is larger."""
    return picture.resize((MOST, MOST), Image.Resampling.LANCZOS) if picture.width > MOST else picture


def in_words(result: Result, net: Translator) -> str:
    """What is said under the pictures; of the notes, the exemplar's: the photo's were told when it was read."""
    words = f"Painted at {net.size} × {net.size} pixels in {result.seconds:.2f} s on {result.device}"
    side = result.final.width
    words += f"; the colours lie on your photo’s own {side} × {side} pixels" if result.coloured else ""
    words += ", shown enlarged." if side < CANVAS else "."
    return in_boxes(note for note in result.notes if note.startswith("Exemplar")) + in_facts(words)
