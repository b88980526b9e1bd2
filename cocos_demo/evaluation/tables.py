"""What `evaluate` shows of several models side by side: Markdown tables, a sheet of pictures, PCK over training steps."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from .. import packed, viz
from ..datasets.prepared import DataError, PreparedFolder
from ..files import beside
from ..photo import to_image
from .critics import EVEN, EXEMPLAR, FRECHET, PHOTO
from .pairs import batch_of, choose_pairs

LOW, HIGH = "↓", "↑"  # which values are better
THE_EXEMPLAR, THE_PHOTO = "*the exemplar itself*", "*the photo itself*"
FRONT, TURN = "front, same person: ", "full turn, same person: "  # how the keys of figures' pairs of one person begin
APART = ", seeds apart"  # how the keys end that say how far apart several seeds are


@dataclass(frozen=True)
class Column:
    """A column: heading, where its value stands in a model's figures, which values are better, and the trivial answers' values.

    In keys, {same} and {other} are the pairs of one person and of two, seen from the front, and {over} " over the figure"
    where there is one.
    """

    title: str
    key: str
    better: str
    trivial: dict[str, str] = field(default_factory=dict)


def _pck(t: float, sort: str, words: str) -> Column:
    names = {"*the same pixel*": "same pixel", "*the untrained network*": "untrained, arg-max"}
    return Column(f"PCK@{t}, {words}", f"{sort}: PCK@{t} network, arg-max", HIGH,
                  {row: f"{sort}: PCK@{t} {name}" for row, name in names.items()})


def _landmarks(sort: str, words: str) -> Column:
    return Column(f"landmarks, {words}", f"{sort}: landmarks, eye distances", LOW, {
        THE_EXEMPLAR: f"{sort}: landmarks of the exemplar itself",
        THE_PHOTO: f"{sort}: landmarks of the photo itself, found again"})


def _known(what: str, measure: str, better: str) -> Column:
    return Column(f"{what} {measure}", f"{{same}}: {what}: {measure}{{over}}", better,
                  {THE_EXEMPLAR: f"{{same}}: exemplar itself: {measure}{{over}}"})


def _seen(title: str, better: str, whose: str, row: str, sort: str = "{other}", name: str = "") -> Column:
    key = f"{sort}: {name or title}"
    return Column(title, key, better, {row: key + whose})


TABLES = {
    "Structure": (
        _pck(0.05, "{same}", "same person"), _pck(0.1, "{same}", "same person"),
        _pck(0.05, "{other}", "other person"), _pck(0.1, "{other}", "other person"),
        _pck(0.05, "full turn, same person", "same, full turn"), _pck(0.1, "full turn, same person", "same, full turn"),
        _landmarks("{same}", "same person"), _landmarks("{other}", "other person"),
    ),
    "One person: like the photo": (
        Column("error / exemplar's", "{same}: {error}", LOW),
        *(_known(what, measure, better) for what in ("warp", "output")
          for measure, better in (("L1", LOW), ("PSNR", HIGH), ("SSIM", HIGH))),
        _seen("perceptual distance", LOW, EXEMPLAR, THE_EXEMPLAR, "{same}", EVEN),
        _seen("LPIPS", LOW, EXEMPLAR, THE_EXEMPLAR, "{same}"),
    ),
    "Another person's exemplar: real, with the photo's content and the exemplar's style": (
        Column("FID", "{other}: FID", LOW),
        _seen("Frechet distance, VGG-16", LOW, EXEMPLAR, THE_EXEMPLAR, name=FRECHET),
        _seen("SWD", LOW, EXEMPLAR, THE_EXEMPLAR),
        _seen("semantic consistency", HIGH, EXEMPLAR, THE_EXEMPLAR),
        _seen("semantic, by region", HIGH, EXEMPLAR, THE_EXEMPLAR, name="semantic consistency by region"),
        _seen("colour", HIGH, PHOTO, THE_PHOTO),
        _seen("colour, by region", HIGH, PHOTO, THE_PHOTO, name="colour by region"),
        _seen("texture", HIGH, PHOTO, THE_PHOTO),
        _seen("texture, by region", HIGH, PHOTO, THE_PHOTO, name="texture by region"),
    ),
}  # fmt: skip


def _places(figures: dict) -> dict[str, str]:
    front = "front, " if "front, same person: pairs" in figures else ""
    return {"same": f"{front}same person", "other": f"{front}other person", "over": " over the figure" if front else "",
            "error": "error over the figure / exemplar's" if front else "error / exemplar's error"}


def short(names: list[str]) -> dict[str, str]:
    """What to call each model in a heading: its file's name without folder and ending, or all of it where two share that."""
    stems = [packed.name(name) for name in names]
    return {name: stem if stems.count(stem) == 1 else name for name, stem in zip(names, stems)}


def markdown(results: dict[str, dict]) -> str:
    """{model: its figures} -> Markdown tables, a row a model, then the trivial answers (the first model's). Best in bold.

    A column that no model has is left out; a dash stands where a model has none, such as the warp of a system without one.
    """
    results = {title: results[name] for name, title in short(list(results)).items()}
    where = _places(next(iter(results.values())))
    pages = (grid(title, columns, {name: (figures, where) for name, figures in results.items()})
             for title, columns in TABLES.items())
    return "\n\n".join(page for page in pages if page)


def grid(title: str, columns: Sequence[Column], rows: dict[str, tuple[dict[str, float], dict]], first: str = "model") -> str:
    """One Markdown table, or nothing if no row has a value. Rows: name -> its figures, and what to fill into the columns' keys;
    then the trivial answers (the first row's). `first` heads the names. The best of several is bold."""
    columns = [c for c in columns if any(c.key.format(**where) in figures for figures, where in rows.values())]
    if not columns:
        return ""
    values = {name: [figures.get(c.key.format(**where)) for c in columns] for name, (figures, where) in rows.items()}
    best = [(min if c.better == LOW else max)((v for v in found if v is not None), default=None)
            for c, found in zip(columns, zip(*values.values()))]
    cells = {name: [_cell(v, bold=len(rows) > 1 and v is not None and v == b) for v, b in zip(found, best)]
             for name, found in values.items()}
    figures, where = next(iter(rows.values()))
    for trivial in dict.fromkeys(row for c in columns for row in c.trivial):
        found = [figures.get(c.trivial[trivial].format(**where)) if trivial in c.trivial else None for c in columns]
        if any(v is not None for v in found):
            cells[trivial] = [_cell(v) for v in found]
    lines = [[first, *(f"{c.title} {c.better}" for c in columns)], ["---", *("---:" for _ in columns)],
             *([name, *row] for name, row in cells.items())]
    return f"**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: float | None, bold: bool = False) -> str:
    if value is None:
        return "–"
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return f"**{text}**" if bold else text


@torch.no_grad()
def draw_sheet(nets: dict[str, torch.nn.Module], folders: dict[str, PreparedFolder], seed: int, path: Path,
               any_scene: bool = False) -> None:
    """Write a picture of eight held-out results: condition, exemplar and photo, then each model's warp, if any, and output.

    The upper half is of one person (in one scene, unless `any_scene`), the lower of two.
    """
    columns, titles, marks = [], [], short(list(nets))
    for name, net in nets.items():
        folder = folders[name]
        pairs = []
        for same in (True, False):
            with suppress(DataError):  # what there are no pairs of was said when it was measured
                pairs += choose_pairs(folder, same, 4, seed, any_scene=any_scene)
        x_A, x_B, y_A, y_B = batch_of(folder, pairs, net.config.size)
        if not columns:
            columns = [drawn(folder, x_A), pictures(y_B), pictures(x_B)]
            titles = ["condition", "exemplar", "photo"]
        out = net(x_A, y_B, y_A)
        for what, batch in (("warp", out.warped), ("output", out.image)):
            if batch is not None:
                columns.append(pictures(batch))
                titles.append(what if len(nets) == 1 else f"{marks[name]}, {what}")
    with beside(path) as partial:
        viz.sheet(columns, titles, pairs=2 if len(nets) == 1 else 1).save(partial, **viz.LOSSY)


def over_seeds(figures: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure and, of several seeds, how far apart its largest and its smallest value are."""
    columns = {name: [each[name] for each in figures] for name in figures[0]}
    apart = {f"{name}{APART}": max(values) - min(values) for name, values in columns.items() if len(values) > 1}
    return {name: sum(values) / len(values) for name, values in columns.items()} | apart


def pictures(batch: torch.Tensor) -> list[Image.Image]:
    """(B, 3, H, W) -> what a sheet takes; what lies beyond [-1, 1] is cut off."""
    return [to_image(picture.clamp(-1, 1)) for picture in batch]


def drawn(folder: PreparedFolder, conditions: torch.Tensor) -> list[Image.Image]:
    """Condition maps (B, N, H, W) as pictures."""
    return [Image.fromarray(folder.kind.to_rgb(c)) for c in conditions.numpy()]


def write_sheet(path: Path, columns: dict[str, list[Image.Image]], pairs: int = 1) -> None:
    """Write a sheet of pictures, {heading: its column}; the rows in `pairs` groups beside each other."""
    with beside(path) as partial:
        viz.sheet(list(columns.values()), list(columns), pairs=pairs).save(partial, **viz.LOSSY)


def draw_curve(results: dict[str, dict], path: Path) -> None:
    """Write PCK over training steps, from the figures of several checkpoints."""
    rows = sorted(results.values(), key=lambda row: row["steps"])
    key = "front, same person: PCK@0.1 "
    if any(key + "network, arg-max" not in row for row in rows):
        raise DataError("the curve shows PCK; it is for checkpoints that find correspondences between figures")
    wanted = {"network, arg-max, same person": key + "network, arg-max", "network, soft, same person": key + "network, soft",
              "network, arg-max, other person": "front, other person: PCK@0.1 network, arg-max",
              "untrained network": key + "untrained, arg-max", "the same pixel": key + "same pixel"}
    lines = {name: [row[figure] for row in rows] for name, figure in wanted.items() if all(figure in row for row in rows)}
    with beside(path) as partial:
        figure = viz.curves([row["steps"] for row in rows], lines, "training steps", "PCK@0.1, held-out figures, front")
        figure.savefig(partial, dpi=120)
