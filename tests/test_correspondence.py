"""models/correspondence.py against hand-worked numbers, the explicit formulas in float64, and its own symmetries."""

import math

import pytest
import torch

from cocos_demo.models import correspondence as co


def features(b=2, c=16, h=5, w=7, seed=0, dtype=torch.float32):
    return torch.randn(b, c, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_correlate_by_hand():
    # Two positions, three channels: (1, 2, 3) is centred to (-1, 0, 1), (3, 2, 1) to (1, 0, -1), (0, 0, 3) to (-1, -1, 2).
    fx = torch.tensor([[1.0, 2, 3], [3, 2, 1]]).T.reshape(1, 3, 1, 2)
    fy = torch.tensor([[1.0, 2, 3], [0, 0, 3]]).T.reshape(1, 3, 1, 2)
    half = 3 / math.sqrt(2 * 6)
    torch.testing.assert_close(co.correlate(fx, fy), torch.tensor([[[1, half], [-1, -half]]]))


def test_correlate_is_eq_3_in_float64():
    fx, fy = features(dtype=torch.float64), features(h=3, w=4, seed=1, dtype=torch.float64)
    M = co.correlate(fx, fy)
    assert M.shape == (2, 35, 12)
    for u, v in ((0, 0), (34, 11), (17, 5)):
        a, b = fx[1].flatten(1)[:, u], fy[1].flatten(1)[:, v]
        a, b = a - a.mean(), b - b.mean()
        assert M[1, u, v].item() == pytest.approx((a @ b / (a.norm() * b.norm())).item(), abs=1e-12)


@pytest.mark.parametrize("channels, values", [(16, 3), (4, 48), (16, 16)])
@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_fast_paths_equal_the_readable_ones(channels, values, alpha):
    fx, fy = features(c=channels), features(c=channels, h=6, w=3, seed=1)
    y = features(c=values, h=6, w=3, seed=2)
    torch.testing.assert_close(co.warp(fx, fy, y, alpha), co.warp_explicit(fx, fy, y, alpha), atol=1e-4, rtol=0)
    torch.testing.assert_close(co.cycle(fx, fy, y, alpha), co.cycle_explicit(fx, fy, y, alpha), atol=1e-4, rtol=0)


def test_fast_paths_have_the_readable_gradients():
    results = []
    for function in (co.warp, co.warp_explicit, co.cycle, co.cycle_explicit):
        inputs = [features(seed=s, c=c).requires_grad_() for s, c in ((0, 8), (1, 8), (2, 3))]
        function(*inputs, 10.0).square().sum().backward()
        results.append([t.grad for t in inputs])
    for fast, readable in (results[:2], results[2:]):
        for a, b in zip(fast, readable):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("channels, values", [(64, 3), (64, 48), (64, 83), (8, 48)])
def test_the_matrix_is_never_held(channels, values, layout):
    fx, fy = (features(1, channels, 24, 24, s).to(memory_format=layout).requires_grad_() for s in (0, 1))
    largest = []

    def note(t):
        largest.append(t.numel())
        return t

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        r = co.cycle(fx, fy, features(1, values, 24, 24, 2))
    with torch.profiler.profile() as profile:
        co.cycle(fx, fy, features(1, values, 24, 24, 2))
    assert max(largest) < 576 * 576
    assert not any("attention_math" in event.key for event in profile.key_averages())
    r.sum().backward()


def test_gradcheck():
    inputs = [features(1, c, 2, 3, s, torch.float64).requires_grad_() for s, c in ((0, 4), (1, 4), (2, 2))]
    assert torch.autograd.gradcheck(lambda *t: co.warp_explicit(*t, 3.0), inputs)
    assert torch.autograd.gradcheck(lambda *t: co.cycle(*t, 3.0), inputs)


def test_warp_by_identical_features_is_the_identity():
    f, y = features(1, 64, 9, 11), features(1, 3, 9, 11, 1)
    torch.testing.assert_close(co.warp(f, f, y, 1000.0), y, atol=1e-4, rtol=0)


def test_cycle_of_a_permutation_is_exact():
    fy, y = features(1, 64, 6, 6), features(1, 5, 6, 6, 1)
    order = torch.randperm(36, generator=torch.Generator().manual_seed(3))
    fx = fy.flatten(2)[:, :, order].unflatten(2, (6, 6))
    torch.testing.assert_close(co.warp(fx, fy, y, 1000.0).flatten(2), y.flatten(2)[:, :, order], atol=1e-4, rtol=0)
    torch.testing.assert_close(co.cycle(fx, fy, y, 1000.0), y, atol=1e-4, rtol=0)
    assert torch.equal(co.match(fx, fy, rows=5).flatten(), order)


def test_a_warp_is_a_mean():
    fx, fy = features(), features(seed=1)
    r = co.warp(fx, fy, features(c=3, seed=2).clamp(-1, 1))
    assert r.abs().max() <= 1 + 1e-5
    torch.testing.assert_close(co.warp(fx, fy, torch.ones(2, 1, 5, 7)), torch.ones(2, 1, 5, 7))


def test_featureless_positions_see_everything_alike():
    flat = torch.full((1, 8, 4, 4), 3.0, requires_grad=True)
    y = features(1, 2, 4, 4)
    r = co.warp(flat, features(1, 8, 4, 4, 1), y)
    torch.testing.assert_close(r, y.mean(dim=(2, 3), keepdim=True).expand_as(r))
    r.sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_autocast_does_not_coarsen_the_softmax():
    fx, fy, y = features(c=64), features(c=64, seed=1), features(c=3, seed=2)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(co.warp(fx, fy, y), co.warp_explicit(fx, fy, y), atol=1e-4, rtol=0)
        assert co.correlate(fx, fy).dtype == torch.float32


def test_patches_go_and_come_back():
    y = features(2, 3, 8, 12)
    p = co.to_patches(y, 4)
    assert p.shape == (2, 48, 2, 3)
    assert torch.equal(co.from_patches(p, 4), y)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="same B and C"):
        co.correlate(features(), features(c=8))
    with pytest.raises(ValueError, match="grid of fy"):
        co.warp(features(), features(), features(h=2))
