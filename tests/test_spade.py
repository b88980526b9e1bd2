"""models/spade.py: the baseline paints, learns its statistics, trains with CoCosNet's weights and survives a checkpoint."""

import pytest
import torch
from folders import prepared

from cocos_demo import checkpoints, objectives
from cocos_demo.datasets.pairs import Mix
from cocos_demo.models import SYSTEMS
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.models.layers import SPADE, bake
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer

SMALL = dict(condition_channels=5, size=32, encoder=(4, 8, 8), code=6, generator=(8, 8, 4), hidden=4)
NO_VGG = dict(feat=0.0, perc=0.0, context=0.0)


def inputs(b=2, size=32, channels=5):
    g = torch.Generator().manual_seed(0)
    return torch.rand(b, channels, size, size, generator=g), torch.rand(b, 3, size, size, generator=g) * 2 - 1


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("encoder_norm", ["instance", "none"])
@pytest.mark.parametrize("spectral", ["all", "convolutions"])
def test_shapes_ranges_and_gradients_of_every_choice(norm, encoder_norm, spectral):
    net = SYSTEMS["spade"](**SMALL, norm=norm, encoder_norm=encoder_norm, spectral=spectral)
    x_A, y_B = inputs()
    out = net(x_A, y_B, x_A)
    assert out.image.shape == (2, 3, 32, 32) and out.image.abs().max() <= 1
    assert out.warped is None and out.warps == () and out.match is None
    out.image.square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


@pytest.mark.parametrize("channels", [7, 20, 35])
def test_tiny_has_about_the_parameters_of_cocosnet(channels):
    ours, theirs = (sum(p.numel() for p in SYSTEMS[name](condition_channels=channels).parameters())
                    for name in ("spade", "cocosnet"))
    assert 0.9 < ours / theirs < 1.1
    assert SYSTEMS["spade"](condition_channels=channels)(*inputs(1, 128, channels)).image.shape == (1, 3, 128, 128)


def test_full_is_as_large_as_cocosnets():
    with torch.device("meta"):
        net = SYSTEMS["spade"](preset="full", condition_channels=20)
    assert net.config.size == 256
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(87.9e6, rel=0.05)  # CoCosNet's


@pytest.mark.parametrize("preset", ["mini", "tiny"])
def test_small_presets_are_as_large_as_cocosnets(preset):
    spade, cocosnet = (SYSTEMS[name](preset, condition_channels=25) for name in ("spade", "cocosnet"))
    assert spade.config.size == cocosnet.config.size
    counts = [sum(p.numel() for p in net.parameters()) for net in (spade, cocosnet)]
    assert counts[0] == pytest.approx(counts[1], rel=0.1)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="presets mini, tiny, full"):
        SYSTEMS["spade"](preset="huge", condition_channels=5)
    with pytest.raises(ValueError, match="norm is 'layer'; it can be 'batch' or 'instance'"):
        SYSTEMS["spade"](**SMALL, norm="layer")
    with pytest.raises(ValueError, match="multiple of 16"):
        SYSTEMS["spade"](**{**SMALL, "size": 24})
    net, (x_A, y_B) = SYSTEMS["spade"](**SMALL), inputs()
    with pytest.raises(ValueError, match=r"condition must be \(B, 5, 32, 32\), got"):
        net(x_A[:, :3], y_B)
    with pytest.raises(ValueError, match="nothing along"):
        net(x_A, y_B, along=y_B)


def test_the_code_is_drawn_in_training_and_its_mean_afterwards():
    net, (x_A, y_B) = SYSTEMS["spade"](**SMALL), inputs()
    assert not torch.equal(net(x_A, y_B).image, net(x_A, y_B).image)
    net.eval()
    assert torch.equal(net(x_A, y_B).image, net(x_A, y_B).image)
    mu, logvar = torch.zeros(4000, 6), torch.full((4000, 6), 2 * torch.log(torch.tensor(3.0)))
    torch.manual_seed(0)
    assert net.train().draw(mu, logvar).std().item() == pytest.approx(3, rel=0.03)


def test_an_exemplar_and_the_condition_both_reach_the_picture():
    net, (x_A, y_B) = bake(SYSTEMS["spade"](**SMALL)), inputs()
    whole = net(x_A, y_B).image
    assert (net(x_A, y_B.flip(0)).image - whole).abs().max() > 1e-3
    assert (net(x_A.flip(0), y_B).image - whole).abs().max() > 1e-3
    for k in range(2):  # in eval mode a picture does not depend on its neighbours in the batch
        torch.testing.assert_close(net(x_A[k:k + 1], y_B[k:k + 1]).image, whole[k:k + 1], atol=1e-5, rtol=1e-4)


def test_only_instance_normalisation_hides_a_shift_of_a_channel():
    """Why the preset's norm is `batch`: a style that lifts a channel of one picture must be seen behind the norm."""
    f = torch.randn(2, 6, 8, 8)
    lifted = f + torch.tensor([5.0, 0.0]).view(2, 1, 1, 1)
    from cocos_demo.models.spade import NORMS

    for norm, seen in (("batch", True), ("instance", False)):
        layer = SPADE(6, 3, 4, False, NORMS[norm]).norm
        assert (((layer(lifted) - layer(f))[0].mean()).abs() > 0.5).item() == seen


def args(tmp_path, **changes):
    if not (tmp_path / "data").exists():
        prepared(tmp_path / "data")
    return TrainArgs(**{**dict(data=(tmp_path / "data",), out=tmp_path / "run", system="spade", size=64, steps=3, batch=2,
                               d_width=4, save_every=2, device="cpu", choices={"code": "6"},
                               weights=Weights(**NO_VGG, pixel=1.0, warp=1.0, warped_condition=1.0)), **changes})


@pytest.fixture
def folder(tmp_path):
    prepared(tmp_path / "data", size=64)
    return tmp_path


def test_from_folder_to_checkpoint_with_the_weights_of_a_cocosnet_run(folder):
    seen = []
    trainer = Trainer(args(folder))
    path = trainer.run(lambda state: seen.append(set(state["terms"])))
    assert seen[-1] == {"adv", "d_feat", "pixel", "kl", "total", "grad_norm", "D"}
    loaded, card = checkpoints.load(path)
    assert card["system"] == "spade" and loaded.config == trainer.net.config
    x_A, y_B = inputs(2, 64, 35)
    expected = trainer.ema.module.eval()(x_A, y_B).image
    torch.testing.assert_close(loaded(x_A, y_B).image, expected, atol=5e-3, rtol=0)  # half precision
    means = [b for name, b in loaded.named_buffers() if name.endswith("running_mean")]
    assert means and all(m.abs().max() > 0 for m in means)  # the statistics of training have come along


def test_interrupted_and_straight_runs_agree_to_the_bit(folder):
    def stop(state):
        if state["step"] == 1:
            raise KeyboardInterrupt

    straight = Trainer(args(folder, out=folder / "straight"))
    straight.run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(args(folder)).run(stop)
    again = Trainer(args(folder))
    again.run()
    ours, theirs = straight.net.state_dict(), again.net.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_training_lowers_its_loss(folder):
    totals = []
    weights = Weights(**NO_VGG, adv=0.0, d_feat=0.0, pixel=1.0, kl=0.001)
    only_known = Mix(same=1.0, pseudo=0.0, cross=0.0)
    Trainer(args(folder, steps=30, lr_g=2e-3, warmup=1, save_every=100, weights=weights, mix=only_known)).run(
        lambda state: totals.append(state["terms"]["pixel"]))
    assert sum(totals[-5:]) < 0.8 * sum(totals[:5])


def test_a_term_of_weight_0_is_left_out(folder):
    trainer = Trainer(args(folder))
    batch = trainer.sampler(0, 2)
    w = Weights(**NO_VGG, pixel=1.0, kl=0.0)
    _, terms = objectives.OBJECTIVES["spade"].terms(trainer.net, Discriminator(35, 4), None, batch, w, adversarial=False)
    assert set(terms) == {"pixel"}
