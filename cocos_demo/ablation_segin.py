"""SEGIN's Tables I and II and its Figures 10 and 11 again, small: its losses, non-local layers and two tasks, its matcher
exchanged, and the failure that it admits. Two tasks stand for the paper's two sets: sketch to portrait, and colourisation.

The rows of the tables are trained from scratch, with the same batches for the same number of steps. The matchers and the failure
are measured of whole networks, without training. `python -m cocos_demo ablation_segin --help`.
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch

from . import checkpoints, packed
from .ablation import check_rows
from .ablation_mcl_portraits import WEIGHTS as SPADES
from .datasets.pairs import Mix
from .datasets.prepared import DataError, PreparedFolder
from .evaluation import guided, matches, weak
from .evaluation.critics import FRECHET_LAYER, Critics
from .evaluation.designs import SEED, Chosen, choose
from .evaluation.pairs import choose_pairs
from .evaluation.tables import short
from .files import beside
from .matchers import make
from .models import SEGIN
from .objectives import Weights
from .training import TrainArgs, begin

TASKS = {"portrait": "sketch to portrait", "grey": "colourisation"}  # condition -> what the paper would call it
COLOUR = {"portrait": 0.7, "grey": 1.0}  # how far colours are drawn anew for each pair: of grey photos, all the way
ADVERSARIAL_FROM = 0.15  # share of the steps before D begins
# The paper's weights, but w_2 and w_3 three times as large, as of the networks that ship; SPADE has its own objective, that of
# `ablation_mcl_portraits`, with less on its code's divergence, at whose 0.05 the code says nothing after so few steps.
WEIGHTS = {"segin": Weights(feature=15.0, gan=3.0), "spade": replace(SPADES, kl=0.005)}
SPADES_RATES = (1e-3, 8e-4)  # of generator and discriminator


@dataclass(frozen=True)
class Row:
    """One line of Table I or II: a system, the terms of its objective that are left out, and choices of its network."""

    title: str
    system: str = "segin"
    without: tuple[str, ...] = ()
    choices: dict[str, str] = field(default_factory=dict)


ROWS = {
    "spade": Row("SPADE, a style code", "spade"),
    "without-gan": Row("w/o GAN", without=("gan",)),
    "without-recon": Row("w/o L_recon", without=("recon",)),
    "without-feature": Row("w/o L_F", without=("feature",)),
    "without-tv": Row("w/o L_tv", without=("tv",)),
    "without-nonlocal": Row("w/o NL", choices={"nonlocals": "0"}),
    "without-mask": Row("w/o MT", choices={"mask": "False"}),
    "segin": Row("SEGIN"),
}
TABLE_1 = ("spade", "segin")


@dataclass
class AblationSEGINArgs:
    """Train the rows of SEGIN's Tables I and II, exchange its matcher, measure. Stop it at any time; the same command goes on."""

    data: Path  # a prepared folder of portraits: its split "train" is trained on, its split "test" measured
    out: Path  # a folder a row, figures/, ablation_segin.json and .md, a sheet of pictures for each table
    rows: tuple[str, ...] = tuple(ROWS)  # may be none where there are networks
    tasks: tuple[str, ...] = tuple(TASKS)
    networks: tuple[str, ...] = ("portrait_segin", "colour_segin")  # whole ones, by name or path, whose matcher is exchanged
    matchers: tuple[str, ...] = ("vgg", "sift", "dia", "pixelnn", "portrait", "portrait_v2", "portrait_mcl")
    preset: str = "mini"  # of the rows
    steps: int = 300  # about a minute and a half on one core, SPADE three
    batch: int = 6
    lr: float = 2e-4  # SEGIN's rate, of N as in the paper and of D; more for runs as short as these
    size: int = 64  # pixels
    seed: int = 0
    pairs: int = 200  # photos with another person's reference, at most, for the distances between sets of pictures
    known: int = 24  # photos with a reference of the same person in the same scene, at most
    references: int = 64  # outputs, at most, whose distance to their reference is measured
    inputs: int = 8  # photos, at most, that are given better and worse references
    jobs: int = 2  # rows and matchers at once, one CPU thread each


def row(name: str, task: str, args: AblationSEGINArgs) -> TrainArgs:
    """The training run of one row."""
    line, run = ROWS[name], f"{task}_{name}"
    lr_g, lr_d = (args.lr, args.lr) if line.system == "segin" else SPADES_RATES
    return TrainArgs(
        data=(args.data,), condition=task, out=args.out / run, name=run, system=line.system, preset=args.preset, size=args.size,
        steps=args.steps, batch=args.batch, lr_g=lr_g, lr_d=lr_d, warmup=20, decay_from=0.6,
        adversarial_from=round(ADVERSARIAL_FROM * args.steps), d_width=16, seed=args.seed, threads=1, save_every=100,
        weights=replace(WEIGHTS[line.system], **dict.fromkeys(line.without, 0.0)),
        mix=Mix(same=0.35, pseudo=0.5, cross=0.15, colour=COLOUR[task]), choices=dict(line.choices))


# ---- what is done in one of the processes: each leaves its figures in a file, and reads them back if they are there


def kept(path: Path, of: dict, measure: Callable[[], dict]) -> dict:
    """`measure()`, or what it gave before, if that was measured of the same."""
    if path.is_file():
        found = json.loads(path.read_text())
        if found["of"] == of:
            return found["figures"]
    figures = measure()
    with beside(path) as partial:
        partial.write_text(json.dumps({"of": of, "figures": figures}, indent=1))
    return figures


def digest(name: str) -> str:
    """Which weights a checkpoint holds; not how they are packed, nor what its card says."""
    found = hashlib.sha256()
    for key, tensor in sorted(packed.tensors(checkpoints.catalogue().get(name, Path(name))).items()):
        found.update(key.encode() + tensor.float().numpy().tobytes())
    return found.hexdigest()[:16]


@cache
def critics() -> Critics:
    """The perceptual networks, once in a process."""
    return Critics(1)


def do_row(name: str, task: str, args: AblationSEGINArgs) -> dict[str, float]:
    """Train a row, measure it."""
    path, key = begin(row(name, task, args)).run(), f"{task}_{name}"
    references = args.references if name in TABLE_1 else 0

    def measure() -> dict:
        folder = PreparedFolder(args.data, "test", condition=task)
        net, _ = checkpoints.load(str(path))
        return guided.measure_guided(net, folder, choose(folder, args.pairs, args.known), critics(), key, references)

    of = {"checkpoint": digest(str(path)), "pairs": args.pairs, "known": args.known, "references": references}
    return kept(args.out / "figures" / f"{key}.json", of, measure)


def do_matcher(name: str, network: str, args: AblationSEGINArgs) -> dict[str, float] | None:
    """Measure a network with a matcher; None where the matcher reads another condition."""
    net, card = load(network)
    if name not in readable(card["condition"], args):
        return None
    key = f"{packed.name(network)}, {packed.name(name)}"

    def measure() -> dict:
        folder = PreparedFolder(args.data, "test", condition=card["condition"])
        pairs = choose_pairs(folder, True, args.known, SEED)
        return matches.measure_matcher(net, make(name), folder, pairs, critics(), key)

    return kept(args.out / "figures" / f"{key}.json", {"network": digest(network), "known": args.known}, measure)


def do_weak(network: str, args: AblationSEGINArgs) -> dict[str, dict[str, float]]:
    """Measure a network with better and worse references."""
    net, card = load(network)
    key = f"{packed.name(network)}, references"

    def measure() -> dict:
        folder = PreparedFolder(args.data, "test", condition=card["condition"])
        return weak.measure_weak(net, folder, weak.inputs(folder, args.inputs, SEED), critics(), key)

    return kept(args.out / "figures" / f"{key}.json", {"network": digest(network), "inputs": args.inputs}, measure)


DO = {"row": do_row, "matcher": do_matcher, "weak": do_weak}


def _do(job: tuple, args: AblationSEGINArgs) -> dict | None:
    torch.set_num_threads(1)
    kind, *names = job
    return DO[kind](*names, args)


def done(plan: list[tuple], args: AblationSEGINArgs) -> dict[tuple, dict | None]:
    """Do what is planned, `args.jobs` at once -> {job: its figures}."""
    if args.jobs == 1:
        return {job: _do(job, args) for job in plan}
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        return dict(zip(plan, pool.map(_do, plan, [args] * len(plan))))


# ---- the command


def load(network: str) -> tuple[SEGIN, dict]:
    """A checkpoint of SEGIN for one of TASKS -> network, card. Raises DataError for another, CheckpointError for none."""
    net, card = checkpoints.load(network)
    if not isinstance(net, SEGIN) or card["condition"] not in TASKS:
        raise DataError(f"{network} is a {type(net).__name__} for the condition {card['condition']}; matchers are exchanged in a "
                        f"SEGIN for {' or '.join(TASKS)}")
    return net, card


@cache
def kind_of(matcher: str) -> str | None:
    """The condition that a matcher reads; None: any. Raises MatcherError."""
    return getattr(make(matcher), "kind", None)


def readable(condition: str, args: AblationSEGINArgs) -> list[str]:
    """The matchers that read this condition."""
    return [name for name in args.matchers if kind_of(name) in (None, condition)]


def check(args: AblationSEGINArgs) -> None:
    """Raises what would be found out only after the training."""
    if args.rows or not args.networks:
        check_rows(args, tuple(ROWS))
    unknown = set(args.tasks) - set(TASKS)
    if unknown or not args.tasks:
        raise DataError(f"tasks are {', '.join(TASKS)}; got {', '.join(sorted(unknown)) or 'none'}")
    if min(args.jobs, args.known, args.references, args.inputs) < 1 or not args.lr > 0:
        raise DataError("jobs, known, references and inputs must be at least 1, lr above 0")
    for network in args.networks:
        readable(load(network)[1]["condition"], args)


def run(args: AblationSEGINArgs) -> None:
    """The command `ablation_segin`."""
    check(args)
    folders = {task: PreparedFolder(args.data, "test", condition=task) for task in TASKS}
    chosen = choose(folders["portrait"], args.pairs, args.known)
    rows = list(dict.fromkeys(args.rows))
    plan = [("row", name, task) for name in rows for task in dict.fromkeys(args.tasks)]
    plan += [(kind, *names) for network in dict.fromkeys(args.networks)
             for kind, *names in [*(("matcher", name, network) for name in dict.fromkeys(args.matchers)), ("weak", network)]]
    found = {job: figures for job, figures in done(plan, args).items() if figures is not None}
    with beside(args.out / "ablation_segin.json") as partial:
        partial.write_text(json.dumps({", ".join(job): figures for job, figures in found.items()}, indent=1))
    pages = [*_rows(rows, found, folders, args), *_networks(found, folders, args), note(folders["portrait"], chosen, args)]
    text = "\n\n".join([*pages, *critics().notes])
    with beside(args.out / "ablation_segin.md") as partial:
        partial.write_text(text + "\n")
    print(text)


def _rows(rows: list[str], found: dict, folders: dict[str, PreparedFolder], args: AblationSEGINArgs) -> list[str]:
    """Tables I and II of each task; and its sheet."""
    pages = []
    for task in dict.fromkeys(args.tasks if rows else ()):
        figures = {name: found["row", name, task] for name in rows}
        for table, names in ((guided.table_1, [n for n in rows if n in TABLE_1]),
                             (guided.table_2, [n for n in rows if n != "spade"])):
            if names:
                pages.append(table(TASKS[task], {ROWS[name].title: figures[name] for name in names}))
        runs = {name: row(name, task, args) for name in rows}
        nets = {ROWS[name].title: checkpoints.load(str(run.out / f"{run.name}.safetensors"))[0] for name, run in runs.items()}
        guided.figure_11(nets, folders[task], args.out / f"figure11_{task}.webp")
    return pages


def _networks(found: dict, folders: dict[str, PreparedFolder], args: AblationSEGINArgs) -> list[str]:
    """Of each network: its matchers, better and worse references, the shares of its terms; and its sheets."""
    pages, shares = [], {}
    for network, title in short(list(dict.fromkeys(args.networks))).items():
        net, card = load(network)
        folder, names = folders[card["condition"]], readable(card["condition"], args)
        by_matcher = {packed.name(name): found["matcher", name, network] for name in names}
        if by_matcher:
            pages.append(matches.table(title, by_matcher))
            matches.figure_10(net, {packed.name(name): make(name) for name in names}, folder, SEED,
                              args.out / f"figure10_{title}.webp")
        pages.append(weak.table(title, found["weak", network]))
        weak.draw_weak(net, folder, weak.inputs(folder, args.inputs, SEED), args.out / f"references_{title}.webp")
        shares[title] = card["shares"]
    return [*pages, *([shares_table(shares)] if any(shares.values()) else [])]


def shares_table(shares: dict[str, dict[str, float]]) -> str:
    """{network: {term: its share of the total at the end of the training}} -> Markdown."""
    terms = list(dict.fromkeys(term for one in shares.values() for term in one))
    lines = [["network", *terms], ["---", *("---:" for _ in terms)],
             *([name, *(f"{one[term]:.1%}" if term in one else "–" for term in terms)] for name, one in shares.items())]
    return "**Shares of the total, Eq. 11**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def note(folder: PreparedFolder, chosen: Chosen, args: AblationSEGINArgs) -> str:
    """Of what the tables are."""
    photos = len({i for i, _ in chosen.other})
    text = (f"Split {folder.split!r} of {folder.path.name}: {len(folder)} pictures of {len(folder.people)} people. Tables I and "
            f"II: {args.steps} steps of {args.batch}, SEGIN's rate {args.lr:g}, {args.size} px, seed {args.seed}. Frechet "
            f"distance and SWD: {len(chosen.other)} outputs, each of a photo and another person's reference, against their "
            f"{photos} photos; the distance to the reference: {min(args.references, len(chosen.other))} of these. To the truth: "
            f"all photos, each its own reference. Another picture, error / reference's, matchers: {len(chosen.same)} pairs of "
            f"one person in one scene; better and worse references: {args.inputs} photos at most. L1 in grey values, SWD times "
            f"1000, landmarks in eye distances, within shares of the side.")
    if FRECHET_LAYER in critics().vgg.convs:
        text += " The Frechet distance is VGG-16's, not FID: it ranks rows measured on the same pictures, and no others."
    return text
