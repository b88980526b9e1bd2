"""A blind comparison: orders drawn by a seed, rankings that add up, their tally, the file, the command `tally`."""

import hashlib
from collections import Counter
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

from cocos_demo import study
from cocos_demo.cli import main
from cocos_demo.study import Judgement, StudyError
from cocos_demo.viz import rates, to_pil

NAMES = ("portrait", "portrait_mcl", "portrait_v2")


def row(number: int, quality, closeness=None, seed: int = 7) -> Judgement:
    """Ranks by name, whatever the order that the seed draws."""
    order = study.drawn(seed, number, NAMES)
    places = [tuple(ranks[NAMES.index(name)] for name in order) for ranks in (quality, closeness or quality)]
    return Judgement("2026-01-01T00:00:00+00:00", seed, number, "a, b.jpg", "ü.png", order, *places)


ROWS = [row(1, (1, 2, 3), (3, 2, 1)), row(2, (1, 3, 2)), row(3, (2, 1, 3), (1, 2, 3))]


def test_the_order_is_that_of_the_digests():
    by_hand = sorted(NAMES, key=lambda name: hashlib.sha256(f"7 1 {name}".encode()).hexdigest())
    assert study.drawn(7, 1, NAMES) == tuple(by_hand) == study.drawn(7, 1, reversed(NAMES))
    seen = Counter(study.drawn(seed, number, NAMES) for seed in range(30) for number in range(1, 41))
    assert set(seen) == set(permutations(NAMES)) and max(seen.values()) < 1.3 * min(seen.values())


def test_every_pair_comes_once_before_any_comes_again():
    photos, looks = ["a", "b", "c"], ["a", "x"]
    shown = [study.pairing(3, number, photos, looks) for number in range(1, 11)]
    assert len(set(shown[:5])) == 5 and shown[:5] == shown[5:] and ("a", "a") not in shown
    assert shown[:5] != [study.pairing(4, number, photos, looks) for number in range(1, 6)]
    with pytest.raises(StudyError, match="no pair"):
        study.pairing(3, 1, ["a"], ["a"])


def test_what_is_missing_is_said():
    assert study.unfinished([2, 1, 3]) == ""
    assert study.unfinished([None, 1, None]) == "A, C have no place yet" and study.unfinished([2, None]) == "B has no place yet"
    assert study.unfinished([2, None, 2]) == "place 2 is given to A and C"
    assert study.unfinished([4, 1, 2]) == "A has place 4 of 3"
    for wrong in ({"quality": (1, 1, 2)}, {"closeness": (1, 2)}, {"order": ("a", "a", "b")}, {"order": ("a",)}):
        with pytest.raises(StudyError):
            replace(ROWS[0], **wrong)


def test_the_tally_by_hand():
    counted = study.tally(ROWS)
    assert counted["quality"] == {"portrait": [2, 1, 0], "portrait_mcl": [1, 1, 1], "portrait_v2": [0, 1, 2]}
    assert counted["closeness"] == {"portrait": [2, 0, 1], "portrait_mcl": [0, 2, 1], "portrait_v2": [1, 1, 1]}
    assert list(counted["closeness"]) == ["portrait", "portrait_v2", "portrait_mcl"]  # by mean place: 5, 6, 7 thirds
    assert study.mean_place([2, 0, 1]) == pytest.approx(5 / 3)
    first = study.table(counted).splitlines()[1].split()
    assert first == ["portrait", "2", "1", "0", "66.7%", "1.33"]
    assert study.tally([]) == {"quality": {}, "closeness": {}}


def test_every_round_gives_each_place_once():
    counted = study.tally(ROWS)
    for places in counted.values():
        assert np.array_equal(np.sum([*places.values()], axis=0), [len(ROWS)] * 3)


def test_what_is_written_is_read():
    text = study.written(ROWS)
    assert study.read(text) == ROWS == study.checked([("it", text)]) and study.read("\ufeff" + text) == ROWS
    assert text.splitlines()[0] == "time,seed,pair,photo,exemplar,order,quality,closeness"


def test_a_file_that_does_not_add_up_is_refused():
    text = study.written(ROWS)
    lines = text.splitlines()
    swapped = text.replace("|".join(ROWS[1].order), "|".join(reversed(ROWS[1].order)))
    for wrong, words in (("", "no record of a blind comparison"), (text.replace("quality", "taste"), "first line"),
                         (swapped, "round 2 of seed 7 was not shown in this order"), (text + lines[2], "round 2.* is there"),
                         (text.replace(",7,3,", ",7,three,"), "line 4: seed, pair and places must be whole numbers"),
                         (text + "1,2,3", "line 5: 3 cells, and there must be 8"), (lines[0], "no judgement")):  # fmt: skip
        with pytest.raises(StudyError, match=words):
            study.checked([("it", wrong)])
    ranks = "|".join(map(str, ROWS[0].quality))
    with pytest.raises(StudyError, match="line 2: quality: place 1 is given"):
        study.checked([("it", text.replace(ranks, "1|1|2", 1))])
    with pytest.raises(StudyError, match="twice"):  # the same person's file, twice
        study.checked([("a", text), ("b", text)])


def test_the_bars_are_the_shares():
    figure = rates({"quality": {"a": [3, 1], "b": [1, 3]}})
    bars = [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches]
    assert bars[:4] == [(0, 0.75), (0.75, 0.25), (0, 0.25), (0.25, 0.75)]
    assert [text.get_text() for text in figure.axes[0].texts] == ["75%", "25%", "25%", "75%"]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a  n=4", "b  n=4"]
    assert to_pil(figure).width > 300


def test_the_command_counts_again(tmp_path, capsys):
    for name, rows in (("one.csv", ROWS), ("two.csv", [row(1, (3, 2, 1), seed=8)])):
        (tmp_path / name).write_text(study.written(rows), "utf-8")
    out = tmp_path / "rates.png"
    files = [str(tmp_path / name) for name in ("one.csv", "two.csv")]
    assert main(["tally", *files, "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 rounds") and study.table(study.tally([*ROWS, row(1, (3, 2, 1), seed=8)])) in said
    assert Image.open(out).width > 300
    (tmp_path / "two.csv").write_bytes(b"\xff\xfe\x00")
    assert main(["tally", *files, "-o", str(out)]) == 2 and "two.csv is no text" in capsys.readouterr().err
    assert main(["tally", str(tmp_path / "none.csv")]) == 2 and "no such file" in capsys.readouterr().err
