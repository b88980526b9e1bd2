"""MCL-Net: the self-correlation map and what does not change it, the network, each term of Eq. 8, a run to a translation."""

import math

import pytest
import torch
import torch.nn.functional as F
from folders import prepared
from made_up import BODY, FIGURE
from test_losses import Largest

from cocos_demo import Matcher, Translator, checkpoints, cli, losses
from cocos_demo.datasets.pairs import Batch
from cocos_demo.features import VGG
from cocos_demo.models import SYSTEMS
from cocos_demo.models.correspondence import correlate, warp_explicit
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.models.mclnet import SelfCorrelation, self_correlation
from cocos_demo.objectives import OBJECTIVES, Weights

SMALL = dict(condition_channels=5, size=32, pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4, scm=6)
NOTHING = dict(feat=0, perc=0, context=0, adv=0, d_feat=0, domain=0, reg=0, mcl=0)


def network(**choices):
    torch.manual_seed(0)
    return SYSTEMS["mclnet"](**{**SMALL, **choices})


def a_batch(seed=0, n=2):
    g = torch.Generator().manual_seed(seed)
    x_A, y_A = (torch.rand(n, 5, 32, 32, generator=g) for _ in range(2))
    x_B, y_B = (torch.rand(n, 3, 32, 32, generator=g) * 2 - 1 for _ in range(2))
    known = torch.zeros(n, 1, 32, 32)
    known[0] = 1  # a pseudo pair, and two people
    return Batch(x_A, x_B, y_A, y_B, known)


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- Eq. 2


def test_self_correlation_by_hand():
    """Three positions: the first two alike but for length, the third their opposite."""
    f = torch.tensor([[1.0, 3.0, -2.0], [-1.0, -3.0, 2.0]]).view(1, 2, 1, 3)
    expected = torch.tensor([[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]).view(1, 3, 1, 3)
    torch.testing.assert_close(self_correlation(f), expected)


def test_a_map_is_of_its_position_and_the_position_itself_is_brightest():
    f = maps(2, 6, 3, 4)
    maps_of = self_correlation(f)
    assert maps_of.shape == (2, 12, 3, 4)
    for u in range(12):
        torch.testing.assert_close(maps_of[:, u, u // 4, u % 4], torch.ones(2, dtype=torch.float64))
    u, v = 5, 10
    a, b = (f[1, :, k // 4, k % 4] - f[1, :, k // 4, k % 4].mean() for k in (u, v))
    assert maps_of[1, u, v // 4, v % 4].item() == pytest.approx(float(a @ b / a.norm() / b.norm()))


@pytest.mark.parametrize("b, h, w", [(1, 4, 4), (2, 3, 5)])
def test_the_layer_before_the_product_is_the_layer_after_it(b, h, w):
    scm, f = SelfCorrelation(h * w, 7).double(), maps(b, 6, h, w)
    torch.nn.init.normal_(scm.layer.bias)
    flat = self_correlation(f).flatten(2)  # (B, N, N)
    explicit = scm.layer(flat).transpose(1, 2).unflatten(2, (h, w))
    torch.testing.assert_close(scm(f), explicit)


def test_what_does_not_change_a_self_correlation_map():
    f, scm = maps(1, 6, 4, 4), SelfCorrelation(16, 5).double()
    about_the_centre = torch.eye(6, dtype=torch.float64) - 1 / 6
    basis = torch.linalg.svd(about_the_centre).U[:, :5]  # of the centred features
    turn = torch.linalg.qr(maps(5, 5, seed=1)).Q
    turned = torch.einsum("ij,bjhw->bihw", basis @ turn @ basis.T, f)
    lengths = maps(1, 1, 4, 4, seed=2).abs() + 0.1
    for other in (f[:, torch.randperm(6)], -f, f * lengths, f + maps(1, 1, 4, 4, seed=3), turned):
        torch.testing.assert_close(self_correlation(other), self_correlation(f))
        torch.testing.assert_close(scm(other), scm(f))


def test_where_things_are_does_change_it():
    f, scm = maps(1, 6, 4, 4), SelfCorrelation(16, 5).double()
    moved = scm(f.flip(3)).flip(3)  # each position's map, seen in a mirror
    assert (moved - scm(f)).abs().max() > 0.01


def test_the_maps_are_never_held():
    """At 64 x 64 the matrix would have 4096^2 = 16.8 million entries; nothing here has more than the layer's 4096 x 32."""
    scm, f = SelfCorrelation(4096, 32), torch.randn(1, 16, 64, 64, requires_grad=True)
    with Largest() as largest:
        scm(f).square().mean().backward()
    assert largest.elements == 4096 * 32
    assert scm.layer.weight.grad.abs().max() > 0 and f.grad.abs().max() > 0


def test_it_is_in_full_precision():
    scm, f = SelfCorrelation(16, 5), torch.randn(1, 6, 4, 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        s = scm(f)
    assert s.dtype == torch.float32
    torch.testing.assert_close(s, scm(f.float()))


# ---- the network


@pytest.mark.parametrize("choices", [{}, {"scm": 0}, {"exemplar_input": "image+condition"}, {"modulation": "warp"},
                                     {"carries": "patches"}])
def test_shapes_ranges_and_gradients_of_every_choice(choices):
    net, batch = network(**choices), a_batch()
    out = net(batch.x_A, batch.y_B, batch.y_A)
    assert out.image.shape == out.warped.shape == out.warps[-1].shape == (2, 3, 32, 32) and out.image.abs().max() <= 1
    channels = 8 + choices.get("scm", 6)
    assert out.match.x_S.shape == (2, 8, 8, 8) and out.match.fx.shape == out.match.fy.shape == (2, channels, 8, 8)
    out.image.sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_a_cosine_is_the_mean_of_those_of_features_and_maps():
    net, batch = network().eval(), a_batch()
    match = net.correspond(batch.x_A, batch.y_B)
    of_features = correlate(match.x_S, match.y_S)
    of_maps = correlate(*(net.scm(f) for f in (match.x_S, match.y_S)))
    torch.testing.assert_close(correlate(match.fx, match.fy), (of_features + of_maps) / 2)
    torch.testing.assert_close(match.coarse, warp_explicit(match.fx, match.fy, F.avg_pool2d(batch.y_B, 4)), atol=1e-4, rtol=0)
    plain = network(scm=0).eval().correspond(batch.x_A, batch.y_B)
    torch.testing.assert_close(correlate(plain.fx, plain.fy), correlate(plain.x_S, plain.y_S))


def test_the_picture_is_painted_from_warp_and_condition():
    net, batch = network().eval(), a_batch()
    out = net(batch.x_A, batch.y_B)
    torch.testing.assert_close(net.G(torch.cat([out.warped, batch.x_A], dim=1)), out.image)


def test_presets_are_as_wide_as_those_of_cocosnet():
    for preset, scm in (("mini", 32), ("tiny", 64), ("full", 256)):
        with torch.device("meta"):
            ours, theirs = (SYSTEMS[s](preset, condition_channels=20) for s in ("mclnet", "cocosnet"))
        assert ours.config.scm == scm and ours.scm.layer.in_features == (ours.config.size // ours.config.stride) ** 2
        same = {k: v for k, v in vars(ours.config).items() if k not in ("scm", "modulation")}
        assert same == {k: v for k, v in vars(theirs.config).items() if k != "modulation"}
    out = SYSTEMS["mclnet"]("tiny", condition_channels=5)(torch.rand(1, 5, 128, 128), torch.rand(1, 3, 128, 128))
    assert out.image.shape == (1, 3, 128, 128) and out.match.fx.shape == (1, 128, 32, 32)


@pytest.mark.parametrize("choices, words", [
    (dict(scm=-1), "scm must be"), (dict(code="condition"), "one entry for each position"), (dict(size=34), "multiple of 4"),
    (dict(preset="huge"), "MCLNet has the presets mini, tiny, full; there is no 'huge'")])
def test_wrong_choices_are_told(choices, words):
    with pytest.raises(ValueError, match=words):
        network(**choices)


# ---- Eq. 3 to 8


def terms(net, batch, adversarial=False, D=None, vgg=None, **weights):
    _, found = OBJECTIVES["mclnet"].terms(net, D, vgg, batch, Weights(**{**NOTHING, **weights}), adversarial)
    return found


def test_the_terms_on_the_correspondence():
    """Eq. 3, 4 and 5 by hand, with explicit matrices."""
    net, batch = network().eval(), a_batch()
    found = terms(net, batch, domain=1, reg=1, warp=1)
    match = net.correspond(batch.x_A, batch.y_B)

    def unit(f):
        f = f - f.mean(dim=1, keepdim=True)
        return f / f.norm(dim=1, keepdim=True)

    M = correlate(match.fx, match.fy)  # (B, N, N)
    Z = F.avg_pool2d(batch.y_B, 4).flatten(2).transpose(1, 2)  # (B, N, 3)
    there = torch.softmax(100 * M, dim=2) @ Z
    back = torch.softmax(100 * M.transpose(1, 2), dim=2) @ there
    grown = F.interpolate(there.transpose(1, 2).unflatten(2, (8, 8)), (32, 32), mode="bilinear", align_corners=False)
    by_hand = {
        "domain": (unit(match.x_S) - unit(net.F_B(batch.x_B))).abs().sum(dim=1).mean() / math.sqrt(8),
        "reg": (back - Z).abs().mean(),
        "warp": (grown[0] - batch.x_B[0]).abs().mean() / 2,  # the second sample's target is not known
    }
    assert set(found) == set(by_hand)
    for name, value in by_hand.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scm", [6, 0])
@pytest.mark.parametrize("m, s", [(0.4, 10.0), (0.0, 20.0)])
def test_the_marginal_contrastive_term(scm, m, s):
    """Position by position, condition against ground truth, each its features and, where there are any, its map."""
    net, batch = network(scm=scm).eval(), a_batch()
    found = terms(net, batch, mcl=1, margin=m, scale=s)
    compared = []
    for f in (net.F_A(batch.x_A), net.F_B(batch.x_B)):
        halves = [f] if not scm else [f, net.scm.layer(self_correlation(f).flatten(2)).transpose(1, 2).unflatten(2, (8, 8))]
        halves = [F.normalize(half - half.mean(dim=1, keepdim=True), dim=1) for half in halves]
        compared.append(F.normalize(torch.cat(halves, dim=1), dim=1).flatten(2).double())
    x, y = compared
    total = 0
    for b in range(2):
        cos = (x[b].T @ y[b]).detach().clamp(-1, 1)
        for table in (cos, cos.T):
            for i in range(64):
                row = s * table[i]
                row[i] = s * math.cos(math.acos(table[i, i]) + m)
                total += float(row.logsumexp(0) - row[i]) / 64 / 2
    assert set(found) == {"mcl"} and found["mcl"].item() == pytest.approx(total, rel=1e-4)


def test_the_terms_on_the_picture():
    """Eq. 6, Eq. 7 between output and exemplar, and the adversarial one."""
    torch.manual_seed(0)
    net, batch, vgg, D = network().eval(), a_batch(), VGG("vgg16"), Discriminator(5, 4).eval()
    found = terms(net, batch, True, D, vgg, perc=1, context=1, adv=1)
    image = net(batch.x_A, batch.y_B).image
    layers = ("relu2_2", "relu3_2", "relu4_2", "relu5_2")
    of_image, of_Y, of_Z = (vgg(picture, layers) for picture in (image, batch.x_B, batch.y_B))
    small = [{k: F.adaptive_avg_pool2d(f, min(4, f.shape[3])) for k, f in phi.items()} for phi in (of_image, of_Z)]
    by_hand = {
        "perc": (of_image["relu4_2"] - of_Y["relu4_2"]).abs().mean(),
        "context": sum(omega * losses.contextual(small[0][layer], small[1][layer]) for layer, omega in zip(layers, (1, 2, 4, 8))),
        "adv": -sum(scale[-1].mean() for scale in D(batch.x_A, image)) / len(D(batch.x_A, image)),
    }
    assert set(found) == set(by_hand)
    for name, value in by_hand.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)


def test_the_extras_are_those_of_cocosnet():
    torch.manual_seed(0)
    net, batch, vgg = network().eval(), a_batch(), VGG("vgg16")
    w = Weights(**{**NOTHING, "pixel": 1, "warp": 1, "warped_condition": 1, "detail": 1})
    ours, theirs = (OBJECTIVES[system].terms(net, None, vgg, batch, w, False)[1] for system in ("mclnet", "cocosnet"))
    assert set(ours) == {"pixel", "warp", "warped_condition", "detail"}
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_both_encoders_and_the_map_learn_by_the_contrastive_term_alone():
    net, batch = network(), a_batch()
    net.G.register_forward_hook(lambda *given: pytest.fail("the correspondence is trained alone"))
    terms(net, batch, mcl=1)["mcl"].backward()
    for name, p in net.named_parameters():
        if not name.startswith("G."):
            assert p.grad is not None and torch.isfinite(p.grad).all() and p.grad.abs().max() > 0, name


def test_it_teaches_condition_and_photo_to_agree_place_by_place():
    """Thirty steps on one pair, whose condition tells the picture: the share of positions that find their own."""
    torch.manual_seed(0)
    net, batch = network(), a_batch(n=1)
    batch.x_B = batch.x_A[:, :3] * 2 - 1
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)

    def found():
        x, y = net.compared(net.x_S(batch.x_A), net.y_S(batch.x_B), batch.x_A, batch.x_A)
        return (correlate(x, y)[0].argmax(dim=1) == torch.arange(64)).float().mean().item()

    before = found()
    for _ in range(30):
        optimiser.zero_grad()
        terms(net, batch, mcl=1, scale=10)["mcl"].backward()
        optimiser.step()
    assert before < 0.3 and found() > 0.9


# ---- from the command line to a translation


def test_a_run_from_the_command_line_to_a_translation(tmp_path, capsys):
    """Trained for two steps with every term of Eq. 8 that needs no perceptual network, shipped, asked for a picture and a match,
    and measured."""
    data, run = prepared(tmp_path / "data", people=4, held_out=2, size=64), tmp_path / "run"
    words = (f"train --data {data} --out {run} --name figure_mcl --system mclnet --preset mini --size 64 --steps 2 --batch 2 "
             f"--d-width 4 --device cpu --threads 1 --weights.feat 0 --weights.perc 0 --weights.context 0 --weights.warp 1 "
             f"--weights.margin 0.3 --choices scm 16")
    assert cli.main(words.split()) == 0
    path = run / "figure_mcl.safetensors"
    net, card = checkpoints.load(path)
    assert (card["system"], card["weights"]["margin"], net.config.scm) == ("mclnet", 0.3, 16)
    assert Translator.load(path, "cpu")(BODY, FIGURE).image.size == (64, 64)
    matcher = Matcher.load(path, "cpu").set_images(BODY, FIGURE)
    q = matcher.query(*matcher.photo.frame.to_photo([[0.5, 0.5]])[0])
    assert -1 <= q.score <= 1 + 1e-5 and q.heatmap.shape == (32, 32)
    assert cli.main(["evaluate", "--model", str(path), "--data", str(data), "--pairs", "2", "--perceive", "0"]) == 0
    assert "PCK@0.1 network, arg-max" in capsys.readouterr().out
