"""OpenPose's files: 18 keypoints of the person it was surest of.

Two formats. `NAME_candidate.txt` with `NAME_subset.txt`, as the authors of CoCosNet published them: all joints of a picture, a
line each (x, y, score, number), and for each person a line of 20 numbers: the lines of the 18 joints (-1: not seen), the total
score, the count. And `NAME_keypoints.json` of OpenPose itself, with 18 (COCO) or 25 points (BODY_25) a person.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...conditions import ConditionError
from .base import LayoutError

JOINTS = 18
# Where OpenPose's 25 points of BODY_25 have the 18 of COCO: its number 8 is the middle of the hips.
BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]


def published(stem: Path) -> np.ndarray | None:
    """The pose in stem_candidate.txt and stem_subset.txt, (18,3): x, y in their pixels, present; None where there is neither.

    Raises: LayoutError for files that do not fit together; ConditionError where OpenPose saw nobody.
    """
    files = [stem.with_name(f"{stem.name}_{part}.txt") for part in ("candidate", "subset")]
    there = [file.is_file() for file in files]
    if not any(there):
        return None
    if not all(there):
        raise LayoutError(f"it has the pose file {files[there.index(True)].name}, but no {files[there.index(False)].name}")
    candidate, subset = (_numbers(file, least) for file, least in zip(files, (2, JOINTS)))
    if not len(subset) or not len(candidate):
        raise ConditionError("OpenPose saw nobody in it (its pose file is empty)")
    person = subset[subset[:, JOINTS].argmax() if subset.shape[1] > JOINTS else 0, :JOINTS].astype(int)
    if person.max() >= len(candidate) or person.min() < -1:
        raise LayoutError(f"{files[1].name} names joint {person.max() if person.max() >= len(candidate) else person.min()}, "
                          f"{files[0].name} has 0 to {len(candidate) - 1}")
    points = np.zeros((JOINTS, 3))
    seen = person >= 0
    points[seen, :2], points[seen, 2] = candidate[person[seen], :2], 1
    return _checked(points, files[0])


def native(stem: Path, width: int, height: int) -> np.ndarray | None:
    """The pose in stem_keypoints.json, (18,3): x, y in pixels of a picture of this size, present; None where there is none.

    Coordinates of 0 to 1, as OpenPose's --keypoint_scale 3 writes them, are multiplied by the size. Raises as `published`.
    """
    file = stem.with_name(f"{stem.name}_keypoints.json")
    if not file.is_file():
        return None
    try:
        people = [np.array(person.get("pose_keypoints_2d", person.get("pose_keypoints")), float).reshape(-1, 3)
                  for person in json.loads(file.read_text(encoding="utf-8"))["people"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LayoutError(f"{file.name} was not written by OpenPose, or is cut short") from None
    if not people:
        raise ConditionError("OpenPose saw nobody in it (its pose file names no people)")
    points = max(people, key=lambda person: person[:, 2].sum())
    if len(points) not in (JOINTS, 25):
        raise LayoutError(f"{file.name} has {len(points)} points a person; OpenPose's models COCO (18) and BODY_25 (25) can "
                          "be read")
    points = points[BODY_25] if len(points) == 25 else points.copy()
    points[:, 2] = points[:, 2] > 0
    if points[:, :2].max() <= 1:
        points[:, :2] *= (width, height)
    return _checked(points * points[:, 2:], file)


def _checked(points: np.ndarray, file: Path) -> np.ndarray:
    if not np.isfinite(points).all():
        raise LayoutError(f"{file.name} holds numbers that are not finite")
    if not points[:, 2].any():
        raise ConditionError("OpenPose saw no joint of anybody in it")
    return points.astype(np.float32)


def _numbers(file: Path, least: int) -> np.ndarray:
    """The numbers of a text file, (lines, at least `least`); no lines where it is empty. Raises LayoutError."""
    try:
        rows = [[float(word) for word in line.split()] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        table = np.array(rows) if rows else np.zeros((0, least + 1))
    except ValueError:
        raise LayoutError(f"{file.name} is not a table of numbers") from None
    if table.ndim != 2 or table.shape[1] < least:
        raise LayoutError(f"{file.name} has {table.shape[-1]} numbers a line; at least {least} are needed")
    return table
