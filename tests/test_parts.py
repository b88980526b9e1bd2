"""Label maps: drawn, shown, edited, distorted beside their pictures, and trained on."""

import json

import numpy as np
import pytest
import torch
from folders import prepared
from PIL import Image

from cocos_demo.conditions import KINDS
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.models import SYSTEMS
from cocos_demo.models.discriminator import Discriminator
from cocos_demo.objectives import OBJECTIVES, Weights

PARTS = KINDS["parts"]
NONE = np.zeros((0, 3), np.float32)


def number(name):
    return PARTS.channels.index(name)


def labels(size=32):
    """A label map with some of every class, in stripes and squares."""
    y, x = np.mgrid[:size, :size]
    return ((y // 4 * 5 + x // 8) % len(PARTS.channels)).astype(np.uint8)


# Drawing and editing


def test_a_map_of_the_networks_size_is_one_hot():
    map = PARTS.draw(NONE, 32, labels())
    assert map.shape == (18, 32, 32) and map.dtype == np.float32
    assert np.array_equal(map.argmax(0), labels()) and np.array_equal(np.unique(map), [0, 1])
    assert np.array_equal(PARTS.to_rgb(map), PARTS.palette[labels()])


def test_a_larger_map_is_drawn_by_area():
    raster = np.array([[1, 1, 0, 0], [1, 2, 0, 0], [3, 3, 3, 3], [3, 3, 3, 3]], np.uint8)
    map = PARTS.draw(NONE, 2, raster)
    assert map[:4, 0, 0].tolist() == [0, 0.75, 0.25, 0] and map[:4, 0, 1].tolist() == [1, 0, 0, 0]
    assert (map[3, 1] == 1).all() and np.allclose(map.sum(0), 1)
    odd = PARTS.draw(NONE, 48, labels(100))  # no whole number of pixels
    assert np.allclose(odd.sum(0), 1)
    shares = np.bincount(labels(100).ravel(), minlength=18) / 100**2
    assert np.abs(odd.mean((1, 2)) - shares).max() < 0.005


def test_colours_can_be_told_apart_and_the_background_is_black():
    colours = PARTS.palette.astype(int)
    apart = np.linalg.norm(colours[:, None] - colours, axis=-1) + 999 * np.eye(len(colours))
    assert apart.min() > 60 and not colours[0].any()


def test_an_untouched_map_comes_back_exactly():
    map = PARTS.draw(NONE, 32, np.kron(labels(), np.ones((2, 2), np.uint8))[3:, 5:])  # soft borders
    assert np.array_equal(PARTS.from_rgb(PARTS.to_rgb(map), map), map)


@pytest.mark.parametrize("name", PARTS.channels)
def test_a_painted_colour_is_its_class_alone(name):
    map = PARTS.draw(NONE, 32, labels())
    shown = PARTS.to_rgb(map)
    shown[3:9, 10:20] = PARTS.palette[number(name)]
    new = PARTS.from_rgb(Image.fromarray(shown), map)
    assert (new[number(name), 3:9, 10:20] == 1).all() and np.allclose(new.sum(0), 1)
    outer = np.ones((32, 32), bool)
    outer[3:9, 10:20] = False
    assert np.array_equal(new[:, outer], map[:, outer])


def test_the_soft_border_of_a_brush_is_no_third_class():
    map = PARTS.draw(NONE, 32, np.full((32, 32), number("torso"), np.uint8))
    cover = np.clip((np.arange(32) - 8) / 16, 0, 1)[:, None, None]  # from the old colour at the top to paint below
    for brush in (number("hair"), number("left shin"), 0):
        mixed = PARTS.to_rgb(map) * (1 - cover) + PARTS.palette[brush] * cover
        new = PARTS.from_rgb(mixed.round().astype(np.uint8), map)
        assert set(np.unique(new.argmax(0))) == {number("torso"), brush}
        assert (new[brush, 17:] == 1).all() and (new[number("torso"), :16] == 1).all()


def test_a_mirror_exchanges_left_and_right():
    for name, other in zip(PARTS.channels, PARTS.mirrored, strict=True):
        want = {"left": "right", "right": "left"}
        assert PARTS.channels[other] == " ".join(want.get(word, word) for word in name.split())
    assert PARTS.sided


# Training


@pytest.fixture
def folder(tmp_path):
    return prepared(tmp_path / "data")


def test_a_folder_of_figures_serves_parts(folder):
    parts, figure = (PreparedFolder(folder, "train", condition=name) for name in ("parts", None))
    assert parts.kind.name == "parts" and figure.kind.name == "figure"
    map = parts.condition(0, 32)
    assert map.shape == (18, 32, 32)
    assert (map[number("right thigh"), 8:24, 8:16] == 1).all() and (map[number("left thigh"), 8:24, 16:24] == 1).all()
    assert torch.equal(1 - map[:1], parts.figure(0)) and torch.equal(parts.figure(0), figure.figure(0))


def test_what_a_folder_does_not_serve_is_refused(folder, tmp_path):
    with pytest.raises(DataError, match="serves the condition figure or parts or .*, not portrait"):
        PreparedFolder(folder, "train", condition="portrait")
    with pytest.raises(DataError, match="serves the condition portrait or grey, not parts"):
        PreparedFolder(prepared(tmp_path / "faces", "portrait"), "train", condition="parts")
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"parts": ["background", "left wing", "torso"]}))
    with pytest.raises(DataError, match="called left wing"):
        PreparedFolder(folder, "train", condition="parts")


@pytest.mark.parametrize("sort", ["same", "pseudo", "cross"])
@pytest.mark.parametrize("move", [0, 1])
def test_maps_stay_on_their_pictures(tmp_path, sort, move):
    """Every part has a colour of its own in the picture, so the picture tells what the map must say."""
    folder = prepared(tmp_path / "data", size=64)
    colours = {0: (0, 0, 0), number("left thigh"): (0, 255, 0), number("right thigh"): (0, 0, 255)}
    for path in (folder / "parts").iterdir():
        raster = np.array(Image.open(path))
        raster[40:44, 20:24] = 1  # not symmetric
        Image.fromarray(raster).save(path)
        of = np.array([list(colours.values())[k] for k in range(3)], np.uint8)
        Image.fromarray(of[raster]).save(folder / "images" / f"{path.stem}.jpg", quality=100, subsampling=0)
    mix = Mix(**{"same": 0, "pseudo": 0, "cross": 0, sort: 1, "move": move})
    batch = PairSampler([PreparedFolder(folder, "train", condition="parts")], 32, mix)(0, 12)
    left_on_the_left = 0
    for map, picture in ((batch.x_A, batch.x_B), (batch.y_A, batch.y_B)):
        assert map.shape == (12, 18, 32, 32) and torch.allclose(map.sum(1), torch.ones(12, 32, 32))
        assert set(map.argmax(1).unique().tolist()) == set(colours)
        inside = picture[:, 1:].amax(1) > 0.8  # far from borders
        green, blue = (inside & (picture[:, c] > 0.8) for c in (1, 2))
        left, right = map[:, number("left thigh")], map[:, number("right thigh")]
        # A mirrored picture shows the same colours on other sides, and its map the other names.
        for g, b, l, r in zip(green, blue, left, right, strict=True):  # noqa: E741
            names = (l, r) if (l * g).sum() > (r * g).sum() else (r, l)
            assert (names[0][g] > 0.5).float().mean() > 0.95 and (names[1][b] > 0.5).float().mean() > 0.95
            left_on_the_left += int(l.nonzero()[:, 1].float().mean() < r.nonzero()[:, 1].float().mean())
    assert left_on_the_left == 0  # a mirrored person has its left side where any person has it


def test_known_is_the_figure(folder):
    mix = Mix(same=1, pseudo=0, cross=0, move=0)
    batch = PairSampler([PreparedFolder(folder, "train", condition="parts")], 32, mix)(0, 4)
    assert torch.equal(batch.known, 1 - batch.x_A[:, :1])


@pytest.mark.parametrize("exemplar_input", ["image", "image+condition"])
def test_a_training_step_changes_the_network(folder, exemplar_input):
    torch.manual_seed(0)
    net = SYSTEMS["cocosnet"]("tiny", condition_channels=18, size=32, exemplar_input=exemplar_input).train()
    batch = PairSampler([PreparedFolder(folder, "train", condition="parts")], 32, Mix())(0, 2)
    weights = Weights(feat=0.0, perc=0.0, context=0.0, detail=0.0, pixel=1.0, warp=1.0)
    image, terms = OBJECTIVES["cocosnet"].terms(net, Discriminator(18, 4), None, batch, weights, False)
    sum(getattr(weights, name) * term for name, term in terms.items()).backward()
    assert image.shape == (2, 3, 32, 32)
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    assert any(p.grad is not None and p.grad.abs().max() > 0 for name, p in net.named_parameters())
