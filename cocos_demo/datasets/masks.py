"""Foreground masks of a prepared folder's pictures: who or what is in front, by mediapipe's selfie segmenter."""

import json
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from ..conditions.detectors import silhouette
from ..files import beside
from ..photo import open_photo


def write_masks(folders: Iterable[Path], progress: bool = True) -> None:
    """Write masks/NAME.png (1 bit, size x size, white where a person is surer than one half) for each picture without one.

    folders: prepared folders with an index.json. Raises: ModelMissing; PhotoError for a picture that is not there.
    """
    missing = [(folder, item["name"]) for folder in folders for item in json.loads((folder / "index.json").read_text())["items"]
               if not (folder / "masks" / f"{item['name']}.png").exists()]
    for folder, name in tqdm(missing, desc="masks", unit="picture", disable=not (progress and missing)):
        person = silhouette(open_photo(folder / "images" / f"{name}.jpg")) > 0.5  # (S, S)
        with beside(folder / "masks" / f"{name}.png") as partial:
            Image.fromarray(person).save(partial, optimize=True)
