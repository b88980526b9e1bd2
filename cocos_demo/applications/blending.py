"""A colour layer laid on a photo: opacity and blend modes, by the formulas of the W3C ("Compositing and Blending Level 1").

Colours are float in 0..1, sRGB as stored, as paint programs blend. A layer is premultiplied inside this package: (H, W, 4) of
red, green, blue times alpha, and alpha. Only so may it be enlarged, moved and averaged.
"""

import numpy as np
from PIL import Image

EPS = 1e-6


class BlendError(ValueError):
    """A layer cannot be laid on like this; the message says how it can."""


def _soft_light(b, s):
    d = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (d - b))


def _hard_light(b, s):
    return np.where(s <= 0.5, 2 * s * b, 1 - 2 * (1 - s) * (1 - b))


def _colour(b, s):
    """Hue and saturation of the layer, lightness of the photo (the W3C's non-separable mode "color")."""
    weights = np.array([0.3, 0.59, 0.11], np.float32)
    c = s + ((b - s) @ weights)[..., None]
    light, low, high = (c @ weights)[..., None], c.min(-1, keepdims=True), c.max(-1, keepdims=True)
    c = np.where(low < 0, light + (c - light) * light / np.maximum(light - low, EPS), c)
    return np.where(high > 1, light + (c - light) * (1 - light) / np.maximum(high - light, EPS), c)


# B(backdrop, source) of each mode.
MODES = {
    "normal": lambda b, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: b + s - b * s,
    "overlay": lambda b, s: _hard_light(s, b),
    "soft light": _soft_light,
    "hard light": _hard_light,
    "darken": np.minimum,
    "lighten": np.maximum,
    "colour": _colour,
}


def blend(photo: np.ndarray, layer: np.ndarray, mode: str = "normal", opacity: float = 1.0) -> np.ndarray:
    """A premultiplied layer (H, W, 4) on a photo (H, W, 3), both in 0..1 -> (H, W, 3).

    Co = (1 - a) Cb + a B(Cb, Cs) with a the layer's alpha times `opacity`. Raises BlendError for an unknown mode and an opacity
    beyond 0..1.
    """
    check(mode, opacity)
    alpha = layer[..., 3:]
    colour = np.clip(layer[..., :3] / np.maximum(alpha, EPS), 0, 1)
    a = np.clip(alpha, 0, 1) * opacity
    return (1 - a) * photo + a * MODES[mode](photo, colour)


def lay(part: np.ndarray, layer: np.ndarray, mode: str = "normal", opacity: float = 1.0) -> None:
    """Blend a premultiplied layer (h, w, 4) into a part of a photo, uint8 (h, w, 3), in place. Where the layer is clear, the
    photo's pixels are its own."""
    there = layer[..., 3] * opacity > 0.5 / 255  # (h, w); less cannot be seen
    if there.any():
        new = (blend(part.astype(np.float32) / 255, layer, mode, opacity) * 255).round().clip(0, 255).astype(np.uint8)
        part[:] = np.where(there[..., None], new, part)


def check(mode: str, opacity: float) -> None:
    """Raises BlendError."""
    if mode not in MODES:
        raise BlendError(f"there is no blend mode {mode!r}; there are {', '.join(MODES)}")
    if not isinstance(opacity, (int, float)) or not 0 <= opacity <= 1:
        raise BlendError(f"the opacity must lie between 0 and 1, got {opacity}")


def premultiplied(picture: Image.Image) -> np.ndarray:
    """A transparent picture -> premultiplied float32 (H, W, 4) in 0..1."""
    rgba = np.asarray(picture.convert("RGBA"), np.float32) / 255
    return np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=-1)


def as_picture(layer: np.ndarray) -> Image.Image:
    """A premultiplied layer (H, W, 4) -> a transparent picture, RGBA."""
    return Image.fromarray(straight(layer), "RGBA")


def straight(layer: np.ndarray) -> np.ndarray:
    """A premultiplied layer (H, W, 4) in 0..1 -> uint8 (H, W, 4), colours not multiplied."""
    alpha = np.clip(layer[..., 3:], 0, 1)
    colour = np.where(alpha > 0.5 / 255, layer[..., :3] / np.maximum(alpha, EPS), 0)
    return (np.concatenate([np.clip(colour, 0, 1), alpha], -1) * 255).round().astype(np.uint8)


def tinted(layer: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A premultiplied layer in one colour (0 to 255), its alpha kept."""
    return np.concatenate([layer[..., 3:] * (np.float32(colour) / 255), layer[..., 3:]], axis=-1)


def over(*layers: np.ndarray) -> np.ndarray:
    """Premultiplied layers, the last on top -> one: Porter and Duff's "over"."""
    result = layers[0]
    for layer in layers[1:]:
        result = layer + (1 - layer[..., 3:]) * result
    return result
