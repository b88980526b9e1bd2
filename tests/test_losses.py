"""losses.py: hand-worked values, the formulas in float64, gradients, and what a weight must not depend on."""

import math

import pytest
import torch

from cocos_demo import losses


def maps(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_feature_matching_by_hand():
    a = {"relu1_2": torch.zeros(1, 1, 2, 2), "relu2_2": torch.zeros(1, 1, 1, 1)}
    b = {"relu1_2": torch.tensor([[[[1.0, 2], [3, 6]]]]), "relu2_2": torch.full((1, 1, 1, 1), -5.0)}
    assert losses.feature_matching(a, b, {"relu1_2": 0.5, "relu2_2": 2.0}).item() == pytest.approx(0.5 * 3 + 2 * 5)


def test_feature_matching_looks_only_where_the_target_is_known():
    a = {"l": torch.zeros(2, 1, 2, 2)}
    b = {"l": torch.stack([torch.ones(1, 2, 2), torch.full((1, 2, 2), 100.0)])}
    known = torch.zeros(2, 1, 8, 8)
    assert losses.feature_matching(a, b, {"l": 1.0}, known).item() == 0
    known[0] = 1
    assert losses.feature_matching(a, b, {"l": 1.0}, known).item() == pytest.approx(1)
    known[0, :, :4] = 0  # half a picture weighs as its half
    b["l"][0, :, :1] = 50
    assert losses.feature_matching(a, b, {"l": 1.0}, known).item() == pytest.approx(1)


def test_domain_alignment_knows_direction_not_length():
    x = maps(2, 8, 3, 3)
    assert losses.domain_alignment(x, 5 * x + 2).item() == pytest.approx(0, abs=1e-12)
    assert 0 < losses.domain_alignment(x, maps(2, 8, 3, 3, seed=1)).item() <= 2
    two = torch.tensor([[1.0, -1.0]]).view(1, 2, 1, 1)
    assert losses.domain_alignment(two, -two).item() == pytest.approx(4 / math.sqrt(2) / math.sqrt(2))


def test_perceptual_is_l1():
    assert losses.perceptual({"relu4_2": torch.zeros(1, 1, 1, 2)}, {"relu4_2": torch.tensor([[[[3.0, -1.0]]]])}).item() == 2


def eq_11(fx, fy, h=0.1):
    """Eq. 11 of one picture, position by position."""
    mu = fy.mean(dim=(1, 2), keepdim=True)
    q, k = [(f - mu).flatten(1).T for f in (fx, fy)]
    best = []
    for a in q:
        d = [1 - float(a @ b / (a.norm() * b.norm())) for b in k]
        w = [math.exp((1 - v / (min(d) + 1e-3)) / h) for v in d]
        best.append(max(w) / sum(w))
    return -math.log(sum(best) / len(best))


def test_contextual_is_eq_11():
    fx, fy = maps(2, 6, 3, 4), maps(2, 6, 4, 4, seed=1)
    expected = sum(eq_11(a, b) for a, b in zip(fx, fy)) / 2
    assert losses.contextual(fx, fy).item() == pytest.approx(expected, rel=1e-9)


def test_contextual_in_blocks_is_the_same_and_so_is_its_gradient():
    values = []
    for rows in (1, 5, 1000):
        fx = maps(1, 6, 5, 5, dtype=torch.float32).requires_grad_()
        value = losses.contextual(fx, maps(1, 6, 5, 5, seed=1, dtype=torch.float32), rows=rows)
        value.backward()
        values.append((value.detach(), fx.grad))
    for value, grad in values[1:]:
        torch.testing.assert_close(value, values[0][0])
        torch.testing.assert_close(grad, values[0][1])


def test_contextual_of_a_picture_with_itself_is_least_and_knows_no_place():
    f = maps(1, 16, 6, 6)
    shuffled = f.flatten(2)[:, :, torch.randperm(36, generator=torch.Generator().manual_seed(0))].view_as(f)
    assert losses.contextual(f, f).item() < 0.01
    assert losses.contextual(f, shuffled).item() == pytest.approx(losses.contextual(f, f).item(), rel=1e-4)
    assert losses.contextual(f, maps(1, 16, 6, 6, seed=1)).item() > 0.3


def test_hinge_by_hand():
    def answers(*verdicts):
        return [[torch.zeros(1, 1, 1, 1), torch.tensor(v).view(1, 1, 1, -1)] for v in verdicts]

    real, fake = answers([2.0, 0.5], [-1.0]), answers([-3.0, 0.0], [1.0])
    assert losses.hinge_discriminator(real, fake).item() == pytest.approx(((0 + 0.5) / 2 + (0 + 1) / 2 + 2 + 2) / 2)
    assert losses.hinge_generator(fake).item() == pytest.approx((1.5 - 1) / 2)


def test_discriminator_features_leave_the_verdict_and_the_real_side_alone():
    real = [[torch.ones(1, 1, 2, 2, requires_grad=True), torch.full((1, 1, 1, 1), 9.0)]]
    fake = [[torch.zeros(1, 1, 2, 2, requires_grad=True), torch.full((1, 1, 1, 1), -9.0)]]
    value = losses.discriminator_features(real, fake)
    value.backward()
    assert value.item() == 1 and real[0][0].grad is None and fake[0][0].grad is not None


def test_weights_do_not_depend_on_the_batch():
    x, y = maps(1, 4, 4, 4), maps(1, 4, 4, 4, seed=1)
    twice = [t.repeat(2, 1, 1, 1) for t in (x, y)]
    known = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    for one, two in ((losses.contextual(x, y), losses.contextual(*twice)),
                     (losses.domain_alignment(x, y), losses.domain_alignment(*twice)),
                     (losses.pixel(x, y, known), losses.pixel(*twice, known.repeat(2, 1, 1, 1))),
                     (losses.cycle_consistency(x, y), losses.cycle_consistency(*twice))):
        torch.testing.assert_close(one, two, check_dtype=False)


def test_gradients():
    fx, fy = maps(1, 3, 2, 3).requires_grad_(), maps(1, 3, 2, 3, seed=1).requires_grad_()
    fast = {"domain": losses.domain_alignment, "reg": losses.cycle_consistency, "warped": losses.warped_condition}
    for name, function in fast.items():
        assert torch.autograd.gradcheck(function, (fx, fy)), name


def test_warped_condition_by_hand():
    x = torch.tensor([[[[1.0, 0], [0, 0]]]])
    assert losses.warped_condition(x, x).item() == 0
    assert losses.warped_condition(x.flip(3), x).item() == pytest.approx(2)
    assert losses.warped_condition(torch.zeros_like(x), torch.zeros_like(x)).item() == 0
