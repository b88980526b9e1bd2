"""A recorded matching as one piece of HTML that plays in the browser: frames, slider, charts; the server is not asked again."""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from cocos_demo.recording import Recording, Step
from cocos_demo.ui.common import hexadecimal
from cocos_demo.viz import steps

SPEEDS = {"slow": 1600, "normal": 800, "fast": 300}  # milliseconds a frame
WIDE, HIGH, EDGE = 330, 96, 14  # of a chart


def player() -> gr.HTML:
    """An empty player; its value is `markup` of a recording, or "" for none."""
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return gr.HTML("", js_on_load=script, padding=False, elem_id="player")


def markup(told: Recording) -> str:
    """All frames of a recording, the first of them shown."""
    last = len(told.steps) - 1
    speeds = "".join(f'<option value="{ms}"{" selected" if name == "normal" else ""}>{name}</option>'
                     for name, ms in SPEEDS.items())
    controls = (f'<div class="controls"><button type="button" class="play">▶ Play</button>'
                f'<button type="button" data-by="-1" aria-label="One step back">‹</button>'
                f'<input type="range" class="at" min="0" max="{last}" value="0" aria-label="Step">'
                f'<button type="button" data-by="1" aria-label="One step on">›</button>'
                f'<select class="speed" aria-label="Speed">{speeds}</select>'
                f'<button type="button" class="frame" data-sheet=".player .panels figure" data-name="patchmatch.png">'
                "Save this step (PNG)</button></div>")
    words = each(told.steps, lambda step: f"<strong>{html.escape(step.name)}</strong> {html.escape(step.does)}", "p")
    return (f'<div class="player">{controls}<div class="told">{words}</div>{panels(told)}'
            f'<div class="measured">{each(told.steps, numbers)}</div><div class="charts">{charts(told.steps)}</div></div>')


def each(told: Sequence[Step], draw, tag: str = "div") -> str:
    """What `draw` makes of every step, in an element that is shown when it is that step's turn."""
    return "".join(f'<{tag} data-at="{i}"{first(i)}>{draw(step)}</{tag}>' for i, step in enumerate(told))


def first(i: int) -> str:
    return "" if i else ' class="now"'


# Pictures


def panels(told: Recording) -> str:
    """Field, key, warp and scores."""
    scales = [steps.score_scale(told.of_level(level)) for level in range(told.steps[-1].level + 1)]
    fields = each(told.steps, lambda step: picture(steps.field(step, told.photo, told.exemplar), "field"))
    warps = each(told.steps, lambda step: picture(step.warp, "warped exemplar"))
    scores = each(told.steps, lambda step: picture(steps.scores(step, *scales[step.level]), "scores"))
    ramps = each(told.steps, lambda step: ramp(*scales[step.level]))
    return ('<div class="panels">'
            + panel("Field", fields, "each place of the photo in the colour of its best match")
            + panel("Key", picture(steps.key(told.exemplar), "key"), "the exemplar: the colour of each place")
            + panel("Warp", warps, "the exemplar through this field (Eq. 8)")
            + panel("Scores", scores, f'<span class="stack">{ramps}</span>') + "</div>")


def panel(title: str, pictures: str, caption: str) -> str:
    return f'<figure><div class="stack">{pictures}</div><figcaption><b>{title}</b> {caption}</figcaption></figure>'


def picture(image: Image.Image, alt: str) -> str:
    """Small maps as they are, a pixel for each position; photographs a little lossy."""
    file, lossless = io.BytesIO(), image.width <= 256
    image.save(file, "webp", lossless=lossless, quality=60 if lossless else 88, method=2)
    return f'<img alt="{alt}" src="data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}">'


def ramp(low: float, high: float) -> str:
    """The colours of the scores; low and high are those of this level."""
    stops = ",".join(hexadecimal(colour) for colour in (255 * steps.HEAT(np.linspace(0, 1, 9))[:, :3]).round().astype(int))
    return f'<span class="ramp">{low:.4f}<i style="background:linear-gradient(90deg,{stops})"></i>{high:.4f}</span>'


# Numbers


def numbers(step: Step) -> str:
    """What was measured, as name and value."""
    said = {"mean score": f"{step.score:.4f}", "moved": "–" if step.moved is None else f"{100 * step.moved:.1f} %"}
    if step.error is not None:
        said["median error"] = f"{100 * step.error:.1f} %"
        said |= {f"PCK@{t:g}": f"{share:.3f}" for t, share in step.pck.items()}
    return "".join(f"<span>{name} <b>{value}</b></span>" for name, value in said.items())


def charts(told: Sequence[Step]) -> str:
    """The mean score, each level on a scale of its own; and the median error, where the truth is known."""
    levels = [[i for i, step in enumerate(told) if step.level == level] for level in range(told[-1].level + 1)]
    spans = [(min(told[i].score for i in level), max(told[i].score for i in level)) for level in levels]
    ends = ["" if len(level) < 3 else f"{low:.5f} – {high:.5f}" for level, (low, high) in zip(levels, spans)]
    drawn = chart("Mean score, each level on a scale of its own", told, levels, [step.score for step in told], spans, ends)
    if told[0].error is not None:
        errors = [100 * step.error for step in told]
        title = f"Median distance from the truth, 0 to {max(errors):.1f} % of the side"
        sizes = ["" if len(level) < 3 else "{1} × {0}".format(*told[level[0]].scores.shape) for level in levels]
        drawn += chart(title, told, levels, errors, [(0.0, max(errors))] * len(levels), sizes)
    return drawn


def chart(title: str, told: Sequence[Step], levels: list[list[int]], values: list[float], spans: list[tuple[float, float]],
          below: list[str]) -> str:
    """Values over the steps as SVG, a line and a band for each level; a click on a dot goes to its step."""
    wide = WIDE / len(told)
    parts = []
    for level, (low, high), words in zip(levels, spans, below):
        left, width = level[0] * wide, len(level) * wide
        parts.append(f'<rect x="{left + 1:.1f}" y="0" width="{width - 2:.1f}" height="{HIGH}"/>')
        parts.append(f'<text x="{left + width / 2:.1f}" y="{HIGH + 12}">{words}</text>')
        at = [((i + 0.5) * wide, HIGH - EDGE - (HIGH - 2 * EDGE) * (0.5 if high == low else (values[i] - low) / (high - low)))
              for i in level]
        parts.append('<polyline points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in at) + '"/>')
        parts += [f'<circle data-at="{i}"{first(i)} cx="{x:.1f}" cy="{y:.1f}" r="4">'
                  f"<title>{told[i].name}: {values[i]:.4g}</title></circle>" for i, (x, y) in zip(level, at)]
    return (f'<figure><svg viewBox="0 0 {WIDE} {HIGH + 16}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
            f"<figcaption>{title}</figcaption></figure>")
