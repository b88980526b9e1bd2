"""Figures for checkpoints on held-out people, each against the trivial answers. `python -m cocos_demo evaluate --help`."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from . import checkpoints, viz
from .conditions import ConditionError
from .datasets.figures import load_surface
from .datasets.pairs import DataError, PreparedFolder
from .datasets.truth import true_matches
from .files import beside
from .metrics import landmark_distance, pck, pixel_centres, predicted_places, relative_error
from .photo import to_image

THRESHOLDS = (0.03, 0.05, 0.1)  # shares of the picture's height
FRONT = 60  # degrees of yaw up to which a figure is seen from the front
LOOK_CLOSER = 512  # pixels to which an output is enlarged before landmarks are sought in it


@dataclass
class EvaluateArgs:
    """Measure checkpoints on the held-out people of a prepared folder, beside the trivial answers."""

    model: tuple[str, ...]  # shipped names or paths; several give a table over them
    data: Path  # a prepared folder of the checkpoint's condition
    pairs: int = 32  # of each sort
    split: str = "test"
    seed: int = 0  # of the choice of pairs
    any_scene: bool = False  # pairs of one person in other clothes and light too, where the answer is not known
    sheet: Path | None = None  # a picture of eight held-out results
    curve: Path | None = None  # figures: PCK over training steps, drawn from several checkpoints
    json: Path | None = None  # the figures, to be read by a program
    record: bool = False  # write the figures into the model card inside the checkpoint


def choose_pairs(folder: PreparedFolder, same: bool, count: int, seed: int, front: bool = False,
                 any_scene: bool = False) -> list[tuple[int, int]]:
    """`count` different ordered pairs (photo, exemplar), evenly drawn; fewer if there are fewer.

    Of one person in one scene (`same`: the exemplar's looks are the photo's; `any_scene` drops that), or of two people.
    `front`: both within FRONT.
    """
    keep = [i for i, item in enumerate(folder.items) if not front or abs(item.get("yaw", 0)) <= FRONT]
    if same:
        fits = folder.same_person if any_scene else folder.same_scene
        pairs = [(i, j) for i in keep for j in keep if i != j and fits(i, j)]
    else:
        pairs = [(i, j) for i in keep for j in keep if not folder.same_person(i, j)]
    if not pairs:
        raise DataError(f"{folder.path}: the split {folder.split!r} has no two pictures of "
                        f"{'one person in one scene' if same else 'different people'}")
    order = np.random.default_rng(seed).permutation(len(pairs))[:count]
    return [pairs[k] for k in order]


def batch_of(folder: PreparedFolder, pairs: list[tuple[int, int]], size: int) -> tuple[Tensor, ...]:
    """x_A, x_B, y_A, y_B of undistorted pairs."""
    xs, ys = zip(*pairs)
    conditions = [torch.stack([folder.condition(i, size) for i in side]) for side in (xs, ys)]
    photos = [torch.stack([folder.photo(i, size) for i in side]) for side in (xs, ys)]
    return conditions[0], photos[0], conditions[1], photos[1]


@torch.no_grad()
def measure_portraits(net: torch.nn.Module, folder: PreparedFolder, args: EvaluateArgs) -> dict[str, float]:
    """Error to the photo relative to the exemplar's own, and how far the output's landmarks lie from the photo's."""
    figures = {}
    for sort in ("same person", "other person"):
        pairs = choose_pairs(folder, sort == "same person", args.pairs, args.seed, any_scene=args.any_scene)
        distances, photo_distances, exemplar_distances, outputs = [], [], [], []
        x_A, x_B, y_A, y_B = batch_of(folder, pairs, net.config.size)
        for k in tqdm(range(len(pairs)), desc=sort, leave=False):
            image = net(x_A[k:k + 1], y_B[k:k + 1], y_A[k:k + 1]).image
            outputs.append(image)
            truth = torch.from_numpy(folder.points[pairs[k][0]][:, :2])
            exemplar = torch.from_numpy(folder.points[pairs[k][1]][:, :2])
            exemplar_distances.append(landmark_distance(exemplar, truth))
            for picture, found in ((image[0], distances), (x_B[k], photo_distances)):
                places = _landmarks(folder, picture)
                if places is not None:
                    found.append(landmark_distance(places, truth))
        figures[f"{sort}: pairs"] = len(pairs)
        figures[f"{sort}: error / exemplar's error"] = relative_error(torch.cat(outputs), x_B, y_B)
        figures[f"{sort}: faces found"] = len(distances)
        figures[f"{sort}: landmarks, eye distances"] = float(np.mean(distances)) if distances else float("nan")
        figures[f"{sort}: landmarks of the photo itself, found again"] = float(np.mean(photo_distances))
        figures[f"{sort}: landmarks of the exemplar itself"] = float(np.mean(exemplar_distances))
    return figures


def _landmarks(folder: PreparedFolder, picture: Tensor) -> Tensor | None:
    """(3, S, S) in [-1, 1] -> the 478 landmarks found in it (478, 2), unit coordinates; None if no face is found."""
    try:
        found = folder.kind.find(to_image(picture).resize((LOOK_CLOSER, LOOK_CLOSER)))
    except ConditionError:
        return None
    return torch.from_numpy(found.frame.to_photo(found.points[:, :2]) / LOOK_CLOSER).float()


@torch.no_grad()
def measure_figures(net: torch.nn.Module, folder: PreparedFolder, args: EvaluateArgs) -> dict[str, float]:
    """PCK over the figure's pixels whose twin is visible, soft and arg-max, beside the trivial answers; error over the figure."""
    figures, size = {}, net.config.size
    torch.manual_seed(0)
    untrained = type(net)(**vars(net.config)).eval()
    here = pixel_centres(size, size)
    for view in ("front", "full turn"):
        for sort in ("same person", "other person"):
            pairs = choose_pairs(folder, sort == "same person", args.pairs, args.seed, front=view == "front")
            hits: dict[str, list[dict[float, float]]] = {}
            pixels, outputs, targets, exemplars, masks = [], [], [], [], []
            for i, j in tqdm(pairs, desc=f"{view}, {sort}", leave=False):
                x_A, x_B, y_A, y_B = batch_of(folder, [(i, j)], size)
                truth, visible, mask = _truth(folder, i, j, size)
                if not visible.any():
                    continue
                out = net(x_A, y_B, y_A)
                fresh = untrained.correspond(x_A, y_B, y_A)
                answers = {"same pixel": here}
                for name, match in (("untrained", fresh), ("network", out.match)):
                    for way in ("arg-max", "soft"):
                        places = predicted_places(match.fx, match.fy, size, net.config.alpha, way == "soft")
                        answers[f"{name}, {way}"] = places[0]
                for name, places in answers.items():
                    hits.setdefault(name, []).append(pck(places, truth, visible, THRESHOLDS))
                pixels.append(int(visible.sum()))
                outputs.append(out.image), targets.append(x_B), exemplars.append(y_B), masks.append(mask[None, None])
            key = f"{view}, {sort}"
            figures[f"{key}: pairs"] = len(pixels)
            for name, rows in hits.items():  # every pixel counts alike
                for t in THRESHOLDS:
                    figures[f"{key}: PCK@{t} {name}"] = float(np.average([row[t] for row in rows], weights=pixels))
            if sort == "same person" and outputs:
                figures[f"{key}: error over the figure / exemplar's"] = relative_error(
                    torch.cat(outputs), torch.cat(targets), torch.cat(exemplars), torch.cat(masks))
    return figures


def _truth(folder: PreparedFolder, i: int, j: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """True places in j of the pixels of i (2, S, S) in unit coordinates; where the twin is visible; where the figure is."""
    if folder.index["size"] != size:
        raise DataError(f"{folder.path} has pictures of {folder.index['size']} px, the network {size} px; "
                        f"prepare held-out figures of the network's size")
    (xyz_i, mask_i), (xyz_j, mask_j) = (load_surface(folder.path, folder.items[k]["name"]) for k in (i, j))
    truth, visible = torch.zeros(2, size, size), torch.zeros(size, size, dtype=torch.bool)
    if mask_i.any() and mask_j.any():
        found = true_matches(xyz_i, mask_i, xyz_j, mask_j)
        rows, columns = torch.from_numpy(found.source.T)
        truth[:, rows, columns] = (torch.from_numpy(found.target.T).flip(0).float() + 0.5) / size  # row, column -> x, y
        visible[rows, columns] = torch.from_numpy(found.visible)
    return truth, visible, torch.from_numpy(mask_i)


MEASURES = {"portrait": measure_portraits, "figure": measure_figures, "parts": measure_figures}


def run(args: EvaluateArgs) -> None:
    """The command `evaluate`."""
    if args.pairs < 1:
        raise DataError("at least one pair of each sort is needed")
    if args.sheet and len(args.model) > 1:
        raise DataError("a sheet shows one model; name one")
    results = {}
    for name in args.model:
        net, card = checkpoints.load(name)
        folder = PreparedFolder(args.data, args.split, condition=card["condition"])
        figures = MEASURES[card["condition"]](net, folder, args)
        results[name] = {"steps": card["steps"], **figures}
        print(f"\n{name}: {card['system']}, {card['parameters']:,} parameters, {card['steps']} steps; "
              f"split {args.split!r} of {args.data.name}: {len(folder)} pictures of {len(folder.people)} people")
        for label, value in figures.items():
            print(f"  {label:<58} {value if isinstance(value, int) else f'{value:.3f}'}")
        if args.record:
            measured = {"data": args.data.name, "split": args.split, "seed": args.seed, **figures}
            checkpoints.save(checkpoints.catalogue().get(name, Path(name)), net, card | {"figures": measured})
        if args.sheet:
            pairs = [p for same in (True, False) for p in choose_pairs(folder, same, 4, args.seed)]
            x_A, x_B, y_A, y_B = batch_of(folder, pairs, net.config.size)
            with beside(args.sheet) as partial:
                viz.sheet(viz.translations(net, folder.kind, x_A, x_B, y_A, y_B), pairs=2).save(partial, quality=92)
    if args.curve:
        _draw_curve(results, args.curve)
    if args.json:
        with beside(args.json) as partial:
            partial.write_text(json.dumps(results, indent=1))


def _draw_curve(results: dict[str, dict], path: Path) -> None:
    rows = sorted(results.values(), key=lambda row: row["steps"])
    key = "front, same person: PCK@0.1 "
    if key + "same pixel" not in rows[0]:
        raise DataError("the curve shows PCK; it is for checkpoints of the condition figure")
    lines = {"network, arg-max, same person": [row[key + "network, arg-max"] for row in rows],
             "network, soft, same person": [row[key + "network, soft"] for row in rows],
             "network, arg-max, other person": [row["front, other person: PCK@0.1 network, arg-max"] for row in rows],
             "untrained network": [row[key + "untrained, arg-max"] for row in rows],
             "the same pixel": [row[key + "same pixel"] for row in rows]}
    with beside(path) as partial:
        figure = viz.curves([row["steps"] for row in rows], lines, "training steps", "PCK@0.1, held-out figures, front")
        figure.savefig(partial, dpi=120)
