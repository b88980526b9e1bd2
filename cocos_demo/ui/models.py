"""The checkpoints that the app offers, shipped and imported, and which of them an upload calls for."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from cocos_demo import checkpoints, conditions
from cocos_demo.checkpoints import CheckpointError
from cocos_demo.comparing import SYSTEMS
from cocos_demo.datasets.surfaces import surface_of
from cocos_demo.exemplars import Finder
from cocos_demo.matcher import Matcher
from cocos_demo.photo import open_photo
from cocos_demo.recording import Recording, record
from cocos_demo.translator import Translator
from cocos_demo.ui.common import samples
from cocos_demo.ui.visits import recent

AUTO = "auto"
SHORT = "Automatic, by the photo", AUTO
NONE = "none"  # no model to compare with
START = "P009_studio_portrait"  # the photo that is there at the start
STEPS = "cocosnet_v2"  # the system that matches step by step
SMALL = 16_000_000  # bytes of a checkpoint's file: many such can be held at once
PAINTS = "spade"  # the system that does not match at all
PASTES = "segin"  # the system that matches by VGG, pastes an auxiliary image, and tells the foreground
# What a kind of condition is, in words, and the samples that its looks can come from (scenes: none ship).
WORDS = {"portrait": "face lines", "grey": "grey photo", "figure": "body pose", "parts": "body part map",
         "celebahqedge": "face edges", "celebahq": "face part map", "deepfashion": "body pose", "deepfashion_hd": "body pose",
         "ade20k": "map of a scene", "edges": "lines", "metfaces": "face lines"}  # fmt: skip
LOOKS = {"portrait": "portraits", "grey": "portraits", "celebahqedge": "portraits", "celebahq": "portraits",
         "metfaces": "paintings", "figure": "figures", "parts": "figures", "deepfashion": "figures",
         "deepfashion_hd": "figures"}  # fmt: skip


def choices() -> list[tuple[str, str]]:
    """(words, name) of every checkpoint there is now, for a dropdown; "auto" first."""
    there = ((words(name, path), name) for name, path in checkpoints.catalogue().items())
    return [("Model: automatic, by the photo", AUTO), *there]


def titles(system: str | None = None) -> list[tuple[str, str]]:
    """The same in few words, for a narrow dropdown, of one system or of all."""
    there = checkpoints.catalogue().items()
    return [SHORT, *((titled(name, path), name) for name, path in there if system in (None, system_of(path)))]


def system_of(path: Path) -> str | None:
    """The system of a checkpoint; None where it cannot be read."""
    try:
        return checkpoints.read_card(path)["system"]
    except CheckpointError:
        return None


def by_steps(model: str) -> str:
    """A model as chosen elsewhere, for where only those that match step by step will do: itself, or "auto"."""
    path = checkpoints.catalogue().get(model)
    return model if path and system_of(path) == STEPS else AUTO


def words(name: str, path: Path) -> str:
    """What a checkpoint is, for the eye: name, kind of condition, size, and what is unusual about it."""
    try:
        card = checkpoints.read_card(path)
    except CheckpointError:
        return f"{name}: cannot be read"  # choosing it tells why
    kind = WORDS.get(card["condition"], card["condition"])
    remarks = [f"{kind}, {card['size']} px"]
    if card["system"] != "cocosnet":
        remarks.append(SYSTEMS.get(card["system"], card["system"]))
    if path.parent != checkpoints.FOLDER:
        remarks.append("imported")
    return f"{name} ({', '.join(remarks)})"


def titled(name: str, path: Path | None = None) -> str:
    """A checkpoint's name and system, short enough for a narrow dropdown: "figure (CoCosNet)"."""
    system = system_of(path or checkpoints.catalogue()[name])
    return f"{name} ({SYSTEMS.get(system, system)})" if system else f"{name}: cannot be read"


def rivals(name: str) -> list[tuple[str, str]]:
    """(words, name) of what the checkpoint `name` can be compared with: the others that match, and read the same kind of
    condition, so that they look at the same squares of the two pictures."""
    there, cards = checkpoints.catalogue(), {}
    for other, path in there.items():
        try:
            cards[other] = checkpoints.read_card(path)
        except CheckpointError:
            continue  # there is nothing to compare with
    return [(titled(other, there[other]), other) for other, card in cards.items()
            if other != name and card["system"] != PAINTS and card["condition"] == cards[name]["condition"]]


def resolve(model: str, photo: str, system: str = "cocosnet") -> str:
    """Name of the checkpoint: as chosen, or for "auto" the system's for what the photo shows. Raises CheckpointError."""
    if model == AUTO:
        kind = conditions.detect(photo)
        shipped = kind in checkpoints.catalogue() and system == "cocosnet"
        return kind if shipped else checkpoints.for_condition(kind, system)
    if model not in checkpoints.catalogue():  # a path is for the command line: here it would come from a stranger
        raise CheckpointError(f"there is no checkpoint {model!r}; there are auto, {', '.join(checkpoints.catalogue())}")
    return model


def translator(name: str) -> Translator:
    """The checkpoint of this name, loaded once, and again when its file is another."""
    path = checkpoints.catalogue().get(name)
    file = path.stat() if path else None
    return (_small if file and file.st_size < SMALL else _loaded)(name, file.st_mtime_ns if file else 0)


# Published networks take a gigabyte each.
@functools.lru_cache(3)
def _loaded(name: str, stamp: int) -> Translator:
    return Translator.load(name)


# Those that ship are compared with each other, one after the other, again and again.
@functools.lru_cache(16)
def _small(name: str, stamp: int) -> Translator:
    return Translator.load(name)


def finder(name: str) -> Finder:
    """What searches exemplars for the checkpoint of this name."""
    return _finder(translator(name))


@functools.lru_cache(3)
def _finder(net: Translator) -> Finder:
    return Finder(net)


def matcher(name: str, photo: str, exemplar: str) -> Matcher:
    """The correspondences that the checkpoint of this name finds between two pictures, worked out once."""
    return _matcher(translator(name), photo, exemplar)


# The pictures are the app's own copies, whose paths carry a hash of what is in them.
@recent(4)
def _matcher(net: Translator, photo: str, exemplar: str) -> Matcher:
    return Matcher(net).set_images(photo, exemplar)


def recording(name: str, photo: str, exemplar: str) -> Recording:
    """How the checkpoint of this name matches two pictures, step by step, worked out once."""
    return _recording(translator(name), photo, exemplar)


@recent(2)
def _recording(net: Translator, photo: str, exemplar: str) -> Recording:
    return record(net, photo, exemplar)


def looks(kind: str) -> list[str]:
    """Paths of the samples that a kind of condition can take its look from."""
    return samples(LOOKS[kind]) if kind in LOOKS else []


def looks_for(net: Translator) -> list[str]:
    """The same for a network, which may have been trained to take its looks from paintings."""
    return samples(folder) if (folder := folder_for(net)) else []


def folder_for(net: Translator) -> str | None:
    """Which folder of the samples these lie in, if any."""
    return checkpoints.PAINTINGS if checkpoints.paints(net.card) else LOOKS.get(net.kind.name)


def starred(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Pictures for a gallery, a star on those whose true matches are known."""
    return [(path, "★" if rendered(path) else "") for path in paths]


@recent(256)
def rendered(path: str) -> bool:
    """Whether a picture is a rendered sample, whose surface is known."""
    return surface_of(open_photo(path)) is not None


def first_look(photo: str, looks: Sequence[str]) -> str:
    """The exemplar to begin with: for a rendered photo a rendered one, so that the true matches are known."""
    return next((path for path in looks if rendered(path)), looks[0]) if rendered(photo) else looks[0]


class Meant(NamedTuple):
    """What two pictures and a model, as chosen, come to."""

    name: str  # of the checkpoint
    looks: tuple[str, ...]  # the exemplars on offer for the photo's kind
    look: str | None  # the one that must be taken instead, if any
    missing: str  # why they cannot be matched yet


def meant(given: tuple[str | None, str | None, str], shown: tuple[str, ...], system: str = "cocosnet") -> Meant:
    """Photo, exemplar and model as chosen, and the exemplars that are shown -> what they come to. Raises what reading does."""
    photo, exemplar, model = given
    if photo is None:
        return Meant("", shown, None, "Choose a photo: click one, or upload your own.")
    name = resolve(model, photo, system)
    net = translator(name)
    offered = tuple(looks_for(net))
    # A figure's look cannot be taken from a portrait: the arrival of another exemplar asks again.
    if offered and offered != shown:
        net.condition_of(photo)  # if the photo is refused, the exemplar stays
        return Meant(name, offered, first_look(photo, offered), "Another kind of photo: the exemplar changes to one of its kind.")
    return Meant(name, offered, None, "" if exemplar else "Choose an exemplar: click one, or upload your own.")


def takes_maps(name: str) -> bool:
    """Whether the checkpoint of this name reads label maps."""
    try:
        card = checkpoints.read_card(checkpoints.catalogue().get(name, name))
    except CheckpointError:
        return False  # "auto", or one that cannot be read: choosing it tells why
    return isinstance(conditions.KINDS.get(card["condition"]), conditions.LabelKind)


def photos_for(model: str, offered: list[tuple[str, str]] | None = None) -> list[str]:
    """The photos to start from: part maps first for a checkpoint that reads them, last where the photo decides among those
    offered, all if not given, and one of them does."""
    maps, photos = samples("parts"), samples("photos")
    if model == AUTO:
        return photos + (maps if any(takes_maps(name) for _, name in offered or choices()) else [])
    return maps + photos if takes_maps(model) else photos


def start(photos: list[str]) -> str:
    """The photo that is there at the start."""
    return next((path for path in photos if START in path), photos[0])


def dropdown(offered: list[tuple[str, str]] | None = None, **options) -> gr.Dropdown:
    """A choice of a checkpoint, of all if nothing is `offered`."""
    return gr.Dropdown(offered or choices(), value=AUTO, **options)
