"""The Correspond tab: its handlers, its endpoint, and clicks in a real browser."""

import numpy as np
import pytest
from made_up import BODY, FACE, FIGURE, PORTRAIT, checkpoint
from PIL import Image, ImageColor
from test_app import address, browser, client  # noqa: F401

from cocos_demo import Matcher, viz
from cocos_demo.ui import correspond
from cocos_demo.viz import marks

VIEW = correspond.PHOTO, correspond.COSINES, 100


@pytest.fixture(scope="module")
def matched():
    """Two samples, matched by the shipped network."""
    now, *_ = correspond.pair_up(str(FACE), str(PORTRAIT), "auto", None, *VIEW)
    return now


def colour_at(picture: Image.Image, x: float, y: float) -> tuple:
    return picture.getpixel((int(x), int(y)))


def test_the_pictures_have_one_size_and_begin_with_a_grid(matched):
    left, right, words, _ = correspond.draw(matched, *VIEW)
    assert left.size == right.size == matched.condition.size == (512, 512) and "Up to 12 points" in words
    found = matched.pair.grid(16)
    colours = viz.place_colours(found.points / 512, matched.pair.photo) * 255
    for i in (0, 37, 255):
        assert np.abs(np.subtract(colour_at(left, *found.points[i]), colours[i])).max() <= 2
    last = found.targets[255]  # drawn last, so nothing lies over it
    assert np.abs(np.subtract(colour_at(right, *last), colours[255])).max() <= 2


@pytest.mark.parametrize("pixel", [(200, 260), (0, 0), (511, 511), (511, 3)])
def test_a_click_marks_its_pixel_and_its_match(matched, pixel):
    now, left, right, words, numbers = correspond.add(matched, pixel, *VIEW)
    assert now.points == (pixel,) and matched.points == ()
    q = matched.pair.query(pixel[0] + 0.5, pixel[1] + 0.5, 100)
    ours = ImageColor.getrgb(marks.COLOURS[0])
    assert colour_at(left, *pixel) == ours and colour_at(right, q.x, q.y) == ours
    assert f"<td>{pixel[0]}, {pixel[1]}</td><td>{q.x:.0f}, {q.y:.0f}</td><td>{q.score:.3f}</td>" in words
    assert f"{q.best[1].score:.3f}" in numbers and f"{q.best[1].weight:.3f}" in numbers
    assert correspond.hexadecimal(q.colour.round().astype(int)) in numbers


def test_places_are_those_of_the_matcher_seen_through_the_frames(matched):
    matcher = Matcher.load("portrait").set_images(FACE, PORTRAIT)
    for at in ([100.5, 300.5], [400.5, 20.5]):
        (x, y), = matcher.photo.frame.to_photo(np.array([at]) / 512)
        theirs, ours = matcher.query(x, y), matched.pair.query(*at, 100)
        assert np.allclose(matcher.exemplar.frame.to_unit([[theirs.x, theirs.y]]) * 512, [[ours.x, ours.y]], atol=1)
        assert ours.score == pytest.approx(theirs.score, abs=1e-5)
        assert ours.round_trip.distance / 512 == pytest.approx(theirs.round_trip.distance / matcher.photo.frame.side, abs=1e-6)


def test_undo_and_clear(matched):
    empty = correspond.draw(matched, *VIEW)
    one, *shown = correspond.add(matched, (100, 200), *VIEW)
    two, *_ = correspond.add(one, (300, 250), *VIEW)
    assert two.points == ((100, 200), (300, 250))
    back, *again = correspond.undone(two, *VIEW)
    assert back.points == one.points and again[0].tobytes() == shown[0].tobytes() and again[2:] == shown[2:]
    for none, *pictures in (correspond.undone(one, *VIEW), correspond.cleared(two, *VIEW), correspond.undone(matched, *VIEW)):
        assert none.points == () and pictures[1].tobytes() == empty[1].tobytes()


def test_twelve_points_are_kept_each_in_a_colour_of_its_own(matched):
    import gradio as gr

    now = matched
    for i in range(12):
        now, left, *_ = correspond.add(now, (40 + 120 * (i % 4), 60 + 150 * (i // 4)), *VIEW)
    assert len({colour_at(left, *point) for point in now.points}) == 12
    with pytest.raises(gr.Error, match="12 points are the most"):
        correspond.add(now, (5, 5), *VIEW)
    assert len(now.points) == 12


def test_alpha_changes_the_weights_and_not_the_cosines(matched):
    now = matched._replace(points=((220, 240),))
    soft, sharp = (matched.pair.query(220.5, 240.5, alpha) for alpha in (1, 200))
    for q in (soft, sharp):
        told = correspond.draw(now, correspond.PHOTO, correspond.WEIGHTS, q.alpha)
        assert f"at alpha {q.alpha:g}" in told[3] and all(f"{c.weight:.3f}" in told[3] for c in q.best)
    assert sharp.best[0].weight > 2 * soft.best[0].weight
    pictures = [[correspond.draw(now, correspond.PHOTO, heat, alpha)[1].tobytes() for alpha in (1, 200)]
                for heat in (correspond.COSINES, correspond.WEIGHTS)]  # fmt: skip
    assert pictures[0][0] == pictures[0][1] and pictures[1][0] != pictures[1][1]


def test_the_condition_and_the_round_trips_can_be_clicked_too(matched):
    for base in (correspond.CONDITION, correspond.ERROR):
        _, left, *_ = correspond.add(matched, (50, 60), base, *VIEW[1:])
        assert colour_at(left, 50, 60) == ImageColor.getrgb(marks.COLOURS[0])
        assert colour_at(left, 256, 256) != colour_at(matched.pair.photo.picture, 256, 256)


def test_what_is_the_same_is_not_matched_again_and_another_kind_brings_its_exemplars(matched):
    import gradio as gr

    assert correspond.pair_up(str(FACE), str(PORTRAIT), "auto", matched, *VIEW) == gr.skip()
    now, offered, exemplar, *_ = correspond.pair_up(str(BODY), str(PORTRAIT), "auto", matched, *VIEW)
    assert now.pair is None and exemplar == offered[0] and str(FIGURE) in offered
    now, *_ = correspond.pair_up(str(BODY), exemplar, "auto", now, *VIEW)
    assert now.pair is not None and now.points == ()
    assert correspond.pair_up(None, exemplar, "auto", now, *VIEW)[0] is None
    assert correspond.draw(None, *VIEW) == correspond.NONE and correspond.undone(None, *VIEW)[0] is None


def test_a_system_without_a_correspondence_is_told(tmp_path, monkeypatch):
    import gradio as gr

    from cocos_demo import checkpoints, conditions
    from cocos_demo.models import SYSTEMS
    from cocos_demo.models.layers import bake

    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    net = SYSTEMS["spade"](preset="tiny", condition_channels=len(conditions.KINDS["portrait"].channels), size=64)
    path = checkpoint(tmp_path / "checkpoints", "portrait").with_name("painter.safetensors")
    checkpoints.save(path, bake(net), {"name": "painter", "system": "spade", "condition": "portrait", "size": 64})
    with pytest.raises(gr.Error, match="paints without a correspondence"):
        correspond.pair_up(str(FACE), str(PORTRAIT), "painter", None, *VIEW)


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
    for wrong, words in (((-9, 5, "auto", 50), "outside the photo"), ((x, y, "auto", 900), "alpha must lie between")):
        with pytest.raises(Exception, match=words):
            client.predict(*given, *wrong, api_name="/match")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_click_lands_on_the_pixel_under_the_pointer(browser, address, width):  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(90_000)  # a busy machine
    page.goto(address)
    page.get_by_role("tab", name="Correspond").click()
    loaded = "() => { const i = document.querySelector('#left img'); return i && i.complete && i.naturalWidth === 512 }"
    page.wait_for_function(loaded)
    page.wait_for_selector("#points:has-text('Up to 12 points')")
    for number, (x, y) in enumerate([(130, 200), (401, 333)], 1):
        image = page.locator("#left img")
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        at = (x + 0.5) * box["width"] / 512, (y + 0.5) * box["height"] / 512
        page.mouse.click(box["x"] + at[0], box["y"] + at[1])
        page.wait_for_selector(f"#points:has-text('point {number} ')")
        reported = page.locator("#points tr:nth-child(2) td:nth-child(2)").inner_text()
        assert np.abs(np.subtract([int(part) for part in reported.split(", ")], (x, y))).max() <= 1
        page.wait_for_function(loaded)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
