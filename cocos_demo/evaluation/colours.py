"""The command `colours`: whether the colours of grey portraits follow the reference.

Each held-out portrait is coloured after several references, of different people of the split "train", and after itself. Colours
are compared as CIELAB's (a, b), mean over a region: the photo's region in the output, the reference's own in the reference.
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor
from tqdm import tqdm

from .. import checkpoints
from ..colour import to_lab
from ..conditions.portrait import EYES, LIPS, OVAL
from ..datasets.prepared import DataError, PreparedFolder
from ..files import beside
from ..photo import to_image
from .portraits import REGIONS as PARTS
from .tables import HIGH, LOW, drawn, write_sheet

REGIONS = ("skin", "lips", "hair", "background", "whole picture")
LEAST = 16  # pixels that a region must have to be measured: a shaved head has no hair
SHOWN = 6  # photos on the sheet
FOLLOWS = {  # of the first table: columns, and which values are better
    "pairs": "", "references apart": "", "outputs apart": "", "to its own": LOW, "to the other": "", "nearer its own": HIGH,
    "slope a": "", "slope b": "", "correlation a": HIGH, "correlation b": HIGH}  # fmt: skip
KEEPS = {"pictures": "", "ΔE, itself as reference": LOW, "ΔE, left grey": "", "lightness off": LOW}  # of the second


@dataclass
class ColoursArgs:
    """Colour the held-out portraits of a folder after several references each, and measure whose colours they take.

    Stop it at any time; the same command goes on.
    """

    model: str  # a checkpoint for the condition grey, by name or path
    data: Path  # a prepared folder of portraits, with masks
    out: Path  # a folder for colours.json, colours.md, colours.webp and, in outputs/, what was painted
    references: int = 4  # of each photo, all of different people
    seed: int = 0  # of the choice of references


def regions(points: np.ndarray, foreground: Tensor) -> dict[str, np.ndarray]:
    """Landmarks (478, 2 or 3) in unit coordinates and a mask (1, S, S) -> REGIONS, each bool (S, S).

    Skin is the face without eyes, brows and mouth; lips are without what shows between them; hair is what of the person lies
    outside the face and above the eyes.
    """
    size, person = foreground.shape[-1], foreground[0].numpy() > 0.5
    at = points[:, :2] * size - 0.5  # PIL counts pixel indices

    def within(*chains) -> np.ndarray:
        mask = Image.new("1", (size, size))
        for chain in chains:
            ImageDraw.Draw(mask).polygon([tuple(xy) for xy in at[list(chain)].tolist()], fill=1)
        return np.array(mask)

    face = within(*OVAL)
    above = np.arange(size)[:, None] < at[[i for chain in EYES for i in chain], 1].mean()
    return {"skin": face & ~within(*PARTS[1], *EYES, LIPS[0]), "lips": within(LIPS[0]) & ~within(LIPS[1]),
            "hair": person & ~face & above, "background": ~person & ~face, "whole picture": np.ones_like(face)}


def means(values: np.ndarray, places: dict[str, np.ndarray]) -> np.ndarray:
    """(S, S, C) -> its mean over each region, (R, C); NaN for a region under LEAST pixels."""
    return np.array([values[place].mean(0) if place.sum() >= LEAST else np.full(values.shape[2], np.nan)
                     for place in places.values()])


def follows(outputs: np.ndarray, references: np.ndarray) -> dict[str, float | None]:
    """How far the colours of outputs (N, K, 2) go with those of their references (N, K, 2), in one region; NaN is left out.

    Over all pairs of two references of one photo, both ways round: mean distances in (a, b), the share of outputs nearer their
    own reference than the other one (chance: 0.5), and of a and b the slope and correlation of out1 - out2 against ref1 - ref2:
    1 if the colours are the references', 0 if they heed none. None where outputs or references do not differ at all.
    """
    one, two = map(list, zip(*permutations(range(outputs.shape[1]), 2)))
    rows = np.concatenate([outputs[:, one], outputs[:, two], references[:, one], references[:, two]], axis=-1).reshape(-1, 8)
    out1, out2, ref1, ref2 = np.split(rows[np.isfinite(rows).all(1)], 4, axis=1)  # (P, 2) each
    if not len(out1):
        return {"pairs": 0}
    ref, out, own, other = (np.linalg.norm(d, axis=1) for d in (ref1 - ref2, out1 - out2, out1 - ref1, out1 - ref2))
    nearer = (own < other) + 0.5 * (own == other)
    columns = zip(list(FOLLOWS)[1:6], (ref, out, own, other, nearer))
    figures = {"pairs": len(ref) // 2, **{name: float(values.mean()) for name, values in columns}}
    for axis, x, y in zip("ab", (ref1 - ref2).T, (out1 - out2).T):  # of mean 0, as each pair comes both ways round
        xx, xy, yy = float(x @ x), float(x @ y), float(y @ y)
        figures |= {f"slope {axis}": xy / xx if xx else None, f"correlation {axis}": xy / (xx * yy) ** 0.5 if xx * yy else None}
    return figures


class Colours:
    """What is collected, photo by photo. `figures()`: {region: the columns of both tables}."""

    def __init__(self):
        self.outputs, self.references, self.kept = [], [], []  # (K, R, 2), (K, R, 2) and (R, 3) each

    def add(self, outputs: list[Image.Image], photo: Image.Image, places: dict, references: list[np.ndarray]) -> None:
        """One photo: outputs of its K references, and of itself as the last; regions of it; colours (R, 2) of the references."""
        labs, truth = [to_lab(picture) for picture in outputs], to_lab(photo)
        self.outputs.append([means(lab[..., 1:], places) for lab in labs[:-1]])
        self.references.append(references)
        error, grey = (np.linalg.norm(d, axis=-1, keepdims=True) for d in (labs[-1] - truth, truth[..., 1:]))  # (S, S, 1)
        lightness = np.mean([np.abs(lab[..., :1] - truth[..., :1]) for lab in labs[:-1]], axis=0)
        self.kept.append(means(np.concatenate([error, grey, lightness], axis=-1), places))

    def figures(self) -> dict[str, dict[str, float | None]]:
        outputs, references, kept = map(np.array, (self.outputs, self.references, self.kept))
        table = {}
        for r, region in enumerate(REGIONS):
            there = kept[:, r][np.isfinite(kept[:, r]).all(1)]  # (N, 3)
            kept_here = there.mean(0).tolist() if len(there) else [None] * 3
            table[region] = follows(outputs[:, :, r], references[:, :, r]) | dict(zip(KEEPS, (len(there), *kept_here)))
        return table


@torch.no_grad()
def coloured(net: torch.nn.Module, folder: PreparedFolder, i: int, references: list[tuple[PreparedFolder, int]]) -> Tensor:
    """Picture i of a folder after each of K references -> (K, 3, S, S) in [-1, 1]."""
    size = net.config.size
    y_A, y_B = (torch.stack([getattr(of, what)(k, size) for of, k in references]) for what in ("condition", "photo"))
    x_A = folder.condition(i, size).expand(len(references), -1, -1, -1)
    return net(x_A, y_B, y_A).image.clamp(-1, 1)


def choose(folder: PreparedFolder, i: int, count: int, seed: int) -> list[int]:
    """References for the photo with number i: pictures of `count` different people of a folder."""
    rng = np.random.default_rng((seed, i))
    people = rng.permutation(sorted(folder.people))[:count]
    return [int(rng.choice(folder.people[person])) for person in people]


def outputs_of(path: Path, net: torch.nn.Module, folder: PreparedFolder, i: int,
               references: list[tuple[PreparedFolder, int]]) -> list[Image.Image]:
    """The same as pictures, out of the file that keeps them beside each other, which is made where it is not there."""
    size = net.config.size
    if not path.exists():
        strip = torch.cat(tuple(coloured(net, folder, i, references)), dim=2)  # (3, S, K S)
        with beside(path) as partial:
            to_image(strip).save(partial)
    with Image.open(path) as strip:
        return [strip.crop((k * size, 0, (k + 1) * size, size)) for k in range(len(references))]


def check_outputs(folder: Path, made_of: dict) -> None:
    """Note what a folder of outputs is made of. Raises DataError where it holds those of other weights or references."""
    noted = folder / "made_of.json"
    if noted.exists() and json.loads(noted.read_text()) != made_of:
        raise DataError(f"{folder} holds outputs of other weights or other references; name another --out, or delete it")
    with beside(noted) as partial:
        partial.write_text(json.dumps(made_of, indent=1))


def places(folder: PreparedFolder, i: int, size: int) -> dict[str, np.ndarray]:
    """The regions of a picture at the size of the network."""
    return regions(folder.points[i], F.adaptive_avg_pool2d(folder.foreground(i), size))


def markdown(table: dict[str, dict[str, float | None]]) -> str:
    """Both tables, a row a region."""
    pages = []
    for title, columns in (("Whose colours", FOLLOWS), ("The photo's own colours, and its lightness", KEEPS)):
        rows = [["region", *(f"{name} {better}".strip() for name, better in columns.items())],
                ["---", *("---:" for _ in columns)],
                *([region, *(_cell(figures.get(name)) for name in columns)] for region, figures in table.items())]
        pages.append(f"**{title}**\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(pages)


def _cell(value: float | None) -> str:
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.2f}"


def note(args: ColoursArgs, card: dict, photos: PreparedFolder, others: PreparedFolder) -> str:
    """What was measured, in words."""
    return (f"{card['name']}, {card.get('steps', 0)} steps: {len(photos)} grey photos of {len(photos.people)} held-out people "
            f"(split 'test' of {args.data.name}), each after {args.references} references of as many of the "
            f"{len(others.people)} people of the split 'train'; seed {args.seed}. Distances and slopes are of a region's mean "
            "(a, b) in CIELAB; a pair is two references of one photo. ΔE (CIE 1976) and the lightness L, of 100, are compared "
            "with the photo pixel by pixel; lightness off is of outputs after other people.")


def run(args: ColoursArgs) -> None:
    """The command `colours`."""
    net, card = checkpoints.load(args.model)
    if card["condition"] != "grey":
        raise DataError(f"{args.model} reads the condition {card['condition']}; colours are measured of one that reads grey")
    photos, others = (PreparedFolder(args.data, split, condition="grey") for split in ("test", "train"))
    if not 2 <= args.references <= len(others.people):
        raise DataError(f"--references must be 2 to {len(others.people)}, the people of the split 'train' of {args.data}")
    for folder in (photos, others):
        folder.foreground(0)  # one without masks is refused now
    references = [choose(others, i, args.references, args.seed) for i in range(len(photos))]
    with checkpoints.catalogue().get(args.model, Path(args.model)).open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    check_outputs(args.out / "outputs", {"sha256": weights, "references": {
        item["name"]: [others.items[k]["name"] for k in chosen] for item, chosen in zip(photos.items, references)}})
    size, colours, shown = net.config.size, Colours(), []
    for i, chosen in enumerate(tqdm(references, desc="colouring", unit="photo")):
        looks = [others.photo(k, size) for k in chosen]
        ab = [means(to_lab(to_image(look))[..., 1:], places(others, k, size)) for look, k in zip(looks, chosen)]
        path = args.out / "outputs" / f"{photos.items[i]['name']}.png"
        outputs = outputs_of(path, net, photos, i, [*((others, k) for k in chosen), (photos, i)])
        colours.add(outputs, to_image(photos.photo(i, size)), places(photos, i, size), ab)
        shown.append((*drawn(photos, photos.condition(i, size)[None]), to_image(looks[0]), outputs[0], to_image(looks[1]),
                      outputs[1], to_image(photos.photo(i, size))))
    table, said = colours.figures(), note(args, card, photos, others)
    text = f"{markdown(table)}\n\n{said}\n"
    for name, content in (("colours.json", json.dumps({"note": said, "regions": table}, indent=1)), ("colours.md", text)):
        with beside(args.out / name) as partial:
            partial.write_text(content)
    rows = [shown[i] for i in np.linspace(0, len(shown) - 1, min(SHOWN, len(shown))).round().astype(int)]
    titles = ("grey photo", "reference 1", "after 1", "reference 2", "after 2", "its own colours")
    write_sheet(args.out / "colours.webp", dict(zip(titles, zip(*rows))))
    print(text)
