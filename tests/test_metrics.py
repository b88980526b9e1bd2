"""metrics.py against hand-worked cases, and evaluation.py on a made-up folder."""

import math

import pytest
import torch
from folders import prepared

from cocos_demo import checkpoints
from cocos_demo.datasets.pairs import PreparedFolder
from cocos_demo.evaluation import EvaluateArgs, choose_pairs, run
from cocos_demo.metrics import LEFT_EYE, RIGHT_EYE, landmark_distance, pck, pixel_centres, predicted_places, relative_error
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake


def test_relative_error():
    target, exemplar = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    output = exemplar / 4
    assert relative_error(output, target, exemplar) == pytest.approx(0.25)
    assert relative_error(exemplar, target, exemplar) == 1 and relative_error(target, target, exemplar) == 0
    output[..., 0, 0] = 1
    mask = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    mask[..., 0, 0] = True
    assert relative_error(output, target, exemplar, mask) == 1


def test_landmark_distance_is_in_eye_distances():
    truth = torch.zeros(478, 2)
    truth[LEFT_EYE], truth[RIGHT_EYE] = torch.tensor([0.6, 0.5]), torch.tensor([0.4, 0.5])
    assert landmark_distance(truth + torch.tensor([0.03, 0.04]), truth) == pytest.approx(0.05 / 0.2, rel=1e-4)


def test_pck_by_hand():
    truth = torch.zeros(2, 1, 4)
    places = torch.tensor([[[0.02, 0.04, 0.2, 0.0]], [[0.0, 0.0, 0.0, 0.9]]])
    visible = torch.tensor([[True, True, True, False]])
    assert pck(places, truth, visible, (0.03, 0.05, 0.1)) == pytest.approx({0.03: 1 / 3, 0.05: 2 / 3, 0.1: 2 / 3})


@pytest.mark.parametrize("soft", [True, False])
def test_identical_features_send_every_pixel_to_itself(soft):
    f = torch.randn(1, 64, 4, 4)
    torch.testing.assert_close(predicted_places(f, f, 16, 1000.0, soft)[0], pixel_centres(16, 16), atol=1e-4, rtol=0)


@pytest.mark.parametrize("soft", [True, False])
def test_a_shift_of_the_features_is_found(soft):
    wide = torch.randn(1, 64, 4, 5)
    places = predicted_places(wide[..., 1:], wide[..., :4], 16, 1000.0, soft)[0]  # x[u] = y[u + 1 cell to the right]
    expected = pixel_centres(16, 16) + torch.tensor([0.25, 0]).view(2, 1, 1)
    torch.testing.assert_close(places[..., :12], expected[..., :12], atol=1e-4, rtol=0)


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
