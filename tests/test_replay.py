"""The matching told step by step: all frames in their order, each what the network's own equations say of its field."""

import pytest
import torch
from test_cocosnet_v2 import inputs, network

from cocos_demo.models import SYSTEMS
from cocos_demo.models.correspondence import correlate
from cocos_demo.replay import Frame, ReplayError, replay

PUBLISHED = dict(preset="published", condition_channels=5, width=4, hidden=4, generator=(8, 8, 8, 8, 4, 4, 4), iterations=2)


@pytest.fixture(scope="module")
def net():
    return network().eval()


def published():
    torch.manual_seed(0)
    return SYSTEMS["cocosnet_v2"](**PUBLISHED).eval()


def test_every_step_of_every_level_in_order(net):
    x, y = inputs(1)
    frames = replay(net, x, y)
    steps = [("initialise", 0), ("propagate", 1), ("refine", 1), ("propagate", 2), ("refine", 2)]
    assert [(f.level, f.step, f.iteration) for f in frames] == [
        (0, "exact", 0), *((level, *step) for level in (1, 2, 3) for step in steps)]
    for f in frames:
        n = 8 << f.level
        assert f.H.shape == (n, n, 4, 2) and f.S.shape == (n, n, 4) and f.warp.shape == (3, n, n) and f.grid == (n, n)
        assert f.warp.abs().max() <= 1 + 1e-5 and (f.H >= 0.5).all() and (f.H <= n - 0.5).all()


def test_the_last_frame_of_each_level_is_what_the_network_warps_by(net):
    x, y = inputs(1)
    frames, out = replay(net, x, y), net(x, y)
    for level in (1, 2, 3):
        last = [f for f in frames if f.level == level][-1]
        torch.testing.assert_close(last.warp, out.warps[level][0], atol=1e-5, rtol=0)


def test_the_first_frame_is_the_exact_match(net):
    x, y = inputs(1)
    frame, match = replay(net, x, y)[0], net.correspond(x, y)
    M = correlate(match.x[0], match.y[0])[0]  # (64, 64)
    torch.testing.assert_close(frame.S.view(64, 4), M.topk(4).values, atol=1e-5, rtol=0)
    cells = frame.H.view(64, 4, 2).floor().long() @ torch.tensor([1, 8])
    torch.testing.assert_close(M.gather(1, cells), frame.S.view(64, 4), atol=1e-5, rtol=0)


def test_told_again_it_is_the_same(net):
    x, y = inputs(1)
    for a, b in zip(replay(net, x, y), replay(net, x, y), strict=True):
        assert torch.equal(a.H, b.H) and torch.equal(a.S, b.S) and torch.equal(a.warp, b.warp)


def test_the_best_of_a_frame_by_hand():
    """Two positions of two candidates each in a grid of 2 rows and 4 columns; the second candidate of the first is the better."""
    H = torch.tensor([[[[0.5, 0.5], [3.0, 1.5]], [[2.0, 0.5], [1.0, 1.0]]]])  # (1, 2, 2, 2)
    frame = Frame(1, 1, "refine", H, torch.tensor([[[0.2, 0.9], [0.4, -0.1]]]), torch.zeros(3, 1, 2), (2, 4))
    assert torch.equal(frame.score, torch.tensor([[0.9, 0.4]]))
    assert torch.equal(frame.places, torch.tensor([[[0.75, 0.75], [0.5, 0.25]]]))


def test_pictures_of_other_shapes(net):
    x, y = inputs(1, (64, 96), other=(128, 64))
    last = replay(net, x, y)[-1]
    assert last.H.shape == (64, 96, 4, 2) and last.grid == (128, 64)
    assert (last.places >= 0).all() and (last.places <= 1).all() and last.places[..., 1].max() > 0.5


def test_the_published_network_with_its_own_steps():
    net, (x, y), y_A = published(), inputs(1), inputs(1, seed=1)[0]
    frames = replay(net, x, y, y_A)
    assert len(frames) == 1 + 3 * 5 and frames[0].H.shape == (8, 8, 1, 2) and frames[-1].H.shape == (64, 64, 16, 2)
    warps = net(x, y, y_A).warps
    for level in (1, 2, 3):
        last = [f for f in frames if f.level == level][-1]
        torch.testing.assert_close(last.warp, warps[level][0], atol=1e-4, rtol=0)


def test_what_cannot_be_told(net):
    x, y = inputs(1)
    one_step = SYSTEMS["cocosnet"]("tiny", condition_channels=5, size=64)
    with pytest.raises(ReplayError, match="CoCosNet matches in one step.*CoCosNet v2"):
        replay(one_step, x, y)
    with pytest.raises(ReplayError, match="one picture at a time can be told, got 2"):
        replay(net, *inputs(2))
