"""The Translate tab: a photo, its condition (open to change), an exemplar, and the picture they make."""

import html
from typing import NamedTuple

import gradio as gr
from PIL import Image

from cocos_demo import conditions
from cocos_demo.translator import Condition, Result, Translator, enlarge
from cocos_demo.ui.common import HEAVY, as_uploaded, friendly, samples, translator

KINDS = [("Kind: automatic", "auto"), ("Kind: portrait", "portrait"), ("Kind: figure", "figure")]
EXEMPLARS = {"portrait": "portraits", "figure": "figures"}  # kind -> folder of samples
START = "P009_studio_portrait"  # the photo that is there at the start
CANVAS, HEIGHT = 512, 340
# The pictures may lie below the window's edge: bring them in, once their place is there.
SCROLL = """() => { setTimeout(() => document.querySelector("#picture")
    ?.scrollIntoView({behavior: "smooth", block: "nearest"}), 300); return []; }"""


class Read(NamedTuple):
    """What was read of which photo: another may have been chosen since."""

    photo: str
    kind: str  # as chosen, "auto" too
    condition: Condition  # as extracted


def tab(demo: gr.Blocks) -> None:
    """Lay out the tab inside a gr.Blocks and connect it."""
    photos, portraits = samples("photos"), samples("portraits")
    state = gr.State(None)  # the last Read
    with gr.Row():
        with gr.Column(min_width=300):
            gr.HTML(step(1, "A photo"))
            photo = upload(next((path for path in photos if START in path), photos[0]), "Photo")
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
            with gr.Row():
                kind = gr.Dropdown(KINDS, value="auto", show_label=False, container=False, scale=3, min_width=190)
                reset = gr.Button("Undo all changes", size="sm", interactive=False, scale=2, min_width=120)
        with gr.Column(min_width=300):
            gr.HTML(step(3, "An exemplar: the look to take"))
            exemplar = upload(portraits[0], "Exemplar")
            exemplar_gallery = thumbnails(portraits)
    button = gr.Button("Translate", variant="primary", size="lg", interactive=False, elem_id="translate")
    with gr.Row(visible=False) as results:
        picture = shown("Picture", elem_id="picture")
        slider = gr.ImageSlider(label="Photo | picture", format="png", interactive=False, buttons=["fullscreen"])
        warped = shown("Exemplar, warped to fit")
    facts = gr.HTML(padding=False)

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    # Each is read, one after the other: "once" would drop what is chosen meanwhile, "always_last" after a failure.
    every = {"trigger_mode": "multiple"}
    gr.on([demo.load, photo.change, kind.change], lock, None, [button, reset], **every, **quick).then(
        read_photo,
        [photo, kind, state],
        [state, editor, about, exemplar_gallery, exemplar, button, reset],
        show_progress_on=editor,
        **every,
        **private,
        **HEAVY,
    ).failure(clear, None, [editor, about], **every, **quick)
    photo_gallery.select(chosen, None, photo, **quick)
    exemplar_gallery.select(chosen, None, exemplar, **quick)
    reset.click(lambda read: canvas(read.condition), state, editor, **quick)
    button.click(lambda: gr.Row(visible=True), None, results, js=SCROLL, **quick).then(
        paint,
        [state, photo, kind, editor, exemplar],
        [picture, slider, warped, facts],
        show_progress_on=[picture],
        **private,
        **HEAVY,
    )
    endpoint()


def endpoint() -> None:
    """/translate(photo, exemplar, model="auto") -> picture, warped exemplar, condition, facts; pictures are files."""
    with gr.Group(visible=False):
        inputs = [
            as_uploaded(gr.Image(label="photo")),
            as_uploaded(gr.Image(label="exemplar")),
            gr.Dropdown([value for _, value in KINDS], value="auto", label="model"),
        ]
        outputs = [gr.Image(format="png", label=name) for name in ("picture", "warped", "condition")]
        outputs.append(gr.JSON(label="facts"))
        gr.Button().click(translate, inputs, outputs, api_name="translate", **HEAVY)


# Handlers


@friendly
def translate(photo: str, exemplar: str, model: str = "auto"):
    """Translate a photo into the look of an exemplar; model: "portrait", "figure" or "auto" (what the photo shows)."""
    result = translator_for(photo, model)(photo, exemplar)
    facts = {"seconds": round(result.seconds, 3), "device": result.device, "notes": list(result.notes)}
    return result.image, result.warped, result.condition, facts


def lock():
    """While a photo is looked at, nothing of the one before may be painted."""
    return gr.Button(interactive=False), gr.Button(interactive=False)


def clear():
    """Nothing was found: an empty canvas, and no words about what was on it."""
    return None, ""


@friendly
def read_photo(photo: str | None, kind: str, before: Read | None):
    """Photo -> its Condition (in a Read), a canvas with it, words about it, and exemplars of its kind."""
    if photo is None:
        return gr.skip(), *clear(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
    condition = translator_for(photo, kind).condition_of(photo)
    if before is not None and before.condition.kind.name == condition.kind.name:
        gallery, exemplar = gr.skip(), gr.skip()
    else:
        gallery = samples(EXEMPLARS[condition.kind.name])
        exemplar = gallery[0]
    ready = gr.Button(interactive=True)
    read = Read(photo, kind, condition)
    return read, canvas(condition), words_about(condition), gallery, exemplar, ready, ready


@friendly
def paint(
    read: Read | None,
    photo: str | None,
    kind: str,
    edited: dict | None,
    exemplar: str | None,
    progress=gr.Progress(),  # noqa: B008
):
    """The (perhaps edited) condition and an exemplar -> picture, slider, warped exemplar, facts."""
    if photo is None or read is None:
        raise gr.Error("Choose a photo first.", print_exception=False)
    if (photo, kind) != (read.photo, read.kind):
        raise gr.Error("This photo has not been read yet: translate when its lines are there.", print_exception=False)
    if exemplar is None:
        raise gr.Error("Choose an exemplar first: click one, or upload your own.", print_exception=False)
    condition = read.condition
    if edited and edited["layers"]:
        condition = condition.edited(flat(edited["layers"]))
    net = translator(condition.kind.name)
    result = net(None, exemplar, condition, progress=lambda stage, fraction: progress(fraction, desc=stage))
    before, after = enlarge(result.photo, CANVAS), enlarge(result.image, CANVAS)
    return after, (before, after), result.warped and enlarge(result.warped, CANVAS), in_words(result, net)


def translator_for(photo: str, kind: str) -> Translator:
    """The translator of this kind, or of the kind found in the photo."""
    return translator(conditions.detect(photo) if kind == "auto" else kind)


def chosen(event: gr.SelectData) -> str:
    """The sample that was clicked in a gallery."""
    return event.value["image"]["path"]


# Pieces


def canvas(condition: Condition) -> gr.ImageEditor:
    """The condition as a layer over black, so that the eraser uncovers black; brushes in the kind's own colours."""
    picture = enlarge(condition.image, CANVAS)
    # With a composite given, the browser would lay that below the layer, and the eraser would uncover the same again.
    value = {"background": Image.new("RGB", picture.size), "layers": [picture.convert("RGBA")], "composite": None}
    brush = gr.Brush(colors=[hexadecimal(c) for c in condition.kind.palette], color_mode="fixed", default_size=6)
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
    names = zip(kind.palette, kind.channels, strict=True)
    chips = "".join(f'<span><i style="background:{hexadecimal(c)}"></i>{html.escape(name)}</span>' for c, name in names)
    legend = f'<div class="legend">{chips}</div>'
    if len(kind.channels) > 12:
        legend = f"<details><summary>What the colours mean</summary>{legend}</details>"
    return f'{notes}<p class="facts">Draw or erase lines, then translate again.</p>{legend}'


def in_words(result: Result, net: Translator) -> str:
    """What is said under the pictures; of the notes, the exemplar's: the photo's were told when it was read."""
    words = f"Painted at {net.size} × {net.size} pixels in {result.seconds:.2f} s on {result.device}, shown enlarged."
    return in_boxes(note for note in result.notes if note.startswith("Exemplar")) + f'<p class="facts">{words}</p>'


def in_boxes(notes) -> str:
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def hexadecimal(colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def step(number: int, words: str) -> str:
    return f'<p class="step"><b>{number}</b>{words}</p>'


def upload(path: str, label: str) -> gr.Image:
    return as_uploaded(gr.Image(path, label=label, show_label=False, height=HEIGHT, buttons=["fullscreen"]))


def thumbnails(paths: list[str]) -> gr.Gallery:
    look = {"show_label": False, "object_fit": "cover", "buttons": [], "elem_classes": "thumbs"}
    return gr.Gallery(paths, allow_preview=False, **look)


def shown(label: str, **options) -> gr.Image:
    return gr.Image(label=label, format="png", interactive=False, buttons=["download", "fullscreen"], **options)
