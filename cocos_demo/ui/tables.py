"""What is written under the two pictures of the Correspond tab: the key to the colours, the points, the numbers behind one."""

import html

import numpy as np

from cocos_demo.measured import CLOSE, PLACES
from cocos_demo.pair import Query
from cocos_demo.ui.common import hexadecimal, in_facts
from cocos_demo.ui.scene import ERRORS, FLOW, SIDE, WEIGHTS, Scene
from cocos_demo.viz import heat_scale, marks

START = ("Equal colours match: each dot in the exemplar is where the dot of its colour in the photo was found. Click any place, "
         "in either picture, to see its match in the other.")  # fmt: skip

KNOWN = " Both are rendered, so a star will show its true place."


def key(overlay: str, scales: list[tuple[float, float]], now: Scene) -> str:
    """What the colours over the pictures mean."""
    whose = f" On the photo: those of {now.letters[now.by]}." if now.rival else ""
    if overlay == ERRORS:
        words = "How far a place lands off, going to its match and from there to that one’s own match."
        return in_facts(words + whose + coarse(now)) + ramp("0 px: finds home", f"{scales[0][1]:.0f} px or more")
    if overlay == FLOW:
        return in_facts("Every place has the colour of its match: find that colour in the other picture." + coarse(now))
    if not now.points:
        return in_facts(START + (KNOWN if now.pair.photo.surface and now.pair.exemplar.surface else ""))
    number = len(now.points)
    whose = whose if now.points[-1].side == "exemplar" else ""
    if overlay == WEIGHTS:
        words, ends = f"Each place’s share in the answer to point {number}, together 1.", ("weight 0", "{high:.2g}")
    else:
        words, ends = f"How alike each place is to point {number}; 1 is the most.", ("cosine ≤ {low:.2f}", "{high:.2f}")
    ramps = [ramp(*(end.format(low=low, high=high) for end in ends), letter) for letter, (low, high) in zip(now.letters, scales)]
    return in_facts(words + whose) + "".join(ramps)


def coarse(now: Scene) -> str:
    """What to know where the whole picture is asked on a coarser grid than a click."""
    said = []
    for letter, pair in zip(now.letters, now.pairs):
        (h, w), whose = pair.overview.photo.grid, f"{letter}: asked" if letter else "Asked"
        if pair.overview is not pair:
            said.append(f" {whose} of {w} × {h} places only; a click asks all of them.")
    return "".join(said)


def ramp(low: str, high: str, letter: str = "") -> str:
    """The colours of heat from low to high, as they look over grey."""
    stops = ",".join(hexadecimal(colour) for colour in (heat_scale(17) * 255).round().astype(int))
    bar_ = f'<span>{low}</span><i style="background:linear-gradient(90deg,{stops})"></i><span>{high}</span>'
    return f'<p class="key">{letter and f"<b>{letter}</b>"}{bar_}</p>'


def answer(queries: list[Query]) -> str:
    """The last point in words."""
    last, known = queries[-1], errors(queries)
    return in_facts(f"{there_and_back(last, len(queries))}{true_place(last)}{mean(known)}")


def versus(now: Scene, answers: list[list[Query]]) -> str:
    """Two models in numbers, side by side: the last point, the mean over the points, and all places of the photo."""
    rows, number, known = [], len(now.points), [errors(queries) for queries in answers]
    if number and answers[0][-1].error is not None:
        rows.append((f"Point {number}: from truth (star)", [f"{queries[-1].error:.0f} px" for queries in answers]))
    if number:
        rows.append((f"Point {number}: round trip", [trip(queries[-1]) for queries in answers]))
    if len(known[0]) > 1:
        rows.append((f"Mean of {len(known[0])} points: from truth", [f"{np.mean(each):.0f} px" for each in known]))
    if now.measured[0].pck is not None:
        rows.append((f"All places: PCK@{CLOSE:g}", [f"{m.pck:.1%}" for m in now.measured]))
        rows.append(("All places: mean from truth", [f"{m.error:.0f} px" for m in now.measured]))
    rows.append((f"All places: back within {CLOSE:g}", [f"{m.home:.1%}" for m in now.measured]))
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles(now))
    body = "".join(f"<tr><td>{words}</td>{''.join(f'<td>{value}</td>' for value in values)}</tr>" for words, values in rows)
    words = f"All places: {PLACES} × {PLACES} of the photo. Within {CLOSE:g}, of the side: at most {CLOSE * SIDE:.0f} px off. "
    words += "" if now.measured[0].pck is None else "PCK: the share, of those with a known truth, whose match is so near it."
    return f'<table class="numbers versus"><tr><th></th>{head}</tr>{body}</table>{in_facts(words)}'


def titles(now: Scene) -> list[str]:
    """What the models are called: "A: figure (CoCosNet)"."""
    return [f"{letter}: {name}" for letter, name in zip(now.letters, now.names)]


def points(answers: list[list[Query]], letters: tuple[str, ...]) -> str:
    """All points, last first; of two models, a row each."""
    known = bool(errors(answers[0]))
    by_point = reversed([*enumerate(zip(*answers), 1)])
    rows = "".join(row(i, q, known, letter) for i, each in by_point for q, letter in zip(each, letters))
    truth, who = "<th>from truth</th>" if known else "", "<th></th>" if len(answers) > 1 else ""
    head = f"<tr><th></th>{who}<th>photo</th><th></th><th>exemplar</th><th>cosine</th><th>round trip</th>{truth}</tr>"
    return f'<table class="numbers">{head}{rows}</table>{in_facts(f"Pixels of the pictures shown, {SIDE} × {SIDE}.")}'


def errors(queries: list[Query]) -> list[float]:
    """Pixels from match to truth, of the points whose truth is known."""
    return [q.error for q in queries if q.error is not None]


def row(number: int, q: Query, known: bool, letter: str = "") -> str:
    """One point; an arrow leads from where it was clicked to its match. A second model's answer stands below the first's."""
    at, match, again = pixel(*q.at), pixel(q.x, q.y), letter > "A"
    asked, clicked = q.source.name == "photo", "" if again else f"<strong>{at}</strong>"
    places = (clicked, "→", match) if asked else (match, "←", clicked)
    truth = f"<td>{'–' if q.error is None else f'{q.error:.0f} px'}</td>" if known else ""
    cells = ("" if again else badge(number), *filter(None, [letter]), *places, f"{q.score:.3f}", trip(q))
    start = "<tr>" if again else f'<tr data-from="{q.source.name}">'
    return f'{start}{"".join(f"<td>{cell}</td>" for cell in cells)}{truth}</tr>'


def trip(q: Query) -> str:
    """Where a round trip ends."""
    return f"{q.round_trip.distance:.0f} px" if q.round_trip.distance else "home"


def there_and_back(q: Query, number: int) -> str:
    """Where the last point's round trip ends."""
    x, y, distance = q.round_trip
    end = "finds home" if distance == 0 else f"lands {distance:.0f} px off (the white square)"
    return f"Point {number}, clicked in the {q.source.name}: there and back it {end}."


def true_place(q: Query) -> str:
    """How far the last match is off, where both pictures were rendered."""
    if q.source.surface is None or q.target.surface is None:
        return ""
    if q.error is None:
        return f" It has no true place: not on the figure, or hidden in the {q.target.name}."
    return f" True place (the star): {q.error:.0f} px away."


def mean(known: list[float]) -> str:
    return f" Mean over {len(known)} points with a true place: {np.mean(known):.0f} px." if len(known) > 1 else ""


def numbers(answers: list[list[Query]], now: Scene) -> str:
    """The numbers behind the last point; of two models beside each other."""
    told = [behind(queries[-1], len(queries)) for queries in answers]
    if now.rival is None:
        return told[0]
    blocks = "".join(f"<div><b>{html.escape(title)}</b>{each}</div>" for title, each in zip(titles(now), told))
    return f'<div class="two">{blocks}</div>'


def behind(q: Query, number: int) -> str:
    """The numbers behind one point: its best dot products, their shares in the softmax, and the colour these blend to."""
    rows = [f"<tr><td>{swatch(c.colour)}</td><td>{pixel(c.x, c.y)}</td><td>{c.score:.3f}</td><td>{bar(c.weight)}</td></tr>"
            for c in q.best]  # fmt: skip
    rest = max(1 - sum(c.weight for c in q.best), 0)
    head = f"<tr><th></th><th>in the {q.target.name}</th><th>cosine</th><th>softmax weight</th></tr>"
    foot = (f"<tr><td></td><td>all others</td><td></td><td>{bar(rest)}</td></tr>"
            f"<tr><td>{swatch(q.colour)}</td><td colspan=3>their colours, blended by weight (Eq. 4)</td></tr>")  # fmt: skip
    words = html.escape(f"The numbers behind point {number}, at alpha {q.alpha:g}")
    return f'<p class="facts">{words}</p><table class="numbers">{head}{"".join(rows)}{foot}</table>'


def pixel(x: float, y: float) -> str:
    """Column and row of the pixel that a place lies in."""
    return f"{int(x)}, {int(y)}"


def badge(number: int) -> str:
    colour = marks.COLOURS[(number - 1) % marks.MOST]
    return f'<b style="background:{colour};color:{marks.ink(colour)}">{number}</b>'


def swatch(colour: np.ndarray) -> str:
    return f'<i style="background:{hexadecimal(colour.round().clip(0, 255).astype(int))}"></i>'


def bar(share: float) -> str:
    return f'<i class="bar" style="width:{5 * share:.2f}em"></i>{share:.3f}'

