"""The published weights: the files of the papers' authors become our networks, strictly.

A state dict in, a network out; every name in it is used, every name it should hold is there, every shape is the network's.
"""

import re
import zipfile
import zlib
from math import prod
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from .models import SYSTEMS
from .models.cocosnet import TASKS as COCOSNET_TASKS

TASKS = {"cocosnet": COCOSNET_TASKS}

FILES = {"Corr": "the correspondence network (latest_net_Corr.pth)", "G": "the translation network (latest_net_G.pth)"}

# Where our modules stand in the released files. Neither file of CoCosNet has dead weight: every tensor is used.
ADAPTORS = {"F_A": "adaptive_model_seg", "F_B": "adaptive_model_img"}
GENERATOR = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")
MODULES = {
    "Corr": {
        **{f"{ours}.layers.{i}": f"{name}.layer{i + 1}.0" for ours, name in ADAPTORS.items() for i in range(5)},
        **{f"{ours}.blocks.{i}": f"{name}.{block}" for ours, name in ADAPTORS.items() for i, block in enumerate(GENERATOR[:3])},
        "head.shared": "layer",
        "head.theta": "theta",
        "head.phi": "phi",
    },
    "G": {
        "G.z": "fc",
        **{f"G.blocks.{i}": block for i, block in enumerate(GENERATOR)},
        "G.attention": "attn",
        "G.to_image": "conv_img",
    },
}
# How names end, ours -> released: one tensor of ours is made of these.
ENDINGS = {
    ".shared.weight": (".mlp_shared.1.weight",),
    ".shared.bias": (".mlp_shared.1.bias",),
    ".alpha_beta.weight": (".mlp_gamma.weight", ".mlp_beta.weight"),  # one convolution of ours is two there
    ".alpha_beta.bias": (".mlp_gamma.bias", ".mlp_beta.bias"),
    ".weight": (".weight_orig", ".weight_u", ".weight_v"),  # where spectrally normalised
}
SPECTRAL = re.compile(r".*(F_[AB]\.layers\.\d|\.conv_[01s]|attention\.\w+)\.weight")
# A name that only one kind of file has -> what that file is.
MARKS = {
    "discriminator_0.": "the discriminator (latest_net_D.pth), which is not needed",
    "patch_match.": "the correspondence network of CoCosNet v2",
    "adaptive_model_seg.": FILES["Corr"],
    "up_0.": FILES["G"],
}


class PublishedWeightsError(RuntimeError):
    """A published file is broken or does not fit; the message says what is wrong with it."""


def build(system: str, task: str, state: dict[str, dict[str, Tensor]]) -> nn.Module:
    """The published network of a task with its weights -> our network, baked, in eval mode, float32, on the CPU.

    `state` is {"Corr": state dict, "G": state dict} with the released names; it stays as it is, and may share memory with
    the network. Tasks of "cocosnet": ade20k, celebahq, celebahqedge, deepfashion. Any picture size that is a multiple of 32,
    64 or more, will do. The kernel of the halving layers, 3 or 4, is read from the file: the released commands for training
    and testing disagree in it. Raises PublishedWeightsError, which lists what is missing, left over or of another shape.
    """
    if task not in TASKS.get(system, ()):
        known = "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in TASKS.items())
        raise PublishedWeightsError(f"there are no published weights for {system} {task}. Known are {known}")
    if set(state) != set(FILES):
        raise PublishedWeightsError(f"two state dicts are needed, {' and '.join(FILES)}; given: {', '.join(state) or 'none'}")
    held = {part: _recognise(state[part]) or what for part, what in FILES.items()}
    wrong = [f"what was given for {FILES[part]} is {what}" for part, what in held.items() if what != FILES[part]]
    if wrong:
        swapped = ["exchange the two"] if (held["Corr"], held["G"]) == (FILES["G"], FILES["Corr"]) else []
        raise PublishedWeightsError("; ".join(wrong + swapped))
    choices = dict(TASKS[system][task])
    kernel = state["Corr"].get("adaptive_model_seg.layer2.0.weight_orig")
    if kernel is not None and kernel.shape[-1:] in ((3,), (4,)):
        choices["adaptor_kernel"] = kernel.shape[-1]
    with torch.device("meta"):  # shapes alone: the weights come from the files
        net = SYSTEMS[system](preset="published", **choices)
    _compare(expected(net), state, system, task)
    weights = {}
    for key, (part, names) in published_names(net).items():
        tensors = [state[part][name].float() for name in names]
        if SPECTRAL.fullmatch(key):  # W / sigma of the stored u and v, as the released code computes it when it does not train
            W, u, v = tensors
            weights[key] = W / (u @ W.flatten(1) @ v)
        else:
            weights[key] = torch.cat(tensors) if len(tensors) > 1 else tensors[0]
    net.load_state_dict(weights, assign=True)
    return net.eval()


def published_names(net: nn.Module) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each key of a baked network of ours -> the file it comes from ("Corr", "G") and the released names it is made of."""
    places = {}
    for key in net.state_dict():
        part, ours = next((part, ours) for part, modules in MODULES.items() for ours in modules if key.startswith(f"{ours}."))
        name = MODULES[part][ours] + key.removeprefix(ours)
        ending = next((ending for ending in ENDINGS if name.endswith(ending)), "")
        if ending == ".weight" and not SPECTRAL.fullmatch(key):
            ending = ""
        places[key] = part, tuple(name.removesuffix(ending) + other for other in ENDINGS.get(ending, ("",)))
    return places


def expected(net: nn.Module) -> dict[str, dict[str, tuple[int, ...]]]:
    """What the released files of this network hold: file -> name -> shape."""
    wanted = {part: {} for part in FILES}
    state = net.state_dict()
    for key, (part, names) in published_names(net).items():
        shape = tuple(state[key].shape)
        if SPECTRAL.fullmatch(key):
            shapes = [shape, shape[:1], (prod(shape[1:]),)]
        elif len(names) > 1:
            shapes = [(shape[0] // len(names), *shape[1:])] * len(names)
        else:
            shapes = [shape]
        wanted[part].update(zip(names, shapes))
    return wanted


def _recognise(state: dict[str, Tensor]) -> str:
    """What a state dict is, told by the names in it; empty where they say nothing."""
    return next((what for mark, what in MARKS.items() if any(str(name).startswith(mark) for name in state)), "")


def _compare(wanted: dict, state: dict, system: str, task: str) -> None:
    """Raises PublishedWeightsError unless `state` has the names and shapes that are `wanted`, file by file."""
    faults = []
    for part, shapes in wanted.items():
        found = {str(name): tuple(tensor.shape) for name, tensor in state[part].items()}
        kinds = {
            "missing": [name for name in shapes if name not in found],
            "left over": [name for name in found if name not in shapes],
            "of another shape": [f"{name} is {found[name]}, not {shape}" for name, shape in shapes.items()
                                 if found.get(name, shape) != shape],
        }
        listed = [f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
                  for kind, names in kinds.items() if names]
        if listed:
            faults.append(f"In {FILES[part]}, of {len(shapes)} tensors: {'; '.join(listed)}.")
    if faults:
        hint = _hint(state["Corr"], TASKS[system], task)
        raise PublishedWeightsError(" ".join([f"These are not the weights of {system} {task}.", *faults, *hint]))


def _hint(corr: dict[str, Tensor], tasks: dict[str, dict], task: str) -> list[str]:
    """Which other task the files may be of, told by the channels of the condition map."""
    first = corr.get("adaptive_model_seg.layer1.0.weight_orig")
    channels = first.shape[1] if first is not None and first.dim() == 4 else None
    return [f"They read {channels} channels, as the task {name} does." for name, choices in tasks.items()
            if choices["condition_channels"] == channels and name != task]


def read(path: str | Path) -> dict[str, Tensor]:
    """A file written by torch.save -> its state dict, on the CPU, read by the loader that runs no code.

    Raises PublishedWeightsError for a web page, a truncated or damaged file, an archive of other files, anything that is
    not a table of finite tensors; OSError where the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(512).lstrip().lower()
    if not head:
        raise PublishedWeightsError(f"{path} is empty; download it again")
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise PublishedWeightsError(f"{path} is a web page saved under this name, not the weights: the download site answered "
                                    "with a page (a confirmation, or too many downloads). Open the link in a browser")
    if head.startswith(b"pk"):
        _check_archive(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if "global" in str(error).lower():
            raise PublishedWeightsError(f"{path} holds a program's objects beside or instead of weights and was not opened: "
                                        "reading it could run code") from None
        raise PublishedWeightsError(f"{path} is not a file of weights, or is damaged") from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a cut or damaged pickle can fail in any way
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise PublishedWeightsError(f"{path} is cut short or damaged, or was never a file of weights; download it again "
                                    f"({reason})") from None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise PublishedWeightsError(f"{path} holds no table of tensors: it is not the state dict of a network")
    broken = [name for name, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        raise PublishedWeightsError(f"{path} has values that are not finite, in {', '.join(broken[:3])}")
    return state


def _check_archive(path: Path) -> None:
    """What is wrong with a zip archive, which newer versions of torch.save write, before torch reads it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names, damaged = archive.namelist(), archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PublishedWeightsError(f"{path} is cut short or damaged: it begins as a zip archive but cannot be read as one "
                                    f"({error}); download it again") from None
    roots = [name.removesuffix("data.pkl") for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
    foreign = [name for name in names if not roots or not name.startswith(roots[0])]
    if damaged:
        raise PublishedWeightsError(f"{path} is damaged at {damaged}; download it again")
    if not roots:
        raise PublishedWeightsError(f"{path} is a zip archive of {', '.join(foreign[:3])}, not weights; unpack it and give "
                                    "the files in it")
    if foreign:
        raise PublishedWeightsError(f"{path} holds {len(foreign)} files that do not belong to it ({', '.join(foreign[:3])}), a "
                                    "known fault of published archives; delete these from it with an archive program, as 7-zip")
