"""The commands that have no room of their own: `translate`, `patchmatch`, `prepare` and `import`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cocos_demo.pictures import check_animation, write_animation, write_picture

# A path in its place on the line, under the name that the help shows.
Photo, Exemplar, Out = (
    Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar=name)] for name in ("PHOTO", "EXEMPLAR", "OUT")
)


@dataclass(frozen=True)
class Translate:
    """Translate a photo into the look of an exemplar: the photo gives lines or pose, the exemplar the rest.

    For models that paint maps or sketches, PHOTO is the label map, in its colours or class numbers, or the sketch.
    """

    photo: Photo
    """Whose face or pose to take; or a label map; or a sketch."""
    exemplar: Exemplar
    """Whose look to take."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("out.png")
    """Where the picture goes; the ending says the format (.png, .jpg, .webp)."""
    model: str = "auto"
    """A checkpoint's name ("portrait", "figure", "parts", an imported one), its path, or "auto": by what the photo shows.
    "colour_segin" colours a grey portrait, at its own resolution, after the exemplar."""
    exemplar_map: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The exemplar's own label map, for models of label maps that compare the two; guessed from the exemplar where it can be."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""
    matcher: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """SEGIN only: what finds its patches: vgg (as in the paper), sift, dia, pixelnn, or a checkpoint that learned to match."""
    save_steps: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A folder for every picture on the way: photo, condition, exemplar, warped (SEGIN: the auxiliary image), image, and SEGIN's
    foreground mask."""
    save_run: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A ZIP file for all of it: the pictures that went in and came out, and settings.json; `again` does it once more."""


@dataclass(frozen=True)
class PatchMatch:
    """Match a photo with an exemplar by CoCosNet v2, write how its field grows as an animation, and print what each step did.

    Between two rendered samples the truth is known, and the table says how far each step is off.
    """

    photo: Photo
    """Whose face or pose is matched."""
    exemplar: Exemplar
    """Where the matches are."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("field.webp")
    """Where the animation goes; the ending says the format (.webp, .gif, .png)."""
    model: str = "auto"
    """A checkpoint's name or path, of CoCosNet v2, or "auto": the one for what the photo shows."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""


@dataclass(frozen=True)
class People:
    """Framed portraits and bodies out of the package openpeople (extra `train`): OUT/portraits and OUT/bodies."""

    out: Out
    """The folder to make."""
    size: int = 256
    """Side of the pictures in pixels."""


@dataclass(frozen=True)
class Figures:
    """Rendered people whose true match is known pixel by pixel (extra `render`; its first start takes minutes)."""

    out: Out
    """The folder to make."""
    people: int = 1000
    """How many different people; every tenth is held out."""
    shots: int = 2
    """Pictures of each."""
    size: int = 256
    """Side of the pictures in pixels."""
    seed: int = 0
    """Same seed, same pictures."""
    workers: int | None = None
    """Processes; one a core if not said."""


@dataclass(frozen=True)
class Paintings:
    """Portraits painted by filters in many manners, exemplars and training pictures for oil portraits: OUT, a prepared folder."""

    out: Out
    """The folder to make."""
    portraits: Annotated[Path, tyro.conf.arg(metavar="DATA")]
    """A prepared folder of portraits, such as datasets/people/portraits."""
    versions: int = 8
    """In how many manners each person is painted."""
    seed: int = 0
    """Same seed, same paintings."""
    people: tuple[str, ...] = ()
    """These people alone, by their names in DATA; all if not said."""
    workers: int | None = None
    """Processes; one a core if not said."""


@dataclass(frozen=True)
class Import:
    """Read the published weights of a paper and keep them as a checkpoint that the program knows by name.

    Where the files are found: data/README.md. They must fit to the last tensor.
    """

    system: Annotated[Literal["cocosnet", "cocosnet_v2"], tyro.conf.Positional]
    """Whose weights."""
    task: Literal["ade20k", "celebahq", "celebahqedge", "deepfashion", "deepfashion_hd"]
    """What they were trained for; the last is cocosnet_v2's, the others are cocosnet's."""
    corr: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The correspondence network, latest_net_Corr.pth."""
    generator: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The translation network, latest_net_G.pth."""
    name: str = ""
    """What to call it; the task's name if not said. One of this name that was imported before is replaced."""


def run(options: Translate | PatchMatch | People | Figures | Paintings | Import) -> None:
    """Carry out one of the commands above."""
    {Translate: _translate, PatchMatch: _patchmatch, People: _people, Figures: _figures, Paintings: _paintings,
     Import: _import}[type(options)](options)


def _there(*paths: Path) -> None:
    """A misspelt path is told before the networks are loaded."""
    for path in paths:
        path.open("rb").close()


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """A bar, and the function that moves it: stage, share of all that is done."""
    from tqdm import tqdm

    with tqdm(total=100, bar_format="{desc:<26}{bar:30}", leave=False, disable=None) as bar:

        def report(stage: str, fraction: float) -> None:
            bar.set_description_str(stage)
            bar.update(round(100 * fraction) - bar.n)

        yield report


def _translate(options: Translate) -> None:
    _there(options.photo, options.exemplar, *filter(None, [options.exemplar_map]))
    with stages() as report:
        report("loading the network", 0.0)
        from cocos_demo.translator import Translator

        model = _model_for(options)
        translator = Translator.load(model, options.device)
        if options.matcher is not None:
            translator = translator.matched_by(options.matcher)
        result = translator(options.photo, options.exemplar, progress=report, exemplar_map=options.exemplar_map)
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    for number, (name, picture) in enumerate(result.steps.items(), 1):
        if options.save_steps:
            write_picture(picture, options.save_steps / f"{number}_{name}.png")
    write_picture(result.final, options.out)
    if options.save_run:
        from cocos_demo import again, runs

        given = {"photo": options.photo, "exemplar": options.exemplar, "exemplar_map": options.exemplar_map}
        runs.save(again.translation(model, translator, result, given, matcher=options.matcher or "own"), options.save_run)
    by = f" by {options.matcher}" if options.matcher else ""
    print(f"{options.out}  ({translator.card['name']}{by}, {result.cost})")


def _model_for(options: Translate) -> str:
    if options.model != "auto":
        return options.model
    from cocos_demo.conditions import detect

    return detect(options.photo)


def _patchmatch(options: PatchMatch) -> None:
    _there(options.photo, options.exemplar)
    check_animation(options.out)
    with stages() as report:
        report("loading the network", 0.0)
        from cocos_demo import checkpoints, conditions
        from cocos_demo.recording import record, table
        from cocos_demo.translator import Translator
        from cocos_demo.viz import steps

        name = options.model
        if name == "auto":
            name = checkpoints.for_condition(conditions.detect(options.photo), "cocosnet_v2")
        translator = Translator.load(name, options.device)
        told = record(translator, options.photo, options.exemplar, progress=report)
        report("drawing", 0.8)
        write_animation(*steps.animation(told), options.out)
    for note in told.notes:
        print(f"note: {note}", file=sys.stderr)
    print(table(told))
    print(f"{options.out}  ({translator.card['name']}, {len(told.steps)} steps in {told.seconds:.2f} s on {translator.device})")


def _people(options: People) -> None:
    from cocos_demo.datasets.people import prepare_people

    prepare_people(options.out, size=options.size)


def _figures(options: Figures) -> None:
    from cocos_demo.datasets.figures import prepare_figures

    prepare_figures(
        options.out,
        people=options.people,
        shots=options.shots,
        size=options.size,
        seed=options.seed,
        workers=options.workers,
    )


def _paintings(options: Paintings) -> None:
    from cocos_demo.datasets.paintings import prepare_paintings

    prepare_paintings(
        options.out,
        options.portraits,
        versions=options.versions,
        seed=options.seed,
        workers=options.workers,
        people=options.people,
    )


def _import(options: Import) -> None:
    from tqdm import tqdm

    from cocos_demo import checkpoints, official

    name = options.name or options.task
    path = checkpoints.place(name)
    with tqdm(total=4, bar_format="{desc:<32}{bar:30}", leave=False, disable=None) as bar:
        state = {}
        for part, file in (("Corr", options.corr), ("G", options.generator)):
            bar.set_description_str(f"reading {file.name}")
            state[part] = official.read(file)
            bar.update()
        bar.set_description_str("fitting them")
        net = official.build(options.system, options.task, state)
        bar.update()
        bar.set_description_str("writing")
        # Float32: with weights rounded to half precision, pictures differ from the published network's by 2e-3, not 2e-6.
        card = {"name": name, "system": options.system, "condition": options.task, "size": net.config.size,
                "source": "published weights", "precision": "float32"}
        checkpoints.save(path, net, card)
    print(f"{path}  ({path.stat().st_size / 1e6:.0f} MB; known as {name})")
