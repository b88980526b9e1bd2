"""The papers' main tables as Markdown, out of what `papers.measure` found of each system on each set of held-out people."""

from pathlib import Path

from ..files import beside
from .critics import EVEN, EXEMPLAR, FRECHET, PHOTO
from .papers import DIVERSITY, REAL, TO_EXEMPLAR, TO_TRUTH
from .tables import HIGH, LOW, THE_EXEMPLAR, THE_PHOTO, Column, grid

SYSTEMS = {"spade": "SPADE", "cocosnet": "CoCosNet", "cocosnet_v2": "CoCosNet v2", "mclnet": "MCL-Net", "segin": "SEGIN"}
SETS = {"portrait": "portraits", "figure": "figures"}  # kind of condition -> the word for its set
REAL_DATA = "*real photos*"
MARKS = "<!-- begin {} -->", "<!-- end {} -->"


class DocumentError(ValueError):
    """The document has no place for a table; the message says what to write into it."""


def _column(title: str, key: str, better: str, trivial: str = "", row: str = "") -> tuple[Column, ...]:
    """The column of each set."""
    return tuple(Column(f"{of}: {title}", f"{of}: {key}", better, {row: f"{of}: {key}{trivial}"} if row else {})
                 for of in SETS.values())


def _distances(title: str, key: str, better: str) -> tuple[Column, ...]:
    """Columns of LPIPS, and of what stands for it."""
    return tuple(column for name, words in (("LPIPS", "LPIPS"), (EVEN, "perceptual distance"))
                 for column in _column(title.format(words), key + name, better, REAL, REAL_DATA))


QUALITY = (*_column("FID", "FID", LOW), *_column("Fréchet distance, VGG-16", FRECHET, LOW, EXEMPLAR, THE_EXEMPLAR))
TABLES = {
    "quality": ("Image quality and diversity", "CoCosNet, Table 1; CoCosNet v2, Table 1; MCL-Net, Table 1", (
        *QUALITY, *_column("SWD", "SWD", LOW, EXEMPLAR, THE_EXEMPLAR), *_distances("diversity ({})", DIVERSITY, HIGH))),
    "content": ("Semantic consistency", "CoCosNet, Table 2; CoCosNet v2, Table 2; MCL-Net, Table 2", (
        *_column("by layer", "semantic consistency", HIGH, EXEMPLAR, THE_EXEMPLAR),
        *_column("by region", "semantic consistency by region", HIGH, EXEMPLAR, THE_EXEMPLAR))),
    "style": ("Style relevance", "CoCosNet, Table 3; CoCosNet v2, Table 3; MCL-Net, Table 2", tuple(
        column for title, key in (("colour", "colour"), ("texture", "texture"), ("colour, by region", "colour by region"),
                                  ("texture, by region", "texture by region"))
        for column in _column(title, key, HIGH, PHOTO, THE_PHOTO))),
    "segin": ("Diversity, likeness to the reference, reconstruction", "SEGIN, Table I", (
        *QUALITY, *_distances("{}", DIVERSITY, HIGH), *_distances("{} (ref)", TO_EXEMPLAR, LOW),
        *_distances("{} (gt)", TO_TRUTH, LOW))),
}  # fmt: skip


def rows(kept: dict[str, dict]) -> dict[str, dict[str, float]]:
    """{set: what is kept of it} -> {system, in the papers' order: "set: figure" -> value}.

    The first checkpoint of a system is its row; another one of the same set has a row of its own, with its name.
    """
    found: dict[str, dict[str, float]] = {}
    for of, section in kept.items():
        seen = set()
        for name, entry in section["models"].items():
            title = SYSTEMS[entry["system"]] + (f", `{name}`" if entry["system"] in seen else "")
            seen.add(entry["system"])
            found.setdefault(title, {}).update({f"{of}: {key}": value for key, value in entry["figures"].items()})
    order = list(SYSTEMS.values())
    return dict(sorted(found.items(), key=lambda row: (order.index(row[0].split(", `")[0]), row[0])))


def blocks(kept: dict[str, dict]) -> dict[str, str]:
    """{set: what is kept of it} -> {mark: its Markdown}: what was measured, then the tables."""
    found = rows(kept)
    if not found:
        return {"systems": "Nothing is measured yet."}
    trivial = {key: value for figures in found.values() for key, value in figures.items()}  # alike in every row of a set
    wanted = {key for _, _, columns in TABLES.values() for c in columns for key in c.trivial.values()}
    first = next(iter(found))
    found[first] = {key: trivial[key] for key in wanted if key in trivial} | found[first]
    tables = {mark: grid(f"{title} ({papers})", columns, {name: (figures, {}) for name, figures in found.items()}, "system")
              for mark, (title, papers, columns) in TABLES.items()}
    return {"systems": _systems(kept)} | {mark: table or "Nothing could be measured: no perceptual network's weights are here."
                                          for mark, table in tables.items()}


def _systems(kept: dict[str, dict]) -> str:
    lines = ["| system | checkpoint | parameters | training steps | measured on |", "| --- | --- | ---: | ---: | --- |"]
    lines += [f"| {SYSTEMS[e['system']]} | `{name}` | {e['parameters']:,} | {e['steps']:,} | {of}, {e['figures']['pairs']} "
              "pairs |" for of, section in kept.items() for name, e in section["models"].items()]
    told = []
    for of, section in kept.items():
        if not section["models"]:
            continue
        a = section["asked"]
        told.append(f"{of.capitalize()}: {a['pairs']} pairs of two people were asked for, seed {a['seed']}; diversity of "
                    f"{a['inputs']} of their photos, each painted under {a['references']} exemplars.")
        if "FID" not in a["judges"]:
            told.append(f"FID is not among the columns of {of}: Inception's weights were not there. The Fréchet distance of "
                        "VGG-16's relu5_3, averaged over the picture, stands for it; it is another number.")
        if "LPIPS" not in a["judges"]:
            told.append(f"LPIPS is not among the columns of {of}: its network's weights were not there. The perceptual distance "
                        "of VGG-16 with equal weights stands for it; it is another number.")
    return "\n".join(lines) + "\n\n" + " ".join(told)


SKELETON = """# The papers' main tables

Written by `python -m cocos_demo tables`, between the marks; the words around them are written by hand and stay.

<!-- begin systems -->
<!-- end systems -->
""" + "".join(f"\n## {title}\n\n<!-- begin {mark} -->\n<!-- end {mark} -->\n" for mark, (title, _, _) in TABLES.items())


def filled(text: str, kept: dict[str, dict]) -> str:
    """A document with the tables between its marks; everything else stays. Raises DocumentError where a mark is missing."""
    for mark, table in blocks(kept).items():
        begin, end = (line.format(mark) for line in MARKS)
        head, opened, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not opened or not closed:
            raise DocumentError(f"the document has no place for the table {mark!r}: write the lines {begin} and {end} where it "
                                "shall stand, or give another --out")
        text = f"{head}{begin}\n{table}\n{end}{tail}"
    return text


def write(path: Path, kept: dict[str, dict]) -> None:
    """Put the tables between the marks of the document; a missing one is begun. Raises DocumentError, OSError."""
    text = filled(path.read_text("utf-8") if path.exists() else SKELETON, kept)
    with beside(path) as partial:
        partial.write_text(text, "utf-8")
