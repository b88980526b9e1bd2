"""Colours in CIELAB (D65): those of a small painting on the lightness of one's own photo.

A network paints a square of 128 pixels or so, and a photo has many more. The eye sees fine detail in lightness, and little of it
in colour: so the photo keeps its own lightness L, and the painting, enlarged, gives a and b alone.
"""

import numpy as np
from PIL import Image

from .photo import Frame, open_photo

GREY = 12  # of 255: how far channels may be apart, in 95 of 100 pixels, in a picture without colours
LARGEST = 4096  # pixels a side of what `recolour` returns, at most: CIELAB takes 12 bytes a pixel
ROWS = 64  # of a picture that are looked at together: what is worked out on the way takes ten times their space
NEAR = 0.25  # a colour can be shown if, made RGB and cut off there, none of its L, a, b changes by more than this


def recolour(photo, painted: Image.Image, frame: Frame | None = None) -> Image.Image:
    """The square of the photo that was painted, at the photo's own resolution: its lightness, the painting's colours.

    photo: what open_photo takes, grey or in colour. painted: RGB (S, S), what a network made of `frame`, the square of the photo
    that its condition was read from (`condition.found.frame`); without a frame, of the whole photo, which is square then.
    Returns: RGB (R, R), R the frame's side in pixels of the photo, at most LARGEST. What lies outside the frame is not in it: no
    colour is known there. A colour that cannot be shown at its lightness becomes paler, not lighter or darker.
    Raises: PhotoError; ValueError for a painting or, without a frame, a photo that is not square.
    """
    photo = open_photo(photo)
    for name, picture in (("painting", painted), *(() if frame else [("photo", photo)])):
        if picture.width != picture.height:
            raise ValueError(f"the {name} must be square, not {picture.width} x {picture.height}")
    frame = frame or Frame(photo.width / 2, photo.height / 2, photo.width)
    side = min(round(frame.side), LARGEST)
    lab = to_lab(frame.cut(photo, side))
    lab[..., 1:] = resized(to_lab(painted)[..., 1:], side)
    return to_rgb(lab)


def is_grey(picture: Image.Image) -> bool:
    """Whether a picture has no colours, but for a camera's or a scanner's noise. A brown old photo has one."""
    rgb = np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.BOX), np.int16)  # (64, 64, 3)
    return float(np.percentile(np.ptp(rgb, axis=-1), 95)) <= GREY


def to_lab(picture: Image.Image) -> np.ndarray:
    """PIL picture (sRGB) -> CIELAB, float32 (H, W, 3): L in 0..100, a and b about 0."""
    import cv2

    linear = _linear(np.arange(256, dtype=np.float32) / 255)  # of each of the 256 values that there are
    return cv2.cvtColor(linear[np.asarray(picture.convert("RGB"))], cv2.COLOR_LRGB2Lab)


def to_rgb(lab: np.ndarray) -> Image.Image:
    """CIELAB (H, W, 3) -> PIL RGB. What cannot be shown keeps lightness and hue, and as much of its chroma as can be."""
    rgb = np.empty(lab.shape, np.uint8)
    for top in range(0, len(lab), ROWS):
        rows = lab[top : top + ROWS].astype(np.float32)
        off = ~_shown(rows)  # (ROWS, W)
        if off.any():
            rows[off] = _paler(rows[off][:, None])[:, 0]
        rgb[top : top + ROWS] = (_rgb(rows) * 255).round()
    return Image.fromarray(rgb)


def resized(ab: np.ndarray, side: int) -> np.ndarray:
    """Colours (S, S, 2) -> (side, side, 2): smooth where enlarged, by area where reduced."""
    import cv2

    return cv2.resize(ab, (side, side), interpolation=cv2.INTER_AREA if side < len(ab) else cv2.INTER_CUBIC)


def _lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB float32 (H, W, 3) in 0..1 -> CIELAB. Made linear here: from sRGB itself OpenCV interpolates, up to 0.4 off."""
    import cv2

    return cv2.cvtColor(_linear(rgb), cv2.COLOR_LRGB2Lab)


def _linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB float32 in 0..1 -> linear light, in 0..1."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _rgb(lab: np.ndarray) -> np.ndarray:
    """CIELAB float32 (H, W, 3) -> sRGB in 0..1; OpenCV cuts off what lies beyond."""
    import cv2

    return cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)


def _shown(lab: np.ndarray) -> np.ndarray:
    """bool (H, W): whether a screen can show a colour."""
    return np.abs(_lab(_rgb(lab)) - lab).max(-1) <= NEAR


def _paler(lab: np.ndarray) -> np.ndarray:
    """Colours (M, 1, 3) with the largest share, in steps of 1/128, of their a and b that can be shown, found by bisection."""
    share = np.zeros((len(lab), 1, 1), np.float32)
    lightness, ab = lab[..., :1], lab[..., 1:]
    for step in 0.5 ** np.arange(1, 8, dtype=np.float32):
        more = np.concatenate([lightness, (share + step) * ab], axis=-1)
        share += step * _shown(more)[..., None]
    return np.concatenate([lightness, share * ab], axis=-1)
