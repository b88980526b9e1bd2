"""The Compare tab: one photo, one exemplar, all systems side by side, and the same click in all of them."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from cocos_demo import checkpoints, comparing
from cocos_demo.checkpoints import CheckpointError
from cocos_demo.comparing import SIDE, Outcome
from cocos_demo.ui import board, models, runs_compare
from cocos_demo.ui.common import HEAVY, caption, chosen, friendly, in_facts, samples, step, thumbnails, upload
from cocos_demo.ui.correspond import clickable
from cocos_demo.ui.exchange import Exchange, exchanged
from cocos_demo.ui.runs import SAVE
from cocos_demo.viz import marks

ROOM = "compare"  # this tab among the others
FIRST = "The pictures come one by one, as each system is done."
CLICK = "Click the photo: each system marks what it takes for the same place"
TRUTH = "A star is the true place, which is known between two rendered samples (★ in the galleries)."


class Board(NamedTuple):
    """What is on the screen."""

    photo: str = ""  # paths, as chosen
    exemplar: str = ""
    names: tuple[str, ...] = ()  # of the checkpoints, in their order
    outcomes: tuple[Outcome, ...] = ()  # of those that are done
    points: tuple[tuple[float, float], ...] = ()  # pixels of the photo's square

    @property
    def first(self) -> Outcome | None:
        """The first that matches: all see the same square of the photo."""
        return next((outcome for outcome in self.outcomes if outcome.pair), None)


def tab(room: gr.Tab) -> None:
    """Lay out the tab inside a gr.Tab and connect it."""
    photos, portraits = models.photos_for(models.AUTO), samples("portraits")
    state, due = gr.State(Board(), time_to_live=3600), gr.State(None)  # `due`: an Exchange of the exemplar
    with gr.Row():
        with gr.Column(min_width=280):
            gr.HTML(step(1, "A photo"))
            photo = upload(models.start(photos), "Photo", 180, elem_id="compare-photo")
            photo_gallery = thumbnails(models.starred(photos), "stars")
        with gr.Column(min_width=280):
            gr.HTML(step(2, "An exemplar"))
            exemplar = upload(portraits[0], "Exemplar", 180, elem_id="compare-exemplar")
            exemplar_gallery = thumbnails(models.starred(portraits), "stars")
        with gr.Column(min_width=280):
            gr.HTML(step(3, "All systems that read the same"))
            kind = gr.Dropdown(kinds(), value=models.AUTO, show_label=False, container=False, label="What is read of the photo",
                               elem_id="compare-kind")
            run = gr.Button("Compare", variant="primary", size="lg", elem_id="compare-run")
            stop = gr.Button("Stop", size="sm", interactive=False, elem_id="compare-stop")
            saves = gr.HTML(in_facts(FIRST), padding=False, elem_id="compare-saves")
            kept = runs_compare.lay_out()
    pictures = gr.HTML(padding=False, elem_id="compare-board")
    with gr.Column(visible=False, elem_id="compare-clicks") as clicks:
        gr.HTML(step(4, CLICK))
        with gr.Row():
            with gr.Column(min_width=220, scale=1):
                gr.HTML(caption("Photo"), padding=False)
                asked = clickable("compared", "Photo, to be clicked")
                with gr.Row():
                    undo, clear = gr.Button("Undo", size="sm", min_width=70), gr.Button("Clear", size="sm", min_width=70)
                gr.HTML(in_facts(TRUTH), padding=False)
            with gr.Column(min_width=300, scale=4):
                answered = gr.HTML(padding=False, elem_id="compare-answers")

    private = {"api_visibility": "private"}
    hidden = {"show_progress": "hidden", **private}
    shown = [state, pictures, clicks, asked, answered, saves, run, stop]
    running = run.click(side_by_side, [photo, exemplar, kind], shown, show_progress_on=saves, **private, **HEAVY)
    running.success(marked_again, [kept.back, state], [state, asked, answered, saves, kept.save, kept.link, kept.said], **hidden)
    kept.save.click(runs_compare.zipped, [state, kind], kept.link, **hidden).success(None, None, None, js=SAVE, **private)
    kept.upload.upload(runs_compare.opened, kept.upload, [kept.back, kept.said, photo, exemplar, kind], **hidden, **HEAVY)
    # Whatever happens, it can be tried again.
    running.then(lambda: [gr.Button(interactive=on) for on in (True, False)], None, [run, stop], queue=False, **hidden)
    # Twice: an answer that was on its way when it was pressed comes after the first.
    halted = stop.click(stopped, state, shown, cancels=[running], queue=False, **hidden)
    halted.then(stopped, state, shown, queue=False, **hidden)
    lane = {"trigger_mode": "multiple", "concurrency_id": "clicks", "concurrency_limit": 1, **hidden}
    places = [state, asked, answered, saves]
    asked.select(photo_clicked, state, places, **lane)
    undo.click(undone, state, places, **lane)
    clear.click(cleared, state, places, **lane)
    room.select(lambda: gr.Dropdown(kinds()), None, kind, queue=False, **hidden)
    photo_gallery.select(chosen, None, photo, queue=False, **hidden)
    exemplar_gallery.select(chosen, None, exemplar, queue=False, **hidden)
    # Exemplars of the photo's kind: a figure's look cannot be taken from a portrait.
    fitting = gr.on([photo.change, kind.change], suited, [photo, kind, exemplar], [exemplar_gallery, due],
                    trigger_mode="always_last", **hidden, **HEAVY)  # fmt: skip
    fitting.then(exchanged, [due, exemplar], [exemplar, due], queue=False, **hidden)


def kinds() -> list[tuple[str, str]]:
    """(words, kind) of every condition that a checkpoint reads, and how many do."""
    read: Counter[str] = Counter()
    for path in checkpoints.catalogue().values():
        try:
            read[checkpoints.read_card(path)["condition"]] += 1
        except CheckpointError:
            continue
    return [("Automatic, by the photo", models.AUTO),
            *((f"{models.WORDS.get(kind, kind)}: {n} system{'s' * (n > 1)}", kind) for kind, n in read.items())]


# Handlers


def suited(photo: str | None, kind: str, exemplar: str | None):
    """-> the exemplars on offer for what is read of the photo, and an Exchange where the present one is a sample of
    another kind. Where nothing can be read, both stay: Compare tells why."""
    try:
        looks = models.looks(comparing.kind_of(photo, kind)) if photo else []
    except Exception:  # noqa: BLE001
        looks = []
    if not looks:
        return gr.skip(), gr.skip()
    same = exemplar is not None and (Path(exemplar).name in {Path(path).name for path in looks} or not _sample(exemplar))
    return gr.Gallery(models.starred(looks)), gr.skip() if same else Exchange(exemplar, models.first_look(photo, looks))


def _sample(path: str) -> bool:
    """Whether a picture is one of ours: gradio's copies keep the name."""
    name = path.rsplit("/", 1)[-1]
    return any(name == each.rsplit("/", 1)[-1] for folder in ("portraits", "figures") for each in samples(folder))


@friendly
def side_by_side(photo: str | None, exemplar: str | None, kind: str = models.AUTO, progress=gr.Progress()):  # noqa: B008
    """Two pictures -> as `screen`, anew whenever a system is done."""
    if photo is None or exemplar is None:
        raise gr.Error("Choose a photo and an exemplar first.", print_exception=False)
    progress(0, desc="looking at the photo")
    names = comparing.family(comparing.kind_of(photo, kind))
    now = Board(photo, exemplar, tuple(names))
    yield screen(now, busy=True)
    for outcome in comparing.each(names, photo, exemplar, models.translator):
        now = now._replace(outcomes=(*now.outcomes, outcome))
        done = len(now.outcomes)
        progress((done, len(names)), desc=f"{done} of {len(names)} systems")
        yield screen(now, busy=done < len(names))


@friendly
def marked_again(back, now: Board):
    """After a comparison: the points of the run that was put back, if it was of these pictures -> as `places`, the button that
    saves it, no link yet, and whether the pictures are the run's."""
    points, said = runs_compare.points(back, now)
    there = any(not outcome.trouble for outcome in now.outcomes)
    shown = places(now._replace(points=points)) if points and now.first else [gr.skip()] * 4
    return *shown, gr.Button(interactive=there), "", said


def screen(now: Board, busy: bool = False, halted: bool = False):
    """-> state, the board, the place for clicks, the photo, the answers, what can be saved, the buttons Compare and Stop."""
    there = not busy and now.first is not None
    picture, answers = (comparing.asked(now.first, now.points), board.answers(now.outcomes, now.points)) if there else (None, "")
    return (now, board.board(now.names, now.outcomes, halted), gr.Column(visible=there), picture, answers,
            saves(now) if not busy else in_facts(FIRST), gr.Button(interactive=not busy), gr.Button(interactive=busy))


@friendly
def stopped(now: Board):
    """What there is, when no more shall come."""
    return screen(now, halted=True)


def saves(now: Board) -> str:
    """Links to the sheet and the settings, with all points in them."""
    if all(outcome.trouble for outcome in now.outcomes):
        return ""
    sheet = board.address(comparing.sheet(now.outcomes, now.points))
    told = comparing.in_json(comparing.settings(now.photo, now.exemplar, now.outcomes, now.points))
    return (board.link("Save the contact sheet (PNG)", "compare.png", sheet)
            + board.link("Save the settings (JSON)", "compare.json", board.data(told.encode(), "application/json")))


def photo_clicked(now: Board, event: gr.SelectData):
    """A click on the photo."""
    return add(now, event.index)


@friendly
def add(now: Board, pixel: tuple[int, int]):
    """One more point, (column, row) of the photo shown -> as `places`."""
    if now.first is None:
        return gr.skip()
    if len(now.points) == marks.MOST:
        raise gr.Error(f"{marks.MOST} points are the most: undo one, or clear them.", print_exception=False)
    point = tuple(min(max(int(i), 0), SIDE - 1) + 0.5 for i in pixel)
    return places(now._replace(points=(*now.points, point)))


@friendly
def undone(now: Board):
    """Without the last point."""
    return places(now._replace(points=now.points[:-1]))


@friendly
def cleared(now: Board):
    """Without any point."""
    return places(now._replace(points=()))


def places(now: Board):
    """-> state, photo, answers, what can be saved."""
    if now.first is None:
        return gr.skip()
    return now, comparing.asked(now.first, now.points), board.answers(now.outcomes, now.points), saves(now)
