"""layouts/celebahq.py: the three conditions of CelebA-HQ on a miniature; the drawn channels by hand; damage; training steps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from miniatures.celebahq import MASK, ellipse, mask_file, picture, release
from PIL import Image

from cocos_demo.conditions import KINDS, celebahq, celebahqedge, faces
from cocos_demo.conditions.celebahqedge import MASKED_EDGE, PARTS, aligned
from cocos_demo.conditions.labels import NOTHING
from cocos_demo.datasets.layouts import CelebAHQ, CelebAHQEdge, CelebAHQLandmarks, LayoutError
from cocos_demo.datasets.layouts.celebahq import FILES
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.datasets.preparing import prepare
from cocos_demo.objectives import PUBLISHED
from cocos_demo.photo import open_photo
from cocos_demo.training import TrainArgs, Trainer

SAMPLES = Path(__file__).parent.parent / "data" / "samples" / "portraits"
EDGE, LABELS = KINDS["celebahqedge"], KINDS["celebahq"]


@pytest.fixture
def root(tmp_path):
    return release(tmp_path / "CelebAMask-HQ")


def prepared(layout, tmp_path, size=64):
    return prepare(layout, tmp_path / layout.name, size, workers=1, progress=False)


def left_out(report):
    return {entry["source"].rsplit("/", 1)[1]: entry["reason"] for entry in report.left_out}


def test_the_split_is_celebas_own(root, tmp_path):
    assert prepared(CelebAHQ(root), tmp_path).kept == 8
    items = json.loads((tmp_path / "celebahq" / "index.json").read_text())["items"]
    assert {item["name"]: item["split"] for item in items} == {
        "0": "train", "1": "train", "2": "train", "3": "train", "4": "test", "5": "test", "6": "spare", "7": "spare"}
    assert items[3]["source"] == "CelebA-HQ-img/3.jpg" and len(PreparedFolder(tmp_path / "celebahq", "spare")) == 2


def test_lists_beside_the_pictures_count(root, tmp_path):
    (root / "train.txt").write_text("0\n4\n")
    (root / "val.txt").write_text("1.jpg\nCelebA-HQ-img\\2.jpg\n")
    (root / "CelebA-HQ-to-CelebA-mapping.txt").unlink()
    assert [entry.split for entry in CelebAHQ(root).entries()] == ["train", "test", "test", "spare", "train", *["spare"] * 3]
    (root / "val.txt").write_text("4\n")
    with pytest.raises(LayoutError, match="picture 4 is in train.txt and in val.txt"):
        CelebAHQ(root).entries()
    (root / "val.txt").write_text("4\nface\n")
    (root / "train.txt").write_text("0\n")
    with pytest.raises(LayoutError, match="val.txt, entry 2: the number of a picture is expected, not 'face'"):
        CelebAHQ(root).entries()


def test_masks_of_high_numbers_lie_in_their_own_folders(tmp_path):
    root = release(tmp_path / "set", (1, 2), (1999, 29999))
    assert (root / "CelebAMask-HQ-mask-anno" / "14" / "29999_skin.png").exists()
    assert prepared(CelebAHQ(root), tmp_path).kept == 2


# The label map


def test_what_lies_over_what(root, tmp_path):
    prepared(CelebAHQ(root), tmp_path)
    labels = PreparedFolder(tmp_path / "celebahq", "train").raster(0)  # wears glasses
    places = {"skin": (48, 24), "hair": (10, 32), "left eye": (30, 24), "right eye": (30, 39), "left brow": (26, 24),
              "neck": (56, 32), "clothes": (62, 32), "upper lip": (45, 28), "nose": (40, 32)}  # row, column
    assert {name: LABELS.channels[labels[place]] for name, place in places.items()} == {name: name for name in places}
    # Glasses lie over nose and skin; eyes are seen through them.
    assert [LABELS.channels[labels[30, x]] for x in (17, 24, 32, 39)] == ["glasses", "left eye", "glasses", "right eye"]
    assert labels[0, 0] == 0 and labels.shape == (MASK, MASK)


def test_all_18_parts_have_a_class_and_a_place_in_the_overlay():
    assert len(FILES) == 18 and sorted(FILES.values()) == sorted(LABELS.channels[1:]) == sorted(celebahq.OVERLAY)
    masks = {part: np.eye(18, dtype=bool)[n].reshape(3, 6) for n, part in enumerate(FILES.values())}
    assert [LABELS.channels[n] for n in celebahq.of_masks(masks).ravel()] == list(FILES.values())


# The 15 channels


def by_hand(masks, edges, size):
    """The 15 channels as the released code computes them, spelled out: masks {name: bool (size, size)}, edges bool."""
    def lines(mask):
        found = np.zeros((size, size), bool)
        for y in range(size):
            for x in range(size):
                for v, u in ((y, x + 1), (y + 1, x)):
                    if v < size and u < size and mask[y, x] != mask[v, u]:
                        found[y, x] = found[v, u] = True
        return found

    outlines = [lines(masks[part]) if part in masks else np.zeros((size, size), bool) for part in PARTS]
    inner = np.zeros((size, size), bool)
    for part in PARTS:
        if part in masks:
            inner[masks[part]] = part != "hair"
    every = np.any(outlines, axis=0)
    maps = []
    for line in outlines:
        away = [abs(np.arange(size)[:, None] - v) + abs(np.arange(size) - u) for v, u in np.argwhere(line)]
        maps.append(np.minimum(np.floor(np.min(away, axis=0) * 256 / size / 3), 255) / 255 if away else np.ones((size, size)))
    return np.stack([every | (edges & ~inner), *maps, every]).astype(np.float32)


def test_channels_are_the_released_codes():
    """On a drawn face whose masks overlap; hair lies over the face, and edges within it count."""
    size = 64
    masks = {FILES[file]: ellipse(file, size) for file in ("skin", "nose", "l_eye", "r_eye", "u_lip", "l_lip", "eye_g", "hair")}
    edges = np.random.default_rng(0).random((size, size)) > 0.9
    raster = celebahqedge.of_masks(masks, Image.new("RGB", (512, 512)))
    assert raster.dtype == np.uint16 and raster.shape == (size, size) and not (raster & MASKED_EDGE).any()
    inner = np.any([mask for part, mask in masks.items() if part != "hair"], axis=0) & ~masks["hair"]
    raster |= (edges & ~inner).astype(np.uint16) * np.uint16(MASKED_EDGE)
    np.testing.assert_array_equal(EDGE.draw(NOTHING, size, raster), by_hand(masks, edges, size))


def test_edges_stay_around_the_face_and_in_the_hair():
    size = 512
    masks = {FILES[file]: ellipse(file, size) for file in ("skin", "hair", "nose")}
    shown = np.zeros((1024, 1024, 3), np.uint8)
    shown[::64] = shown[1::64] = shown[2::64] = shown[3::64] = 255  # lines all over
    raster = celebahqedge.of_masks(masks, Image.fromarray(shown))
    edges = raster & MASKED_EDGE > 0
    assert raster.shape == (size, size)
    assert edges[masks["hair"]].mean() > 0.05 and edges[~masks["skin"] & ~masks["hair"]].mean() > 0.05
    assert edges[masks["skin"] & ~masks["hair"]].mean() < 0.002  # a mask is cut to 256 pixels by the nearest: its rim may differ
    map = EDGE.draw(NOTHING, 256, raster)
    where = np.ix_(*[np.arange(256) * 2 + 1] * 2)
    np.testing.assert_array_equal(map[1:], EDGE.draw(NOTHING, 256, raster[where])[1:])  # masks by the nearest pixel
    assert np.array_equal(map[0] > 0, (map[14] > 0) | edges[where])


def test_a_part_without_a_mask_is_the_constant_1_and_a_mirror_swaps_sides(root, tmp_path):
    prepared(CelebAHQEdge(root), tmp_path)
    folder = PreparedFolder(tmp_path / "celebahqedge", "train")
    raster, map = folder.raster(1), folder.condition(1, 64).numpy()  # picture 1: a left ear
    assert raster.dtype == np.uint16 and map.shape == (15, 64, 64)
    absent = {part for part, channel in zip(PARTS, map[1:-1], strict=True) if (channel == 1).all()}
    assert absent == {"right ear", "mouth", "glasses"}
    mirrored = EDGE.draw(NOTHING, 64, EDGE.renamed(raster[:, ::-1]))
    for part, other in (("left ear", "right ear"), ("left eye", "right eye"), ("nose", "nose")):
        np.testing.assert_array_equal(mirrored[EDGE.channels.index(other)], map[EDGE.channels.index(part)][:, ::-1])
    assert np.array_equal(EDGE.renamed(EDGE.renamed(raster)), raster)


def test_training_moves_part_masks_as_it_moves_the_picture(root, tmp_path):
    prepared(CelebAHQEdge(root), tmp_path)
    folder = PreparedFolder(tmp_path / "celebahqedge", "train")
    still = PairSampler([folder], 64, Mix(same=0, pseudo=0, cross=1, move=0))(0, 12)
    plain = [folder.condition(i, 64).numpy() for i in range(len(folder))]
    flipped = [EDGE.draw(NOTHING, 64, EDGE.renamed(folder.raster(i)[:, ::-1])) for i in range(len(folder))]
    for map in still.x_A.numpy():
        assert any(np.array_equal(map, one) for one in (*plain, *flipped))
    moved = PairSampler([folder], 64, Mix(move=1.0))(0, 4).x_A.numpy()
    assert set(np.unique(moved[:, [0, -1]])) == {0, 1} and (moved[:, 1] == 0).any((1, 2)).all()  # every face has its outline


# Landmarks


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    """A set whose pictures show faces as CelebA-HQ's do, but for the last."""
    root = release(tmp_path_factory.mktemp("faces") / "set", (1, 2, 162771), masks=False)
    for number, name in enumerate(("P008_happy", "P006_playful")):
        photo = open_photo(SAMPLES / f"{name}.jpg")
        xy, _ = faces.largest(photo)
        aligned(xy).cut(photo, 512).save(root / "CelebA-HQ-img" / f"{number}.jpg", quality=95)
    return root


def test_landmarks_are_found_in_the_whole_picture(portraits, tmp_path):
    report = prepared(CelebAHQLandmarks(portraits), tmp_path, 128)
    assert report.kept == 2 and "No face was found" in left_out(report)["2.jpg"]
    folder = PreparedFolder(tmp_path / "celebahq_landmarks", "train")
    xy, _ = faces.largest(open_photo(portraits / "CelebA-HQ-img" / "0.jpg"))
    assert np.abs(folder.points[0][:, :2] - xy / 512).max() < 1e-3  # stored in half precision
    map = folder.condition(0, 128)
    assert folder.kind.name == "portrait" and map.shape == (7, 128, 128) and all(channel.max() > 0.5 for channel in map)
    assert folder.raster(0).shape == (256, 256)
    step(tmp_path, CelebAHQLandmarks, "celebahqedge")


# Damage


def test_every_damage_is_named_and_the_rest_goes_on(root, tmp_path):
    for part in FILES:
        mask_file(root, 0, part).unlink(missing_ok=True)
    Image.new("L", (32, 32)).save(mask_file(root, 1, "nose"))
    Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))).save(mask_file(root, 2, "skin"))
    mask_file(root, 3, "hair").write_bytes(mask_file(root, 3, "hair").read_bytes()[:50])
    photo = root / "CelebA-HQ-img" / "4.jpg"
    photo.write_bytes(photo.read_bytes()[:300])
    picture(5).resize((100, 128)).save(root / "CelebA-HQ-img" / "5.jpg")
    picture(5).save(root / "CelebA-HQ-img" / "face.jpg")
    report = prepared(CelebAHQ(root), tmp_path)
    why = left_out(report)
    assert report.kept == 2 and len(why) == 7
    assert why["0.jpg"] == "there is not one part mask of it in CelebAMask-HQ-mask-anno"
    assert why["1.jpg"] == "its part masks are not squares of one size but 32 x 32 and 64 x 64"
    assert why["2.jpg"] == "the mask skin is not black and white"
    assert "the mask hair cannot be used: The picture is damaged" in why["3.jpg"]
    assert "damaged or cut short" in why["4.jpg"]
    assert why["5.jpg"] == "the picture has 100 x 128 pixels; those of CelebA-HQ are square"
    assert why["face.jpg"] == "it has no line in the list of the split"
    with pytest.raises(DataError, match="no picture of the split 'train'"):
        PreparedFolder(tmp_path / "celebahq", "train")


def test_what_a_folder_lacks_is_said(root, tmp_path):
    with pytest.raises(LayoutError, match="no folder .*switchablenorms/CelebAMask-HQ"):
        CelebAHQ(tmp_path / "nowhere").entries()
    (root / "CelebAMask-HQ-mask-anno").rename(tmp_path / "away")
    (root / "CelebA-HQ-to-CelebA-mapping.txt").rename(tmp_path / "mapping")
    with pytest.raises(LayoutError, match=r"lacks CelebAMask-HQ-mask-anno \(the part .*\); CelebA-HQ-to-CelebA-mapping.txt"):
        CelebAHQEdge(root).entries()
    (tmp_path / "mapping").rename(root / "CelebA-HQ-to-CelebA-mapping.txt")
    assert len(CelebAHQLandmarks(root).entries()) == 8  # landmarks need no masks
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("idx orig_idx orig_file\n0 119613\n")
    with pytest.raises(LayoutError, match='line 2: three columns, as "0 119613 119614.jpg", are expected'):
        CelebAHQLandmarks(root).entries()


# Training


def step(tmp_path, layout, task):
    """One step on a prepared set, with the released code's weights but for the terms that need VGG."""
    seen = []
    weights = replace(PUBLISHED[task], feat=0.0, perc=0.0, context=0.0, detail=0.0)
    Trainer(TrainArgs(data=(tmp_path / layout.name,), out=tmp_path / "run", size=32, steps=1, batch=2, d_width=4,
                      device="cpu", weights=weights)).run(seen.append)
    assert [state["step"] for state in seen] == [1] and np.isfinite(list(seen[0]["terms"].values())).all()


@pytest.mark.parametrize("layout", [CelebAHQ, CelebAHQEdge])
def test_a_training_step_with_the_published_weights(root, tmp_path, layout):
    prepared(layout(root), tmp_path)
    step(tmp_path, layout, layout.name)
