"""A comparison of systems as a run that can be saved, and compared with itself when it is done again."""

from collections.abc import Sequence
from pathlib import Path

from . import again, comparing, runs
from . import settings as told
from .comparing import Outcome
from .runs import Run, RunError


def comparison(photo: str | Path, exemplar: str | Path, outcomes: Sequence[Outcome], points=(), kind: str = "auto") -> Run:
    """What all systems made of two pictures, in files -> as a run. `points`: of the photo's square. Raises RunError where all
    failed."""
    good = [outcome for outcome in outcomes if not outcome.trouble]
    if not good:
        raise RunError("no system made a picture, so there is nothing to save")
    inputs = {"photo": Path(photo), "exemplar": Path(exemplar)}
    options = told.Compare(kind, tuple((float(x), float(y)) for x, y in points))
    settings = told.Settings(
        told.FORMAT, "compare", tuple(told.of_model(outcome.name, outcome.card) for outcome in good), options, runs.given(inputs),
        {model: told.pixels(outcome.image) for model, outcome in zip(names(good), good)},
        told.made(good[0].device, sum(outcome.seconds for outcome in good)), good[0].notes,
    )  # fmt: skip
    pictures = {"sheet": comparing.sheet(outcomes, points), "condition": good[0].condition}
    pictures |= {f"picture_{number:02}": outcome.image for number, outcome in enumerate(good)}
    return Run(settings, inputs, {role: runs.png(picture) for role, picture in pictures.items()})


def names(outcomes: Sequence[Outcome]) -> list[str]:
    """What the settings call the models."""
    return [told.of_model(outcome.name, outcome.card).name for outcome in outcomes]


def alike(run: Run, photo: str | Path, exemplar: str | Path) -> bool:
    """Whether these are the two pictures of a run."""
    there = runs.given({"photo": photo, "exemplar": exemplar})
    return all(run.settings.inputs[role].sha256 == one.sha256 for role, one in there.items())


def unlike(run: Run, outcomes: Sequence[Outcome]) -> list[str]:
    """What is not as it was, a line a model; empty where every picture is the same, to the pixel."""
    done, lines = [outcome for outcome in outcomes if not outcome.trouble], []
    good = dict(zip(names(done), done))
    for number, model in enumerate(run.settings.models):
        name = model.name[:80]
        if model.name not in good:
            lines.append(f"{name}: no picture now")
        elif words := again.unlike(run, good[model.name].image, model.name, f"picture_{number:02}"):
            lines.append(f"{name}: {words}")
    return lines
