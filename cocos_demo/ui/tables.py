"""What is written under the two pictures of the Correspond tab: the key to the colours, the points, the numbers behind one."""

import html

import numpy as np

from cocos_demo.pair import Query
from cocos_demo.ui.common import hexadecimal, in_facts
from cocos_demo.ui.scene import ERRORS, FLOW, SIDE, WEIGHTS, Scene
from cocos_demo.viz import heat_scale, marks

START = ("Equal colours match: each dot in the exemplar is where the dot of its colour in the photo was found. Click any place, "
         "in either picture, to see its match in the other.")  # fmt: skip

KNOWN = " Both are rendered, so a star will show its true place."


def key(overlay: str, scale: tuple[float, float], now: Scene) -> str:
    """What the colours over the pictures mean."""
    low, high = scale
    if overlay == ERRORS:
        words = "How far a place lands off, going to its match and from there to that one’s own match."
        return in_facts(words + coarse(now)) + ramp("0 px: finds home", f"{high:.0f} px or more")
    if overlay == FLOW:
        return in_facts("Every place has the colour of its match: find that colour in the other picture." + coarse(now))
    if not now.points:
        return in_facts(START + (KNOWN if now.pair.photo.surface and now.pair.exemplar.surface else ""))
    number = len(now.points)
    if overlay == WEIGHTS:
        return in_facts(f"Each place’s share in the answer to point {number}, together 1.") + ramp("weight 0", f"{high:.2g}")
    words = f"How alike each place is to point {number}; 1 is the most."
    return in_facts(words) + ramp(f"cosine ≤ {low:.2f}", f"{high:.2f}")


def coarse(now: Scene) -> str:
    """What to know where the whole picture is asked on a coarser grid than a click."""
    h, w = now.pair.overview.photo.grid
    return "" if now.pair.overview is now.pair else f" Asked of {w} × {h} places only; a click asks all of them."


def ramp(low: str, high: str) -> str:
    """The colours of heat from low to high, as they look over grey."""
    stops = ",".join(hexadecimal(colour) for colour in (heat_scale(17) * 255).round().astype(int))
    return f'<p class="key"><span>{low}</span><i style="background:linear-gradient(90deg,{stops})"></i><span>{high}</span></p>'


def answer(queries: list[Query]) -> str:
    """The last point in words."""
    last, known = queries[-1], errors(queries)
    return in_facts(f"{there_and_back(last, len(queries))}{true_place(last)}{mean(known)}")


def points(queries: list[Query]) -> str:
    """All points, last first."""
    known = errors(queries)
    rows = "".join(row(i, q, bool(known)) for i, q in reversed([*enumerate(queries, 1)]))
    truth = "<th>from truth</th>" if known else ""
    head = f"<tr><th></th><th>photo</th><th></th><th>exemplar</th><th>cosine</th><th>round trip</th>{truth}</tr>"
    return f'<table class="numbers">{head}{rows}</table>{in_facts(f"Pixels of the pictures shown, {SIDE} × {SIDE}.")}'


def errors(queries: list[Query]) -> list[float]:
    """Pixels from match to truth, of the points whose truth is known."""
    return [q.error for q in queries if q.error is not None]


def row(number: int, q: Query, known: bool) -> str:
    """One point; an arrow leads from where it was clicked to its match."""
    at, match = pixel(*q.at), pixel(q.x, q.y)
    asked = q.source.name == "photo"
    places = (f"<strong>{at}</strong>", "→", match) if asked else (match, "←", f"<strong>{at}</strong>")
    truth = f"<td>{'–' if q.error is None else f'{q.error:.0f} px'}</td>" if known else ""
    trip = f"{q.round_trip.distance:.0f} px" if q.round_trip.distance else "home"
    cells = (badge(number), *places, f"{q.score:.3f}", trip)
    return f'<tr data-from="{q.source.name}">{"".join(f"<td>{cell}</td>" for cell in cells)}{truth}</tr>'


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

