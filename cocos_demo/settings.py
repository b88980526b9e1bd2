"""What a run was made by, all of it: written as JSON beside its pictures, read again strictly, and compared with what is here.

Knows no browser: the app and the command line write and read the same.
"""

import functools
import hashlib
import json
import platform
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from PIL import Image
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from . import __version__, checkpoints, packed, precision

FORMAT = "cocos_demo run 1"
LONGEST = 1_000_000  # bytes of the JSON text
OWN = "own"  # the matcher that a network was trained with
STRICT = ConfigDict(extra="forbid", strict=True)
Pixel = Annotated[float, Field(ge=0, le=512, allow_inf_nan=False)]
Column = Annotated[int, Field(ge=0, le=511)]
Asked = Literal["looks", "colours", "oil", "map", "sketch"]


class SettingsError(ValueError):
    """These are no settings of a run, or not such as can be carried out here; the message says why."""


@dataclass(frozen=True)
class Model:
    """A checkpoint, and which version of it."""

    __pydantic_config__ = STRICT
    name: str
    system: str  # a key of models.SYSTEMS
    weights: str  # SHA-256 of its file


@dataclass(frozen=True)
class Given:
    """A picture that went in."""

    __pydantic_config__ = STRICT
    name: str  # of the file, as it came
    sha256: str  # of what is in it


@dataclass(frozen=True)
class Made:
    """By what, where, and how long it took."""

    __pydantic_config__ = STRICT
    program: str
    torch: str
    python: str
    device: str
    precision: str  # how the networks computed
    seconds: float
    at: str  # time, ISO 8601, UTC


@dataclass(frozen=True)
class Translate:
    """The options of a translation. Nothing in it is drawn by chance but in a matcher's search, whose seed is always 0."""

    __pydantic_config__ = STRICT
    asked: Asked | None = None  # what the Translate tab was asked to do; None where no tab was
    matcher: str = OWN  # of SEGIN


@dataclass(frozen=True)
class Compare:
    """The options of a comparison of all systems that read one kind of condition."""

    __pydantic_config__ = STRICT
    kind: str = "auto"  # of conditions.KINDS, or by what the photo shows
    points: Annotated[tuple[tuple[Pixel, Pixel], ...], Field(max_length=100)] = ()  # of the photo's square


@dataclass(frozen=True)
class Edit:
    """The options of an edit; the edited map is the run's drawing."""

    __pydantic_config__ = STRICT
    finish: Literal["pixels", "painting"] = "pixels"


@dataclass(frozen=True)
class Makeup:
    """The options of makeup that is carried; what was drawn by hand are the run's strokes."""

    __pydantic_config__ = STRICT
    ready: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=40)] = ()  # names of ready makeup
    colour: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")] | None = None  # one for all strokes
    mode: Annotated[str, Field(max_length=40)] = "normal"  # of blending.MODES
    opacity: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    confine: bool = True  # lips, teeth and eyes are kept apart


@dataclass(frozen=True)
class Points:
    """Points of two pictures as a network sees them, 512 x 512 pixels."""

    __pydantic_config__ = STRICT
    points: Annotated[tuple[tuple[Literal["photo", "exemplar"], Column, Column, Literal[0, 1]], ...], Field(max_length=12)] = ()
    """Each: the picture that was clicked, column and row, and of two models the one on whose exemplar it was."""
    alpha: Annotated[float, Field(ge=1, le=200, allow_inf_nan=False)] = 100.0


@dataclass(frozen=True)
class PatchMatch:
    """A matching that is played step by step has no options of its own."""

    __pydantic_config__ = STRICT


OPTIONS = {"translate": Translate, "compare": Compare, "edit": Edit, "makeup": Makeup, "correspond": Points,
           "patchmatch": PatchMatch}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """One run: what was asked for, of what, and what came out."""

    __pydantic_config__ = STRICT
    format: Literal["cocos_demo run 1"]
    task: Literal["translate", "compare", "edit", "makeup", "correspond", "patchmatch"]
    models: Annotated[tuple[Model, ...], Field(min_length=1, max_length=50)]  # one, or those that were compared
    options: Any  # of the task's kind in OPTIONS
    inputs: dict[str, Given]  # by their role: photo, exemplar, exemplar_map, drawing, strokes
    results: dict[str, str]  # "picture", or each model's name -> SHA-256 of its pixels, see `pixels`
    made: Made
    notes: tuple[str, ...] = ()  # what was said of the pictures that went in

    @property
    def model(self) -> Model:
        """The one, or the first."""
        return self.models[0]


def read(text: bytes) -> Settings:
    """Settings as they were written. Raises SettingsError for all else."""
    if len(text) > LONGEST:
        raise SettingsError(f"the settings are {len(text)} bytes long; {LONGEST} are the most")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsError("these are not the settings of a run: they are no JSON") from None
    if not isinstance(told, dict) or not str(told.get("format", "")).startswith("cocos_demo run "):
        raise SettingsError("these are not the settings of a run of cocos_demo")
    if told["format"] != FORMAT:
        raise SettingsError(f"the settings have the format {str(told['format'])[:40]!r}; this version reads {FORMAT!r}")
    where = []
    try:
        settings = TypeAdapter(Settings).validate_json(text)
        where = ["options"]
        return replace(settings, options=TypeAdapter(OPTIONS[settings.task]).validate_json(json.dumps(settings.options)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, (*where, *first["loc"])))[:80]
        raise SettingsError(f"the settings have been changed: {where}: {first['msg']}") from None


def written(settings: Settings) -> str:
    """As JSON text."""
    return json.dumps(asdict(settings), indent=1, ensure_ascii=False) + "\n"


def of_model(name: str, card: dict) -> Model:
    """The checkpoint `name`, known by name or a path, as it is now. Raises CheckpointError."""
    path = checkpoints.catalogue().get(name, Path(name))
    return Model(packed.name(path), card["system"], fingerprint(path))


def fingerprint(path: Path) -> str:
    """SHA-256 of a checkpoint's file, worked out again when the file is another. Raises OSError."""
    there = path.stat()
    return _fingerprint(path, there.st_mtime_ns, there.st_size)


@functools.lru_cache(64)
def _fingerprint(path: Path, stamp: int, size: int) -> str:
    with open(path, "rb") as file:  # published networks take a gigabyte
        return hashlib.file_digest(file, "sha256").hexdigest()


def made(device: str, seconds: float) -> Made:
    """Here and now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Made(f"cocos_demo {__version__}", torch.__version__, platform.python_version(), device, str(precision.chosen.way),
                round(seconds, 3), now)


def pixels(picture: Image.Image) -> str:
    """SHA-256 of an RGB picture's size and pixels, whatever file it lies in."""
    rgb = picture.convert("RGB")
    return hashlib.sha256(f"{rgb.width} x {rgb.height} ".encode() + rgb.tobytes()).hexdigest()


def there(model: Model) -> Path:
    """The file of a run's model. Raises SettingsError where it is not here."""
    known = checkpoints.catalogue()
    if model.name not in known:
        raise SettingsError(f"the run was made by the model {model.name[:80]!r} ({model.system[:40]}), which is not here; there "
                            f"are {', '.join(known)}")
    return known[model.name]


def differences(settings: Settings, device: str, path: Path | None = None) -> tuple[str, ...]:
    """What is another here than where the run was made, so that its picture may be too: on `device`, by the checkpoint in `path`,
    or else the one of its name. Raises SettingsError where its model is not here."""
    found, here, known = [], made(device, 0), checkpoints.catalogue()
    if not any(model.name in known for model in settings.models) and not path:
        there(settings.model)  # tells it
    for model in settings.models:
        if not path and model.name not in known:
            found.append(f"the model {model.name[:80]} is not here")
        elif fingerprint(path or known[model.name]) != model.weights:
            found.append(f"the weights of {model.name[:80]} are another version here")
    for what, then, now in (("program", settings.made.program, here.program), ("torch", settings.made.torch, here.torch),
                            ("device", settings.made.device, here.device),
                            ("precision", settings.made.precision, here.precision)):
        if then != now:
            found.append(f"{what}: {then[:60]} then, {now} here")
    return tuple(found)
