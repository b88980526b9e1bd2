"""The one door: photo and exemplar in, every picture of the way out."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from made_up import BODY, FACE, FIGURE, PORTRAIT, SIZE, checkpoint, checkpoint_segin, empty_photo
from PIL import Image, ImageDraw

from cocos_demo import Translator, checkpoints
from cocos_demo.conditions import ConditionError
from cocos_demo.device import DeviceError, pick_device
from cocos_demo.photo import PhotoError
from cocos_demo.translator import enlarge


@pytest.fixture(scope="module")
def translators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    return {kind: Translator.load(checkpoint(folder, kind), device="cpu") for kind in ("portrait", "figure")}


@pytest.mark.parametrize(("kind", "photo", "exemplar"), [("portrait", FACE, PORTRAIT), ("figure", BODY, FIGURE)])
def test_every_picture_has_the_size_of_the_network(translators, kind, photo, exemplar):
    result = translators[kind](photo, exemplar)
    assert list(result.steps) == ["photo", "condition", "exemplar", "warped", "image"]
    assert {(picture.size, picture.mode) for picture in result.steps.values()} == {((SIZE, SIZE), "RGB")}
    assert result.seconds > 0 and result.device == "cpu"


@pytest.fixture(scope="module")
def segin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segin")
    return {kind: Translator.load(checkpoint_segin(folder, kind), device="cpu") for kind in ("portrait", "grey")}


def test_segin_tells_its_auxiliary_image_and_the_foreground(segin, translators):
    t = segin["portrait"]
    result = t(FACE, PORTRAIT)
    assert list(result.steps) == ["photo", "condition", "exemplar", "warped", "image", "mask"]
    assert result.mask.mode == "L" and result.mask.size == (SIZE, SIZE) and result.final is result.image
    condition, example = t.condition_of(FACE), t.example_of(PORTRAIT)
    out = t.forward(condition, example)
    assert np.abs(np.asarray(result.mask, float) / 255 - out.mask[0, 0].numpy()).max() < 0.01
    W = t.net.auxiliary(*t.inputs(condition, example)[:2])
    assert np.abs(np.asarray(result.warped, float) / 127.5 - 1 - W[0].permute(1, 2, 0).numpy()).max() < 0.01
    other = translators["portrait"](FACE, PORTRAIT)
    assert other.mask is None and other.coloured is None and other.final is other.image


def test_a_grey_photo_is_coloured_at_its_own_resolution(segin):
    from cocos_demo.colour import to_lab

    t, photo = segin["grey"], Image.open(FACE).convert("L")
    result = t(photo, PORTRAIT)
    frame = t.kind.find(photo).frame
    square = np.asarray(frame.cut(photo.convert("RGB"), round(frame.side)), float)
    assert result.coloured.size == (round(frame.side),) * 2 and result.final is result.coloured
    assert np.abs(to_lab(result.coloured)[..., 0] - to_lab(Image.fromarray(square.astype(np.uint8)))[..., 0]).mean() < 0.5
    assert np.asarray(result.condition).std(axis=-1).max() == 0 and result.notes == ()
    # The colours are the painting's, and no other's.
    small = to_lab(result.coloured.resize(result.image.size, Image.Resampling.BOX))[..., 1:]
    assert np.abs(small - to_lab(result.image)[..., 1:]).mean() < np.abs(to_lab(result.image)[..., 1:]).mean() / 2
    assert t(None, PORTRAIT, t.condition_of(photo)).coloured is None


def test_colours_that_are_not_looked_at_change_nothing_and_are_told(segin):
    t = segin["grey"]
    grey, coloured = t(Image.open(FACE).convert("L"), PORTRAIT), t(FACE, PORTRAIT)
    assert coloured.notes == ("Photo: its colours are not looked at, its lightness alone is",)
    assert np.abs(np.asarray(grey.image, int) - np.asarray(coloured.image, int)).max() <= 1
    assert any("no colours to give" in note for note in t(FACE, Image.open(PORTRAIT).convert("L")).notes)


def test_what_cannot_be_coloured_is_refused_like_any_other_photo(segin, tmp_path):
    t = segin["grey"]
    with pytest.raises(ConditionError, match="No face"):
        t(empty_photo(tmp_path / "grey.png"), PORTRAIT)
    with pytest.raises(ConditionError, match="No face"):
        t(Image.new("LA", (200, 200)), PORTRAIT)  # transparent
    with pytest.raises(PhotoError, match="1 x 1"):
        t(Image.new("L", (1, 1)), PORTRAIT)


def test_photo_is_the_crop_that_the_condition_was_read_from(translators):
    t, photo = translators["portrait"], Image.open(FACE).convert("RGB")
    frame = t.kind.find(photo).frame
    assert np.array_equal(t(photo, PORTRAIT).photo, frame.cut(photo, SIZE))


def test_paths_arrays_and_pictures_give_the_same(translators):
    t, picture = translators["portrait"], Image.open(FACE).convert("RGB")
    results = [t(given, PORTRAIT).image for given in (FACE, str(FACE), FACE.read_bytes(), picture, np.array(picture))]
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_untouched_canvas_changes_nothing(translators):
    condition = translators["portrait"].condition_of(FACE)
    assert condition.edited(enlarge(condition.image)) is condition
    # a browser may round a little
    rounded = Image.fromarray(np.asarray(enlarge(condition.image)) // 4 * 4)
    assert condition.edited(rounded) is condition


def test_a_stroke_sets_its_channel_and_nothing_else(translators):
    condition = translators["portrait"].condition_of(FACE)
    lips = condition.kind.channels.index("lips")
    canvas = enlarge(condition.image)
    colour = tuple(int(c) for c in condition.kind.palette[lips])
    ImageDraw.Draw(canvas).line([(40, 470), (300, 490)], fill=colour, width=20)
    changed = np.abs(condition.edited(canvas).map - condition.map) > 0.01  # (C, S, S)
    k = canvas.width // SIZE
    assert changed[lips].sum() > 50
    rows, columns = np.nonzero(changed.any(axis=0))
    assert rows.min() >= 455 // k and columns.max() <= 315 // k
    assert condition.edited(canvas).map[lips, 480 // k, 170 // k] > 0.9
    # on empty ground only the painted channel may appear
    others = np.delete(condition.edited(canvas).map - condition.map, lips, axis=0)
    assert others.max() <= 0.01


def test_a_soft_brush_leaves_no_other_colour_at_its_border(translators):
    condition = translators["portrait"].condition_of(FACE)
    stroke = Image.new("L", enlarge(condition.image).size)
    ImageDraw.Draw(stroke).ellipse((40, 440, 110, 510), fill=255)
    soft = stroke.resize((256, 256), Image.Resampling.BOX).resize(stroke.size, Image.Resampling.BILINEAR)
    oval = condition.kind.channels.index("oval")
    paint = Image.new("RGB", stroke.size, tuple(int(c) for c in condition.kind.palette[oval]))
    edited = condition.edited(Image.composite(paint, enlarge(condition.image), soft))
    assert (np.delete(edited.map - condition.map, oval, axis=0) <= 0.01).all()


def test_black_erases(translators):
    condition = translators["portrait"].condition_of(FACE)
    edited = condition.edited(Image.new("RGB", (512, 512)))
    assert condition.map.max() > 0.9 and edited.map.max() < 0.1


def test_an_edited_condition_is_what_is_painted(translators):
    t = translators["portrait"]
    condition = t.condition_of(FACE)
    blank = condition.edited(Image.new("RGB", (512, 512)))
    plain, edited = t(FACE, PORTRAIT), t(None, PORTRAIT, blank)
    assert np.array_equal(edited.condition, blank.image)
    assert np.array_equal(edited.photo, plain.photo)
    assert not np.array_equal(edited.image, plain.image)


def test_stages_are_told_in_order(translators):
    told = []
    translators["figure"](BODY, FIGURE, progress=lambda stage, fraction: told.append((stage, fraction)))
    assert [stage for stage, _ in told] == [
        "looking at the photo", "looking at the exemplar", "matching and painting", "done"
    ]  # fmt: skip
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told) and told[-1][1] == 1


def test_an_exemplar_without_a_face_is_squared_and_says_so(translators, tmp_path):
    result = translators["portrait"](FACE, empty_photo(tmp_path / "grey.png"))
    assert any(note.startswith("Exemplar: took its centred square") for note in result.notes)


def test_an_exemplar_whose_pose_is_needed_is_refused(translators, tmp_path):
    with pytest.raises(ConditionError, match="exemplar"):
        translators["figure"](BODY, empty_photo(tmp_path / "grey.png"))


def test_a_photo_that_shows_nobody_or_is_none_is_refused(translators, tmp_path):
    with pytest.raises(ConditionError):
        translators["portrait"](empty_photo(tmp_path / "grey.png"), PORTRAIT)
    (tmp_path / "junk.jpg").write_text("no picture")
    with pytest.raises(PhotoError):
        translators["portrait"](tmp_path / "junk.jpg", PORTRAIT)


def test_enlarged_copies_are_whole_multiples():
    assert enlarge(Image.new("RGB", (128, 128))).size == (512, 512)
    assert enlarge(Image.new("RGB", (96, 96))).size == (576, 576)
    assert enlarge(Image.new("RGB", (1024, 1024))).size == (1024, 1024)


def test_the_device_is_chosen_with_a_reason():
    device, reason = pick_device("auto")
    assert reason and (device.type != "cpu" or ("cuda" in reason and "mps" in reason))
    with pytest.raises(DeviceError, match="cpu"):
        pick_device("abacus")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="cuda"):
            pick_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_the_gpu_paints_what_the_processor_paints(tmp_path):
    path = checkpoint(tmp_path, "portrait")
    on_cpu, on_gpu = (Translator.load(path, device)(FACE, PORTRAIT) for device in ("cpu", "cuda"))
    difference = np.abs(np.asarray(on_cpu.image, int) - np.asarray(on_gpu.image, int))
    assert on_gpu.device == "cuda" and difference.mean() < 2


@pytest.mark.parametrize(("name", "photo", "exemplar"), [("portrait", FACE, PORTRAIT), ("figure", BODY, FIGURE),
                                                        ("portrait_segin", FACE, PORTRAIT), ("colour_segin", FACE, PORTRAIT)])
def test_the_shipped_weights_answer_within_five_seconds(name, photo, exemplar):
    assert name in checkpoints.catalogue(), "data/checkpoints must ship these weights"
    result = Translator.load(name, device="cpu")(photo, exemplar)
    assert result.seconds < 5 and min(result.image.size) >= 128


def test_importing_the_package_loads_nothing_heavy():
    heavy = "torch", "numpy", "PIL", "gradio", "mediapipe", "cv2"
    code = f"import cocos_demo, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    code = f"import cocos_demo.translator, sys; print([name for name in {heavy[3:]} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
