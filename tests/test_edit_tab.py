"""The Edit tab: its handlers, its endpoint, and a real browser."""

import numpy as np
import pytest
from gradio.exceptions import Error
from made_up import FACE, checkpoint
from PIL import Image
from test_app import address, browser, client  # noqa: F401

from cocos_demo.applications import regions
from cocos_demo.translator import on_canvas
from cocos_demo.ui import edit

PICTURE = edit.sample(edit.START)
MAP = edit.own_map(PICTURE)


@pytest.fixture
def now():
    return edit.seen(PICTURE, MAP, edit.MODEL, None)[0]


def layers(now, labels=None):
    """What the browser sends back of the canvas."""
    labels = now.labels[-1] if labels is None else labels
    return {"layers": [on_canvas(Image.fromarray(now.at.kind.palette[labels]), 512).convert("RGBA")]}


def test_samples_come_with_their_maps_and_photos_with_a_guess():
    assert MAP and edit.own_map(str(FACE)) is None and edit.pictures()[0].endswith(".jpg") and PICTURE in edit.pictures()
    now, _, words, parts, into, map = edit.seen(PICTURE, MAP, edit.MODEL, None)
    assert parts.value == "hair" and "skirt" not in dict(parts.choices) and "skirt" in dict(into.choices) and "palette" in words
    body = next(path for path in edit.pictures() if "P010_amateur_posture" in path)
    guessed, _, words, *_ = edit.seen(body, None, edit.MODEL, now)
    assert "guessed" in words and guessed.at.labels.shape == (256, 256)


def test_the_map_of_the_picture_before_is_not_taken_for_the_next(now):
    other = edit.sample("rendered_109_0")
    after, *_, map = edit.seen(other, MAP, edit.MODEL, now)
    assert after.given[1] == edit.own_map(other) and map.value["path"].endswith("rendered_109_0.png")
    for before in (now, None):
        assert edit.belonging("mine.jpg", MAP, before) is None
    assert edit.belonging("mine.jpg", "mine.png", None) == edit.belonging("mine.jpg", "mine.png", now) == "mine.png"
    assert edit.belonging("next.jpg", "mine.png", now._replace(given=("mine.jpg", "mine.png", "parts"))) is None
    assert edit.belonging(PICTURE, None, now) is None and edit.belonging(PICTURE, None, None) == MAP  # cleared: it is guessed


def test_parts_are_changed_on_top_of_what_was_painted_and_taken_back(now):
    hair = now.at.number("hair")
    painted = now.labels[-1].copy()
    painted[100:110, 100:120] = hair
    grown, _ = edit.grown(now, layers(now, painted), "hair", 3)
    assert len(grown.labels) == 3 and (grown.labels[1] == painted).mean() > 0.9999
    assert (grown.labels[2] == regions.grow(grown.labels[1], hair, 3)).all()
    shrunk, _ = edit.shrunk(grown, layers(grown), "hair", 2)
    moved, _ = edit.mover(0, -1)(shrunk, layers(shrunk), "hair", 5)
    turned, _ = edit.turned(moved, layers(moved), "left hand", "hair")
    gone, _ = edit.deleted(turned, layers(turned), "hair")
    assert not (gone.labels[-1] == hair).any() and len(gone.labels) == 7
    back = gone
    for _ in range(9):
        back, _ = edit.undone(back, layers(back))
    assert len(back.labels) == 1
    assert (edit.restarted(gone)[0].labels[-1] == now.labels[0]).all()


def test_undo_takes_back_painting_first(now):
    grown, _ = edit.grown(now, layers(now), "hair", 3)
    painted = grown.labels[-1].copy()
    painted[:10, :10] = 4
    back, _ = edit.undone(grown, layers(grown, painted))
    assert len(back.labels) == 2


def test_the_edit_is_made_and_told(now):
    grown, _ = edit.grown(now, layers(now), "hair", 8)
    picture, (before, after), mask, painted, words, row = edit.paint(
        grown, layers(grown), *now.given, next(iter(edit.FINISHES)))
    clear = np.asarray(mask) == 0
    assert (np.asarray(picture)[clear] == np.asarray(now.at.picture)[clear]).all() and before.size == after.size == (512, 512)
    assert "elsewhere, measured: 0 of 255" in words and painted.width >= 512 and row.visible


def test_what_cannot_be_done_is_told(now, tmp_path):
    for does, words in (
        (lambda: edit.grown(None, None, "hair", 3), "Choose a picture first"),
        (lambda: edit.grown(now, None, None, 3), "Choose a part first"),
        (lambda: edit.turned(now, None, "hair", "hair"), "another part"),
        (lambda: edit.deleted(now, None, "skirt"), "shows no skirt"),
        (lambda: edit.paint(now, None, *now.given, "pixels"), "as it was"),
        (lambda: edit.paint(now, None, str(FACE), None, edit.MODEL, "pixels"), "not been read yet"),
    ):
        with pytest.raises(Error, match=words):
            does()
    (tmp_path / "junk.png").write_text("no picture")
    empty = edit.read(str(tmp_path / "junk.png"), None, edit.MODEL, now)
    assert empty[0] is None and "not a picture" in empty[2]
    assert edit.read(None, None, edit.MODEL, now)[0] is None


def test_only_networks_that_read_maps_and_match_are_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    checkpoint(tmp_path / "checkpoints", "parts").rename(tmp_path / "checkpoints" / "mine.safetensors")
    assert {name for _, name in edit.readers()} == {"parts", "mine"}


def test_the_endpoint_edits_and_tells_mistakes(client):  # noqa: F811
    from gradio_client import handle_file as file

    given = {"map": file(MAP), "api_name": "/edit"}
    picture, mask, map, facts = client.predict(file(PICTURE), steps="grow hair 8; delete left-hand", **given)
    assert Image.open(picture).size == Image.open(mask).size == (256, 256) and facts["outside"] == 0 and facts["changed"] > 0
    again = client.predict(file(PICTURE), edited_map=file(map), finish="painting", **given)
    assert Image.open(again[0]).tobytes() != Image.open(picture).tobytes() and again[3]["changed"] == facts["changed"]
    for more, words in (({}, "as it was"), ({"steps": "eat hair"}, "is no edit"), ({"finish": "x"}, "finish"),
                        ({"model": "portrait"}, "no regions"), ({"edited_map": file(PICTURE)}, "the edited map")):  # fmt: skip
        with pytest.raises(Exception, match=words):
            client.predict(file(PICTURE), **more, **given)


def test_hair_is_painted_in_a_browser_and_the_picture_downloaded(browser, address):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(90_000)
    page.goto(address)
    page.get_by_role("tab", name="Edit", exact=True).click()
    page.locator("#edit-about button[data-name=hair]").click()
    box = page.locator("#edit-canvas canvas").first.bounding_box()
    page.wait_for_timeout(1500)
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.35 * box["height"], steps=6)
    page.mouse.up()
    page.wait_for_timeout(500)
    page.click("#edit-button")
    page.wait_for_function("document.querySelector('#edit-facts').innerText.includes('0 of 255')")
    with page.expect_download() as download:
        page.locator("#edit-picture [aria-label*=ownload]").click()
    assert Image.open(download.value.path()).size == (256, 256)
    page.close()
