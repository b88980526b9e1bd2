"""Label maps edited as arrays: paint, turn, grow, delete and move regions.

Labels are class numbers, uint8 (H, W); none is changed in place.
What a person does on the canvas of the app, and what CoCosNet's Figure 10 shows: instances moved, added and deleted.
"""

import numpy as np


class RegionError(ValueError):
    """There is nothing to change like this; the message says why."""


def paint(labels: np.ndarray, number: int, where: np.ndarray) -> np.ndarray:
    """Labels with class `number` wherever `where`, bool (H, W), says."""
    return np.where(_mask(where, labels), np.uint8(number), labels)


def turn(labels: np.ndarray, number: int, into: int, where: np.ndarray | None = None) -> np.ndarray:
    """Labels with one class turned into another, everywhere or within `where`: shins that become thighs make longer trousers."""
    return paint(labels, into, region(labels, number, where))


def grow(labels: np.ndarray, number: int, pixels: int, over: tuple[int, ...] | None = None) -> np.ndarray:
    """Labels with a class larger by so many pixels to every side; by a negative number smaller, what surrounds it moving in.

    `over`: the classes that it may grow over, all if not given. Raises RegionError for a class that is not there.
    """
    here = region(labels, number)
    if pixels < 0:
        # Beyond the picture's border it goes on: only what touches another class gives way.
        return _filled(labels, here & _within(~here, -pixels), number)
    larger = _within(here, pixels)
    return paint(labels, number, larger if over is None else larger & np.isin(labels, over))


def delete(labels: np.ndarray, number: int, where: np.ndarray | None = None) -> np.ndarray:
    """Labels without a class, or without the part of it in `where`: each pixel takes the class of the nearest one that stays.

    Raises RegionError for a class that is not there, or where nothing else is.
    """
    return _filled(labels, region(labels, number, where), number)


def move(labels: np.ndarray, number: int, dx: int, dy: int, where: np.ndarray | None = None) -> np.ndarray:
    """Labels with a class, or the part of it in `where`, moved dx pixels to the right and dy down.

    What it leaves behind is filled by what surrounds it, as `delete` does; what leaves the picture is cut off. Raises RegionError
    as that does.
    """
    here = region(labels, number, where)
    return paint(_filled(labels, here, number), number, shifted(here, dx, dy))


def region(labels: np.ndarray, number: int, where: np.ndarray | None = None) -> np.ndarray:
    """Where a class is, bool (H, W), within `where` if that is given. Raises RegionError if nowhere."""
    here = labels == number
    if where is not None:
        here &= _mask(where, labels)
    if not here.any():
        raise RegionError(f"class {number} is nowhere in this {'part of the map' if where is not None else 'map'}")
    return here


def shifted(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """A mask (H, W) moved dx pixels to the right and dy down; nothing comes in from beyond the border."""
    height, width = mask.shape
    moved = np.zeros_like(mask)
    if abs(dx) < width and abs(dy) < height:
        moved[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = mask[
            max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)]
    return moved


def _mask(where: np.ndarray, labels: np.ndarray) -> np.ndarray:
    where = np.asarray(where, bool)
    if where.shape != labels.shape:
        masks, maps = (f"{a.shape[1]} x {a.shape[0]}" for a in (where, labels))
        raise RegionError(f"the mask has {masks} pixels, the map {maps}")
    return where


def distance_to(mask: np.ndarray) -> np.ndarray:
    """How many pixels each place is from the nearest one of a mask (H, W): float32, 0 in it, infinite if it is empty."""
    import cv2

    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def nearest_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column, each (H, W), of the nearest pixel of a mask (H, W), which is not empty."""
    import cv2

    _, number = cv2.distanceTransformWithLabels((~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(mask)
    at = np.zeros(number.max() + 1, np.int64)
    at[number[mask]] = np.arange(len(rows))
    return rows[at[number]], columns[at[number]]


def _within(mask: np.ndarray, pixels: int) -> np.ndarray:
    return distance_to(mask) <= pixels


def _filled(labels: np.ndarray, hole: np.ndarray, number: int | None = None) -> np.ndarray:
    """The hole, bool (H, W), filled with the class of the nearest pixel outside, other than class `number`."""
    stays = ~hole if number is None else ~hole & (labels != number)
    if not stays.any():
        raise RegionError("the whole map would be gone: nothing is left to fill it with")
    rows, columns = nearest_of(stays)
    return np.where(hole, labels[rows, columns], labels)
