"""How far makeup lands from where the target's own landmarks put it."""

import numpy as np
import pytest
from folders import prepared

from cocos_demo.applications.ready import READY
from cocos_demo.conditions import faces
from cocos_demo.datasets.prepared import DataError
from cocos_demo.evaluation import strokes
from cocos_demo.photo import open_photo


def test_overlap_by_hand():
    one, other = np.array([[1, 0.5, 0]]), np.array([[0.5, 0.5, 0.5]])
    assert strokes.overlap(one, one) == 1 and strokes.overlap(one, np.zeros_like(one)) == 0
    assert strokes.overlap(one, other) == pytest.approx((0.5 + 0.5) / (1 + 0.5 + 0.5)) == strokes.overlap(other, one)
    assert strokes.overlap(0 * one, 0 * one) == 0


def test_the_table_means_over_pairs_and_marks_the_best():
    rows = {("a", ""): [[0.2] * len(READY), [0.4] * len(READY)], ("b", "places carried"): [[0.5] * len(READY)] * 2}
    table = strokes.table(rows).splitlines()
    assert table[2].startswith("| a | 0.300") and table[3].startswith("| b (places carried) | **0.500**")
    assert table[0].count("↑") == len(READY) + 1


def test_the_command_prints_all_ways_and_finds_faces_better_than_the_same_place(tmp_path, capsys):
    data = prepared(tmp_path / "data", condition="portrait", people=2, shots=1, size=256, held_out=2)
    points = []
    for name, path in (("P0_0", "photos/P009_studio_portrait"), ("P1_0", "portraits/P010_smug")):
        photo = open_photo(f"data/samples/{path}.jpg").resize((256, 256))
        photo.save(data / "images" / f"{name}.jpg", quality=95)
        xy = faces.largest(photo)[0] / 256
        points.append(np.column_stack([xy, np.ones(478)]))
    np.save(data / "points.npy", np.array(points, np.float32))
    strokes.run(strokes.StrokesArgs(data, ("portrait_mcl",), pairs=1))
    said = capsys.readouterr().out
    means = {row.split("|")[1].strip(): float(row.split("|")[-2].replace("*", "")) for row in said.splitlines()[4:]}
    assert list(means) == ["the same place", *(f"portrait_mcl ({way})" for way in strokes.WAYS)]
    assert means["portrait_mcl (places carried)"] > means["portrait_mcl (strokes carried)"] > means["the same place"]
    assert means["portrait_mcl (places, confined)"] > 0.4
    with pytest.raises(DataError, match="at least one pair"):
        strokes.run(strokes.StrokesArgs(data, pairs=0))
    with pytest.raises(DataError, match="between portraits"):
        strokes.run(strokes.StrokesArgs(data, ("figure",)))
