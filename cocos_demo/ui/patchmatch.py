"""The PatchMatch tab: how CoCosNet v2 matches two pictures, played step by step, level by level."""

from typing import NamedTuple

import gradio as gr

from cocos_demo import again_applied
from cocos_demo.pictures import animated
from cocos_demo.recording import Recording
from cocos_demo.ui import models, runs_applied, runs_compare
from cocos_demo.ui.common import HEAVY, chosen, friendly, in_boxes, in_facts, samples, served, step, thumbnails, upload
from cocos_demo.ui.exchange import Exchange, exchanged
from cocos_demo.ui.player import markup, player
from cocos_demo.ui.runs import SAVE, linked, path
from cocos_demo.ui.visits import recent
from cocos_demo.viz.steps import animation

ROOM = "patchmatch"  # this tab among the others
START = "rendered_05_0", "rendered_05_1"  # one person twice, so that the truth is known
STARS = "★ rendered: between two of these the truth is known, and each step says how far it is off."
NONE = ("There is no network of CoCosNet v2 here, and only such a network matches step by step. Train one (python -m cocos_demo "
        "train --system cocosnet_v2 …), or import the authors’.")


class Told(NamedTuple):
    """What is on the screen."""

    given: tuple[str | None, str | None, str]  # photo, exemplar, model as chosen
    looks: tuple[str, ...] = ()  # the exemplars on offer for this kind of condition
    recording: Recording | None = None
    trouble: str = ""  # why there is none


def tab(room: gr.Tab) -> list[gr.components.Component]:
    """Lay out the tab inside a gr.Tab and connect it -> what `carried` sets."""
    photos, figures = photos_for(models.AUTO), samples("figures")
    state, due = gr.State(None), gr.State(None)  # the present Told; an Exchange of the exemplar
    with gr.Row():
        with gr.Column(min_width=250, scale=4, elem_classes="choose"):
            gr.HTML(step(1, "A photo, and an exemplar"))
            photo = upload(named(photos, START[0]), "Photo", 150, elem_id="steps-photo")
            photo_gallery = thumbnails(models.starred(photos), "stars")
            gr.HTML(in_facts(STARS), padding=False)
            exemplar = upload(named(figures, START[1]), "Exemplar", 150, elem_id="steps-exemplar")
            exemplar_gallery = thumbnails(models.starred(figures), "stars")
            model = models.dropdown(models.titles(models.STEPS), show_label=False, container=False)
        with gr.Column(min_width=620, scale=14, elem_classes="stage"):
            gr.HTML(step(2, "Play it: how CoCosNet v2 finds a match for every place, from coarse to fine"))
            played = player()
            said = gr.HTML(padding=False)
            file = gr.DownloadButton("Download the animation (WebP)", size="sm", interactive=False, elem_id="animation")
            kept = runs_compare.lay_out("steps", True)

    private = {"api_visibility": "private"}
    quick = {"queue": False, "show_progress": "hidden", **private}
    every = {"trigger_mode": "multiple"}
    given, shown = [photo, exemplar, model, state], [state, exemplar_gallery, due, played, said, file]
    telling = {"show_progress_on": played, **private, **HEAVY}
    putting = {"show_progress_on": kept.said, **private, **HEAVY}
    returned = kept.upload.upload(put, kept.upload, [state, exemplar_gallery, kept.back, kept.said, photo, exemplar, model],
                                  **putting)  # fmt: skip
    for begun in (
        gr.on([room.select, photo.change, exemplar.change, model.change], tell, given, shown, **every, **telling),
        returned.success(tell, given, shown, **telling),
    ):
        begun.then(exchanged, [due, exemplar], [exemplar, due], **quick)
        begun.then(compared, [kept.back, state, kept.said], kept.said, **every, **quick).then(
            drawn, state, file, show_progress="hidden", **every, **private, **HEAVY)  # fmt: skip
    kept.save.click(zipped, state, kept.link, **quick).success(None, None, None, js=SAVE, **private)
    room.select(lambda: gr.Dropdown(models.titles(models.STEPS)), None, model, **quick)
    model.change(lambda model: gr.Gallery(models.starred(photos_for(model))), model, photo_gallery, **quick)
    photo_gallery.select(chosen, None, photo, **quick)
    exemplar_gallery.select(chosen, None, exemplar, **quick)
    return [state, exemplar_gallery, photo, exemplar, model]


def photos_for(model: str) -> list[str]:
    """The photos to start from: part maps only where a network that matches step by step reads them."""
    return models.photos_for(model, models.titles(models.STEPS))


def named(paths: list[str], name: str) -> str:
    return next((path for path in paths if name in path), paths[0])


# Handlers


def tell(photo: str | None, exemplar: str | None, model: str, before: Told | None):
    """Two pictures -> Told, exemplars of the photo's kind, an Exchange where the kind is another, the player, what is said below,
    and the download, not yet drawn."""
    given = photo, exemplar, model
    if before is not None and before.given == given and before.recording:
        return [gr.skip()] * 6
    try:
        now, look = told(given, before)
    except gr.Error as error:
        gr.Warning(error.message, duration=12)
        now, look = troubled(given, before, error.message), None
    offered = gr.skip() if look is None else models.starred(now.looks)
    shown = markup(now.recording) if now.recording else ""
    waiting = gr.DownloadButton(value=None, interactive=False)
    return now, offered, gr.skip() if look is None else Exchange(exemplar, look), shown, words(now), waiting


@friendly
def told(given: tuple[str | None, str | None, str], before: Told | None) -> tuple[Told, str | None]:
    """-> Told, and the exemplar that must be taken instead, if any. Raises gr.Error where the two cannot be matched."""
    photo, exemplar, model = given
    if len(models.titles(models.STEPS)) == 1:
        return troubled(given, before, NONE), None
    meant = models.meant(given, before.looks if before and before.looks else tuple(samples("figures")), models.STEPS)
    if meant.look:
        return Told((photo, None, model), meant.looks, trouble=meant.missing), meant.look
    if meant.missing:
        return troubled(given, before, meant.missing), None
    return Told(given, meant.looks, models.recording(meant.name, photo, exemplar)), None


@friendly
def carried(before: Told | None, photo: str | None, exemplar: str | None, model: str):
    """The pictures of another tab are brought here -> a Told that waits, exemplars of the photo's kind, the pictures and the
    model, if it matches step by step, and this tab in front: that it was chosen has them matched."""
    if photo is None or exemplar is None:
        raise gr.Error("Choose a photo and an exemplar first.", print_exception=False)
    now, looks = waiting(model, models.translator(models.resolve(model, photo)))
    return now, looks, photo, exemplar, models.by_steps(model), gr.Tabs(selected=ROOM)


def waiting(model: str, net) -> tuple[Told, list[tuple[str, str]]]:
    """Before pictures for a network come from elsewhere -> a Told that takes them as they are, and exemplars of their kind."""
    looks = tuple(models.looks_for(net))
    return Told((None, None, model), looks, trouble="These pictures are on their way."), models.starred(looks)


def troubled(given, before: Told | None, words: str) -> Told:
    return Told(given, before.looks if before else (), trouble=words)


def run_of(now: Told):
    """What is on the screen as a run."""
    photo, exemplar, model = now.given
    name = models.resolve(model, photo, models.STEPS)
    return again_applied.matched(name, models.translator(name), now.recording, photo, exemplar)


@friendly
def put(file: str):
    """A saved run -> a Told that waits, exemplars of its kind, the run, what is said of it, photo, exemplar, model."""
    run, said = runs_applied.taken_up(file, "patchmatch", "The player")
    photo, exemplar, model = path(run, "photo"), path(run, "exemplar"), run.settings.model.name
    return *waiting(model, models.translator(model)), run, said, photo, exemplar, model


@friendly
def compared(back, now: Told | None, said: str):
    """Whether a matching ends as the run that was put back did -> what is said of it."""
    if back is None or now is None or not now.recording:
        return gr.skip()
    run = run_of(now)
    return runs_applied.after(run, back)[3] if again_applied.alike(back, run) else said


@friendly
def zipped(now: Told | None) -> str:
    """Pictures, model and warp in one file -> a link to it."""
    if now is None or not now.recording:
        raise gr.Error("There is nothing to save yet.", print_exception=False)
    return linked(run_of(now), "patchmatch.zip")


@friendly
def drawn(now: Told | None):
    """The animation as a file to download."""
    if now is None or now.recording is None:
        return gr.skip()
    return gr.DownloadButton(value=file_of(now.recording), interactive=True)


# Pieces


def file_of(told: Recording) -> str:
    """Path of its animation, which the app may serve."""
    return served(_animated(told), "field.webp")


@recent(2)  # several changes at once ask for the same
def _animated(told: Recording) -> bytes:
    return animated(*animation(told))


def words(now: Told) -> str:
    """What is said under the player."""
    if now.recording is None:
        return in_boxes([now.trouble])
    steps, last = now.recording.steps, now.recording.steps[-1]
    said = (f"{len(steps)} steps in {now.recording.seconds:.2f} s. Moved: the share of places whose best match lies in another "
            "cell than before the step.")
    if last.error is not None:
        said += (f" The truth is known for {len(last.errors)} of the {last.scores.size} places of the last level: those of the "
                 "figure that are seen in both pictures. PCK@t: the share of them no more than t of the side off.")
    return in_boxes(now.recording.notes) + in_facts(said)
