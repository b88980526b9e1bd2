"""Checkpoints with fresh weights and the shipped pictures, for tests that ask how things go together, not how well."""

from pathlib import Path

from PIL import Image

from cocos_demo import checkpoints, conditions
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
FACE = SAMPLES / "photos" / "P009_studio_portrait.jpg"
BODY = SAMPLES / "photos" / "P010_studio_posture.jpg"
PORTRAIT = SAMPLES / "portraits" / "P001_happy.jpg"
FIGURE = SAMPLES / "figures" / "P006_studio_posture.jpg"
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


def empty_photo(path: Path) -> Path:
    """A grey picture that shows nobody."""
    Image.new("RGB", (200, 200), "grey").save(path)
    return path
