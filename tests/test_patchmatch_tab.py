"""The PatchMatch tab: its handlers, its endpoint, and the player in a real browser."""

import base64
import io
import re

import pytest
from browser_tabs import to_tab
from made_up import BODY, FACE, FIGURE, PORTRAIT, RENDERED, checkpoint, checkpoint_v2, empty_photo
from PIL import Image
from test_app import address, browser, client  # noqa: F401

from cocos_demo import checkpoints
from cocos_demo.ui import models, patchmatch, player

GIVEN = *map(str, RENDERED), "figure_v2_made_up"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A place for checkpoints with one network of CoCosNet v2, and one of CoCosNet."""
    folder = tmp_path_factory.mktemp("home")
    checkpoint_v2(folder / "checkpoints", "figure")
    checkpoint(folder / "checkpoints", "portrait").rename(folder / "checkpoints" / "one_step.safetensors")
    return folder


@pytest.fixture(autouse=True)
def at_home(home, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(home))


@pytest.fixture(scope="module")
def now(home):
    """Two rendered samples, matched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCOS_DEMO_HOME", str(home))
        return patchmatch.tell(*GIVEN, None)


def test_a_pair_is_told_and_not_told_again(now):
    told, offered, exemplar, shown, said, file = now
    assert told.given == GIVEN and len(told.recording.steps) == 16 and not told.trouble
    assert offered == exemplar == patchmatch.gr.skip() and "16 steps" in said and "the truth is known for" in said.lower()
    assert patchmatch.tell(*GIVEN, told) == [patchmatch.gr.skip()] * 6


def test_only_networks_that_match_step_by_step_are_offered(tmp_path, monkeypatch):
    names = [name for _, name in models.titles(models.STEPS)]
    assert "auto" in names and "figure_v2_made_up" in names and not {"one_step", "portrait", "figure"} & {*names}
    assert models.by_steps("figure_v2_made_up") == "figure_v2_made_up"
    assert models.by_steps("figure") == models.by_steps("auto") == models.by_steps("gone") == "auto"
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    assert models.resolve("auto", str(BODY), models.STEPS) == "figure_v2_made_up"
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    told, *_, said, _ = patchmatch.tell(*GIVEN[:2], "auto", None)
    assert told.trouble == patchmatch.NONE and "no network of CoCosNet v2" in said


def test_part_maps_are_offered_only_where_a_network_reads_them(home):
    maps = models.samples("parts")
    assert not {*maps} & {*patchmatch.photos_for("auto")} and {*maps} <= {*models.photos_for("auto")}
    path = checkpoint_v2(home / "checkpoints", "parts")
    assert patchmatch.photos_for(path.stem)[: len(maps)] == maps and {*maps} <= {*patchmatch.photos_for("auto")}
    assert not {*maps} & {*patchmatch.photos_for("figure_v2")}
    path.unlink()


def test_what_cannot_be_told_is_said_in_place(now, tmp_path):
    nobody = str(empty_photo(tmp_path / "grey.png"))
    for given, words in (((nobody, *GIVEN[1:]), "No person"), ((GIVEN[0], None, GIVEN[2]), "Choose an exemplar"),
                         ((None, *GIVEN[1:]), "Choose a photo"), ((*GIVEN[:2], "figure"), "Take a network of CoCosNet v2")):
        told, _, _, shown, said, _ = patchmatch.tell(*given, now[0])
        assert told.recording is None and shown == "" and words in said and patchmatch.drawn(told) == patchmatch.gr.skip()


def test_pictures_of_another_tab_come_with_a_model_that_has_steps(now):
    told, offered, *brought, tabs = patchmatch.carried(now[0], str(BODY), str(FIGURE), "figure")
    assert brought == [str(BODY), str(FIGURE), "auto"] and (str(FIGURE), "") in offered and told.recording is None
    assert patchmatch.carried(None, *GIVEN)[4] == GIVEN[2]
    told, _, due, *_ = patchmatch.tell(str(BODY), str(FIGURE), GIVEN[2], told)
    assert told.recording and due == patchmatch.gr.skip()
    with pytest.raises(patchmatch.gr.Error, match="Choose a photo and an exemplar"):
        patchmatch.carried(None, None, str(FIGURE), "auto")


def test_the_player_holds_every_step(now):
    shown, steps = now[3], now[0].recording.steps
    pictures = re.findall(r'src="data:image/webp;base64,', shown)
    assert len(pictures) == 3 * 16 + 1 and shown.count("<circle") == 2 * 16
    for step in steps:
        assert step.name in shown and f"{step.score:.4f}" in shown and f"{100 * step.error:.1f} %" in shown
    assert "Median distance" in shown and len(shown) < 3e6


def test_a_chart_draws_each_level_on_its_own_scale(now):
    steps = now[0].recording.steps
    drawn = player.chart("t", steps[:6], [[0], [1, 2, 3, 4, 5]], [5, 1, 2, 3, 2, 1], [(5, 5), (1, 3)], ["", "1 – 3"])
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    middle, low, high = heights[0], heights[1], heights[3]
    assert middle == (low + high) / 2 and high < low == heights[5] and heights[2] == middle
    assert drawn.count("<polyline") == 2 and drawn.count('class="now"') == 1


def test_the_endpoint_gives_the_animation_and_the_numbers(client):  # noqa: F811
    from gradio_client import handle_file

    animation, facts = client.predict(*map(handle_file, RENDERED), "figure_v2_made_up", api_name="/patchmatch")
    with Image.open(animation) as image:
        assert image.format == "WEBP" and image.n_frames == 16 == len(facts["steps"])
    last = facts["steps"][-1]
    assert (last["level"], last["iteration"], last["step"], last["size"]) == (3, 2, "refine", [64, 64])
    assert facts["steps"][0]["moved"] is None and 0 <= last["pck"]["0.05"] <= last["pck"]["0.1"] <= 1 and last["error"] > 0
    for given, model, words in ((RENDERED, "figure", "Take a network of CoCosNet v2"),
                                ((FACE, PORTRAIT), "figure_v2_made_up", "Only head and shoulders")):
        with pytest.raises(Exception, match=words):
            client.predict(*map(handle_file, given), model, api_name="/patchmatch")


# In a browser


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_it_plays(browser, address, width, theme):  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(90_000)  # a busy machine
    page.goto(f"{address}/?__theme={theme}")
    to_tab(page, "PatchMatch")
    page.wait_for_selector(".player .told .now:has-text('exact')")
    page.select_option(".speed", "1600")
    page.click(".play")
    page.wait_for_function("() => Number(document.querySelector('.at').value) >= 2")
    page.click(".play")  # now a pause
    at = page.input_value(".at")
    page.wait_for_timeout(2000)
    assert page.input_value(".at") == at and "Play" in page.inner_text(".play")
    page.click("[data-by='1']")
    assert page.input_value(".at") == str(int(at) + 1)
    page.locator(".at").focus()
    page.keyboard.press("End")
    name, last = page.inner_text(".told .now strong"), page.get_attribute(".at", "max")
    assert re.fullmatch(r"Level (\d) of \1, .*: refine", name) and page.input_value(".at") == last
    seen = page.evaluate("last => [...document.querySelectorAll('.player [data-at]')]"
                         ".filter(e => e.matches('.now') !== (e.dataset.at === last)).length", last)
    assert seen == 0  # all that is shown, and only that, is the last step's
    page.locator(".player circle").nth(2).click()
    assert page.input_value(".at") == "2"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    warp = page.locator(".player figure:has-text('Warp') [data-at].now img").get_attribute("src")
    places = re.search(r"Level 2 of \d, (\d+) × (\d+)", page.inner_text(".told .now strong"))
    assert Image.open(io.BytesIO(base64.b64decode(warp.split(",", 1)[1]))).size == tuple(map(int, places.groups()))
    page.close()


def test_another_pair_begins_anew_and_can_be_downloaded(browser, address):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(90_000)
    page.goto(address)
    to_tab(page, "PatchMatch")
    page.wait_for_selector(".player .told .now")
    page.locator(".at").focus()
    page.keyboard.press("End")
    field = ".player figure:has-text('Field') [data-at='9'] img"
    before = page.get_attribute(field, "src")
    page.locator(".thumbs:visible").nth(1).locator("button.thumbnail-lg").nth(8).click()
    page.wait_for_function("([field, before]) => { const i = document.querySelector(field); return i && i.src !== before }",
                           arg=[field.replace(":has-text('Field')", ":first-of-type"), before])
    assert page.input_value(".at") == "0"
    page.wait_for_selector("#animation:not([disabled])")
    with page.expect_download() as download:
        page.click("#animation")
    with Image.open(download.value.path()) as image:
        assert image.n_frames > 9 and min(image.size) > 200
    page.close()
