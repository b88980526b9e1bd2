"""Label maps as people bring them: uploaded in colours or numbers, guessed from photos, refused, translated."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import BODY, FACE, FIGURE, SAMPLES, SIZE, checkpoint, empty_photo
from PIL import Image, ImageDraw

from cocos_demo import Translator, conditions
from cocos_demo.conditions import KINDS, ConditionError, bones
from cocos_demo.photo import Frame, open_photo
from cocos_demo.translator import enlarge

PARTS = KINDS["parts"]
MAPS = sorted((SAMPLES / "parts").glob("*.png"))


def number(name):
    return PARTS.channels.index(name)


def labels(height=64, width=64):
    """Stripes of all 18 classes."""
    return (np.arange(width) * 18 // width + np.zeros((height, 1), int)).astype(np.uint8)


# Uploaded maps


def stored(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def index_png(raster, palette):
    picture = Image.fromarray(raster, "P")
    picture.putpalette(np.asarray(palette, np.uint8).tobytes())
    return stored(picture)


FORMS = {
    "colours": lambda raster: stored(Image.fromarray(PARTS.palette[raster])),
    "numbers": lambda raster: stored(Image.fromarray(raster)),
    "index": lambda raster: index_png(raster, PARTS.palette),
    # A paint program sorts colours its own way: the colours count.
    "index, sorted otherwise": lambda raster: index_png(17 - raster, PARTS.palette[::-1]),
    # As the renderer stores them: class numbers under colours of its own.
    "index, other colours": lambda raster: index_png(raster, np.random.default_rng(3).integers(60, 255, (256, 3))),
    "picture": lambda raster: Image.fromarray(PARTS.palette[raster]),
    "array": lambda raster: PARTS.palette[raster],
    "file": lambda raster: io.BytesIO(FORMS["index"](raster)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_map_is_read_exactly(form):
    found = PARTS.find(FORMS[form](labels()))
    assert np.array_equal(found.raster, labels()) and found.notes == ()
    assert np.array_equal(np.asarray(found.picture), PARTS.palette[labels()])
    assert conditions.detect(FORMS[form](labels())) == "parts"


def test_what_was_left_clear_is_background():
    raster = labels()
    alpha = np.where(raster == 3, 0, 255).astype(np.uint8)
    found = PARTS.find(stored(Image.fromarray(np.dstack([PARTS.palette[raster], alpha]))))
    assert np.array_equal(found.raster, np.where(raster == 3, 0, raster))


def test_a_map_that_is_not_square_is_kept_whole():
    found = PARTS.find(FORMS["colours"](labels(40, 64)))
    assert found.raster.shape == (64, 64) and np.array_equal(found.raster[12:52], labels(40, 64))
    assert not found.raster[:12].any() and not found.raster[52:].any()


def test_unknown_colours_are_named_with_the_palette():
    raster = PARTS.palette[labels()].copy()
    raster[:16] = (1, 2, 3)
    with pytest.raises(ConditionError, match=r"25\.0% of it .* #010203 \(25\.0%\).*hair #964b00.*skirt"):
        PARTS.find(stored(Image.fromarray(raster)))


def test_a_map_saved_as_jpeg_says_why_it_is_refused():
    file = io.BytesIO()
    Image.fromarray(np.kron(PARTS.palette[labels(32, 72)], np.ones((8, 8, 1), np.uint8))).save(file, "JPEG", quality=95)
    with pytest.raises(ConditionError, match="PNG and without soft borders"):
        PARTS.find(file.getvalue())


def test_unknown_numbers_are_named():
    with pytest.raises(ConditionError, match="with the numbers 18, 40; parts knows 0 to 17"):
        PARTS.find(stored(Image.fromarray(np.where(labels() == 5, 40, labels() + (labels() == 17)).astype(np.uint8))))


def test_a_drawing_of_few_colours_is_told_what_a_map_is():
    drawing = Image.new("RGB", (130, 130), "white")
    ImageDraw.Draw(drawing).ellipse((30, 30, 100, 100), fill="orange")
    for look in (PARTS.find, conditions.detect):
        with pytest.raises(ConditionError, match="#ffffff"):
            look(drawing)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*.jpg"))[::5], ids=lambda path: path.stem)
def test_no_photo_passes_for_a_map(path):
    photo = open_photo(path)
    photo.thumbnail((256, 256))
    for given in (photo, photo.convert("L"), photo.quantize(256)):
        assert conditions.read_map(given, PARTS) is None


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_the_sample_maps_belong_to_their_pictures(path):
    """The outline that the pose network's sibling sees in the picture is the map's."""
    found, picture = PARTS.find(path), open_photo(SAMPLES / "figures" / f"{path.stem}.jpg")
    assert found.raster.shape == (256, 256) and len(np.unique(found.raster)) >= 12
    seen, there = conditions.detectors.silhouette(picture) > 0.5, found.raster > 0
    assert (seen & there).sum() / (seen | there).sum() > 0.85


def test_there_are_sample_maps():
    assert len(MAPS) >= 4 and sum(path.stat().st_size for path in MAPS) < 20_000


# Guessed maps


def test_bones_claim_what_lies_near_them():
    body = np.zeros((33, 4), np.float32)
    body[:, 3] = 1
    places = {0: (100, 30), 7: (104, 28), 8: (96, 28), 9: (102, 36), 10: (98, 36), 11: (115, 55), 12: (85, 55), 23: (110, 110),
              24: (90, 110), 13: (125, 80), 14: (75, 80), 15: (130, 105), 16: (70, 105), 17: (132, 112), 19: (131, 112),
              18: (68, 112), 20: (69, 112), 25: (111, 145), 26: (89, 145), 27: (112, 180), 28: (88, 180), 29: (112, 184),
              30: (88, 184), 31: (116, 188), 32: (84, 188)}  # fmt: skip
    for point, xy in places.items():
        body[point, :2] = xy
    costs = bones.nearest_parts(body, 200)
    nearest = np.array(list(costs))[np.argmin(list(costs.values()), axis=0)]
    at = {"torso": (100, 90), "head": (100, 25), "neck": (100, 47), "left upper arm": (122, 72), "right forearm": (72, 95),
          "left hand": (132, 116), "right thigh": (89, 130), "left shin": (112, 165), "right foot": (85, 188)}  # fmt: skip
    assert {name: nearest[y, x] for name, (x, y) in at.items()} == {name: name for name in at}
    assert costs["left shin"][165, 112] < 0.2 and costs["left shin"][100, 190] > 5
    body[[13, 15], 3] = 0.1  # hidden
    assert {"left upper arm", "left forearm", "left hand"}.isdisjoint(bones.nearest_parts(body, 200))


def test_the_nearer_limb_hides_the_other():
    body = np.zeros((33, 4), np.float32)
    body[:, 3] = 1
    body[[11, 12, 23, 24], :2] = (120, 40), (80, 40), (115, 110), (85, 110)
    body[[25, 26], :2], body[[27, 28], :2] = (100, 150), (200, 200)
    for near, far, other in ((25, 26, "right thigh"), (26, 25, "left thigh")):
        body[near, 2], body[far, 2] = -40, 40
        costs = bones.nearest_parts(body, 220)
        name = "left thigh" if near == 25 else "right thigh"
        assert costs[name][150, 100] < costs[other][150, 100]


@pytest.fixture(scope="module")
def guess():
    return PARTS.find(BODY)


def test_a_guessed_map_puts_parts_where_they_are(guess):
    points = KINDS["figure"].find(BODY).points[:, :2]
    at = {name: points[conditions.figure.JOINTS.index(joint)] for name, joint in (
        ("face", "nose"), ("left forearm", "left wrist"), ("right forearm", "right wrist"))}  # fmt: skip
    shares = np.bincount(guess.raster.ravel(), minlength=18) / guess.raster.size
    assert guess.raster.shape == (256, 256) and guess.raster.dtype == np.uint8 and guess.points.shape == (0, 3)
    assert (shares[1:17] > 0.001).all() and 0.6 < shares[0] < 0.95
    y, x = np.mgrid[:256, :256]

    def middle(name):
        here = guess.raster == number(name)
        return np.array([x[here].mean(), y[here].mean()]) / 256

    assert np.linalg.norm(middle("face") - at["face"]) < 0.03
    assert middle("hair")[1] < middle("face")[1] < middle("neck")[1] < middle("torso")[1] < middle("left thigh")[1]
    assert middle("left thigh")[1] < middle("left shin")[1] < middle("left foot")[1]
    for part in ("upper arm", "forearm", "hand", "thigh", "shin", "foot"):
        assert middle(f"right {part}")[0] < 0.5 < middle(f"left {part}")[0]  # seen from the front
    assert "guessed" in guess.notes[-1] and guess.picture is None


def test_guesses_agree_with_the_renderer():
    right = of = 0
    for path in MAPS:
        truth, found = PARTS.find(path).raster, PARTS.find(SAMPLES / "figures" / f"{path.stem}.jpg")
        centres = (np.arange(256) + 0.5) / 256
        xy = found.frame.to_photo(np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2)).astype(int).clip(0, 255)
        truth = truth[xy[:, 1], xy[:, 0]].reshape(256, 256)
        there = (truth > 0) & (truth != number("skirt"))
        right, of = right + (truth == found.raster)[there].sum(), of + there.sum()
    assert right / of > 0.75


def test_long_hair_seen_from_behind_hangs_over_the_back():
    raster = PARTS.find(SAMPLES / "figures" / "P003_back.jpg").raster
    rows = np.flatnonzero((raster == number("hair")).any(1))
    shoulders = np.flatnonzero((raster == number("left upper arm")).any(1))[0]
    assert not (raster == number("face")).any() and rows[-1] > shoulders + 20


def test_a_shirt_as_dark_as_the_hair_is_no_hair():
    raster = PARTS.find(SAMPLES / "figures" / "rendered_05_1.jpg").raster
    assert (raster == number("torso")).sum() > 4 * (raster == number("hair")).sum()


@pytest.mark.parametrize(("name", "message"), [("head", "head and shoulders"), ("nobody", "No person")])
def test_photos_without_a_body_are_refused(name, message, tmp_path):
    photo = {"head": FACE, "nobody": empty_photo(tmp_path / "grey.png")}[name]
    with pytest.raises(ConditionError, match=message):
        PARTS.find(photo)


# Through the one door


@pytest.fixture(scope="module", params=["image", "image+condition"])
def translator(request, tmp_path_factory):
    torch.manual_seed(0)
    return Translator.load(checkpoint(tmp_path_factory.mktemp("weights"), "parts", request.param), device="cpu")


def test_a_map_and_an_exemplar_make_a_picture(translator):
    result = translator(MAPS[0], FIGURE)
    assert {picture.size for picture in result.steps.values()} == {(SIZE, SIZE)}
    assert np.array_equal(result.photo, PARTS.find(MAPS[0]).picture.resize((SIZE, SIZE), Image.Resampling.NEAREST))
    assert result.condition.getcolors() is not None
    assert {tuple(c) for _, c in result.condition.getcolors()} <= {tuple(c) for c in PARTS.palette.tolist()}
    assert any("guessed" in note and note.startswith("Exemplar") for note in result.notes)


def test_a_photo_and_its_map_are_framed_alike(translator):
    result = translator(BODY, FIGURE)
    found = PARTS.find(BODY)
    assert np.array_equal(result.photo, found.frame.cut(open_photo(BODY), SIZE))
    assert any("guessed" in note and note.startswith("Photo") for note in result.notes)


def test_painting_palette_colours_edits_the_map(translator):
    condition = translator.condition_of(MAPS[0])
    canvas = enlarge(condition.image)
    assert condition.edited(canvas) is condition
    k = canvas.width // SIZE
    ImageDraw.Draw(canvas).rectangle((4 * k, 50 * k, 14 * k - 1, 60 * k - 1), fill=tuple(PARTS.palette[number("skirt")].tolist()))
    old = condition.map.argmax(0)
    rows, columns = (axis[len(axis) // 2] + np.arange(-2, 3) for axis in np.nonzero(old == number("torso")))
    corners = (columns[0] * k, rows[0] * k, (columns[-1] + 1) * k - 1, (rows[-1] + 1) * k - 1)
    ImageDraw.Draw(canvas).rectangle(corners, fill="black")
    new = condition.edited(canvas).map
    assert (new[number("skirt"), 50:60, 4:14] == 1).all() and (new[0][np.ix_(rows, columns)] == 1).all()
    changed = new.argmax(0) != old
    changed[50:60, 4:14] = False
    changed[np.ix_(rows, columns)] = False
    assert not changed.any()
    assert np.allclose(new.sum(0), 1)


def test_a_map_is_no_exemplar(translator):
    with pytest.raises(ConditionError, match="The exemplar is a label map"):
        translator(MAPS[0], MAPS[1])


def test_an_exemplar_can_bring_its_map(translator):
    picture = SAMPLES / "figures" / f"{MAPS[1].stem}.jpg"
    result = translator(MAPS[0], picture, exemplar_map=MAPS[1])
    assert np.array_equal(result.exemplar, Frame(128, 128, 256).cut(open_photo(picture), SIZE))
    assert not any(note.startswith("Exemplar") for note in result.notes)
    with pytest.raises(ConditionError, match="another shape"):
        translator(MAPS[0], FIGURE, exemplar_map=MAPS[1])
    with pytest.raises(ConditionError, match="is none"):
        translator(MAPS[0], picture, exemplar_map=FIGURE)


def test_an_exemplar_that_shows_nobody(translator, tmp_path):
    grey = empty_photo(tmp_path / "grey.png")
    if translator.net.config.exemplar_input == "image":
        assert any("centred square" in note for note in translator(MAPS[0], grey).notes)
    else:
        with pytest.raises(ConditionError, match="The exemplar cannot be used: No person"):
            translator(MAPS[0], grey)


def test_samples_are_small_enough():
    assert all(Image.open(Path(path)).size == (256, 256) for path in MAPS)
