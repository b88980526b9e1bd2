"""Checkpoints with fresh weights and the shipped pictures, for tests that ask how things go together, not how well."""

from pathlib import Path

import torch
from PIL import Image

from cocos_demo import checkpoints, conditions
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
FACE = SAMPLES / "photos" / "P009_studio_portrait.jpg"
BODY = SAMPLES / "photos" / "P010_studio_posture.jpg"
PORTRAIT = SAMPLES / "portraits" / "P001_happy.jpg"
FIGURE = SAMPLES / "figures" / "P006_studio_posture.jpg"
RENDERED = SAMPLES / "photos" / "rendered_05_0.jpg", SAMPLES / "figures" / "rendered_05_1.jpg"  # one person, twice
SIZE = 64


def checkpoint(folder: Path, kind: str, exemplar_input: str = "") -> Path:
    """Write an untrained checkpoint of this kind -> its path."""
    net = SYSTEMS["cocosnet"](
        preset="tiny",
        condition_channels=len(conditions.KINDS[kind].channels),
        size=SIZE,
        exemplar_input=exemplar_input or ("image+condition" if kind == "figure" else "image"),
    )
    path = folder / f"{kind}.safetensors"
    checkpoints.save(path, bake(net), {"name": kind, "system": "cocosnet", "condition": kind, "size": SIZE})
    return path


def checkpoint_v2(folder: Path, kind: str) -> Path:
    """The same of CoCosNet v2: levels of 8 to 64 places a side, two iterations at each but the first."""
    torch.manual_seed(0)
    net = SYSTEMS["cocosnet_v2"]("tiny", condition_channels=len(conditions.KINDS[kind].channels), size=SIZE,
                                 widths=(4, 6, 8, 8), features=8, memory=4, generator=(8, 8, 8, 6), hidden=4)
    path = folder / f"{kind}_v2_made_up.safetensors"
    checkpoints.save(path, bake(net), {"name": path.stem, "system": "cocosnet_v2", "condition": kind, "size": SIZE})
    return path


def checkpoint_mcl(folder: Path, kind: str) -> Path:
    """The same of MCL-Net."""
    torch.manual_seed(0)
    net = SYSTEMS["mclnet"]("mini", condition_channels=len(conditions.KINDS[kind].channels), size=SIZE)
    path = folder / f"{kind}_mcl_made_up.safetensors"
    checkpoints.save(path, bake(net), {"name": path.stem, "system": "mclnet", "condition": kind, "size": SIZE})
    return path


def checkpoint_segin(folder: Path, kind: str) -> Path:
    """The same of SEGIN."""
    torch.manual_seed(0)
    net = SYSTEMS["segin"]("mini", condition_channels=len(conditions.KINDS[kind].channels), size=SIZE,
                           drawing="grey" if kind == "grey" else "lines")
    path = folder / f"{kind}_segin_made_up.safetensors"
    checkpoints.save(path, bake(net), {"name": path.stem, "system": "segin", "condition": kind, "size": SIZE})
    return path


def empty_photo(path: Path) -> Path:
    """A grey picture that shows nobody."""
    Image.new("RGB", (200, 200), "grey").save(path)
    return path
