"""The command `tables`: the papers' main tables, measured alike for every system, and resumed where it was stopped."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from . import checkpoints, packed
from .datasets.prepared import DataError, PreparedFolder
from .evaluation import main_tables, papers
from .evaluation.critics import Critics
from .evaluation.main_tables import SETS
from .files import beside

FAMILY = ("_spade", "", "_v2", "_mcl", "_segin")  # how the shipped ones are called: the kind of condition, then one of these
FORMAT = 1  # of the file of figures: a change in what is measured gives it another number, and all is measured again


@dataclass
class TablesArgs:
    """Measure every system on held-out people and write the papers' main tables: CoCosNet's 1 to 3, CoCosNet v2's 1 to 3,
    MCL-Net's 1 and 2, SEGIN's I.

    The figures are kept in a JSON file beside the document after each network. Called again, it measures only networks that are
    missing there or whose file changed. In the document only what stands between the marks is written anew.
    """

    portraits: Path | None = None  # a prepared folder of portraits, such as datasets/people/portraits
    figures: Path | None = None  # a prepared folder of figures
    models: tuple[str, ...] = ()  # names or paths; if not said, the shipped network of each system for the folders given
    pairs: int = 32  # of two people, at most; each system is asked the same ones
    inputs: int = 8  # of them, for diversity
    references: int = 5  # exemplars of each, for diversity
    seed: int = 0
    split: str = "test"
    out: Path = Path("docs/tables.md")  # the document; its figures lie beside it, with the ending .json


def run(args: TablesArgs) -> None:
    """Carry it out, a line a network; what was measured is written before the next one begins."""
    for name, least in (("pairs", 2), ("inputs", 1), ("references", 2)):
        if getattr(args, name) < least:
            raise DataError(f"--{name} must be {least} or more, got {getattr(args, name)}")
    folders = {kind: path for kind, path in (("portrait", args.portraits), ("figure", args.figures)) if path is not None}
    if not folders:
        raise DataError("give at least one prepared folder: --portraits DATA, --figures DATA")
    critics, file = Critics(args.pairs), args.out.with_suffix(".json")
    kept = read(file)
    folders = {kind: PreparedFolder(path, args.split, condition=kind) for kind, path in folders.items()}
    for kind, folder in folders.items():
        asked, section = _asked(args, folder, critics), kept.setdefault(SETS[kind], {"asked": None, "models": {}})
        if section["asked"] != asked:  # figures of other pairs are not comparable
            section |= {"asked": asked, "models": {}}
    work = _work(args, folders, kept)
    main_tables.write(args.out, kept)  # a document without its marks is told before the work
    for kind, name, path in work:
        models, digest = kept[SETS[kind]]["models"], sha256(path)
        if models.get(name, {}).get("sha256") == digest:
            print(f"{name}: measured before")
            continue
        print(f"{name}: measuring", flush=True)
        net, card = checkpoints.load(path)
        known = next((entry["figures"] for entry in models.values()), None)
        figures = papers.measure(net, folders[kind], args, critics, known)
        models[name] = {"sha256": digest, "system": card["system"], "parameters": card["parameters"],
                        "steps": card.get("steps", 0), "figures": figures}
        kept[SETS[kind]]["models"] = dict(sorted(models.items(), key=lambda item: _order(kind, item[0])))
        with beside(file) as partial:
            partial.write_text(json.dumps({"format": FORMAT, "sets": kept}, indent=1) + "\n", "utf-8")
        main_tables.write(args.out, kept)
    for note in critics.notes:
        print(f"note: {note}")
    print(f"{args.out}, {file}")


def read(file: Path) -> dict[str, dict]:
    """What is kept: {set: {"asked", "models"}}; nothing where there is no file, or one of another format. Raises DataError."""
    try:
        found = json.loads(file.read_text("utf-8"))
        return found["sets"] if found["format"] == FORMAT else {}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} does not hold figures of this command ({error}); move it away, or give another --out") from None


def sha256(path: Path) -> str:
    """The digest of a file, by which a changed one is known."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _asked(args: TablesArgs, folder: PreparedFolder, critics: Critics) -> dict:
    """All that figures depend on but the network: the held-out pictures, by what the folder tells of them, and the settings."""
    told = json.dumps(folder.items).encode() + folder.points.tobytes()
    return {"data": hashlib.sha256(told).hexdigest(), "split": args.split, "pairs": args.pairs, "inputs": args.inputs,
            "references": args.references, "seed": args.seed, "judges": papers.judges(critics)}


def _order(kind: str, name: str) -> tuple[int, str]:
    family = [kind + ending for ending in FAMILY]
    return (family.index(name) if name in family else len(family), name)


def _work(args: TablesArgs, folders: dict[str, PreparedFolder], kept: dict[str, dict]) -> list[tuple[str, str, Path]]:
    """(kind, name, file) of each network to look at: those asked for, and shipped ones that are in the tables already.

    A network goes by the name in its card, so that one measured by its path is the one that ships later under that name.
    Raises CheckpointError, DataError.
    """
    shipped, work = checkpoints.shipped(), {}
    for named in args.models or [kind + ending for kind in folders for ending in FAMILY if kind + ending in shipped]:
        card = checkpoints.card_of(named)
        if card["condition"] not in folders:
            raise DataError(f"{named} reads the condition {card['condition']}; folders are given for {', '.join(folders)}")
        if card["system"] not in main_tables.SYSTEMS:
            raise DataError(f"{named} holds the system {card['system']!r}, which no table has")
        name = named if named in shipped else card.get("name") or packed.name(named)
        if (card["condition"], name) in work:
            raise DataError(f"two networks are called {name}; measure one of them")
        work[card["condition"], name] = checkpoints.catalogue().get(named, Path(named))
    for kind in folders:
        for name in kept[SETS[kind]]["models"]:
            if name in shipped:
                work.setdefault((kind, name), shipped[name])
    return [(kind, name, path) for (kind, name), path in work.items()]
