"""The failure that SEGIN's paper admits: a reference that has little to do with the input. The same inputs with better and worse
references, the last of which show no face, or hardly one."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from ..colour import to_lab
from ..datasets.distortion import LUMA
from ..datasets.prepared import DataError, PreparedFolder
from ..metrics import l1, landmark_distance
from ..models.correspondence import correlate
from ..models.segin import SEGIN
from ..photo import to_image
from .critics import EVEN, Critics
from .pairs import choose_pairs
from .portraits import found_landmarks
from .tables import HIGH, LOW, THE_PHOTO, Column, drawn, grid, pictures, write_sheet

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
SAME, OTHER = "the same person", "another person"
# Pictures that ship, and the box that is cut out of each.
STRANGE = {"a whole figure": ("figures/rendered_05_1.jpg", (0, 0, 384, 384)),
           "the back of a head": ("figures/P003_back.jpg", (95, 0, 275, 180)),
           "a landscape": ("photos/P010_amateur_posture.jpg", (0, 180, 165, 345))}
COLUMNS = (
    Column("cosine of the matches", "cosine", HIGH),
    Column("reference used", "used", HIGH),
    Column("W, L1 of lightness", "W: lightness", LOW, {THE_PHOTO: "photo: lightness"}),
    Column("output, L1 of lightness", "output: lightness", LOW, {THE_PHOTO: "photo: lightness"}),
    Column("output, perceptual distance", f"output: {EVEN}", LOW, {THE_PHOTO: f"photo: {EVEN}"}),
    Column("landmarks", "output: landmarks", LOW, {THE_PHOTO: "photo: landmarks"}),
    Column("faces found", "output: faces", HIGH, {THE_PHOTO: "photo: faces"}),
    Column("off the reference's colour / the photo's", "off the reference", LOW),
    Column("chroma", "output: chroma", HIGH, {THE_PHOTO: "photo: chroma"}),
)


def strangers(size: int) -> dict[str, Tensor]:
    """STRANGE as references (3, size, size) in [-1, 1]."""
    cut = {name: Image.open(SAMPLES / file).convert("RGB").crop(box).resize((size, size), Image.Resampling.LANCZOS)
           for name, (file, box) in STRANGE.items()}
    return {name: torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1 for name, picture in cut.items()}


def inputs(folder: PreparedFolder, count: int, seed: int) -> list[tuple[int, int, int]]:
    """At most `count` photos, each with a reference of the same person in the same scene, and one of another person."""
    same = {i: j for i, j in choose_pairs(folder, True, len(folder) ** 2, seed)}
    other = {i: j for i, j in choose_pairs(folder, False, len(folder) ** 2, seed)}
    both = [i for i in same if i in other]
    if not both:
        raise DataError(f"{folder.path}: no photo of the split {folder.split!r} has a reference of its person and one of another")
    return [(i, same[i], other[i]) for i in both[:count]]


def _references(folder: PreparedFolder, one: tuple[int, int, int], size: int) -> dict[str, Tensor]:
    _, same, other = one
    return {SAME: folder.photo(same, size), OTHER: folder.photo(other, size)} | strangers(size)


@torch.no_grad()
def measure_weak(net: SEGIN, folder: PreparedFolder, chosen: list[tuple[int, int, int]], critics: Critics,
                 desc: str) -> dict[str, dict[str, float]]:
    """{reference: how sure the match is, how much of the reference it takes, what structure and colour the output has}."""
    rows: dict[str, dict[str, list[float]]] = {}
    for one in tqdm(chosen, desc=desc, leave=False):
        i, size = one[0], net.config.size
        x, photo = folder.condition(i, size)[None], folder.photo(i, size)[None]
        for title, r in _references(folder, one, size).items():
            out = net(x, r[None])
            M = correlate(out.match.fx, out.match.fy)  # (1, hw, h'w')
            best, xi = M.max(dim=2)
            row = {"cosine": float(best.mean()), "used": xi.unique().numel() / M.shape[2],
                   "W: lightness": _lightness(out.warped, photo)}
            for whose, picture in (("output", out.image), ("photo", photo)):
                row |= {f"{whose}: {name}": value for name, value in _described(picture, photo, r, folder, i, critics).items()}
            for name, value in row.items():
                rows.setdefault(title, {}).setdefault(name, []).append(value)
    figures = {title: {name: float(np.nanmean(values)) for name, values in row.items() if not np.isnan(values).all()}
               for title, row in rows.items()}
    for row in figures.values():
        row["off the reference"] = row["output: off the reference"] / row["photo: off the reference"]
    return figures


def _described(picture: Tensor, photo: Tensor, r: Tensor, folder: PreparedFolder, i: int, critics: Critics) -> dict[str, float]:
    """Structure by the photo (1, 3, S, S), colour by the reference (3, S, S)."""
    landmarks = found_landmarks(folder, picture[0])
    truth = torch.from_numpy(folder.points[i][:, :2])
    ab, ab_r = (to_lab(to_image(p.clamp(-1, 1)))[..., 1:] for p in (picture[0], r))  # (S, S, 2)
    return critics.between(picture, photo) | {
        "lightness": _lightness(picture, photo), "faces": float(landmarks is not None),
        "landmarks": float("nan") if landmarks is None else landmark_distance(landmarks, truth),
        "off the reference": float(np.linalg.norm(ab.mean((0, 1)) - ab_r.mean((0, 1)))),
        "chroma": float(np.linalg.norm(ab, axis=-1).mean())}


def _lightness(picture: Tensor, photo: Tensor) -> float:
    """L1 of the lightness in grey values."""
    return float(l1(*((p * LUMA[:, None, None]).sum(dim=1, keepdim=True) for p in (picture, photo))))


def table(network: str, results: dict[str, dict[str, float]]) -> str:
    """{reference: its figures} -> Markdown."""
    return grid(f"Better and worse references, {network}", COLUMNS, {name: (figures, {}) for name, figures in results.items()},
                "reference")


@torch.no_grad()
def draw_weak(net: SEGIN, folder: PreparedFolder, chosen: list[tuple[int, int, int]], path: Path, count: int = 2) -> None:
    """Write a sheet of `count` inputs beside each other, a row a reference: condition, reference, W(x, r), output, photo."""
    size, rows = net.config.size, []
    for one in chosen[:count]:
        x, photo = folder.condition(one[0], size)[None], folder.photo(one[0], size)[None]
        for r in _references(folder, one, size).values():
            out = net(x, r[None])
            rows.append([drawn(folder, x)[0], *(pictures(p)[0] for p in (r[None], out.warped, out.image, photo))])
    write_sheet(path, dict(zip(("condition", "reference", "W(x, r)", "output", "photo"), map(list, zip(*rows)))), count)
