"""The Makeup tab: draw on one portrait, or take ready makeup; it is carried to other portraits by their correspondence."""

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from cocos_demo import again_applied, checkpoints, settings
from cocos_demo.applications import batch, blending, makeup, ready
from cocos_demo.photo import open_photo
from cocos_demo.translator import enlarge
from cocos_demo.ui import models, runs_applied, runs_compare, visits
from cocos_demo.ui.common import (
    HEAVY,
    as_served,
    caption,
    chosen,
    compared,
    friendly,
    in_boxes,
    in_facts,
    samples,
    served,
    shown,
    step,
    thumbnails,
    upload,
)
from cocos_demo.ui.runs import SAVE, path

ROOM = "makeup"  # this tab among the others
MODEL = "portrait_mcl"
READY = {"Lips": "lips", "Eye shadow": "shadow", "Eyeliner": "liner", "Blush": "blush", "Freckles": "freckles", "Star": "star",
         "Stripes": "stripes"}  # fmt: skip
FIRST = ["Lips", "Eye shadow", "Eyeliner", "Blush"]
COLOURS = ["#b3123a", "#5b3fa0", "#141018", "#e0526a", "#8a4b2a", "#1c5fd6", "#f2c230", "#1f9d55", "#ffffff"]
SIDE = 512  # pixels of the canvas, the portrait's longer side
MOST = 200  # pictures at once
CANVAS = "Draw with the brush, on a layer of its own. What lies far from the face is not carried."
SCROLL = """(...given) => { setTimeout(() => document.querySelector("#makeup-picture")
    ?.scrollIntoView({behavior: "smooth", block: "nearest"}), 300); return given; }"""


class Worn(NamedTuple):
    """What the portrait wears, and how it was chosen."""

    given: tuple  # portrait, names, own colour or None, mode, opacity, model
    size: tuple[int, int]  # of the canvas


def tab(room: gr.Tab) -> None:
    """Lay out the tab inside a gr.Tab and connect it."""
    portraits, photos = made_up_first(), samples("portraits")
    state = gr.State(None)  # a Worn
    with gr.Row():
        with gr.Column(min_width=300):
            gr.HTML(step(1, "A portrait to draw on"))
            portrait = upload(portraits[0], "Portrait", 240, elem_id="makeup-portrait")
            gallery = thumbnails(portraits)
            names = gr.CheckboxGroup(list(READY), value=FIRST, label="Ready makeup", elem_id="makeup-ready")
            with gr.Row(elem_classes="tight"):
                one = gr.Checkbox(False, label="All in one colour", min_width=120)
                colour = gr.ColorPicker("#b3123a", label="Colour", min_width=80)
        with gr.Column(min_width=300):
            gr.HTML(step(2, "Draw on it, or leave it as it is"))
            editor = gr.ImageEditor(
                canvas_size=(SIDE, SIDE), fixed_canvas=True, height=430, elem_id="makeup-canvas", sources=[], transforms=[],
                layers=False, buttons=[], show_label=False, format="png", image_mode="RGBA", type="pil",
                brush=gr.Brush(colors=COLOURS, default_size=6, color_mode="defaults"), eraser=gr.Eraser(default_size=12),
            )  # fmt: skip
            told = gr.HTML(in_facts(CANVAS), padding=False, elem_id="makeup-told")
            with gr.Row(elem_classes="tight"):
                mode = gr.Dropdown(list(blending.MODES), value="normal", label="Blend mode", min_width=120)
                opacity = gr.Slider(0, 1, 0.9, step=0.05, label="Opacity", min_width=120)
            model = gr.Dropdown(matchers(), value=MODEL, label="Model", show_label=False, container=False, elem_id="makeup-model")
        with gr.Column(min_width=300):
            gr.HTML(step(3, "Who shall wear it"))
            target = upload(photos[-1], "Target", 240, elem_id="makeup-target")
            target_gallery = thumbnails(photos)
            confine = gr.Checkbox(True, label="Keep lips, teeth and eyes apart, by the face’s landmarks")
            button = gr.Button("Make up", variant="primary", size="lg", elem_id="makeup-button")
            with gr.Accordion("Many portraits at once", open=False, elem_id="makeup-many"):
                files = gr.File(file_count="multiple", label="Portraits", height=120, elem_id="makeup-files")
                with gr.Row(elem_classes="tight"):
                    go = gr.Button("Make them all up", size="sm", elem_id="makeup-go")
                    stop = gr.Button("Stop", size="sm", elem_id="makeup-stop")
    with gr.Row(visible=False) as row:
        with gr.Column(min_width=260):
            gr.HTML(caption("Made up"), padding=False)
            result = as_served(shown("Made up", elem_id="makeup-picture", show_label=False))
        with gr.Column(min_width=260):
            gr.HTML(caption("Before | after"), padding=False)
            slider = compared("Before | after", "makeup-slider")
        with gr.Column(min_width=260):
            gr.HTML(caption("The strokes, transparent, to keep"), padding=False)
            layer = as_served(shown("The strokes as they arrived", elem_id="makeup-layer", show_label=False))
    facts = gr.HTML(padding=False, elem_id="makeup-facts")
    kept, last = runs_compare.lay_out("makeup"), gr.State(None, time_to_live=visits.AGE)
    with gr.Row(visible=False) as second:
        with gr.Column(scale=3, min_width=300):
            look = {"columns": 5, "height": 320, "object_fit": "contain", "format": "png"}
            made = gr.Gallery(label="All made up", elem_id="makeup-made", **look)
        with gr.Column(scale=1, min_width=220):
            packed = gr.File(label="All of them, as PNG", elem_id="makeup-zip", interactive=False)
            progress = gr.HTML(padding=False, elem_id="makeup-progress")

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    given = [portrait, names, one, colour, mode, opacity, model]
    settled = {"trigger_mode": "always_last", "show_progress": "hidden", **private, **HEAVY}
    room.select(lambda: gr.Dropdown(matchers()), None, model, **quick)  # what was imported since the start
    room.select(begin, [*given, editor, state], [state, editor, told], **settled)
    chosen_again = [kept.back, kept.said, *given, confine, target]
    for begun in (
        gr.on([portrait.change], fresh, given, [state, editor, told], show_progress_on=editor, **private, **HEAVY),
        kept.upload.upload(put, kept.upload, chosen_again, show_progress_on=kept.said, **private, **HEAVY)
        .success(fresh, given, [state, editor, told], **private, **HEAVY),
        colour.change(worn, [*given, editor, state], [state, editor, told], **settled),
    ):
        begun.then(put_back, [kept.back, *given, editor, state], [state, editor, told], **private, **HEAVY)
    gr.on([names.input, one.input, mode.input, opacity.release, model.input], worn, [*given, editor, state],
          [state, editor, told], **settled)  # fmt: skip
    gallery.select(chosen, None, portrait, **quick)
    target_gallery.select(chosen, None, target, **quick)
    inputs = [*given, editor, state, confine]
    slow = {**private, **HEAVY}
    button.click(make_and_keep, [*inputs, target, kept.back],
                 [result, slider, layer, facts, row, last, kept.save, kept.link, kept.said], js=SCROLL, show_progress_on=result,
                 **slow)  # fmt: skip
    kept.save.click(runs_applied.zipped, last, kept.link, **quick).success(None, None, None, js=SAVE, **private)
    job = go.click(make_all, [*inputs, files], [made, packed, progress, second], show_progress_on=progress, **slow)
    stop.click(stopped, progress, progress, cancels=[job], **quick)


# Handlers


def begin(portrait, names, one, colour, mode, opacity, model, edited, before: Worn | None):
    """When the tab is first seen."""
    return [gr.skip()] * 3 if before is not None else fresh(portrait, names, one, colour, mode, opacity, model)


def fresh(portrait, names, one, colour, mode, opacity, model):
    """Another portrait -> as `dressed`, nothing drawn on it yet."""
    return worn(portrait, names, one, colour, mode, opacity, model, None, None)


def worn(portrait, names, one, colour, mode, opacity, model, edited, before: Worn | None):
    """-> as `dressed`; where that cannot be, the reason, and of another portrait an empty canvas."""
    try:
        return dressed(portrait, names, one, colour, mode, opacity, model, edited, before)
    except gr.Error as error:
        gr.Warning(error.message, duration=12)
        return None, None if before is None else gr.skip(), in_boxes([error.message])


@friendly
def dressed(portrait, names, one, colour, mode, opacity, model, edited: dict | None, before: Worn | None):
    """-> Worn, the canvas with the portrait in its ready makeup under what was drawn, and words."""
    if portrait is None:
        return None, None, in_facts("Choose a portrait.")
    picture = open_photo(portrait)
    notes = ()
    if names:
        made_up = makeup.portrait(models.translator(model), picture, makeup=by_name(names), colour=rgb(colour) if one else None)
        notes, picture = made_up.example.notes, made_up.made_up(mode, opacity)
    size = fitted(picture.size)
    now = Worn((portrait, model), size)
    return now, on(picture.resize(size, Image.Resampling.LANCZOS), edited if before else None), in_boxes(notes) + in_facts(CANVAS)


@friendly
def make(portrait, names, one, colour, mode, opacity, model, edited, now: Worn | None, confine, target,
         progress=gr.Progress()):  # fmt: skip  # noqa: B008
    """-> the target made up, before and after, the layer, facts."""
    made = carried(portrait, names, one, colour, mode, opacity, model, edited, now, confine, target, progress)
    return filled(made, model, target)


@friendly
def make_and_keep(portrait, names, one, colour, mode, opacity, model, edited, now: Worn | None, confine, target, back,
                  progress=gr.Progress()):  # fmt: skip  # noqa: B008
    """As `make`, and then as `runs_applied.after`. `back`: the run that was put back, or None."""
    made = carried(portrait, names, one, colour, mode, opacity, model, edited, now, confine, target, progress)
    options = settings.Makeup(by_name(names), rgb(colour) if one else None, mode, float(opacity), bool(confine))
    strokes = drawn(edited, open_photo(portrait).size)
    run = again_applied.made_up(model, models.translator(model), options, strokes, made, portrait, target)
    return *filled(made, model, target), *runs_applied.after(run, back)


def carried(portrait, names, one, colour, mode, opacity, model, edited, now, confine, target, progress) -> makeup.Makeover:
    """The strokes as they arrive at the target."""
    if target is None:
        raise gr.Error("Choose who shall wear it: click a portrait, or upload one.", print_exception=False)
    progress(0.1, desc="looking at the portrait")
    net, made_up = models.translator(model), prepared(portrait, names, one, colour, model, edited, now)
    progress(0.4, desc="matching")
    return makeup.transfer(net, made_up, target, mode, opacity, confine)


def filled(made: makeup.Makeover, model: str, target: str) -> tuple:
    """-> as `make`."""
    both = tuple(enlarge(p) if p.width < SIDE else p for p in (open_photo(target), made.image))
    words = (f"Matched by {models.titled(model)} with a mean cosine of {made.agreement:.2f} where strokes lie; "
             f"{made.seconds:.2f} s, at the photo’s own {made.image.width} × {made.image.height} pixels. Pixels without strokes "
             "are the photo’s own.")
    return made.image, both, made.layer, in_boxes(made.notes) + in_facts(words), gr.Row(visible=True)


@friendly
def make_all(portrait, names, one, colour, mode, opacity, model, edited, now: Worn | None, confine, files):
    """One after the other -> pictures so far, all of them in one file at the end, and how far it is; a generator."""
    sources = [Path(file) for file in files or []]
    if not sources:
        raise gr.Error("Choose the portraits first.", print_exception=False)
    if len(sources) > MOST:
        raise gr.Error(f"{MOST} portraits at once are the most; the command line takes any number.", print_exception=False)
    net, made_up = models.translator(model), prepared(portrait, names, one, colour, model, edited, now)
    places, pictures, left_out, file = batch.places_in(Path("made_up"), sources), [], [], io.BytesIO()
    yield [], None, in_facts(f"0 of {len(sources)} …"), gr.Row(visible=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for n, done in enumerate(batch.each(net, made_up, sources, mode=mode, opacity=opacity, confine=confine), 1):
            if done.makeover is None:
                left_out.append(f"{done.source.name}: {done.why}")
            else:
                data = io.BytesIO()
                done.makeover.image.save(data, "png", compress_level=1)
                archive.writestr(places[done.source].name, data.getvalue())
                path = served(data.getvalue(), places[done.source].name)
                pictures.append((path, done.source.name))
            yield pictures, None, in_facts(f"{n} of {len(sources)} …") + left_out_in_words(left_out), gr.skip()
    packed = served(file.getvalue(), "made_up.zip") if pictures else None
    said = in_facts(f"{len(pictures)} of {len(sources)} made up.")
    yield pictures, packed, said + left_out_in_words(left_out), gr.skip()


def stopped(said: str | None):
    """What is said when it was stopped: pictures that are done stay."""
    return (said or "").replace("…", "– stopped; what is done can be taken from the pictures one by one.")


@friendly
def put(file: str):
    """A saved run -> it, what is said of it, portrait, ready makeup, whether in one colour, which, mode, opacity, model, confine,
    target."""
    run, said = runs_applied.taken_up(file, "makeup", "Make up")
    chosen = run.settings.options
    words = [word for word, name in READY.items() if name in chosen.ready]
    colour = gr.skip() if chosen.colour is None else chosen.colour
    return (run, said, path(run, "exemplar"), words, chosen.colour is not None, colour, chosen.mode, chosen.opacity,
            run.settings.model.name, chosen.confine, path(run, "photo"))  # fmt: skip


def put_back(back, portrait, names, one, colour, mode, opacity, model, edited, now: Worn | None):
    """Once the portrait of a run that is put back is on an empty canvas -> as `dressed`, with what was drawn by hand."""
    strokes = None if now is None or drawn(edited, now.size) else again_applied.strokes(back) if back else None
    if strokes is None or not runs_applied.is_of(back, "exemplar", portrait, model) or strokes.size != now.size:
        return [gr.skip()] * 3
    return worn(portrait, names, one, colour, mode, opacity, model, {"layers": [strokes]}, now)


# Pieces


def prepared(portrait, names, one, colour, model, edited: dict | None, now: Worn | None) -> makeup.Portrait:
    """The portrait with its ready makeup and what was drawn on it. Raises gr.Error before it was read."""
    if portrait is None:
        raise gr.Error("Choose a portrait first.", print_exception=False)
    if now is None or now.given != (portrait, model):
        raise gr.Error("This portrait has not been read yet: make up when it is on the canvas.", print_exception=False)
    picture = open_photo(portrait)
    strokes = drawn(edited, picture.size)
    return makeup.portrait(models.translator(model), picture, strokes, by_name(names), None, rgb(colour) if one else None)


def drawn(edited: dict | None, size: tuple[int, int]) -> Image.Image | None:
    """What was drawn on the canvas, RGBA of the portrait's size; None for nothing."""
    layers = [blending.premultiplied(layer) for layer in (edited or {}).get("layers") or []]
    layers = [layer for layer in layers if layer[..., 3].any()]
    if not layers:
        return None
    layer = blending.over(*layers)
    small = fitted(size)
    return blending.as_picture(layer[: small[1], : small[0]])


def on(picture: Image.Image, edited: dict | None) -> dict:
    """The canvas with a picture under what was drawn."""
    layers = [layer for layer in (edited or {}).get("layers") or []
              if layer.size == picture.size and np.asarray(layer)[..., 3].any()]
    # Without a layer the browser makes one of its own.
    return {"background": picture, "layers": layers or [Image.new("RGBA", picture.size)], "composite": None}


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """A portrait's size on the canvas."""
    scale = SIDE / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def by_name(words: list[str]) -> tuple[str, ...]:
    """Ready makeup as it is called on screen -> its names, in the order in which it lies."""
    return tuple(name for shown, name in READY.items() if shown in (words or []))


def rgb(colour: str) -> str:
    """A picker's colour, "#rrggbb" or "rgba(1, 2, 3, 1)" -> "#rrggbb". Raises MakeupError."""
    if colour.startswith("rgba"):
        parts = colour[5:-1].split(",")[:3]
        return "#" + "".join(f"{round(float(part)):02x}" for part in parts)
    ready.rgb(colour)
    return colour


def matchers() -> list[tuple[str, str]]:
    """(words, name) of the checkpoints that match portraits, without those that were trained for paintings."""
    offered = []
    for name, file in checkpoints.catalogue().items():
        if models.system_of(file) not in (None, models.PAINTS):
            card = checkpoints.read_card(file)
            if card["condition"] in makeup.KINDS and not checkpoints.paints(card):
                offered.append((models.titled(name, file), name))
    return offered


def made_up_first() -> list[str]:
    """The portraits to draw on: looking straight ahead, then all others."""
    first = [path for path in samples("photos") if "portrait" in Path(path).stem]
    return first + samples("portraits")


def left_out_in_words(left_out: list[str]) -> str:
    return in_boxes(f"Left out: {words}" for words in left_out)
