"""Image editing: what is untouched stays to the last pixel; patches of the picture's own; maps read and refused."""

import numpy as np
import pytest
from PIL import Image

from cocos_demo.applications import editing, own_pixels, regions
from cocos_demo.applications.editing import EditError
from cocos_demo.applications.placing import Place
from cocos_demo.conditions import KINDS
from cocos_demo.photo import Frame, open_photo
from cocos_demo.translator import Translator, enlarge

PICTURE, MAP = "data/samples/figures/rendered_149_1.jpg", "data/samples/parts/rendered_149_1.png"
PARTS = KINDS["parts"]


@pytest.fixture(scope="module")
def net():
    return Translator.load("parts", "cpu")


@pytest.fixture(scope="module")
def canvas(net):
    return editing.canvas(net, PICTURE, MAP)


@pytest.fixture(scope="module")
def big_hair(canvas):
    return regions.grow(canvas.labels, canvas.number("hair"), 8, over=(0,))


@pytest.fixture(scope="module", params=["pixels", "painting"])
def edited(net, canvas, big_hair, request):
    return editing.edit(net, canvas, big_hair, finish=request.param)


def test_outside_the_mask_the_picture_is_its_own(edited, canvas):
    mask, after, before = (np.asarray(p) for p in (edited.mask, edited.image, canvas.picture))
    assert edited.image.size == edited.mask.size == canvas.picture.size
    assert (after[mask == 0] == before[mask == 0]).all() and edited.outside == 0
    assert 0 < edited.repainted < 0.05 and edited.repainted == pytest.approx((mask > 0).mean())
    assert 0 < edited.changed < edited.repainted


def test_the_mask_is_whole_where_the_map_changed_and_soft_around(edited, canvas, big_hair):
    mask, changed = np.asarray(edited.mask), big_hair != canvas.labels
    assert (mask[changed] > 250).mean() > 0.9 and len(np.unique(mask)) > 10
    far = regions.distance_to(changed) > editing.MARGIN * 256 / 128 + 2
    assert (mask[far] == 0).all()


def test_new_hair_has_the_hairs_colour(edited, canvas, big_hair):
    after, before = (np.asarray(p, float) for p in (edited.image, canvas.picture))
    new, old = (big_hair != canvas.labels), canvas.labels == canvas.number("hair")
    hair, was = before[old].mean(0), before[new].mean(0)
    core = new & (regions.distance_to(~new) > 3)
    assert np.linalg.norm(after[core].mean(0) - hair) < 0.35 * np.linalg.norm(was - hair)


def test_a_picture_larger_than_its_map_and_not_square_keeps_its_own_resolution(net, big_hair):
    wide = Image.new("RGB", (1000, 512), (80, 90, 100))
    wide.paste(open_photo(PICTURE).resize((512, 512)), (200, 0))
    map = Image.new("RGB", (1000, 512))
    map.paste(Image.open(MAP).convert("RGB").resize((512, 512), Image.Resampling.NEAREST), (200, 0))
    at = editing.canvas(net, wide, map)
    labels = regions.grow(at.labels, at.number("hair"), 16, over=(0,))
    edit = editing.edit(net, at, labels)
    mask = np.asarray(edit.mask)
    assert edit.image.size == (1000, 512) and edit.outside == 0 and mask[:, :200].max() == mask[:, 712:].max() == 0
    rows, columns = np.nonzero(mask)
    hair = np.nonzero((np.asarray(map) == PARTS.palette[1]).all(-1))
    assert abs(columns.mean() - hair[1].mean()) < 12 and rows.min() < hair[0].min()


def test_what_the_picture_does_not_show_is_said(net, canvas):
    labels = regions.turn(canvas.labels, canvas.number("left thigh"), canvas.number("skirt"))
    assert any("nothing yet of skirt" in note for note in editing.edit(net, canvas, labels).notes)
    strange = np.where(np.indices(canvas.labels.shape).sum(0) % 2, 4, 2).astype(np.uint8)
    assert any("of the map is another" in note for note in editing.edit(net, canvas, strange).notes)


def test_maps_are_read_from_colours_numbers_arrays_and_drawings(canvas, big_hair):
    picture = editing.in_colours(PARTS, big_hair)
    assert (canvas.read(picture) == big_hair).all() and (canvas.read(Image.fromarray(big_hair)) == big_hair).all()
    assert (canvas.read(picture.resize((512, 512), Image.Resampling.NEAREST)) == big_hair).all()
    assert (canvas.read(canvas.map) == canvas.labels).all()
    shown = enlarge(canvas.map)
    assert (canvas.drawn(shown) == canvas.labels).all()
    shown.paste(tuple(PARTS.palette[1].tolist()), (20, 20, 60, 40))
    wanted = canvas.labels.copy()
    wanted[10:20, 10:30] = 1
    assert (canvas.drawn(shown) == wanted).mean() > 0.9999


@pytest.mark.parametrize("map, error, words", [
    (MAP, EditError, "as it was"),
    (PICTURE, EditError, "This is a photo, not the edited map"),
    (np.zeros((3, 3), np.uint8), EditError, "3 x 3 pixels, the picture's own 256 x 256"),
    (np.full((256, 256), 99), EditError, "classes 0 to 17"),
    ("no/such.png", ValueError, "There is no file"),
])
def test_maps_that_cannot_be_used_are_told(net, canvas, map, error, words):
    with pytest.raises(error, match=words):
        editing.edit(net, canvas, map)


def test_pictures_that_cannot_be_edited_are_told(net, canvas):
    with pytest.raises(EditError, match="is a label map itself"):
        editing.canvas(net, MAP)
    with pytest.raises(EditError, match="cannot be edited with this map: .*another shape"):
        editing.canvas(net, PICTURE, Image.open(MAP).resize((256, 100), Image.Resampling.NEAREST))
    with pytest.raises(EditError, match="has no regions to edit"):
        editing.canvas(Translator.load("portrait", "cpu"), PICTURE)
    with pytest.raises(EditError, match="no part 'tail'; there are background, hair"):
        canvas.number("tail")


def test_softened_by_hand():
    changed = np.zeros((10, 10), bool)
    changed[0, 0] = True
    assert editing.softened(changed, 0.4)[0] == pytest.approx([1, 0.84375, 0.5, 0.15625, 0, 0, 0, 0, 0, 0])  # 3 x^2 - 2 x^3


def test_laying_changes_nothing_where_the_frame_is_not():
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
    changed = np.ones((8, 8), bool)
    result, mask = editing.lay(picture, np.full((8, 8, 3), 255.0), changed, Place.of(Frame(50, 20, 16), picture.size), 0.1)
    expected = np.array(picture)
    expected[12:28, 42:58] = 255
    assert (np.asarray(result) == expected).all() and (np.asarray(mask) > 0).sum() == 256


def test_a_hole_in_stripes_is_filled_with_stripes():
    n = 32
    x = np.arange(n)
    stripes = np.repeat(np.where(x % 8 < 4, 1.0, -1.0)[None, :, None], n, 0).repeat(3, -1).astype(np.float32)
    fine = stripes.repeat(2, 0).repeat(2, 1)
    labels = np.zeros((n, n), np.uint8)
    hole = np.zeros((n, n), bool)
    hole[10:20, 11:21] = True
    broken, broken_fine = stripes.copy(), fine.copy()
    labels_before = labels.copy()
    labels_before[hole] = 1  # something else stood there
    broken[hole] = 0.2
    broken_fine[np.kron(hole, np.ones((2, 2), bool))] = 0.2
    paintings = broken, stripes  # what the network paints: the thing, and stripes in its place
    filled = own_pixels.finish(broken, broken_fine, paintings, (labels_before, labels), hole)
    assert np.abs(filled - fine).max() < 0.05


def test_without_a_hole_nothing_changes():
    rng = np.random.default_rng(0)
    photo = rng.random((16, 16, 3)).astype(np.float32)
    labels = np.zeros((16, 16), np.uint8)
    assert own_pixels.finish(photo, photo, (photo, photo), (labels, labels), labels > 0) is photo
