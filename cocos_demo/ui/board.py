"""What the tabs Compare and Blind show as HTML: a card for each system, its numbers, pictures and files that no server keeps."""

import base64
import html
import io
from collections.abc import Sequence

from PIL import Image

from cocos_demo import comparing
from cocos_demo.comparing import Outcome
from cocos_demo.measured import CLOSE, PLACES
from cocos_demo.translator import enlarge
from cocos_demo.ui import models, tables
from cocos_demo.ui.common import in_boxes, in_facts

SHOWN = 256  # pixels of a picture on a card, at least
MEASURED = (f"Cycle error: the mean distance, there and back, over {PLACES} × {PLACES} places of the photo, in pixels of "
            f"{comparing.SIDE} × {comparing.SIDE}. Home: the share that lands within {CLOSE:.0%} of the side. Seconds: matching "
            "and painting, once photo and exemplar have been read.")  # fmt: skip
TRUE = f" From truth: the mean over all places whose true match is known; PCK: the share of these within {CLOSE:.0%}."


def board(names: Sequence[str], outcomes: Sequence[Outcome], stopped: bool = False) -> str:
    """A card for what was given and one for each system, those that are still to come as well."""
    first = next((outcome for outcome in outcomes if not outcome.trouble), None)
    given = card("What is given", _pictures({"Photo": first and first.photo, "Exemplar": first and first.exemplar}))
    cards = [given, *map(system, outcomes)]
    for i, name in enumerate(names[len(outcomes) :]):
        words = "stopped before its turn" if stopped else "at work …" if i == 0 else "waits for its turn"
        cards.append(card(models.titled(name), f'<p class="wait{"" if stopped or i else " now"}">{words}</p>'))
    notes = dict.fromkeys(note for outcome in outcomes for note in outcome.notes)
    known = any(outcome.measured and outcome.measured.error is not None for outcome in outcomes)
    return f'<div class="cards">{"".join(cards)}</div>{in_boxes(notes)}{in_facts(MEASURED + TRUE * known)}'


def system(outcome: Outcome) -> str:
    """The card of a system that is done, or that says why it failed."""
    if outcome.trouble:
        return card(outcome.name, in_boxes([outcome.trouble]))
    warp = outcome.warp_name[0].upper() + outcome.warp_name[1:]
    pictures = _pictures({"Picture": outcome.image, warp: outcome.warped}, f", by {outcome.title}", outcome.name)
    return card(outcome.title, pictures + numbers(outcome))


def card(title: str, body: str) -> str:
    return f'<article class="card"><h3>{html.escape(title)}</h3>{body}</article>'


def _pictures(named: dict[str, Image.Image | None], by: str = "", name: str = "") -> str:
    """Pictures with their names; a click saves one as it is, where a file `name` is given."""
    found = []
    for words, image in named.items():
        if image is None:
            body = f'<span class="none">{"no warp" if name else ""}</span>'
        else:
            source = address(enlarge(image, SHOWN) if image.width <= 2 * SHOWN else image.resize((2 * SHOWN, 2 * SHOWN)))
            body = f'<img alt="{html.escape(words + by)}" src="{source}">'
            if name:
                file = html.escape(f"{name}_{words.split()[0].lower().rstrip(',')}.png")
                body = f'<a download="{file}" href="{address(image)}" title="Save {file}, {image.width} px">{body}</a>'
        found.append(f"<figure><figcaption>{html.escape(words)}</figcaption>{body}</figure>")
    return "".join(found)


def numbers(outcome: Outcome) -> str:
    """What was measured, a row each."""
    rows, m = [("Seconds", f"{outcome.seconds:.2f}")], outcome.measured
    if m is None:
        rows.append(("Cycle error", "no matches"))
    else:
        rows += [("Cycle error", f"{m.trip:.0f} px"), ("Home", f"{m.home:.0%}")]
    if m is not None and m.error is not None:
        rows += [("From truth", f"{m.error:.0f} px"), (f"PCK@{CLOSE:g}", f"{m.pck:.0%}")]
    cells = "".join(f"<tr><td>{words}</td><td>{value}</td></tr>" for words, value in rows)
    return f'<table class="numbers">{cells}</table>'


def answers(outcomes: Sequence[Outcome], points: Sequence[tuple[float, float]]) -> str:
    """The exemplar with the matches of each system, and these in numbers."""
    cards = []
    for outcome in (outcome for outcome in outcomes if outcome.pair):
        picture = comparing.marked(outcome, points)
        words = f"Exemplar with the matches of {outcome.title}"
        image = f'<figure><img alt="{html.escape(words)}" src="{address(picture, "webp")}"></figure>'
        cards.append(card(outcome.title, image + matches(outcome, points)))
    return f'<div class="cards">{"".join(cards)}</div>' if cards else in_facts("None of these systems matches.")


def matches(outcome: Outcome, points: Sequence[tuple[float, float]]) -> str:
    """Where the points went, last first."""
    if not points:
        return ""
    queries = outcome.queries(points)
    known = bool(tables.errors(queries))
    rows = []
    for number, q in reversed([*enumerate(queries, 1)]):
        truth = f"<td>{'–' if q.error is None else f'{q.error:.0f} px'}</td>" if known else ""
        cells = "".join(f"<td>{cell}</td>" for cell in (tables.badge(number), tables.pixel(q.x, q.y), tables.trip(q)))
        rows.append(f"<tr data-point='{number}'>{cells}{truth}</tr>")
    head = f"<tr><th></th><th>match</th><th>round trip</th>{'<th>from truth</th>' if known else ''}</tr>"
    return f'<table class="numbers">{head}{"".join(rows)}</table>'


# Files that live in the page alone


def address(picture: Image.Image, kind: str = "png") -> str:
    """A picture as a data address."""
    file = io.BytesIO()
    picture.save(file, kind, **({"compress_level": 1} if kind == "png" else {"quality": 88, "method": 2}))
    return data(file.getvalue(), f"image/{kind}")


def data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def link(words: str, name: str, content: str) -> str:
    """What saves a file (a data address) on the visitor's own machine."""
    return f'<a class="save" download="{html.escape(name)}" href="{content}">{html.escape(words)}</a>'
