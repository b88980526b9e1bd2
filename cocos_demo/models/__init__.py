"""The systems. `SYSTEMS[name](preset=..., condition_channels=..., size=...)` builds one with fresh weights."""

from .cocosnet import CoCosNet, CoCosNetConfig, Translation
from .cocosnet_v2 import CoCosNetV2, CoCosNetV2Config
from .mclnet import MCLNet, MCLNetConfig
from .published_v2 import PublishedCoCosNetV2, PublishedV2Config
from .segin import SEGIN, SEGINConfig
from .spade import SPADEConfig, SPADENet


def cocosnet_v2(preset: str = "tiny", **choices) -> CoCosNetV2 | PublishedCoCosNetV2:
    """CoCosNet v2 by the paper, or as released: too different, defects included, to be one network with options."""
    return (PublishedCoCosNetV2 if preset == "published" else CoCosNetV2)(preset, **choices)


SYSTEMS = {"cocosnet": CoCosNet, "cocosnet_v2": cocosnet_v2, "mclnet": MCLNet, "segin": SEGIN, "spade": SPADENet}
CONFIGS = {"cocosnet": CoCosNetConfig, "cocosnet_v2": CoCosNetV2Config, "mclnet": MCLNetConfig, "segin": SEGINConfig,
           "spade": SPADEConfig}


def config_class(system: str, preset: str) -> type:
    """The dataclass whose fields are the named choices of a system."""
    return PublishedV2Config if (system, preset) == ("cocosnet_v2", "published") else CONFIGS[system]


__all__ = ["SYSTEMS", "CoCosNet", "CoCosNetV2", "MCLNet", "PublishedCoCosNetV2", "SEGIN", "SPADENet", "Translation",
           "config_class"]
