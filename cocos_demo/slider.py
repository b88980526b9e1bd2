"""A slider and the picture that follows it, for notebooks.

ipywidgets' `interact` would do, but its outputs upset the tools that run notebooks without a browser: with a large picture
`jupyter nbconvert --execute` waits for ever, and nbclient without widget state ends in a KeyError. A picture that is a widget
itself passes both.
"""

import io
from collections.abc import Callable, Sequence
from math import log10

from ipywidgets import FloatLogSlider, Image, IntSlider, VBox
from PIL.Image import Image as Picture


def log_slider(draw: Callable[[float], Picture], name: str, value: float, low: float, high: float) -> VBox:
    """`draw(value)` -> a PIL picture, drawn anew whenever the slider is moved. It runs from `low` to `high`, by factors."""
    slider = FloatLogSlider(value, min=log10(low), max=log10(high), step=0.05, description=name, readout_format=".0f",
                            continuous_update=False)
    return _followed(slider, draw)


def step_slider(pictures: Sequence[Picture], name: str, value: int = 0) -> VBox:
    """One of several pictures, as what an algorithm has after each of its steps; the slider runs from 0 to the last."""
    return _followed(IntSlider(value, min=0, max=len(pictures) - 1, description=name), pictures.__getitem__)


def _followed(slider: FloatLogSlider | IntSlider, draw: Callable[[float], Picture]) -> VBox:
    """The slider, and below it what `draw` gives for its value."""
    def jpeg(at: float) -> bytes:
        file = io.BytesIO()
        draw(at).save(file, "JPEG", quality=85)
        return file.getvalue()

    picture = Image(value=jpeg(slider.value), format="jpeg", layout={"width": "max-content"})
    slider.observe(lambda change: setattr(picture, "value", jpeg(change.new)), "value")
    return VBox([slider, picture])
