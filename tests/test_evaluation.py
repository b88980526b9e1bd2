"""evaluation on a made-up folder."""

import math

from folders import prepared

from cocos_demo import checkpoints
from cocos_demo.datasets.pairs import PreparedFolder
from cocos_demo.evaluation import EvaluateArgs, choose_pairs, run
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake


def test_pairs_are_different_and_of_the_sort_asked_for(tmp_path):
    folder = PreparedFolder(prepared(tmp_path / "data", held_out=3), "test")
    same, cross = (choose_pairs(folder, sort, 100, 0) for sort in (True, False))
    assert len(set(same)) == len(same) == 6 and len(set(cross)) == len(cross) == 24
    assert all(folder.items[i]["person"] == folder.items[j]["person"] and i != j for i, j in same)
    assert choose_pairs(folder, False, 5, 0) == choose_pairs(folder, False, 5, 0) != choose_pairs(folder, False, 5, 1)
    folder.items[0]["scene"] = "park"
    assert all(0 not in pair for pair in choose_pairs(folder, True, 100, 0))
    assert any(0 in pair for pair in choose_pairs(folder, True, 100, 0, any_scene=True))


def test_evaluate_prints_writes_and_draws(tmp_path, capsys):
    net = bake(SYSTEMS["cocosnet"](condition_channels=35, size=32, pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4))
    card = {"name": "a", "system": "cocosnet", "condition": "figure", "size": 32, "steps": 7}
    checkpoints.save(tmp_path / "a.safetensors", net, card)
    folder = prepared(tmp_path / "data", held_out=2)
    run(EvaluateArgs(model=(str(tmp_path / "a.safetensors"),), data=folder, pairs=2, sheet=tmp_path / "sheet.png",
                     curve=tmp_path / "curve.png", json=tmp_path / "figures.json"))
    printed = capsys.readouterr().out
    assert "PCK@0.1 same pixel" in printed and "error over the figure" in printed
    assert all((tmp_path / name).stat().st_size > 100 for name in ("sheet.png", "curve.png", "figures.json"))
    # In the made-up folder the true match of a pixel is the same pixel, as far as the square is visible.
    same_pixel = [float(line.split()[-1]) for line in printed.splitlines() if "PCK@0.03 same pixel" in line]
    assert same_pixel and all(math.isclose(value, 1.0) for value in same_pixel)
