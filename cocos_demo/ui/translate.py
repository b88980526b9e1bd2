"""The Translate tab: a photo, its condition (open to change), an exemplar, and the picture they make."""

from typing import NamedTuple

import gradio as gr

from cocos_demo.conditions import KINDS, LabelKind
from cocos_demo.translator import Condition, Result, Translator
from cocos_demo.ui import canvas, models, patches, results, runs, task, visits
from cocos_demo.ui.common import HEAVY, chosen, friendly, in_boxes, in_facts, samples, thumbnails, upload
from cocos_demo.ui.exchange import Exchange, exchanged
from cocos_demo.ui.find import find

MATCHER = "The seconds are one core’s, at 128 × 128 pixels."
# The pictures may lie below the window's edge: bring them in, once their place is there.
SCROLL = """(...given) => { setTimeout(() => document.querySelector("#picture")
    ?.scrollIntoView({behavior: "smooth", block: "nearest"}), 300); return given; }"""


class Ready(NamedTuple):
    """What waits until the exemplar fits: nothing may be painted before."""

    due: Exchange | None  # of the exemplar
    buttons: list  # as they are to be


class Read(NamedTuple):
    """What was read of which photo: another may have been chosen since."""

    photo: str | None  # None: the canvas was empty
    model: str  # as chosen, "auto" too
    name: str  # of the checkpoint
    condition: Condition  # as extracted


def tab(demo: gr.Blocks) -> tuple[gr.Button, gr.Button, list[gr.components.Component]]:
    """Lay out the tab inside a gr.Blocks and connect it -> buttons for a closer look and for the steps of the matching, and
    photo, exemplar and model."""
    photos, portraits = task.photos_for(models.AUTO), samples("portraits")
    state, ready = gr.State(None), gr.State(None)  # the last Read; its Ready
    what = task.choice()
    headings = task.headings()
    with gr.Row():
        with gr.Column(min_width=300):
            first = gr.HTML(headings[0])
            photo = upload(models.start(photos), "Photo", elem_id="photo")
            photo_gallery = thumbnails(photos)
            empty = gr.Button("Begin with an empty canvas", size="sm", visible=False, elem_id="empty")
        with gr.Column(min_width=300):
            second = gr.HTML(headings[1])
            editor = canvas.editor()
            about = canvas.about()
            model = models.dropdown(task.offered(task.NEW), show_label=False, container=False, elem_id="model")
            missing = gr.HTML(task.missing(task.NEW), padding=False, elem_id="missing")
            look = {"label": "How SEGIN finds its patches", "info": MATCHER, "elem_id": "matcher"}
            matcher = gr.Dropdown([patches.OWN], value=patches.OWN, visible=False, **look)
            reset = gr.Button("Undo all changes", size="sm", interactive=False)
        with gr.Column(min_width=300):
            last = gr.HTML(headings[2])
            exemplar = upload(portraits[0], "Exemplar", elem_id="exemplar")
            own_map = upload(None, "Its label map", 150, show_label=True, elem_id="own-map", visible=False)
            exemplar_gallery = thumbnails(portraits)
            search = gr.Button("Find an exemplar for me", size="sm", interactive=False, elem_id="find")
            with gr.Accordion("Search my own folder", open=False, visible=visits.OWN_FOLDERS):
                folder = gr.Textbox(
                    placeholder="/home/me/pictures",
                    show_label=False,
                    container=False,
                    max_lines=1,
                    info="A folder on the computer that runs the demo. What is learned about its pictures is kept in it, "
                    "in a file .exemplars-….npz, so that the next search is quick.",
                )
            searched = gr.HTML(padding=False)
    with gr.Row():
        button = gr.Button("Translate", variant="primary", size="lg", interactive=False, elem_id="translate", scale=8)
        stop = gr.Button("Stop", size="lg", visible=False, elem_id="stop", min_width=90)
    shown, closer, watch = results.lay_out()
    kept = runs.lay_out()

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    # Each is read, one after the other: "once" would drop what is chosen meanwhile, "always_last" after a failure.
    every = {"trigger_mode": "multiple"}
    buttons = [button, reset, search]
    demo.load(task.there, what, [model, missing], **quick)  # what was imported since the start
    what.input(task.taken_up, [what, photo], [model, missing, first, second, last, button, photo, empty], **quick)
    empty.click(lambda: None, None, photo, **quick)
    opening = [kept.back, kept.said, what, model, missing, first, second, last, button, photo, empty, exemplar, own_map]
    opens = {"show_progress_on": kept.said, **private, **HEAVY}
    for begun in (
        gr.on([demo.load, photo.change, model.change], lock, None, buttons, **every, **quick),
        kept.upload.upload(runs.opened, kept.upload, opening, **opens).success(lock, None, buttons, js=runs.TO_BUTTON, **quick),
        kept.gallery.select(runs.chosen, kept.history, opening, **opens).success(lock, None, buttons, js=runs.TO_BUTTON, **quick),
    ):
        begun.then(
            read_and_put_back,
            [photo, model, state, kept.back, exemplar, ready],
            [state, editor, about, exemplar_gallery, ready, own_map, searched, matcher, kept.back],
            show_progress_on=editor,
            **every,
            **private,
            **HEAVY,
        ).then(unlock, [ready, exemplar], [exemplar, *buttons, ready], **every, **quick)
    model.change(lambda model: gallery(task.photos_for(model)), model, photo_gallery, **quick)
    about.select(None, None, editor, js=canvas.BRUSHED, **quick)
    search.click(
        find_exemplar,
        [state, photo, model, folder, editor],
        [exemplar_gallery, exemplar, searched],
        show_progress_on=exemplar_gallery,
        **private,
        **HEAVY,
    )
    photo_gallery.select(chosen, None, photo, **quick)
    exemplar_gallery.select(chosen, None, exemplar, **quick)
    reset.click(lambda read: canvas.canvas(read.condition), state, editor, **quick)
    painting = button.click(expect, [state, matcher], [*shown], js=SCROLL, **quick).then(
        paint_and_keep,
        [kept.history, kept.back, what, state, photo, model, editor, exemplar, own_map, matcher],
        [*shown[:6], kept.history, kept.row, kept.link, kept.gallery, kept.said],
        show_progress_on=[shown.picture],
        **private,
        **HEAVY,
    )
    button.click(lambda: gr.Button(visible=True), None, stop, **quick)
    painting.then(lambda: gr.Button(visible=False), None, stop, **quick)
    stop.click(lambda: gr.Button(visible=False), None, stop, **quick)
    stop.click(None, None, None, cancels=[painting], **private)
    kept.save.click(runs.zipped, kept.history, kept.link, **quick).success(None, None, None, js=runs.SAVE, **private)
    return closer, watch, [photo, exemplar, model]


# Handlers


def lock():
    """While a photo is looked at, nothing of the one before may be painted."""
    return [gr.Button(interactive=False)] * 3


def unlock(ready: Ready | None, exemplar: str | None):
    """-> the exemplar, which may have been chosen while the photo was read, the buttons, and that nothing waits any more."""
    return [gr.skip()] * 5 if ready is None else [exchanged(ready.due, exemplar)[0], *ready.buttons, None]


def read_and_put_back(photo: str | None, model: str | None, before: Read | None, back, shown: str | None,
                      waiting: Ready | None = None):  # fmt: skip
    """As `read_photo`, with what else belongs to a run that is put back; the exemplar and the buttons in a Ready -> and the run.

    `shown`: the exemplar that is there when the photo begins to be read. `waiting`: the Ready of the read before, not yet used.
    """
    read, editor, about, offered, exemplar, own_map, *buttons, searched, matcher = read_photo(photo, model, before)
    back, *of_run = runs.put_back(back, read if isinstance(read, Read) else None, photo, model)
    editor, exemplar, own_map, matcher = (
        plain if one == gr.skip() else one for plain, one in zip((editor, exemplar, own_map, matcher), of_run, strict=True))
    due = (waiting and waiting.due) if exemplar == gr.skip() else Exchange(shown, exemplar)
    return read, editor, about, offered, Ready(due, buttons), own_map, searched, matcher, back


def read_photo(photo: str | None, model: str | None, before: Read | None):
    """-> as `seen`; where nothing was found, an empty canvas and the reason under it, which stays when the toast has gone."""
    try:
        return seen(photo, model, before)
    except gr.Error as error:
        gr.Warning(error.message, duration=12)
        return gr.skip(), None, in_boxes([error.message]), *[gr.skip()] * 8


@friendly
def seen(photo: str | None, model: str | None, before: Read | None):
    """Photo -> its Condition (in a Read), a canvas with it, words about it, exemplars of its kind, a place for the exemplar's
    own map, and SEGIN's matchers. Without a photo the canvas is empty, to be drawn on where the model's kind lets it."""
    if model is None:
        return gr.skip(), None, "", gallery([]), None, *[gr.skip()] * 6
    if photo is None and not hasattr(KINDS.get(task.kind_of(model)), "blank"):
        return gr.skip(), None, "", *[gr.skip()] * 8
    name = models.resolve(model, photo)
    net = models.translator(name)
    condition = net.blank() if photo is None else net.condition_of(photo)
    offered = models.looks_for(net)
    same = before is not None and models.looks_for(models.translator(before.name)) == offered
    exemplar = gr.skip() if same else next(iter(offered), None)
    pastes = net.card["system"] == models.PASTES
    kept = before is not None and before.name == name
    by = patches.matchers(name) if pastes else [patches.OWN]
    by = gr.skip() if kept else gr.Dropdown(by, value=patches.OWN, visible=pastes)
    ready = [gr.Button(interactive=each) for each in (True, canvas.drawable(condition), True)]
    words = canvas.words_about(condition, task.hint(condition))
    read = Read(photo, model, name, condition)
    return read, canvas.canvas(condition), words, gallery(offered), exemplar, map_beside(net), *ready, "", by


@friendly
def find_exemplar(
    read: Read | None,
    photo: str | None,
    model: str,
    folder: str | None,
    edited: dict | None = None,
    progress=gr.Progress(),  # noqa: B008
):
    """The best few for the photo as the gallery's first entries, the first of them chosen, and what was searched."""
    check(read, photo, model)
    found, said = find(read.name, canvas.changed(read.condition, edited), folder, progress=progress)
    best = [path for path, _ in found]
    rest = [path for path in models.looks_for(models.translator(read.name)) if path not in best]
    return [*((path, f"{cosine:.2f}") for path, cosine in found), *rest], best[0], in_facts(said)


@friendly
def expect(read: Read | None, matcher: str):
    """The places of the pictures that will come -> as `results.expected`."""
    if read is None:
        return [gr.skip()] * len(results.Shown._fields)
    return results.expected(read.name, matcher, canvas.drawn(read.condition), read.photo is not None)


@friendly
def paint(
    read: Read | None,
    photo: str | None,
    model: str,
    edited: dict | None,
    exemplar: str | None,
    own_map: str | None = None,
    matcher: str = patches.OWN,
    progress=gr.Progress(),  # noqa: B008
):
    """The (perhaps edited) condition and an exemplar -> as `results.filled`."""
    return results.filled(*painted(read, photo, model, edited, exemplar, own_map, matcher, progress))


@friendly
def paint_and_keep(history, back, what: str, read: Read | None, photo: str | None, model: str, edited: dict | None,
                   exemplar: str | None, own_map: str | None, matcher: str, progress=gr.Progress()):  # fmt: skip  # noqa: B008
    """As `paint`, and then as `runs.after`: the history of this visit with one run more."""
    result, net, condition = painted(read, photo, model, edited, exemplar, own_map, matcher, progress)
    used = own_map if reads_map_beside(net) else None
    run = runs.run_of(read.name, net, result, condition, read, edited, exemplar, used, matcher, what)
    return *results.filled(result, net, condition), *runs.after(history, back, run)


def painted(read, photo, model, edited, exemplar, own_map, matcher, progress) -> tuple[Result, Translator, Condition]:
    """What the network makes of it, the network, and the condition as it was drawn over."""
    check(read, photo, model)
    if exemplar is None:
        raise gr.Error("Choose an exemplar first: click one, or upload your own.", print_exception=False)
    condition = canvas.changed(read.condition, edited)
    net = patches.translator(read.name, matcher)
    result = net(photo, exemplar, condition, progress=lambda stage, fraction: progress(fraction, desc=stage),
                 exemplar_map=own_map if reads_map_beside(net) else None)
    return result, net, condition


def check(read: Read | None, photo: str | None, model: str) -> None:
    """Raises gr.Error unless what was read is what is on screen."""
    if read is None or photo is None and read.photo is not None:
        raise gr.Error("Choose a photo first.", print_exception=False)
    if (photo, model) != (read.photo, read.model):
        raise gr.Error("This photo has not been read yet: translate when its lines are there.", print_exception=False)


# Pieces


def gallery(paths: list[str]) -> gr.Gallery:
    """Samples to choose from; no empty box where there are none."""
    return gr.Gallery(paths, visible=bool(paths))


def reads_map_beside(net: Translator) -> bool:
    """Whether a network compares the exemplar's label map with the photo's."""
    return isinstance(net.kind, LabelKind) and net.net.config.exemplar_input != "image"


def map_beside(net: Translator) -> gr.Image:
    """The place for the exemplar's own label map: seen where the network needs one."""
    label = "Its label map (guessed if not given)" if getattr(net.kind, "guesses", False) else "Its label map, which is needed"
    return gr.Image(label=label, visible=reads_map_beside(net))
