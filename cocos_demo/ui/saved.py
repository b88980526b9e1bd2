"""What the Correspond tab lets one keep: the points as a table, and the pictures as they stand on the screen."""

import csv
import io

from cocos_demo.pair import Query
from cocos_demo.ui import board
from cocos_demo.ui.scene import Scene

COLUMNS = ("point", "model", "asked_in", "x", "y", "match_x", "match_y", "cosine", "round_trip_x", "round_trip_y",
           "round_trip_px", "true_x", "true_y", "from_truth_px")  # fmt: skip
SHEET = "#photo-shown, #exemplar-shown, #rival-shown"  # whose pictures go into the file, by save.js


def table(now: Scene, answers: list[list[Query]]) -> str:
    """All points as CSV, a row for each answer; places are pixels of the pictures shown, empty where no truth is known."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for number, each in enumerate(zip(*answers), 1):
        for name, q in zip(now.names or (now.given[2],), each):
            truth = ("", "", "") if q.truth is None else (*(f"{i:.1f}" for i in q.truth), f"{q.error:.1f}")
            places = (f"{i:.1f}" for i in (*q.at, q.x, q.y))
            trip = (f"{i:.1f}" for i in q.round_trip)
            rows.writerow([number, name, q.source.name, *places, f"{q.score:.4f}", *trip, *truth])
    return file.getvalue()


def links(now: Scene, answers: list[list[Query]]) -> str:
    """What saves both on the visitor's own machine; the pictures are taken from the page, so that a click stays quick."""
    points = board.link("Save the points (CSV)", "points.csv", board.data(table(now, answers).encode(), "text/csv"))
    return f'<p>{points}<a class="save" href="#" data-sheet="{SHEET}" data-name="points.png">Save the pictures (PNG)</a></p>'
