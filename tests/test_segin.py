"""SEGIN: non-local layers by Eq. 3 and 4, the network and its choices, each term of Eq. 11, a run to a translation."""

import math

import numpy as np
import pytest
import torch
from folders import masked, prepared

from cocos_demo import Translator, checkpoints, cli, losses
from cocos_demo.datasets.distortion import LUMA, random_chroma, recoloured, relit
from cocos_demo.datasets.pairs import Batch, Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.models import SYSTEMS
from cocos_demo.models.correspondence import correlate
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.models.segin import NonLocal
from cocos_demo.models.semantic import paste, semantic_match
from cocos_demo.objectives import OBJECTIVES, ObjectiveError, Weights, shares

SMALL = dict(condition_channels=2, size=32, encoder=(8, 8, 16, 16), halvings=2, k=3)


def network(**choices):
    torch.manual_seed(0)
    return SYSTEMS["segin"](**{**SMALL, **choices})


def a_batch(n=2, channels=2):
    g = torch.Generator().manual_seed(0)
    x_A, y_A = (torch.rand(n, channels, 32, 32, generator=g) for _ in range(2))
    x_B, y_B = (torch.rand(n, 3, 32, 32, generator=g) * 2 - 1 for _ in range(2))
    known = torch.zeros(n, 1, 32, 32)
    known[0] = 1
    foreground = torch.zeros(n, 1, 32, 32)
    foreground[:, :, 8:24, 8:24] = 1
    return Batch(x_A, x_B, y_A, y_B, known, foreground)


# ---- Eq. 3, 4


def test_non_local_layer_is_eq_3_with_eq_4():
    torch.manual_seed(0)
    layer, x = NonLocal(4).double(), torch.randn(1, 4, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x)  # its last convolution begins at 0
    torch.nn.init.normal_(layer.out.weight)
    layer.requires_grad_(False)

    def at(f, i):  # a 1 x 1 convolution at position i
        return (f.weight[:, :, 0, 0] @ x[0].flatten(1)[:, i]) + f.bias

    for i in range(6):
        F = [math.exp(at(layer.theta, i) @ at(layer.phi, j)) for j in range(6)]
        y = sum(F[j] * at(layer.g, j) for j in range(6)) / sum(F)
        expected = x[0].flatten(1)[:, i] + layer.out.weight[:, :, 0, 0] @ y + layer.out.bias
        torch.testing.assert_close(layer(x)[0].flatten(1)[:, i], expected)
        torch.testing.assert_close(layer.attention(x, i)[0].flatten(), torch.tensor(F, dtype=torch.float64) / sum(F))


def test_a_non_local_layer_reaches_everywhere_in_one_step():
    """What a convolution does not: the far corner's gradient at the near one is not 0."""
    torch.manual_seed(0)
    layer, x = NonLocal(4), torch.randn(1, 4, 8, 8, requires_grad=True)
    torch.nn.init.normal_(layer.out.weight)
    layer(x)[0, :, 0, 0].sum().backward()
    assert x.grad[0, :, 7, 7].abs().min() > 0


# ---- the network


@pytest.mark.parametrize("choices", [
    dict(), dict(nonlocals=0), dict(mask=False), dict(reads_reference=False), dict(layer="relu2_2"),
    dict(drawing="grey", condition_channels=1), dict(drawing="labels", condition_channels=5)])
@pytest.mark.parametrize("n", [1, 3])
def test_shapes_and_ranges(choices, n):
    net = network(**choices).eval()
    batch = a_batch(n, net.config.condition_channels)
    with torch.no_grad():
        out = net(batch.x_A, batch.y_B, along=torch.rand(n, 5, 32 // net.config.stride, 32 // net.config.stride))
    assert out.image.shape == out.warped.shape == (n, 3, 32, 32) and out.image.abs().max() <= 1
    assert out.warped.abs().max() <= 1 + 1e-6 and out.match.along.shape[:2] == (n, 5)
    if choices.get("mask", True):
        assert out.mask.shape == (n, 1, 32, 32) and 0 <= out.mask.min() and out.mask.max() <= 1
    else:
        assert out.mask is None


def test_the_warp_is_what_the_match_pastes():
    net, batch = network().eval(), a_batch()
    match = net.correspond(batch.x_A, batch.y_B)
    xi = semantic_match(match.x_S, match.y_S, 3)
    torch.testing.assert_close(match.warped, paste(batch.y_B, xi, (8, 8), 3))
    M = correlate(match.fx, match.fy)  # what clicks ask: Eq. 3's cosines of the plain patches are Eq. 1's
    torch.testing.assert_close(M.gather(2, xi.flatten(1)[..., None])[..., 0], M.amax(dim=2))
    torch.testing.assert_close(net.auxiliary(batch.x_A, batch.y_B), match.warped)


def test_another_matcher_or_an_auxiliary_image_takes_its_place():
    class Mirror:
        k = 1

        def __call__(self, condition, x, r):
            assert condition.shape == (2, 2, 32, 32) and x.shape == r.shape == (2, 3, 32, 32)
            return torch.arange(64).view(8, 8).flip(1).expand(2, -1, -1), (8, 8)

    net, batch = network().eval(), a_batch()
    own = net(batch.x_A, batch.y_B).image
    net.matcher = Mirror()
    out = net(batch.x_A, batch.y_B)
    mirrored = batch.y_B.unflatten(3, (8, 4)).flip(3).flatten(3)
    torch.testing.assert_close(out.warped, mirrored)
    assert out.match is None and not torch.allclose(out.image, own)
    torch.testing.assert_close(net(batch.x_A, batch.y_B, auxiliary=mirrored).image, out.image)


def test_what_the_network_reads():
    net, blind, batch = network().eval(), network(reads_reference=False).eval(), a_batch()
    W = batch.x_B
    for one, reads in ((net, True), (blind, False)):
        changed = one.paint(batch.x_A, W, batch.y_B)[0] != one.paint(batch.x_A, W, -batch.y_B)[0]
        assert changed.any() == reads


def test_how_the_condition_is_drawn():
    lines = torch.zeros(1, 2, 32, 32)
    lines[0, 1, 5] = 1
    drawn = network().drawn(lines)
    assert (drawn[0, :, 5] == -1).all() and (drawn[0, :, 6] == 1).all()  # black on white
    grey = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(network(drawing="grey", condition_channels=1).drawn(grey), (2 * grey - 1).expand(-1, 3, -1, -1))
    labels = torch.eye(4)[:, :, None, None].expand(4, 4, 32, 32)
    colours = network(drawing="labels", condition_channels=4).drawn(labels)[:, :, 0, 0]
    torch.testing.assert_close(colours[:2], torch.tensor([[-1.0, -1, -1], [1, -0.5, -0.5]]), atol=1e-6, rtol=0)
    assert len({tuple(c.tolist()) for c in colours}) == 4 and colours.abs().max() <= 1 + 1e-6


@pytest.mark.parametrize(("choices", "message"), [
    (dict(k=2), "k must be odd"), (dict(pasted=0), "pasted must be odd"), (dict(halvings=4), "halvings must be"),
    (dict(size=33), "multiple of"), (dict(drawing="ink"), "drawing is 'ink'"), (dict(condition_channels=0), "at least 1")])
def test_choices_that_do_not_fit(choices, message):
    with pytest.raises(ValueError, match=message):
        network(**choices)


def test_pictures_that_do_not_fit():
    net, batch = network(), a_batch()
    with pytest.raises(ValueError, match="condition must be"):
        net(batch.x_A[:, :1], batch.y_B)
    with pytest.raises(ValueError, match="exemplar must be"):
        net(batch.x_A, batch.y_B[..., :16])


def test_the_discriminator_has_spectral_normalisation_and_no_other():
    options = OBJECTIVES["segin"].discriminator
    D = Discriminator(2, 4, **options)
    kinds = {type(layer).__name__ for layer in D.modules()}
    assert "InstanceNorm2d" not in kinds and "BatchNorm2d" not in kinds and len(D.scales) == 1
    assert any("parametrizations" in key for key in D.state_dict())


# ---- Eq. 5 to 11


def test_total_variation_by_hand():
    """Two channels, 2 x 2: lengths sqrt(1 + 4 + 9 + 0), 2 downwards, 3 to the right, 0."""
    y = torch.tensor([[[[0.0, 2.0], [1.0, 1.0]], [[0.0, 0.0], [3.0, 3.0]]]], dtype=torch.float64)
    down = [(1.0, 3.0), (-1.0, 3.0)]  # of the upper row, channel by channel
    right = [(2.0, 0.0), (0.0, 0.0)]  # of the left column
    lengths = [math.hypot(*down[0], *right[0]), math.hypot(*down[1]), math.hypot(*right[1]), 0.0]
    assert losses.total_variation(y).item() == pytest.approx(sum(lengths) / 4)
    flat = torch.ones(1, 3, 4, 4, requires_grad=True)
    losses.total_variation(flat).backward()
    assert torch.equal(flat.grad, torch.zeros_like(flat))  # the length's gradient at 0 is 0, not nan


def test_adversarial_terms_are_eq_7():
    real, fake = ([[torch.tensor([[0.3, -2.0]]), torch.tensor([[v, 1.5]], dtype=torch.float64)]] for v in (0.7, -0.4))

    def D(t):
        return 1 / (1 + math.exp(-t))

    expected = -(math.log(D(0.7)) + math.log(D(1.5))) / 2 - (math.log(1 - D(-0.4)) + math.log(1 - D(1.5))) / 2
    assert losses.log_discriminator(real, fake).item() == pytest.approx(expected)
    assert losses.log_generator(fake).item() == pytest.approx(-(math.log(D(-0.4)) + math.log(D(1.5))) / 2)


def test_segmentation_terms_by_hand():
    mask, truth = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert losses.segmentation(mask, truth).item() == 0.5
    y_hat, y = torch.ones(1, 3, 2, 2), torch.full((1, 3, 2, 2), -1.0)
    # .5 * 1 - 1 * -1 = 1.5 above, .5 * 1 - 0 = .5 below
    assert losses.segmentation_attention(mask, y_hat, truth, y).item() == pytest.approx(1.0)
    known = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert losses.segmentation_attention(mask, y_hat, truth, y, known).item() == pytest.approx(1.5)


def test_the_objective_is_eq_11():
    batch, D, w = a_batch(), Discriminator(2, 4, scales=1, norm=False).eval(), Weights()
    net = network().eval()
    torch.manual_seed(0)
    image, terms = OBJECTIVES["segin"].terms(net, D, None, batch, w, True)
    assert set(terms) == {"recon", "feature", "gan", "tv", "seg", "attention"}
    torch.testing.assert_close(terms["recon"], (image[0] - batch.x_B[0]).abs().mean() / 2)  # of the second y is not known
    torch.testing.assert_close(terms["tv"], losses.total_variation(image))
    assert (w.recon, w.gan, w.seg, w.attention, w.tv) == (100, 1, 100, 10, 10)
    assert w.feature == pytest.approx(5e-6 * 256 * 64 * 64, rel=1e-3)
    sum(terms.values()).backward()
    unmoved = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Behind a last convolution of zeros nothing of a non-local layer learns in the first step.
    assert all(any(part in name for part in (".theta", ".phi", ".g.")) for name in unmoved)


@pytest.mark.parametrize("name", ["recon", "feature", "gan", "seg", "attention", "tv"])
def test_each_term_can_be_left_out(name):
    D = Discriminator(2, 4, scales=1, norm=False)
    _, terms = OBJECTIVES["segin"].terms(network(), D, None, a_batch(), Weights(**{name: 0.0}), True)
    assert set(terms) == {"recon", "feature", "gan", "seg", "attention", "tv"} - {name}


def test_one_task_alone_and_a_batch_without_foreground():
    batch = a_batch()
    batch.foreground = None
    _, terms = OBJECTIVES["segin"].terms(network(mask=False), None, None, batch, Weights(), False)
    assert set(terms) == {"recon", "feature", "tv"}
    with pytest.raises(ObjectiveError, match="foreground"):
        OBJECTIVES["segin"].terms(network(), None, None, batch, Weights(), False)


def test_shares_of_the_total():
    found = shares({"recon": 0.02, "tv": 0.1, "gan": -1.0, "total": 9.0, "D": 2.0}, Weights())
    assert list(found) == ["recon", "tv", "gan"] and found == pytest.approx({"recon": 0.5, "tv": 0.25, "gan": 0.25})


# ---- colours that the exemplar alone tells


def test_recoloured_keeps_lightness_and_stays_in_range():
    g = torch.Generator().manual_seed(0)
    picture = torch.rand(3, 16, 16, generator=g) * 2 - 1
    for seed in range(8):
        changed = recoloured(picture, random_chroma(np.random.default_rng(seed), 2.0))
        assert changed.abs().max() <= 1 and (changed - picture).abs().mean() > 0.01
        lightness = [(LUMA[:, None, None] * p).sum(0) for p in (picture, changed)]
        torch.testing.assert_close(*lightness, atol=1e-5, rtol=0)
    same = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    torch.testing.assert_close(recoloured(picture, same), picture, atol=1e-5, rtol=0)


def test_pairs_share_their_colours_where_the_target_is_known(tmp_path):
    folder = PreparedFolder(masked(tmp_path / "people"), "train", condition="grey")

    def mean_chroma(**mix):
        batch = PairSampler([folder], 32, Mix(move=0.0, colour=2.0, **mix))(0, 6)
        U = [(p[:, 2] - (LUMA[:, None, None] * p).sum(1)).mean(dim=(1, 2)) for p in (batch.x_B, batch.y_B)]
        return (U[0] - U[1]).abs().mean().item()

    assert mean_chroma(same=1, pseudo=0, cross=0) < 0.01


def test_pairs_share_their_light_and_grey_photos_keep_theirs(tmp_path):
    path = masked(tmp_path / "people")
    folder = PreparedFolder(path, "train")

    def lightness(**mix):
        batch = PairSampler([folder], 32, Mix(same=1, pseudo=0, cross=0, move=0.0, **mix))(0, 6)
        return [p.mean(dim=(1, 2, 3)) for p in (batch.x_B, batch.y_B)]

    (x, y), (plain_x, _) = lightness(light=1.0), lightness()
    assert (x - y).abs().max() < 0.01 and (x - plain_x).abs().max() > 0.1
    torch.testing.assert_close(relit(torch.tensor([-1.0, 0.0, 1.0]), 2.0), torch.tensor([-1.0, -0.5, 1.0]))
    with pytest.raises(DataError, match="mix.light"):
        PairSampler([PreparedFolder(path, "train", condition="grey")], 32, Mix(light=1.0))


# ---- a run


@pytest.mark.parametrize("condition", ["portrait", "grey"])
def test_from_training_to_a_translation(tmp_path, capsys, condition):
    data, run = masked(tmp_path / "people"), tmp_path / "run"
    command = ["train", "--system", "segin", "--data", str(data), "--condition", condition, "--out", str(run), "--size", "32",
               "--steps", "3", "--batch", "2", "--warmup", "1", "--mix.cross", "0", "--mix.colour", "1", "--device", "cpu",
               "--choices", "encoder", "8,8,16,16", "halvings", "2", "k", "3"]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "shares of the total: " in said and "recon" in said
    net, card = checkpoints.load(run / "model.safetensors")
    assert card["system"] == "segin" and net.config.drawing == ("grey" if condition == "grey" else "lines")
    assert sum(card["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert not any(key.startswith("matcher") for key in net.state_dict())  # VGG travels by itself
    t = Translator(net, card, "cpu")
    folder = PreparedFolder(data, "train", condition=condition)
    with torch.inference_mode():
        out = t.net(folder.condition(0, 32)[None], folder.photo(1, 32)[None])
    assert out.image.shape == (1, 3, 32, 32) and torch.isfinite(out.image).all()


def test_a_folder_without_masks_is_refused(tmp_path, capsys):
    data = prepared(tmp_path / "people", condition="portrait")
    assert cli.main(["train", "--system", "segin", "--data", str(data), "--out", str(tmp_path / "run"), "--size", "32"]) == 2
    assert "prepare people" in capsys.readouterr().err
