"""models/: shapes, choices, gradients; the blocks against their formulas."""

import pytest
import torch
import torch.nn.functional as F

from cocos_demo.datasets.pairs import Batch
from cocos_demo.models import SYSTEMS
from cocos_demo.models.cocosnet import TASKS
from cocos_demo.models.correspondence import cycle_explicit, warp_explicit
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.models.layers import SPADE, Attention, PositionalNorm, ResidualBlock, SPADEBlock, bake, conv, resize
from cocos_demo.models.published import StridedAdaptor, with_neighbours
from cocos_demo.objectives import OBJECTIVES, Weights

SMALL = dict(condition_channels=5, size=32, pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4)
# The released architecture with narrow layers.
PUBLISHED = dict(preset="published", condition_channels=5, size=64, pyramid=(4, 8, 8, 8, 8), features=8, hidden=4,
                 generator=(16, 16, 16, 16, 8, 8, 4))


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
    with pytest.raises(ValueError, match="presets mini, tiny, full, published"):
        SYSTEMS["cocosnet"](preset="huge", condition_channels=20)


@pytest.mark.parametrize("task", TASKS)
def test_the_released_network_runs_and_every_layer_learns(task):
    net = SYSTEMS["cocosnet"](**{**PUBLISHED, **TASKS[task], "condition_channels": 5})
    torch.nn.init.constant_(net.G.attention.gamma, 0.5)  # it starts at 0, where the layers before it learn nothing
    x_A, y_B = inputs(2, 64)
    out = net(x_A, y_B, x_A)
    assert out.image.shape == out.warped.shape == (2, 3, 64, 64) and out.match.coarse.shape == (2, 3, 16, 16)
    assert out.match.x_S.shape == (2, 8, 16, 16) and out.match.fx.shape == out.match.fy.shape == (2, 9 * 8, 16, 16)
    (out.image.sum() + out.warped.sum()).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_the_released_network_takes_any_size_it_can_halve():
    net = bake(SYSTEMS["cocosnet"](**PUBLISHED))
    for height, width in ((64, 64), (96, 128)):
        x_A, y_B = torch.rand(1, 5, height, width), torch.rand(1, 3, height, width)
        assert net(x_A, y_B, x_A).image.shape == (1, 3, height, width)
    for size in (80, 32):
        with pytest.raises(ValueError, match=f"multiple of 32 for these widths and at least 64, got {size}"):
            net(*inputs(1, size), inputs(1, size)[0])
    with pytest.raises(ValueError, match=r"exemplar must be \(B, 3, 64, 64\)"):
        net(inputs(1, 64)[0], inputs(1, 96)[1], inputs(1, 64)[0])


def test_the_released_warp_is_the_explicit_softmax():
    net = bake(SYSTEMS["cocosnet"](**PUBLISHED))
    x_A, y_B = inputs(2, 64)
    match = net.correspond(x_A, y_B, x_A.flip(0))
    torch.testing.assert_close(match.coarse, warp_explicit(match.fx, match.fy, F.avg_pool2d(y_B, 4)), atol=1e-5, rtol=0)
    torch.testing.assert_close(match.warped, F.interpolate(match.coarse, scale_factor=4, mode="bilinear"), atol=1e-6, rtol=0)
    nearest = bake(SYSTEMS["cocosnet"](**PUBLISHED, growing="nearest"))
    match = nearest.correspond(x_A, y_B, x_A)
    torch.testing.assert_close(match.warped, match.coarse.repeat_interleave(4, 2).repeat_interleave(4, 3), atol=0, rtol=0)


def test_the_cycle_goes_back_by_what_was_compared():
    net = bake(SYSTEMS["cocosnet"](**PUBLISHED))
    x_A, y_B = inputs(2, 64)
    batch = Batch(x_A, y_B.flip(0), x_A, y_B, known=torch.ones(2, 1, 64, 64))
    weights = Weights(feat=0, perc=0, context=0, adv=0, d_feat=0, domain=0, pixel=0, reg=1)
    _, terms = OBJECTIVES["cocosnet"].terms(net, None, None, batch, weights, False)
    match = net.correspond(x_A, y_B, x_A)
    y = F.avg_pool2d(y_B, 4)
    torch.testing.assert_close(terms["reg"], (cycle_explicit(match.fx, match.fy, y) - y).abs().mean(), atol=1e-5, rtol=1e-4)


def test_the_exemplars_condition_decides_only_where_it_is_read():
    x_A, y_B = inputs(1, 64)
    for exemplar_input, reads in (("features+condition", True), ("image", False)):
        net = bake(SYSTEMS["cocosnet"](**PUBLISHED, exemplar_input=exemplar_input))
        first, second = (net.correspond(x_A, y_B, y_A).warped for y_A in (x_A, x_A.flip(3)))
        assert torch.equal(first, second) is not reads
    with pytest.raises(ValueError, match="exemplar_condition"):
        SYSTEMS["cocosnet"](**PUBLISHED)(x_A, y_B)


@pytest.mark.parametrize("choice, said", [
    (dict(head=0), "needs a head"), (dict(neighbourhood=2), "odd"), (dict(stride=8), "one of the adaptor's, 4"),
    (dict(adaptor_kernel=5), "3 or 4"), (dict(attention=7), "attention 7"), (dict(keeps=(9,)), "keeps"),
    (dict(size=48), "multiple of 32"), (dict(size=32), "at least 64")])  # fmt: skip
def test_choices_that_cannot_be(choice, said):
    with pytest.raises(ValueError, match=said):
        SYSTEMS["cocosnet"](**{**PUBLISHED, **choice})


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


def test_a_modulated_shortcut_sees_the_style():
    block = SPADEBlock(4, 6, 3, 5, "convolutions", padding="reflect", method="nearest", shortcut="modulated")
    bake(block)
    torch.nn.init.zeros_(block.conv_1.weight)  # leaves the shortcut alone
    f, style = torch.randn(1, 4, 8, 8), torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(block(f, style), block.conv_s(block.norm_s(f, style)))
    torch.testing.assert_close(block(f, style), block(f, style[..., ::4, ::4]))  # nearest: every fourth value counts


def test_attention_is_its_formula():
    attention = bake(Attention(16).double())
    torch.nn.init.constant_(attention.gamma, 0.7)
    x = torch.randn(2, 16, 4, 6, dtype=torch.float64)
    q = attention.theta(x).flatten(2)  # (B, 2, 24)
    k = F.max_pool2d(attention.phi(x), 2).flatten(2)  # (B, 2, 6)
    v = F.max_pool2d(attention.g(x), 2).flatten(2)  # (B, 8, 6)
    weights = torch.softmax(torch.einsum("bci,bcj->bij", q, k), dim=2)
    moved = torch.einsum("bij,bcj->bci", weights, v).unflatten(2, (4, 6))
    torch.testing.assert_close(attention(x), x + 0.7 * attention.o(moved))


def test_residual_block_is_its_formula():
    block = ResidualBlock(3)
    x = torch.randn(2, 3, 6, 6)

    def layer(x, convolution):
        y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), convolution.weight, convolution.bias)
        mu, sigma2 = y.mean((2, 3), keepdim=True), y.var((2, 3), keepdim=True, unbiased=False)
        return (y - mu) / (sigma2 + 1e-5).sqrt()

    a = block.prelu.weight
    d = layer(F.prelu(layer(x, block.conv1), a), block.conv2)
    torch.testing.assert_close(block(x), F.prelu(x + d, a))


def test_neighbours_stand_beside_each_position():
    f = torch.arange(12.0).reshape(1, 1, 3, 4)
    n = with_neighbours(f, 3)
    assert n.shape == (1, 9, 3, 4)
    assert torch.equal(n[0, :, 1, 1], torch.tensor([0.0, 1, 2, 4, 5, 6, 8, 9, 10]))
    assert torch.equal(n[0, :, 0, 0], torch.tensor([0.0, 0, 0, 0, 0, 1, 0, 4, 5]))


@pytest.mark.parametrize("kernel", [3, 4])
def test_the_strided_adaptor_halves_every_second_layer(kernel):
    adaptor = StridedAdaptor(3, (2, 4, 4, 6, 6), kernel, 8, hidden=4, spectral="convolutions")
    assert adaptor(torch.rand(1, 3, 32, 48)).shape == (1, 8, 8, 12)
    assert [layer.kernel_size[0] for layer in adaptor.layers] == [3, kernel, 3, kernel, 3]
    assert all(layer.bias is None for layer in adaptor.layers)


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
