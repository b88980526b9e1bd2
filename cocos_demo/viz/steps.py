"""PatchMatch as pictures: the field, the warp and the scores after each step, and all of them as an animation."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..pair import View
from ..recording import Recording, Step
from .overlays import HEAT, flow_colours

PANEL, GAP, HEAD, FOOT = 232, 8, 46, 58  # pixels of an animation's frame
TITLES = ("field: the colour of each match", "key: the exemplar's places", "exemplar, warped (Eq. 8)", "scores")
DURATION, LONG = 900, 3000  # milliseconds of a frame, and of the last


def field(step: Step, photo: View, exemplar: View) -> Image.Image:
    """The photo, each position in the colour of the exemplar's place that is its best candidate."""
    return flow_colours(step.places, photo, exemplar)


def key(exemplar: View) -> Image.Image:
    """The exemplar in the colours of its places."""
    return flow_colours(exemplar.centres.reshape(*exemplar.grid, 2), exemplar, exemplar)


def score_scale(steps: list[Step]) -> tuple[float, float]:
    """The ends of the colours for the scores of one level, whose features are its own: below the low end lie 2 % of them."""
    return float(np.quantile([step.scores for step in steps], 0.02)), float(np.max([step.scores for step in steps]))


def scores(step: Step, low: float, high: float) -> Image.Image:
    """The cosines as colours, viridis from low to high, a pixel for each position."""
    amount = ((step.scores - low) / max(high - low, 1e-9)).clip(0, 1)
    return Image.fromarray((HEAT(amount)[..., :3] * 255).round().astype(np.uint8))


def numbers(step: Step) -> str:
    """What was measured, in one line."""
    said = [f"mean score {step.score:.4f}"]
    if step.moved is not None:
        said.append(f"moved {100 * step.moved:.0f} %")
    if step.error is not None:
        said.append(f"median error {100 * step.error:.1f} % of the side")
        said += [f"PCK@{t:g} {share:.2f}" for t, share in step.pck.items()]
    return "   ".join(said)


def animation(told: Recording) -> tuple[list[Image.Image], list[int]]:
    """A frame for every step: name, field, key, warp, scores, what was measured, what it does -> frames, milliseconds of each."""
    scales = [score_scale(told.of_level(level)) for level in range(told.steps[-1].level + 1)]
    known = key(told.exemplar)
    frames = []
    for i, step in enumerate(told.steps):
        panels = (field(step, told.photo, told.exemplar), known, step.warp, scores(step, *scales[step.level]))
        frames.append(_composed(step, panels, (i + 1) / len(told.steps)))
    return frames, [DURATION] * (len(frames) - 1) + [LONG]


def _composed(step: Step, panels: tuple[Image.Image, ...], done: float) -> Image.Image:
    width = len(panels) * (PANEL + GAP) + GAP
    page = Image.new("RGB", (width, HEAD + PANEL + FOOT), "white")
    # Pillow's own font has no ×.
    pen, large, small = ImageDraw.Draw(page), ImageFont.load_default(size=15), ImageFont.load_default(size=12)
    pen.text((GAP, 13), step.name.replace("×", "x"), fill="black", font=large, anchor="lm")
    pen.text((width - GAP, 13), numbers(step), fill="black", font=small, anchor="rm")
    pen.rectangle((0, HEAD + PANEL + FOOT - 4, done * width, HEAD + PANEL + FOOT), fill="#0072B2")
    for i, (panel, title) in enumerate(zip(panels, TITLES, strict=True)):
        left = GAP + i * (PANEL + GAP)
        pen.text((left, HEAD - 10), title, fill="#444444", font=small, anchor="lm")
        blocks = panel.width <= PANEL
        page.paste(panel.resize((PANEL, PANEL), Image.Resampling.NEAREST if blocks else Image.Resampling.LANCZOS), (left, HEAD))
    words = textwrap.fill(step.does, 145)
    pen.multiline_text((GAP, HEAD + PANEL + 12), words, fill="black", font=small, spacing=5)
    return page
