"""The Correspond tab: click a point of either picture: where is it in the other, why, and does it find its way back?"""

import html

import gradio as gr

from cocos_demo.pair import Side
from cocos_demo.ui import models, runs_compare, runs_points, saved, scene, tables
from cocos_demo.ui.api import ALPHA
from cocos_demo.ui.common import (
    HEAVY,
    as_served,
    chosen,
    friendly,
    in_boxes,
    in_facts,
    samples,
    shown,
    step,
    thumbnails,
    upload,
)
from cocos_demo.ui.exchange import Exchange, exchanged
from cocos_demo.ui.runs import SAVE, linked
from cocos_demo.ui.scene import CONDITION, COSINES, ERRORS, FLOW, PHOTO, SIDE, WEIGHTS, Point, Scene
from cocos_demo.viz import marks

ROOM = "correspond"  # this tab among the others
ALONE = "Compare with: no other model", models.NONE
STARS = "★ rendered: between two of these, true matches are known."
BY_STEPS = ("CoCosNet v2 compares every place with every other on its coarsest level alone. A click does it at full resolution, "
            "by the features of all levels together. How the network itself goes about it: PatchMatch, below.")
BY_PATCHES = ("SEGIN has learned no match: VGG-16, taught on photos of anything, compares patches of what the network sees of "
              "the photo with the exemplar’s. The best is taken whole: alpha and the weights play no part in its picture.")
SAID = {models.STEPS: BY_STEPS, models.PASTES: BY_PATCHES}  # of a system whose matching is another
SHARPNESS = "Large: the best match takes all the weight. Small: many places share it. The match itself stays."


def tab(room: gr.Tab) -> tuple[gr.Button, list[gr.components.Component]]:
    """Lay out the tab inside a gr.Tab and connect it -> a button for the steps of the matching, and what `carried` sets."""
    photos, portraits = models.photos_for(models.AUTO), samples("portraits")
    state, due = gr.State(None), gr.State(None)  # the present Scene; an Exchange of the exemplar
    with gr.Row():
        with gr.Column(min_width=250, scale=4, elem_classes="choose"):
            gr.HTML(step(1, "A photo, and an exemplar"))
            photo = upload(models.start(photos), "Photo", 150, elem_id="match-photo")
            photo_gallery = thumbnails(models.starred(photos), "stars")
            gr.HTML(in_facts(STARS), padding=False)
            exemplar = upload(portraits[0], "Exemplar", 150, elem_id="match-exemplar")
            exemplar_gallery = thumbnails(models.starred(portraits), "stars")
            model = models.dropdown(models.titles(), show_label=False, container=False)
        with gr.Column(min_width=620, scale=14, elem_classes="stage"):
            with gr.Row(elem_id="task"):
                with gr.Column(scale=3, min_width=300):
                    gr.HTML(step(2, "Click a point in either picture: its match shows in the other"))
                look = {"show_label": False, "container": False, "scale": 2, "min_width": 300}
                other = gr.Dropdown([ALONE], value=models.NONE, label="Compare with", elem_id="match-other", **look)
            with gr.Row(elem_id="pair"):
                with gr.Column(min_width=240):
                    base = gr.Radio([PHOTO, CONDITION], value=PHOTO, show_label=False, container=False)
                    left = clickable("photo")
                with gr.Column(min_width=240):
                    first = gr.HTML(heading("Exemplar"), padding=False, elem_classes="over")
                    right = clickable("exemplar")
                with gr.Column(min_width=240, elem_id="beside"):  # seen while it has a title
                    second = gr.HTML(padding=False, elem_classes="over")
                    again = clickable("rival", "Exemplar, as the second model answers")
            with gr.Row(elem_id="tools"):
                overlay = gr.Radio(
                    [COSINES, WEIGHTS, ERRORS, FLOW], value=COSINES, show_label=False, container=False, scale=6, min_width=300
                )
                undo = gr.Button("Undo", size="sm", min_width=70)
                clear = gr.Button("Clear", size="sm", min_width=70)
            with gr.Row():
                with gr.Column(min_width=320):
                    points = gr.HTML(padding=False, elem_id="points")
                    kept = runs_compare.lay_out("match", True)
                with gr.Column(min_width=320):
                    alpha = gr.Slider(1, 200, ALPHA, step=1, label="alpha, softmax sharpness", info=SHARPNESS, elem_id="alpha")
                    numbers = gr.HTML(padding=False, elem_id="numbers")
            watch = gr.Button("How are matches found? Play CoCosNet v2’s PatchMatch", size="sm")

    private = {"api_visibility": "private"}
    hidden = {"show_progress": "hidden", **private}
    view, outputs = [base, overlay, alpha], [left, right, points, numbers, again]
    # Clicks wait for each other, since each adds to the points that the one before left.
    clicks = {"trigger_mode": "multiple", "concurrency_id": "clicks", "concurrency_limit": 1, **hidden}
    returned = kept.upload.upload(put, [kept.upload, state],
                                  [state, exemplar_gallery, kept.back, kept.said, photo, exemplar, model, other, alpha],
                                  show_progress_on=kept.said, **private, **HEAVY)  # fmt: skip
    for begun in (
        gr.on([room.select, photo.change, exemplar.change, model.change, other.input], pair_up,
              [photo, exemplar, model, state, *view, other],
              [state, exemplar_gallery, due, *outputs, other, first, second], trigger_mode="multiple",
              show_progress_on=[left, right, again], **private, **HEAVY),
        returned.success(pair_up, [photo, exemplar, model, state, *view, other],
                         [state, exemplar_gallery, due, *outputs, other, first, second], **private, **HEAVY),
    ):  # fmt: skip
        begun.then(exchanged, [due, exemplar], [exemplar, due], queue=False, **hidden)
        begun.then(put_back, [kept.back, state, *view], [state, *outputs, kept.said], **clicks)
    kept.save.click(zipped, [state, alpha], kept.link, **hidden).success(None, None, None, js=SAVE, **private)
    room.select(lambda: gr.Dropdown(models.titles()), None, model, queue=False, **hidden)
    offer = {"fn": lambda model: gr.Gallery(models.starred(models.photos_for(model))), "inputs": model}
    model.change(**offer, outputs=photo_gallery, queue=False, **hidden)
    photo_gallery.select(chosen, None, photo, queue=False, **hidden)
    exemplar_gallery.select(chosen, None, exemplar, queue=False, **hidden)
    left.select(photo_clicked, [state, *view], [state, *outputs], **clicks)
    right.select(exemplar_clicked, [state, *view], [state, *outputs], **clicks)
    again.select(rival_clicked, [state, *view], [state, *outputs], **clicks)
    undo.click(undone, [state, *view], [state, *outputs], **clicks)
    clear.click(cleared, [state, *view], [state, *outputs], **clicks)
    gr.on([part.change for part in view], draw, [state, *view], outputs, trigger_mode="always_last", queue=False, **hidden)
    return watch, [state, exemplar_gallery, photo, exemplar, model]


def clickable(name: str, label: str = "") -> gr.Image:
    """A picture to be clicked. Without buttons: they would lie over pixels."""
    return as_served(shown(label or name.capitalize(), (), elem_id=f"{name}-shown", elem_classes="pointed", show_label=False))


def heading(words: str) -> str:
    """What stands over an exemplar."""
    return words and f'<p class="side">{html.escape(words)}</p>'


# Handlers


def pair_up(photo: str | None, exemplar: str | None, model: str, before: Scene | None, base: str, overlay: str, alpha: float,
            other: str = models.NONE):  # fmt: skip
    """Two pictures -> Scene, exemplars of the photo's kind, an Exchange where the kind is another, what is shown, the choice of a
    second model, and what stands over the exemplars.

    Where they cannot be matched, the Scene says why, and keeps the points for when they can.
    """
    given = photo, exemplar, model
    if before is not None and before.given == given and before.there and before.other == other:
        return gr.skip()
    try:
        now, look = paired(given, before, other)
    except gr.Error as error:
        gr.Warning(error.message, duration=12)
        now, look = troubled(given, before, error.message), None
    offered = gr.skip() if look is None else models.starred(now.looks)
    titles = [heading(title) for title in tables.titles(now)] if now.there and now.rival else [heading("Exemplar"), ""]
    due = gr.skip() if look is None else Exchange(exemplar, look)
    return now, offered, due, *draw(now, base, overlay, alpha), choice(now), *titles


def choice(now: Scene):
    """The models that the present one can be compared with."""
    with_each = [(f"Compare with: {words}", name) for words, name in now.rivals]
    return gr.Dropdown([ALONE, *with_each], value=now.other) if now.there else gr.skip()


@friendly
def paired(given: tuple[str | None, str | None, str], before: Scene | None, other: str) -> tuple[Scene, str | None]:
    """-> Scene, and the exemplar that must be taken instead, if any. Raises gr.Error where the two cannot be matched."""
    photo, exemplar, model = given
    meant = models.meant(given, before.looks if before and before.looks else tuple(samples("portraits")))
    if meant.look:
        return Scene((photo, None, model), meant.looks, trouble=meant.missing), meant.look
    if meant.missing:
        return troubled(given, before, meant.missing), None
    rivals = tuple(models.rivals(meant.name))
    now = Scene.of(given, meant.looks, models.matcher(meant.name, photo, exemplar), before)._replace(rivals=rivals)
    names = [meant.name]
    if other in dict(map(reversed, rivals)):  # else it reads another kind of photo, or is the model itself
        names.append(other)
        now = now.beside(models.matcher(other, photo, exemplar), other, tuple(map(models.titled, names)))
    systems = {models.translator(name).card["system"] for name in names}
    return now._replace(notes=(*now.notes, *(words for system, words in SAID.items() if system in systems))), None


@friendly
def carried(before: Scene | None, photo: str | None, exemplar: str | None, model: str):
    """The pictures of another tab are brought here -> a Scene that is not yet matched, exemplars of the photo's kind, the
    pictures and the model, and this tab in front: that it was chosen has them matched."""
    if photo is None or exemplar is None:
        raise gr.Error("Choose a photo and an exemplar first.", print_exception=False)
    now, looks = waiting(model, models.translator(models.resolve(model, photo)), before)
    return now, looks, photo, exemplar, model, gr.Tabs(selected=ROOM)


def waiting(model: str, net, before: Scene | None) -> tuple[Scene, list[tuple[str, str]]]:
    """Before pictures for a network come from elsewhere -> a Scene that takes them as they are, and exemplars of their kind."""
    looks = tuple(models.looks_for(net))
    now = troubled((None, None, model), before, "These pictures are on their way.")._replace(looks=looks)
    return now, models.starred(looks)


@friendly
def put(file: str, before: Scene | None):
    """A saved run -> a Scene that waits, exemplars of its kind, the run, what is said of it, photo, exemplar, model, the second
    model, alpha."""
    run, said, photo, exemplar = runs_points.taken_up(file)
    name, other = (*(model.name for model in run.settings.models), models.NONE)[:2]
    beside = gr.Dropdown([ALONE, *((f"Compare with: {words}", each) for words, each in models.rivals(name))], value=other)
    now, looks = waiting(name, models.translator(name), before)
    return now, looks, run, said, photo, exemplar, name, beside, run.settings.options.alpha


@friendly
def put_back(back, now: Scene | None, base: str, overlay: str, alpha: float):
    """Once the pictures of a run that is put back are matched -> Scene, what is shown, and whether its answers are the same."""
    if not runs_points.waits(back, now):
        return [gr.skip()] * 7
    now = now._replace(points=tuple(Point(*point) for point in back.settings.options.points))
    return now, *draw(now, base, overlay, alpha), runs_points.compared(back, now, alpha)


@friendly
def zipped(now: Scene | None, alpha: float) -> str:
    """Pictures, points and models in one file -> a link to it."""
    if now is None or not now.there:
        raise gr.Error("There is nothing to save yet.", print_exception=False)
    return linked(runs_points.run_of(now, alpha), "points.zip")


def troubled(given, before: Scene | None, words: str) -> Scene:
    return (before or Scene(given))._replace(given=given, trouble=words)


def photo_clicked(now: Scene | None, base: str, overlay: str, alpha: float, event: gr.SelectData):
    """A click on the photo."""
    return add(now, "photo", event.index, base, overlay, alpha)


def exemplar_clicked(now: Scene | None, base: str, overlay: str, alpha: float, event: gr.SelectData):
    """A click on the exemplar."""
    return add(now, "exemplar", event.index, base, overlay, alpha)


def rival_clicked(now: Scene | None, base: str, overlay: str, alpha: float, event: gr.SelectData):
    """A click on the exemplar that the second model answers on."""
    return add(now, "exemplar", event.index, base, overlay, alpha, 1)


@friendly
def add(now: Scene | None, side: Side, pixel: tuple[int, int], base: str, overlay: str, alpha: float, by: int = 0):
    """One more point, (column, row) of the picture shown on a side -> Scene, and what is shown. `by`: of two models, the one
    whose exemplar was clicked."""
    if now is None or not now.there:
        return gr.skip()
    if len(now.points) == marks.MOST:
        raise gr.Error(f"{marks.MOST} points are the most: undo one, or clear them.", print_exception=False)
    column, row = (int(min(max(i, 0), SIDE - 1)) for i in pixel)
    now = now._replace(points=(*now.points, Point(side, column, row, by)))
    return now, *draw(now, base, overlay, alpha)


@friendly
def undone(now: Scene | None, base: str, overlay: str, alpha: float):
    """Without the last point -> Scene, and what is shown."""
    now = now and now._replace(points=now.points[:-1])
    return now, *draw(now, base, overlay, alpha)


@friendly
def cleared(now: Scene | None, base: str, overlay: str, alpha: float):
    """Without any point -> Scene, and what is shown."""
    now = now and now._replace(points=())
    return now, *draw(now, base, overlay, alpha)


@friendly
def draw(now: Scene | None, base: str, overlay: str, alpha: float):
    """-> photo and exemplar (SIDE x SIDE) with all markers under or over the overlay, its key and the points in words, the
    numbers behind the last, and the exemplar as a second model answers. Without a point, in place of heat: a grid of matches in
    the colours of their places."""
    if now is None or not now.there:
        return None, None, in_boxes([now.trouble]) if now else "", "", None
    answers = now.answers(alpha)
    (left, right, *more), scales = scene.pictures(now, answers, base, overlay)
    again = more[0] if more else None
    words, key = in_boxes(now.notes), tables.key(overlay, scales, now)
    if now.rival:
        words += tables.versus(now, answers)
    if not now.points:
        return left, right, words + key, "", again
    if not now.rival:
        words += tables.answer(answers[0])
    words += key + tables.points(answers, now.letters) + saved.links(now, answers)
    return left, right, words, tables.numbers(answers, now), again
