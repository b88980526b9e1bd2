"""CoCosNet v2: levels, fields, gradients, and what the network promises of its matching."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from cocos_demo import losses
from cocos_demo.datasets.pairs import Batch
from cocos_demo.models import SYSTEMS
from cocos_demo.models import patchmatch as pm
from cocos_demo.models.correspondence import correlate
from cocos_demo.objectives import OBJECTIVES, Weights

TINY = dict(condition_channels=5, size=64, widths=(4, 6, 8, 8), features=8, memory=4, generator=(8, 8, 8, 6), hidden=4)


def network(**choices):
    torch.manual_seed(0)
    return SYSTEMS["cocosnet_v2"]("tiny", **{**TINY, **choices})


def inputs(b=2, size=(64, 64), seed=0, other=None):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(b, 5, *size, generator=g), torch.rand(b, 3, *(other or size), generator=g) * 2 - 1


def steps(net, x, y):
    """Everything that the callback was told, in order."""
    told = []
    with torch.no_grad():
        net.correspond(x, y, callback=told.append)
    return told


def test_levels_from_coarse_to_fine():
    net, (x, y) = network(), inputs()
    out = net(x, y)
    assert out.image.shape == out.warped.shape == (2, 3, 64, 64)
    assert [tuple(w.shape[2:]) for w in out.warps] == [(8, 8), (16, 16), (32, 32), (64, 64)]
    assert [tuple(H.shape) for H in out.match.H] == [(2, n, n, 4, 2) for n in (8, 16, 32, 64)]
    assert all(torch.isfinite(w).all() and w.abs().max() <= 1 + 1e-5 for w in out.warps)
    for H, n in zip(out.match.H, (8, 16, 32, 64)):
        assert (H >= 0.5).all() and (H <= n - 0.5).all()


def test_the_preset_for_1024_pixels():
    """64 x 64 places are compared in full, 128 to 1024 refined; run here with few channels, on smaller pictures."""
    with torch.device("meta"):
        net = SYSTEMS["cocosnet_v2"]("full1024", condition_channels=7)
    assert [net.config.size // stride for stride in net.config.strides] == [64, 128, 256, 512, 1024]
    assert 20e6 < sum(p.numel() for p in net.parameters()) < 40e6
    net = SYSTEMS["cocosnet_v2"]("full1024", condition_channels=7, widths=(4,) * 5, features=8, memory=4, hidden=4,
                                 generator=(8,) * 7)
    out = net(torch.rand(1, 7, 128, 128), torch.rand(1, 3, 128, 128))
    assert out.image.shape == (1, 3, 128, 128) and [w.shape[2] for w in out.warps] == [8, 16, 32, 64, 128]
    with pytest.raises(ValueError, match="multiple of 64"):
        net(torch.rand(1, 7, 160, 160), torch.rand(1, 3, 160, 160))


@pytest.mark.parametrize("size, other", [((64, 96), (64, 96)), ((96, 64), (64, 64)), ((64, 64), (128, 64))])
def test_pictures_need_not_be_square_nor_equal(size, other):
    net = network()
    x, y = inputs(1, size, other=other)
    out = net(x, y)
    assert out.image.shape == (1, 3, *size) and out.warps[-1].shape == (1, 3, *size)
    H = out.match.H[-1]
    assert (H[..., 0] <= other[1] - 0.5).all() and (H[..., 1] <= other[0] - 0.5).all()


def test_the_first_backward_reaches_every_parameter_of_the_gru():
    net, (x, y) = network(), inputs()
    net(x, y).image.square().mean().backward()
    of_gru = {name: p.grad for name, p in net.named_parameters() if "gru" in name}
    assert len(of_gru) == 3 * 6
    for name, grad in of_gru.items():
        assert grad is not None and torch.isfinite(grad).all() and grad.abs().max() > 0, name
    assert all(p.grad is not None for name, p in net.named_parameters() if not name.startswith("R."))  # R: for a loss alone


def test_the_same_inputs_give_the_same_field():
    net, (x, y) = network().eval(), inputs()
    for a, b in zip(steps(net, x, y), steps(net, x, y)):
        assert torch.equal(a["H"], b["H"]) and torch.equal(a["S"], b["S"])


def test_each_step_of_a_batch_is_that_of_its_pictures():
    """One step at a time, since the recursion amplifies rounding: each from the field that the batch had before it."""
    net, (x, y) = network().eval().double(), inputs(3)
    x, y = x.double(), y.double()
    whole = steps(net, x, y)
    for i in range(3):
        for a, b in zip(whole, steps(net, x[i : i + 1], y[i : i + 1]), strict=True):
            torch.testing.assert_close(a["H"][i : i + 1], b["H"], atol=1e-9, rtol=0)
            torch.testing.assert_close(a["S"][i : i + 1], b["S"], atol=1e-9, rtol=0)


def test_equal_features_and_a_head_of_zero_give_the_identity():
    net = network().eval()
    for level in net.N:
        torch.nn.init.zeros_(level.head[2].weight)
    f = [torch.randn(1, 8, n, n) for n in (8, 16, 32, 64)]
    y = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = net._match(f, f, y, (), None, torch.autocast("cpu", enabled=False))
    for H, fx in zip(found.H, f):
        assert torch.equal(H[:, :, :, 0], pm.centres(*fx.shape[2:], fx)[None])


def test_what_goes_along_is_moved_as_the_exemplar_is_at_every_level():
    net, (x, y) = network().eval(), inputs()
    with torch.no_grad():
        match = net.correspond(x, y, along=[F.adaptive_avg_pool2d(y, n) for n in (8, 16, 32, 64)])
        assert net.correspond(x, y).along == []
    for moved, warped in zip(match.along, match.warps, strict=True):
        torch.testing.assert_close(moved, warped)


def test_a_click_compares_all_levels():
    """The mean of the levels' cosines, where a place of the finest grid is the centre of those of the others."""
    net, (x, y) = network(widths=(4, 6), strides=(2, 1)).eval(), inputs(1, (32, 32))
    m = net.correspond(x, y)
    M = correlate(m.fx, m.fy)  # (1, 1024, 1024)
    assert M.shape == (1, 1024, 1024) and m.fx.shape == (1, 16, 32, 32)
    flat = [torch.ones(1, 8, n, n) * torch.randn(1, 8, 1, 1) for n in (16, 32)]  # constant maps: the same place at every level
    other = [torch.ones(1, 8, n, n) * torch.randn(1, 8, 1, 1) for n in (16, 32)]
    M = correlate(replace(m, x=flat).fx, replace(m, x=other).fx)
    mean = sum(correlate(a[..., :1, :1], b[..., :1, :1]).item() for a, b in zip(flat, other)) / 2
    torch.testing.assert_close(M, torch.full_like(M, mean), atol=1e-5, rtol=0)


def test_variants_of_table_5():
    x, y = inputs(1)
    none, conv, gru = (network(refinement=name) for name in ("none", "conv", "gru"))
    assert none.N is None and not any("gru" in name for name, _ in conv.named_parameters())
    counts = [sum(p.numel() for p in net.parameters()) for net in (none, conv, gru)]
    assert counts == sorted(counts) and len({*counts}) == 3
    told = {name: [t["step"] for t in steps(net, x, y)] for name, net in
            (("none", none), ("conv", conv), ("alone", network(propagation=False)))}
    assert "refine" not in told["none"] and "propagate" not in told["alone"] and {"refine", "propagate"} < {*told["conv"]}


@pytest.mark.parametrize("choices, words", [
    (dict(strides=(1, 2)), "strides must fall"), (dict(strides=(16, 1)), "strides must fall"), (dict(size=68), "multiple of 8"),
    (dict(size=8), "at least 16"), (dict(refinement="lstm"), "refinement is 'lstm'"), (dict(candidates=0), "at least 1")])
def test_wrong_choices_are_told(choices, words):
    with pytest.raises(ValueError, match=words):
        network(**choices)


def test_wrong_inputs_are_told():
    net, (x, y) = network(), inputs(1)
    for args, words in (((x[:, :4], y), r"condition must be \(B, 5, H, W\)"), ((x, y[0]), "exemplar must be"),
                        ((x[..., :60], y), "multiple of 8")):
        with pytest.raises(ValueError, match=words):
            net(*args)
    with pytest.raises(ValueError, match="give exemplar_condition"):
        network(exemplar_input="image+condition")(x, y)
    with pytest.raises(ValueError, match="there is no 'huge'"):
        SYSTEMS["cocosnet_v2"]("huge", condition_channels=5)


def test_the_terms_on_the_correspondence():
    """Eq. 11 to 14 by hand, level by level."""
    net = network().eval()
    (x_A, x_B), (y_A, y_B) = inputs(seed=1), inputs(seed=2)
    known = torch.zeros(2, 1, 64, 64)
    known[0] = 1  # a pseudo pair, and two people
    w = Weights(feat=0, perc=0, context=0, adv=0, d_feat=0, domain=1, reg=1, warp=1, mapping=1, warped_condition=1)
    _, terms = OBJECTIVES["cocosnet_v2"].terms(net, None, None, Batch(x_A, x_B, y_A, y_B, known), w, False)
    assert set(terms) == {"domain", "reg", "warp", "mapping", "warped_condition"}
    match, of_x_B = net.correspond(x_A, y_B), net.y_S(x_B)
    small = [F.adaptive_avg_pool2d(x_B, n) for n in (8, 16, 32, 64)]
    moved = net.correspond(x_A, y_B, along=[F.avg_pool2d(y_A, 3 * s, s, s) for s in (8, 4, 2, 1)]).along
    by_hand = {
        "warped_condition": sum(losses.warped_condition(r, F.avg_pool2d(x_A, 3 * s, s, s))
                                for r, s in zip(moved, (8, 4, 2, 1))) / 4,
        "domain": sum(losses.domain_alignment(a, b) for a, b in zip(match.x, of_x_B)) / 4,
        "warp": sum((r[0] - x[0]).abs().mean() for r, x in zip(match.warps, small)) / 4 / 2,  # the second sample counts 0
        "mapping": (net.R(match.x[3]) - x_B).abs().mean() + (net.R(match.y[3]) - y_B).abs().mean(),
    }
    for name, value in by_hand.items():
        torch.testing.assert_close(terms[name], value, atol=1e-5, rtol=1e-5)
    sum(terms.values()).backward()
    assert all(p.grad is not None for name, p in net.named_parameters() if not name.startswith("G."))


def test_a_run_from_the_command_line_to_a_translation(tmp_path):
    """Trained for two steps, shipped, loaded, and asked for a match."""
    from folders import prepared

    from cocos_demo import checkpoints
    from cocos_demo.training import TrainArgs, begin

    args = TrainArgs(data=(prepared(tmp_path / "data"),), out=tmp_path / "run", system="cocosnet_v2", size=32, steps=2, batch=2,
                     d_width=4, device="cpu", weights=Weights(0, 0, 0, adv=0, d_feat=0, pixel=1.0, warp=1.0))
    net, card = checkpoints.load(begin(args).run())
    assert card["system"] == "cocosnet_v2" and net.config.size == 32
    n = net.config.condition_channels
    out = net(torch.rand(1, n, 32, 32), torch.rand(1, 3, 32, 32))
    assert torch.isfinite(out.image).all() and out.match.fx.shape == (1, 4 * 32, 32, 32)
