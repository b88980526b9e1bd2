"""A slider and the picture that follows it, for notebooks.

ipywidgets' `interact` would do, but its outputs upset the tools that run notebooks without a browser: with a large picture
`jupyter nbconvert --execute` waits for ever, and nbclient without widget state ends in a KeyError. A picture that is a widget
itself passes both.
"""

import io
from collections.abc import Callable
from math import log10

from ipywidgets import FloatLogSlider, Image, VBox
from PIL.Image import Image as Picture


def log_slider(draw: Callable[[float], Picture], name: str, value: float, low: float, high: float) -> VBox:
    """`draw(value)` -> a PIL picture, drawn anew whenever the slider is moved. It runs from `low` to `high`, by factors."""
    def jpeg(at: float) -> bytes:
        file = io.BytesIO()
        draw(at).save(file, "JPEG", quality=85)
        return file.getvalue()

    slider = FloatLogSlider(value, min=log10(low), max=log10(high), step=0.05, description=name, readout_format=".0f",
                            continuous_update=False)
    picture = Image(value=jpeg(value), format="jpeg", layout={"width": "max-content"})
    slider.observe(lambda change: setattr(picture, "value", jpeg(change.new)), "value")
    return VBox([slider, picture])
