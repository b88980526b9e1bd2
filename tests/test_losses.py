"""losses.py, models/domain.py, objectives.py: hand-worked values, the formulas in float64, gradients, memory, and what a
weight must not depend on."""

import math
from dataclasses import fields

import pytest
import torch
from folders import prepared
from torch.utils._python_dispatch import TorchDispatchMode

from cocos_demo import checkpoints, losses, objectives
from cocos_demo.datasets.pairs import Batch
from cocos_demo.features import VGG
from cocos_demo.models import SYSTEMS
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.models.domain import DomainClassifier, domain_adversarial, reverse_gradient
from cocos_demo.objectives import OBJECTIVES, ObjectiveError, Weights, published
from cocos_demo.training import TrainArgs, Trainer


def maps(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_feature_matching_by_hand():
    a = {"relu1_2": torch.zeros(1, 1, 2, 2), "relu2_2": torch.zeros(1, 1, 1, 1)}
    b = {"relu1_2": torch.tensor([[[[1.0, 2], [3, 6]]]]), "relu2_2": torch.full((1, 1, 1, 1), -5.0)}
    assert losses.feature_matching(a, b, {"relu1_2": 0.5, "relu2_2": 2.0}).item() == pytest.approx(0.5 * 3 + 2 * 5)


def test_feature_matching_of_half_precision_features_is_in_full_precision():
    """As under autocast: the difference of two bfloat16 numbers is seldom one."""
    a, b = ({"l": torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(k)).bfloat16()} for k in range(2))
    loss, exact = losses.feature_matching(a, b, {"l": 1.0}), (a["l"].double() - b["l"].double()).abs().mean()
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(exact.item(), rel=1e-6)


def test_feature_matching_looks_only_where_the_target_is_known():
    a = {"l": torch.zeros(2, 1, 2, 2)}
    b = {"l": torch.stack([torch.ones(1, 2, 2), torch.full((1, 2, 2), 100.0)])}
    known = torch.zeros(2, 1, 8, 8)
    assert losses.feature_matching(a, b, {"l": 1.0}, known).item() == 0
    known[0] = 1  # one of two: the other counts as 0
    assert losses.feature_matching(a, b, {"l": 1.0}, known).item() == pytest.approx(1 / 2)
    known[0, :, :4] = 0  # what is known of a picture stands for all of it
    b["l"][0, :, :1] = 50
    assert losses.feature_matching(a, b, {"l": 1.0}, known).item() == pytest.approx(1 / 2)


def test_domain_alignment_knows_direction_not_length():
    x = maps(2, 8, 3, 3)
    assert losses.domain_alignment(x, 5 * x + 2).item() == pytest.approx(0, abs=1e-12)
    assert 0 < losses.domain_alignment(x, maps(2, 8, 3, 3, seed=1)).item() <= 2
    two = torch.tensor([[1.0, -1.0]]).view(1, 2, 1, 1)
    assert losses.domain_alignment(two, -two).item() == pytest.approx(4 / math.sqrt(2) / math.sqrt(2))


def test_domain_alignment_as_released_is_not_centred_and_a_mean_over_channels():
    a, b = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), torch.tensor([2.0, 0.0]).view(1, 2, 1, 1)
    assert losses.domain_alignment(a, b, "released").item() == pytest.approx((abs(0.6 - 1) + 0.8) / 2)
    assert losses.domain_alignment(a, 5 * a, "released").item() == pytest.approx(0, abs=1e-7)
    assert losses.domain_alignment(a, a + 2, "released").item() > 0.01  # which the paper's centring would not see


def test_perceptual_is_l1_and_as_released_squared():
    a, b = {"relu4_2": torch.zeros(1, 1, 1, 2)}, {"relu4_2": torch.tensor([[[[3.0, -1.0]]]]), "relu5_2": None}
    assert losses.perceptual(a, b).item() == 2
    assert losses.perceptual(a, b, form="released").item() == 5
    assert losses.perceptual({"relu5_2": torch.zeros(1)}, {"relu5_2": torch.ones(1)}, "relu5_2").item() == 1


def eq_11(fx, fy, h=0.1, over=(1, 2)):
    """Eq. 11 of one picture, position by position."""
    mu = fy.mean(dim=over, keepdim=True)
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


def test_contextual_by_hand():
    """Two positions each, along the axes: the first of x is y's first, the second lies between both of y's."""
    fy = torch.tensor([[1.0, -1.0], [0.0, 0.0]], dtype=torch.float64).view(1, 2, 1, 2)  # centred as it is
    fx = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64).view(1, 2, 1, 2)
    first = 1 / (1 + math.exp(-10 * (2 / 1e-3)))  # d = 0, 2: d~ = 0, 2000
    second = 1 / 2  # d = 1, 1
    assert losses.contextual(fx, fy).item() == pytest.approx(-math.log((first + second) / 2), rel=1e-9)


def test_contextual_centred_over_channels():
    fx, fy = maps(2, 6, 3, 4), maps(2, 6, 3, 4, seed=1)
    expected = sum(eq_11(a, b, over=0) for a, b in zip(fx, fy)) / 2
    assert losses.contextual(fx, fy, centre="channels").item() == pytest.approx(expected, rel=1e-9)
    assert expected != pytest.approx(losses.contextual(fx, fy).item(), rel=1e-3)
    with pytest.raises(ValueError, match="one grid"):
        losses.contextual(fx, maps(2, 6, 4, 4), centre="channels")


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation answers, forward and backward."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        answer = function(*args, **(kwargs or {}))
        for t in answer if isinstance(answer, tuple | list) else [answer]:
            if isinstance(t, torch.Tensor):
                self.elements = max(self.elements, t.numel())
        return answer


@pytest.mark.parametrize("batch, rows", [(1, 16), (3, 16), (2, 1), (1, 1024)])
def test_contextual_never_holds_more_rows_than_allowed(batch, rows):
    fx, fy = maps(batch, 4, 16, 16).requires_grad_(), maps(batch, 4, 16, 16, seed=1)
    with Largest() as largest:
        losses.contextual(fx, fy, rows=rows).backward()
    assert largest.elements == max(256 * min(rows, 256), fx.numel())
    assert fx.grad.abs().max() > 0


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


def test_discriminator_features_are_a_mean_over_layers_and_as_released_a_sum():
    def answers(*values):
        return [[torch.full((2, 1, 2, 2), v) for v in (*values, 9.0)] for _ in range(2)]  # two scales, the verdict last

    real, fake, nowhere = answers(0.0, 0.0, 0.0), answers(1.0, 2.0, 6.0), torch.zeros(2, 1, 8, 8)
    assert losses.discriminator_features(real, fake).item() == pytest.approx(3)
    assert losses.discriminator_features(real, fake, nowhere).item() == 0
    assert losses.discriminator_features(real, fake, nowhere, "released").item() == pytest.approx(9)


def test_cycle_consistency_by_hand():
    assert losses.cycle_consistency(torch.tensor([[[[1.0, -2.0]]]]), torch.tensor([[[[0.0, 1.0]]]])).item() == 2


def test_pixel_by_hand():
    a, b = torch.zeros(2, 3, 2, 2), torch.ones(2, 3, 2, 2)
    known = torch.zeros(2, 1, 2, 2)
    known[0, :, 0] = 1
    b[0, :, 0, 0] = 4
    assert losses.pixel(a, b).item() == pytest.approx((1 * 7 + 4) / 8)
    assert losses.pixel(a, b, known).item() == pytest.approx((4 + 1) / 2 / 2)


def test_kl_by_hand():
    mu, logvar = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, math.log(4)]])
    assert losses.kl_divergence(mu, logvar).item() == pytest.approx((0.5 + 0.5 * (4 - math.log(4) - 1)) / 2)


def test_warped_labels_by_hand():
    def one_hot(*classes):
        return torch.nn.functional.one_hot(torch.tensor(classes), 4).T.float().view(1, 4, 1, -1)

    x_A, y_A = one_hot(0, 1, 2, 3), one_hot(0, 1, 2, 2)  # 0 does not count, 3 is not in the exemplar
    r_A = torch.tensor([[0.1, 0.5, 0.2, 0.0], [0.2, 0.25, 0.0, 0.0], [0.3, 0.25, 0.8, 1.0], [0.4, 0, 0, 0]]).view(1, 4, 1, 4)
    assert losses.warped_labels(r_A, x_A, y_A).item() == pytest.approx(-(math.log(0.25) + math.log(0.8)) / 2)
    assert losses.warped_labels(x_A, x_A, x_A).item() == 0
    assert losses.warped_labels(r_A, one_hot(0, 0, 0, 0), y_A).item() == 0


def small(system):
    options = {"cocosnet": dict(pyramid=(4, 8, 8), features=8, domain="adversarial"), "spade": dict(encoder=(4, 8), code=4),
               "cocosnet_v2": dict(widths=(4, 8, 8), strides=(4, 2), features=8, memory=4),
               "mclnet": dict(pyramid=(4, 8, 8), features=8, domain="adversarial", scm=4)}[system]  # fmt: skip
    return SYSTEMS[system](condition_channels=4, size=32, generator=(8, 8, 4), hidden=4, **options)


def a_batch(n=2, size=32, seed=0):
    g = torch.Generator().manual_seed(seed)
    labels = [torch.randint(0, 4, (n, 8, 8), generator=g).repeat_interleave(4, 1).repeat_interleave(4, 2) for _ in range(2)]
    x_A, y_A = (torch.nn.functional.one_hot(c, 4).permute(0, 3, 1, 2).float() for c in labels)
    x_B, y_B = (torch.rand(n, 3, size, size, generator=g) * 2 - 1 for _ in range(2))
    known = torch.zeros(n, 1, size, size)
    known[0, :, 4:9, 7:30] = 1  # a figure in the first, nothing in the others
    return Batch(x_A, x_B, y_A, y_B, known)


OF_SEGIN = ("recon", "feature", "gan", "seg", "attention", "tv")  # its corruption is random: tests/test_segin.py
EVERYTHING = {f.name: 1.0 for f in fields(Weights) if f.type is float and f.name not in ("margin", "scale", *OF_SEGIN)}


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return VGG("vgg16")


@pytest.mark.parametrize("form", ["paper", "released"])
@pytest.mark.parametrize("system", ["cocosnet", "cocosnet_v2", "mclnet", "spade"])
def test_no_term_depends_on_the_size_of_the_batch(system, form, vgg):
    torch.manual_seed(0)
    net, D = small(system).eval(), Discriminator(4, 4).eval()
    batch = a_batch()
    tensors = [t for t in vars(batch).values() if t is not None]
    twice = Batch(*(t.repeat(2, 1, 1, 1) for t in tensors))
    weights = Weights(**EVERYTHING, form=form)
    with torch.no_grad():
        _, one = OBJECTIVES[system].terms(net, D, vgg, batch, weights, adversarial=True)
        _, two = OBJECTIVES[system].terms(net, D, vgg, twice, weights, adversarial=True)
        halves = [OBJECTIVES[system].terms(net, D, vgg, Batch(*(t[k:k + 1] for t in tensors)), weights, True)[1]
                  for k in range(2)]
    of_the_warp = {"domain", "domain_adv", "reg", "warp", "warped_condition", "warped_labels"}
    absent = {"cocosnet": {"kl", "mapping", "mcl"}, "cocosnet_v2": {"kl", "mcl", "domain_adv", "warped_labels"},
              "mclnet": {"kl", "mapping"}, "spade": {*of_the_warp, "mapping", "mcl"}}  # fmt: skip
    assert set(one) == set(EVERYTHING) - absent[system]
    for name in one:
        assert one[name] != 0, name
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6, msg=name)
        # ... so two machines with half a batch each take the step of one with the whole
        torch.testing.assert_close((halves[0][name] + halves[1][name]) / 2, one[name], rtol=1e-4, atol=1e-6, msg=name)


def test_published_weights():
    assert {task: (w.feat, w.perc, w.context, w.adv, w.domain, w.reg, w.d_feat, w.warp, w.warped_labels)
            for task, w in objectives.PUBLISHED.items()} == {
        "ade20k": (1, 0.01, 10, 10, 10, 0, 10, 0, 100), "celebahq": (10, 0.001, 10, 10, 10, 0.1, 10, 0, 100),
        "celebahqedge": (10, 0.001, 10, 10, 10, 1, 10, 0, 0), "deepfashion": (10, 0.001, 10, 10, 10, 0, 10, 100, 0)}
    assert published("ade20k").perc_layer == "relu5_2" and published("celebahqedge").layers == (
        "relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
    assert "relu2_2" not in published("celebahq").omegas and "relu2_2" in Weights().omegas
    changed = published("celebahq")
    changed.feat = 5.0
    assert published("celebahq").feat == 10.0
    with pytest.raises(ObjectiveError, match="'coco'; there are for ade20k"):
        published("coco")


def test_mistaken_weights():
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="weight kl must be at least 0"):
            Weights(kl=wrong)
    net = SYSTEMS["cocosnet"](condition_channels=4, size=32, pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4)
    with pytest.raises(ObjectiveError, match="domain=adversarial"):
        OBJECTIVES["cocosnet"].terms(net, Discriminator(4, 4), None, a_batch(), Weights(0, 0, 0, domain_adv=1.0), False)


def test_gradients():
    """Every function's gradient against finite differences, in float64, by both arguments."""
    def tops(f):
        return [[f, 2 * f.flip(2), f[:, :1]]]

    known = torch.ones(1, 1, 2, 3, dtype=torch.float64)
    known[..., 0] = 0.5
    one_hot = torch.nn.functional.one_hot(torch.tensor([[[1, 2, 0], [2, 1, 1]]]), 3).permute(0, 3, 1, 2).double()
    cases = {
        "feat": lambda a, b: losses.feature_matching({"l": a}, {"l": b}, {"l": 2.0}, known),
        "domain": losses.domain_alignment,
        "domain, released": lambda a, b: losses.domain_alignment(a, b, "released"),
        "perc": lambda a, b: losses.perceptual({"relu4_2": a}, {"relu4_2": b}),
        "perc, released": lambda a, b: losses.perceptual({"relu4_2": a}, {"relu4_2": b}, form="released"),
        # a wide bandwidth: at 0.1 the softmax is so sharp that finite differences see nothing
        "context": lambda a, b: losses.contextual(a, b, bandwidth=2.0, rows=2),
        "context, released": lambda a, b: losses.contextual(a, b, bandwidth=2.0, rows=2, centre="channels"),
        "exemplar": lambda a, b: losses.exemplar_contextual({"l": a}, {"l": b}, {"l": 0.1}),
        "reg": losses.cycle_consistency,
        "adv, D": lambda a, b: losses.hinge_discriminator(tops(a), tops(b)),
        "adv, G": lambda a, b: losses.hinge_generator(tops(a * b)),
        "d_feat": lambda a, b: losses.discriminator_features(tops(maps(1, 3, 2, 3, seed=2)), tops(a * b), known),
        "kl": lambda a, b: losses.kl_divergence(a.flatten(1), b.flatten(1)),
        "pixel": lambda a, b: losses.pixel(a, b, known),
        "warped_condition": losses.warped_condition,
        "warped_labels": lambda a, b: losses.warped_labels(torch.softmax(a * b, dim=1), one_hot, one_hot),
    }
    for name, function in cases.items():
        fx, fy = maps(1, 3, 2, 3).requires_grad_(), maps(1, 3, 2, 3, seed=1).requires_grad_()
        assert torch.autograd.gradcheck(function, (fx, fy)), name


# ---- the domain-adversarial variant


def test_the_reversed_gradient_by_hand():
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    assert torch.equal(y, x)
    (y**2).sum().backward()
    assert x.grad.tolist() == [-2.0, 3.0]  # -0.5 times 2 x


def test_domain_adversarial_by_hand_and_in_both_directions():
    classifier = DomainClassifier(4, 8)
    torch.nn.init.zeros_(classifier.layers[-1].weight)
    x_S, y_S = maps(2, 4, 8, 8, dtype=torch.float32), maps(2, 4, 8, 8, seed=1, dtype=torch.float32)
    assert domain_adversarial(classifier, x_S, y_S).item() == pytest.approx(math.log(2))  # it can only guess
    torch.nn.init.constant_(classifier.layers[-1].bias, 3.0)  # it always says "condition map"
    expected = (math.log(1 + math.exp(-3)) + math.log(1 + math.exp(3))) / 2
    assert domain_adversarial(classifier, x_S, y_S).item() == pytest.approx(expected, rel=1e-5)
    torch.manual_seed(0)
    classifier, step = DomainClassifier(4, 8), 1e-2
    x_S.requires_grad_()
    before = domain_adversarial(classifier, x_S, y_S)
    before.backward()
    with torch.no_grad():
        moved = domain_adversarial(classifier, x_S - step * x_S.grad / x_S.grad.norm(), y_S)
        assert moved > before  # the features step to where they are told apart less
        for p in classifier.parameters():
            p -= step * p.grad
        assert domain_adversarial(classifier, x_S, y_S) < before  # and the classifier to where it tells better


def test_adversarial_alignment_trains_and_ships(tmp_path):
    args = TrainArgs(data=(prepared(tmp_path / "data"),), out=tmp_path / "run", size=32, steps=2, batch=2, d_width=4,
                     device="cpu", choices={"domain": "adversarial"},
                     weights=Weights(0, 0, 0, adv=0, d_feat=0, domain=0, domain_adv=1.0))
    trainer = Trainer(args)
    before = {name: p.clone() for name, p in trainer.net.named_parameters()}
    net, _ = checkpoints.load(trainer.run())
    for part in ("domain_classifier.", "F_A.", "F_B."):
        assert any(not torch.equal(p, before[name]) for name, p in trainer.net.named_parameters() if name.startswith(part))
    assert net.config.domain == "adversarial" and torch.isfinite(net(*(torch.rand(1, c, 32, 32) for c in (35, 3))).image).all()


def accuracy_after(align, steps=400):
    """Two linear adaptors of one signal, which photos show shifted; a fresh classifier then tries to tell their features."""
    torch.manual_seed(0)
    adaptors = torch.nn.ModuleList(torch.nn.Conv2d(6, 8, 1) for _ in range(2))
    adversary, judge = DomainClassifier(8, 16), DomainClassifier(8, 16)

    def features(n=32):
        signal = torch.randn(n, 6, 4, 4)
        return [adaptor(signal + shift) for adaptor, shift in zip(adaptors, (0.0, 1.0))]

    # The classifier at the higher rate, as in TTUR, and both falling to 0: what two opponents need to come to rest.
    optimiser = torch.optim.Adam([dict(params=adaptors.parameters(), lr=3e-3), dict(params=adversary.parameters(), lr=2e-2)],
                                 betas=(0.0, 0.99))
    fall = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 2 - 2 * step / steps))
    for _ in range(steps if align else 0):
        optimiser.zero_grad()
        align(adversary, *features()).backward()
        optimiser.step(), fall.step()
    optimiser = torch.optim.Adam(judge.parameters(), lr=1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        domain_adversarial(judge, *(f.detach() for f in features())).backward()
        optimiser.step()
    with torch.no_grad():
        x_S, y_S = features(500)
        return ((judge(x_S) > 0).float().mean().item() + (judge(y_S) < 0).float().mean().item()) / 2


def test_either_alignment_leaves_a_classifier_little_to_tell():
    apart = accuracy_after(None)
    adversarial = accuracy_after(domain_adversarial)
    pairs = accuracy_after(lambda _, x_S, y_S: losses.domain_alignment(x_S, y_S))
    assert apart > 0.95 and adversarial < 0.8 and pairs < 0.8, (apart, adversarial, pairs)


def test_warped_condition_by_hand():
    x = torch.tensor([[[[1.0, 0], [0, 0]]]])
    assert losses.warped_condition(x, x).item() == 0
    assert losses.warped_condition(x.flip(3), x).item() == pytest.approx(2)
    assert losses.warped_condition(torch.zeros_like(x), torch.zeros_like(x)).item() == 0
