"""Tells hair from skin on a head, and hair that hangs over shoulders from clothes: by place first, then by colour."""

from __future__ import annotations

import numpy as np

BALD = 6  # a crown no farther than this from the face's colour (Lab, as in `away`) is skin
ALIKE = 12  # and two colours closer than this may be one, in two lights
FRINGE = 0.4  # upper share of the face in which hair may hang
HANGING = 0.6  # a pixel beyond the head is hair when it is that much closer to the hair's colour than to the clothes'


def hair_of(picture: np.ndarray, head: np.ndarray, face: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Where the hair is, bool (S,S).

    picture: uint8 (S,S,3); head: bool (S,S), the head with its hair; face: bool (S,S), the face as its landmarks outline it,
    empty for a head from behind; below: bool (S,S), other parts of the person that hair may hang over.
    """
    import cv2

    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)  # (S, S, 3)
    hair, y = head & ~face, np.arange(len(head))[:, None]
    if not hair.any():
        return hair
    colour = median(lab, hair)
    if face.any():
        rows = np.flatnonzero(face.any(1))
        brow = rows[0] + FRINGE * len(rows)
        crown = hair & (y < brow)  # the ears are skin, the beard is not asked
        skin = median(lab, face & (y >= brow))
        if crown.sum() < 0.04 * face.sum():
            return np.zeros_like(head)
        colour = median(lab, crown)
        if away(colour, skin) < BALD:
            return np.zeros_like(head)
        to_hair, to_skin = away(lab, colour), away(lab, skin)
        fringe = face & (y < brow) & (to_hair < 0.5 * to_skin)
        hair = joined(hair & (to_hair < np.maximum(to_skin, ALIKE)), fringe)  # eyes and brows are as dark, but do not touch it
    clothes = median(lab, below) if below.any() else colour
    if away(clothes, colour) < 2 * ALIKE:
        return hair
    to_hair = away(lab, colour)
    return joined(hair, below & (to_hair < 2 * ALIKE) & (to_hair < HANGING * away(lab, clothes)))


def joined(hair: np.ndarray, more: np.ndarray) -> np.ndarray:
    """hair, and those pieces of `more` that touch it; threads and specks of `more` do not count."""
    import cv2

    more = cv2.morphologyEx(more.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    _, piece = cv2.connectedComponents((hair | more).astype(np.uint8))
    return hair | more & np.isin(piece, np.unique(piece[hair]))


def median(lab: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.median(lab[where], axis=0)


def away(lab: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Distance (...) of Lab colours (...,3) from one; lightness counts half, since light and shadow change it most."""
    return np.linalg.norm((lab - colour) * (0.5, 1, 1), axis=-1)
