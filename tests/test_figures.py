import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cocos_demo.datasets import figures
from cocos_demo.datasets.figures import FiguresError, contact_sheet, load_surface, prepare_figures, true_matches

needs_renderer = pytest.mark.skipif(
    importlib.util.find_spec("anny") is None or importlib.util.find_spec("warp") is None,
    reason='rendering needs the extra "render": pip install --editable ".[render]"',
)
SIZE, PEOPLE = 64, 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten people, two pictures each. The first load of anny on a machine takes a minute or two."""
    return prepare_figures(tmp_path_factory.mktemp("figures") / "out", PEOPLE, 2, SIZE, 5, workers=1, progress=False)


def read(folder):
    index = json.loads((folder / "index.json").read_text())
    return index, np.load(folder / "points.npy")


def picture(folder, name, kind="images"):
    return np.asarray(Image.open(folder / kind / f"{name}.{'jpg' if kind == 'images' else 'png'}"))


# --- true matches: no renderer needed


def test_true_matches_agree_with_brute_force():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-0.5, 0.5, (2, 9, 7, 3)).astype(np.float32)
    mask_a, mask_b = rng.random((2, 9, 7)) < 0.6
    found = true_matches(a, mask_a, b, mask_b, tolerance=0.1, chunk=5)
    distance = np.linalg.norm(a[mask_a][:, None] - b[mask_b][None], axis=-1)
    np.testing.assert_array_equal(found.source, np.argwhere(mask_a))
    np.testing.assert_array_equal(found.target, np.argwhere(mask_b)[distance.argmin(1)])
    np.testing.assert_allclose(found.distance, distance.min(1), atol=1e-6)
    np.testing.assert_array_equal(found.visible, distance.min(1) < 0.1)
    assert 0 < found.visible.mean() < 1


def test_true_matches_want_a_figure():
    nothing = np.zeros((4, 4), bool)
    with pytest.raises(ValueError, match="no figure"):
        true_matches(np.zeros((4, 4, 3)), ~nothing, np.zeros((4, 4, 3)), nothing)


def test_missing_renderer_is_said(monkeypatch, tmp_path):
    for name in [m for m in sys.modules if m.startswith("cocos_demo.datasets.figure_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("cocos_demo.datasets.figure_people", raising=False)
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(FiguresError, match=r"pip install --editable \"\.\[render\]\""):
        prepare_figures(tmp_path / "out", 1)
    assert not (tmp_path / "out").exists()


def test_refuses_nonsense(tmp_path):
    for name, value in (("people", 0), ("size", 8), ("workers", 0), ("workers", -1), ("seed", -1)):
        with pytest.raises(FiguresError, match=f"{name} >="):
            prepare_figures(tmp_path, **{name: value})


@needs_renderer
def test_the_renderer_starts_without_a_banner():
    code = "from cocos_demo.datasets import figures; figures._renderer()"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "" and "initialized" not in done.stderr  # a word on a missing driver may come


# --- the prepared folder


@needs_renderer
def test_folder_is_whole(folder):
    index, points = read(folder)
    assert (index["condition"], index["size"], index["format"]) == ("figure", SIZE, 1)
    assert points.shape == (PEOPLE * 2, 18, 3) and points.dtype == np.float32
    assert set(np.unique(points[..., 2])) <= {0.0, 1.0}
    assert [item["split"] for item in index["items"]] == ["train"] * 18 + ["test"] * 2
    assert len({item["person"] for item in index["items"]}) == PEOPLE
    for item in index["items"]:
        parts = Image.open(folder / "parts" / f"{item['name']}.png")
        assert parts.mode == "P"
        xyz, mask = load_surface(folder, item["name"])
        assert picture(folder, item["name"]).shape == (SIZE, SIZE, 3)
        np.testing.assert_array_equal(np.asarray(parts) > 0, mask)
        assert np.asarray(parts).max() < len(index["parts"])
        assert mask.mean() > 0.01
        assert (xyz[mask] > index["surface"]["low"]).all() and (xyz[mask] < index["surface"]["high"]).all()
        assert item["view"] in ("front", "side", "back") and item["distance"] > 0


@needs_renderer
def test_present_points_are_in_the_frame(folder):
    _, points = read(folder)
    there = points[..., 2] > 0
    assert there.mean() > 0.5
    assert (points[there][:, :2] >= 0).all() and (points[there][:, :2] <= 1).all()


@needs_renderer
def test_left_and_right_limbs_lie_under_their_keypoints(folder):
    """Elbows and knees: the limb of that side is there, unless something hides it."""
    index, points = read(folder)
    of_joint = {3: ("right upper arm", "right forearm"), 6: ("left upper arm", "left forearm"),
                9: ("right thigh", "right shin", "skirt"), 12: ("left thigh", "left shin", "skirt")}  # fmt: skip
    hit = []
    for item, row in zip(index["items"], points, strict=True):
        parts = picture(folder, item["name"], "parts")
        for joint, names in of_joint.items():
            if row[joint, 2]:
                x, y = (row[joint, :2] * SIZE).astype(int)
                near = parts[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
                hit.append(np.isin(near, [index["parts"].index(n) for n in names]).any())
    assert len(hit) > 20 and np.mean(hit) > 0.75


@needs_renderer
def test_no_face_from_behind(folder):
    """Nose and eyes are absent when the camera is behind the head."""
    from cocos_demo.datasets.figure_render import Camera
    from cocos_demo.datasets.figure_stage import _keypoints

    coco = np.random.default_rng(0).normal(0, 0.1, (17, 3))
    for yaw, seen in ((0, [1, 1, 1]), (180, [0, 0, 0])):
        row = _keypoints(coco, np.eye(3), Camera.look(coco.mean(0), 3, yaw, 0, 1.5))
        assert row[[0, 14, 15], 2].tolist() == seen
    left = _keypoints(coco, np.eye(3), Camera.look(coco.mean(0), 3, 90, 0, 1.5))
    assert left[17, 2] == 1 and left[16, 2] == 0


@needs_renderer
def test_twins_wear_the_same(folder):
    """One person, two pictures: where the true match is visible, part and colour agree."""
    index, _ = read(folder)
    names = [item["name"] for item in index["items"]]
    same_part, by_match, by_chance = [], [], []
    for a, b in zip(names[::2], names[1::2], strict=True):
        found = true_matches(*load_surface(folder, a), *load_surface(folder, b))
        if found.visible.sum() < 30:
            continue
        source, target = (index_[found.visible].T for index_ in (found.source, found.target))
        parts = [picture(folder, name, "parts") for name in (a, b)]
        same_part += list(parts[0][tuple(source)] == parts[1][tuple(target)])
        # Colour without brightness, which the light changes.
        tone = [picture(folder, name).astype(float) + 8 for name in (a, b)]
        tone = [t / t.sum(-1, keepdims=True) for t in tone]
        here = tone[0][tuple(source)]
        by_match += list(np.abs(here - tone[1][tuple(target)]).sum(-1))
        mixed = np.random.default_rng(0).permutation(target.T).T
        by_chance += list(np.abs(here - tone[1][tuple(mixed)]).sum(-1))
    assert len(same_part) > 300
    assert np.mean(same_part) > 0.9
    assert np.median(by_match) < 0.4 * np.median(by_chance)


@needs_renderer
def test_other_people_share_the_surface(folder):
    """Across people: the true match keeps the limb and its side."""
    index, _ = read(folder)
    names = [item["name"] for item in index["items"]][::2]
    limbs = [i for i, name in enumerate(index["parts"]) if name.startswith(("left", "right"))]
    agree = []
    for a, b in zip(names, names[1:], strict=False):
        found = true_matches(*load_surface(folder, a), *load_surface(folder, b))
        pair = [picture(folder, name, "parts")[tuple(spots[found.visible].T)]
                for name, spots in ((a, found.source), (b, found.target))]  # fmt: skip
        on = np.isin(pair[0], limbs) & np.isin(pair[1], limbs)
        agree += list(pair[0][on] == pair[1][on])
    assert len(agree) > 100 and np.mean(agree) > 0.9


@needs_renderer
def test_goes_on_where_it_stopped(folder):
    before, points = read(folder)
    kept, lost = folder / "images" / "F00000_0.jpg", folder / "images" / "F00002_1.jpg"
    stamp, content = kept.stat().st_mtime_ns, lost.read_bytes()
    for gone in (folder / "index.json", folder / "people" / "F00002.json", lost):
        gone.unlink()
    prepare_figures(folder, PEOPLE, 2, SIZE, 5, workers=1, progress=False)
    after, again = read(folder)
    assert kept.stat().st_mtime_ns == stamp
    assert lost.read_bytes() == content
    assert before == after
    np.testing.assert_array_equal(points, again)


@needs_renderer
def test_other_settings_are_refused(folder):
    with pytest.raises(FiguresError, match="seed 5 instead of 6"):
        prepare_figures(folder, PEOPLE, 2, SIZE, 6, workers=1, progress=False)


@needs_renderer
def test_workers_do_not_change_the_pictures(folder, tmp_path):
    out = prepare_figures(tmp_path / "out", 2, 2, SIZE, 5, workers=2, progress=False)
    for name in ("F00000_0", "F00001_1"):
        assert (out / "images" / f"{name}.jpg").read_bytes() == (folder / "images" / f"{name}.jpg").read_bytes()
        np.testing.assert_array_equal(load_surface(out, name)[0], load_surface(folder, name)[0])


@needs_renderer
def test_contact_sheet(folder):
    sheet = contact_sheet(folder, 10, columns=4)
    assert sheet.size == (4 * SIZE, 3 * SIZE)
    first = Image.fromarray(picture(folder, "F00000_0"))
    np.testing.assert_array_equal(np.asarray(sheet)[:SIZE, :SIZE], np.asarray(first))


# --- camera, poses


@needs_renderer
def test_camera_rays_and_projection_are_inverse():
    from cocos_demo.datasets.figure_render import Camera

    camera = Camera.look(np.array([0.1, 0, 1.0]), 3.0, 30, 10, 2.0, (0.4, 0.6))
    unit = np.random.default_rng(0).uniform(0, 1, (20, 2))
    np.testing.assert_allclose(camera.project(camera.position + 2.5 * camera.rays(unit)), unit, atol=1e-9)
    np.testing.assert_allclose(camera.project(np.array([[0.1, 0, 1.0]])), [[0.4, 0.6]], atol=1e-9)
    front = Camera.look(np.zeros(3), 3.0, 0, 0, 2.0)
    left = front.project(np.array([[0.3, 0, 0.3]]))[0]
    assert left[0] > 0.5 and left[1] < 0.5  # the figure's left is at the picture's right; up is up


@needs_renderer
@pytest.mark.parametrize("yaw, name", [(0, "front"), (-60, "front"), (61, "side"), (-119, "side"), (120, "back"),
                                       (180, "back"), (350, "front")])  # fmt: skip
def test_view_names(yaw, name):
    from cocos_demo.datasets.figure_stage import view_of

    assert view_of(yaw) == name


@needs_renderer
def test_poses_are_rotations():
    from cocos_demo.datasets.figure_bodies import mannequin
    from cocos_demo.datasets.figure_poses import KINDS, sample_pose

    body = mannequin()
    heads = body.rest({})[1]
    for kind in KINDS:
        own = sample_pose(body, heads, np.random.default_rng(1), kind).rotations
        np.testing.assert_allclose(own @ own.transpose(0, 2, 1), np.broadcast_to(np.eye(3), own.shape), atol=1e-6)
        assert (np.linalg.det(own) > 0).all()


def test_public_names():
    assert all(hasattr(figures, name) for name in figures.__all__)
