"""What the lessons share: sets that ship, networks that ship, pairs with the truth, and the check of an exercise."""

import numpy as np
import pytest
import torch

from cocos_demo import checkpoints, lessons
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A folder with one untrained network in it, instead of those that ship."""
    torch.manual_seed(0)
    net = SYSTEMS["cocosnet"]("mini", condition_channels=len(lessons.figures("test").kind.channels),
                              exemplar_input="image+condition").eval()
    checkpoints.save(tmp_path / "networks" / "full.safetensors", bake(net), {"name": "full", "system": "cocosnet",
                                                                             "condition": "figure", "size": 64})
    for part in ("figures", "faces"):
        (tmp_path / part).symlink_to(lessons.LESSONS / part)
    monkeypatch.setattr(lessons, "LESSONS", tmp_path)


@pytest.mark.parametrize("folder, people, pictures", [
    (lessons.figures, (54, 6), (108, 12)), (lessons.faces, (8, 2), (168, 42))])
def test_the_sets_are_split_by_person(folder, people, pictures):
    train, test = folder("train"), folder("test")
    assert (len(train.people), len(test.people)) == people and (len(train), len(test)) == pictures
    assert not set(train.people) & set(test.people)
    assert train.image(0).shape == (3, 64, 64) and train.condition(0, 64).shape == (len(train.kind.channels), 64, 64)


def test_a_batch_is_what_was_asked_for():
    folder = lessons.figures("test")
    i, k = next(iter(folder.people.values()))
    stranger = next(j for j in range(len(folder)) if not folder.same_person(i, j))
    b = lessons.batch(folder, [(i, k), (i, stranger)])
    assert torch.equal(b.x_B[1], folder.photo(i, 64)) and torch.equal(b.y_B[0], folder.photo(k, 64))
    assert torch.equal(b.x_A[0], folder.condition(i, 64)) and torch.equal(b.y_A[1], folder.condition(stranger, 64))
    assert torch.equal(b.known[0], folder.figure(i)) and not b.known[1].any()
    assert lessons.batch(folder, [(i, k)], 32).x_B.shape == (1, 3, 32, 32)


def test_a_pair_knows_the_truth(nets):
    net, folder = lessons.network("full"), lessons.figures("test")
    i, k = next(iter(folder.people.values()))
    p = lessons.pair(net, folder, i, k)
    assert p.photo.grid == (32, 32) and p.photo.picture.size == (64, 64)
    errors = p.errors()
    assert 0.01 < np.isfinite(errors).mean() < 0.6  # the figure, as far as it is seen in both
    same = lessons.pair(net, folder, i, i)
    y, x = np.argwhere(np.isfinite(same.errors()))[0] * 2 + 1.25
    assert np.allclose(same.truth(x, y), (x, y), atol=0.5)
    assert np.isnan(lessons.pair(net, lessons.figures("train"), 0, 1).errors()).all()  # their surfaces do not ship


def test_a_network_that_does_not_ship_is_told(nets):
    with pytest.raises(lessons.LessonError, match="there is no network 'other' for the lessons; there are full"):
        lessons.network("other")


def test_the_check_of_an_exercise(capsys):
    lessons.check(..., 1.0)
    assert "Not yet" in capsys.readouterr().out
    for answer, expected in ((0.5, 0.5), (torch.ones(2), torch.ones(2)), (np.float32(0.1), 0.1), (16, 16), ([1, 2], [1, 2])):
        lessons.check(answer, expected)
        assert capsys.readouterr().out == "Right.\n"
    for answer, expected in ((0.5, 0.6), (torch.ones(2), torch.ones(3)), (16, 17), (None, 1.0)):
        with pytest.raises((AssertionError, TypeError, RuntimeError)):
            lessons.check(answer, expected)
