"""How the tensors of the released files are called, of what shapes they are, and what they become in our networks."""

import re
from math import prod

import torch
from torch import Tensor, nn

from .models import CoCosNet, PublishedCoCosNetV2

# Where our modules stand in the released files: network -> file -> ours -> theirs. No file has dead weight.
ADAPTORS = {"F_A": "adaptive_model_seg", "F_B": "adaptive_model_img"}
U_NETS = {"M_A": "adaptive_model_seg", "M_B": "adaptive_model_img"}
GENERATOR = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
G = {"G.z": "fc", **{f"G.blocks.{i}": block for i, block in enumerate(GENERATOR)}, "G.to_image": "conv_img"}
PATCH_MATCH = {
    "start.0": "initial_layer.0", "start.1": "initial_layer.3",
    "motion.scores.0": "refine_net.encoder.convc1", "motion.scores.1": "refine_net.encoder.convc2",
    "motion.offsets.0": "refine_net.encoder.convf1", "motion.offsets.1": "refine_net.encoder.convf2",
    "motion.both": "refine_net.encoder.conv",
    **{f"gru.{i}.{ours}": f"refine_net.gru.conv{theirs}{i + 1}" for i in (0, 1) for ours, theirs in zip("zrh", "zrq")},
    "head.0": "refine_net.flow_head.conv1", "head.1": "refine_net.flow_head.conv2",
}  # fmt: skip
MODULES = {
    CoCosNet: {
        "Corr": {
            **{f"{ours}.layers.{i}": f"{name}.layer{i + 1}.0" for ours, name in ADAPTORS.items() for i in range(5)},
            **{f"{ours}.blocks.{i}": f"{name}.{block}" for ours, name in ADAPTORS.items()
               for i, block in enumerate(GENERATOR[:3])},
            "head.shared": "layer",
            "head.theta": "theta",
            "head.phi": "phi",
        },
        "G": {**G, "G.attention": "attn"},
    },
    PublishedCoCosNetV2: {
        "Corr": {
            **{f"{ours}.layers.0": f"{name}.layer1.0" for ours, name in U_NETS.items()},
            **{f"{ours}.layers.{i}": f"{name}.layer{i + 1}.0.0" for ours, name in U_NETS.items() for i in range(1, 5)},
            **{f"{ours}.residuals.{i}.{inner}": f"{name}.layer{i + 2}.1.{theirs}" for ours, name in U_NETS.items()
               for i in range(4) for inner, theirs in (("conv1", "model.1"), ("conv2", "model.5"), ("prelu", "relu"))},
            **{f"{ours}.blocks.{i}": f"{name}.{block}" for ours, name in U_NETS.items()
               for i, block in enumerate((*GENERATOR[:3], "G_middle_2"))},
            **{f"{name}.{i}": f"{name}_{i}" for name in ("theta", "phi") for i in range(4)},
            **{f"N.{ours}": f"patch_match.{name}" for ours, name in PATCH_MATCH.items()},
        },
        "G": G,
    },
}
# How names end, ours -> released: one tensor of ours is made of these.
TWICE = ".relu.weight"  # CoCosNet v2 stores its learned rectifiers under two names; its loading leaves the second one's value
ENDINGS = {
    ".shared.weight": (".mlp_shared.1.weight",),
    ".shared.bias": (".mlp_shared.1.bias",),
    ".alpha_beta.weight": (".mlp_gamma.weight", ".mlp_beta.weight"),  # one convolution of ours is two there
    ".alpha_beta.bias": (".mlp_gamma.bias", ".mlp_beta.bias"),
    TWICE: (TWICE, ".model.3.weight"),
    ".weight": (".weight_orig", ".weight_u", ".weight_v"),  # where spectrally normalised
}
SPECTRAL = re.compile(r".*([FM]_[AB]\.layers\.\d|\.conv_[01s]|attention\.\w+)\.weight")


def published_names(net: nn.Module) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each key of a baked network of ours -> the file it comes from ("Corr", "G") and the released names it is made of."""
    files, places = MODULES[type(net)], {}
    for key in net.state_dict():
        part, ours = next((part, ours) for part, modules in files.items() for ours in modules if key.startswith(f"{ours}."))
        name = files[part][ours] + key.removeprefix(ours)
        ending = next((ending for ending in ENDINGS if name.endswith(ending)), "")
        if ending == ".weight" and not SPECTRAL.fullmatch(key):
            ending = ""
        places[key] = part, tuple(name.removesuffix(ending) + other for other in ENDINGS.get(ending, ("",)))
    return places


def expected(net: nn.Module) -> dict[str, dict[str, tuple[int, ...]]]:
    """What the released files of this network hold: file -> name -> shape."""
    wanted = {part: {} for part in MODULES[type(net)]}
    state = net.state_dict()
    for key, (part, names) in published_names(net).items():
        shape = tuple(state[key].shape)
        if SPECTRAL.fullmatch(key):
            shapes = [shape, shape[:1], (prod(shape[1:]),)]
        elif len(names) > 1 and not names[0].endswith(TWICE):
            shapes = [(shape[0] // len(names), *shape[1:])] * len(names)
        else:
            shapes = [shape] * len(names)
        wanted[part].update(zip(names, shapes))
    return wanted


def weights(net: nn.Module, state: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Released state dicts, of the names and shapes `expected` -> the state dict of our baked network, float32."""
    made = {}
    for key, (part, names) in published_names(net).items():
        tensors = [state[part][name].float() for name in names]
        if SPECTRAL.fullmatch(key):  # W / sigma of the stored u and v, as the released code computes it when it does not train
            W, u, v = tensors
            made[key] = W / (u @ W.flatten(1) @ v)
        elif names[0].endswith(TWICE):
            made[key] = tensors[-1]
        else:
            made[key] = torch.cat(tensors) if len(tensors) > 1 else tensors[0]
    return made
