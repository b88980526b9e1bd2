"""Outlines in a frame cut from a photo: of a person, of the photo, of the face; and label maps without ragged borders."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..photo import Frame
from . import detectors, faces
from .portrait import OVAL

FARTHEST = 5  # thicknesses of a bone beyond which a pixel of the outline belongs to someone or something else


def person_mask(crop: Image.Image, cost: np.ndarray) -> np.ndarray:
    """bool (S,S): the outline of the person whose nearest bone is `cost` (S,S) thicknesses away; other people are left out."""
    import cv2

    mask = (detectors.silhouette(crop) > 0.5) & (cost < FARTHEST)
    _, piece = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(piece, np.unique(piece[mask & (cost < 1)]))


def photo_mask(frame: Frame, size: tuple[int, int], side: int) -> np.ndarray:
    """bool (side,side): the pixels of the frame that lie within a photo of this (width, height)."""
    centres = (np.arange(side) + 0.5) / side
    xy = frame.to_photo(np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2))  # (side side, 2)
    return ((xy >= 0) & (xy < size)).all(1).reshape(side, side)


def face_mask(photo: Image.Image, body: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """bool (side,side): the face of mediapipe's body (33,4) by the oval of its landmarks, from chin to hairline.

    Where no landmarks are found (a face from the side, or small), a disc about eyes, nose and mouth.
    """
    box, _ = faces.around(body[faces.HEAD, :2], 2, photo)
    found = [face for face in faces.faces_in(box, photo) if faces.agrees(face, body)]
    mask = Image.new("1", (side, side))
    if found:
        outline = frame.to_unit(found[0][list(OVAL[0])]) * side - 0.5
        ImageDraw.Draw(mask).polygon([tuple(xy) for xy in outline], fill=1)
    else:
        inner = frame.to_unit(body[[0, 1, 2, 3, 4, 5, 6, 9, 10], :2]) * side  # nose, eyes, mouth
        middle = (inner.min(0) + inner.max(0)) / 2
        radius = 1.3 * np.linalg.norm(inner - middle, axis=1).max()
        ImageDraw.Draw(mask).ellipse([*(middle - radius - 0.5), *(middle + radius - 0.5)], fill=1)
    return np.array(mask)


def smooth(labels: np.ndarray, reach: int = 5) -> np.ndarray:
    """Label map (S,S) -> uint8 (S,S): each pixel takes the class that most of reach x reach pixels about it have."""
    import cv2

    there = np.unique(labels)
    votes = [cv2.blur((labels == c).astype(np.float32), (reach, reach)) for c in there]
    return there[np.argmax(votes, axis=0)].astype(np.uint8)
