"""A translation as a run that can be saved, and a saved run done again; the command `again`."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image

from . import checkpoints, runs
from . import settings as told
from .drawings import over
from .photo import open_photo
from .pictures import write_picture
from .runs import Run
from .translator import Result, Translator


@dataclass(frozen=True)
class Again:
    """Do a saved run again, and say whether its picture is the same. RUN: a ZIP file of the app or of `translate --save-run`.

    The settings of a run alone (settings.json) will do where its pictures are samples that ship.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The file."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("out.png")
    """Where the picture goes; the ending says the format (.png, .jpg, .webp)."""
    model: str | None = None
    """Another checkpoint's name or path than the run's own."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""


def translation(name: str, net: Translator, result: Result, inputs: Mapping[str, str | Path | None],
                drawing: Image.Image | None = None, **options) -> Run:  # fmt: skip
    """One translation, by the checkpoint `name` -> as a run. `inputs`: photo, exemplar and exemplar_map as files, if there;
    `drawing`: what was drawn over the condition, RGB, as the canvas shows it. Raises OSError, RunError."""
    files = {role: Path(path) for role, path in inputs.items() if path is not None}
    if drawing is not None:
        files["drawing"] = runs.png(drawing)
    settings = told.Settings(
        told.FORMAT, "translate", (told.of_model(name, net.card),), told.Translate(**options), runs.given(files),
        {"picture": told.pixels(result.final)}, told.made(result.device, result.seconds), result.notes,
    )  # fmt: skip
    pictures = {"picture": result.final, "condition": result.condition, "warped": result.warped, "mask": result.mask,
                "painted": result.image if result.coloured else None}
    return Run(settings, files, {role: runs.png(picture) for role, picture in pictures.items() if picture is not None})


def repeated(run: Run, net: Translator, progress: Callable[[str, float], None] | None = None) -> Result:
    """The run done again by a network. Raises what a translation raises."""
    given, matcher = run.inputs, run.settings.options.matcher
    net = net if matcher == told.OWN else net.matched_by(matcher)
    photo, condition = given.get("photo"), None
    if "drawing" in given:
        condition = over(net.blank() if photo is None else net.condition_of(photo), open_photo(given["drawing"]))
    return net(photo, given["exemplar"], condition, progress, given.get("exemplar_map"))


def unlike(run: Run, picture: Image.Image, name: str = "picture", role: str = "picture") -> str:
    """How far a picture is from the run's own of this name, in words; empty where no pixel differs. `role`: of its file."""
    if told.pixels(picture) == run.settings.results.get(name):
        return ""
    before = open_photo(run.results[role]) if role in run.results else None
    if before is None or before.size != picture.size:
        return "another picture"
    off = np.abs(np.asarray(before, int) - np.asarray(picture.convert("RGB"))).max(-1)  # (H, W)
    return (f"another picture: {(off > 0).mean():.1%} of its pixels differ, by {off.mean():.2f} of 255 in the mean and "
            f"{off.max()} at most")


def run(options: Again) -> None:
    """Carry it out. Raises RunError, SettingsError, OSError, and what a translation raises."""
    from .commands import stages

    saved = runs.load(options.run)
    if saved.settings.task == "compare":
        return _compared(saved, options)
    if saved.settings.task == "correspond":
        return _pointed(saved, options)
    from . import again_applied

    do = repeated if saved.settings.task == "translate" else again_applied.repeated
    name = options.model or saved.settings.model.name
    path = checkpoints.catalogue().get(name, Path(name)) if options.model else told.there(saved.settings.model)
    with stages() as report:
        report("loading the network", 0.0)
        net = Translator.load(name, options.device)
        result = do(saved, net, report)
    for words in told.differences(saved.settings, str(net.device), path):
        print(f"note: {words}", file=sys.stderr)
    picture = result.final if isinstance(result, Result) else result.image
    write_picture(picture, options.out)
    same = unlike(saved, picture) or "the same picture, to the pixel"
    cost = result.cost if isinstance(result, Result) else f"{result.seconds:.2f} s on {net.device}"
    print(f"{options.out}  ({net.card['name']}, {cost}): {same}")


def _pointed(saved: Run, options: Again) -> None:
    """All points of one model, or two, again."""
    from . import again_points

    if options.model:
        raise told.SettingsError("points are a model's own: another cannot stand for it (--model)")
    for model in saved.settings.models:
        told.there(model)
    nets = [Translator.load(model.name, options.device) for model in saved.settings.models]
    picture, answers = again_points.repeated(saved, nets)
    for words in told.differences(saved.settings, str(nets[0].device)):
        print(f"note: {words}", file=sys.stderr)
    write_picture(picture, options.out)
    print("\n".join(again_points.in_lines(saved, answers)))
    print(f"{options.out}: {unlike(saved, picture) or 'the same picture, to the pixel'}")


def _compared(saved: Run, options: Again) -> None:
    """All systems of a comparison again."""
    from . import again_compare, comparing

    if options.model:
        raise told.SettingsError("a comparison is of several models: none can stand for all (--model)")
    outcomes = []
    here = [model.name for model in saved.settings.models if model.name in checkpoints.catalogue()]
    for outcome in comparing.each(here, saved.inputs["photo"], saved.inputs["exemplar"],
                                  lambda name: Translator.load(name, options.device)):  # fmt: skip
        outcomes.append(outcome)
        print(f"{outcome.name}  {outcome.trouble or ', '.join(comparing.in_lines(outcome))}", flush=True)
    for words in told.differences(saved.settings, next((o.device for o in outcomes if o.device), saved.settings.made.device)):
        print(f"note: {words}", file=sys.stderr)
    write_picture(comparing.sheet(outcomes, saved.settings.options.points), options.out)
    same = "; ".join(again_compare.unlike(saved, outcomes)) or "the same pictures, to the pixel"
    print(f"{options.out}: {same}")
