"""The Edit tab: a picture, its part map to be changed, and the picture painted anew where it was."""

from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np

from cocos_demo import again_applied, checkpoints
from cocos_demo.applications import editing, steps
from cocos_demo.translator import enlarge
from cocos_demo.ui import canvas, models, runs_applied, runs_compare, visits
from cocos_demo.ui.common import (
    HEAVY,
    SAMPLES,
    as_served,
    caption,
    chosen,
    compared,
    friendly,
    in_boxes,
    in_facts,
    samples,
    shown,
    step,
    thumbnails,
    upload,
)
from cocos_demo.ui.runs import SAVE, path

ROOM = "edit"  # this tab among the others
MODEL = "parts"
START = "rendered_149_1"  # the picture that is there at the start
FINISHES = {"With the picture’s own pixels": "pixels", "As the network paints": "painting"}
LARGEST = 40  # pixels of the map that a region grows or moves at once
WAYS = {"←": (-1, 0), "↑": (0, -1), "↓": (0, 1), "→": (1, 0)}
PAINT = "Paint with a part’s colour, erase to background, or change a whole part below."
WEAK = ("The model parts knows parts of the body, not clothes, from rendered figures of 128 pixels. What works: hair, a skirt’s "
        "or sleeve’s length, bare arms and legs, an arm or a foot taken away. Faces are too small for it.")
# The picture may lie below the window's edge: bring it in.
SCROLL = """(...given) => { setTimeout(() => document.querySelector("#edit-picture")
    ?.scrollIntoView({behavior: "smooth", block: "nearest"}), 300); return given; }"""


class Open(NamedTuple):
    """A picture that is being edited."""

    given: tuple[str | None, str | None, str]  # picture, its map, model, as they are on screen
    at: editing.Canvas
    labels: tuple[np.ndarray, ...]  # the maps that were put on the canvas, (R, R) each; the last lies there now

    def put(self, labels: np.ndarray) -> "Open":
        return self._replace(labels=(*self.labels, labels))


def tab(room: gr.Tab) -> None:
    """Lay out the tab inside a gr.Tab and connect it."""
    offered, start = pictures(), sample(START)
    state = gr.State(None)  # an Open
    with gr.Row():
        with gr.Column(min_width=300):
            gr.HTML(step(1, "A picture: it is its own exemplar"))
            picture = upload(start, "Picture", elem_id="edit-photo")
            gallery = thumbnails(offered)
            with gr.Accordion("Its part map, if you have one", open=False):
                map = upload(own_map(start), "Part map", 150, elem_id="edit-map")
                gr.HTML(in_facts("Without one, the map is guessed from the photo."))
            model = gr.Dropdown(readers(), value=MODEL, show_label=False, container=False, label="Model", elem_id="edit-model")
            gr.HTML(in_facts(WEAK), padding=False)
        with gr.Column(min_width=300):
            gr.HTML(step(2, "Its map: paint, grow, move, delete parts"))
            editor = canvas.editor("edit-canvas")
            about = canvas.about("edit-about", "edit-canvas")
            with gr.Row(elem_classes="tight"):
                part = gr.Dropdown([], label="Part", min_width=120, elem_id="edit-part")
                pixels = gr.Slider(1, LARGEST, 8, step=1, label="Pixels", min_width=120)
            with gr.Row(elem_classes="tight"):
                spare = gr.Checkbox(True, label="Grow over the background alone", min_width=200, elem_id="edit-spare")
            with gr.Row(elem_classes="tight"):
                grow, shrink = (gr.Button(words, size="sm", min_width=64) for words in ("Grow", "Shrink"))
                ways = [gr.Button(arrow, size="sm", min_width=34, elem_classes="arrow") for arrow in WAYS]
                delete = gr.Button("Delete", size="sm", min_width=64)
            with gr.Row(elem_classes="tight"):
                into = gr.Dropdown([], label="Turn the part into", min_width=150, elem_id="edit-into")
                turn = gr.Button("Turn", size="sm", min_width=64, elem_id="edit-turn")
            with gr.Row(elem_classes="tight"):
                undo, reset = (gr.Button(words, size="sm", min_width=100) for words in ("Undo", "Start over"))
        with gr.Column(min_width=300):
            gr.HTML(step(3, "Painted anew where the map changed"))
            result = as_served(shown("Edited picture", elem_id="edit-picture", show_label=False))
            finish = gr.Radio(list(FINISHES), value=next(iter(FINISHES)), show_label=False, container=False, label="Finish")
            button = gr.Button("Paint it anew", variant="primary", size="lg", elem_id="edit-button")
            facts = gr.HTML(padding=False, elem_id="edit-facts")
            kept, last = runs_compare.lay_out("edit"), gr.State(None, time_to_live=visits.AGE)
    with gr.Row(visible=False) as more:
        with gr.Column(min_width=260):
            gr.HTML(caption("Before | after"), padding=False)
            slider = compared("Before | after", "edit-slider")
        with gr.Column(min_width=260):
            gr.HTML(caption("White: painted anew"), padding=False)
            mask = shown("What may change", elem_id="edit-mask", show_label=False)
        with gr.Column(min_width=260):
            gr.HTML(caption("As the network painted it"), padding=False)
            painted = shown("As the network painted it", elem_id="edit-painted", show_label=False)

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    every = {"trigger_mode": "multiple", "show_progress_on": editor, **private, **HEAVY}
    given, opened = [picture, map, model], [state, editor, about, part, into, map]
    room.select(lambda: gr.Dropdown(readers()), None, model, **quick)  # what was imported since the start
    again = {"trigger_mode": "multiple", **quick}
    back, putting = [kept.back, state, picture, model], {"show_progress_on": kept.said, **private, **HEAVY}
    returned = kept.upload.upload(put, kept.upload, [kept.back, kept.said, *given, finish], **putting)
    for begun in (
        gr.on([picture.change, model.change, map.upload, map.clear], read, [*given, state], opened, **every),
        returned.success(read, [*given, state], opened, **every),
    ):
        begun.then(put_back, back, [state, editor], **again)
    room.select(begin, [*given, state], opened, **every)
    gallery.select(taken, None, [picture, map], **quick)
    about.select(None, None, editor, js=canvas.BRUSHED, **quick)
    drawn = [state, editor]
    grow.click(grown, [*drawn, part, pixels, spare], drawn, **quick)
    shrink.click(shrunk, [*drawn, part, pixels], drawn, **quick)
    delete.click(deleted, [*drawn, part], drawn, **quick)
    turn.click(turned, [*drawn, part, into], drawn, **quick)
    for arrow, way in zip(ways, WAYS.values(), strict=True):
        arrow.click(mover(*way), [*drawn, part, pixels], drawn, **quick)
    undo.click(undone, drawn, drawn, **quick)
    reset.click(restarted, state, drawn, **quick)
    outputs = [result, slider, mask, painted, facts, more, last, kept.save, kept.link, kept.said]
    inputs = [*drawn, *given, finish, kept.back]
    button.click(paint_and_keep, inputs, outputs, js=SCROLL, show_progress_on=result, **private, **HEAVY)
    kept.save.click(runs_applied.zipped, last, kept.link, **quick).success(None, None, None, js=SAVE, **private)


# Handlers


def begin(picture, map, model, before: Open | None):
    """When the tab is first seen, its picture is read."""
    return [gr.skip()] * 6 if before is not None else read(picture, map, model, None)


def read(picture: str | None, map: str | None, model: str, before: Open | None):
    """A picture -> as `seen`; where no map can be had, an empty canvas and the reason."""
    try:
        return seen(picture, map, model, before)
    except gr.Error as error:
        gr.Warning(error.message, duration=12)
        return None, None, in_boxes([error.message]), gr.skip(), gr.skip(), gr.skip()


@friendly
def seen(picture: str | None, map: str | None, model: str, before: Open | None):
    """-> Open, the canvas with its map, the palette, the parts that are there and that there can be, and its own map's place."""
    if picture is None:
        return None, None, "", gr.Dropdown([]), gr.Dropdown([]), gr.skip()
    given, map = map, belonging(picture, map, before)
    at = editing.canvas(models.translator(models.resolve(model, picture)), picture, map)
    now = Open((picture, map, model), at, (at.labels,))
    there = [at.kind.channels[c] for c in np.unique(at.labels) if c]
    first = "hair" if "hair" in there else next(iter(there), None)
    words = in_boxes(f"{note[:1].upper()}{note[1:]}." for note in at.found.notes) + in_facts(PAINT)
    parts = gr.Dropdown(there, value=first), gr.Dropdown(list(at.kind.channels), value=at.kind.channels[0])
    return now, on(now), words + canvas.palette(at.condition()), *parts, gr.skip() if map == given else gr.Image(map)


@friendly
def grown(now: Open | None, edited: dict | None, part: str | None, pixels: int, spare: bool = False):
    over = ["over", now.at.kind.channels[0].replace(" ", "-")] if spare and now else []
    return changed(now, edited, "grow", part, pixels, *over)


@friendly
def shrunk(now: Open | None, edited: dict | None, part: str | None, pixels: int):
    return changed(now, edited, "grow", part, -pixels)


@friendly
def deleted(now: Open | None, edited: dict | None, part: str | None):
    return changed(now, edited, "delete", part)


@friendly
def turned(now: Open | None, edited: dict | None, part: str | None, into: str | None):
    if part == into or into is None:
        raise gr.Error("Choose another part to turn it into.", print_exception=False)
    return changed(now, edited, "turn", part, into.replace(" ", "-"))


def mover(x: int, y: int):
    """What an arrow does."""

    @friendly
    def moved(now: Open | None, edited: dict | None, part: str | None, pixels: int):
        return changed(now, edited, "move", part, x * pixels, y * pixels)

    return moved


@friendly
def undone(now: Open | None, edited: dict | None):
    """Without what was painted last, or without the last change of a part."""
    check(now)
    if (labels_of(now, edited) == now.labels[-1]).all() and len(now.labels) > 1:
        now = now._replace(labels=now.labels[:-1])
    return now, on(now)


@friendly
def restarted(now: Open | None):
    check(now)
    now = now._replace(labels=now.labels[:1])
    return now, on(now)


@friendly
def paint(now: Open | None, edited: dict | None, picture: str | None, map: str | None, model: str, finish: str,
          progress=gr.Progress()):  # fmt: skip  # noqa: B008
    """-> the edited picture, before and after, mask, the network's painting, facts."""
    return filled(now, edited_anew(now, edited, picture, model, finish, progress)[1])


@friendly
def paint_and_keep(now: Open | None, edited: dict | None, picture: str | None, map: str | None, model: str, finish: str, back,
                   progress=gr.Progress()):  # fmt: skip  # noqa: B008
    """As `paint`, and then as `runs_applied.after`. `back`: the run that was put back, or None."""
    labels, edit = edited_anew(now, edited, picture, model, finish, progress)
    run = again_applied.edit(model, models.translator(model), now.at, labels, FINISHES.get(finish, finish), edit, picture,
                             now.given[1])  # fmt: skip
    return *filled(now, edit), *runs_applied.after(run, back)


def edited_anew(now, edited, picture, model, finish, progress) -> tuple[np.ndarray, editing.Edit]:
    """-> the labels as they are on the canvas, and what the network makes of them."""
    check(now)
    if (picture, model) != (now.given[0], now.given[2]):
        raise gr.Error("This picture has not been read yet: paint it anew when its map is there.", print_exception=False)
    labels = labels_of(now, edited)
    return labels, editing.edit(models.translator(model), now.at, labels, finish=FINISHES.get(finish, finish),
                                progress=lambda stage, fraction: progress(fraction, desc=stage))


def filled(now: Open, edit: editing.Edit) -> tuple:
    """-> as `paint`."""
    words = (f"{edit.changed:.1%} of the map changed, {edit.repainted:.1%} of the picture painted anew; the largest difference "
             f"elsewhere, measured: {edit.outside} of 255. {edit.seconds:.2f} s on {edit.device}, at the picture’s own "
             f"{edit.image.width} × {edit.image.height} pixels.")
    both = tuple(enlarge(p) if p.width < canvas.SIDE else p for p in (now.at.picture, edit.image))
    notes = in_boxes(f"{note[:1].upper()}{note[1:]}." for note in edit.notes if not note.startswith("Picture"))
    return edit.image, both, edit.mask, enlarge(edit.painted), notes + in_facts(words), gr.Row(visible=True)


@friendly
def put(file: str):
    """A saved run -> it, what is said of it, picture, map, model, finish."""
    run, said = runs_applied.taken_up(file, "edit", "Paint it anew")
    finish = next(words for words, name in FINISHES.items() if name == run.settings.options.finish)
    return run, said, path(run, "photo"), path(run, "exemplar_map"), run.settings.model.name, finish


@friendly
def put_back(back, now: Open | None, picture: str | None, model: str):
    """Once the picture of a run that is put back has been read -> Open and the canvas with its edited map."""
    if now is None or not runs_applied.is_of(back, "photo", picture, model):
        return gr.skip(), gr.skip()
    now = now.put(now.at.read(back.inputs["drawing"]))
    return now, on(now)


# Pieces


def changed(now: Open | None, edited: dict | None, verb: str, part: str | None, *more):
    """What is on the canvas, one part of it changed -> Open, canvas."""
    check(now)
    if part is None:
        raise gr.Error("Choose a part first.", print_exception=False)
    labels = labels_of(now, edited)
    words = " ".join(str(word) for word in (verb, part.replace(" ", "-"), *more))
    painted = now if (labels == now.labels[-1]).all() else now.put(labels)
    now = painted.put(steps.carried_out(now.at, [words], labels))
    return now, on(now)


def check(now: Open | None) -> None:
    if now is None:
        raise gr.Error("Choose a picture first.", print_exception=False)


def labels_of(now: Open, edited: dict | None) -> np.ndarray:
    """The labels (R, R) as they are on the canvas, with what was painted there."""
    if not edited or not edited["layers"]:
        return now.labels[-1]
    return now.at.drawn(canvas.flat(edited["layers"]), now.labels[-1])


def on(now: Open) -> gr.ImageEditor:
    """The canvas with its last map."""
    return canvas.canvas(now.at.condition(now.labels[-1]))


def readers() -> list[tuple[str, str]]:
    """(words, name) of the checkpoints that read label maps and match."""
    return [(models.titled(name, path), name) for name, path in checkpoints.catalogue().items()
            if models.takes_maps(name) and models.system_of(path) not in (None, models.PAINTS)]


def pictures() -> list[str]:
    """The samples to start from: those whose map is known, then photos."""
    known = [path for path in samples("figures") if own_map(path)]
    return known + [path for path in samples("photos") if not models.rendered(path)]


def sample(stem: str) -> str:
    return next(path for path in samples("figures") if Path(path).stem == stem)


def own_map(picture: str) -> str | None:
    """The part map of a sample, where it is known."""
    map = SAMPLES / "parts" / f"{Path(picture).stem}.png"
    return str(map) if map.is_file() else None


def belonging(picture: str, map: str | None, before: Open | None) -> str | None:
    """The map that goes with a picture: as given, but for one that was there for the picture before."""
    same = before is not None and picture == before.given[0]
    if map is None:
        return None if same else own_map(picture)
    of_before = before is not None and before.given[1] is not None and Path(map).name == Path(before.given[1]).name
    of_sample = (SAMPLES / "parts" / Path(map).name).is_file() and Path(map).stem != Path(picture).stem
    return own_map(picture) if not same and of_before or of_sample else map


def taken(event: gr.SelectData):
    """A sample that was clicked -> it, and its map."""
    path = chosen(event)
    return path, own_map(path)
