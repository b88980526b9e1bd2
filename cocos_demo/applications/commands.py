"""The commands `edit` and `makeup`."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from PIL import Image
from tqdm import tqdm

from ..commands import stages
from ..photo import open_photo
from ..pictures import write_picture
from ..stopping import deferred_signals
from . import batch, ready

EDITS, CARRIES = "parts", "portrait_mcl"  # the checkpoints that are taken if no other is named
SHEET, SHOWN = 200, 12  # pixels a side on a sheet, and rows of it at most
Picture = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO")]
Model = Annotated[str, tyro.conf.arg(metavar="NAME")]


class CommandError(ValueError):
    """Options that do not go together; the message says which."""


@dataclass(frozen=True)
class Edit:
    """Change regions of a photo's part map; the photo is painted anew there, after its own looks, and stays as it was elsewhere.

    Save the map, paint on it with its own colours in any paint program, and give it back; or say the steps in words:
    --steps "grow hair 8" "turn left-shin left-thigh".
    """

    photo: Picture
    """The photo to edit."""
    map: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Its map, edited: a PNG of the shape of the one that --save-map writes."""
    steps: Annotated[tuple[str, ...], tyro.conf.arg(metavar="STEP")] = ()
    """Edits in words: "grow PART PIXELS", "grow PART PIXELS over PART", "delete PART", "move PART RIGHT DOWN", "turn PART
    INTO-PART"."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = Path("out.png")
    """Where the picture goes; the ending says the format (.png, .jpg, .webp). Untouched pixels are exact in a PNG."""
    original: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The photo's own map, unedited, where you have one; if not given, it is guessed from the photo."""
    save_map: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the photo's map here, to be painted on. Alone, nothing else is done."""
    save_mask: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write what was painted anew: white all, black nothing, grey blended."""
    sheet: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A picture of all steps side by side: photo, map, edited map, painting, edited photo."""
    finish: Literal["pixels", "painting"] = "pixels"
    """"pixels": what the network painted is put together from the photo's own pixels; "painting": as it was painted."""
    model: Model = EDITS
    """A checkpoint that reads label maps, by name or path: "parts", or an imported one."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""


@dataclass(frozen=True)
class Makeup:
    """Carry makeup that was drawn on one portrait to other portraits: each place takes what was drawn at its counterpart."""

    portrait: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PORTRAIT")]
    """Who wears the makeup."""
    targets: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TARGET")] = ()
    """Who shall: photos, or folders of them."""
    strokes: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """What was drawn: a PNG of the portrait's size, transparent where nothing was drawn."""
    ready: Annotated[str, tyro.conf.arg(metavar="NAMES")] = ""
    """Ready makeup, drawn on the portrait from its landmarks, with + between: lips, shadow, liner, blush, freckles, star,
    stripes."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE|DIR")] = Path("out.png")
    """Where the picture goes, or the folder of the pictures where there are several targets or a folder of them."""
    colour: Annotated[str | None, tyro.conf.arg(metavar="COLOUR")] = None
    """One colour for all strokes, such as "#c01040"."""
    opacity: float = 1.0
    """0 (nothing) to 1 (as drawn)."""
    mode: str = "normal"
    """How strokes and skin mix: normal, multiply, screen, overlay, soft-light, hard-light, darken, lighten, colour."""
    free: bool = False
    """Let strokes cross from lips to skin, onto teeth and into eyes, where the match is off."""
    save_strokes: Annotated[Path | None, tyro.conf.arg(metavar="FILE|DIR")] = None
    """Keep what arrived as a transparent PNG of the target's size, several in a folder; without a target, the portrait's own."""
    sheet: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A picture of the first twelve, before and after, beside the portrait in its makeup."""
    model: Model = CARRIES
    """A checkpoint that matches portraits, by name or path."""
    device: str = "auto"
    """"auto" (cuda, else mps, else cpu), or one of these."""
    colours: dict[str, str] = field(default_factory=dict)
    """Colours of ready makeup: --colours lips "#802030" blush "#f08080"."""


def square(picture: Image.Image) -> Image.Image:
    """Its middle square, or its upper one where it is tall."""
    side = min(picture.size)
    left = (picture.width - side) // 2
    return picture.crop((left, 0, left + side, side))


def run(options: Edit | Makeup) -> None:
    """Carry out one of the commands."""
    (_edit if isinstance(options, Edit) else _makeup)(options)


def _edit(options: Edit) -> None:
    if options.map is None and not options.steps and options.save_map is None:
        raise CommandError("give the edited map (--map), or the edits in words (--steps); --save-map writes the map to edit")
    with stages() as report:
        report("loading the network", 0.0)
        from ..translator import Translator
        from ..viz.sheets import sheet
        from . import editing, steps

        translator = Translator.load(options.model, options.device)
        report("looking at the photo", 0.2)
        canvas = editing.canvas(translator, options.photo, options.original)
        if options.save_map is not None:
            write_picture(canvas.map, options.save_map)
        edited = None
        if options.map is not None or options.steps:
            labels = None if options.map is None else canvas.read(options.map)
            labels = steps.carried_out(canvas, options.steps, labels)
            edited = editing.edit(translator, canvas, labels, finish=options.finish, progress=report)
    if options.save_map is not None:
        side = len(canvas.labels)
        print(f"{options.save_map}  (the map, {side} x {side}: paint on it with its own colours, without soft borders, and give "
              "it as --map)")
    if edited is None:
        return
    for note in edited.notes:
        print(f"note: {note}", file=sys.stderr)
    write_picture(edited.image, options.out)
    if options.save_mask is not None:
        write_picture(edited.mask, options.save_mask)
    if options.sheet is not None:
        frame, side = canvas.found.frame, max(SHEET, len(canvas.labels))
        pictures = (frame.cut(canvas.picture, side), edited.before, edited.after, edited.painted, frame.cut(edited.image, side))
        titles = ("photo", "its map", "map, edited", "as the network paints", "edited")
        write_picture(sheet([[picture] for picture in pictures], titles, SHEET), options.sheet)
    print(f"{options.out}  ({edited.changed:.1%} of the map changed, {edited.repainted:.1%} of the picture painted anew, largest "
          f"difference elsewhere {edited.outside} of 255; {edited.seconds:.2f} s on {edited.device})")


def _makeup(options: Makeup) -> None:
    names = tuple(name.strip() for name in options.ready.split("+") if name.strip())
    mode = options.mode.replace("-", " ")
    if options.strokes is None and not names:
        raise CommandError(f"give strokes (--strokes), or ready makeup (--ready): {', '.join(ready.READY)}, with + between")
    if not options.targets and options.save_strokes is None:
        raise CommandError("give a target, or a folder of them; or --save-strokes, to keep the strokes alone")
    from . import blending, makeup

    blending.check(mode, options.opacity)
    sources = batch.sources_of(options.targets)
    many = len(options.targets) > 1 or any(target.is_dir() for target in options.targets)
    for path, what in ((options.out, "--out"), (options.save_strokes, "--save-strokes")):
        if many and path is not None and path.is_file() or path is not None and not many and path.is_dir():
            raise CommandError(f"{what} {path} must be a {'folder' if many else 'file'} here")
    out = options.out.with_suffix("") if many and options.out == Makeup.out else options.out
    places = batch.places_in(out, sources) if many else dict.fromkeys(sources, out)
    with stages() as report:
        report("loading the network", 0.0)
        from ..translator import Translator
        from ..viz.sheets import sheet

        translator = Translator.load(options.model, options.device)
        report("looking at the portrait", 0.5)
        made_up = makeup.portrait(translator, options.portrait, options.strokes, names, options.colours, options.colour)
    if not sources:
        write_picture(made_up.layer, options.save_strokes)
        print(f"{options.save_strokes}  (the strokes, transparent, of the portrait's size)")
        return
    said, left_out, seconds = [], 0, 0.0
    results = batch.each(translator, made_up, sources, places.get, mode=mode, opacity=options.opacity, confine=not options.free)
    hidden = None if many else True
    with deferred_signals() as asked, tqdm(total=len(sources), unit="picture", leave=False, disable=hidden) as bar:
        for done in results:
            bar.update()
            if done.makeover is None:
                if not many:
                    raise CommandError(done.why)
                left_out += 1
                tqdm.write(f"left out {done.source}: {done.why}", file=sys.stderr)
            else:
                seconds += done.makeover.seconds
                said.append(done)
                for note in done.makeover.notes:
                    tqdm.write(f"note: {done.source.name}: {note}", file=sys.stderr)
                if options.save_strokes is not None:
                    keep = options.save_strokes / done.out.name if many else options.save_strokes
                    write_picture(done.makeover.layer, keep)
            if asked:
                break
    if options.sheet is not None and said:
        columns = [[square(picture) for picture in column] for column in zip(*(
            (made_up.made_up(mode, options.opacity), open_photo(done.source), done.makeover.image) for done in said[:SHOWN]))]
        write_picture(sheet(columns, ("made-up portrait", "target", "made up"), SHEET, 2 if len(said) > 3 else 1), options.sheet)
    stopped = f"; stopped, {len(sources) - len(said) - left_out} not begun" if asked else ""
    if many:
        print(f"{out}: {len(said)} made up, {left_out} left out{stopped}  ({seconds / max(len(said), 1):.2f} s each)")
    else:
        print(f"{out}  ({translator.card['name']}, cosine {said[0].makeover.agreement:.2f} where strokes are, {seconds:.2f} s on "
              f"{translator.device})")
