"""Sliders and the picture that follows them, for notebooks.

ipywidgets' `interact` would do, but its outputs upset the tools that run notebooks without a browser: with a large picture
`jupyter nbconvert --execute` waits for ever, and nbclient without widget state ends in a KeyError. A picture that is a widget
itself passes both.
"""

import io
from collections.abc import Callable, Sequence
from math import log10

from ipywidgets import FloatLogSlider, Image, IntSlider, SelectionSlider, VBox
from PIL.Image import Image as Picture


def log_slider(draw: Callable[[float], Picture], name: str, value: float, low: float, high: float) -> VBox:
    """`draw(value)` -> a PIL picture, drawn anew whenever the slider is moved. It runs from `low` to `high`, by factors."""
    slider = FloatLogSlider(value, min=log10(low), max=log10(high), step=0.05, description=name, readout_format=".0f",
                            continuous_update=False)
    return _followed([slider], draw)


def step_slider(pictures: Sequence[Picture], name: str, value: int = 0) -> VBox:
    """One of several pictures, as what an algorithm has after each of its steps; the slider runs from 0 to the last."""
    return _followed([IntSlider(value, min=0, max=len(pictures) - 1, description=name)], pictures.__getitem__)


def choice_sliders(draw: Callable[..., Picture], start: dict[str, float], **choices: Sequence[float]) -> VBox:
    """`draw(m=.4, s=30)` -> a PIL picture, drawn anew whenever one of the sliders is moved: for `m=(0, .2, .4), s=(10, 30)` one
    named m, which stops at these three, and one named s. `start`: where each begins, among its choices."""
    sliders = [SelectionSlider(value=start[name], options=list(values), description=name, continuous_update=False)
               for name, values in choices.items()]
    return _followed(sliders, lambda *at: draw(**dict(zip(choices, at))))


def _followed(sliders: Sequence[FloatLogSlider | IntSlider | SelectionSlider], draw: Callable[..., Picture]) -> VBox:
    """The sliders, and below them what `draw` gives for their values."""
    def jpeg() -> bytes:
        file = io.BytesIO()
        draw(*(slider.value for slider in sliders)).save(file, "JPEG", quality=85)
        return file.getvalue()

    picture = Image(value=jpeg(), format="jpeg", layout={"width": "max-content"})
    for slider in sliders:
        slider.observe(lambda change: setattr(picture, "value", jpeg()), "value")
    return VBox([*sliders, picture])
