"""What the Correspond tab lets one keep, as a file."""

import base64
import csv
import io
import re

import pytest
from made_up import RENDERED

from cocos_demo import Matcher
from cocos_demo.ui import saved
from cocos_demo.ui.scene import Point, Scene


@pytest.fixture(scope="module")
def now():
    given = (*map(str, RENDERED), "figure")
    scene = Scene.of(given, (), Matcher.load("figure").set_images(*RENDERED), None)
    return scene._replace(points=(Point("photo", 255, 200), Point("exemplar", 3, 3)))


def test_each_answer_is_a_row(now):
    answers = now.answers(100)
    text = saved.table(now, answers)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["point"] for row in rows] == ["1", "2"] and tuple(rows[0]) == saved.COLUMNS
    for row, q in zip(rows, answers[0]):
        assert (row["model"], row["asked_in"]) == ("figure", q.source.name)
        assert [float(row[key]) for key in ("x", "y", "match_x", "match_y")] == pytest.approx([*q.at, q.x, q.y], abs=0.051)
        assert float(row["round_trip_px"]) == pytest.approx(q.round_trip.distance, abs=0.051)
        assert float(row["cosine"]) == pytest.approx(q.score, abs=1e-4)
    assert float(rows[0]["from_truth_px"]) == pytest.approx(answers[0][0].error, abs=0.051)
    assert rows[1]["true_x"] == rows[1]["from_truth_px"] == ""  # a corner is not on the figure
    assert base64.b64decode(re.search(r"base64,([^\"]+)", saved.links(now, answers))[1]).decode() == text


def test_of_two_models_both_answers_are_rows(now):
    two = now._replace(rival=now.pair, names=("a (CoCosNet)", "b (MCL-Net)"))
    rows = list(csv.DictReader(io.StringIO(saved.table(two, two.answers(100)))))
    assert [(row["point"], row["model"][0]) for row in rows] == [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")]
