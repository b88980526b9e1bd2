"""The pictures of the README, made from real outputs: `python docs/front_page.py`.

    docs/front.webp            photo, what the network sees, exemplar, exemplar warped, picture: one frame for each model and look
    docs/lessons/NAME.webp     a thumbnail of each lesson, cut from a picture that its own cells have drawn
"""

import base64
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
from PIL import Image, ImageDraw, ImageFont

from cocos_demo.comparing import SIDE, Outcome, answered
from cocos_demo.files import beside
from cocos_demo.translator import Translator, enlarge
from cocos_demo.viz import marks

HERE = Path(__file__).resolve().parent
SAMPLES, LESSONS = HERE.parent / "data" / "samples", HERE.parent / "notebooks"
TILE, GAP, HEAD, FOOT = 190, 8, 24, 26  # pixels: a picture, between pictures, the line above, the line below
WAIT = 2000  # milliseconds that a frame is seen
POINTS = ((0.36, 0.42), (0.5, 0.7), (0.5, 0.1), (0.8, 0.94))  # of a portrait's square: an eye, the mouth, the hair, a shoulder
BODY = ((0.5, 0.17), (0.42, 0.36), (0.58, 0.36), (0.47, 0.7))  # of a figure's: head, chest on both sides, a leg
THUMBNAIL = 240, 150


class Scene(NamedTuple):
    """One frame: a model, and the samples that it is given."""

    model: str
    photo: str
    exemplar: str
    points: Sequence[tuple[float, float]] = POINTS


SCENES = (
    Scene("portrait", "photos/P009_studio_portrait.jpg", "portraits/P003_thoughtful.jpg"),
    Scene("portrait_mcl", "photos/P009_studio_portrait.jpg", "portraits/P001_happy.jpg"),
    Scene("portrait_v2", "photos/P009_studio_portrait.jpg", "portraits/P008_happy.jpg"),
    Scene("portrait_segin", "photos/P010_amateur_selfie.jpg", "portraits/P002_amateur_selfie.jpg"),
    Scene("portrait_oil", "photos/P010_amateur_selfie.jpg", "paintings/P005_studio_portrait_rococo.jpg"),
    Scene("portrait_oil", "photos/P009_studio_portrait.jpg", "paintings/P004_head_front_swirls.jpg"),
    Scene("figure", "photos/rendered_05_0.jpg", "figures/rendered_01_1.jpg", BODY),
)
# The picture of each lesson that its thumbnail is cut from, counted from 0 among those in its outputs.
CUTS = {"00_start_here": 5, "01_domain_alignment": 4, "02_correlation_matrices": 5, "03_cyclic_warping": 5, "04_translation": 9,
        "05_patchmatch_refinement": 7, "06_contrastive_correspondence": 11, "07_semantic_match": 9}  # fmt: skip


def frame(outcome: Outcome, points: Sequence[tuple[float, float]]) -> Image.Image:
    """One answer as a row of pictures, the points of the photo marked and their matches in the exemplar; points in 0..1."""
    asked = outcome.queries([(SIDE * x, SIDE * y) for x, y in points])
    sides = {"photo": enlarge(outcome.photo, SIDE), "exemplar": enlarge(outcome.exemplar, SIDE)}
    for number, q in enumerate(asked, 1):
        marks.Pen(scale=1.5).mark(sides["photo"], number, *q.at)
        marks.Pen(scale=1.5).mark(sides["exemplar"], number, q.x, q.y, answer=True)
    row = {"photo": sides["photo"], "what the network sees": outcome.condition, "exemplar": sides["exemplar"],
           outcome.warp_name: outcome.warped, "picture": outcome.image}  # fmt: skip
    page = Image.new("RGB", (len(row) * (TILE + GAP) + GAP, HEAD + TILE + FOOT), "white")
    pen, small = ImageDraw.Draw(page), ImageFont.load_default(13)
    for i, (name, picture) in enumerate(row.items()):
        left = GAP + i * (TILE + GAP)
        pen.text((left, HEAD / 2), name, "#555555", small, anchor="lm")
        page.paste(picture.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS), (left, HEAD))
    words = f"{outcome.title}, 128 px: {outcome.seconds:.2f} s on a CPU"
    pen.text((GAP, HEAD + TILE + FOOT / 2), words, "#1a1a1a", ImageFont.load_default(14), anchor="lm")
    return page


def strip(out: Path, scenes: Sequence[Scene] = SCENES) -> Path:
    """Translate every scene and write the frames as one animation -> its path."""
    frames = []
    for scene in scenes:
        net = Translator.load(scene.model, "cpu")
        given = SAMPLES / scene.photo, SAMPLES / scene.exemplar
        answered(scene.model, net, *given)  # the first one loads what the later ones find there
        frames.append(frame(answered(scene.model, net, *given), scene.points))
    with beside(out) as partial:
        frames[0].save(partial, "WEBP", save_all=True, append_images=frames[1:], duration=WAIT, loop=0, quality=78, method=6)
    return out


def drawn(lesson: Path) -> list[bytes]:
    """The pictures in the outputs of an executed lesson, in order, as files."""
    outputs = (output for cell in nbformat.read(lesson, as_version=4).cells for output in cell.get("outputs", []))
    return [base64.b64decode(data) for output in outputs for kind, data in output.get("data", {}).items()
            if kind in ("image/png", "image/jpeg")]


def thumbnail(picture: Image.Image) -> Image.Image:
    """The left of a picture, in the shape and size of a thumbnail: lessons draw rows, and the left of a row tells enough."""
    width, height = THUMBNAIL
    cut = picture.crop((0, 0, min(picture.width, round(picture.height * width / height)), picture.height))
    page = Image.new("RGB", THUMBNAIL, "white")
    cut.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    page.paste(cut, ((width - cut.width) // 2, (height - cut.height) // 2))
    return page


def thumbnails(folder: Path, lessons: Path = LESSONS) -> list[Path]:
    """Write the thumbnail of every lesson -> their paths. Raises IndexError for a lesson that drew too few pictures."""
    written = []
    for name, number in CUTS.items():
        with Image.open(io.BytesIO(drawn(lessons / f"{name}.ipynb")[number])) as picture:
            small = thumbnail(picture.convert("RGB"))
        written.append(folder / f"{name}.webp")
        with beside(written[-1]) as partial:
            small.save(partial, "WEBP", quality=80, method=6)
    return written


def main() -> None:
    for path in [strip(HERE / "front.webp"), *thumbnails(HERE / "lessons")]:
        print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
