"""What the Translate tab is asked to do: new looks for a photo, a painted portrait, colours for a grey photo, a picture from a
map or from a sketch."""

import functools
import io
from dataclasses import dataclass

import gradio as gr

from cocos_demo import checkpoints
from cocos_demo.colour import is_grey
from cocos_demo.conditions import KINDS, LabelKind
from cocos_demo.photo import open_photo
from cocos_demo.translator import Condition
from cocos_demo.ui import models, ways
from cocos_demo.ui.common import samples, served, step
from cocos_demo.ui.visits import keep

NEW, COLOURISE, OIL = "New looks for a photo", "Colourise a grey photo", "Oil portrait"
PAINT, SKETCH = "Scene, face or figure from a map", "Shoes and bags from a sketch"
GREY, LINES = "grey", "edges"  # the kinds of condition whose models colourise, and paint sketches


@dataclass(frozen=True)
class Task:
    """What a task asks for: over the upload, the canvas and the exemplar, and on the button."""

    first: str = "A photo"
    second: str = "What the network sees of it"
    last: str = "An exemplar: the look to take"
    button: str = "Translate"
    drawn: bool = False  # whether it begins with an empty canvas


TASKS = {
    NEW: Task(),
    COLOURISE: Task("A portrait, grey or in colour", last="An exemplar: the colours to take", button="Colourise"),
    OIL: Task("A portrait photo", last="A painting: its palette and manner", button="Paint"),
    PAINT: Task("A label map to begin with, or none", "The map: paint what is where", drawn=True),
    SKETCH: Task("A sketch or photo, or neither", "The sketch: draw here", "An exemplar: a photo of a shoe or bag", drawn=True),
}


def does(kind: str | None, what: str, painted: bool = False) -> bool:
    """Whether models of a kind of condition can do it; those that cannot be read stand among the ones for photos. `painted`: they
    take their looks from paintings, and do that alone."""
    if painted or what == OIL:
        return painted and what == OIL
    labels = isinstance(KINDS.get(kind), LabelKind)
    if what == NEW:
        return kind not in (GREY, LINES) and not (labels and not KINDS[kind].guesses)
    return labels if what == PAINT else kind == (GREY if what == COLOURISE else LINES)


def offered(what: str) -> list[tuple[str, str]]:
    """(words, name) of the models that can do it, for a dropdown."""
    return [(words, name) for words, name in models.choices() if does(kind_of(name), what, paints(name))]


def kind_of(name: str | None) -> str | None:
    """The kind of condition that a checkpoint reads; None for "auto", and where it cannot be read."""
    path = checkpoints.catalogue().get(name)
    try:
        return path and checkpoints.read_card(path)["condition"]
    except checkpoints.CheckpointError:
        return None


def paints(name: str | None) -> bool:
    """Whether a checkpoint takes its looks from paintings."""
    path = checkpoints.catalogue().get(name)
    try:
        return bool(path) and checkpoints.paints(checkpoints.read_card(path))
    except checkpoints.CheckpointError:
        return False


def choice() -> gr.Radio:
    """What is to be done."""
    return gr.Radio(list(TASKS), value=NEW, show_label=False, container=False, elem_id="task-choice")


def there(what: str):
    """-> the models that do what is chosen, and how those come about that are not here, as it is now."""
    return gr.Dropdown(offered(what)), missing(what)


def missing(what: str) -> str:
    """How models come about that would do it and are not here."""
    return ways.in_words([way for way in ways.WAYS if does(way.kind, what, way.kind == "metfaces")], folded=what == NEW)


def taken_up(what: str, photo: str | None):
    """-> the models that do it, the first of them chosen; what is missing; the headings; the button; what to begin with."""
    task, there = TASKS[what], offered(what)
    model = there[0][1] if there else None
    begin = None if task.drawn else gr.skip() if photo else models.start(photos_for(model))
    return (gr.Dropdown(there, value=model, visible=bool(there)), missing(what), *headings(what),
            gr.Button(task.button), begin, gr.Button(visible=task.drawn))  # fmt: skip


def headings(what: str = NEW) -> list[str]:
    """What stands over the photo, the canvas and the exemplar."""
    task = TASKS[what]
    return [step(number, words) for number, words in enumerate((task.first, task.second, task.last), 1)]


def photos_for(model: str | None) -> list[str]:
    """The pictures to start from: grey ones for a model that colourises, none for sketches and scenes."""
    kind = kind_of(model)
    if kind == GREY:
        return grey_samples()
    if paints(model):
        return [path for path in samples("photos") if not models.rendered(path)]
    return models.photos_for(model, offered(NEW)) if model and does(kind, NEW) else []


@functools.cache
def grey_samples() -> list[str]:
    """The sample photos of people, made grey."""
    there = [path for path in samples("photos") if not models.rendered(path)]
    return [grey(path) for path in there]


def grey(path: str) -> str:
    """Path of a grey copy of a sample, which the app may serve as long as it runs."""
    file = io.BytesIO()
    open_photo(path).convert("L").save(file, "jpeg", quality=92)
    return keep(served(file.getvalue(), f"grey_{path.rsplit('/', 1)[-1]}"))


def hint(condition: Condition) -> tuple[str, ...]:
    """What to say of a grey portrait that was to be given new looks."""
    if condition.kind.name != "portrait" or not offered(COLOURISE) or not is_grey(condition.photo):
        return ()
    return (f"this photo is grey: to colour it after the exemplar instead, choose “{COLOURISE}” above",)
