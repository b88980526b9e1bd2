"""The Translate tab: a photo, its condition (open to change), an exemplar, and the picture they make."""

import html
from typing import NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from cocos_demo.conditions import LabelKind
from cocos_demo.translator import Condition, Result, Translator, enlarge
from cocos_demo.ui import models
from cocos_demo.ui.common import (
    HEAVY,
    HEIGHT,
    chosen,
    friendly,
    hexadecimal,
    in_boxes,
    in_facts,
    samples,
    shown,
    step,
    thumbnails,
    upload,
)
from cocos_demo.ui.find import find

CANVAS = 512
# The pictures may lie below the window's edge: bring them in, once their place is there.
SCROLL = """() => { setTimeout(() => document.querySelector("#picture")
    ?.scrollIntoView({behavior: "smooth", block: "nearest"}), 300); return []; }"""


class Read(NamedTuple):
    """What was read of which photo: another may have been chosen since."""

    photo: str
    model: str  # as chosen, "auto" too
    name: str  # of the checkpoint
    condition: Condition  # as extracted


def tab(demo: gr.Blocks) -> tuple[gr.Button, gr.Button, list[gr.components.Component]]:
    """Lay out the tab inside a gr.Blocks and connect it -> buttons for a closer look and for the steps of the matching, and
    photo, exemplar and model."""
    photos, portraits = models.photos_for(models.AUTO), samples("portraits")
    state = gr.State(None)  # the last Read
    with gr.Row():
        with gr.Column(min_width=300):
            gr.HTML(step(1, "A photo"))
            photo = upload(models.start(photos), "Photo")
            photo_gallery = thumbnails(photos)
        with gr.Column(min_width=300):
            gr.HTML(step(2, "What the network sees of it"))
            editor = gr.ImageEditor(
                show_label=False,
                sources=[],
                transforms=[],
                layers=False,
                format="png",
                image_mode="RGBA",
                type="pil",
                canvas_size=(CANVAS, CANVAS),
                fixed_canvas=True,
                buttons=[],
                height=HEIGHT + 70,
                elem_id="editor",
            )
            about = gr.HTML(padding=False)
            model = models.dropdown(show_label=False, container=False, elem_id="model")
            reset = gr.Button("Undo all changes", size="sm", interactive=False)
        with gr.Column(min_width=300):
            gr.HTML(step(3, "An exemplar: the look to take"))
            exemplar = upload(portraits[0], "Exemplar", elem_id="exemplar")
            exemplar_gallery = thumbnails(portraits)
            search = gr.Button("Find an exemplar for me", size="sm", interactive=False, elem_id="find")
            with gr.Accordion("Search my own folder", open=False):
                folder = gr.Textbox(
                    placeholder="/home/me/pictures",
                    show_label=False,
                    container=False,
                    max_lines=1,
                    info="A folder on the computer that runs the demo. What is learned about its pictures is kept in it, "
                    "in a file .exemplars-….npz, so that the next search is quick.",
                )
            searched = gr.HTML(padding=False)
    button = gr.Button("Translate", variant="primary", size="lg", interactive=False, elem_id="translate")
    with gr.Row(visible=False) as results:
        picture = shown("Picture", elem_id="picture")
        slider = gr.ImageSlider(label="Photo | picture", format="png", interactive=False, buttons=["fullscreen"])
        warped = shown("Exemplar, warped to fit")
    facts = gr.HTML(padding=False)
    with gr.Row(visible=False) as more:
        closer = gr.Button("What came from where? Click points in both pictures", size="sm", elem_id="closer")
        watch = gr.Button("How are matches found? Play CoCosNet v2’s PatchMatch", size="sm", elem_id="watch")

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    # Each is read, one after the other: "once" would drop what is chosen meanwhile, "always_last" after a failure.
    every = {"trigger_mode": "multiple"}
    buttons = [button, reset, search]
    demo.load(lambda: gr.Dropdown(models.choices()), None, model, **quick)  # what was imported since the start
    gr.on([demo.load, photo.change, model.change], lock, None, buttons, **every, **quick).then(
        read_photo,
        [photo, model, state],
        [state, editor, about, exemplar_gallery, exemplar, *buttons, searched],
        show_progress_on=editor,
        **every,
        **private,
        **HEAVY,
    )
    model.change(lambda model: gr.Gallery(models.photos_for(model)), model, photo_gallery, **quick)
    search.click(
        find_exemplar,
        [state, photo, model, folder],
        [exemplar_gallery, exemplar, searched],
        show_progress_on=exemplar_gallery,
        **private,
        **HEAVY,
    )
    photo_gallery.select(chosen, None, photo, **quick)
    exemplar_gallery.select(chosen, None, exemplar, **quick)
    reset.click(lambda read: canvas(read.condition), state, editor, **quick)
    button.click(lambda: [gr.Row(visible=True)] * 2, None, [results, more], js=SCROLL, **quick).then(
        paint,
        [state, photo, model, editor, exemplar],
        [picture, slider, warped, facts],
        show_progress_on=[picture],
        **private,
        **HEAVY,
    )
    return closer, watch, [photo, exemplar, model]


# Handlers


def lock():
    """While a photo is looked at, nothing of the one before may be painted."""
    return [gr.Button(interactive=False)] * 3


def read_photo(photo: str | None, model: str, before: Read | None):
    """-> as `seen`; where nothing was found, an empty canvas and the reason under it, which stays when the toast has gone."""
    try:
        return seen(photo, model, before)
    except gr.Error as error:
        gr.Warning(error.message, duration=12)
        return gr.skip(), None, in_boxes([error.message]), *[gr.skip()] * 6


@friendly
def seen(photo: str | None, model: str, before: Read | None):
    """Photo -> its Condition (in a Read), a canvas with it, words about it, and exemplars of its kind."""
    if photo is None:
        return gr.skip(), None, "", *[gr.skip()] * 6
    name = models.resolve(model, photo)
    condition = models.translator(name).condition_of(photo)
    gallery = models.looks(condition.kind.name)
    same = before is not None and models.looks(before.condition.kind.name) == gallery
    exemplar = gr.skip() if same else next(iter(gallery), None)
    read = Read(photo, model, name, condition)
    return read, canvas(condition), words_about(condition), gallery, exemplar, *[gr.Button(interactive=True)] * 3, ""


@friendly
def find_exemplar(
    read: Read | None,
    photo: str | None,
    model: str,
    folder: str | None,
    progress=gr.Progress(),  # noqa: B008
):
    """The best few for the photo as the gallery's first entries, the first of them chosen, and what was searched."""
    check(read, photo, model)
    found, said = find(read.name, read.condition, folder, progress=progress)
    best = [path for path, _ in found]
    rest = [path for path in models.looks(read.condition.kind.name) if path not in best]
    return [*((path, f"{cosine:.2f}") for path, cosine in found), *rest], best[0], in_facts(said)


@friendly
def paint(
    read: Read | None,
    photo: str | None,
    model: str,
    edited: dict | None,
    exemplar: str | None,
    progress=gr.Progress(),  # noqa: B008
):
    """The (perhaps edited) condition and an exemplar -> picture, slider, warped exemplar, facts."""
    check(read, photo, model)
    if exemplar is None:
        raise gr.Error("Choose an exemplar first: click one, or upload your own.", print_exception=False)
    condition = read.condition
    if edited and edited["layers"]:
        condition = condition.edited(flat(edited["layers"]))
    net = models.translator(read.name)
    result = net(None, exemplar, condition, progress=lambda stage, fraction: progress(fraction, desc=stage))
    before, after = enlarge(result.photo, CANVAS), enlarge(result.image, CANVAS)
    return after, (before, after), result.warped and enlarge(result.warped, CANVAS), in_words(result, net)


def check(read: Read | None, photo: str | None, model: str) -> None:
    """Raises gr.Error unless what was read is what is on screen."""
    if photo is None or read is None:
        raise gr.Error("Choose a photo first.", print_exception=False)
    if (photo, model) != (read.photo, read.model):
        raise gr.Error("This photo has not been read yet: translate when its lines are there.", print_exception=False)


# Pieces


def canvas(condition: Condition) -> gr.ImageEditor:
    """The condition as a layer over black, so that the eraser uncovers black; brushes in the kind's own colours."""
    picture = enlarge(condition.image, CANVAS)
    # With a composite given, the browser would lay that below the layer, and the eraser would uncover the same again.
    value = {"background": Image.new("RGB", picture.size), "layers": [picture.convert("RGBA")], "composite": None}
    colours = [hexadecimal(c) for c in condition.kind.palette]
    if isinstance(condition.kind, LabelKind):  # background last: a brush should be seen
        colours = [*colours[1:], colours[0]]
    brush = gr.Brush(colors=colours, color_mode="fixed", default_size=6)
    return gr.ImageEditor(value, brush=brush)


def flat(layers: list[Image.Image]) -> Image.Image:
    """What is seen of the layers over black; the background is left out, since a cleared canvas has a white one."""
    picture = Image.new("RGBA", layers[0].size, "black")
    for layer in layers:
        picture = Image.alpha_composite(picture, layer)
    return picture


def words_about(condition: Condition) -> str:
    """What was found, and what each colour of the canvas means."""
    kind = condition.kind
    notes = in_boxes(f"{note[:1].upper()}{note[1:]}." for note in condition.found.notes)
    chips = [f'<span><i style="background:{hexadecimal(c)}"></i>{html.escape(name)}</span>'
             for c, name in zip(kind.palette, kind.channels, strict=True)]  # fmt: skip
    legend = f'<div class="legend">{"".join(chips)}</div>'
    if isinstance(kind, LabelKind):
        if len(chips) > 24:
            there = "".join(chips[c] for c in np.unique(condition.map.argmax(0)))
            legend = f'<div class="legend">{there}</div><details><summary>All {len(chips)} colours</summary>{legend}</details>'
        return f"{notes}{in_facts('Paint with a part’s colour, or erase to background, before you translate.')}{legend}"
    if len(chips) > 12:
        legend = f"<details><summary>What the colours mean</summary>{legend}</details>"
    return f"{notes}{in_facts('You can draw or erase lines before you translate.')}{legend}"


def in_words(result: Result, net: Translator) -> str:
    """What is said under the pictures; of the notes, the exemplar's: the photo's were told when it was read."""
    words = f"Painted at {net.size} × {net.size} pixels in {result.seconds:.2f} s on {result.device}, shown enlarged."
    return in_boxes(note for note in result.notes if note.startswith("Exemplar")) + in_facts(words)
