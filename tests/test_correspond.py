"""The Correspond tab: its handlers, its endpoint, and clicks in a real browser."""

import io
import time

import numpy as np
import pytest
import torch
from made_up import (
    BODY,
    FACE,
    FIGURE,
    PORTRAIT,
    RENDERED,
    SAMPLES,
    checkpoint,
    checkpoint_mcl,
    checkpoint_v2,
    empty_photo,
)
from PIL import Image, ImageColor
from test_app import address, browser, client  # noqa: F401

from cocos_demo import Matcher, viz
from cocos_demo.ui import correspond, scene
from cocos_demo.ui.common import as_served, hexadecimal, shown
from cocos_demo.ui.scene import Point
from cocos_demo.viz import marks

VIEW = scene.PHOTO, scene.COSINES, 100
SIDES = "photo", "exemplar"


@pytest.fixture(scope="module")
def matched():
    """Two samples, matched by the shipped network."""
    now, *_ = correspond.pair_up(str(FACE), str(PORTRAIT), "auto", None, *VIEW)
    return now


@pytest.fixture(scope="module")
def rendered():
    """One rendered person in two pictures: every true match is known."""
    before = scene.Scene((None, None, "auto"), tuple(correspond.models.looks("figure")))
    now, *_ = correspond.pair_up(*map(str, RENDERED), "auto", before, *VIEW)
    return now


def colour_at(picture: Image.Image, x: float, y: float) -> tuple:
    return picture.convert("RGB").getpixel((int(x), int(y)))


def colour_of(number: int) -> tuple:
    return ImageColor.getrgb(marks.COLOURS[number - 1])


def drawn(now, base=scene.PHOTO, overlay=scene.COSINES, alpha=100) -> tuple[dict, str, str]:
    """What is shown: pictures by side, the points in words, the numbers."""
    left, right, words, numbers, _ = correspond.draw(now, base, overlay, alpha)
    return {"photo": left, "exemplar": right}, words, numbers


def test_the_pictures_have_one_size_and_begin_with_a_grid(matched):
    pictures, words, _ = drawn(matched)
    assert {picture.size for picture in pictures.values()} == {(512, 512)} == {matched.condition.size}
    assert "Equal colours match" in words and "star" not in words
    found = matched.pair.grid(16)
    colours = viz.place_colours(found.points / 512, matched.pair.photo) * 255
    for i in (0, 37, 255):
        assert np.abs(np.subtract(colour_at(pictures["photo"], *found.points[i]), colours[i])).max() <= 2
    last = found.targets[255]  # drawn last, so nothing lies over it
    assert np.abs(np.subtract(colour_at(pictures["exemplar"], *last), colours[255])).max() <= 2


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("pixel", [(200, 260), (0, 0), (511, 511), (511, 3)])
def test_a_click_marks_its_pixel_and_its_match(matched, side, pixel):
    now, left, right, words, numbers, again = correspond.add(matched, side, pixel, *VIEW)
    pictures = {"photo": left, "exemplar": right}
    assert now.points == ((side, *pixel, 0),) and matched.points == () and again is None
    q = matched.pair.query(pixel[0] + 0.5, pixel[1] + 0.5, 100, source=side)
    assert colour_at(pictures[side], *pixel) == colour_at(pictures[scene.OTHER[side]], q.x, q.y) == colour_of(1)
    at, match = f"<td><strong>{pixel[0]}, {pixel[1]}</strong></td>", f"<td>{int(q.x)}, {int(q.y)}</td>"
    assert (f"{at}<td>→</td>{match}" if side == "photo" else f"{match}<td>←</td>{at}") in words
    assert f"{q.score:.3f}" in words and f"clicked in the {side}" in words and f"in the {scene.OTHER[side]}" in numbers
    assert f"{q.best[1].score:.3f}" in numbers and f"{q.best[1].weight:.3f}" in numbers
    assert hexadecimal(q.colour.round().astype(int)) in numbers


def test_the_heat_lies_on_the_picture_that_was_searched(matched):
    for side in SIDES:
        now = matched._replace(points=(Point(side, 200, 260),))
        pictures, words, _ = drawn(now)
        q = now.queries(100)[0]
        view = getattr(matched.pair, scene.OTHER[side])
        heat = np.asarray(viz.heat_over(q.heatmap, view), int)
        assert np.mean(np.abs(np.asarray(pictures[scene.OTHER[side]], int) - heat).max(-1) > 0) < 0.02  # but for the mark
        assert colour_at(pictures[side], 5, 5) == colour_at(getattr(matched.pair, side).picture, 5, 5)
        assert f"cosine ≤ {np.median(q.heatmap):.2f}" in words and f"{q.heatmap.max():.2f}</span>" in words


def test_places_are_those_of_the_matcher_seen_through_the_frames(matched):
    matcher = Matcher.load("portrait").set_images(FACE, PORTRAIT)
    for at, side in (([100.5, 300.5], "photo"), ([400.5, 20.5], "photo"), ([130.5, 210.5], "exemplar")):
        here, there = (getattr(matcher, s) for s in (side, scene.OTHER[side]))
        (x, y), = here.frame.to_photo(np.array([at]) / 512)
        theirs, ours = matcher.query(x, y, source=side), matched.pair.query(*at, 100, source=side)
        assert np.allclose(there.frame.to_unit([[theirs.x, theirs.y]]) * 512, [[ours.x, ours.y]], atol=1)
        assert ours.score == pytest.approx(theirs.score, abs=1e-5)
        assert ours.round_trip.distance / 512 == pytest.approx(theirs.round_trip.distance / here.frame.side, abs=1e-6)


def test_undo_and_clear_whichever_picture_was_clicked(matched):
    empty = correspond.draw(matched, *VIEW)
    one, *shown_one = correspond.add(matched, "exemplar", (100, 200), *VIEW)
    two, *_ = correspond.add(one, "photo", (300, 250), *VIEW)
    assert two.points == (("exemplar", 100, 200, 0), ("photo", 300, 250, 0))
    back, *again = correspond.undone(two, *VIEW)
    assert back.points == one.points and again[0].tobytes() == shown_one[0].tobytes() and again[2:] == shown_one[2:]
    for none, *pictures in (correspond.undone(one, *VIEW), correspond.cleared(two, *VIEW), correspond.undone(matched, *VIEW)):
        assert none.points == () and pictures[1].tobytes() == empty[1].tobytes()


def test_twelve_points_of_both_pictures_are_kept_each_in_a_colour_of_its_own(matched):
    import gradio as gr

    now = matched
    for i in range(12):
        now, left, right, words, *_ = correspond.add(now, SIDES[i % 2], (40 + 120 * (i % 4), 60 + 150 * (i // 4)), *VIEW)
    seen = {colour_at({"photo": left, "exemplar": right}[p.side], p.column, p.row) for p in now.points}
    assert seen == {colour_of(number) for number in range(1, 13)} and words.count("data-from") == 12
    with pytest.raises(gr.Error, match="12 points are the most"):
        correspond.add(now, "photo", (5, 5), *VIEW)
    assert len(now.points) == 12


def test_alpha_changes_the_weights_and_not_the_cosines(matched):
    now = matched._replace(points=(Point("photo", 220, 240),))
    soft, sharp = (matched.pair.query(220.5, 240.5, alpha) for alpha in (1, 200))
    for q in (soft, sharp):
        told = drawn(now, overlay=scene.WEIGHTS, alpha=q.alpha)[2]
        assert f"at alpha {q.alpha:g}" in told and all(f"{c.weight:.3f}" in told for c in q.best)
    assert sharp.best[0].weight > 2 * soft.best[0].weight
    pictures = [[drawn(now, overlay=heat, alpha=alpha)[0]["exemplar"].tobytes() for alpha in (1, 200)]
                for heat in (scene.COSINES, scene.WEIGHTS)]  # fmt: skip
    assert pictures[0][0] == pictures[0][1] and pictures[1][0] != pictures[1][1]


@pytest.mark.parametrize("overlay", [scene.COSINES, scene.WEIGHTS, scene.ERRORS, scene.FLOW])
@pytest.mark.parametrize("base", [scene.PHOTO, scene.CONDITION])
def test_every_way_to_look_can_be_clicked(matched, base, overlay):
    now, left, right, words, *_ = correspond.add(matched, "photo", (50, 60), base, overlay, 100)
    q = now.queries(100)[0]
    assert colour_at(left, 50, 60) == colour_at(right, q.x, q.y) == colour_of(1)
    assert ("linear-gradient" in words) == (overlay != scene.FLOW)


def test_round_trip_errors_lie_over_both_pictures_in_the_colours_of_the_key(matched):
    for base in (scene.PHOTO, scene.CONDITION):
        pictures, words, _ = drawn(matched, base, scene.ERRORS)
        assert "0 px: finds home" in words and "128 px or more" in words and hexadecimal_end() in words
        for side in SIDES:
            error = matched.pair.cycle_error(side)
            grey = np.asarray(matched.views(base)[side].picture.convert("L"), float)
            h, w = error.shape
            row, column = np.unravel_index(error.argmax(), error.shape)  # farther than the key's end
            x, y = (column + 0.5) * 512 / w, (row + 0.5) * 512 / h
            under = grey[int(y), int(x)] * np.ones(3)
            expected = 0.15 * under + 0.85 * 255 * np.array(viz.overlays.HEAT(1.0)[:3])
            assert error.max() > 128 and np.abs(np.array(colour_at(pictures[side], x, y)) - expected).max() < 4


def hexadecimal_end() -> str:
    """The last colour of the key: viridis' yellow, 85 % opaque over medium grey."""
    return hexadecimal((255 * (0.15 * 0.5 + 0.85 * np.array(viz.overlays.HEAT(1.0)[:3]))).round().astype(int))


@pytest.mark.parametrize("side", SIDES)
def test_matches_as_colours_show_a_place_in_the_colour_of_its_match(matched, side):
    other = scene.OTHER[side]
    pictures, *_ = drawn(matched._replace(points=(Point(side, 9, 9),)), overlay=scene.FLOW)
    views, flow = matched.views(scene.PHOTO), matched.pair.flow(side)
    h, w = flow.shape[:2]
    for row, column in ((h // 2, w // 2), (h // 3, w // 4)):
        here, there = ((column + 0.5) / w * 512, (row + 0.5) / h * 512), flow[row, column] * 512
        colours = [np.subtract(colour_at(pictures[s], *at), 0.3 * np.array(colour_at(views[s].picture.convert("L"), *at)))
                   for s, at in ((side, here), (other, there))]  # fmt: skip
        assert np.abs(colours[0] - colours[1]).max() < 12  # what lies under is grey; the key's colours change within a cell


def test_true_places_are_starred_and_told(rendered):
    assert "a star will show" in drawn(rendered)[1]
    now = rendered._replace(points=(Point("photo", 256, 200), Point("exemplar", 250, 300), Point("photo", 20, 20)))
    first, second, outside = now.queries(100)
    for q, side in ((first, "photo"), (second, "exemplar")):
        x, y = q.truth
        assert q.error == pytest.approx(np.hypot(q.x - x, q.y - y)) and q.error < 128
        number = 1 + (q is second)
        assert colour_at(drawn(now)[0][scene.OTHER[side]], x, y) == colour_of(number)
    assert outside.truth is None
    words = drawn(now)[1]
    assert f"<td>{first.error:.0f} px</td>" in words and f"<td>{second.error:.0f} px</td>" in words and "<td>–</td>" in words
    assert "It has no true place" in words
    assert f"Mean over 2 points with a true place: {(first.error + second.error) / 2:.0f} px" in words
    assert f"True place (the star): {second.error:.0f} px away" in drawn(now._replace(points=now.points[:2]))[1]


def test_what_is_rendered_has_a_star_in_the_galleries_and_brings_a_rendered_exemplar():
    from cocos_demo.ui import models

    stars = [path for path, star in models.starred(models.photos_for("auto")) if star]
    assert str(RENDERED[0]) in stars and str(FACE) not in stars and all("rendered" in path for path in stars)
    looks = models.looks("figure")
    assert models.rendered(models.first_look(str(RENDERED[0]), looks)) and models.first_look(str(BODY), looks) == looks[0]


def test_what_is_the_same_is_not_matched_again_and_another_kind_brings_its_exemplars(matched):
    import gradio as gr

    assert correspond.pair_up(str(FACE), str(PORTRAIT), "auto", matched, *VIEW) == gr.skip()
    now, offered, (seen, exemplar), *_ = correspond.pair_up(str(BODY), str(PORTRAIT), "auto", matched, *VIEW)
    assert not now.there and seen == str(PORTRAIT) and exemplar == offered[0][0] and (str(FIGURE), "") in offered
    now, *_ = correspond.pair_up(str(BODY), exemplar, "auto", now, *VIEW)
    assert now.there and now.points == ()
    assert correspond.draw(None, *VIEW) == (None, None, "", "", None) and correspond.undone(None, *VIEW)[0] is None


def test_the_pictures_of_the_other_tab_are_matched_as_they_are(matched):
    import gradio as gr

    figure = str(SAMPLES / "figures" / "P008_amateur_selfie.jpg")  # not the first of its kind, and it stays
    now, offered, *brought, tabs = correspond.carried(matched, str(BODY), figure, "auto")
    assert brought == [str(BODY), figure, "auto"] and (figure, "") in offered and not now.there
    now, _, due, *_ = correspond.pair_up(*brought, now, *VIEW)
    assert now.there and now.given[1] == figure and due == gr.skip()
    one = matched._replace(points=(Point("photo", 200, 260),))
    now, *_ = correspond.carried(one, *matched.given)
    assert correspond.pair_up(*matched.given, now, *VIEW)[0].points == one.points
    with pytest.raises(gr.Error, match="Choose a photo and an exemplar"):
        correspond.carried(matched, None, figure, "auto")


def test_points_stay_where_their_picture_stays(matched):
    both = matched._replace(points=(Point("photo", 200, 260), Point("exemplar", 100, 90)))
    other = str(SAMPLES / "portraits" / "P005_neutral.jpg")
    now, *_ = correspond.pair_up(str(FACE), other, "auto", both, *VIEW)
    assert now.points == both.points[:1] and now.pair is not both.pair
    now, *_ = correspond.pair_up(str(SAMPLES / "photos" / "P009_amateur_selfie.jpg"), str(PORTRAIT), "auto", both, *VIEW)
    assert now.points == both.points[1:]


def test_what_cannot_be_matched_is_told_in_place_and_loses_nothing(matched, tmp_path):
    one = matched._replace(points=(Point("photo", 200, 260),))
    nobody = str(empty_photo(tmp_path / "grey.png"))
    good = str(FACE), str(PORTRAIT), "auto"
    for bad, words in (((nobody, *good[1:]), "Neither a face nor a person"),
                       ((*good[:2], "figure"), "Only head and shoulders"), ((None, *good[1:]), "Choose a photo"),
                       ((good[0], None, "auto"), "Choose an exemplar")):  # fmt: skip
        told = correspond.pair_up(*bad, one, *VIEW)
        now, (left, right, said, numbers) = told[0], told[3:7]
        assert (left, right, numbers) == (None, None, "") and words in said
        assert not now.there and correspond.add(now, "photo", (1, 1), *VIEW) == correspond.gr.skip()
        back, *_ = correspond.pair_up(*good, now, *VIEW)
        assert back.there and back.points == one.points


def test_a_system_without_a_correspondence_is_told(tmp_path, monkeypatch):
    from cocos_demo import checkpoints, conditions
    from cocos_demo.models import SYSTEMS
    from cocos_demo.models.layers import bake

    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    net = SYSTEMS["spade"](preset="tiny", condition_channels=len(conditions.KINDS["portrait"].channels), size=64)
    path = checkpoint(tmp_path / "checkpoints", "portrait").with_name("painter.safetensors")
    checkpoints.save(path, bake(net), {"name": "painter", "system": "spade", "condition": "portrait", "size": 64})
    now, *_ = correspond.pair_up(str(FACE), str(PORTRAIT), "painter", None, *VIEW)
    assert "paints without a correspondence" in now.trouble


def test_a_click_says_what_a_network_with_levels_does_instead(tmp_path, monkeypatch, rendered):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    path = checkpoint_v2(tmp_path / "checkpoints", "figure")
    now, _, _, _, _, words, *_ = correspond.pair_up(*map(str, RENDERED), path.stem, rendered, *VIEW)
    assert now.there and correspond.BY_STEPS in words and correspond.BY_STEPS not in rendered.notes
    assert correspond.add(now, "photo", (250, 180), *VIEW)[0].points


# Two models


@pytest.fixture(scope="module")
def compared(rendered, tmp_path_factory):
    """The rendered pair, matched by the shipped network and by an untrained one of MCL-Net."""
    folder = tmp_path_factory.mktemp("home")
    other = checkpoint_mcl(folder / "checkpoints", "figure").stem
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCOS_DEMO_HOME", str(folder))
        points = rendered._replace(points=(Point("photo", 60, 440), Point("exemplar", 250, 300)))
        yield correspond.pair_up(*rendered.given, points, *VIEW, other)


def test_a_second_model_answers_beside_the_first_and_points_stay(compared, rendered):
    now, _, _, left, right, words, numbers, again, choice, *titles = compared
    assert titles == [correspond.heading("A: figure (CoCosNet)"), correspond.heading("B: figure_mcl_made_up (MCL-Net)")]
    assert correspond.ALONE in choice.choices and choice.value == now.other == "figure_mcl_made_up"
    assert len(now.points) == 2 and left.size == right.size == again.size == (512, 512)
    # The last point was clicked on the exemplar: its mark is on both exemplars, and the two matches are on the photo.
    (_, first), (_, second) = answers = now.answers(100)
    assert [q.at for q in answers[0]] == [q.at for q in answers[1]] and (first.x, first.y) != (second.x, second.y)
    assert colour_at(right, 250, 300) == colour_at(again, 250, 300) == colour_of(2)
    assert colour_at(left, second.x, second.y) == colour_of(2)
    for q, exemplar in zip((each[0] for each in answers), (right, again)):
        assert colour_at(exemplar, q.x, q.y) == colour_of(1)
    for q, name in ((first, "A: figure (CoCosNet)"), (second, "B: figure_mcl_made_up (MCL-Net)")):
        assert f"<td>{q.error:.0f} px</td>" in words and f"{q.score:.3f}" in words and name in words and name in numbers
        assert all(f"{c.weight:.3f}" in numbers for c in q.best)
    assert words.count("data-from") == 2 and words.count("<td>B</td>") == 2
    single = correspond.pair_up(*rendered.given, now, *VIEW)
    assert single[0].points == now.points and single[0].rival is None and single[-1] == "" and single[7] is None


def test_the_photo_shows_the_heat_of_the_model_that_was_clicked(compared):
    now = compared[0]._replace(points=())
    for by in (0, 1):
        clicked, left, right, words, _, again = correspond.add(now, "exemplar", (250, 180), *VIEW, by)
        q = clicked.queries(100, by)[0]
        heat = np.asarray(viz.heat_over(q.heatmap, clicked.pairs[by].photo), int)
        assert np.mean(np.abs(np.asarray(left, int) - heat).max(-1) > 0) < 0.04  # but for the marks
        assert f"On the photo: those of {'AB'[by]}." in words and words.count("linear-gradient") == 2
    clicked, left, right, words, _, again = correspond.add(now, "photo", (250, 180), *VIEW)
    for pair, exemplar, q in zip(clicked.pairs, (right, again), (each[0] for each in clicked.answers(100))):
        heat = np.asarray(viz.heat_over(q.heatmap, pair.exemplar), int)
        assert np.mean(np.abs(np.asarray(exemplar, int) - heat).max(-1) > 0) < 0.04


@pytest.mark.parametrize("overlay", [scene.WEIGHTS, scene.ERRORS, scene.FLOW])
def test_each_exemplar_has_the_overlay_of_its_own_model(compared, overlay):
    now = compared[0]
    left, right, words, numbers, again = correspond.draw(now, scene.CONDITION, overlay, 100)
    plain = now._replace(points=())
    shown = correspond.draw(plain, scene.PHOTO, overlay, 100)
    assert shown[1].tobytes() != shown[4].tobytes() and right.tobytes() != again.tobytes()
    if overlay == scene.FLOW:  # the photo is the key of both
        flow = now.rival.flow("exemplar")
        h, w = flow.shape[:2]
        here, there = ((w // 2 + 0.5) / w * 512, (h // 2 + 0.5) / h * 512), flow[h // 2, w // 2] * 512
        views = now.views(scene.PHOTO, 1)
        colours = [np.subtract(colour_at(picture, *at), 0.3 * np.array(colour_at(view.picture.convert("L"), *at)))
                   for picture, view, at in ((shown[4], views["exemplar"], here), (shown[0], views["photo"], there))]  # fmt: skip
        assert np.abs(colours[0] - colours[1]).max() < 24  # the key's colours change within a cell of 32 pixels


def test_two_models_are_measured_over_all_places(compared):
    now = compared[0]._replace(points=())
    asked = [now.rival.query(x, y, 100) for y in range(8, 512, 16) for x in range(8, 512, 16)]
    errors = np.array([q.error for q in asked if q.error is not None])
    first, second = now.measured
    assert second.pck == pytest.approx((errors <= 25.6).mean()) and second.error == pytest.approx(errors.mean())
    assert second.home == pytest.approx(np.mean([q.round_trip.distance <= 25.6 for q in asked])) and first.pck > 3 * second.pck
    words = correspond.draw(now, *VIEW)[2]
    for m in now.measured:
        assert f"<td>{m.pck:.1%}</td>" in words and f"<td>{m.error:.0f} px</td>" in words and f"<td>{m.home:.1%}</td>" in words


def test_only_models_that_read_the_same_are_offered_to_compare_with(compared, matched, monkeypatch):
    from cocos_demo.ui import models

    names = [name for _, name in models.rivals("figure")]
    assert "figure_v2" in names and not {"figure", "portrait", "parts"} & {*names}
    assert "spade_parts" not in [name for _, name in models.rivals("parts")]
    assert models.titled("figure_v2") == "figure_v2 (CoCosNet v2)" and models.titled("portrait") == "portrait (CoCosNet)"
    # A model that reads another kind of condition is let go when the photo is of that kind.
    now, *_, choice, first, second = correspond.pair_up(*matched.given, matched, *VIEW, "figure_v2")
    assert now.rival is None and choice.value == "none" and second == ""


@pytest.fixture(scope="module")
def pasted():
    """SEGIN, lines and a grey photo."""
    before = scene.Scene((None, None, "auto"), tuple(correspond.models.looks("portrait")))
    return [correspond.pair_up(str(FACE), str(PORTRAIT), name, before, *VIEW)[0] for name in ("portrait_segin", "colour_segin")]


def test_segin_is_clicked_as_it_pastes(pasted):
    from cocos_demo.models.semantic import semantic_match

    for now in pasted:
        assert now.there and correspond.BY_PATCHES in now.notes
        t = correspond.models.translator(now.given[2])
        x, r, _ = t.inputs(t.condition_of(FACE), t.example_of(PORTRAIT))
        net = t.net
        xi = semantic_match(net.matcher.features(net.drawn(x)), net.matcher.features(r), net.config.k)[0].flatten()
        v = now.pair.field.matches(torch.arange(len(xi)))[0]
        assert (v == xi).float().mean() > 0.99  # but for equal patches, of empty ground
        q = now._replace(points=(Point("photo", 250, 260),)).queries(100)[0]
        assert -1e-6 <= q.heatmap.min() and q.heatmap.max() <= 1 + 1e-6  # cosines of activations, not centred
        assert q.round_trip.distance >= 0 and q.truth is None
    assert np.asarray(pasted[1].condition).std(axis=-1).max() == 0  # what the network sees is grey


def test_segin_stands_beside_the_models_that_read_lines(pasted):
    lines, grey = pasted
    assert ("portrait (CoCosNet)", "portrait") in lines.rivals and grey.rivals == ()
    assert ("portrait_segin (SEGIN)", "portrait_segin") in correspond.models.rivals("portrait")
    now, *_ = correspond.pair_up(*lines.given, lines, *VIEW, "portrait")
    assert now.names == ("portrait_segin (SEGIN)", "portrait (CoCosNet)") and correspond.BY_PATCHES in now.notes


def test_a_click_is_answered_at_once_by_patches(pasted):
    """6401 channels a position."""
    now, times = pasted[0]._replace(points=(Point("photo", 99, 99),) * 11), []
    for _ in range(3):
        start = time.process_time()
        correspond.add(now, "exemplar", (200, 260), *VIEW)
        times.append(time.process_time() - start)
    print(f"by patches: {min(times):.3f} s")
    assert min(times) < 0.25


def test_the_endpoint_answers_by_two_models(compared):
    from cocos_demo.ui import api

    asked, other = (*map(str, RENDERED), 190.5, 180.5), compared[0].other
    alone, _ = api.match(*asked, "figure")
    both, _ = api.match(*asked, "figure", other=other)
    second = both.pop("other")
    assert both == alone and second["model"] == other and (second["x"], second["y"]) != (alone["x"], alone["y"])
    assert second == api.match(*asked, other)[0]


def test_a_click_is_answered_at_once_by_two_models(compared):
    picture, times = as_served(shown("picture")), []
    now = compared[0]._replace(points=(Point("photo", 99, 99),) * 11)
    for _ in range(3):
        start = time.process_time()
        _, left, right, _, _, again = correspond.add(now, "photo", (200, 260), *VIEW)
        for each in (left, right, again):
            picture.postprocess(each)
        times.append(time.process_time() - start)
    print(f"two models: {min(times):.3f} s")
    assert min(times) < 0.3


def test_the_endpoint_gives_what_the_matcher_gives(client):  # noqa: F811
    from gradio_client import handle_file

    m = Matcher.load("portrait").set_images(FACE, PORTRAIT)
    x, y = m.photo.frame.cx + 3.5, m.photo.frame.cy + 0.25
    m.alpha = 50
    q = m.query(x, y)
    given = handle_file(FACE), handle_file(PORTRAIT)
    facts, heat = client.predict(*given, x, y, "auto", 50, api_name="/match")
    assert np.allclose([facts["x"], facts["y"], facts["score"]], [q.x, q.y, q.score], atol=1e-3)
    assert np.allclose([*facts["round_trip"].values()], q.round_trip, atol=1e-3)
    assert [round(b["weight"], 4) for b in facts["best"]] == pytest.approx([c.weight for c in q.best], abs=1e-3)
    assert facts["model"] == "portrait" and facts["alpha"] == 50
    ours = np.asarray(viz.heatmap(q), int)
    assert np.abs(np.asarray(Image.open(heat).convert("RGB"), int) - ours).mean() < 1
    assert facts["source"] == "photo" and facts["truth"] is None and facts["error"] is None
    for wrong, words in (((-9, 5, "auto", 50), "outside the photo"), ((x, y, "auto", 900), "alpha must lie between"),
                         ((x, y, "auto", 50, "map"), 'source is "photo" or "exemplar"')):  # fmt: skip
        with pytest.raises(Exception, match=words):
            client.predict(*given, *wrong, api_name="/match")


def test_the_endpoint_asks_from_the_exemplar_and_tells_the_true_place(client):  # noqa: F811
    from gradio_client import handle_file

    m = Matcher.load("figure").set_images(*RENDERED)
    known = np.flatnonzero(np.isfinite(m.pair.errors("exemplar")))
    (x, y), = m.exemplar.frame.to_photo(m.exemplar.centres[known[len(known) // 2 :][:1]])
    q = m.query(x, y, source="exemplar")
    facts, _ = client.predict(*map(handle_file, RENDERED), x, y, "auto", 100, "exemplar", api_name="/match")
    assert facts["source"] == "exemplar" and np.allclose([facts["x"], facts["y"]], [q.x, q.y], atol=1e-3)
    assert np.allclose([facts["truth"]["x"], facts["truth"]["y"]], q.truth, atol=1e-3)
    assert facts["error"] == pytest.approx(q.error, abs=1e-3)


@pytest.mark.parametrize("overlay", [scene.COSINES, scene.ERRORS])
def test_a_click_is_answered_at_once(matched, overlay):
    """Handler and pictures as they are sent: about 0.08 s on an idle core."""
    picture, now = as_served(shown("picture")), matched._replace(points=(Point("photo", 99, 99),) * 11)
    times = []
    for _ in range(3):
        start = time.process_time()
        _, left, right, *_ = correspond.add(now, "exemplar", (200, 260), scene.PHOTO, overlay, 100)
        served = [picture.postprocess(each) for each in (left, right)]
        times.append(time.process_time() - start)
    print(f"{overlay}: {min(times):.3f} s")
    assert min(times) < 0.25  # of a core that is shared
    assert Image.open(served[0].path).tobytes() == left.tobytes()


# In a browser

LOADED = """([left, right]) => ['photo', 'exemplar'].every((side, i) => {
    const image = document.querySelector(`#${side}-shown img`);
    return image && image.complete && image.naturalWidth === 512 && image.src !== [left, right][i] })"""
SCREENS = {"desktop, light": (1280, 800, "light", 1), "150 %, dark": (1280, 800, "dark", 1.5),
           "200 %, light": (1280, 800, "light", 2), "phone, dark": (390, 844, "dark", 1)}  # fmt: skip


@pytest.mark.parametrize(("width", "height", "theme", "zoom"), SCREENS.values(), ids=SCREENS)
def test_a_click_lands_on_the_pixel_under_the_pointer(browser, address, width, height, theme, zoom):  # noqa: F811
    """A zoomed browser has fewer, larger pixels."""
    small = {"width": int(width / zoom), "height": int(height / zoom)}
    page = browser.new_page(viewport=small, device_scale_factor=zoom)
    page.set_default_timeout(90_000)  # a busy machine
    page.goto(f"{address}/?__theme={theme}")
    page.get_by_role("tab", name="Correspond").click()
    page.wait_for_function(LOADED, arg=[None, None])
    boxes = [page.locator(f"#{side}-shown img").bounding_box() for side in SIDES]
    if width > 600:  # side by side; without zoom there is no need to scroll
        assert boxes[0]["y"] == pytest.approx(boxes[1]["y"], abs=1) and boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
        assert zoom > 1 or max(box["y"] + box["height"] for box in boxes) <= height
    for number, (side, x, y) in enumerate([("photo", 130, 200), ("exemplar", 401, 333), ("photo", 256, 270)], 1):
        pictures = click(page, side, x, y, number)
        column, row = pixel(page.locator("#points tr[data-from] strong").first)
        assert abs(column - x) <= 1 and abs(row - y) <= 1
        assert page.locator("#points tr[data-from]").first.get_attribute("data-from") == side
        match = pixel(page.locator("#points tr[data-from]").first.locator("td").nth(3 if side == "photo" else 1))
        assert colour_at(pictures[side], column, row) == colour_of(number)
        assert colour_at(pictures[scene.OTHER[side]], *match) == colour_of(number)
        assert page.evaluate("document.documentElement.scrollWidth") <= small["width"]
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("() => document.querySelectorAll('#points tr[data-from]').length === 2")
    page.close()


def click(page, side: str, x: int, y: int, number: int) -> dict[str, Image.Image]:
    """Click pixel (x, y) of a picture, and wait for its mark -> the pictures that were served."""
    images = {name: page.locator(f"#{name}-shown img") for name in SIDES}
    before = [image.get_attribute("src") for image in images.values()]
    images[side].scroll_into_view_if_needed()
    box = images[side].bounding_box()
    page.mouse.click(*(box[corner] + (at + 0.5) * box["width"] / 512 for corner, at in (("x", x), ("y", y))))
    page.wait_for_selector(f"#points:has-text('Point {number}, clicked in the {side}')")
    page.wait_for_function(LOADED, arg=before)
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot(scale="css"))).convert("RGB"), int)
    box = images[side].bounding_box()
    left, top = (int(box[corner] + at * box["width"] / 512) for corner, at in (("x", x), ("y", y)))
    around = seen[top - 3 : top + 4, left - 3 : left + 4]
    assert np.abs(around - colour_of(number)).max(-1).min() < 60  # on the screen too, where the pointer is
    return {name: Image.open(io.BytesIO(page.request.get(image.get_attribute("src")).body())) for name, image in images.items()}


def pixel(cell) -> tuple[int, ...]:
    return tuple(int(part) for part in cell.inner_text().split(", "))


def test_two_models_beside_each_other_are_clicked(browser, address):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(90_000)
    page.goto(address)
    page.get_by_role("tab", name="Correspond").click()
    page.wait_for_function(LOADED, arg=[None, None])
    page.locator(".thumbs:visible button.thumbnail-lg:has-text('★')").first.click()
    page.wait_for_selector("#points:has-text('a star will show')")
    assert not page.locator("#rival-shown").is_visible()
    page.locator("#match-other input").click()
    page.get_by_role("option", name="Compare with: figure_mcl_made_up (MCL-Net)").click()
    page.wait_for_selector("#rival-shown img")
    page.wait_for_selector("#beside:has-text('B: figure_mcl_made_up (MCL-Net)')")
    boxes = [page.locator(f"#{name}-shown img").bounding_box() for name in (*SIDES, "rival")]
    assert len({round(box["y"]) for box in boxes}) == len({round(box["width"]) for box in boxes}) == 1
    assert boxes[-1]["y"] + boxes[-1]["height"] < 800  # all three are seen at once
    for number, (name, width) in enumerate((("photo", 1280), ("rival", 1280), ("rival", 390)), 1):
        page.set_viewport_size({"width": width, "height": 800})
        image = page.locator(f"#{name}-shown img")
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
        page.wait_for_function("n => document.querySelectorAll('#points tr[data-from]').length === n", arg=number)
        column, row = pixel(page.locator("#points tr[data-from] strong").first)
        assert abs(column - 256) <= 2 and abs(row - 205) <= 2
        assert ("On the photo: those of B" in page.inner_text("#points")) == (name == "rival")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Without the second model the points stay.
    page.locator("#match-other input").click()
    page.get_by_role("option", name="Compare with: no other model").click()
    page.wait_for_selector("#rival-shown", state="hidden")
    assert page.locator("#points tr[data-from]").count() == 3
    page.close()
