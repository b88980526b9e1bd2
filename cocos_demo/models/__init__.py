"""The systems. `SYSTEMS[name](preset=..., condition_channels=..., size=...)` builds one with fresh weights."""

from .cocosnet import CoCosNet, Translation
from .spade import SPADENet

SYSTEMS = {"cocosnet": CoCosNet, "spade": SPADENet}

__all__ = ["SYSTEMS", "CoCosNet", "SPADENet", "Translation"]
