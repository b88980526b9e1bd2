"""The Compare tab: its handlers, its endpoint, and a real browser from two pictures to a saved sheet."""

import base64
import io
import json
import re

import gradio as gr
import numpy as np
import pytest
from browser_tabs import to_tab
from made_up import BODY, FACE, FIGURE, PORTRAIT, RENDERED, checkpoint_mcl, checkpoint_segin, empty_photo
from PIL import Image, ImageColor
from test_app import address, browser, client  # noqa: F401

from cocos_demo import checkpoints, comparing
from cocos_demo.ui import board, compare, models
from cocos_demo.viz import marks


def quiet(*_, **__):
    """Progress that nobody watches."""


def files(links: str) -> dict[str, bytes]:
    """What the links of a page save: name -> content."""
    found = re.findall(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', links)
    return {name: base64.b64decode(content) for name, content in found}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two small systems for portraits and one for figures, in place of those that ship."""
    home, patch = tmp_path_factory.mktemp("home"), pytest.MonkeyPatch()
    patch.setenv("COCOS_DEMO_HOME", str(home))
    patch.setattr(checkpoints, "FOLDER", home / "shipped")
    checkpoint_mcl(home / "checkpoints", "portrait")
    checkpoint_segin(home / "checkpoints", "portrait")
    checkpoint_mcl(home / "checkpoints", "figure")
    yield home
    patch.undo()


@pytest.fixture(scope="module")
def steps(home):
    """All that Compare shows, one after the other."""
    return [*compare.side_by_side(str(FACE), str(PORTRAIT), "auto", quiet)]


def test_the_systems_come_one_by_one(steps):
    assert [len(step[0].outcomes) for step in steps] == [0, 1, 2]
    assert [step[1].count("at work") for step in steps] == [1, 1, 0]
    assert "portrait_mcl_made_up (MCL-Net)" in steps[0][1] and "waits for its turn" in steps[0][1]
    assert [step[6].interactive for step in steps] == [False, False, True]
    assert [step[7].interactive for step in steps] == [True, True, False]
    last = steps[-1]
    assert last[2].visible and last[3].size == (512, 512) and last[1].count("<img") == 2 + 2 * 2
    assert all(f'alt="{words}' in last[1] for words in ("Photo", "Exemplar", "Picture, by", "Auxiliary image W(x, r), by"))


def test_what_can_be_saved_is_what_was_compared(steps):
    saved = files(steps[-1][5])
    told, now = json.loads(saved["compare.json"]), steps[-1][0]
    assert told == comparing.settings(FACE, PORTRAIT, now.outcomes)
    assert Image.open(io.BytesIO(saved["compare.png"])).tobytes() == comparing.sheet(now.outcomes).tobytes()
    painted = files(steps[-1][1])["portrait_mcl_made_up_picture.png"]
    assert np.array_equal(Image.open(io.BytesIO(painted)), now.outcomes[0].image)


def test_a_click_is_marked_in_all(steps):
    now, photo, answers, saves = compare.add(steps[-1][0], (200, 260))
    assert now.points == ((200.5, 260.5),) and photo.getpixel((200, 260)) == ImageColor.getrgb(marks.COLOURS[0])
    for outcome in now.outcomes:
        q = outcome.squares.query(200.5, 260.5, 100)
        assert comparing.marked(outcome, now.points).getpixel((int(q.x), int(q.y))) == ImageColor.getrgb(marks.COLOURS[0])
        assert f"<td>{int(q.x)}, {int(q.y)}</td>" in board.matches(outcome, now.points)
    assert answers.count("data-point='1'") == 2 and "from truth" not in answers
    assert json.loads(files(saves)["compare.json"])["points"] == [[200.5, 260.5]]
    two, *_ = compare.add(now, (600, -3))
    assert two.points[1] == (511.5, 0.5) and compare.undone(two)[0] == now and compare.cleared(two)[0].points == ()
    for _ in range(10):
        two = compare.add(two, (5, 5))[0]
    with pytest.raises(gr.Error, match="12 points are the most"):
        compare.add(two, (5, 5))


def test_stopped_halfway_all_that_is_there_stays(steps):
    state, html, row, photo, answers, saves, run, stop = compare.stopped(steps[1][0])
    assert html.count("stopped before its turn") == 1 and "at work" not in html and len(state.outcomes) == 1
    assert row.visible and photo is not None and run.interactive and not stop.interactive and "compare.json" in files(saves)
    nothing = compare.stopped(steps[0][0])
    assert not nothing[2].visible and nothing[5] == "" and compare.add(nothing[0], (3, 3)) == gr.skip()


def test_one_that_fails_says_why_in_its_place(steps):
    lost = comparing.Outcome("portrait_lost", "there is <no> checkpoint")
    html = board.board(("portrait_lost", "b"), [lost, steps[-1][0].outcomes[0]])
    assert "there is &lt;no&gt; checkpoint" in html and html.count("<article") == 3 and "portrait_mcl_made_up (MCL-Net)" in html
    assert "portrait_lost" not in board.answers([lost, steps[-1][0].outcomes[0]], ())


def test_true_places_are_told(home):
    *_, last = compare.side_by_side(*map(str, RENDERED), "auto", quiet)
    outcome = last[0].first
    (row, column) = np.argwhere(np.isfinite(outcome.squares.errors()))[0]
    side = 512 / len(outcome.squares.errors())
    answers = compare.add(last[0], (int((column + 0.5) * side), int((row + 0.5) * side)))[2]
    assert "from truth" in answers and "PCK@0.05" in last[1]


def test_bad_input_is_a_sentence(home, tmp_path):
    for photo, exemplar, kind, words in ((None, str(PORTRAIT), "auto", "Choose a photo and an exemplar"),
                                         (str(empty_photo(tmp_path / "g.png")), str(PORTRAIT), "auto", "Neither a face"),
                                         (str(FACE), str(PORTRAIT), "smell", "no condition 'smell'"),
                                         (str(FACE), str(PORTRAIT), "grey", "no checkpoint reads")):  # fmt: skip
        with pytest.raises(gr.Error, match=words):
            [*compare.side_by_side(photo, exemplar, kind, quiet)]


def test_exemplars_go_with_the_photo(home, tmp_path):
    gallery, (seen, look) = compare.suited(str(BODY), "auto", str(PORTRAIT))
    assert seen == str(PORTRAIT) and look in models.looks("figure") and len(gallery.value) == len(models.looks("figure"))
    own = tmp_path / "mine.png"
    empty_photo(own)
    assert compare.suited(str(BODY), "auto", str(own))[1] == gr.skip() == compare.suited(str(FACE), "auto", str(PORTRAIT))[1]
    assert compare.suited(None, "auto", str(own)) == (gr.skip(), gr.skip()) == compare.suited(str(own), "auto", None)
    assert dict(compare.kinds()) == {"Automatic, by the photo": "auto", "face lines: 2 systems": "portrait",
                                     "body pose: 1 system": "figure"}  # fmt: skip


def test_the_endpoint(client):  # noqa: F811
    from gradio_client import handle_file

    sheet, told = client.predict(handle_file(BODY), handle_file(FIGURE), "figure", [[300, 400]], api_name="/compare")
    names = [each["model"] for each in told["systems"]]
    assert {"figure", "figure_v2", "figure_mcl", "figure_mcl_made_up"} <= {*names} and told["condition"] == "figure"
    matches = {each["model"]: len(each["matches"] or ()) for each in told["systems"]}
    assert matches == {name: name != "figure_spade" for name in names} and told["photo"] == BODY.name  # SPADE matches nothing
    assert Image.open(sheet).width > 270 * len(names)
    for points, words in (([[-1, 2]], "lies outside"), ([3], "two numbers")):
        with pytest.raises(Exception, match=words):
            client.predict(handle_file(BODY), handle_file(FIGURE), "figure", points, api_name="/compare")


def opened(browser, address, name: str, **look):  # noqa: F811
    """The app with a tab in front; what it asks of other machines is collected."""
    page, outside = browser.new_page(**look), []
    page.set_default_timeout(90_000)  # a busy machine
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith((address, "data:", "blob:")) else None)
    page.goto(address)
    to_tab(page, name)
    return page, outside


@pytest.mark.parametrize("width", [1280, 390])
def test_from_two_pictures_to_a_saved_sheet(browser, address, width):  # noqa: F811
    page, outside = opened(browser, address, "Compare", viewport={"width": width, "height": 844})
    page.click("#compare-run")
    page.wait_for_selector("#compare-board .wait.now")
    page.wait_for_selector("a.save[download='compare.png']")
    page.locator("#compare-clicks").scroll_into_view_if_needed()
    image = page.locator("#compared-shown img")
    image.wait_for()
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    page.wait_for_selector("#compare-answers [data-point='1']")
    assert page.locator("#compare-answers [data-point='1']").count() == page.locator("#compare-answers .card").count() >= 5
    with page.expect_download() as saving:
        page.click("a.save[download='compare.json']")
    told = json.loads(saving.value.path().read_text("utf-8"))
    (x, y), = told["points"]
    assert abs(x - 256) <= 3 and abs(y - 205) <= 3 and len(told["systems"]) >= 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width and outside == []
    page.close()


def test_stop_ends_it(browser, address):  # noqa: F811
    page, _ = opened(browser, address, "Compare", viewport={"width": 1280, "height": 844})
    halted, whole = "#compare-board :text('stopped before its turn')", "a.save[download='compare.png']"
    for _ in range(4):
        page.evaluate("""() => new MutationObserver((_, eyes) => {  // as soon as it can be pressed: the systems are quick
            const stop = document.querySelector("#compare-stop:not([disabled])");
            if (stop) { eyes.disconnect(); stop.click(); }
            }).observe(document.body, {subtree: true, childList: true, attributes: true})""")
        page.click("#compare-run")
        page.wait_for_selector("#compare-stop:not([disabled])", state="attached")
        page.wait_for_selector("#compare-run:not([disabled])")
        page.wait_for_timeout(3000)
        if page.locator(halted).count():
            break
        assert page.locator(whole).count()  # the browser was slower than all systems together: nothing is cut short
    else:
        pytest.skip("the systems were quicker than this browser four times")
    page.wait_for_timeout(2000)
    assert page.locator(halted).count()  # nothing comes after it
    page.close()
