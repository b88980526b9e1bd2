"""What a perceptual network makes of an output: does it keep the content, has it the exemplar's style, is it like the photo.

The paper (CoCosNet, section 4) takes cosines of VGG features: relu3_2, relu4_2 and relu5_2, averaged, for semantic
consistency between output and input, relu1_2 for colour and relu2_2 for texture between "semantically corresponding patches"
of output and exemplar. It does not say over what a cosine is taken, so there are two readings of each:

- by layer: content position by position (`position_cosine`), as output and input have one layout; style of the mean features
  (`mean_cosine`), as output and exemplar have not;
- by region, as in the authors' own evaluation: features are averaged over each semantic region, and the regions' cosines are
  weighted by area (`region_cosine`).

Features are {layer: (C, h, w)} of one picture, after the ReLU. A cosine does not see how a layer's activations are scaled.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from ..features import VGG, FeaturesError, cached_weights
from .errors import MetricMissing

SEMANTIC = ("relu3_2", "relu4_2", "relu5_2")
STYLE = {"colour": "relu1_2", "texture": "relu2_2"}
LPIPS_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


def position_cosine(f: Tensor, g: Tensor) -> float:
    """Mean over positions of the cosine of two feature maps (C, h, w)."""
    return float(F.cosine_similarity(f, g, dim=0).mean())


def mean_cosine(f: Tensor, g: Tensor) -> float:
    """Cosine of the features averaged over all positions; (C, h, w) and (C, h', w')."""
    return float(F.cosine_similarity(f.mean(dim=(1, 2)), g.mean(dim=(1, 2)), dim=0))


def region_cosine(f: Tensor, g: Tensor, labels_f: Tensor, labels_g: Tensor, ignore: tuple[int, ...] = ()) -> float:
    """Cosine of the features averaged over each region, weighted by the regions' areas in the first picture.

    f, g (C, h, w); labels_f, labels_g (H, W) class numbers, H and W multiples of h and w. Only classes in both maps count,
    less those to `ignore`; nan if none is left. For content both maps are the input's; for style they are the output's and the
    exemplar's, and 0, the background, is ignored.
    """
    shared = [k for k in labels_f.unique().tolist() if k not in ignore and (labels_g == k).any()]
    if not shared:
        return float("nan")
    areas = torch.stack([(labels_f == k).sum() for k in shared]).double()
    means = [_region_means(features, labels, shared) for features, labels in ((f, labels_f), (g, labels_g))]  # 2 x (K, C)
    return float((F.cosine_similarity(*means, dim=1).double() * areas).sum() / areas.sum())


def _region_means(f: Tensor, labels: Tensor, classes: list[int]) -> Tensor:
    """(C, h, w), (H, W) -> (K, C): mean of the features, each spread over its cell of the label map, over each class."""
    inside = torch.stack([labels == k for k in classes]).to(f.dtype)  # (K, H, W)
    share = F.adaptive_avg_pool2d(inside, f.shape[1:])  # (K, h, w): how much of a cell belongs to the class
    return torch.einsum("khw,chw->kc", share, f) / share.sum(dim=(1, 2))[:, None]


def perceptual_distance(f: dict[str, Tensor], g: dict[str, Tensor], heads: dict[str, Tensor] | None = None) -> float:
    """Sum over LPIPS_LAYERS of the mean squared difference of features brought to unit length at each position.

    With `heads`, {layer: (C,)}, the squares of each channel are weighted: that is LPIPS (Zhang et al. 2018, Eq. 1), if network
    and heads were fitted to each other (`load_lpips`). Without, it is LPIPS's own starting point, equal weights.
    """
    total = 0.0
    for layer in LPIPS_LAYERS:
        difference = (F.normalize(f[layer], dim=0) - F.normalize(g[layer], dim=0)) ** 2  # (C, h, w)
        if heads is not None:
            difference = difference * heads[layer][:, None, None]
        total += float(difference.sum(dim=0).mean())
    return total


def load_lpips() -> tuple[VGG, dict[str, Tensor]]:
    """LPIPS's network, torchvision's VGG-16 out of torch's cache, and its heads, which torchmetrics carries.

    The heads weigh that network's channels; those of another VGG-16 (the one of the original paper, which serves everything
    else here) stand in another order, so LPIPS cannot be had from it. Nothing is downloaded: raises MetricMissing.
    """
    name = Path(torchvision.models.VGG16_Weights.IMAGENET1K_V1.url).name
    try:
        convolutions = cached_weights(name)
    except FeaturesError as error:
        raise MetricMissing(str(error)) from None
    if convolutions is None:
        raise MetricMissing(f"LPIPS needs torchvision's VGG-16: put {name} into {Path(torch.hub.get_dir()) / 'checkpoints'}")
    spec = find_spec("torchmetrics")
    if spec is None:
        raise MetricMissing('LPIPS needs the package torchmetrics: pip install --editable ".[train]"')
    net = VGG("vgg16")
    for conv, weight, bias in zip(net.convs.values(), convolutions[::2], convolutions[1::2], strict=True):
        conv.weight.copy_(weight), conv.bias.copy_(bias)
    file = Path(spec.origin).parent / "functional" / "image" / "lpips_models" / "vgg.pth"
    linear = torch.load(file, weights_only=True, map_location="cpu")
    return net, {layer: linear[f"lin{i}.model.1.weight"].flatten() for i, layer in enumerate(LPIPS_LAYERS)}
