"""The Matcher: the mathematics on made-up features, the way of a click through turned frames, the shipped weights."""

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
import torch
from made_up import BODY, FACE, FIGURE, PORTRAIT, SAMPLES, SIZE, checkpoint
from PIL import Image, ImageDraw

from cocos_demo import Matcher, checkpoints, conditions
from cocos_demo.datasets import surfaces
from cocos_demo.datasets.surfaces import surface_of
from cocos_demo.datasets.truth import Surface, twins
from cocos_demo.metrics.places import LEFT_EYE, RIGHT_EYE
from cocos_demo.models import SYSTEMS, correspondence
from cocos_demo.models.field import Field, attention
from cocos_demo.models.layers import bake
from cocos_demo.pair import MatchError, OutOfFrame, Pair, View
from cocos_demo.photo import Frame, to_array
from cocos_demo.translator import Translator


def features(c=16, h=8, w=8, seed=0, dtype=torch.float32):
    return torch.randn(c, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def noise(width=64, height=64, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def view(name, grid=(8, 8), picture=None, frame=None, size=64):
    picture = picture or noise(seed=len(name))
    frame = frame or Frame(picture.width / 2, picture.height / 2, min(picture.size))
    return View(name, picture, frame, frame.cut(picture, size), grid)


def pair(fx, fy, **options):
    return Pair(Field.of(fx, fy), view("photo", tuple(fx.shape[1:])), view("exemplar", tuple(fy.shape[1:])), **options)


def test_equal_features_find_themselves_and_come_home():
    f = features()
    p = pair(f, f)
    for x, y in ((0.5, 0.5), (63.5, 20.25), (31.9, 40.1)):
        q = p.query(x, y, 100)
        assert (q.x, q.y) == pytest.approx((x, y)) and q.score == pytest.approx(1, abs=1e-6)
        assert q.round_trip == pytest.approx((x, y, 0))
    assert (p.cycle_error() == 0).all() and p.grid(5).mutual.all()


def test_a_permutation_is_followed_there_and_back():
    fy, order = features(), torch.randperm(64, generator=torch.Generator().manual_seed(3))
    fx = fy.flatten(1)[:, order].unflatten(1, (8, 8))  # cell u of x is cell order[u] of y
    p = pair(fx, fy)
    for u in (0, 13, 63):
        row, column = divmod(int(order[u]), 8)
        q = p.query(u % 8 * 8 + 3, u // 8 * 8 + 5, 100)
        assert (q.x, q.y) == (column * 8 + 3, row * 8 + 5) and q.round_trip.distance == 0
        assert np.unravel_index(q.heatmap.argmax(), (8, 8)) == (row, column)
        back = p.query(q.x, q.y, 100, source="exemplar")
        assert (back.x, back.y) == q.at
    assert (p.cycle_error("photo") == 0).all() and (p.cycle_error("exemplar") == 0).all()
    centres = p.exemplar.centres[order.numpy()].reshape(8, 8, 2)
    assert np.array_equal(p.flow(), centres)


def test_the_blended_colour_is_a_row_of_eq_4_in_float64():
    fx, fy = features(dtype=torch.float64), features(h=4, w=16, seed=1, dtype=torch.float64)
    p = pair(fx, fy)
    y = torch.from_numpy(p.exemplar.colours).T.unflatten(1, (4, 16))[None]
    for alpha in (1.0, 20.0, 200.0):
        r = correspondence.warp_explicit(fx[None], fy[None], y, alpha)[0]  # (3, 8, 8)
        q = p.query(5 * 8 + 1, 2 * 8 + 1, alpha)
        np.testing.assert_allclose(q.colour, r[:, 2, 5].numpy(), atol=1e-9)
        M = correspondence.correlate(fx[None], fy[None])[0]
        np.testing.assert_allclose(q.heatmap, M[2 * 8 + 5].view(4, 16).numpy(), atol=1e-12)


def test_the_other_direction_is_a_column():
    fx, fy = features(dtype=torch.float64), features(h=4, w=16, seed=1, dtype=torch.float64)
    M = correspondence.correlate(fx[None], fy[None])[0]
    q = pair(fx, fy).query(8.5, 60.5, 10, source="exemplar")  # 64 / 16 = 4 px wide, 16 px tall: column 2, row 3
    np.testing.assert_allclose(q.heatmap, M[:, 3 * 16 + 2].view(8, 8).numpy(), atol=1e-12)
    assert q.target.name == "photo"


def test_weights_by_hand():
    # softmax(2 ln 2 (1, 1/2, 0)) = (4, 2, 1) / 7
    weights = attention(torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64), 2 * np.log(2))
    np.testing.assert_allclose(weights, np.array([4, 2, 1]) / 7)
    # (1, 0, -1) against (1, 0, -1), (0, 1, -1), (-1, 0, 1): cosines 1, 1/2, -1
    fx = torch.tensor([[1.0, 0, -1]], dtype=torch.float64).T.reshape(3, 1, 1)
    fy = torch.tensor([[1.0, 0, -1], [0, 1, -1], [-1, 0, 1]], dtype=torch.float64).T.reshape(3, 1, 3)
    q = pair(fx, fy).query(32, 32, 2 * np.log(2), k=3)
    np.testing.assert_allclose([c.score for c in q.best], [1, 0.5, -1], atol=1e-12)
    np.testing.assert_allclose([c.weight for c in q.best], np.array([16, 8, 1]) / 25, atol=1e-12)
    colours = q.target.colours
    np.testing.assert_allclose([c.colour for c in q.best], colours)
    np.testing.assert_allclose(q.colour, np.array([16, 8, 1]) / 25 @ colours)


def test_alpha_goes_from_the_mean_to_the_best():
    p = pair(features(64), features(64, seed=1))
    mean = p.exemplar.colours.mean(0)
    soft, hard = p.query(20, 30, 1, k=64), p.query(20, 30, 200)
    assert np.abs(soft.colour - mean).max() < 3 < np.abs(hard.colour - mean).max()
    assert np.abs(hard.colour - hard.best[0].colour).max() < 3
    assert sum(c.weight for c in soft.best) == pytest.approx(1, abs=1e-6) and soft.weights.sum() == pytest.approx(1, abs=1e-6)
    assert hard.heatmap == pytest.approx(soft.heatmap)
    assert np.hypot(*(np.array(hard.soft) - (hard.x, hard.y))) < 1 < np.hypot(*(np.array(soft.soft) - (soft.x, soft.y)))


def test_features_without_a_difference_give_zeros_and_no_nan():
    p = pair(torch.full((8, 8, 8), 3.0), features(8))
    q = p.query(20, 30, 100)
    assert (q.heatmap == 0).all() and q.score == 0
    np.testing.assert_allclose(q.colour, p.exemplar.colours.mean(0), atol=1e-3)
    flat = pair(torch.ones(8, 8, 8), torch.ones(8, 8, 8))
    answers = [*flat.components(), flat.cycle_error(), flat.matrix(4), np.asarray(flat.warp(100)), flat.grid(4).scores]
    assert all(np.isfinite(answer).all() for answer in answers)


def disc_at(x, y, width, height):
    picture = Image.new("RGB", (width, height), (90, 90, 90))
    ImageDraw.Draw(picture).ellipse((x - 9, y - 9, x + 9, y + 9), fill=(250, 30, 60))
    return picture


def test_a_click_finds_its_counterpart_through_turned_frames_of_pictures_that_are_not_square():
    here = view("photo", (64, 64), disc_at(205, 130, 300, 200), Frame(170, 110, 160, 0.5), 128)
    there = view("exemplar", (32, 64), disc_at(60, 260, 150, 400), Frame(70, 230, 140, -0.3), 128)
    fx, fy = (torch.from_numpy(v.colours).T.unflatten(1, v.grid) for v in (here, there))
    q = Pair(Field.of(fx, fy), here, there).query(205, 130, 200)
    assert np.hypot(q.x - 60, q.y - 260) < 11  # somewhere on the disc; the middle of all such places is its middle
    assert np.hypot(q.soft[0] - 60, q.soft[1] - 260) < 3
    assert q.best[0].colour[0] > 200


def test_pixels_go_to_cells_and_back_exactly():
    turned = view("photo", (6, 9), noise(300, 200), Frame(150, 100, 120, 0.7))
    xy = Frame(150, 100, 110, 0.7).to_photo(np.random.default_rng(0).random((50, 2)))
    u, offset = turned.cells(xy)
    np.testing.assert_allclose(turned.pixels(turned.centres[u] + offset), xy)
    assert (np.abs(offset) <= np.array([0.5 / 9, 0.5 / 6]) + 1e-9).all()
    # by hand: a frame turned by 90 degrees clockwise, its x axis pointing down the picture
    quarter = view("photo", (4, 4), noise(300, 200), Frame(150, 100, 80, np.pi / 2))
    (u,), _ = quarter.cells([[150 + 35, 100 - 35]])  # the right upper corner there is the left upper corner of the crop
    assert u == 0


def test_many_points_are_answered_as_one():
    p = pair(features(), features(seed=1))
    points = np.random.default_rng(0).random((40, 2)) * 64
    for source in ("photo", "exemplar"):
        many = p.match(points, source)
        for i, point in enumerate(points):
            q = p.query(*point, 100, source=source)
            np.testing.assert_allclose(many.targets[i], (q.x, q.y))
            np.testing.assert_allclose([*many.returns[i], many.distances[i]], q.round_trip)
            assert many.scores[i] == pytest.approx(q.score, abs=1e-6)
        assert np.array_equal(many.mutual, many.distances == 0) and 0 < many.mutual.sum() < len(points)
    assert len(p.match([])) == 0


def test_mutual_matches_and_cycle_errors_are_those_of_the_whole_matrix(monkeypatch):
    monkeypatch.setattr("cocos_demo.models.field.BLOCK", 7 * 64)  # blocks that do not divide the rows
    fx, fy = features(), features(h=4, w=16, seed=1)
    p = pair(fx, fy)
    M = correspondence.correlate(fx[None], fy[None])[0]
    forward, back = M.argmax(1), M.argmax(0)
    home = back[forward].numpy()
    grid = p.grid(8)
    assert np.array_equal(grid.mutual, home == np.arange(64))
    off = np.hypot(home % 8 - np.arange(64) % 8, home // 8 - np.arange(64) // 8) * 8  # cells of 8 px
    np.testing.assert_allclose(p.cycle_error(), off.reshape(8, 8))
    kept = grid.only(grid.mutual)
    assert len(kept) == grid.mutual.sum() and kept.mutual.all()


def test_a_cycle_error_is_in_pixels_of_the_given_picture():
    p = pair(features(), features(seed=1))
    double = replace(p, photo=view("photo", picture=noise(128, 128)))
    np.testing.assert_allclose(double.cycle_error(), 2 * p.cycle_error())


def test_outside_the_frame_is_said():
    v = view("photo", picture=noise(300, 200), frame=Frame(150, 100, 100))
    p = replace(pair(features(), features()), photo=v)
    assert v.covers(100, 50) and v.covers(199.5, 149.5) and not v.covers(99, 100) and not v.covers(np.nan, 100)
    with pytest.raises(OutOfFrame, match=r"\(20, 30\).*photo.*\(100, 50\).*\(200, 150\)"):
        p.query(20, 30, 100)
    with pytest.raises(OutOfFrame, match="300 x 200"):
        p.query(301, 30, 100)
    with pytest.raises(OutOfFrame, match="exemplar"):
        p.query(64.5, 3, 100, source="exemplar")
    with pytest.raises(MatchError, match="source"):
        p.query(1, 1, 100, source="condition")
    wide = replace(pair(features(), features()), photo=view("photo", picture=noise(40, 64), frame=Frame(20, 32, 64)))
    assert len(wide.grid(8)) < 64 and not wide.photo.covers(41, 32)


def test_a_match_beyond_the_border_is_the_border_pixel_that_the_network_saw():
    f = features()
    frame = Frame(0, 32, 64)
    p = replace(pair(f, f), exemplar=view("exemplar", frame=frame))
    q = p.query(4, 20, 100)
    assert (q.x, q.y) == (0.5, 20)
    assert frame.cut(p.exemplar.picture, 64).getpixel((4, 20)) == pytest.approx(p.exemplar.picture.getpixel((0, 20)), abs=40)


def test_warps_are_those_of_eq_4_and_12():
    f, order = features(64), torch.randperm(64, generator=torch.Generator().manual_seed(3))
    fx = f.flatten(1)[:, order].unflatten(1, (8, 8))
    p = pair(fx, f, patches=True)
    blocks = lambda picture: np.asarray(picture, int).reshape(8, 8, 8, 8, 3).swapaxes(1, 2).reshape(64, -1)  # noqa: E731
    assert np.abs(blocks(p.warp(200)) - blocks(p.exemplar.crop)[order.numpy()]).max() <= 1
    assert np.abs(np.asarray(p.cycle(200), int) - np.asarray(p.exemplar.crop)).max() <= 1
    soft = replace(p, patches=False, exemplar=view("exemplar", picture=Image.new("RGB", (64, 64), (10, 20, 30)))).warp(1)
    assert np.abs(np.asarray(soft, int) - (10, 20, 30)).max() <= 1


def test_principal_components_of_more_channels_than_positions_are_the_same():
    torch.manual_seed(0)
    fx, fy = torch.randn(9, 3, 4), torch.randn(9, 2, 5)  # 22 positions, 9 channels
    few = Field.of(fx, fy).components(3)
    many = Field.of(*(torch.cat([f, torch.zeros(31, *f.shape[1:])]) for f in (fx - fx.mean(0), fy - fy.mean(0)))).components(3)
    for one, other in zip(few, many):
        torch.testing.assert_close(one, other)


def test_principal_components_have_one_basis():
    f = features(16)
    x, y = pair(f, f.flip(2)).components()
    np.testing.assert_allclose(x, y[:, ::-1], atol=1e-5)
    assert x.min() == 0 and x.max() == 1
    # features on a line: the first component is the place on it
    line = torch.linspace(-1, 1, 64).view(1, 8, 8) * torch.tensor([1.0, -1, 0, 0]).view(4, 1, 1) + torch.tensor(
        [0, 0, 3.0, -3]).view(4, 1, 1)
    first = Field.of(line, line).components(1)[0].flatten()
    assert (first.diff().sign() == first.diff()[0].sign()).all()


@pytest.mark.parametrize(("side", "limit"), [(64, 0.05), (128, 0.2)])
def test_a_click_is_answered_at_once(side, limit):
    p = pair(features(256, side, side), features(256, side, side, 1))
    seconds = []
    for i in range(20):
        started = perf_counter()
        p.query(3 * i + 1, 40, 100)
        seconds.append(perf_counter() - started)
    assert min(seconds) < limit


def test_a_click_holds_two_rows_of_the_matrix():
    p = pair(features(16, 48, 48), features(16, 48, 48, 1))
    with torch.profiler.profile(profile_memory=True) as profile:
        p.query(3, 40, 100)
    assert sum(max(event.self_device_memory_usage, event.self_cpu_memory_usage) for event in profile.events()) < 40 * 48 * 48 * 4


def test_twins():
    places_a, places_b = (np.random.default_rng(seed).random((6, 8, 3)).astype(np.float32) for seed in (0, 1))
    mask = np.ones((6, 8), bool)
    mask[0] = False
    places_b[4, 2] = places_a[3, 5]
    a, b, scale = Surface(places_a, mask), Surface(places_b, mask), np.array([8, 6])
    asked = np.array([[5.2, 3.9], [5.2, 0.9], [8.0, 3.0], [-0.1, 3.0]]) / scale  # its twin; no figure; outside
    assert np.allclose(twins(a, b, asked) * scale, [[2.5, 4.5], *[[np.nan] * 2] * 3], equal_nan=True)
    places_b[4, 2] += 1
    assert np.isnan(twins(a, b, asked[:1], tolerance=1e-3)).all()  # hidden
    assert np.isnan(twins(a, Surface(places_b, np.zeros_like(mask)), asked)).all()


def test_a_surface_is_cut_as_its_picture_is():
    rng = np.random.default_rng(0)
    places, mask = rng.random((64, 64, 3)), rng.random((64, 64)) > 0.3
    picture = Image.fromarray((places * 255).astype(np.uint8)).resize((256, 256), Image.Resampling.NEAREST)
    frame = Frame(212, 88, 96)  # reaches beyond the right border
    cut = Surface(places, mask).cut(frame, picture.size)
    assert cut.mask.shape == (24, 24) and not cut.mask[:, 23].any()
    assert np.array_equal(cut.places[:, :23], places[10:34, 41:]) and np.array_equal(cut.mask[:, :23], mask[10:34, 41:])
    assert Surface(places, mask).cut(Frame(128, 128, 256), (256, 256)).mask.tolist() == mask.tolist()


def rolled(shift=(2, 3), side=8, size=32):
    """A pair whose exemplar is the photo rolled by whole cells, with surfaces that know it, and features that find it."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (side, side, 3), np.uint8)
    places = rng.random((side, side, 3)).astype(np.float32) * 10
    f = torch.randn(16, side, side)
    move = dict(shift=shift, axis=(0, 1))
    pictures = [Image.fromarray(c).resize((size, size), Image.Resampling.NEAREST) for c in (colours, np.roll(colours, **move))]
    known = tuple(Surface(p, np.ones((side, side), bool)) for p in (places, np.roll(places, **move)))
    return Pair.between(*pictures, f, torch.roll(f, shift, (1, 2)), known)


@pytest.mark.parametrize("source, place", [("photo", (18.0, 22.0)), ("exemplar", (26.0, 6.0))])
def test_the_truth_of_a_click(source, place):
    p = rolled()
    q = p.query(6.5, 14.25, 100, source=source)
    assert q.truth == place and p.truth(6.5, 14.25, source) == place
    assert q.error == pytest.approx(np.hypot(0.5, 0.25))  # the match keeps the offset in its cell, the truth is a centre
    assert (p.errors(source) == 0).all()


def test_wrong_matches_have_their_distance_and_unknown_places_none():
    p = rolled()
    wrong = Pair.between(p.photo.picture, p.exemplar.picture, torch.roll(p.field.x.T.unflatten(1, (8, 8)), 1, 2),
                         p.field.y.T.unflatten(1, (8, 8)), (p.photo.surface, p.exemplar.surface))
    errors = wrong.errors()
    assert np.allclose(np.delete(errors, 5, axis=1), 4) and np.allclose(errors[:, 5], 28)  # a cell; round the border
    p.exemplar.surface.mask[:] = False
    assert np.isnan(p.errors()).all() and p.query(6, 14, 100).truth is None and p.query(6, 14, 100).error is None
    bare = Pair.between(p.photo.picture, p.exemplar.picture, torch.randn(4, 8, 8), torch.randn(4, 5, 5))
    assert bare.truth(3, 3) is None and np.isnan(bare.errors("exemplar")).all()
    with pytest.raises(MatchError, match="the exemplar must be square, got 32 x 16"):
        Pair.between(p.photo.picture, p.exemplar.picture.crop((0, 0, 32, 16)), torch.randn(4, 8, 8), torch.randn(4, 5, 5))


def test_the_square_of_a_view_keeps_what_is_true():
    p = rolled()
    frame = Frame(16, 16, 16)  # the middle half: cells 2 to 5
    views = [replace(v, frame=frame, crop=frame.cut(v.picture, 16), grid=(4, 4)) for v in (p.photo, p.exemplar)]
    part = Pair(Field.of(torch.randn(4, 4, 4), torch.randn(4, 4, 4)), *views)
    large = replace(part, photo=part.photo.square(160), exemplar=part.exemplar.square(160))
    assert large.photo.picture.size == (160, 160) and large.photo.crop.size == (16, 16)
    for x, y in ((9.0, 9.0), (11.0, 13.0)):
        truth, scaled = part.truth(x, y), large.truth((x - 8) * 10, (y - 8) * 10)
        assert (scaled is None) == (not (8 <= truth[0] < 24 and 8 <= truth[1] < 24))
        assert scaled is None or np.allclose(np.array(truth) * 10 - 80, scaled)


def test_rendered_samples_are_known_by_their_looks():
    picture = Image.open(SAMPLES / "photos" / "rendered_05_0.jpg")
    known = surface_of(picture)
    assert known.mask.mean() > 0.02 and surface_of(picture.resize((300, 300))) is known
    other = surface_of(Image.open(SAMPLES / "figures" / "rendered_05_1.jpg"))
    assert other is not None and other is not known
    assert surface_of(Image.open(PORTRAIT)) is None and surface_of(picture.crop((0, 0, 380, 384))) is None
    names = {path.stem for folder in ("photos", "figures") for path in (SAMPLES / folder).glob("rendered_*.jpg")}
    assert names == {path.stem for path in surfaces.FOLDER.glob("*.npz")}


def test_a_surface_is_kept_only_of_its_own_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(surfaces, "FOLDER", tmp_path / "kept")
    folder = tmp_path / "prepared"
    for part in ("images", "surface"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((96, 96), Image.Resampling.NEAREST)
    picture.save(folder / "images" / "F.jpg", quality=95, subsampling=0)
    picture.resize((200, 200)).save(tmp_path / "sample.png")
    xyz = rng.integers(0, 65536, (96, 96, 3), np.uint16)
    np.savez(folder / "surface" / "F.npz", xyz=xyz, mask=np.ones((96, 96), bool))
    (folder / "index.json").write_text('{"surface": {"low": [0, 0, 0], "high": [1, 1, 1]}}')
    with np.load(surfaces.keep(tmp_path / "sample.png", folder, "F")) as file:
        assert np.abs(file["places"] / 1000 - xyz / 65535).max() < 0.00051
    Image.new("RGB", (200, 200)).save(tmp_path / "black.png")
    with pytest.raises(ValueError, match="does not show what"):
        surfaces.keep(tmp_path / "black.png", folder, "F")


# ---- with networks ----

@pytest.fixture(scope="module")
def portrait():
    return Matcher.load("portrait", device="cpu").set_images(FACE, PORTRAIT)


def test_the_features_are_the_networks(portrait):
    t = portrait.translator
    condition = t.condition_of(FACE)
    example = t.example_of(PORTRAIT)
    match = t.net.correspond(*(torch.as_tensor(a)[None] for a in (condition.map, to_array(example.crop))))
    M = correspondence.correlate(match.fx, match.fy)[0]
    q = portrait.query(420.5, 300.5)
    (u,), _ = portrait.photo.cells([q.at])
    np.testing.assert_allclose(q.heatmap.ravel(), M[u].detach(), atol=1e-5)
    difference = np.asarray(portrait.warp(), int) - np.asarray(t(FACE, PORTRAIT).warped, int)
    assert np.abs(difference).max() <= 1
    assert np.array_equal(portrait.image, t(FACE, PORTRAIT).image)


@pytest.mark.parametrize("exemplar", ["P001_happy", "P005_neutral", "P008_studio_portrait"])
def test_corners_of_the_eyes_go_to_corners_of_the_eyes(portrait, exemplar):
    path = SAMPLES / "portraits" / f"{exemplar}.jpg"
    m, kind = Matcher(portrait.translator).set_images(FACE, path), conditions.KINDS["portrait"]
    (here, frame), (there, _) = ((f.frame.to_photo(f.points[:, :2]), f.frame) for f in (kind.find(FACE), kind.find(path)))
    between = np.hypot(*(there[LEFT_EYE] - there[RIGHT_EYE]))
    for corner in (LEFT_EYE, RIGHT_EYE):
        q = m.query(*here[corner])
        assert np.hypot(*(there[corner] - (q.x, q.y))) < 0.2 * between
        back = m.query(*there[corner], source="exemplar")
        assert np.hypot(*(here[corner] - (back.x, back.y))) < 0.2 * np.hypot(*(here[LEFT_EYE] - here[RIGHT_EYE]))


def test_alpha_acts_at_once_and_has_limits(portrait):
    before = portrait.query(400.5, 400.5)
    portrait.alpha = 1
    try:
        after = portrait.query(400.5, 400.5)
        assert after.alpha == 1 and after.best[0].weight < before.best[0].weight and after.score == before.score
        for wrong in (0.5, 201, float("nan")):
            with pytest.raises(MatchError, match="between 1 and 200"):
                portrait.alpha = wrong
        assert portrait.alpha == 1
    finally:
        portrait.alpha = 100


def test_an_edited_condition_is_what_is_matched(portrait):
    condition = portrait.translator.condition_of(FACE)
    blank = condition.edited(Image.new("RGB", (512, 512)))
    same, edited = (Matcher(portrait.translator).set_images(FACE, PORTRAIT, given) for given in (condition, blank))
    x, y = same.photo.frame.to_photo([[0.4, 0.4]])[0]
    assert np.array_equal(same.query(x, y).heatmap, portrait.query(x, y).heatmap)
    assert not np.array_equal(edited.query(x, y).heatmap, same.query(x, y).heatmap)
    alone = Matcher(portrait.translator).set_images(None, PORTRAIT, condition)
    assert alone.photo.picture.size == condition.photo.size
    assert np.array_equal(alone.query(0.4 * 128, 0.4 * 128).heatmap, same.query(x, y).heatmap)


def test_a_shifted_exemplar_shifts_the_answers(portrait):
    picture = Image.open(PORTRAIT).convert("RGB")
    wide = Image.new("RGB", (picture.width + 500, picture.height + 80), (120, 120, 120))
    wide.paste(picture, (400, 50))
    m = Matcher(portrait.translator).set_images(FACE, wide)
    for at in ((300.5, 380.5), (480.5, 420.5)):
        a, b = portrait.query(*at), m.query(*at)
        assert np.hypot(b.x - 400 - a.x, b.y - 50 - a.y) < 30


def test_the_figure_weights_match_both_ways():
    m = Matcher.load("figure", device="cpu").set_images(BODY, FIGURE)
    assert m.photo.picture.size == Image.open(BODY).size
    grid = m.grid(16)
    assert len(grid) > 100 and grid.mutual.mean() > 0.5
    assert m.covers(*grid.points[0]) and not m.covers(-1, 5) and m.covers(*m.exemplar.picture.getbbox()[2:], source="exemplar")


def test_label_maps_are_clicked_in_their_own_pixels(tmp_path):
    m = Matcher.load(checkpoint(tmp_path, "parts"), device="cpu")
    small = Image.open(SAMPLES / "parts" / "rendered_59_1.png")
    large = small.resize((2400, 2400), Image.Resampling.NEAREST)
    exemplar = SAMPLES / "figures" / "rendered_79_0.jpg"
    a = m.set_images(small, exemplar).photo
    b = m.set_images(large, exemplar).photo
    assert a.frame.side == small.width and b.frame.side == pytest.approx(2400) and b.frame.cx == pytest.approx(1200)


def test_what_cannot_be_matched_is_said(tmp_path):
    with pytest.raises(MatchError, match="set_images"):
        Matcher.load(checkpoint(tmp_path, "portrait"), device="cpu").query(3, 3)
    net = SYSTEMS["spade"](condition_channels=len(conditions.KINDS["portrait"].channels), size=SIZE)
    path = tmp_path / "spade.safetensors"
    checkpoints.save(path, bake(net), {"name": "spade", "system": "spade", "condition": "portrait", "size": SIZE})
    with pytest.raises(MatchError, match="spade paints without a correspondence"):
        Matcher(Translator.load(path, device="cpu")).set_images(FACE, PORTRAIT)


# ---- grids too fine to compare all with all


def test_on_a_fine_grid_a_click_asks_every_cell_and_whole_pictures_the_means_of_cells(monkeypatch):
    coarse = [features(seed=s, h=4, w=4) for s in (0, 1)]
    fine = [f.repeat_interleave(2, 1).repeat_interleave(2, 2) for f in coarse]  # (16, 8, 8)
    monkeypatch.setattr("cocos_demo.pair.MOST", 4)
    p, expected = pair(*fine), pair(*coarse)
    assert p.overview.field.x_grid == (4, 4) and expected.overview is expected
    assert p.query(20, 30, 100).heatmap.shape == (8, 8)
    assert p.cycle_error().shape == (4, 4) and p.flow("exemplar").shape == (4, 4, 2)
    for source in ("photo", "exemplar"):
        np.testing.assert_allclose(p.cycle_error(source), expected.cycle_error(source))
        np.testing.assert_allclose(p.flow(source), expected.flow(source))
        assert p.warp(100, source) == expected.warp(100, source) and p.cycle(100, source) == expected.cycle(100, source)
    np.testing.assert_allclose(p.components()[0], expected.components()[0], atol=1e-4)


def test_a_field_is_shrunk_side_by_side_and_never_enlarged():
    f = features(h=3, w=4)
    small = Field.of(f, f[:, :2, :2]).shrunk(3)
    assert small.x_grid == (3, 3) and small.y_grid == (2, 2)
    torch.testing.assert_close(small.x.norm(dim=1), torch.ones(9))
    torch.testing.assert_close(small.y, Field.of(f, f[:, :2, :2]).y)
