"""Condition kind "grey", folders of portraits that serve it, and foreground masks in training pairs."""

import numpy as np
import pytest
import torch
from folders import prepared
from made_up import BODY, FACE
from PIL import Image

from cocos_demo.conditions import KINDS, ConditionError, detect
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.photo import open_photo
from cocos_demo.translator import Condition, enlarge

GREY, PORTRAIT = KINDS["grey"], KINDS["portrait"]
LUMA = torch.tensor([0.299, 0.587, 0.114])


def lightness(pictures):
    """(B, 3, S, S) in [-1, 1] -> (B, 1, S, S) in [0, 1]."""
    return (torch.einsum("bchw,c->bhw", pictures, LUMA)[:, None] + 1) / 2


def only(sort, **choices):
    return Mix(**({"same": 0, "pseudo": 0, "cross": 0, sort: 1} | choices))


# The kind


def test_the_frame_and_points_are_the_portraits():
    found, portrait = GREY.find(FACE), PORTRAIT.find(FACE)
    assert found.frame == portrait.frame and np.array_equal(found.points, portrait.points)
    assert found.raster.shape == (256, 256) and found.raster.dtype == np.uint8
    red, green, blue = np.asarray(found.frame.cut(open_photo(FACE), 256), np.float64).transpose(2, 0, 1)
    assert np.abs(found.raster - (0.299 * red + 0.587 * green + 0.114 * blue)).max() < 0.51


def test_a_grey_photo_is_its_own_lightness():
    photo = open_photo(FACE).convert("L")
    found = GREY.find(photo)
    assert np.array_equal(found.raster, np.asarray(found.frame.cut(photo.convert("RGB"), 256))[..., 0])
    assert np.abs(found.points - GREY.find(FACE).points).max() < 0.03  # colour is no help in finding a face


def test_notes_are_kept():
    photo = open_photo(FACE)
    two = Image.new("RGB", (2 * photo.width, photo.height))
    two.paste(photo, (0, 0))
    two.paste(photo, (photo.width, 0))
    assert "2 faces found; took the largest" in GREY.find(two).notes


def test_no_face_no_lightness(tmp_path):
    with pytest.raises(ConditionError, match="No face"):
        GREY.find(np.full((200, 200, 3), 128, np.uint8))


def test_detect_names_other_kinds():
    assert detect(open_photo(FACE).convert("L")) == "portrait" and detect(open_photo(BODY).convert("L")) == "figure"


def test_drawn_by_area():
    raster = np.array([[0, 255, 51, 51], [255, 0, 51, 51], [10, 20, 255, 255], [30, 40, 255, 255]], np.uint8)
    drawn = GREY.draw(np.zeros((478, 3), np.float32), 2, raster)
    assert drawn.shape == (1, 2, 2) and drawn.dtype == np.float32 and len(GREY.channels) == len(GREY.palette) == 1
    np.testing.assert_allclose(drawn[0], [[0.5, 0.2], [25 / 255, 1]], atol=1e-6)
    with pytest.raises(ValueError, match="luma; none was given"):
        GREY.draw(np.zeros((478, 3), np.float32), 2)


def test_shown_and_edited():
    map = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 4, 4)
    shown = GREY.to_rgb(map)
    assert shown.shape == (4, 4, 3) and shown.dtype == np.uint8 and shown[-1, -1].tolist() == [255, 255, 255]
    assert np.array_equal(GREY.from_rgb(shown, map), map)
    edited = shown.copy()
    edited[0, 0], edited[1, 1], edited[2, 2] = (255, 0, 0), shown[1, 1] + 10, (0, 0, 0)
    new = GREY.from_rgb(edited, map)
    assert new[0, 0, 0] == pytest.approx(76 / 255) and new[0, 2, 2] == 0  # red's luma; what was erased is black
    new[0, [0, 2], [0, 2]] = map[0, [0, 2], [0, 2]]
    assert np.array_equal(new, map)  # a step of 10 is a canvas's rounding
    with pytest.raises(ValueError, match="not"):
        GREY.from_rgb(edited[:2], map)


def test_a_stroke_on_the_enlarged_picture():
    found = GREY.find(FACE)
    condition = Condition(GREY, found, found.frame.cut(open_photo(FACE), 64), GREY.draw(found.points, 64, found.raster))
    canvas = np.array(enlarge(condition.image))
    canvas[80:160, 80:160] = 200
    changed = condition.edited(Image.fromarray(canvas)).map
    assert np.allclose(changed[0, 10:20, 10:20], 200 / 255) and np.array_equal(changed[0, 21:], condition.map[0, 21:])


# Folders and pairs


@pytest.fixture
def portraits(tmp_path):
    """Portraits whose every pixel has a colour of its own, and masks that are white where the picture's red is."""
    folder, rng = prepared(tmp_path / "portraits", "portrait", size=64), np.random.default_rng(1)
    (folder / "masks").mkdir()
    for path in (folder / "images").iterdir():
        picture = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
        picture[..., 0] = 0
        picture[10:50, 8:40, 0] = 255
        Image.fromarray(picture[..., 0] > 0).save(folder / "masks" / f"{path.stem}.png")
        Image.fromarray(picture).save(path, quality=100, subsampling=0)
    return folder


def test_a_folder_of_portraits_serves_grey(portraits, tmp_path):
    folder = PreparedFolder(portraits, "train", condition="grey")
    assert folder.condition(0, 32).shape == (1, 32, 32)
    assert (folder.condition(0, 32) - lightness(folder.photo(0, 32)[None])[0]).abs().max() < 0.6 / 255
    assert PreparedFolder(portraits, "train").kind is PORTRAIT
    with pytest.raises(DataError, match="serves the condition figure or parts or .*, not grey"):
        PreparedFolder(prepared(tmp_path / "bodies"), "train", condition="grey")


@pytest.mark.parametrize("sort", ["same", "pseudo", "cross"])
@pytest.mark.parametrize("move", [0, 1])
def test_lightness_stays_that_of_its_picture(portraits, sort, move):
    """Moved, mirrored and bent alike, to the rounding of the luma."""
    batch = PairSampler([PreparedFolder(portraits, "train", condition="grey")], 32, only(sort, move=move))(0, 12)
    assert batch.x_A.shape == batch.y_A.shape == (12, 1, 32, 32) and batch.foreground is None
    for map, picture in ((batch.x_A, batch.x_B), (batch.y_A, batch.y_B)):
        assert (map - lightness(picture)).abs().max() < 0.6 / 255
    assert (batch.x_A - batch.y_A).abs().mean() > 0.02  # two pictures, not one


@pytest.mark.parametrize("condition", ["grey", "portrait"])
def test_foreground_moves_with_its_picture(portraits, condition):
    folder = PreparedFolder(portraits, "train", condition=condition)
    with_masks = PairSampler([folder], 32, Mix(), foreground=True)(0, 12)
    assert with_masks.foreground.shape == (12, 1, 32, 32)
    red = (with_masks.x_B[:, :1] + 1) / 2
    assert (with_masks.foreground - red).abs().mean() < 0.02 and 0.1 < with_masks.foreground.mean() < 0.6
    without = PairSampler([folder], 32, Mix())(0, 12)
    for name in ("x_A", "x_B", "y_A", "y_B", "known"):  # the same pairs, asked for or not
        assert torch.equal(getattr(with_masks, name), getattr(without, name))


def test_foreground_of_part_maps(tmp_path):
    folder = PreparedFolder(prepared(tmp_path / "figures"), "train")
    assert torch.equal(folder.foreground(0), folder.figure(0)) and 0 < folder.foreground(0).mean() < 1
    batch = PairSampler([folder], 32, only("same", move=0), foreground=True)(0, 4)
    assert torch.equal(batch.foreground, batch.known)


def test_foreground_at_the_size_that_is_loaded(portraits):
    mask = PreparedFolder(portraits, "train", load_size=32).foreground(0)
    assert mask.shape == (1, 32, 32) and mask.sum() == 20 * 16  # its borders lie between the coarser pixels


def test_without_masks_it_is_said_what_to_run(portraits):
    next((portraits / "masks").glob("P0_0*")).unlink()
    folder = PreparedFolder(portraits, "train")
    with pytest.raises(DataError, match=rf"no foreground mask of P0_0; .* prepare people {portraits.parent} --size 64"):
        PairSampler([folder], 32, Mix(), foreground=True)
    PairSampler([folder], 32, Mix())(0, 2)


def test_batches_go_to_a_device_with_and_without_masks(portraits):
    folder = PreparedFolder(portraits, "train")
    for foreground in (True, False):
        batch = PairSampler([folder], 32, Mix(), foreground=foreground)(0, 2).to(torch.device("meta"))
        assert batch.x_A.is_meta and (batch.foreground.is_meta if foreground else batch.foreground is None)
