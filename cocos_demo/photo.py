"""Any picture a person uploads becomes an upright RGB photo, or a PhotoError that says why not."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS = 64_000_000
LEAST_SIDE = 16
# Named, because Pillow would hand other kinds (EPS) to outside programs.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "ICO")


class PhotoError(ValueError):
    """The picture cannot be used; the message says why and what to do."""


def open_photo(source) -> Image.Image:
    """Open anything as an upright RGB photo.

    source: path, bytes, file object, PIL image, or array (H,W), (H,W,1|2|3|4): uint8, uint16, bool, float in 0..1.
    Returns: PIL RGB, EXIF rotation applied, transparency on white, first frame of an animation.
    Raises: PhotoError for what is missing, empty, broken, too small (a side under 16) or over 64 megapixels.
    """
    return opened(source, upright_rgb)


def open_stored(source) -> Image.Image:
    """Like open_photo, in the mode it was stored in: the numbers of a palette or grey picture may mean something."""
    return opened(source, lambda image: image.copy())


def reopenable(source):
    """A file object's bytes, and anything else as it is: what can be opened more than once."""
    return source.read() if hasattr(source, "read") else source


def opened(source, then) -> Image.Image:
    """What `then` makes of the picture in a source, while its file is open. Raises: PhotoError."""
    try:
        if isinstance(source, Image.Image):
            check_size(source.size)
            return then(source)
        if isinstance(source, np.ndarray):
            return then(from_array(source))
        with Image.open(readable(source), formats=known_formats()) as image:
            check_size(image.size)  # the header alone is read so far
            return then(image)
    except PhotoError:
        raise
    except UnidentifiedImageError:
        raise PhotoError("This is not a picture that can be read. Use a JPEG, PNG or WebP file.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow looks before check_size can
        raise PhotoError("The picture is far over the limit of 64 megapixels. Make it smaller.") from None
    except Exception as error:  # broken files make the decoders raise nearly anything
        raise PhotoError(f"The picture is damaged or cut short ({error}). Save it again and retry.") from error


def readable(source):
    """Path, bytes or file object -> what Image.open takes; PhotoError when there is nothing to read."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise PhotoError("The file is empty (0 bytes).")
        return io.BytesIO(source)
    if isinstance(source, (str, os.PathLike)):
        if os.path.isdir(source):
            raise PhotoError(f"{os.fspath(source)} is a folder; a picture file is needed.")
        if not os.path.isfile(source):
            raise PhotoError(f"There is no file {os.fspath(source)}.")
        if not os.path.getsize(source):
            raise PhotoError(f"{os.fspath(source)} is empty (0 bytes).")
        return source
    if hasattr(source, "read"):
        return readable(source.read())
    if source is None:
        raise PhotoError("No picture was given.")
    raise PhotoError(f"A picture cannot be made from {type(source).__name__}: give a file, bytes, PIL image or array.")


def known_formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def check_size(size: tuple[int, int]) -> None:
    """Refuse what is too small to show anything, or too large to decode safely."""
    width, height = size
    if width * height > MOST_PIXELS:
        raise PhotoError(f"The picture has {width} x {height} pixels; 64 megapixels are the limit. Make it smaller.")
    if min(width, height) < LEAST_SIDE:
        raise PhotoError(f"The picture has only {width} x {height} pixels; at least {LEAST_SIDE} a side are needed.")


def upright_rgb(image: Image.Image) -> Image.Image:
    """PIL image of any mode -> new RGB image, rotated as EXIF says, transparency on white."""
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return eight_bit(np.asarray(image)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def from_array(array: np.ndarray) -> Image.Image:
    """(H,W) or (H,W,1|2|3|4) array -> PIL image L, LA, RGB or RGBA."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]  # (H, W)
    if not (array.ndim == 2 or array.ndim == 3 and array.shape[2] in (2, 3, 4)):
        raise PhotoError(f"An array of shape {array.shape} is no picture; (H, W) or (H, W, 3) is needed.")
    check_size((array.shape[1], array.shape[0]))
    return eight_bit(array)


def eight_bit(array: np.ndarray) -> Image.Image:
    """Grey or colour array of any depth -> 8-bit PIL image; integers over 255 are read as 16-bit, floats as 0..1."""
    if array.dtype == np.uint8:
        return Image.fromarray(array)
    if array.dtype == bool:
        return Image.fromarray(array.astype(np.uint8) * 255)
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())  # NaN fails the test below
        if not (low >= 0 and high <= 1):
            raise PhotoError(f"Values of a float picture must lie in 0..1; these run from {low:g} to {high:g}.")
        return Image.fromarray((array * 255 + 0.5).astype(np.uint8))
    if np.issubdtype(array.dtype, np.integer):
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 65535:
            raise PhotoError(f"Values of an integer picture must lie in 0..65535; these run from {low} to {high}.")
        step = 257 if array.dtype.itemsize == 2 or high > 255 else 1
        return Image.fromarray(((array.astype(np.uint32) + step // 2) // step).astype(np.uint8))
    raise PhotoError(f"An array of {array.dtype} is no picture; use uint8, uint16 or float in 0..1.")


@dataclass(frozen=True)
class Frame:
    """A square in a photo: centre and side in photo pixels (pixel centres at .5), angle in radians clockwise."""

    cx: float
    cy: float
    side: float
    angle: float = 0.0

    def cut(self, photo: Image.Image, size: int) -> Image.Image:
        """The square as PIL RGB size x size; antialiased; outside the photo its edge pixels are repeated."""
        corners = self.to_photo(np.array([[0, 0], [1, 0], [1, 1], [0, 1]]))  # (4, 2)
        left, top = np.floor(corners.min(0)).astype(int) - 2
        right, bottom = np.ceil(corners.max(0)).astype(int) + 2
        x = np.clip(np.arange(left, right), 0, photo.width - 1)
        y = np.clip(np.arange(top, bottom), 0, photo.height - 1)
        part = photo.crop((x[0], y[0], x[-1] + 1, y[-1] + 1))
        if part.size != (len(x), len(y)):
            part = Image.fromarray(np.asarray(part)[np.ix_(y - y[0], x - x[0])])
        x0, y0 = corners[0] - (left, top)
        if not self.angle:
            return part.resize((size, size), Image.Resampling.LANCZOS, (x0, y0, x0 + self.side, y0 + self.side))
        fine = size * max(1, math.ceil(self.side / size))  # turn at full resolution, then reduce
        c, s = (self.side / fine * f(self.angle) for f in (math.cos, math.sin))
        level = part.transform((fine, fine), Image.Transform.AFFINE, (c, -s, x0, s, c, y0), Image.Resampling.BICUBIC)
        return level.resize((size, size), Image.Resampling.LANCZOS)

    def to_unit(self, xy) -> np.ndarray:
        """(N,2) photo pixels -> (N,2) coordinates of the square, 0..1."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        offset = np.asarray(xy, np.float64) - (self.cx, self.cy)
        return offset @ np.array([[c, -s], [s, c]]) / self.side + 0.5  # (N, 2)

    def to_photo(self, xy) -> np.ndarray:
        """(N,2) coordinates of the square, 0..1 -> (N,2) photo pixels."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        offset = (np.asarray(xy, np.float64) - 0.5) * self.side
        return offset @ np.array([[c, s], [-s, c]]) + (self.cx, self.cy)  # (N, 2)


def to_array(image: Image.Image) -> np.ndarray:
    """PIL image -> float32 (3,H,W) in [-1,1]."""
    return np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1) / 127.5 - 1  # (3, H, W)


def to_image(array) -> Image.Image:
    """Array or tensor (3,H,W) in [-1,1] (clipped) -> PIL RGB."""
    if hasattr(array, "detach"):
        array = array.detach().float().cpu().numpy()
    array = np.asarray(array, np.float32)
    if array.ndim != 3 or array.shape[0] != 3:
        raise ValueError(f"to_image needs (3, H, W), got {array.shape}")
    pixels = np.clip((array + 1) * 127.5, 0, 255).round().astype(np.uint8)
    return Image.fromarray(pixels.transpose(1, 2, 0))  # (H, W, 3)
