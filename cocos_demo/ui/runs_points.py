"""Runs of the Correspond tab: two pictures, one model or two, and the points that were asked for."""

from cocos_demo import again, again_points, runs
from cocos_demo import settings as told
from cocos_demo.photo import open_photo
from cocos_demo.runs import Run
from cocos_demo.ui import models
from cocos_demo.ui.common import in_boxes, in_facts
from cocos_demo.ui.runs import check_tab, placed
from cocos_demo.ui.scene import Scene


def names_of(now: Scene) -> list[str]:
    """The models of a Scene: as chosen, or what "auto" came to, and the second."""
    photo, _, model = now.given
    return [models.resolve(model, photo), *([now.other] if now.rival else [])]


def run_of(now: Scene, alpha: float) -> Run:
    """What is on the screen as a run. Raises RunError without a point."""
    options = told.Points(tuple((p.side, p.column, p.row, p.by) for p in now.points), float(alpha))
    nets = {name: models.translator(name) for name in names_of(now)}
    return again_points.pointed(nets, now.pairs, options, *now.given[:2], now.notes)


def taken_up(path: str) -> tuple[Run, str, str, str]:
    """A file that was uploaded -> the run, what is said of it, photo and exemplar. Raises SettingsError for a run of another tab,
    or where a model of it is not here."""
    run = runs.load(path)
    settings = run.settings
    check_tab(settings, "correspond")
    for model in settings.models:
        told.there(model)
    device = str(models.translator(settings.model.name).device)
    said = tuple(f"{words[:1].upper()}{words[1:]}: matches may be others." for words in told.differences(settings, device))
    photo, exemplar = (str(placed(role, run.inputs[role], settings)) for role in ("photo", "exemplar"))
    named = " and ".join(settings.inputs[role].name for role in ("photo", "exemplar"))
    return run, in_boxes(said) + in_facts(f"Put back: {named}, {len(settings.options.points)} points."), photo, exemplar


def waits(back: Run | None, now: Scene | None) -> bool:
    """Whether the pictures and models on screen are those of a run that is put back, and no point is there yet."""
    if back is None or now is None or not now.there or now.points:
        return False
    there = runs.given(dict(zip(("photo", "exemplar"), now.given)))
    same = all(back.settings.inputs[role].sha256 == one.sha256 for role, one in there.items())
    return same and names_of(now) == [model.name for model in back.settings.models]


def compared(back: Run, now: Scene, alpha: float) -> str:
    """Whether the points and their matches are drawn where they were."""
    unlike = again.unlike(back, open_photo(run_of(now, alpha).results["picture"]))
    return in_boxes([f"Not the saved answers: {unlike}." if unlike else "The same answers as the saved ones, to the pixel."])
