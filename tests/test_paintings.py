"""Painted portraits: the prepared folder, its palettes and splits; brushes by what they must do to a picture."""

import json

import cv2
import numpy as np
import pytest
from folders import prepared
from PIL import Image, ImageDraw

from cocos_demo.cli import main
from cocos_demo.conditions.portrait import OVAL, background
from cocos_demo.datasets import painter, painting_brushes, paintings
from cocos_demo.datasets.painting_manners import MANNERS, Manner, from_lab, lab, mixed, rgb
from cocos_demo.datasets.paintings import PaintingError, deal, prepare_paintings
from cocos_demo.datasets.pairs import Mix, PairSampler, PreparedFolder

SIZE = 64
needs_xphoto = pytest.mark.skipif(not hasattr(cv2, "xphoto"), reason="OpenCV's extra modules are not installed")
pytestmark = needs_xphoto


def landmarks(size=SIZE):
    """(478, 3): all in the middle, but the oval, which is an ellipse."""
    points = np.full((478, 3), 0.5)
    turn = np.linspace(0, 2 * np.pi, len(OVAL[0]))
    points[list(OVAL[0]), :2] = np.stack([0.5 + 0.2 * np.sin(turn), 0.4 - 0.25 * np.cos(turn)], -1)
    points[painter.CHIN, :2] = 0.5, 0.65
    points[:, 2] = 1
    return points


def portrait(skin, size=SIZE):
    """A face on a grey wall, and a white shirt -> picture uint8 (size, size, 3), foreground bool."""
    image, mask = Image.new("RGB", (size, size), (128, 128, 128)), Image.new("1", (size, size))
    for pen, face, shirt in ((ImageDraw.Draw(image), skin, (245, 245, 245)), (ImageDraw.Draw(mask), 1, 1)):
        pen.rectangle((size * 0.15, size * 0.7, size * 0.85, size), fill=shirt)
        pen.ellipse((size * 0.28, size * 0.12, size * 0.72, size * 0.68), fill=face)
    return np.array(image), np.array(mask)


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    """Three people, two pictures each, the last held out, with masks."""
    folder = prepared(tmp_path_factory.mktemp("portraits") / "made", condition="portrait", size=SIZE)
    np.save(folder / "points.npy", np.repeat(landmarks()[None], 6, 0).astype(np.float16))
    (folder / "masks").mkdir()
    for n, file in enumerate(sorted((folder / "images").iterdir())):
        picture, mask = portrait((200 - 20 * n, 150 - 20 * n, 120 - 15 * n))
        Image.fromarray(picture).save(file, quality=95)
        Image.fromarray(mask).save(folder / "masks" / f"{file.stem}.png")
    return folder


@pytest.fixture(scope="module")
def folder(portraits, tmp_path_factory):
    out = tmp_path_factory.mktemp("paintings") / "out"
    return prepare_paintings(out, portraits, versions=4, seed=3, workers=1, progress=False)


def index_of(folder):
    return json.loads((folder / "index.json").read_text())


def test_folder_is_whole(folder, portraits):
    index = index_of(folder)
    assert (index["format"], index["condition"], index["size"], index["seed"]) == (1, "portrait", SIZE, 3)
    assert index["source"] == "made up, painted by filters"
    assert len(index["items"]) == 24 and len({item["name"] for item in index["items"]}) == 24
    assert {item["person"]: item["split"] for item in index["items"]} == {"P0": "train", "P1": "train", "P2": "test"}
    assert np.load(folder / "points.npy").shape == (24, 478, 3)
    assert not (folder / "unfinished").exists()
    for item in index["items"]:
        assert Image.open(folder / "images" / f"{item['name']}.jpg").size == (SIZE, SIZE)
        assert Image.open(folder / "edges" / f"{item['name']}.png").size == (256, 256)
        assert (folder / "masks" / f"{item['name']}.png").read_bytes() == (portraits / "masks" / f"{item['of']}.png").read_bytes()


def test_edges_are_those_of_the_painting(folder):
    points = np.load(folder / "points.npy").astype(np.float32)
    items = index_of(folder)["items"]
    assert [item["edges"] for item in items].count("painting") == 12
    i = next(i for i, item in enumerate(items) if item["edges"] == "painting")
    painting = Image.open(folder / "images" / f"{items[i]['name']}.jpg").resize((256, 256), Image.Resampling.LANCZOS)
    there = np.array(Image.open(folder / "edges" / f"{items[i]['name']}.png").convert("L")) > 0
    again = background(painting, points[i]) > 0  # but for what JPEG did to it
    assert there.any() and (there & again).sum() > 0.7 * there.sum()


def test_one_scene_is_one_person_in_one_manner(folder):
    train = PreparedFolder(folder, "train")
    for i, item in enumerate(train.items):
        same = [train.items[k] for k in range(len(train)) if k != i and train.same_scene(i, k)]
        assert len(same) == 1 and same[0]["person"] == item["person"] and same[0]["manner"] == item["manner"]
        assert same[0]["of"] != item["of"]
    batch = PairSampler([train], SIZE, Mix(same=1, pseudo=0, cross=0))(0, 2)
    assert batch.x_B.shape == (2, 3, SIZE, SIZE) and batch.known.min() > 0.999


def test_the_same_seed_gives_the_same_pictures_in_any_number_of_processes(folder, portraits, tmp_path):
    again = prepare_paintings(tmp_path / "again", portraits, versions=4, seed=3, workers=2, progress=False)
    assert index_of(again) == index_of(folder)
    for file in (folder / "images").iterdir():
        assert (again / "images" / file.name).read_bytes() == file.read_bytes()


def test_manners_are_dealt_evenly_and_mixed_for_each_person():
    people = [f"P{n}" for n in range(9)]
    hands = deal(people, 5, 0)
    dealt = [name for hand in hands.values() for name in hand]
    counts = [dealt.count(name) for name in MANNERS]
    assert all(len(hand) == 5 for hand in hands.values()) and max(counts) - min(counts) <= 2
    assert deal(people, 5, 0) == hands != deal(people, 5, 1)
    assert len(deal(["one"], len(MANNERS), 0)["one"]) == len(MANNERS)
    one, other = (next(hand["swirls"] for hand in deal([name], len(MANNERS), 0).values()) for name in people[:2])
    assert one != other


def test_goes_on_where_it_stopped(portraits, tmp_path, monkeypatch):
    real, done = paintings._paint, []

    def stops(job, **options):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(job[0]["name"])
        return real(job, **options)

    monkeypatch.setattr(paintings, "_paint", stops)
    with pytest.raises(KeyboardInterrupt):
        prepare_paintings(tmp_path / "out", portraits, versions=2, workers=1, progress=False)
    stamps = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "out" / "images").iterdir()}
    assert len(stamps) == 6 and not (tmp_path / "out" / "index.json").exists()
    monkeypatch.setattr(paintings, "_paint", real)
    prepare_paintings(tmp_path / "out", portraits, versions=2, workers=1, progress=False)
    assert len(index_of(tmp_path / "out")["items"]) == 12
    assert all((tmp_path / "out" / "images" / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    with pytest.raises(PaintingError, match="other settings"):
        prepare_paintings(tmp_path / "out", portraits, versions=3, workers=1, progress=False)


def test_without_masks_the_ground_stays(portraits, tmp_path):
    bare = tmp_path / "bare"
    prepared(bare, condition="portrait", size=SIZE, people=1, shots=1, held_out=0)
    np.save(bare / "points.npy", landmarks()[None])
    out = prepare_paintings(tmp_path / "out", bare, versions=1, workers=1, progress=False)
    assert not (out / "masks").exists() and len(index_of(out)["items"]) == 1


def test_what_cannot_be_painted_is_said(portraits, tmp_path, monkeypatch):
    figures = prepared(tmp_path / "figures", condition="figure")
    with pytest.raises(PaintingError, match="condition figure, not portrait"):
        prepare_paintings(tmp_path / "out", figures)
    with pytest.raises(PaintingError, match="index.json is missing; prepare portraits with"):
        prepare_paintings(tmp_path / "out", tmp_path / "nothing")
    with pytest.raises(PaintingError, match="1 to .* times, not 0"):
        prepare_paintings(tmp_path / "out", portraits, versions=0)
    with pytest.raises(PaintingError, match="workers >= 1"):
        prepare_paintings(tmp_path / "out", portraits, workers=0)
    with pytest.raises(PaintingError, match="has no P7; it has P0, P1, P2"):
        prepare_paintings(tmp_path / "out", portraits, people=("P7",))
    small = prepared(tmp_path / "small", condition="portrait", size=32)
    with pytest.raises(PaintingError, match="of 32 px"):
        prepare_paintings(tmp_path / "out", small)
    monkeypatch.delattr(cv2, "xphoto")
    with pytest.raises(PaintingError, match="pip install .* opencv-contrib-python"):
        prepare_paintings(tmp_path / "out", portraits)
    assert not (tmp_path / "out").exists()


def test_the_command(portraits, tmp_path, capsys):
    line = ["prepare", "paintings", str(tmp_path / "out"), "--portraits", str(portraits), "--versions", "1", "--people", "P1"]
    assert main([*line, "--workers", "1"]) == 0
    assert {item["person"] for item in index_of(tmp_path / "out")["items"]} == {"P1"}
    assert main(["prepare", "paintings", str(tmp_path / "out"), "--portraits", str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err


# --- colours


@pytest.mark.parametrize("name", MANNERS)
def test_every_manner_paints(name):
    picture, mask = portrait((190, 140, 110))
    painting, drawing = painter.paint(picture, landmarks(), mask, MANNERS[name], np.random.default_rng(0))
    assert painting.shape == drawing.shape == picture.shape and painting.dtype == np.uint8
    assert np.abs(painting.astype(int) - picture).mean() > 12  # no photo under a filter at a tenth
    assert 0.5 < np.abs(painting.astype(int) - drawing).mean() < 60  # the brush shows, and hides nothing
    face = lab(painting / 255)[20:32, 24:40, 0]
    assert face.std() < 25 and 5 < face.mean() < 97


def test_manners_are_known_by_their_colours():
    """The mean colours of any two manners' paintings of one person lie apart, person and ground together."""
    picture, mask = portrait((190, 140, 110))
    told = []
    for manner in MANNERS.values():
        painting = lab(painter.paint(picture, landmarks(), mask, manner, np.random.default_rng(0))[0] / 255)
        told.append(np.concatenate([painting[mask].mean(0), painting[~mask].mean(0)]))
    apart = np.linalg.norm(np.array(told)[:, None] - np.array(told)[None], axis=-1) + 99 * np.eye(len(told))
    assert apart.min() > 5


def test_a_full_ramp_gives_its_hues_and_keeps_lightness():
    picture, _ = portrait((190, 140, 110))
    plain = Manner(("20242c", "6080b0", "e0e8f0"), 1.0, ())  # blue, and nothing else done
    drawn = painter.underdrawing(picture.astype(np.float32) / 255, landmarks(), None, plain, np.random.default_rng(0))
    before, after = lab(picture / 255), lab(drawn)
    np.testing.assert_allclose(after[..., 0], before[..., 0], atol=1)
    assert after[26, 32, 2] < -10 < 10 < before[26, 32, 2]  # warm skin is blue now


def test_the_shirt_takes_the_garments_colour_and_the_face_does_not():
    picture, mask = portrait((190, 140, 110))
    plain = Manner(("101010", "808080", "f0f0f0"), 0.0, ("404040", "505050"), garments=("b01020",))
    drawn = painter.underdrawing(picture.astype(np.float32) / 255, landmarks(), mask, plain, np.random.default_rng(0))
    red = rgb("b01020")
    assert np.abs(drawn[56, 32] - red).max() < 0.2
    assert np.abs(drawn[26, 32] - picture[26, 32] / 255).max() < 0.06
    assert lab(drawn[4, 4])[0] < 45 < lab(picture[4, 4] / 255)[0]  # and the wall is the ground's


def test_mixed_varies_a_manner_and_keeps_its_kind():
    one, other = (mixed(MANNERS["blue"], np.random.default_rng(seed)) for seed in (1, 2))
    assert one != other and one.brush == other.brush == "oil" and one.layout == other.layout
    assert all(lab(rgb(colour))[2] < 0 for colour in (*one.ramp, *other.ramp))  # still blue
    assert len(one.garments) == 1


def test_lab_there_and_back():
    colours = np.random.default_rng(0).uniform(0.02, 0.98, (5, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(from_lab(lab(colours)), colours, atol=5e-3)
    np.testing.assert_allclose(lab(np.ones(3)), (100, 0, 0), atol=0.1)


# --- brushes


def stripes(size=SIZE):
    """Diagonal edges: light above, dark below the line x = y."""
    y, x = np.mgrid[:size, :size]
    return np.repeat(np.where(x > y, 0.8, 0.2).astype(np.float32)[..., None], 3, -1)


def test_the_flow_runs_along_an_edge():
    field = painting_brushes.flow(stripes(), 3)
    on_edge = field[range(16, 48), range(16, 48)]
    np.testing.assert_allclose(np.abs(on_edge), np.sqrt(0.5), atol=0.05)
    assert (on_edge[:, 0] * on_edge[:, 1] > 0).all()  # down to the right, not up


def test_a_mean_along_the_field_keeps_what_runs_with_it_and_blurs_what_crosses():
    field = np.zeros((SIZE, SIZE, 2), np.float32)
    field[..., 0] = 1  # to the right
    bars = np.zeros((SIZE, SIZE, 3), np.float32)
    bars[::4] = 1  # horizontal
    np.testing.assert_allclose(painting_brushes.along(bars, field, 12), bars, atol=1e-5)
    crossed = painting_brushes.along(bars.transpose(1, 0, 2).copy(), field, 12)
    assert crossed.std() < 0.3 * bars.std()


def test_kuwahara_flattens_noise_and_keeps_an_edge():
    noisy = np.clip(stripes() + np.random.default_rng(0).normal(0, 0.06, (SIZE, SIZE, 1)).astype(np.float32), 0, 1)
    smooth = painting_brushes.kuwahara(noisy, 4)
    assert smooth[5:20, 40:60].std() < 0.4 * noisy[5:20, 40:60].std()
    assert smooth[28, 34].mean() - smooth[34, 28].mean() > 0.5  # six pixels apart, across the edge


def test_finer_strokes_come_nearer_to_the_picture():
    picture = portrait((190, 140, 110))[0].astype(np.float32) / 255
    far, near = (np.abs(painting_brushes.strokes(picture, radii, np.random.default_rng(0), colours=0) - picture).mean()
                 for radii in ((8,), (8, 4, 1)))
    assert near < 0.6 * far < 0.2


def test_relief_is_lit_from_its_side():
    flat = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    none, left, right = (painting_brushes.impasto(flat, strength, np.random.default_rng(0), light=light) - flat
                         for strength, light in ((0.0, 0.0), (0.2, np.pi), (0.2, 0.0)))
    assert not none.any() and left.std() > 0.02
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] < -0.9  # what one side lights lies in the other's shade
