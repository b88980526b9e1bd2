"""The exchangeable matchers: each against what is known (identity, shifts, loops), each alone and in a batch."""

from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F

from cocos_demo.checkpoints import shipped
from cocos_demo.matchers import MATCHERS, MatcherError, analogy, make
from cocos_demo.matchers.analogy import DeepImageAnalogy
from cocos_demo.matchers.learned import Learned
from cocos_demo.matchers.pixelnn import PixelNN, hypercolumns
from cocos_demo.matchers.search import TIE, nearest
from cocos_demo.matchers.sift import SIFT, descriptors
from cocos_demo.models import SYSTEMS
from cocos_demo.models.correspondence import correlate
from cocos_demo.models.patchmatch import cells
from cocos_demo.models.semantic import paste, patches

ALL = sorted(MATCHERS)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def picture(seed: int, height: int = 48, width: int | None = None, batch: int = 1) -> torch.Tensor:
    """(batch, 3, height, width) in [-1, 1]: blots of three sizes, no two places alike."""
    generator, size = torch.Generator().manual_seed(seed), (height, width or height)
    layers = [F.interpolate(torch.rand(batch, 3, *(n // d for n in size), generator=generator), size, mode="bicubic")
              for d in (3, 6, 12)]
    return (sum(layers) / 3 * 4 - 2).clamp(-1, 1)


def identity(h: int, w: int) -> torch.Tensor:
    return torch.arange(h * w).view(1, h, w)


def asked(name: str, x: torch.Tensor, r: torch.Tensor):
    return MATCHERS[name]()(x[:, :1], x, r)


@pytest.mark.parametrize("name", ALL)
def test_the_same_picture_is_matched_with_itself(name):
    r = picture(0)
    with torch.inference_mode():
        xi, grid = asked(name, r, r)
    assert xi.dtype == torch.long and tuple(xi.shape[1:]) == grid
    assert (xi == identity(*grid)).float().mean() >= (0.99 if name == "dia" else 1)
    assert (paste(r, xi, grid, MATCHERS[name]().k) - r).abs().max() < (1e-5 if name != "dia" else 0.5)


@pytest.mark.parametrize("name", ALL)
def test_a_shifted_picture_is_matched_with_the_shift(name):
    large, side, down, left = picture(1, 104), 96, 8, 4
    r, x = large[:, :, :side, :side], large[:, :, down:, left : left + side]
    xi, (h, w) = asked(name, x, r)
    delta = side // h
    expected = identity(h, w) + (down // delta) * w + left // delta
    away = slice(28 // delta, (side - 28) // delta)  # the border's zeros reach 20 pixels far into relu3_3, patches further
    assert (xi == expected)[:, away, away].float().mean() >= (0.99 if name == "dia" else 1)


@pytest.mark.parametrize("name", ALL)
def test_a_batch_of_two_is_two_of_one(name):
    x, r = picture(2, batch=2), picture(3, batch=2)
    both, grid = asked(name, x, r)
    for b in range(2):
        alone, its_grid = asked(name, x[b : b + 1], r[b : b + 1])
        assert its_grid == grid
        assert (alone[0] == both[b]).float().mean() > 0.999  # convolutions of a batch differ in the last digit


@pytest.mark.parametrize("name", ALL)
def test_the_same_question_has_the_same_answer(name):
    x, r = picture(4), picture(5)
    state = torch.get_rng_state()
    first, _ = asked(name, x, r)
    again, _ = asked(name, x, r)
    assert torch.equal(first, again) and not first.requires_grad
    assert torch.equal(torch.get_rng_state(), state)  # nor does it touch anybody's random numbers


@pytest.mark.parametrize("name", ["dia", "pixelnn", "sift"])
def test_half_precision_changes_no_match(name):
    x, r = picture(4), picture(5)
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = asked(name, x, r)
    assert torch.equal(half, asked(name, x, r)[0])


@pytest.mark.parametrize("reach", [None, 0.3])
def test_nearest_against_loops(reach):
    generator = torch.Generator().manual_seed(0)
    fx, fy = (torch.randn(2, 3, *size, generator=generator, dtype=torch.float64) for size in ((4, 5), (6, 3)))
    fx[:, :, 1, 1] = 0  # resembles nothing: goes to the place nearest to its own
    xi = nearest(fx, fy, reach)
    for b in range(2):
        for i in range(4):
            for j in range(5):
                best = (-2.0, None)
                for k in range(6):
                    for m in range(3):
                        down, across = abs((i + 0.5) / 4 - (k + 0.5) / 6), abs((j + 0.5) / 5 - (m + 0.5) / 3)
                        if reach is None or max(down, across) <= reach:
                            score = F.cosine_similarity(fx[b, :, i, j], fy[b, :, k, m], dim=0) - TIE * (down + across)
                            best = max(best, (float(score), k * 3 + m), key=lambda pair: pair[0])
                assert xi[b, i, j] == best[1]


def test_nearest_in_blocks_is_nearest_at_once(monkeypatch):
    fx, fy = torch.randn(1, 4, 9, 7), torch.randn(1, 4, 9, 7)
    at_once = nearest(fx, fy, 0.25)
    monkeypatch.setattr("cocos_demo.matchers.search.ENTRIES", 1)  # row by row
    assert torch.equal(nearest(fx, fy, 0.25), at_once)


def test_no_place_within_reach_is_an_error():
    with pytest.raises(ValueError, match="none of 2 x 2 within 0.100"):
        nearest(torch.rand(1, 2, 8, 8), torch.rand(1, 2, 2, 2), 0.1)


def test_sift_tells_directions_apart_and_not_brightness():
    ramp = torch.linspace(-0.5, 0.5, 32).expand(1, 3, 32, 32)  # brighter to the right
    right, down = descriptors(ramp), descriptors(ramp.transpose(2, 3))
    cells_ = right[0, :, 4, 4].view(16, 8)
    assert cells_[:, 0].square().sum() > 0.99  # all of it in the first of 8 directions
    assert (right * down).sum(dim=1)[0, 2:6, 2:6].max() < 0.01
    assert (right - descriptors(ramp + 0.25)).abs().max() < 0.1  # but for the rounding to grey levels
    assert torch.allclose(right.norm(dim=1), torch.ones(1, 8, 8), atol=1e-3)


def test_sift_leaves_what_is_flat_where_it_is():
    x, r = torch.full((1, 3, 32, 32), -1.0), picture(6, 32)
    assert not descriptors(x + 0.001 * picture(7, 32)).any()
    assert torch.equal(SIFT()(x[:, :1], x, r)[0], identity(8, 8))


def test_hypercolumns_join_layers_of_unit_length():
    f = hypercolumns(picture(8, 64))
    assert f.shape == (1, 448, 32, 32)
    for layer in f.split((64, 128, 256), dim=1):
        assert torch.allclose(layer.norm(dim=1), torch.ones(1, 32, 32), atol=1e-5)


def test_pixelnn_stays_within_its_window():
    x, r = picture(9, 64), picture(10, 64)
    xi, (h, w) = PixelNN(reach=1 / 8)(x[:, :1], x, r)
    here = identity(h, w)
    down, across = (xi // w - here // w).abs(), (xi % w - here % w).abs()
    assert down.max() == across.max() == h // 8  # it uses all of the window, and no more


@pytest.mark.parametrize("matcher", [SIFT(), PixelNN()], ids=["sift", "pixelnn"])
def test_a_picture_of_no_whole_squares_is_an_error(matcher):
    x = picture(0, 33)
    with pytest.raises(MatcherError, match="33 x 33"):
        matcher(x[:, :1], x, x)


def test_dia_takes_odd_sizes():
    r = picture(11, 37, 43)
    xi, grid = asked("dia", r, r)
    assert grid == (37, 43) and (xi == identity(37, 43)).float().mean() >= 0.99


def test_dia_begins_with_the_exact_match_and_calls_back():
    F_A, F_B = ([torch.rand(c, s, s) for c, s in ((6, 4), (4, 8), (3, 16))] for _ in range(2))
    seen = []
    final = analogy.analogy(F_A, F_B, callback=seen.append)
    a, b = (patches(F.normalize(f[0][None], dim=1), 3).flatten(2)[0] for f in (F_A, F_B))
    cosines = F.normalize(a, dim=0).T @ F.normalize(b, dim=0)
    assert torch.equal(seen[0]["phi"], cosines.argmax(dim=1).view(4, 4))
    assert [tuple(s["phi"].shape) for s in seen] == [(4, 4), (8, 8), (16, 16)] and torch.equal(seen[-1]["phi"], final)


def test_dia_scores_patches_as_eq_1_does():
    X, Y = torch.rand(3, 5, 6, dtype=torch.float64), torch.rand(3, 7, 4, dtype=torch.float64)
    at = torch.stack([torch.randint(0, 7, (9, 5, 6)), torch.randint(0, 4, (9, 5, 6))])
    x, y = patches(X[None], 5)[0], F.normalize(patches(Y[None], 5), dim=1)[0]
    expected = (x[:, None] * y[:, at[0], at[1]]).sum(dim=0)
    assert torch.allclose(analogy.scorer(X, Y, 5)(at), expected)


def test_dia_patchmatch_never_loses_and_finds_what_is_near():
    Y = F.normalize(torch.rand(8, 24, 24) - 0.5, dim=0)
    X = Y.roll((-3, 2), dims=(1, 2))  # the match of p is p + (3, -2), but for the border
    begin, score = identity(24, 24)[0], analogy.scorer(X, Y, analogy.PATCH)
    found, generator = begin, torch.Generator().manual_seed(0)
    for _ in range(3):  # noise has no slope to follow: chance must find the place, and neighbours spread it
        found = analogy.patchmatch(X, Y, found, generator)
    before, after = (score(torch.stack([phi // 24, phi % 24])[:, None]) for phi in (begin, found))
    assert (after >= before).all()
    inner = (slice(0, 18), slice(6, 24))
    assert ((found - begin)[inner] == 3 * 24 - 2).float().mean() > 0.9


def test_dia_enlarges_a_field_by_hand():
    phi = torch.tensor([[3, 0], [1, 2]])  # on 2 x 2, into 2 x 2
    grown = analogy.enlarged(phi, (2, 2), (4, 4), (4, 4))
    expected = torch.tensor([[10, 11, 0, 1], [14, 15, 4, 5], [2, 3, 8, 9], [6, 7, 12, 13]])
    assert torch.equal(grown, expected)
    odd = analogy.enlarged(phi, (2, 2), (5, 5), (5, 5))  # 5 = 2 x 2 and one over
    assert odd[0, 0] == 2 * 5 + 2 and odd[4, 4] < 25 and odd.min() >= 0
    assert torch.equal(analogy.enlarged(identity(2, 3)[0], (2, 3), (5, 7), (5, 7)), identity(5, 7)[0])


def test_dia_mixes_by_what_is_there():
    own, other = torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[5.0, 7.0]]])
    mixed = analogy.mixed(own, other, 0.6)  # where its own is strong 0.6 of it, where it is flat none
    assert torch.allclose(mixed, torch.tensor([[[0.6 * 2 + 0.4 * 5, 7.0]]]), atol=1e-4)


def test_dia_tries_other_places_with_another_seed():
    x, r = picture(12), picture(13)
    first, second = (DeepImageAnalogy(seed)(x[:, :1], x, r)[0] for seed in (0, 1))
    assert 0 < (first != second).float().mean() < 0.5


def network(system: str = "cocosnet", **choices) -> tuple[torch.nn.Module, dict]:
    """A fresh network of five channels, and the card its checkpoint would have."""
    net = SYSTEMS[system](condition_channels=5, **choices).eval()
    return net, {"name": "mine", "system": system, "condition": "portrait", "config": asdict(net.config)}


@pytest.mark.parametrize("system", ["cocosnet", "mclnet"])
def test_learned_is_the_arg_max_of_eq_3(system):
    net, card = network(system, preset="mini", size=32)
    condition, r = torch.rand(2, 5, 32, 32), picture(0, 32, batch=2)
    xi, grid = Learned(net, card)(condition, r, r)
    with torch.no_grad():
        found = net.correspond(condition, r)
    assert grid == (16, 16) and torch.equal(xi, correlate(found.fx, found.fy).argmax(dim=2).view(2, 16, 16))


def test_learned_v2_takes_the_best_of_its_finest_candidates():
    net, card = network("cocosnet_v2", preset="tiny", size=64)
    condition, r = torch.rand(1, 5, 64, 64), picture(0, 64)
    xi, grid = Learned(net, card)(condition, r, r)
    with torch.no_grad():
        H = net.correspond(condition, r).H[-1]
    assert grid == (64, 64) and torch.equal(xi, cells(H[:, :, :, 0], 64, 64).long())


def test_learned_refuses_maps_of_another_kind_or_size():
    matcher, r = Learned(*network(preset="mini", size=32)), picture(0, 32)
    with pytest.raises(MatcherError, match="mine matches a condition map of the kind portrait, 5 channels of 32 x 32"):
        matcher(torch.rand(1, 1, 32, 32), r, r)
    with pytest.raises(MatcherError, match="given were 5 channels of 64 x 64"):
        matcher(torch.rand(1, 5, 64, 64), r, picture(0, 64))
    with pytest.raises(MatcherError, match="a picture of 3 channels of 64 x 64"):
        matcher(torch.rand(1, 5, 32, 32), r, picture(0, 64))


def test_learned_refuses_networks_that_cannot_be_asked():
    with pytest.raises(MatcherError, match="mine is of the system spade, which learns no match"):
        Learned(*network("spade", preset="tiny", size=64))
    with pytest.raises(MatcherError, match=r"its own condition map \(portrait\)"):
        Learned(*network(preset="mini", size=32, exemplar_input="image+condition"))


def test_make_knows_matchers_and_checkpoints():
    assert isinstance(make("sift"), SIFT)
    assert make("portrait").kind == make(str(shipped()["portrait"])).kind == "portrait"
    with pytest.raises(MatcherError, match="dia, pixelnn, sift, vgg.*portrait_mcl") as error:
        make("surf")
    assert "figure" not in str(error.value)
    with pytest.raises(MatcherError, match=r"figure.*its own condition map \(figure\)"):
        make("figure")
