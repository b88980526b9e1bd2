"""The label kinds of the published networks: classes, colours, numbers in files, and face masks guessed from photos."""

import numpy as np
import pytest
import torch
from made_up import BODY, FACE, PORTRAIT, SAMPLES, SIZE, checkpoint
from PIL import Image

from cocos_demo import Translator, conditions
from cocos_demo.conditions import KINDS, ConditionError
from cocos_demo.conditions.ade20k import spread
from cocos_demo.conditions.labels import NOTHING
from cocos_demo.models.cocosnet import TASKS
from cocos_demo.photo import Frame
from cocos_demo.translator import Condition, on_canvas

ADE, FACES = KINDS["ade20k"], KINDS["celebahq"]


@pytest.mark.parametrize("kind", [ADE, FACES], ids=lambda kind: kind.name)
def test_as_many_channels_as_the_published_network_reads(kind):
    assert len(kind.channels) == len(kind.palette) == len(set(kind.channels)) == TASKS[kind.name]["condition_channels"]
    assert len({tuple(colour) for colour in kind.palette.tolist()}) == len(kind.channels) and not kind.palette[0].any()


def test_classes_are_where_the_data_sets_have_them():
    # SceneParse150's list, from 1 on; 0 is "other".
    want = {0: "unknown", 1: "wall", 3: "sky", 5: "tree", 7: "road", 13: "person", 21: "car", 27: "sea", 68: "book", 150: "flag"}
    assert {n: ADE.channels[n] for n in want} == want
    # Of the released code: 0 background, 1 skin, 2 hair, then pairs; glasses in channel -3.
    assert FACES.channels[:3] == ("background", "skin", "hair") and FACES.channels[-3] == "glasses"
    assert [FACES.channels.index(name) for name in ("left eye", "right eye", "nose", "mouth", "neck")] == [5, 6, 9, 11, 13]


def test_colours_are_pascals():
    assert spread(np.array([0, 1, 2, 3, 4, 8, 15, 20, 255])).tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [64, 0, 0], [192, 128, 128], [0, 64, 128],
        [224, 224, 192]]  # fmt: skip


def test_our_scene_colours_are_the_viewers_where_these_can_be_told_apart():
    ours, viewers = ADE.palette.astype(int), ADE.other_palettes[0].astype(int)
    off = np.linalg.norm(ours[:, None] - ours, axis=-1) + 999 * np.eye(151)
    assert off.min() >= 28
    moved = (ours != viewers).any(1)
    assert not moved[[1, 2, 3, 5, 7, 10, 13, 22, 27]].any()  # wall, building, sky, tree, road, grass, person, water, sea
    for c in np.flatnonzero(moved):
        assert np.linalg.norm(np.concatenate([viewers[:c], ours[:c]]) - viewers[c], axis=-1).min() < 28


def test_pascals_colours_are_read_as_well():
    raster = (np.arange(48 * 48).reshape(48, 48) % 151).astype(np.uint8)
    assert np.array_equal(ADE.find(Image.fromarray(spread(np.arange(151))[raster])).raster, raster)


def test_numbers_of_an_ade20k_file_are_channels_and_255_is_150():
    raster = np.arange(32 * 32).reshape(32, 32) % 151
    raster[0] = 255
    found = ADE.find(Image.fromarray(raster.astype(np.uint8)))
    assert np.array_equal(found.raster, np.where(raster == 255, 150, raster))
    map = ADE.draw(NOTHING, 32, found.raster)
    assert map.shape == (151, 32, 32) and np.array_equal(map.argmax(0), found.raster) and set(np.unique(map)) == {0, 1}
    again = ADE.find(found.picture)  # in colours
    assert np.array_equal(again.raster, found.raster)


def viewer_colours(raster):
    return ADE.other_palettes[0][raster]


def test_the_colours_of_sceneparsings_viewers_are_read():
    palette = ADE.other_palettes[0]
    want = {0: (0, 0, 0), 1: (120, 120, 120), 3: (6, 230, 230), 10: (4, 250, 7), 13: (150, 5, 61), 150: (92, 0, 255)}
    assert palette.shape == (151, 3) and {n: tuple(palette[n].tolist()) for n in want} == want
    twins = [n for n in range(151) if (palette == palette[n]).all(1).sum() > 1]
    assert [ADE.channels[n] for n in twins] == ["road", "skyscraper"]
    raster = (np.arange(48 * 48).reshape(48, 48) % 151).astype(np.uint8)
    raster[raster == 49] = 7
    found = ADE.find(Image.fromarray(viewer_colours(raster)))
    assert np.array_equal(found.raster, raster)
    assert found.notes == ("road and skyscraper have one colour in this palette; it was taken as road",)
    assert np.array_equal(np.asarray(found.picture), ADE.palette[raster])  # shown in ours
    raster[raster == 7] = 3
    assert ADE.find(Image.fromarray(viewer_colours(raster))).notes == ()


@pytest.mark.parametrize("first", [0, 1])
def test_an_index_png_in_viewer_colours_tells_road_from_skyscraper(first):
    """Some tools number wall 1, as the data set does, others 0."""
    raster = np.tile(np.array([7, 49, 3, 150], np.uint8).repeat(16), (64, 1))
    picture = Image.fromarray(raster - first, "P")
    picture.putpalette(ADE.other_palettes[0][first:].tobytes())
    found = ADE.find(picture)
    assert np.array_equal(found.raster, raster) and found.notes == ()


def test_a_map_between_two_palettes_is_refused_by_the_nearer_one():
    raster = np.tile(np.array([7, 13, 3, 150], np.uint8).repeat(16), (64, 1))
    rgb = viewer_colours(raster)
    rgb[:4] = (1, 2, 3)
    with pytest.raises(ConditionError, match=r"6.2% of it is in colours that ade20k does not know: #010203 \(6.2%\)"):
        ADE.find(Image.fromarray(rgb))


def test_a_soft_brush_paints_its_class_and_no_third_one():
    """Between "person" (150, 5, 61) and "earth" lie colours of other classes: a stroke's border must not be any of them."""
    size, canvas = 32, 512
    for background, brush in (("grass", "sea"), ("sky", "tree"), ("person", "earth"), ("unknown", "water")):
        before, after = (ADE.channels.index(name) for name in (background, brush))
        found = ADE.found(np.full((size, size), before, np.uint8), Frame(16, 16, 32), ())
        condition = Condition(ADE, found, found.picture, ADE.draw(NOTHING, size, found.raster))
        y, x = np.mgrid[:canvas, :canvas] + 0.5
        cover = np.clip(150.5 - np.hypot(x - 256, y - 256), 0, 3)[..., None] / 3  # a disc, soft over three pixels
        picture = cover * ADE.palette[after] + (1 - cover) * ADE.palette[before]
        labels = condition.edited(Image.fromarray(picture.round().astype(np.uint8))).map.argmax(0)
        assert set(np.unique(labels)) == {before, after} and abs((labels == after).mean() - np.pi * (150 / 512) ** 2) < 0.02


def test_a_map_larger_than_the_canvas_is_painted_on():
    size = 1024
    raster = np.where(np.arange(size) < 500, 3, 5) + np.zeros((size, 1), int)  # sky and tree, the border at an odd place
    found = ADE.found(raster.astype(np.uint8), Frame(512, 512, 1024), ())
    condition = Condition(ADE, found, found.picture, ADE.draw(NOTHING, size, found.raster))
    canvas = np.array(on_canvas(condition.image, 512))
    assert condition.edited(Image.fromarray(canvas)).map.argmax(0).tobytes() == condition.map.argmax(0).tobytes()
    canvas[100:200, 300:400] = ADE.palette[27]
    labels = condition.edited(Image.fromarray(canvas)).map.argmax(0)
    assert (labels[200:400, 600:800] == 27).all() and (labels == 27).sum() == 200 * 200
    assert np.array_equal(np.where(labels == 27, raster, labels), raster)


def test_an_empty_canvas_is_background():
    for kind in (ADE, FACES, KINDS["parts"]):
        found = kind.blank(32)
        assert found.raster.shape == (32, 32) and not found.raster.any() and found.picture.size == (32, 32)
        assert kind.draw(NOTHING, 32, found.raster)[0].all()
    assert FACES.guesses and KINDS["parts"].guesses and not ADE.guesses


def test_published_maps_are_resized_by_the_nearest_pixel():
    """As torchvision's and Pillow's NEAREST do, with which the networks were trained."""
    raster = np.random.default_rng(0).integers(0, 19, (50, 50)).astype(np.uint8)
    want = Image.fromarray(raster).resize((32, 32), Image.Resampling.NEAREST)
    assert np.array_equal(FACES.draw(NOTHING, 32, raster).argmax(0), want)
    assert set(np.unique(FACES.draw(NOTHING, 32, raster))) == {0, 1}


def test_the_middle_square_of_a_wide_map_is_taken():
    raster = np.tile(np.arange(100) // 10, (40, 1)).astype(np.uint8)
    found = ADE.find(Image.fromarray(raster))
    assert np.array_equal(found.raster, raster[:, 30:70]) and found.frame.cx == 50 and "middle square" in found.notes[0]


def test_scenes_are_not_guessed():
    with pytest.raises(ConditionError, match="numbers 0 to 150.*wall #787878.*and 131 more"):
        ADE.find(BODY)


def test_a_face_mask_is_read_exactly():
    raster = (np.arange(64)[:, None] // 4 + np.zeros((1, 64), int)).astype(np.uint8)
    assert np.array_equal(FACES.find(Image.fromarray(raster)).raster, raster)
    with pytest.raises(ConditionError, match="numbers 19; celebahq knows 0 to 18"):
        FACES.find(Image.fromarray(np.where(raster == 3, 19, raster).astype(np.uint8)))


@pytest.fixture(scope="module")
def mask():
    return FACES.find(FACE)


def test_a_guessed_face_mask_puts_parts_where_they_are(mask):
    raster = mask.raster
    y, x = np.mgrid[:256, :256]
    there = np.unique(raster)
    middle = {FACES.channels[n]: (x[raster == n].mean(), y[raster == n].mean()) for n in there}
    assert raster.shape == (256, 256) and mask.points.shape == (0, 3)
    for name in ("brow", "eye"):
        assert middle[f"left {name}"][0] < middle["nose"][0] < middle[f"right {name}"][0]
    order = ["hair", "left brow", "left eye", "nose", "upper lip", "lower lip", "neck"]
    heights = [middle[name][1] for name in order[1:]]
    assert heights == sorted(heights) and np.flatnonzero((raster == 2).any(1))[0] < 40
    assert (raster == 1).mean() > 0.1 and not np.isin(raster, [15, 16, 17, 18]).any()
    assert "paint over" in mask.notes[-1]


def test_eyes_lie_where_the_aligned_data_set_has_them(mask):
    """CelebA-HQ's faces are aligned: the eyes are four of their distances from side to side."""
    y, x = np.mgrid[:256, :256]
    eyes = [np.array([x[mask.raster == n].mean(), y[mask.raster == n].mean()]) for n in (5, 6)]
    assert 45 < np.linalg.norm(eyes[1] - eyes[0]) < 75 and abs(eyes[0][1] - eyes[1][1]) < 6


@pytest.mark.parametrize("name", ["P006_playful", "P008_happy"])
def test_mouths_and_hair_of_other_faces(name):
    raster = FACES.find(SAMPLES / "portraits" / f"{name}.jpg").raster
    assert (raster == FACES.channels.index("mouth")).sum() > 100  # both are open
    assert (raster == FACES.channels.index("hair")).mean() > (0.3 if name == "P008_happy" else 0.01)


def test_no_face_no_mask():
    with pytest.raises(ConditionError, match="No face"):
        FACES.find(Image.new("RGB", (300, 300), "grey"))


def test_a_face_mask_goes_through_the_one_door(tmp_path):
    torch.manual_seed(0)
    t = Translator.load(checkpoint(tmp_path, "celebahq", "image+condition"), device="cpu")
    result = t(FACE, PORTRAIT)
    assert {picture.size for picture in result.steps.values()} == {(SIZE, SIZE)}
    assert any(note.startswith("Exemplar: the face's parts") for note in result.notes)


def test_a_scene_needs_the_exemplars_map_too(tmp_path):
    torch.manual_seed(0)
    t = Translator.load(checkpoint(tmp_path, "ade20k", "image+condition"), device="cpu")
    scene = Image.fromarray(np.tile(np.arange(64) // 8, (64, 1)).astype(np.uint8))
    photo = Image.open(PORTRAIT).convert("RGB").resize((128, 128))
    assert t(scene, photo, exemplar_map=scene).image.size == (SIZE, SIZE)
    shown = Image.fromarray(viewer_colours(np.asarray(scene)))
    pictures = [np.asarray(t(one, photo, exemplar_map=one).image) for one in (scene, shown)]
    assert np.array_equal(*pictures)
    with pytest.raises(ConditionError, match="The exemplar cannot be used: The classes of ade20k.*exemplar_map"):
        t(scene, photo)


def test_photos_are_still_portraits_or_figures():
    assert conditions.detect(FACE) == "portrait" and conditions.detect(BODY) == "figure"
