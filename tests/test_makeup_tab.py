"""The Makeup tab: its handlers, its endpoint, and a real browser."""

import zipfile

import numpy as np
import pytest
from gradio.exceptions import Error
from made_up import checkpoint, empty_photo
from PIL import Image
from test_app import address, browser, client  # noqa: F401

from cocos_demo.ui import makeup

PORTRAIT = makeup.made_up_first()[0]
TARGET = makeup.samples("portraits")[-1]
SETTINGS = [["Lips", "Blush"], False, "#b3123a", "normal", 0.9, makeup.MODEL]


@pytest.fixture(scope="module")
def now():
    return makeup.dressed(PORTRAIT, *SETTINGS, None, None)[0]


def strokes(now):
    """A green square on the canvas, over the nose."""
    layer = np.zeros((now.size[1], now.size[0], 4), np.uint8)
    layer[230:260, 240:270] = (0, 200, 40, 255)
    return {"background": None, "layers": [Image.fromarray(layer, "RGBA")], "composite": None}


def test_the_canvas_shows_the_ready_makeup_under_what_was_drawn(now):
    _, canvas, words = makeup.dressed(PORTRAIT, *SETTINGS, strokes(now), now)
    plain = makeup.dressed(PORTRAIT, [], *SETTINGS[1:], None, now)[1]
    assert canvas["background"].size == now.size == (512, 512) and canvas["layers"][0].getbbox() == (240, 230, 270, 260)
    assert canvas["background"].tobytes() != plain["background"].tobytes() and "Draw" in words
    assert makeup.fresh(PORTRAIT, *SETTINGS)[1]["layers"][0].getbbox() is None  # another portrait: nothing drawn yet
    assert makeup.fitted((400, 800)) == (256, 512)


def test_ready_makeup_and_strokes_arrive_at_the_targets_own_resolution(now):
    picture, both, layer, words, row = makeup.make(PORTRAIT, *SETTINGS, strokes(now), now, True, TARGET)
    before = Image.open(TARGET).convert("RGB")
    assert picture.size == layer.size == before.size and row.visible and "mean cosine" in words and both[0].size == both[1].size
    rgba = np.asarray(layer, int)
    green = (rgba[..., 1] > 120) & (rgba[..., 0] < 60) & (rgba[..., 3] > 150)
    assert green.sum() > 100
    clear = rgba[..., 3] == 0
    assert (np.asarray(picture)[clear] == np.asarray(before)[clear]).all()
    one = makeup.make(PORTRAIT, SETTINGS[0], True, "rgba(0, 0, 255, 1)", *SETTINGS[3:], None, now, True, TARGET)[2]
    assert np.asarray(one)[np.asarray(one)[..., 3] > 60][:, :2].max() < 10


def test_many_are_made_up_one_by_one_and_packed(now, tmp_path):
    empty = empty_photo(tmp_path / "grey.png")
    steps = list(makeup.make_all(PORTRAIT, *SETTINGS, None, now, True, [TARGET, str(empty)]))
    assert [len(step[0]) for step in steps] == [0, 1, 1, 1] and steps[0][1] is None
    pictures, packed, said, _ = steps[-1]
    assert "1 of 2 made up" in said and "Left out: grey.png: No face" in said
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [f"{TARGET.rsplit('/', 1)[-1][:-4]}.png"]
        assert Image.open(archive.open(archive.namelist()[0])).size == Image.open(TARGET).size
    assert "stopped" in makeup.stopped("<p>1 of 2 …</p>")


def test_what_cannot_be_done_is_told(now, tmp_path):
    for does, words in (
        (lambda: makeup.make(PORTRAIT, *SETTINGS, None, now, True, None), "who shall wear it"),
        (lambda: makeup.make(None, *SETTINGS, None, now, True, TARGET), "Choose a portrait first"),
        (lambda: makeup.make(TARGET, *SETTINGS, None, now, True, TARGET), "not been read yet"),
        (lambda: makeup.make(PORTRAIT, [], *SETTINGS[1:], None, now, True, TARGET), "no strokes"),
        (lambda: list(makeup.make_all(PORTRAIT, *SETTINGS, None, now, True, None)), "Choose the portraits first"),
        (lambda: list(makeup.make_all(PORTRAIT, *SETTINGS, None, now, True, ["x.jpg"] * 999)), "at once are the most"),
    ):
        with pytest.raises(Error, match=words):
            does()
    state, _, words = makeup.worn(str(empty_photo(tmp_path / "grey.png")), *SETTINGS, None, now)
    assert state is None and "no face was found" in words
    assert makeup.worn(None, *SETTINGS, None, now)[0] is None


def test_colours_of_pickers_are_read():
    assert makeup.rgb("rgba(179, 18.4, 58, 1)") == "#b3123a" and makeup.rgb("#00ff00") == "#00ff00"


def test_only_networks_that_match_portraits_are_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    checkpoint(tmp_path / "checkpoints", "portrait").rename(tmp_path / "checkpoints" / "mine.safetensors")
    assert {name for _, name in makeup.matchers()} == {"portrait", "portrait_mcl", "portrait_v2", "portrait_segin", "mine"}


def test_the_endpoint_makes_up_and_tells_mistakes(client):  # noqa: F811
    from gradio_client import handle_file as file

    two = file(PORTRAIT), file(TARGET)
    picture, layer, facts = client.predict(*two, ready="lips+star", api_name="/makeup")
    assert Image.open(picture).size == Image.open(layer).size and Image.open(layer).mode == "RGBA" and facts["agreement"] > 0.5
    assert client.predict(file(TARGET), file(PORTRAIT), strokes=file(layer), api_name="/makeup")[2]["agreement"] > 0.5
    for more, words in (({}, "no strokes"), ({"ready": "x"}, "no makeup 'x'"), ({"ready": "lips", "mode": "burn"}, "no blend"),
                        ({"ready": "lips", "opacity": 7}, "between 0 and 1"), ({"strokes": two[1]}, "not transparent"),
                        ({"ready": "lips", "model": "figure"}, "does not read portraits")):  # fmt: skip
        with pytest.raises(Exception, match=words):
            client.predict(*two, **more, api_name="/makeup")


def test_strokes_are_drawn_in_a_browser_and_downloaded(browser, address):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(90_000)
    page.goto(address)
    page.get_by_role("tab", name="Makeup", exact=True).click()
    page.wait_for_function("document.querySelector('#makeup-told').innerText.includes('Draw')")
    page.wait_for_timeout(4000)
    box = page.locator("#makeup-canvas canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + 0.45 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.54 * box["width"], box["y"] + 0.5 * box["height"], steps=6)
    page.mouse.up()
    page.wait_for_timeout(500)
    page.click("#makeup-button")
    page.wait_for_function("document.querySelector('#makeup-facts').innerText.includes('Matched by')")
    with page.expect_download() as download:
        page.locator("#makeup-layer [aria-label*=ownload]").click()
    layer = np.asarray(Image.open(download.value.path()))
    assert layer.shape[2] == 4 and 0 < (layer[..., 3] > 0).mean() < 0.5
    page.close()
