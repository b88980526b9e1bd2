"""The surfaces of the rendered samples that ship: whoever matches two of them is told how far the answer is from the truth.

A sample is known by its looks, so that it may come as a path, an upload or an array, and in any size.
"""

import functools
from pathlib import Path

import numpy as np
from PIL import Image

from ..files import beside
from .figures import load_surface
from .truth import Surface

FOLDER = Path(__file__).resolve().parents[2] / "data" / "surfaces"
THUMB = 24  # pixels of the side of what is compared
ALIKE = 2.0  # grey values between two thumbnails of one picture, at most; JPEG and rescaling make 0.5, another picture 20


def thumbnail(picture: Image.Image) -> np.ndarray:
    """(THUMB, THUMB, 3) uint8."""
    return np.array(picture.convert("RGB").resize((THUMB, THUMB), Image.Resampling.BOX))


def keep(sample: str | Path, folder: str | Path, name: str) -> Path:
    """Keep the surface of a sample: the picture `name` of a prepared folder, which shows the same at any size -> the file.

    Raises ValueError where the two are not alike.
    """
    sample, folder = Path(sample), Path(folder)
    with Image.open(sample) as a, Image.open(folder / "images" / f"{name}.jpg") as b:
        thumb, off = thumbnail(a), np.abs(thumbnail(a).astype(int) - thumbnail(b)).mean()
    if off > ALIKE:
        raise ValueError(f"{sample} does not show what {folder} calls {name}: {off:.1f} grey values apart")
    places, mask = load_surface(folder, name)
    with beside(FOLDER / f"{sample.stem}.npz") as file:  # millimetres
        np.savez_compressed(file, places=np.round(places * 1000).astype(np.int16), mask=mask, thumb=thumb)
    return FOLDER / f"{sample.stem}.npz"


def surface_of(picture: Image.Image) -> Surface | None:
    """The surface that a picture shows, if it is one of the rendered samples."""
    if picture.width != picture.height:
        return None
    here = thumbnail(picture).astype(int)
    for surface, thumb in _kept():
        if np.abs(here - thumb).mean() < ALIKE:
            return surface
    return None


@functools.cache
def _kept() -> list[tuple[Surface, np.ndarray]]:
    kept = []
    for path in sorted(FOLDER.glob("*.npz")):
        with np.load(path) as file:
            kept.append((Surface(file["places"].astype(np.float32) / 1000, file["mask"]), file["thumb"].astype(int)))
    return kept
