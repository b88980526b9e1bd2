"""models/: shapes, choices, gradients; the blocks against their formulas."""

import pytest
import torch
import torch.nn.functional as F

from cocos_demo.models import SYSTEMS
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.models.layers import SPADE, PositionalNorm, bake, conv, resize

SMALL = dict(condition_channels=5, size=32, pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4)


def inputs(b=2, size=32, channels=5):
    g = torch.Generator().manual_seed(0)
    return torch.rand(b, channels, size, size, generator=g), torch.rand(b, 3, size, size, generator=g) * 2 - 1


@pytest.mark.parametrize("carries", ["pixels", "patches"])
@pytest.mark.parametrize("modulation", ["warp", "warp+condition"])
@pytest.mark.parametrize("exemplar_input", ["image", "image+condition"])
def test_shapes_ranges_and_gradients_of_every_choice(carries, modulation, exemplar_input):
    net = SYSTEMS["cocosnet"](**SMALL, carries=carries, modulation=modulation, exemplar_input=exemplar_input)
    x_A, y_B = inputs()
    out = net(x_A, y_B, x_A)
    assert out.image.shape == out.warped.shape == out.warps[-1].shape == (2, 3, 32, 32)
    assert out.match.x_S.shape == out.match.y_S.shape == (2, 8, 8, 8) and out.match.coarse.shape == (2, 3, 8, 8)
    assert out.image.abs().max() <= 1 and out.warped.min() >= y_B.min() and out.warped.max() <= y_B.max()
    out.image.sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_presets():
    tiny = SYSTEMS["cocosnet"](preset="tiny", condition_channels=20, size=128)
    assert 2e6 < sum(p.numel() for p in tiny.parameters()) < 4e6
    assert tiny.config.exemplar_input == "image" and tiny.config.modulation == "warp"  # the paper's
    out = tiny(*inputs(1, 128, 20))
    assert out.image.shape == (1, 3, 128, 128)
    with torch.device("meta"):
        assert SYSTEMS["cocosnet"](preset="full", condition_channels=20).config.size == 256
    with pytest.raises(ValueError, match="presets tiny, full"):
        SYSTEMS["cocosnet"](preset="huge", condition_channels=20)


def test_mistakes_are_named():
    net = SYSTEMS["cocosnet"](**SMALL, exemplar_input="image+condition")
    x_A, y_B = inputs()
    with pytest.raises(ValueError, match="exemplar_condition"):
        net(x_A, y_B)
    with pytest.raises(ValueError, match=r"condition must be \(B, 5, 32, 32\), got"):
        net(x_A[:, :3], y_B, x_A)
    with pytest.raises(ValueError, match="carries is 'words'"):
        SYSTEMS["cocosnet"](**SMALL, carries="words")
    with pytest.raises(ValueError, match="multiple of 4"):
        SYSTEMS["cocosnet"](**{**SMALL, "size": 30})


def test_values_that_go_along_are_moved_by_the_same_weights():
    net = SYSTEMS["cocosnet"](**SMALL).eval()
    x_A, y_B = inputs()
    small = F.avg_pool2d(y_B, 4)
    match = net.correspond(x_A, y_B, along=small)
    torch.testing.assert_close(match.along, match.coarse, atol=1e-4, rtol=0)


def test_a_batch_is_its_pictures():
    net = bake(SYSTEMS["cocosnet"](**SMALL))
    x_A, y_B = inputs(3)
    whole = net(x_A, y_B).image
    for k in range(3):
        torch.testing.assert_close(net(x_A[k:k + 1], y_B[k:k + 1]).image, whole[k:k + 1], atol=1e-5, rtol=1e-4)


def test_positional_norm_is_over_channels():
    f = torch.randn(2, 16, 5, 3) * 7 + 3
    n = PositionalNorm()(f)
    torch.testing.assert_close(n.mean(dim=1), torch.zeros(2, 5, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(n.var(dim=1), torch.ones(2, 5, 3), atol=1e-4, rtol=0)


def test_spade_is_eq_5():
    spade = SPADE(6, 3, 4, spectral=False)
    f, style = torch.randn(1, 6, 8, 8), torch.randn(1, 3, 8, 8)
    alpha, beta = spade.alpha_beta(F.relu(spade.shared(style))).chunk(2, dim=1)
    mu, sigma = f.mean(1, keepdim=True), (f.var(1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(spade(f, style), (1 + alpha) * (f - mu) / sigma + beta)


def test_spectral_norm_reaches_what_the_choice_says():
    def free(net):
        return {n for n, m in net.named_modules() if isinstance(m, torch.nn.Conv2d) and not hasattr(m, "parametrizations")}

    assert free(SYSTEMS["cocosnet"](**SMALL)) == set()
    named = free(SYSTEMS["cocosnet"](**SMALL, spectral="convolutions"))
    assert named and all("norm_" in n or n == "G.to_image" for n in named)


def test_bake_keeps_the_function():
    net = SYSTEMS["cocosnet"](**SMALL).eval()
    x_A, y_B = inputs()
    before = net(x_A, y_B).image
    baked = bake(net)
    assert not any("parametrizations" in key for key in baked.state_dict())
    torch.testing.assert_close(baked(x_A, y_B).image, before)


def test_spectral_norm_bounds_the_largest_singular_value():
    layer = conv(8, 8, spectral=True)
    for _ in range(50):
        layer(torch.randn(1, 8, 4, 4))
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-2)


def test_resize_keeps_thin_lines():
    line = torch.zeros(1, 1, 32, 32)
    line[..., 7] = 1
    small = resize(line, (8, 8))
    assert small[..., 1].min() == 0.25 and small.sum() == 8 * 0.25
    assert resize(small, (20, 20)).shape == (1, 1, 20, 20)


def test_discriminator():
    D = Discriminator(5, width=4)
    answers = D(*inputs())
    assert [tuple(s[-1].shape) for s in answers] == [(2, 1, 5, 5), (2, 1, 3, 3)]
    sum(s[-1].sum() for s in answers).backward()
    assert all(p.grad is not None for p in D.parameters())
