"""The Correspond tab: click a point of the photo and see where it is in the exemplar, why, and whether it finds its way back."""

import html
from dataclasses import replace
from typing import NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from cocos_demo.pair import Pair, Query, View
from cocos_demo.photo import Frame
from cocos_demo.ui import models
from cocos_demo.ui.api import ALPHA
from cocos_demo.ui.common import (
    HEAVY,
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
from cocos_demo.viz import error_over, heat_over, marks

SIDE = 512  # pixels of the two pictures, whatever the network's own size: a click and an answer are counted in these
PHOTO, CONDITION, ERROR = "Photo", "What the network sees", "Round trips"
COSINES, WEIGHTS = "Cosines", "Softmax weights"
NONE = None, None, "", ""  # two pictures, the points, the numbers: where there is nothing to show


class Matched(NamedTuple):
    """Two pictures that were matched, and the points that were clicked since. Places are pixels of the pictures shown."""

    given: tuple[str | None, str | None, str]  # photo, exemplar, model as chosen
    looks: tuple[str, ...]  # the exemplars on offer for this kind of condition
    pair: Pair | None = None  # None: there is no exemplar yet
    condition: Image.Image | None = None
    notes: tuple[str, ...] = ()
    points: tuple[tuple[int, int], ...] = ()  # columns and rows


def tab(room: gr.Tab) -> None:
    """Lay out the tab inside a gr.Tab and connect it."""
    photos, portraits = models.photos_for(models.AUTO), samples("portraits")
    state = gr.State(None)  # the present Matched
    with gr.Row():
        with gr.Column(min_width=250, scale=4, elem_id="choose"):
            gr.HTML(step(1, "A photo, and an exemplar"))
            photo = upload(models.start(photos), "Photo", 150, elem_id="match-photo")
            photo_gallery = thumbnails(photos)
            exemplar = upload(portraits[0], "Exemplar", 150, elem_id="match-exemplar")
            exemplar_gallery = thumbnails(portraits)
            model = models.dropdown(show_label=False, container=False)
        with gr.Column(min_width=320, scale=7):
            gr.HTML(step(2, "Click a point of the photo"))
            # Without buttons: they would lie over pixels to be clicked.
            left = shown("Photo", (), elem_id="left", elem_classes="pointed", show_label=False)
            base = gr.Radio([PHOTO, CONDITION, ERROR], value=PHOTO, show_label=False, container=False)
            with gr.Row():
                undo = gr.Button("Undo", size="sm", min_width=80)
                clear = gr.Button("Clear", size="sm", min_width=80)
            points = gr.HTML(padding=False, elem_id="points")
        with gr.Column(min_width=320, scale=7):
            gr.HTML(step(3, "Its match in the exemplar"))
            right = shown("Exemplar", elem_id="right", show_label=False)
            heat = gr.Radio([COSINES, WEIGHTS], value=COSINES, show_label=False, container=False)
            alpha = gr.Slider(1, 200, ALPHA, step=1, label="alpha, the softmax’s sharpness", elem_id="alpha")
            numbers = gr.HTML(padding=False, elem_id="numbers")

    private = {"api_visibility": "private"}
    hidden = {"show_progress": "hidden", **private}
    view, outputs = [base, heat, alpha], [left, right, points, numbers]
    # Clicks wait for each other, since each adds to the points that the one before left.
    clicks = {"trigger_mode": "multiple", "concurrency_id": "clicks", "concurrency_limit": 1, **hidden}
    gr.on(
        [room.select, photo.change, exemplar.change, model.change],
        pair_up,
        [photo, exemplar, model, state, *view],
        [state, exemplar_gallery, exemplar, *outputs],
        trigger_mode="multiple",
        show_progress_on=[left, right],
        **private,
        **HEAVY,
    ).failure(lambda: (None, *NONE), None, [state, *outputs], **clicks)
    room.select(lambda: gr.Dropdown(models.choices()), None, model, queue=False, **hidden)
    model.change(lambda model: gr.Gallery(models.photos_for(model)), model, photo_gallery, queue=False, **hidden)
    photo_gallery.select(chosen, None, photo, queue=False, **hidden)
    exemplar_gallery.select(chosen, None, exemplar, queue=False, **hidden)
    left.select(clicked, [state, *view], [state, *outputs], **clicks)
    undo.click(undone, [state, *view], [state, *outputs], **clicks)
    clear.click(cleared, [state, *view], [state, *outputs], **clicks)
    gr.on([part.change for part in view], draw, [state, *view], outputs, trigger_mode="always_last", queue=False, **hidden)


# Handlers


@friendly
def pair_up(photo: str | None, exemplar: str | None, model: str, before: Matched | None, base: str, heat: str, alpha: float):
    """Two pictures -> Matched, exemplars of the photo's kind, the first of them where the kind is another, and what is shown."""
    given = photo, exemplar, model
    if before is not None and before.given == given and before.pair is not None:
        return gr.skip()
    if photo is None:
        return None, gr.skip(), gr.skip(), *NONE
    name = models.resolve(model, photo)
    looks = tuple(models.looks(models.translator(name).kind.name))
    other = looks != (before.looks if before else tuple(samples("portraits")))
    offered = list(looks) if other else gr.skip()
    if exemplar is None or other and looks:  # a figure's look cannot be taken from a portrait: its arrival calls this again
        now = Matched((photo, None, model), looks)
        return now, offered, looks[0] if other and looks else gr.skip(), None, None, in_facts("Choose an exemplar."), ""
    matcher = models.matcher(name, photo, exemplar)
    pair = replace(matcher.pair, photo=square(matcher.photo), exemplar=square(matcher.exemplar))
    condition = matcher.condition.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    now = Matched(given, looks, pair, condition, matcher.notes)
    return now, offered, gr.skip(), *draw(now, base, heat, alpha)


def clicked(matched: Matched | None, base: str, heat: str, alpha: float, event: gr.SelectData):
    """A click on the photo."""
    return add(matched, event.index, base, heat, alpha)


@friendly
def add(matched: Matched | None, pixel: tuple[int, int], base: str, heat: str, alpha: float):
    """One more point, (column, row) of the photo shown -> Matched, and what is shown."""
    if matched is None or matched.pair is None:
        return gr.skip()
    if len(matched.points) == marks.MOST:
        raise gr.Error(f"{marks.MOST} points are the most: undo one, or clear them.", print_exception=False)
    column, row = (int(min(max(i, 0), SIDE - 1)) for i in pixel)
    matched = matched._replace(points=(*matched.points, (column, row)))
    return matched, *draw(matched, base, heat, alpha)


@friendly
def undone(matched: Matched | None, base: str, heat: str, alpha: float):
    """Without the last point -> Matched, and what is shown."""
    matched = matched and matched._replace(points=matched.points[:-1])
    return matched, *draw(matched, base, heat, alpha)


@friendly
def cleared(matched: Matched | None, base: str, heat: str, alpha: float):
    """Without any point -> Matched, and what is shown."""
    matched = matched and matched._replace(points=())
    return matched, *draw(matched, base, heat, alpha)


@friendly
def draw(matched: Matched | None, base: str, heat: str, alpha: float):
    """-> photo and exemplar (SIDE x SIDE) with all markers, the heatmap being the last point's, a table of the points, and the
    numbers behind the last. Without a point: a grid of matches, each in the colour of its place in the photo."""
    if matched is None or matched.pair is None:
        return NONE
    pair, notes = matched.pair, in_boxes(matched.notes)
    left = {PHOTO: pair.photo.picture, CONDITION: matched.condition}.get(base) or error_over(pair.cycle_error(), pair.photo)
    if not matched.points:
        dotted, right = marks.grid(pair.grid(16), left, pair.exemplar.picture)
        words = "Equal colours match: each dot on the right is where the dot of its colour on the left was found."
        return left.copy() if base == ERROR else dotted, right, notes + in_facts(hint(base)), in_facts(words)
    queries = [pair.query(column + 0.5, row + 0.5, alpha) for column, row in matched.points]
    last = queries[-1]
    left, right = left.copy(), heat_over(last.heatmap if heat == COSINES else last.weights, pair.exemplar)
    if last.round_trip.distance:
        marks.way(left, len(queries), last.at, last.round_trip[:2])
    for number, q in enumerate(queries, 1):
        marks.mark(left, number, *q.at)
        marks.mark(right, number, q.x, q.y)
    return left, right, notes + in_facts(trip(last, len(queries))) + table(queries), behind(last, len(queries))


# Pieces


def square(view: View) -> View:
    """A view whose picture is the square that the network sees, enlarged to SIDE: its pixels are those on screen."""
    picture = view.crop.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return replace(view, picture=picture, frame=Frame(SIDE / 2, SIDE / 2, SIDE))


def hint(base: str) -> str:
    """What is to be seen before the first click."""
    if base == ERROR:
        return ("How far each place lands off, going to its match and from there to its own match: grey finds home, yellow is "
                "off by a quarter of the picture or more. Click a point to see one such trip.")
    return f"Up to {marks.MOST} points. What is shown is the square that the network sees, {SIDE} × {SIDE} pixels on screen."


def trip(q: Query, number: int) -> str:
    """Where the last point's round trip ends."""
    x, y, off = q.round_trip
    end = "finds home" if off == 0 else f"lands at ({x:.0f}, {y:.0f}), {off:.0f} px off (the white square)"
    return f"There and back, point {number} {end}."


def table(queries: list[Query]) -> str:
    """All points, last first."""
    rows = []
    for number, q in reversed([*enumerate(queries, 1)]):
        (x, y), off = np.floor(q.at).astype(int), q.round_trip.distance
        rows.append(f"<tr><td>{badge(number)}</td><td>{x}, {y}</td><td>{q.x:.0f}, {q.y:.0f}</td><td>{q.score:.3f}</td>"
                    f"<td>{'home' if off == 0 else f'{off:.0f} px off'}</td></tr>")  # fmt: skip
    head = "<tr><th></th><th>point</th><th>match</th><th>score</th><th>round trip</th></tr>"
    return f'<table class="numbers">{head}{"".join(rows)}</table>'


def behind(q: Query, number: int) -> str:
    """The numbers behind one point: its best dot products, their shares in the softmax, and the colour these blend to."""
    rows = [f"<tr><td>{swatch(c.colour)}</td><td>{c.x:.0f}, {c.y:.0f}</td><td>{c.score:.3f}</td><td>{bar(c.weight)}</td></tr>"
            for c in q.best]  # fmt: skip
    rest = max(1 - sum(c.weight for c in q.best), 0)
    head = "<tr><th></th><th>place</th><th>cosine</th><th>softmax weight</th></tr>"
    foot = (f"<tr><td></td><td>all others</td><td></td><td>{bar(rest)}</td></tr>"
            f"<tr><td>{swatch(q.colour)}</td><td colspan=3>the blend of all, by weight (Eq. 4)</td></tr>")  # fmt: skip
    words = html.escape(f"The numbers behind point {number}, at alpha {q.alpha:g}")
    return f'<p class="facts">{words}</p><table class="numbers">{head}{"".join(rows)}{foot}</table>'


def badge(number: int) -> str:
    colour = marks.COLOURS[(number - 1) % marks.MOST]
    return f'<b style="background:{colour};color:{marks.ink(colour)}">{number}</b>'


def swatch(colour: np.ndarray) -> str:
    return f'<i style="background:{hexadecimal(colour.round().clip(0, 255).astype(int))}"></i>'


def bar(share: float) -> str:
    return f'<i class="bar" style="width:{5 * share:.2f}em"></i>{share:.3f}'
