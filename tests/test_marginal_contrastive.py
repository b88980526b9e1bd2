"""MCL-Net's Algorithm 1 in float64, where features coincide, oppose or vanish; InfoNCE; both directions; what it holds."""

import math

import pytest
import torch
import torch.nn.functional as F

from cocos_demo.losses import marginal_contrastive


def maps(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def algorithm_1(x, y, m, s):
    """One picture, one direction, line by line: x, y (C, H, W) -> the mean over the positions."""
    x, y = ([v / v.norm() for v in f.double().flatten(1).T] for f in (x, y))
    terms = []
    for i, x_i in enumerate(x):
        theta_ii = math.acos(max(-1.0, min(1.0, float(x_i @ y[i]))))
        positive = math.exp(s * math.cos(theta_ii + m))
        negatives = sum(math.exp(s * float(x_i @ y_j)) for j, y_j in enumerate(y) if j != i)
        terms.append(-math.log(positive / (positive + negatives)))
    return sum(terms) / len(terms)


def both_ways(x, y, m, s):
    return sum(algorithm_1(a, b, m, s) + algorithm_1(b, a, m, s) for a, b in zip(x, y)) / len(x)


@pytest.mark.parametrize("b", [1, 3])
@pytest.mark.parametrize("m, s", [(0.0, 1.0), (0.4, 1.0), (0.4, 10.0), (0.5, 20.0), (1.5, 64.0)])
def test_it_is_algorithm_1(b, m, s):
    x, y = maps(b, 6, 3, 4), maps(b, 6, 3, 4, seed=1)
    assert marginal_contrastive(x, y, m, s).item() == pytest.approx(both_ways(x, y, m, s), rel=1e-9)
    assert marginal_contrastive(x.float(), y.float(), m, s).item() == pytest.approx(both_ways(x, y, m, s), rel=1e-5)


def test_by_hand():
    """Two positions, x as y: cosines 1 and 0, and the positive is cos 0.4."""
    x = torch.eye(2, dtype=torch.float64).view(1, 2, 1, 2)
    one_way = -math.log(math.exp(10 * math.cos(0.4)) / (math.exp(10 * math.cos(0.4)) + 1))
    assert marginal_contrastive(x, 3 * x, scale=10).item() == pytest.approx(2 * one_way, rel=1e-12)


def degenerate(kind):
    x, y = maps(1, 5, 2, 3), maps(1, 5, 2, 3, seed=1)
    return {
        "all coincide": (x, x.clone()), "all oppose": (x, -x), "lengths alone differ": (x, 7 * x),
        "one position everywhere": (x[..., :1, :1].expand_as(x), x[..., :1, :1].expand_as(x)),
        "axes": (torch.eye(5, 6, dtype=x.dtype).view(1, 5, 2, 3) + torch.eye(5, 6, dtype=x.dtype).flip(1).view(1, 5, 2, 3),) * 2,
        "beyond pi": (x, -x + 1e-3 * y), "almost the same": (x, x + 1e-9 * y),
    }[kind]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["all coincide", "all oppose", "lengths alone differ", "one position everywhere", "axes",
                                  "beyond pi", "almost the same"])
def test_degenerate_features_have_a_value_and_a_gradient(kind, dtype):
    x, y = (f.to(dtype).clone().requires_grad_() for f in degenerate(kind))
    for m in (0.0, 0.4, 1.0):
        loss = marginal_contrastive(x, y, m, 10.0)
        expected = both_ways(x.detach(), y.detach(), m, 10.0)
        assert loss.item() == pytest.approx(expected, rel=1e-6 if dtype == torch.float64 else 1e-4)
        for gradient in torch.autograd.grad(loss, (x, y)):
            # A unit of s theta a position; x is of about unit length a channel, so nothing can be much larger than s.
            assert torch.isfinite(gradient).all() and gradient.abs().max() < 40


def test_cosines_of_exactly_one_and_minus_one():
    for sign in (1.0, -1.0):
        x = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).requires_grad_()
        assert (x.detach() * sign * x.detach()).sum() == sign
        loss = marginal_contrastive(x, sign * x.detach())
        loss.backward()
        assert loss.item() == 0 and torch.equal(x.grad, torch.zeros_like(x))  # nothing else to be told from


def test_features_of_zero_are_right_angles_to_all():
    x, y = maps(1, 5, 2, 2), maps(1, 5, 2, 2, seed=1)
    x[..., 0, 0] = 0
    for other in (y, x.clone()):
        a, b = x.clone().requires_grad_(), other.clone().requires_grad_()
        loss = marginal_contrastive(a, b)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(a.grad).all() and torch.isfinite(b.grad).all()


@pytest.mark.parametrize("m", [0.0, 0.4, 0.9])
def test_gradient(m):
    x, y = (maps(2, 4, 2, 3, seed=k).requires_grad_() for k in range(2))
    assert torch.autograd.gradcheck(lambda a, b: marginal_contrastive(a, b, m, 5.0), (x, y))


def test_gradient_next_to_where_they_coincide():
    """theta of a thousandth: 1 / sin theta is large there, the gradient is not."""
    x = maps(1, 4, 2, 2)
    y = (x + 1e-3 * maps(1, 4, 2, 2, seed=1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda b: marginal_contrastive(x, b, 0.4, 5.0), (y,), eps=1e-7, atol=1e-4)


@pytest.mark.parametrize("s", [1.0, 10.0, 20.0])
def test_without_a_margin_it_is_info_nce(s):
    x, y = maps(2, 6, 4, 4), maps(2, 6, 4, 4, seed=1)
    q, k = (F.normalize(f, dim=1).flatten(2).transpose(1, 2) for f in (x, y))  # (B, N, C)
    target = torch.arange(16).expand(2, 16)
    info_nce = sum(F.cross_entropy((s * a @ b.transpose(1, 2)).transpose(1, 2), target) for a, b in ((q, k), (k, q)))
    torch.testing.assert_close(marginal_contrastive(x, y, 0.0, s), info_nce)


def test_both_directions():
    """Two of y's are one, so x can tell them apart no better than y can, but which are alike differs."""
    x, y = maps(1, 6, 2, 2), maps(1, 6, 2, 2, seed=1)
    y[..., 1, 1] = y[..., 0, 0]
    assert algorithm_1(x[0], y[0], 0.4, 10.0) != pytest.approx(algorithm_1(y[0], x[0], 0.4, 10.0), rel=1e-3)
    torch.testing.assert_close(marginal_contrastive(x, y), marginal_contrastive(y, x))


def test_both_encoders_learn():
    x, y = (maps(1, 6, 4, 4, seed=k).requires_grad_() for k in range(2))
    marginal_contrastive(x, y).backward()
    assert x.grad.abs().max() > 0 and y.grad.abs().max() > 0


def test_a_margin_asks_for_more():
    x = maps(1, 6, 4, 4)
    y = x + 0.3 * maps(1, 6, 4, 4, seed=1)
    losses = [marginal_contrastive(x, y, m).item() for m in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)]
    assert losses == sorted(losses) and losses[0] < losses[-1]


def test_each_picture_has_its_own_negatives():
    x, y = maps(3, 6, 3, 3), maps(3, 6, 3, 3, seed=1)
    each = [marginal_contrastive(x[i : i + 1], y[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(marginal_contrastive(x, y), torch.stack(each).mean())


def test_where_positions_are_and_how_long_features_are_does_not_matter():
    x, y, order = maps(1, 6, 3, 4), maps(1, 6, 3, 4, seed=1), torch.randperm(12, generator=torch.Generator().manual_seed(0))
    moved = [f.flatten(2)[:, :, order].view_as(f) for f in (x, y)]
    torch.testing.assert_close(marginal_contrastive(*moved), marginal_contrastive(x, y))
    torch.testing.assert_close(marginal_contrastive(3 * x, y / 5), marginal_contrastive(x, y))


def test_more_positions_than_memory_allows_are_drawn_by_seed():
    x, y = maps(2, 6, 6, 6), maps(2, 6, 6, 6, seed=1)

    def drawn(seed):
        return marginal_contrastive(x, y, positions=9, generator=torch.Generator().manual_seed(seed))

    kept = torch.randperm(36, generator=torch.Generator().manual_seed(3))[:9]
    x_9, y_9 = (f.flatten(2)[:, :, kept].view(2, 6, 3, 3) for f in (x, y))
    torch.testing.assert_close(drawn(3), marginal_contrastive(x_9, y_9))
    assert drawn(3) == drawn(3) and drawn(3) != drawn(4)
    assert marginal_contrastive(x, y, positions=36) == marginal_contrastive(x, y)  # no dice where all of them fit
    torch.manual_seed(5)
    once = marginal_contrastive(x, y, positions=9)
    torch.manual_seed(5)
    assert once == marginal_contrastive(x, y, positions=9)


def test_half_precision_features_are_compared_in_full():
    x, y = maps(1, 8, 4, 4).bfloat16(), maps(1, 8, 4, 4, seed=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = marginal_contrastive(x, y)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(both_ways(x, y, 0.4, 30.0), rel=1e-5)


@pytest.mark.parametrize("x, y", [((1, 4, 3, 3), (1, 4, 3, 4)), ((4, 3, 3), (4, 3, 3))])
def test_other_shapes_are_told(x, y):
    with pytest.raises(ValueError, match=r"must be \(B, C, H, W\)"):
        marginal_contrastive(maps(*x), maps(*y))
    with pytest.raises(ValueError, match="at least 1"):
        marginal_contrastive(maps(1, 4, 2, 2), maps(1, 4, 2, 2), positions=0)
