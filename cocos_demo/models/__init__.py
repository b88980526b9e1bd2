"""The systems. `SYSTEMS[name](preset=..., condition_channels=..., size=...)` builds one with fresh weights."""

from .cocosnet import CoCosNet, Translation
from .cocosnet_v2 import CoCosNetV2
from .published_v2 import PublishedCoCosNetV2
from .spade import SPADENet


def cocosnet_v2(preset: str = "tiny", **choices) -> CoCosNetV2 | PublishedCoCosNetV2:
    """CoCosNet v2 by the paper, or as released: too different, defects included, to be one network with options."""
    return (PublishedCoCosNetV2 if preset == "published" else CoCosNetV2)(preset, **choices)


SYSTEMS = {"cocosnet": CoCosNet, "cocosnet_v2": cocosnet_v2, "spade": SPADENet}

__all__ = ["SYSTEMS", "CoCosNet", "CoCosNetV2", "PublishedCoCosNetV2", "SPADENet", "Translation"]
