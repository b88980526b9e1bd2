"""evaluation/levels.py and variants.py: matches that are known, by hand; each level in every way; tables and pictures."""

import math

import pytest
import torch
from folders import prepared
from PIL import Image

from cocos_demo.datasets.prepared import PreparedFolder
from cocos_demo.evaluation.figures import measure_levels
from cocos_demo.evaluation.levels import Found, LevelMeter, exact, in_every_way, of_the_network, published
from cocos_demo.evaluation.variants import figure_7, figure_8, table_4, table_5
from cocos_demo.metrics import grown_places, pixel_centres
from cocos_demo.models import CoCosNetV2
from cocos_demo.models import patchmatch as pm
from cocos_demo.models.cocosnet_v2 import Levels

SMALL = dict(condition_channels=35, size=32, widths=(8, 8, 16), strides=(4, 2, 1), features=8, memory=4, generator=(8, 8, 4),
             hidden=4)
EVERYWHERE = torch.ones(32, 32, dtype=torch.bool)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return CoCosNetV2(**SMALL).eval()


@pytest.fixture
def folder(tmp_path):
    return PreparedFolder(prepared(tmp_path / "data", people=3, held_out=2), "test", condition="figure")


def moved(columns: int, side: int = 32) -> Levels:
    """One level, each position with a channel of its own; what is at p in x is `columns` to the right in y."""
    x = torch.eye(side * side).view(1, -1, side, side)
    y = x.roll(columns, dims=3)
    H = pm.centres(side, side, x)[None, :, :, None] + torch.tensor([float(columns), 0.0])
    return Levels([x], [y], [pm.inside(H, side, side)], [torch.zeros(1, 3, side, side)], [])


def measured(answers, truth, photo=None):
    meter = LevelMeter(frozenset({"SSIM"}))
    meter.add(answers, torch.zeros(1, 3, 32, 32) if photo is None else photo, truth, EVERYWHERE, EVERYWHERE)
    return meter.figures


def test_distinct_features_are_found_exactly_and_so_is_their_colour():
    match, photo = moved(0), torch.rand(1, 3, 32, 32) * 2 - 1
    found = measured({"network": of_the_network(match), "exact": exact(match, photo, 2, 1000.0)}, pixel_centres(32, 32), photo)
    assert found["32 px, network: PCK@0.03"] == found["32 px, exact: PCK@0.03"] == 1
    assert found["32 px, network: cosine"] == pytest.approx(1) == found["32 px, exact: cosine"]
    assert found["32 px, exact: L1"] == pytest.approx(0, abs=1e-4)
    assert found["32 px, network: L1"] == pytest.approx(photo.abs().mean().item() * 127.5)  # its warp is grey


def test_a_field_that_is_shifted_misses_by_the_shift():
    """One cell of 32 is 0.031 of the picture: too much for 0.03, not for 0.05; two cells are 0.063."""
    for columns, rates in ((0, (1, 1, 1)), (1, (1 / 32, 1, 1)), (2, (1 / 32, 2 / 32, 1))):
        H = moved(columns).H[0]  # towards the border it stays inside: the last column does not move
        found = measured({"network": [Found(H, torch.zeros(1, 3, 32, 32), torch.ones(1, 32, 32))]}, pixel_centres(32, 32))
        assert tuple(found[f"32 px, network: PCK@{t}"] for t in (0.03, 0.05, 0.1)) == pytest.approx(rates)


def test_the_meter_by_hand():
    """Two pairs, one of 512 visible pixels that are all right, one of 1,024 that are all wrong; warps off by 0.2 and 0.4."""
    meter, half = LevelMeter(frozenset({"SSIM"})), EVERYWHERE.clone()
    half[16:] = False
    centres = pm.centres(2, 2, torch.ones(1))[None, :, :, None]  # a level of 2 x 2: a pixel keeps its place in its cell
    for off, visible, truth in ((0.2, half, pixel_centres(32, 32)), (0.4, EVERYWHERE, pixel_centres(32, 32) + 0.5)):
        warp = torch.zeros(1, 3, 2, 2) + off
        meter.add({"network": [Found(centres, warp, torch.full((1, 2, 2), off))]}, torch.zeros(1, 3, 32, 32), truth, visible,
                  visible)
    found = meter.figures
    assert found["2 px, network: PCK@0.1"] == pytest.approx(512 / 1536)
    assert found["2 px, network: L1"] == pytest.approx(0.3 * 127.5) == found["2 px, network: L1 over the figure"]
    assert found["2 px, network: PSNR"] == pytest.approx((10 * math.log10(4 / 0.04) + 10 * math.log10(4 / 0.16)) / 2, abs=1e-4)
    assert found["2 px, network: cosine"] == pytest.approx(0.3) and not any("SSIM" in name for name in found)


def test_a_pixel_keeps_its_offset_in_its_cell():
    torch.testing.assert_close(grown_places(pixel_centres(4, 4)[None], 32)[0], pixel_centres(32, 32))
    right = grown_places(pixel_centres(4, 4)[None] + torch.tensor([0.25, 0.0]).view(1, 2, 1, 1), 32)[0]
    torch.testing.assert_close(right - pixel_centres(32, 32), torch.tensor([0.25, 0.0]).view(2, 1, 1).expand(2, 32, 32))


@torch.no_grad()
def test_every_way_begins_alike_and_the_exact_one_is_the_ceiling(net):
    torch.manual_seed(0)
    x_A, y_B = torch.rand(1, 35, 32, 32), torch.rand(1, 3, 32, 32) * 2 - 1
    match = net.correspond(x_A, y_B)
    ways = in_every_way(net, match, y_B)
    assert set(ways) == {"network", "exact", "published"} and all(len(levels) == 3 for levels in ways.values())
    first = ways["exact"][0].H[..., 0, :]
    assert all(torch.equal(levels[0].H[..., 0, :], first) for levels in ways.values())
    for way in ("network", "published"):
        for found, ceiling in zip(ways[way], ways["exact"]):
            assert (found.cosine <= ceiling.cosine + 1e-5).all()
    assert (ways["network"][2].cosine < ways["exact"][2].cosine).any()
    for level, found in enumerate(ways["network"]):
        assert found.H is match.H[level] and found.warp is match.warps[level]
    assert ways["published"][2].H.shape == (1, 32, 32, 16, 2)


def test_the_released_steps_jitter_where_the_answer_is_plain():
    """x = y: the exact match is each position itself. The released refinement, never trained, moves some one column left."""
    torch.manual_seed(0)
    f = [torch.randn(1, 16, side, side) for side in (16, 32)]
    match = Levels(f, f, [torch.zeros(1, side, side, 1, 2) for side in (16, 32)], [torch.zeros(1, 3, s, s) for s in (16, 32)], [])
    state = torch.get_rng_state()
    found, again = (published(match, torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's dice are thrown
    assert all(torch.equal(a.H, b.H) and torch.equal(a.warp, b.warp) for a, b in zip(found, again))
    at = pm.centres(32, 32, f[1])
    assert torch.equal(exact(match, torch.zeros(1, 3, 32, 32), 1, 100.0)[1].H[0, :, :, 0], at)
    assert torch.equal(found[0].H[0, :, :, 0], pm.centres(16, 16, f[0]))
    off = (found[1].H[0, :, 1:, 0] - at[:, 1:]).flatten(0, 1)  # without the first column, whose left is the row above
    left, right = (off == torch.tensor([-1.0, 0.0])).all(1), (off == 0).all(1)
    assert (left | right).all() and left.any() and right.any()


@torch.no_grad()
def test_levels_that_the_released_steps_do_not_know():
    net = CoCosNetV2(**{**SMALL, "strides": (4, 1)}).eval()
    x_A, y_B = torch.rand(1, 35, 32, 32), torch.rand(1, 3, 32, 32)
    match = net.correspond(x_A, y_B)
    assert set(in_every_way(net, match, y_B)) == {"network", "exact"}
    with pytest.raises(ValueError, match="twice as fine"):
        published(match, y_B)


def test_tables_and_pictures_of_a_network(net, folder, tmp_path):
    figures = {}
    for view in ("front", "full turn"):
        found = measure_levels(net, folder, [(0, 1), (2, 3)], LevelMeter(), view)
        figures |= {f"{view}, same person: {name}": value for name, value in found.items()}
    assert figures["front, same person: pairs"] == 2
    assert figures["front, same person: PCK@0.05 same pixel"] == 1  # in the made-up folder nothing moves
    assert figures["front, same person: exemplar itself: L1"] < 5  # but for the JPEG noise of two pictures
    five, four = table_5({"a": figures, "b": figures}, 32), table_4("net", figures, net.config)
    assert five.count("| a |") == 2 == five.count("| b |") and "all levels in full" in five
    assert four.count("| 8 px |") == 2 == four.count("| 32 px |") and "| *the same pixel* | 1.000 |" in four
    value = figures["front, same person: 32 px, exact: PCK@0.1"]
    row = next(line for line in four.splitlines() if line.startswith("| 32 px") and line in four.split("the places")[1])
    heads = next(line for line in four.splitlines() if "PCK@0.1, exact" in line).split("|")
    at = next(k for k, head in enumerate(heads) if head.strip().startswith("PCK@0.1, exact"))
    assert row.split("|")[at].strip(" *") == f"{value:.3f}"
    figure_7(net, folder, 0, tmp_path / "7.png", 2)
    figure_8({"a": net, "b": net}, folder, 0, tmp_path / "8.png", 2)
    assert Image.open(tmp_path / "7.png").width == 7 * 164 and Image.open(tmp_path / "8.png").width == 7 * 164
