"""The systems. `SYSTEMS[name](preset=..., condition_channels=..., size=...)` builds one with fresh weights."""

from .cocosnet import CoCosNet, Translation
from .cocosnet_v2 import CoCosNetV2
from .spade import SPADENet

SYSTEMS = {"cocosnet": CoCosNet, "cocosnet_v2": CoCosNetV2, "spade": SPADENet}

__all__ = ["SYSTEMS", "CoCosNet", "CoCosNetV2", "SPADENet", "Translation"]
