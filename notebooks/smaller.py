"""Keep the pictures in the outputs of executed lessons in fewer bytes, in place: `python notebooks/smaller.py LESSON.ipynb ...`.

Plots get a palette, photographs the quality that our own figures have, and a picture that is there as PNG and as JPEG stays as
JPEG. Animations stay as they are. A second run changes nothing.
"""

import base64
import io
import sys
from pathlib import Path

import nbformat
from PIL import Image

from cocos_demo.files import beside
from cocos_demo.viz import small

GAIN = 0.15  # what a picture must lose of its bytes to be written again: a JPEG is a little worse each time


def smaller(file: bytes) -> bytes:
    """A PNG or JPEG file -> one of the same kind and size in pixels with fewer bytes, or the same file where little is won."""
    with Image.open(io.BytesIO(file)) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            return file
        again = small.jpeg(picture) if picture.format == "JPEG" else small.png(picture)
    return again if len(again) < (1 - GAIN) * len(file) else file


def reduced(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook, the pictures in its outputs smaller."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        data = output.get("data", {})
        if {"image/png", "image/jpeg"} <= set(data):
            del data["image/png"]
        for kind in {"image/png", "image/jpeg"} & set(data):
            file = base64.b64decode(data[kind])
            again = smaller(file)
            if again != file:
                data[kind] = base64.b64encode(again).decode()
    return notebook


def main(paths: list[str]) -> None:
    for path in map(Path, paths):
        before = path.read_text("utf-8")
        after = nbformat.writes(reduced(nbformat.reads(before, as_version=4))) + "\n"
        if after != before:
            with beside(path) as partial:
                partial.write_text(after, "utf-8")
            print(f"{path.name}: {len(before) / 1e6:.2f} -> {len(after) / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
