"""Pictures as small files that look the same: what notebooks keep, and the sheets in documents."""

import io

import numpy as np
from PIL import Image

LOSSY = {"quality": 80, "optimize": True, "progressive": True, "method": 6}  # for Image.save, of JPEG or WebP
# What nobody sees: the mean change of a value, and the largest change of all but one value in a thousand, of 255.
MEAN, MOST = 1.5, 12


def jpeg(picture: Image.Image) -> bytes:
    """A picture as a JPEG file, transparent parts on white."""
    file = io.BytesIO()
    opaque(picture).save(file, "JPEG", **LOSSY)
    return file.getvalue()


def png(picture: Image.Image) -> bytes:
    """A picture as a PNG file, transparent parts on white: in 256 colours at most, unless that could be seen."""
    picture, file = opaque(picture), io.BytesIO()
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    change = np.abs(np.asarray(few.convert("RGB"), np.int16) - np.asarray(picture, np.int16))
    seen = change.mean() > MEAN or np.quantile(change, 0.999) > MOST
    (picture if seen else few).save(file, "PNG", optimize=True)
    return file.getvalue()


def opaque(picture: Image.Image) -> Image.Image:
    """RGB, transparent parts on white."""
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), rgba).convert("RGB")
