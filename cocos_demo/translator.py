"""`Translator`: a photo and an exemplar go in, a picture comes out, and every step between can be looked at.

The one door that the app, the command line and the notebooks use:

    photo -> kind.find -> frame.cut -> kind.draw -> condition map -+
                                                                   +-> network -> warped exemplar, picture
    exemplar -> kind.find -> frame.cut ----------------------------+
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image

from cocos_demo import checkpoints, conditions, precision
from cocos_demo.colour import is_grey, recolour
from cocos_demo.device import forget_peak, peak_memory, pick_device
from cocos_demo.matchers import MatcherError, make
from cocos_demo.memory import enough
from cocos_demo.models.cocosnet import Translation
from cocos_demo.photo import Frame, open_photo, reopenable, to_array, to_image
from cocos_demo.stopping import go_on

# An edit is told from a browser's rounding by this much of 255.
EDIT_TOLERANCE = 12


@dataclass(frozen=True)
class Condition:
    """What a photo gives the network: where it was found, the crop, and the map (C, S, S) in [0, 1]."""

    kind: object  # one of conditions.KINDS
    found: conditions.Found
    photo: Image.Image  # (S, S) RGB, the crop that the map was read from
    map: np.ndarray  # (C, S, S) float32

    @property
    def image(self) -> Image.Image:
        """The map as the picture people know, (S, S) RGB on black."""
        return Image.fromarray(self.kind.to_rgb(self.map))

    def edited(self, picture: Image.Image) -> "Condition":
        """This condition after someone drew on `on_canvas(condition.image, side)`; untouched places keep their values.

        Colours of the kind's palette set that channel, black erases. A map larger than the picture takes each of its pixels for
        several of its own.
        """
        size, side = self.map.shape[-1], picture.width
        if hasattr(self.kind, "drawn_over"):
            before = on_canvas(self.image, side)
            after = picture.convert("RGB").resize(before.size)
            return replace(self, map=self.kind.drawn_over(np.asarray(before), np.asarray(after), self.map))
        if side < size:
            before, after = on_canvas(self.image, side), picture.convert("RGB")
            changed = np.abs(np.asarray(after, int) - np.asarray(before)).max(-1) > EDIT_TOLERANCE  # (side, side)
            mask = Image.fromarray(changed).resize((size, size), Image.Resampling.NEAREST)
            strokes = after.resize((size, size), Image.Resampling.NEAREST)
            return replace(self, map=self.kind.from_rgb(np.asarray(Image.composite(strokes, self.image, mask)), self.map))
        shown = enlarge(self.image, side)
        before, after = _blocks(shown, size), _blocks(picture.resize(shown.size), size)
        touched = np.abs(after - before).max(axis=-1) > EDIT_TOLERANCE  # (S, S, kk)
        wiped = touched.any(axis=-1) & (after.max(axis=(-1, -2)) <= EDIT_TOLERANCE)  # (S, S): faint lines go as well
        redrawn = (touched.mean(axis=-1) >= 0.5) | wiped  # (S, S)
        if not redrawn.any():
            return self
        rgb = np.array(self.image)  # (S, S, 3)
        # The median of what was touched: a brush's soft border would mix colours that mean something else.
        strokes = np.where(touched[redrawn][..., None], after[redrawn], np.nan)  # (M, kk, 3)
        rgb[redrawn] = np.nanmedian(strokes, axis=1)  # (M, 3)
        return replace(self, map=self.kind.from_rgb(rgb, self.map))


@dataclass(frozen=True)
class Example:
    """What an exemplar gives the network: the square that is used, and its own map where the network matches by one."""

    frame: Frame  # in pixels of the picture as it was given
    crop: Image.Image  # (S, S) RGB
    map: np.ndarray | None  # (C, S, S) float32
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """Every picture of one translation, RGB of one size (but `coloured`) and one frame, in the order they came about."""

    photo: Image.Image  # the crop that the condition was read from
    condition: Image.Image
    exemplar: Image.Image  # the crop that the network was given
    warped: Image.Image | None  # SEGIN: the auxiliary image W(x, r); None from a network without a warp (spade)
    image: Image.Image
    seconds: float
    device: str
    notes: tuple[str, ...]  # what a person should know: "Photo: 3 faces found; took the largest"
    mask: Image.Image | None = None  # L, white where SEGIN sees the foreground; None from all others
    coloured: Image.Image | None = None  # of a grey photo: the photo's own square, at its resolution, in image's colours
    memory: int | None = None  # bytes: the most that the program held on its device meanwhile, where that is known

    @property
    def cost(self) -> str:
        """Time, device and memory in words."""
        memory = f", at most {self.memory / 2**30:.1f} GiB of memory" if self.memory else ""
        return f"{self.seconds:.2f} s on {self.device}{memory}"

    @property
    def final(self) -> Image.Image:
        """What the person came for: the picture, or the coloured photo."""
        return self.coloured or self.image

    @property
    def steps(self) -> dict[str, Image.Image]:
        """Name -> picture, in order, for sheets and folders."""
        named = {name: getattr(self, name) for name in ("photo", "condition", "exemplar", "warped", "image", "mask")}
        return {name: picture for name, picture in named.items() if picture is not None}


class Translator:
    """A network, its kind of condition and its device: `Translator.load("portrait")(photo, exemplar)` -> Result."""

    def __init__(self, net: torch.nn.Module, card: dict, device: str = "auto"):
        self.device, self.device_reason = pick_device(device)
        self.net = net.to(self.device).eval()
        self.card = card
        self.kind = conditions.KINDS[card["condition"]]
        self.size = int(card["size"])

    @property
    def colourises(self) -> bool:
        """Whether it paints the colours of a grey photo."""
        return self.kind.name == "grey"

    @property
    def _reads_labels(self) -> bool:
        return isinstance(self.kind, conditions.LabelKind)

    @classmethod
    def load(cls, name_or_path: str | Path, device: str = "auto") -> "Translator":
        """A checkpoint by name, shipped ("portrait", ...) or imported, or by path; raises CheckpointError, DeviceError."""
        return cls(*checkpoints.load(name_or_path), device=device)

    def matched_by(self, matcher: str) -> "Translator":
        """The same network, weights shared, with another matcher: a name of `matchers.MATCHERS`, or a checkpoint that learned to
        match. Raises MatcherError, and for any system but SEGIN, whose matcher alone can be exchanged; CheckpointError."""
        if not hasattr(self.net, "matcher"):
            raise MatcherError(f"{self.card['name']} matches as it has learned to, or not at all; another matcher can be chosen "
                               'for SEGIN alone, such as the model "portrait_segin".')
        other = copy(self)
        other.net = copy(self.net)
        other.net.matcher = make(matcher)
        return other

    def blank(self) -> Condition:
        """The condition that shows nothing yet, to be drawn or painted on (see `Condition.edited`).

        Raises ConditionError for kinds that only a photo can give.
        """
        if not hasattr(self.kind, "blank"):
            raise conditions.ConditionError(f"The condition {self.kind.name} is read from a photo: give one.")
        found = self.kind.blank(self.size)
        return Condition(self.kind, found, _cut(found, None, self.size), self.kind.draw(found.points, self.size, found.raster))

    def condition_of(self, photo) -> Condition:
        """The condition of any upload (path, bytes, PIL, array); raises PhotoError, ConditionError, ModelMissing."""
        go_on()
        photo = reopenable(photo)
        with enough(self.card):
            found = self.kind.find(photo)
        crop = _cut(found, photo, self.size)
        if self.colourises and not is_grey(crop):
            found = replace(found, notes=(*found.notes, "its colours are not looked at, its lightness alone is"))
        return Condition(self.kind, found, crop, self.kind.draw(found.points, self.size, found.raster))

    def __call__(
        self,
        photo,
        exemplar,
        condition: Condition | None = None,
        progress: Callable[[str, float], None] | None = None,
        exemplar_map=None,
    ) -> Result:
        """Translate. `condition`: one from `condition_of`, perhaps edited; the photo is then looked at for its resolution alone,
        where it is coloured, and may be None.

        `exemplar_map`: the label map of the exemplar, for kinds of label maps and networks that match by it; where it is not
        given, it is guessed. `progress(stage, fraction)` is called as each stage begins. Raises PhotoError, ConditionError.
        """
        started = perf_counter()
        forget_peak(self.device)
        photo = reopenable(photo)
        report = progress or (lambda stage, fraction: None)
        report("looking at the photo", 0.0)
        if condition is None:
            condition = self.condition_of(photo)
        report("looking at the exemplar", 0.3)
        example = self.example_of(exemplar, exemplar_map)
        report("matching and painting", 0.5)
        out = self.forward(condition, example)
        image, warped, mask = (self._picture(t) for t in (out.image, out.warped, getattr(out, "mask", None)))
        coloured = None
        if self.colourises and photo is not None:
            report("colouring the photo", 0.8)
            coloured = recolour(photo, image, condition.found.frame)
        report("done", 1.0)
        return Result(
            photo=condition.photo,
            condition=condition.image,
            exemplar=example.crop,
            warped=warped,
            image=image,
            seconds=perf_counter() - started,
            device=str(self.device),
            notes=notes(condition, example),
            mask=mask,
            coloured=coloured,
            memory=peak_memory(self.device),
        )

    def forward(self, condition: Condition, example: Example) -> Translation:
        """What the network answers, as tensors on its device; `match` holds the features compared. Raises MemoryShort."""
        go_on()
        way = precision.chosen.way
        with torch.inference_mode(), enough(self.card), way.used(self.net, self.device):
            return in_float32(self.net(*map(way.laid, self.inputs(condition, example))))

    def inputs(self, condition: Condition, example: Example) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """What the network is given, (1, C, S, S) each on its device: condition, exemplar, and the exemplar's map or None."""
        return self._batch(condition.map), self._batch(to_array(example.crop)), self._batch(example.map)

    def example_of(self, exemplar, given_map=None) -> Example:
        """The exemplar framed as the network learned it; raises PhotoError, ConditionError. `given_map`: see `__call__`."""
        go_on()
        needs_map = self.net.config.exemplar_input != "image"
        exemplar = reopenable(exemplar)
        find = self.kind.find if needs_map else getattr(self.kind, "located", self.kind.find)
        try:
            found = find(exemplar) if given_map is None else self._map_beside(open_photo(exemplar), given_map)
        except conditions.ConditionError as error:
            if needs_map or given_map is not None:
                ask = self._reads_labels and given_map is None
                hint = " Its own label map can be given with it (exemplar_map)." if ask else ""
                raise conditions.ConditionError(f"The exemplar cannot be used: {error}{hint}") from error
            # A painting or a drawing may hide its face from the detector; its colours can be matched all the same.
            photo = open_photo(exemplar)
            square = Frame(photo.width / 2, photo.height / 2, min(photo.size))
            crop = square.cut(photo, self.size)
            why = f". {error}" if getattr(self.kind, "guesses", True) else ""  # a scene has no person to be looked for
            said = f"took its centred square{why}", *self._no_colours(crop)
            return Example(square, crop, None, tuple(f"Exemplar: {note}" for note in said))
        if found.picture is not None:
            what = "a label map" if self._reads_labels else "a drawing"
            raise conditions.ConditionError(f"The exemplar is {what}. Give the photo or painting whose look is to be taken.")
        crop = _cut(found, exemplar, self.size)
        said = tuple(f"Exemplar: {note}" for note in (*found.notes, *self._no_colours(crop)))
        own_map = self.kind.draw(found.points, self.size, found.raster) if needs_map else None
        return Example(found.frame, crop, own_map, said)

    def _no_colours(self, crop: Image.Image) -> tuple[str, ...]:
        """What to say of an exemplar whose colours are wanted, and which has none."""
        return ("it is grey itself and has no colours to give",) if self.colourises and is_grey(crop) else ()

    def _map_beside(self, photo: Image.Image, given_map) -> conditions.Found:
        """What a label map given for a photo says, in the photo's frame. Raises: ConditionError."""
        if not self._reads_labels:
            raise conditions.ConditionError(f"{self.kind.name} is read from the exemplar itself; give no map for it.")
        found = self.kind.find(given_map)
        if found.picture is None:
            raise conditions.ConditionError("What was given as its label map is none.")
        width, height = 2 * found.frame.cx, 2 * found.frame.cy  # of the map: its frame lies in its middle
        scale = photo.width / width
        if abs(photo.height / height / scale - 1) > 0.02:
            raise conditions.ConditionError(f"Its label map has another shape ({width:.0f} x {height:.0f}) than itself "
                                            f"({photo.width} x {photo.height}).")
        frame = Frame(photo.width / 2, photo.height / 2, found.frame.side * scale)
        return replace(found, frame=frame, picture=None)

    def _batch(self, array: np.ndarray | None) -> torch.Tensor | None:
        """(C, S, S) -> (1, C, S, S) on the device."""
        return None if array is None else torch.as_tensor(array, dtype=torch.float32, device=self.device)[None]

    def _picture(self, batch: torch.Tensor | None) -> Image.Image | None:
        """(1, 3, h, w) in [-1, 1] -> RGB of the network's size; (1, 1, h, w) in [0, 1] -> L."""
        if batch is None:
            return None
        t = batch[0].float().cpu()
        picture = to_image(t) if len(t) == 3 else to_image(2 * t.expand(3, -1, -1) - 1).convert("L")
        size = (self.size, self.size)
        return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def in_float32(out):
    """A network's answer, a (nested) NamedTuple or dataclass of tensors, with all its half-precision tensors in float32."""
    if isinstance(out, torch.Tensor):
        return out.float() if out.dtype in (torch.bfloat16, torch.float16) else out
    if isinstance(out, tuple):
        parts = (in_float32(part) for part in out)
        return type(out)(*parts) if hasattr(out, "_fields") else tuple(parts)
    if is_dataclass(out):
        return replace(out, **{part.name: in_float32(getattr(out, part.name)) for part in fields(out) if part.init})
    return out


def notes(condition: Condition, example: Example) -> tuple[str, ...]:
    """What a person should know of how photo and exemplar were read."""
    return tuple(f"Photo: {note}" for note in condition.found.notes) + example.notes


def enlarge(picture: Image.Image, least: int = 512) -> Image.Image:
    """A copy for the eye, a whole multiple in size and at least `least` wide: browsers show small pictures small."""
    times = -(-least // picture.width)
    return picture.resize((times * picture.width, times * picture.height), Image.Resampling.LANCZOS)


def on_canvas(picture: Image.Image, side: int) -> Image.Image:
    """A copy to be drawn on: as `enlarge` makes it, or reduced to `side` where it is larger."""
    small = picture.width > side
    return picture.resize((side, side), Image.Resampling.LANCZOS) if small else enlarge(picture, side)


def _cut(found: conditions.Found, photo, size: int) -> Image.Image:
    """The square that a condition was read from, RGB (size, size): of the photo, or of the map that was given instead."""
    if found.picture is None:
        return found.frame.cut(open_photo(photo), size)
    colours = found.picture.mode == "RGB"  # of classes, between which there are none
    return found.picture.resize((size, size), Image.Resampling.NEAREST if colours else Image.Resampling.LANCZOS).convert("RGB")


def _blocks(picture: Image.Image, size: int) -> np.ndarray:
    """RGB of k size pixels a side -> (size, size, k k, 3) int16: the pixels that stand for each pixel of the map."""
    k = picture.width // size
    pixels = np.asarray(picture.convert("RGB"), dtype=np.int16).reshape(size, k, size, k, 3)
    return pixels.transpose(0, 2, 1, 3, 4).reshape(size, size, k * k, 3)  # (size, size, kk, 3)
