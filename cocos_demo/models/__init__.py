"""The systems. `SYSTEMS[name](preset=..., condition_channels=..., size=...)` builds one with fresh weights."""

from .cocosnet import CoCosNet, Translation

SYSTEMS = {"cocosnet": CoCosNet}

__all__ = ["SYSTEMS", "CoCosNet", "Translation"]
