"""The Translate tab: a photo, its condition (open to change), an exemplar, and the picture they make."""

import html
from typing import NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from cocos_demo.conditions import LabelKind
from cocos_demo.translator import Condition, enlarge
from cocos_demo.ui import models, results, task
from cocos_demo.ui.common import (
    HEAVY,
    HEIGHT,
    chosen,
    friendly,
    hexadecimal,
    in_boxes,
    in_facts,
    samples,
    step,
    thumbnails,
    upload,
)
from cocos_demo.ui.find import find

MATCHER = "The seconds are one core’s, at 128 × 128 pixels."
LIGHTNESS = ("The network sees lightness alone and paints the exemplar’s colours at {0} × {0}; your photo keeps its own "
             "lightness and resolution, and takes these colours.")
# The pictures may lie below the window's edge: bring them in, once their place is there.
SCROLL = """(...given) => { setTimeout(() => document.querySelector("#picture")
    ?.scrollIntoView({behavior: "smooth", block: "nearest"}), 300); return given; }"""


class Read(NamedTuple):
    """What was read of which photo: another may have been chosen since."""

    photo: str
    model: str  # as chosen, "auto" too
    name: str  # of the checkpoint
    condition: Condition  # as extracted


def tab(demo: gr.Blocks) -> tuple[gr.Button, gr.Button, list[gr.components.Component]]:
    """Lay out the tab inside a gr.Blocks and connect it -> buttons for a closer look and for the steps of the matching, and
    photo, exemplar and model."""
    photos, portraits = task.photos_for(models.AUTO), samples("portraits")
    state = gr.State(None)  # the last Read
    what = task.choice()
    with gr.Row():
        with gr.Column(min_width=300):
            first = gr.HTML(task.headings()[0])
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
                canvas_size=(results.CANVAS, results.CANVAS),
                fixed_canvas=True,
                buttons=[],
                height=HEIGHT + 70,
                elem_id="editor",
            )
            about = gr.HTML(padding=False)
            model = models.dropdown(task.offered(task.NEW), show_label=False, container=False, elem_id="model")
            look = {"label": "How SEGIN finds its patches", "info": MATCHER, "elem_id": "matcher"}
            matcher = gr.Dropdown([task.OWN], value=task.OWN, visible=False, **look)
            reset = gr.Button("Undo all changes", size="sm", interactive=False)
        with gr.Column(min_width=300):
            last = gr.HTML(task.headings()[1])
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
    shown, closer, watch = results.lay_out()

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    # Each is read, one after the other: "once" would drop what is chosen meanwhile, "always_last" after a failure.
    every = {"trigger_mode": "multiple"}
    buttons = [button, reset, search]
    demo.load(task.there, what, [what, model], **quick)  # what was imported since the start
    what.input(task.taken_up, what, [model, first, last, button], **quick)
    gr.on([demo.load, photo.change, model.change], lock, None, buttons, **every, **quick).then(
        read_photo,
        [photo, model, state],
        [state, editor, about, exemplar_gallery, exemplar, *buttons, searched, matcher],
        show_progress_on=editor,
        **every,
        **private,
        **HEAVY,
    )
    model.change(lambda model: gr.Gallery(task.photos_for(model)), model, photo_gallery, **quick)
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
    button.click(expect, [state, matcher], [*shown], js=SCROLL, **quick).then(
        paint,
        [state, photo, model, editor, exemplar, matcher],
        [*shown[:6]],
        show_progress_on=[shown.picture],
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
        return gr.skip(), None, in_boxes([error.message]), *[gr.skip()] * 7


@friendly
def seen(photo: str | None, model: str, before: Read | None):
    """Photo -> its Condition (in a Read), a canvas with it, words about it, exemplars of its kind, and SEGIN's matchers."""
    if photo is None:
        return gr.skip(), None, "", *[gr.skip()] * 7
    name = models.resolve(model, photo)
    net = models.translator(name)
    condition = net.condition_of(photo)
    gallery = models.looks(condition.kind.name)
    same = before is not None and models.looks(before.condition.kind.name) == gallery
    exemplar = gr.skip() if same else next(iter(gallery), None)
    read = Read(photo, model, name, condition)
    pastes = net.card["system"] == models.PASTES
    kept = before is not None and before.name == name
    by = task.matchers(name) if pastes else [task.OWN]
    by = gr.skip() if kept else gr.Dropdown(by, value=task.OWN, visible=pastes)
    ready = [gr.Button(interactive=each) for each in (True, drawable(condition), True)]
    words = words_about(condition, task.hint(condition))
    return read, canvas(condition), words, gallery, exemplar, *ready, "", by


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
def expect(read: Read | None, matcher: str):
    """The places of the pictures that will come -> as `results.expected`."""
    return [gr.skip()] * len(results.Shown._fields) if read is None else results.expected(read.name, matcher)


@friendly
def paint(
    read: Read | None,
    photo: str | None,
    model: str,
    edited: dict | None,
    exemplar: str | None,
    matcher: str = task.OWN,
    progress=gr.Progress(),  # noqa: B008
):
    """The (perhaps edited) condition and an exemplar -> as `results.filled`."""
    check(read, photo, model)
    if exemplar is None:
        raise gr.Error("Choose an exemplar first: click one, or upload your own.", print_exception=False)
    condition = read.condition
    if edited and edited["layers"] and drawable(condition):
        condition = condition.edited(flat(edited["layers"]))
    net = task.translator(read.name, matcher)
    result = net(photo, exemplar, condition, progress=lambda stage, fraction: progress(fraction, desc=stage))
    return results.filled(result, net)


def check(read: Read | None, photo: str | None, model: str) -> None:
    """Raises gr.Error unless what was read is what is on screen."""
    if photo is None or read is None:
        raise gr.Error("Choose a photo first.", print_exception=False)
    if (photo, model) != (read.photo, read.model):
        raise gr.Error("This photo has not been read yet: translate when its lines are there.", print_exception=False)


# Pieces


def drawable(condition: Condition) -> bool:
    """Whether the canvas can be drawn on: what a grey photo shows is its own, and stays."""
    return condition.kind.name != task.GREY


def canvas(condition: Condition) -> gr.ImageEditor:
    """The condition as a layer over black, so that the eraser uncovers black; brushes in the kind's own colours."""
    picture = enlarge(condition.image, results.CANVAS)
    # With a composite given, the browser would lay that below the layer, and the eraser would uncover the same again.
    value = {"background": Image.new("RGB", picture.size), "layers": [picture.convert("RGBA")], "composite": None}
    if not drawable(condition):
        return gr.ImageEditor(value, brush=False, eraser=False)
    colours = [hexadecimal(c) for c in condition.kind.palette]
    if isinstance(condition.kind, LabelKind):  # background last: a brush should be seen
        colours = [*colours[1:], colours[0]]
    brush = gr.Brush(colors=colours, color_mode="fixed", default_size=6)
    return gr.ImageEditor(value, brush=brush, eraser=gr.Eraser())


def flat(layers: list[Image.Image]) -> Image.Image:
    """What is seen of the layers over black; the background is left out, since a cleared canvas has a white one."""
    picture = Image.new("RGBA", layers[0].size, "black")
    for layer in layers:
        picture = Image.alpha_composite(picture, layer)
    return picture


def words_about(condition: Condition, more: tuple[str, ...] = ()) -> str:
    """What was found, `more` notes, and what each colour of the canvas means."""
    kind = condition.kind
    notes = in_boxes(f"{note[:1].upper()}{note[1:]}." for note in (*condition.found.notes, *more))
    if not drawable(condition):
        return f"{notes}{in_facts(LIGHTNESS.format(condition.photo.width))}"
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
