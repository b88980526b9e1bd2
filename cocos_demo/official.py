"""The published weights: the files of the papers' authors become our networks, strictly.

A state dict in, a network out; every name in it is used, every name it should hold is there, every shape is the network's.
"""

import zipfile
import zlib
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from .models import SYSTEMS
from .models.cocosnet import TASKS as COCOSNET_TASKS
from .models.published_v2 import TASKS as COCOSNET_V2_TASKS
from .official_names import expected, weights

__all__ = ["FILES", "TASKS", "PublishedWeightsError", "build", "expected", "read"]

TASKS = {"cocosnet": COCOSNET_TASKS, "cocosnet_v2": COCOSNET_V2_TASKS}
PAPERS = {"cocosnet": "CoCosNet", "cocosnet_v2": "CoCosNet v2"}
FILES = {"Corr": "the correspondence network (latest_net_Corr.pth)", "G": "the translation network (latest_net_G.pth)"}
DISCRIMINATOR = "the discriminator (latest_net_D.pth), which is not needed"
# A name that only one kind of file has -> the system and the file; the first that is there decides.
MARKS = {
    "discriminator_0.": ("", "D"),
    "patch_match.": ("cocosnet_v2", "Corr"),
    "adaptive_model_seg.": ("cocosnet", "Corr"),
    "attn.": ("cocosnet", "G"),
    "up_0.": ("", "G"),  # of either
}


class PublishedWeightsError(RuntimeError):
    """A published file is broken or does not fit; the message says what is wrong with it."""


def build(system: str, task: str, state: dict[str, dict[str, Tensor]]) -> nn.Module:
    """The published network of a task with its weights -> our network, baked, in eval mode, float32, on the CPU.

    `state` is {"Corr": state dict, "G": state dict} with the released names; it stays as it is, and may share memory with
    the network. Tasks of "cocosnet": ade20k, celebahq, celebahqedge, deepfashion; of "cocosnet_v2": deepfashion_hd. Any
    picture size that is a multiple of 32, 64 or more, will do. Read from the files: for "cocosnet" the kernel of the halving
    layers, 3 or 4, in which the released commands for training and testing disagree; for "cocosnet_v2" the widths.
    Raises PublishedWeightsError, which lists what is missing, left over or of another shape.
    """
    if task not in TASKS.get(system, ()):
        known = "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in TASKS.items())
        raise PublishedWeightsError(f"there are no published weights for {system} {task}. Known are {known}")
    if set(state) != set(FILES):
        raise PublishedWeightsError(f"two state dicts are needed, {' and '.join(FILES)}; given: {', '.join(state) or 'none'}")
    _check_files(system, state)
    with torch.device("meta"):  # shapes alone: the weights come from the files
        net = SYSTEMS[system](preset="published", **{**TASKS[system][task], **_read_choices(system, state)})
    _compare(expected(net), state, system, task)
    net.load_state_dict(weights(net, state), assign=True)
    return net.eval()


def _read_choices(system: str, state: dict[str, dict[str, Tensor]]) -> dict:
    """What the shapes in the files say of the network. What they cannot mean is left to the comparison."""
    def length(part: str, name: str, axis: int) -> int:
        shape = state[part][name].shape if name in state[part] else ()
        return shape[axis] if len(shape) == 4 else 0

    if system == "cocosnet":
        kernel = length("Corr", "adaptive_model_seg.layer2.0.weight_orig", 3)
        return {"adaptor_kernel": kernel} if kernel in (3, 4) else {}
    painted = length("G", "conv_img.weight", 1)
    read = {"width": length("Corr", "adaptive_model_seg.layer1.0.weight_orig", 0),
            "hidden": length("Corr", "adaptive_model_seg.head_0.norm_0.mlp_shared.1.weight", 0),
            "generator": tuple(times * painted for times in (8, 8, 8, 8, 4, 2, 1)) if painted else ()}
    return {name: value for name, value in read.items() if value}


def _check_files(system: str, state: dict[str, dict[str, Tensor]]) -> None:
    """Raises PublishedWeightsError where a state dict is, by the names in it, another file or another system's."""
    held = {part: next((found for mark, found in MARKS.items() if any(str(name).startswith(mark) for name in state[part])), None)
            for part in FILES}
    faults = []
    for part, found in held.items():
        if found not in (None, (system, part), ("", part)):
            whose, file = found
            what = FILES.get(file, DISCRIMINATOR) + (f" of {PAPERS[whose]}" if whose not in ("", system) else "")
            faults.append(f"what was given for {FILES[part]} is {what}")
    if all(held.values()) and [file for _, file in held.values()] == ["G", "Corr"]:
        faults.append("exchange the two")
    if faults:
        raise PublishedWeightsError("; ".join(faults))


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
