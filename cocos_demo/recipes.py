"""The papers' settings for each data set and system: `recipe("celebahqedge", "cocosnet", "full")`.

Each setting carries its source. The papers come first. Where they are silent, it is the released code (microsoft/CoCosNet,
microsoft/CoCosNet-v2); where that is silent too, the figure is ours, and says so. The form "published" is the released code's
settings, where it differs from its paper. A laptop's presets (`mini`, `tiny`) take losses and pairs alone: size and schedule are
those of `TrainArgs`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from .models import SYSTEMS
from .models.cocosnet import TASKS
from .objectives import PUBLISHED

Form = Literal["paper", "published"]
FORMS = ("paper", "published")
LAPTOP = {"mini": 64, "tiny": 128}  # presets of a laptop, and their pixels

# Sources.
P1, P2 = "CoCosNet, section 4", "CoCosNet v2, section 4"
C1, C2 = "CoCosNet's released code", "CoCosNet v2's released code"
MCL, SEGIN = "MCL-Net, section 4.1", "SEGIN, section IV"


class RecipeError(ValueError):
    """There is no such recipe, or what it needs is not there; the message says what to do."""


@dataclass(frozen=True)
class Setting:
    """A value and where it comes from."""

    value: object
    source: str


@dataclass(frozen=True)
class DataSet:
    """What a recipe has to know of a data set."""

    title: str
    condition: str  # a key of conditions.KINDS
    epochs: Setting  # of CoCosNet, and of whatever is compared with it
    exemplars: bool = False  # whether different pictures are paired by a list of exemplars; else at random
    flip: bool = True
    same: bool = False  # people are there several times: the exemplar is always another picture of the same person
    crop: bool = True  # pictures are loaded larger and cropped
    task: str = ""  # of CoCosNet's released code
    large: bool = False  # has more than 50,000 pictures; SEGIN trains longer on those


_ADE = dict(condition="ade20k", epochs=Setting(100, P1), exemplars=True, task="ade20k")
_FACES = dict(epochs=Setting(60, f"{C1}, 30 + 30"), exemplars=True)
_PEOPLE = dict(epochs=Setting(100, f"{C1}, 50 + 50"), flip=False, same=True, large=True)
_PHOTOS = dict(epochs=Setting(20, "ours: as SEGIN"), crop=False)

SETS = {
    "ade20k": DataSet("ADE20K", **_ADE),
    "ade20k_outdoor": DataSet("ADE20K, outdoor scenes", **{**_ADE, "epochs": Setting(100, "ours: as ADE20K")}),
    "celebahq": DataSet("CelebA-HQ, label maps", "celebahq", task="celebahq", **_FACES),
    "celebahqedge": DataSet("CelebA-HQ, edges by part masks", "celebahqedge", task="celebahqedge", **_FACES),
    "celebahq_landmarks": DataSet("CelebA-HQ, edges by landmarks", "portrait", task="celebahqedge", **_FACES),
    "deepfashion": DataSet("DeepFashion, in-shop clothes", "deepfashion", task="deepfashion", **_PEOPLE),
    "deepfashion_hd": DataSet("DeepFashion, in-shop clothes, high resolution", "deepfashion_hd", **_PEOPLE),
    "metfaces": DataSet("MetFaces", "metfaces", Setting(500, "ours: 1,336 pictures are few"), exemplars=True),
    "edges2shoes": DataSet("edges2shoes", "edges", **_PHOTOS),
    "edges2handbags": DataSet("edges2handbags", "edges", large=True, **_PHOTOS),
    "danbooru": DataSet("Danbooru, faces and figures", "edges", **_PHOTOS),
}
# 49,825 pictures; the paper counts it among those with more than 50,000.
SETS["edges2shoes"] = replace(SETS["edges2shoes"], large=True)

Settings = dict[str, Setting]


@dataclass(frozen=True)
class Recipe:
    """One data set, system, preset and form. `settings`: names as on the command line (size, weights.feat, mix.crop,
    choices.strides, ...) -> `Setting`. `prepared`: pixels that its pictures should be prepared at."""

    data: str
    system: str
    preset: str
    form: Form
    settings: Settings
    prepared: int

    @property
    def name(self) -> str:
        """As `train --recipe` takes it."""
        return f"{self.data}/{self.form}"

    @property
    def of_set(self) -> DataSet:
        return SETS[self.data]

    def part(self, group: str) -> dict[str, object]:
        """The values of weights, mix or choices; "" for those of no group."""
        keys = {key.rpartition("."): one.value for key, one in self.settings.items()}
        return {last: value for (first, _, last), value in keys.items() if first == group}


def recipe(data: str, system: str, preset: str = "full", form: Form = "paper") -> Recipe:
    """The settings for a data set and a system. Raises RecipeError for what there is not, or was not released."""
    for what, value, known in (("data set", data, SETS), ("system", system, SYSTEMS), ("form", form, FORMS)):
        if value not in known:
            raise RecipeError(f"there is no recipe for the {what} {value!r}; there are {', '.join(known)}")
    one = SETS[data]
    if form == "published":
        _check_released(data, system)
    settings = {**_common(one, system), **_BY_SYSTEM[system](data, one)}
    if form == "published":
        settings |= _published(data, one, system)
    prepared = round(settings["size"].value * (1 + settings["mix.crop"].value))
    if preset in LAPTOP:
        settings = {key: value for key, value in settings.items() if key.startswith(("weights.", "mix."))}
        settings["size"] = Setting(LAPTOP[preset], f"ours: preset {preset}")
    elif preset == "published":
        settings |= _released_network(data, one, system)
    return Recipe(data, system, preset, form, settings, prepared)


# ---- what all share


def _all(source: str, **values) -> Settings:
    """Settings of one source; a double underscore stands for the dot of a group."""
    return {key.replace("__", "."): Setting(value, source) for key, value in values.items()}


def _common(one: DataSet, system: str) -> Settings:
    """Schedule and pairs, where a system does not say otherwise."""
    crop = 30 / 256 if one.crop else 0.0
    settings = {"epochs": one.epochs} | _all(P1, size=256, lr_g=1e-4, lr_d=4e-4, beta1=0.0, beta2=0.999)
    settings |= _all(f"{C1}; the papers are silent", batch=32, d_width=64, warmup=0)
    settings |= _all(f"{C1}: the rates fall over the second half", decay_from=0.5)
    settings |= _all(f"ours: {C1} has 0.999, and its commands do not use it", ema=0.999)
    settings |= _all("ours", save_every=5000, mix__move=0.0)
    if one.crop:
        settings |= _all(f"{C1}: loaded at 286, cropped to 256", mix__crop=crop)
    else:
        settings |= _all("ours: 256 px is all that the set has", mix__crop=crop)
    settings |= _all(C1, mix__flip=one.flip)
    settings |= _all("CoCosNet, section 3.3; its strength is ours", mix__pseudo_by="distortion")
    return settings | _pairs(one, system)


def _pairs(one: DataSet, system: str) -> Settings:
    """How often each kind of pair is drawn."""
    if system == "segin":
        return _all("SEGIN, section III B: a pseudo exemplar, always", mix__same=0.0, mix__pseudo=1.0, mix__cross=0.0,
                    mix__hard=0.0)
    if one.same:
        return _all(f"{C1}: another picture of the same person; itself, where there is none", mix__same=1.0, mix__pseudo=0.0,
                    mix__cross=0.0, mix__hard=0.0)
    if one.exemplars:
        return _all(f"{C1}: 0.5 the best of the list, 0.2 its last, else a pseudo exemplar", mix__same=0.0, mix__pseudo=0.3,
                    mix__cross=0.5, mix__hard=0.2)
    return _all(f"ours: as {C1}, without a list", mix__same=0.0, mix__pseudo=0.3, mix__cross=0.7, mix__hard=0.0)


def _painted(one: DataSet, reg: bool = True) -> Settings:
    """The weights of CoCosNet's Eq. 14. The paper gives none."""
    silent = f"{C1}; the papers are silent"
    settings = _all(silent, weights__context=10.0, weights__adv=10.0, weights__domain=10.0)
    settings |= _all(silent, weights__feat=1.0 if one.task == "ade20k" else 10.0)
    settings |= _all("ours: L1 as in the paper; the released 0.001 weighs squares", weights__perc=0.01)
    settings |= _all(f"CoCosNet's slides and {C1}; not in Eq. 14", weights__d_feat=10.0)
    if reg:
        settings |= _all(f"{C1} for edges; the paper calls it crucial everywhere", weights__reg=1.0)
    return settings


# ---- the systems


def _cocosnet(data: str, one: DataSet) -> Settings:
    return _painted(one) | _compared_at_512(data)


def _compared_at_512(data: str) -> Settings:
    if data not in ("deepfashion_hd", "metfaces"):
        return {}
    return _all("CoCosNet v2, section 4: its comparison", size=512) | _all("ours: two for each of 8 GPUs", batch=16)


def _spade(data: str, one: DataSet) -> Settings:
    settings = _painted(one, reg=False) | _compared_at_512(data) | _all("Park et al. 2019", weights__kl=0.05)
    del settings["weights.domain"]
    return settings


def _cocosnet_v2(data: str, one: DataSet) -> Settings:
    settings = _painted(one) | _all(P2, lr_g=1e-4, lr_d=4e-4, beta1=0.0, beta2=0.999)
    settings |= _all(f"{C2}; the paper is silent", batch=16)
    settings |= _all("ours: Eq. 12 is a mean over the levels, its weight is not given; released: 500 for each of 4",
                     weights__warp=2000.0)
    settings |= _all(f"{C2}'s cycle of the first level; not in Eq. 19", weights__reg=0.0)
    settings |= _all("ours: Eq. 13 and 14, whose weight is not given and which is not released", weights__mapping=1.0)
    size, source, strides = {
        "deepfashion_hd": (512, P2, ""),
        "metfaces": (1024, P2, "16,8,4,2,1"),
        "ade20k": (256, P2, "4,2,1"), "ade20k_outdoor": (256, P2, "4,2,1"),
    }.get(data, (512, "ours", "") if data.startswith("celebahq") else (256, "ours", "4,2,1"))
    settings |= _all(source, size=size)
    if strides:  # of `full`: 8, 4, 2, 1
        settings |= _all("CoCosNet v2, Table 4: the first level is 64 x 64", choices__strides=strides)
    if size == 512 and one.crop:
        settings |= _all(f"{C2}: loaded at 550, cropped to 512", mix__crop=38 / 512)
    if size == 1024:
        settings |= _all("ours: one for each of 8 GPUs", batch=8)
    if data == "deepfashion_hd":
        settings |= {"epochs": Setting(100, C2)}
    return settings


def _mclnet(data: str, one: DataSet) -> Settings:
    settings = _painted(one) | _all(MCL, size=256, lr_g=1e-4, lr_d=4e-4, beta1=0.0, beta2=0.999)
    settings |= _all("ours: four for each of the paper's 4 GPUs", batch=16)
    settings |= _all("ours: L_fcst, L_cyc, L_perc, L_cxt and L_adv as CoCosNet weighs them; Eq. 8 gives no weights",
                     weights__domain=10.0, weights__reg=1.0, weights__perc=0.01, weights__context=10.0, weights__adv=10.0)
    settings |= _all("MCL-Net, Eq. 8, which has no such term", weights__feat=0.0, weights__d_feat=0.0)
    settings |= _all("ours: L_pse and L_mcl, whose weights are not given", weights__warp=10.0, weights__mcl=1.0)
    settings |= _all("MCL-Net, section 3.2", weights__margin=0.4)
    settings |= _all("ours: ArcFace's neighbourhood; the paper gives no s", weights__scale=30.0)
    return settings


def _segin(data: str, one: DataSet) -> Settings:
    settings = _all(SEGIN, size=256, lr_g=2e-4, lr_d=1.3e-5, batch=5)
    settings |= _all(f"{SEGIN}: 20 for sets of more than 50,000 pictures, else 12", epochs=20 if one.large else 12)
    settings |= _all("ours: no fall is told", decay_from=1.0)
    settings |= _all("ours: as pix2pix", beta1=0.5, beta2=0.999)
    settings |= _all(f"{SEGIN}, as read in objectives.py", weights__recon=100.0, weights__gan=1.0, weights__seg=100.0,
                     weights__attention=10.0)
    settings |= _all(f"{SEGIN}: 5e-6 for a sum; ours for a mean", weights__feature=5.24)
    settings |= _all(f"{SEGIN}; ours for a mean over the pixels", weights__tv=10.0)
    return settings


_BY_SYSTEM: dict[str, Callable[[str, DataSet], Settings]] = {
    "cocosnet": _cocosnet, "cocosnet_v2": _cocosnet_v2, "mclnet": _mclnet, "segin": _segin, "spade": _spade}


# ---- the released settings


def _check_released(data: str, system: str) -> None:
    released = {"cocosnet": [name for name, one in SETS.items() if one.task], "cocosnet_v2": ["deepfashion_hd"]}.get(system, ())
    if data not in released:
        raise RecipeError(f"no settings of {system} for {data} were released"
                          + (f", only for {', '.join(released)}" if released else "") + "; take --recipe paper")


def _published(data: str, one: DataSet, system: str) -> Settings:
    """What the released commands do otherwise than the paper."""
    code = C2 if system == "cocosnet_v2" else C1
    settings = _all(code, beta2=0.9, eps_g=1e-3, ema=0.0, mix__pseudo_by="crop")
    if system == "cocosnet_v2":
        settings |= _all(f"{C2}: both rates after its first epoch", lr_g=1e-4, lr_d=1e-4)
        settings |= _all("ours: the source tells no fall", decay_from=1.0)
        settings |= _all(f"{C2}, 10 for each of 4 levels; here a mean", weights__domain=40.0)
        settings |= _all(f"{C2}, 500 for each of 4 levels; here a mean. Released, both are divided by the batch of a GPU, 2",
                         weights__warp=2000.0, weights__feat=10.0)
        settings |= _all(C2, weights__reg=1.0, weights__mapping=0.0, weights__perc=0.001, weights__form="released")
        return settings
    if one.task == "ade20k":
        settings |= _all(f"{C1}, 100 + 100", epochs=200)
    values = vars(PUBLISHED[one.task])
    told = ("feat", "perc", "context", "adv", "domain", "reg", "d_feat", "warp", "warped_labels", "form", "perc_layer")
    return settings | {f"weights.{key}": Setting(values[key], C1) for key in told}


def _released_network(data: str, one: DataSet, system: str) -> Settings:
    """Named choices on top of the preset `published`."""
    if system != "cocosnet":
        return {}
    task, source = one.task, C1
    if not task:
        task, source = ("deepfashion" if one.same else "celebahqedge"), "ours: as released for a task like it"
    return _all(source, **{f"choices__{key}": str(value) for key, value in TASKS[task].items() if key != "condition_channels"})
