"""Looking for faces: on the whole photo, then closer by, with the pose detector as the witness that it is a face."""

from __future__ import annotations

import numpy as np
from PIL import Image

from . import detectors
from .base import ConditionError

HEAD = slice(0, 11)  # nose, eyes, ears and mouth among mediapipe's 33 points of a body
# Left eye, right eye and nose: single points of a body's 33, groups to take the middle of among a face's 478.
BODY_PLACES = [2, 5, 0]
FACE_PLACES = ([263, 362], [33, 133], [4])


def look(photo: Image.Image) -> tuple[list[np.ndarray], bool]:
    """All faces, each (478,2) in photo pixels, and whether it took a closer look. Raises: ConditionError when none."""
    found = detectors.faces(photo)
    if found:
        return found, False
    bodies, _ = detectors.search(detectors.poses, photo)
    for body in bodies:
        box, _ = around(body[HEAD, :2], 2, photo)
        found += [face for face in faces_in(box, photo) if agrees(face, body)]
    if not found:
        found, _ = detectors.search(detectors.faces, photo, sure=lambda face: on_a_body(face, photo))
    if not found:
        raise ConditionError(why_none(bodies))
    return found, True


def largest(photo: Image.Image) -> tuple[np.ndarray, list[str]]:
    """The largest face, (478,2) in photo pixels, and notes on how it was found. Raises: ConditionError when none."""
    found, near = look(photo)
    face = refine(max(found, key=lambda face: np.ptp(face, axis=0).prod()), photo)
    notes = [f"{len(found)} faces found; took the largest"] if len(found) > 1 else []
    if near:
        notes.append("the face was found on a closer look at a part of the photo")
    return face, notes


def refine(face: np.ndarray, photo: Image.Image) -> np.ndarray:
    """A face (478,2) found in a wide view, once more from close by: it is placed better there."""
    box, reach = around(face, 1, photo)
    if reach > max(photo.size) / 4:
        return face
    near = [other for other in faces_in(box, photo) if np.abs(other.mean(0) - face.mean(0)).max() < reach / 4]
    return near[0] if near else face


def faces_in(box: tuple[int, int, int, int], photo: Image.Image) -> list[np.ndarray]:
    """Faces in a part of the photo, in pixels of the photo."""
    return [face + np.float32(box[:2]) for face in detectors.faces(photo.crop(box))]


def on_a_body(face: np.ndarray, photo: Image.Image) -> bool:
    """Whether a person is seen whose face is in this place (an ear from close by passes for a face)."""
    box, _ = around(face, 3, photo)
    shift = np.float32([*box[:2], 0, 0])
    return any(agrees(face, body + shift) for body in detectors.poses(photo.crop(box)))


def agrees(face: np.ndarray, body: np.ndarray) -> bool:
    """Whether a face (478,2) and a body (33,4) have eyes and nose in one place, to a sixth of the face."""
    places = np.stack([face[group].mean(0) for group in FACE_PLACES])  # (3, 2)
    return bool(np.abs(body[BODY_PLACES, :2] - places).max() < np.ptp(face, axis=0).max() / 6)


def around(xy: np.ndarray, times: float, photo: Image.Image) -> tuple[tuple[int, int, int, int], float]:
    """Box that reaches `times` the points' extent to every side of their middle, inside the photo; and that reach."""
    low, high = xy.min(0), xy.max(0)
    reach = float(times * (high - low).max())
    left, top = np.clip((low + high) / 2 - reach, 0, np.array(photo.size) - 1).astype(int).tolist()
    right, bottom = np.clip((low + high) / 2 + reach, 0, photo.size).astype(int).tolist()
    return (left, top, max(right, left + 1), max(bottom, top + 1)), reach


def why_none(bodies: list[np.ndarray]) -> str:
    """Message for a photo without a face, by what the pose detector saw in it."""
    if not bodies:
        return "No face was found. Use a photo in which a face is seen from the front, well lit."
    if detectors.turned(bodies[0]):
        return "No face was found: the person is seen from behind. Use a photo in which the face is seen."
    return ("A person was found, but no face: it may be too small, covered, upside down or turned to the side. "
            "Use a photo in which a face is seen from the front, closer by.")  # fmt: skip
