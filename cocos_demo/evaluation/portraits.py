"""Portraits: error to the photo, landmarks, likeness and looks."""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from tqdm import tqdm

from ..conditions import ConditionError
from ..conditions.portrait import BROWS, EYES, LIPS, OVAL
from ..datasets.prepared import DataError, PreparedFolder
from ..metrics import landmark_distance, relative_error
from ..photo import to_image
from .critics import Critics
from .likeness import likeness
from .pairs import Answers, batch_of, choose_pairs

LOOK_CLOSER = 512  # pixels to which an output is enlarged before landmarks are sought in it
# Regions of a face from 1 on, later ones over earlier ones: skin, brows, eyes, lips. 0 is everything else, hair included.
REGIONS = (OVAL, [(*BROWS[k], *BROWS[k + 1][::-1]) for k in (0, 2)], EYES, LIPS[:1])


@torch.no_grad()
def measure_portraits(net: torch.nn.Module, folder: PreparedFolder, args, critics: Critics) -> dict[str, float]:
    """Error to the photo relative to the exemplar's own, how far the output's landmarks lie from the photo's, and the rest.

    A sort of pairs that the folder does not have is left out, with a note. Raises DataError where it has none.
    """
    figures, missing = {}, []
    for sort in ("same person", "other person"):
        try:
            pairs = choose_pairs(folder, sort == "same person", args.pairs, args.seed, any_scene=args.any_scene)
        except DataError as error:
            missing.append(error)
            continue
        answers, found = answer(net, folder, pairs, sort)
        found["error / exemplar's error"] = relative_error(answers.outputs, answers.photos, answers.exemplars)
        if sort == "same person":
            found |= likeness(answers, critics.left_out) | critics.likeness(answers)
        else:
            found |= critics.looks(answers)
        figures |= {f"{sort}: {name}": value for name, value in found.items()}
    if not figures:
        raise missing[0]
    critics.notes += [f"left out: {error}" for error in missing]
    return figures


def answer(net: torch.nn.Module, folder: PreparedFolder, pairs: list[tuple[int, int]],
           sort: str) -> tuple[Answers, dict[str, float]]:
    """The answers to pairs (photo, exemplar), and how far landmarks found in them lie from the photo's, beside the trivial
    answers. `sort`: what the bar says."""
    size, rows = net.config.size, []
    outputs, photos, exemplars = [], [], []  # distances of landmarks, in eye distances
    for i, j in tqdm(pairs, desc=sort, leave=False):
        x_A, x_B, y_A, y_B = batch_of(folder, [(i, j)], size)
        out = net(x_A, y_B, y_A)
        truth, other = (torch.from_numpy(folder.points[k][:, :2]) for k in (i, j))
        exemplars.append(landmark_distance(other, truth))
        for picture, distances in ((out.image[0], outputs), (x_B[0], photos)):
            places = found_landmarks(folder, picture)
            if places is not None:
                distances.append(landmark_distance(places, truth))
        rows.append(dict(outputs=out.image[0], warps=None if out.warped is None else out.warped[0], photos=x_B[0],
                         exemplars=y_B[0], photo_regions=regions(truth, size), exemplar_regions=regions(other, size)))
    mean = {name: float(np.mean(values)) if values else float("nan") for name, values in (
        ("landmarks, eye distances", outputs), ("landmarks of the photo itself, found again", photos),
        ("landmarks of the exemplar itself", exemplars))}
    return Answers.stack(rows), {"pairs": len(pairs), "faces found": len(outputs), **mean}


def regions(points: Tensor, size: int) -> Tensor:
    """(478, 2) landmarks in unit coordinates -> (size, size) class numbers of REGIONS."""
    drawn = Image.new("L", (size, size))
    pen = ImageDraw.Draw(drawn)
    for number, chains in enumerate(REGIONS, 1):
        for chain in chains:
            pen.polygon([tuple(xy) for xy in (points[list(chain)] * size - 0.5).tolist()], fill=number)
    return torch.from_numpy(np.array(drawn)).long()


def found_landmarks(folder: PreparedFolder, picture: Tensor) -> Tensor | None:
    """(3, S, S) in [-1, 1] -> the 478 landmarks found in it (478, 2), unit coordinates; None if no face is found."""
    try:
        found = folder.kind.find(to_image(picture).resize((LOOK_CLOSER, LOOK_CLOSER)))
    except ConditionError:
        return None
    return torch.from_numpy(found.frame.to_photo(found.points[:, :2]) / LOOK_CLOSER).float()
