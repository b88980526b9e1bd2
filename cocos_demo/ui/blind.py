"""The Blind tab: pictures without names, ranked twice, as in the papers' user studies, and counted per system."""

import functools
import html
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from cocos_demo import comparing, conditions, study
from cocos_demo.errors import explain
from cocos_demo.study import LETTERS, MOST, QUESTIONS, Judgement, StudyError
from cocos_demo.translator import enlarge
from cocos_demo.ui import board, compare, models
from cocos_demo.ui.canvas import SIDE
from cocos_demo.ui.common import HEAVY, as_served, friendly, in_boxes, in_facts, samples, shown, upload
from cocos_demo.viz import rates, to_pil

ROOM = "blind"  # this tab among the others
LEAST = 2  # systems, else there is nothing to rank
HEADS = {"quality": "Quality", "closeness": "Like the exemplar"}
HOW = ("Each picture gets a place, 1 the best, twice: by its quality, and by how close its look is to the exemplar’s. By "
       "keyboard: Tab to the first row, then type the places; each takes you on to the next picture.")  # fmt: skip
KEPT = "Nothing is sent or kept: what you judged is in this page until you save it."
FOCUS = """() => { setTimeout(() => document.querySelector(".places.quality input")?.focus({preventScroll: true}), 300) }"""
SURE = """(study, sure) => [study, confirm("Forget all that was judged? What you have not saved is gone.")]"""


class Study(NamedTuple):
    """One visitor's study."""

    seed: int
    number: int = 0  # of the present round; 0: none yet
    photo: str = ""  # of the present round, paths
    exemplar: str = ""
    order: tuple[str, ...] = ()  # systems as shown; () while nothing is to be judged
    judged: tuple[Judgement, ...] = ()


def new() -> Study:
    """A study with a seed of its own."""
    return Study(secrets.randbelow(10**9))


def tab(room: gr.Tab) -> None:
    """Lay out the tab inside a gr.Tab and connect it."""
    state = gr.State(None, time_to_live=24 * 3600)
    with gr.Row():
        with gr.Column(min_width=280, scale=2):
            gr.HTML('<p class="step">Rank the pictures without knowing whose they are</p>')
            gr.HTML(in_facts(HOW), padding=False)
        with gr.Column(min_width=280, scale=1):
            look = {"show_label": False, "container": False, "elem_id": "blind-kind"}
            kind = gr.Dropdown(kinds(), value="portrait", label="Systems", **look)
            begin = gr.Button("Show a pair", variant="primary", elem_id="blind-next")
            with gr.Accordion("Two pictures of my own", open=False):
                with gr.Row():
                    own_photo, own_look = (upload(None, words, 130, show_label=True, elem_id=f"blind-own-{words.lower()}")
                                           for words in ("Photo", "Exemplar"))  # fmt: skip
                own = gr.Button("Show these two", size="sm", elem_id="blind-own")
    told = gr.HTML(padding=False, elem_id="blind-told")
    with gr.Row(visible=False, elem_id="blind-round") as stage:
        with gr.Column(min_width=140, elem_id="blind-given"):
            photo, exemplar = (as_served(shown(words, (), elem_id=f"blind-{words.lower()}")) for words in ("Photo", "Exemplar"))
        slots = [slot(letter) for letter in LETTERS]
    with gr.Row(visible=False) as judging:
        missing = gr.HTML(padding=False, elem_id="blind-missing", min_width=280)
        judge_ = gr.Button("That is my ranking: next pair", variant="primary", min_width=200, elem_id="blind-judge")
        skip = gr.Button("Skip this pair", min_width=120, elem_id="blind-skip")
    counted = gr.HTML(padding=False, elem_id="blind-tally")
    drawing = as_served(shown("How often each system had which place", elem_id="blind-rates", visible=False, show_label=False))
    sure = gr.Checkbox(False, visible=False)
    reset = gr.Button("Begin anew", size="sm", visible=False, elem_id="blind-reset")

    columns, pictures, by_quality, by_closeness = zip(*slots)
    ranks = [*by_quality, *by_closeness]
    private = {"api_visibility": "private"}
    hidden = {"show_progress": "hidden", **private}
    round_ = [state, told, stage, judging, photo, exemplar, *columns, *pictures, *ranks, missing]
    slow = {"show_progress_on": told, **private, **HEAVY}
    result = [counted, drawing, reset]
    judged = judge_.click(judge, [state, *ranks], [state, *result], queue=False, **hidden)
    for came in (gr.on([begin.click, skip.click], next_round, [state, kind], round_, **slow),
                 own.click(own_round, [state, kind, own_photo, own_look], round_, **slow),
                 judged.success(next_round, [state, kind], round_, **slow)):  # fmt: skip
        came.success(None, js=FOCUS, **private)
    quick = {"queue": False, "trigger_mode": "always_last", **hidden}
    gr.on([each.input for each in ranks], what_is_missing, [state, *ranks], missing, **quick)
    reset.click(begin_anew, [state, sure], [state, told, stage, judging, *result], js=SURE, queue=False, **hidden)
    room.select(lambda: gr.Dropdown(kinds()), None, kind, queue=False, **hidden)


def slot(letter: str):
    """The place for one picture -> its column, the picture, its places by quality and by closeness."""
    with gr.Column(min_width=140, visible=False) as column:
        picture = as_served(shown(letter, ("fullscreen",), elem_id=f"blind-{letter}", elem_classes="blind-picture"))
        rows = [gr.Radio([], label=f"{letter}: {words.lower()}", elem_classes=["places", question])
                for question, words in HEADS.items()]  # fmt: skip
    return column, picture, *rows


def kinds() -> list[tuple[str, str]]:
    """(words, kind) of the conditions that two systems or more read."""
    return [(words, kind) for words, kind in compare.kinds() if kind != models.AUTO and len(comparing.family(kind)) >= LEAST]


# Handlers


@friendly
def next_round(now: Study | None, kind: str, progress=gr.Progress()):  # noqa: B008
    """The next pair of samples -> as `screen`."""
    now = now or new()
    photos, looks = photos_of(kind), models.looks(kind)
    if not photos or not looks:
        raise StudyError("No samples ship for these systems: take two pictures of your own.")
    yield from shown_round(now, kind, study.pairing(now.seed, now.number + 1, photos, looks), progress)


@friendly
def own_round(now: Study | None, kind: str, photo: str | None, exemplar: str | None, progress=gr.Progress()):  # noqa: B008
    """Two pictures of the visitor's own -> as `screen`."""
    if photo is None or exemplar is None:
        raise StudyError("Choose both, a photo and an exemplar.")
    yield from shown_round(now or new(), kind, (photo, exemplar), progress)


def shown_round(now: Study, kind: str, pair: tuple[str, str], progress):
    """Let all systems paint, then show what they made, without names; where fewer than two could, why."""
    names, left_out = comparing.family(kind), []
    names, beyond = names[:MOST], names[MOST:]
    if beyond:
        left_out.append(f"{MOST} systems are shown at most: {len(beyond)} are left out.")
    painted = {}
    # In an order of its own: neither the words nor the time that passes shall tell which is which.
    for done, name in enumerate(study.drawn(now.seed, -now.number - 1, names)):
        progress((done, len(names)), desc=f"{done} of {len(names)} pictures")
        yield busy(f"Painting: {done} of {len(names)} pictures are done.")
        try:
            painted[name] = models.translator(name)(*pair)
        except Exception as error:
            if (words := explain(error)) is None:
                raise
            left_out.append(f"One system is left out: {words}")
    if len(painted) < LEAST:
        yield busy("", left_out)
        return
    number = now.number + 1
    now = now._replace(number=number, photo=Path(pair[0]).name, exemplar=Path(pair[1]).name,
                       order=study.drawn(now.seed, number, painted))
    yield screen(now, painted, left_out)


def busy(words: str, trouble: Sequence[str] = ()) -> list:
    """What is shown while the pictures are painted, or where none come: the last ones are gone, so that they are not judged
    twice."""
    rest = 2 + 2 * MOST + 2 * MOST + 1
    return [gr.skip(), in_boxes(trouble) + in_facts(words), gr.Row(visible=False), gr.Row(visible=False), *[gr.skip()] * rest]


def screen(now: Study, painted: dict, left_out: list[str]) -> list:
    """-> state, words, the places for pictures and buttons, photo and exemplar, a column, a picture and two rows of places for
    each letter, and what is missing."""
    results = [painted[name] for name in now.order]
    pictures = [result.final.resize((SIDE, SIDE)) if result.final.width > SIDE else enlarge(result.final, SIDE)
                for result in results]  # fmt: skip
    n, rest = len(results), MOST - len(results)
    places = [gr.Radio(list(range(1, n + 1)), value=None) for _ in range(n)] + [gr.Radio([], value=None)] * rest
    return [now, in_boxes(left_out) + in_facts(f"Pair {now.number}"), gr.Row(visible=True), gr.Row(visible=True),
            *(enlarge(picture, SIDE) for picture in (results[0].photo, results[0].exemplar)),
            *(gr.Column(visible=i < n) for i in range(MOST)),
            *pictures, *[None] * rest, *places, *places, what_is_missing(now, *[None] * (2 * MOST))]  # fmt: skip


def ranking(now: Study, ranks) -> dict[str, list[int | None]]:
    """The values of all rows, of the pictures that are shown, by question."""
    n = len(now.order)
    return {question: list(ranks[i * MOST : i * MOST + n]) for i, question in enumerate(QUESTIONS)}


def what_is_missing(now: Study | None, *ranks) -> str:
    """What keeps the ranking from being whole, in words."""
    if now is None or not now.order:
        return ""
    said = {question: study.unfinished(places) for question, places in ranking(now, ranks).items()}
    words = "; ".join(f"{HEADS[question]}: {what}" for question, what in said.items() if what)
    return in_facts(f"{words}." if words else "Both rankings are whole.")


@friendly
def judge(now: Study | None, *ranks):
    """Both rankings -> the study with one more row, as `result`. Raises StudyError where they are not whole."""
    if now is None or not now.order:
        raise StudyError("There is nothing to judge: show a pair first.")
    row = Judgement(study.now(), now.seed, now.number, now.photo, now.exemplar, now.order,
                    *map(tuple, whole(now, ranks)))  # fmt: skip
    now = now._replace(order=(), judged=(*now.judged, row))
    return now, *result(now)


def whole(now: Study, ranks) -> list[list[int]]:
    """Both rankings. Raises StudyError, which says what is missing."""
    found = ranking(now, ranks)
    for question, places in found.items():
        if words := study.unfinished(places):
            raise StudyError(f"{HEADS[question]}: {words}.")
    return list(found.values())


def result(now: Study) -> list:
    """-> the tally in words and as a file to save, the rates as bars, the button for a new beginning."""
    if not now.judged:
        return ["", gr.Image(None, visible=False), gr.Button(visible=False)]
    counted = study.tally(now.judged)
    told = in_facts(f"Judged so far: {len(now.judged)}. {KEPT}")
    save = board.link("Save what you judged (CSV)", "blind.csv", board.data(study.written(now.judged).encode(), "text/csv"))
    tables = "".join(table(question, places) for question, places in counted.items())
    return [f'{told}<p>{save}</p><details><summary>Systems and numbers</summary><div class="two">{tables}</div></details>',
            gr.Image(to_pil(rates(counted, QUESTIONS)), visible=True), gr.Button(visible=True)]


def table(question: str, places: dict[str, list[int]]) -> str:
    """How often each system had which place."""
    most = len(next(iter(places.values())))
    head = "".join(f"<th>{i}</th>" for i in range(1, most + 1))
    rows = "".join(f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{count}</td>' for count in counts)}"
                   f"<td>{counts[0] / sum(counts):.0%}</td><td>{study.mean_place(counts):.2f}</td></tr>"
                   for name, counts in places.items())  # fmt: skip
    return (f'<div><b>{QUESTIONS[question].capitalize()}</b><table class="numbers"><tr><th>system, how often place</th>{head}'
            f"<th>first</th><th>mean</th></tr>{rows}</table></div>")


@friendly
def begin_anew(now: Study | None, sure: bool):
    """Forget all, if that is meant -> a new study with another seed, nothing on the screen."""
    if not sure:
        return [gr.skip()] * 7
    now = new()
    return [now, "", gr.Row(visible=False), gr.Row(visible=False), *result(now)]


def photos_of(kind: str) -> list[str]:
    """The samples that a kind of condition can be read from."""
    if kind == "parts":
        return samples("parts")
    return [path for path in samples("photos") if _reads(path) == kind or kind == "grey" and _reads(path) == "portrait"]


@functools.lru_cache(64)
def _reads(path: str) -> str:
    try:
        return conditions.detect(path)
    except conditions.ConditionError:
        return ""
