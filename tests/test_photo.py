"""Whatever is uploaded becomes an upright RGB picture, or a PhotoError that names the reason."""

import io
import math
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cocos_demo.photo import Frame, PhotoError, open_photo, to_array, to_image


def picture(width=40, height=24, mode="RGB"):
    """Red on the left half, blue on the right."""
    image = Image.new("RGB", (width, height), (200, 30, 20))
    image.paste((20, 30, 200), (width // 2, 0, width, height))
    return image.convert(mode)


def as_bytes(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def left_right(image):
    a = np.asarray(image).astype(int)
    return a[a.shape[0] // 2, 4], a[a.shape[0] // 2, -5]


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "file", "image", "array"])
def test_every_kind_of_source(kind, tmp_path):
    path = tmp_path / "a.png"
    picture().save(path)
    source = {
        "path": path,
        "str": str(path),
        "bytes": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "image": picture(),
        "array": np.asarray(picture()),
    }[kind]
    photo = open_photo(source)
    assert photo.mode == "RGB" and np.array_equal(np.asarray(photo), np.asarray(picture()))


@pytest.mark.parametrize("orientation, angle", [(3, 180), (6, 90), (8, 270)])
def test_exif_sideways(orientation, angle):
    upright = picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = as_bytes(upright.rotate(angle, expand=True), "JPEG", quality=100, subsampling=0, exif=exif)
    photo = open_photo(stored)
    assert photo.size == upright.size
    left, right = left_right(photo)
    assert left[0] > 180 > 60 > left[2] and right[2] > 180 > 60 > right[0]
    assert photo.getexif().get(0x0112, 1) == 1


def test_the_source_is_left_alone():
    source = picture()
    open_photo(source).paste((0, 0, 0), (0, 0, 40, 24))
    assert np.array_equal(np.asarray(source), np.asarray(picture()))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGBa"])
def test_transparent_becomes_white(mode):
    clear = picture(mode="RGBA")
    clear.paste((255, 0, 0, 0), (0, 0, 20, 24))  # the left half: red, but invisible
    if mode == "P":
        palette = Image.fromarray(np.repeat(np.uint8([[0] * 20 + [1] * 20]), 24, 0), "P")
        palette.putpalette([255, 0, 0, 20, 30, 200])
        clear = open_photo(as_bytes(palette, "PNG", transparency=0))
    else:
        clear = open_photo(clear.convert(mode))
    left, right = left_right(clear)
    assert (left > 250).all() and right.min() < 80


def test_half_transparent_is_mixed_with_white():
    assert open_photo(Image.new("RGBA", (20, 20), (0, 0, 0, 128))).getpixel((5, 5)) == (127, 127, 127)


MODES = [("L", "PNG"), ("1", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"), ("YCbCr", "JPEG")]


@pytest.mark.parametrize("mode, format", MODES)
def test_other_modes(mode, format):
    left, right = left_right(open_photo(as_bytes(picture(mode=mode), format)))
    if mode in ("L", "1"):
        assert len(set(left)) == 1
    else:
        assert left[0] > 150 > 90 > left[2] and right[2] > 150 > 90 > right[0]


def test_sixteen_bits():
    ramp = np.linspace(0, 65535, 40 * 24).reshape(24, 40).astype(np.uint16)
    want = np.round(ramp / 257).astype(int)
    image = Image.fromarray(ramp)
    for source in (ramp, image, as_bytes(image, "PNG"), as_bytes(image, "TIFF")):
        got = np.asarray(open_photo(source)).astype(int)
        assert got.shape == (24, 40, 3) and np.abs(got[..., 1] - want).max() <= 1
    colour = np.stack([ramp, ramp[::-1], ramp * 0], -1)
    assert np.abs(np.asarray(open_photo(colour)).astype(int)[..., 0] - want).max() <= 1


def test_arrays():
    grey = np.linspace(0, 1, 400).reshape(20, 20)
    assert np.asarray(open_photo(grey))[..., 0].max() == 255
    assert open_photo(grey[..., None] > 0.5).getextrema() == ((0, 255),) * 3
    assert open_photo(np.full((20, 20), 200)).getpixel((0, 0)) == (200,) * 3  # int64, as numpy makes them
    for bad in (grey * 255, grey - 0.5, grey * np.nan, np.full((20, 20), -1), np.full((20, 20), 70000)):
        with pytest.raises(PhotoError, match="must lie in"):
            open_photo(bad)
    with pytest.raises(PhotoError, match="shape"):
        open_photo(np.zeros((20, 20, 5), np.uint8))
    with pytest.raises(PhotoError, match="complex"):
        open_photo(np.zeros((20, 20), complex))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(format):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    data = as_bytes(frames[0], format, save_all=True, append_images=frames[1:])
    red, green, blue = open_photo(data).getpixel((10, 10))
    assert red > 200 and green < 50 and blue < 50


def png_header(width, height):
    """A PNG that claims a size and holds no pixels: decoding it would fail, so a refusal must come before."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize("size", [(20_000, 4_000), (9_000, 9_500), (60_000, 60_000)])
def test_too_large_is_refused_before_decoding(size):
    with pytest.raises(PhotoError, match="64 megapixels"):
        open_photo(png_header(*size))


def test_20000_wide_is_fine_within_the_limit():
    assert open_photo(Image.new("L", (20_000, 20))).size == (20_000, 20)


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (20_000, 1)])
def test_too_small(size):
    with pytest.raises(PhotoError, match="at least 16"):
        open_photo(as_bytes(Image.new("RGB", size), "PNG"))
    with pytest.raises(PhotoError, match="at least 16"):
        open_photo(np.zeros(size, np.uint8))


def test_not_a_picture(tmp_path):
    text = tmp_path / "a.jpg"
    text.write_text("this is no picture")
    empty = tmp_path / "b.jpg"
    empty.touch()
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n"  # would be run by a program outside
    for source, reason in (
        (text, "not a picture"),
        (drawing, "not a picture"),
        (empty, "empty"),
        (b"", "empty"),
        (io.BytesIO(), "empty"),
        (tmp_path / "none.jpg", "no file"),
        (tmp_path, "folder"),
        (None, "No picture"),
        (7, "int"),
        (np.zeros((0, 0, 3), np.uint8), "at least 16"),
    ):
        with pytest.raises(PhotoError, match=reason):
            open_photo(source)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_truncated(format, tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8))
    data = as_bytes(noise, format)[: 200 * 40]
    with pytest.raises(PhotoError, match="damaged|not a picture"):
        open_photo(data)
    path = tmp_path / "cut"
    path.write_bytes(data)
    with pytest.raises(PhotoError, match="damaged|not a picture"):
        open_photo(path)


@pytest.mark.parametrize("frame", [Frame(30, 20, 16), Frame(30.3, 19.1, 25.5, 0.7), Frame(-5, 40, 90, -2)])
def test_frame_coordinates_and_back(frame):
    xy = np.random.default_rng(1).uniform(-10, 60, (50, 2))
    assert np.allclose(frame.to_photo(frame.to_unit(xy)), xy)
    assert np.allclose(frame.to_unit([[frame.cx, frame.cy]]), 0.5)
    step = frame.to_photo([[1, 0.5]])[0] - (frame.cx, frame.cy)  # half a side along the square's own x axis
    assert np.allclose(step, np.array([math.cos(frame.angle), math.sin(frame.angle)]) * frame.side / 2)


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.2])
def test_a_cut_shows_what_its_coordinates_say(angle):
    photo = Image.new("RGB", (120, 100))
    photo.paste((255, 255, 255), (70, 30, 76, 36))  # middle 73, 33
    frame = Frame(64, 41, 48, angle)
    for size in (24, 96):
        bright = np.asarray(frame.cut(photo, size)).astype(float).sum(-1)
        y, x = np.mgrid[:size, :size] + 0.5
        middle = np.array([(x * bright).sum(), (y * bright).sum()]) / bright.sum() / size
        assert np.abs(middle - frame.to_unit([[73, 33]])[0]).max() < 0.25 / size


def test_cutting_the_whole_photo_changes_nothing():
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    assert np.array_equal(np.asarray(Frame(16, 16, 32).cut(photo, 32)), np.asarray(photo))


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_outside_the_photo_its_edge_is_repeated(angle):
    photo = picture(40, 24)
    cut = np.asarray(Frame(20, 12, 200, angle).cut(photo, 50)).astype(int)
    assert np.abs(cut[25, 2] - (200, 30, 20)).max() < 3 and np.abs(cut[25, -3] - (20, 30, 200)).max() < 3
    far = np.asarray(Frame(-500, -500, 60, angle).cut(photo, 20)).astype(int)
    assert np.abs(far - (200, 30, 20)).max() < 3


def test_a_small_cut_is_antialiased():
    board = np.indices((256, 256)).sum(0) % 2 * 255
    for angle in (0.0, 0.4):
        small = np.asarray(Frame(128, 128, 160, angle).cut(open_photo(board.astype(np.uint8)), 16)).astype(int)
        assert np.abs(small - 127).max() < 25


def test_arrays_and_pictures():
    torch = pytest.importorskip("torch")
    image = picture()
    array = to_array(image)
    assert array.shape == (3, 24, 40) and array.dtype == np.float32 and -1 <= array.min() and array.max() <= 1
    assert np.array_equal(np.asarray(to_image(array)), np.asarray(image))
    assert np.array_equal(np.asarray(to_image(torch.from_numpy(array).requires_grad_())), np.asarray(image))
    assert to_image(torch.full((3, 4, 4), 7.0, dtype=torch.bfloat16)).getpixel((0, 0)) == (255,) * 3
    with pytest.raises(ValueError, match="3, H, W"):
        to_image(np.zeros((4, 4, 3)))
