"""The Blind tab: rounds, rankings, tallies, visitors apart from each other, the endpoint, and a keyboard in a real browser."""

import gradio as gr
import numpy as np
import pytest
from made_up import BODY, FACE, FIGURE, PORTRAIT, checkpoint, checkpoint_mcl, checkpoint_segin, empty_photo
from PIL import Image
from test_app import address, browser, client  # noqa: F401
from test_compare_tab import files, opened, quiet

from cocos_demo import Translator, checkpoints, study
from cocos_demo.study import MOST
from cocos_demo.ui import blind, models


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Three small systems for portraits and one for figures, in place of those that ship."""
    home, patch = tmp_path_factory.mktemp("home"), pytest.MonkeyPatch()
    patch.setenv("COCOS_DEMO_HOME", str(home))
    patch.setattr(checkpoints, "FOLDER", home / "shipped")
    for make in (checkpoint, checkpoint_mcl, checkpoint_segin):
        make(home / "checkpoints", "portrait")
    checkpoint_mcl(home / "checkpoints", "figure")
    yield home
    patch.undo()


def last(rounds):
    """What is shown in the end."""
    *_, shown = rounds
    return shown


def ranks(*quality, closeness=None) -> list:
    """The values of all rows of places."""
    rest = [None] * (MOST - len(quality))
    return [*quality, *rest, *(closeness or quality), *rest]


@pytest.fixture(scope="module")
def first(home):
    return last(blind.own_round(blind.Study(5), "portrait", str(FACE), str(PORTRAIT), quiet))


def test_pictures_without_names_in_the_order_of_the_seed(first):
    now, told, stage, judging, photo, exemplar, *rest = first
    assert now.order == study.drawn(5, 1, checkpoints.catalogue() - {"figure_mcl_made_up": 0}.keys())
    assert [column.visible for column in rest[:MOST]] == [True] * 3 + [False] * (MOST - 3)
    for name, picture in zip(now.order, rest[MOST : 2 * MOST]):
        ours = Translator.load(name)(FACE, PORTRAIT).image
        assert picture.size == (512, 512) and np.array_equal(picture, ours.resize((512, 512), Image.Resampling.LANCZOS))
    assert rest[MOST + 3 : 2 * MOST] == [None] * (MOST - 3) and stage.visible and judging.visible
    assert [len(row.choices) for row in rest[2 * MOST : 3 * MOST]] == [3] * 3 + [0] * (MOST - 3)
    words = " ".join(str(each) for each in (told, rest[-1]))
    assert not any(name in words for name in now.order) and (now.photo, now.exemplar) == (FACE.name, PORTRAIT.name)


def test_a_ranking_must_be_whole(first):
    now = first[0]
    assert "A, B, C have no place yet" in blind.what_is_missing(now, *ranks(None, None, None))
    assert blind.what_is_missing(now, *ranks(1, 2, 3)) == '<p class="facts">Both rankings are whole.</p>'
    for wrong, words in ((ranks(1, 1, 2), "Quality: place 1 is given to A and B"),
                         (ranks(1, 2, 3, closeness=[1, None, 2]), "Like the exemplar: B has no place")):  # fmt: skip
        assert words in blind.what_is_missing(now, *wrong)
        with pytest.raises(gr.Error, match=words):
            blind.judge(now, *wrong)
    for nothing in (None, blind.new(), now._replace(order=())):
        with pytest.raises(gr.Error, match="nothing to judge"):
            blind.judge(nothing, *ranks(1, 2, 3))


def test_what_is_judged_is_counted_and_can_be_saved(first):
    now, html, drawing, reset = blind.judge(first[0], *ranks(2, 1, 3, closeness=[3, 2, 1]))
    assert now.order == () and drawing.visible and reset.visible  # not twice
    a, b, c = first[0].order
    (row,) = study.checked([("it", files(html)["blind.csv"].decode())])
    assert (row.order, row.quality, row.closeness, row.seed, row.number) == ((a, b, c), (2, 1, 3), (3, 2, 1), 5, 1)
    assert study.tally([row])["quality"] == {b: [1, 0, 0], a: [0, 1, 0], c: [0, 0, 1]}
    assert html.index(f"<td>{b}</td>") < html.index(f"<td>{a}</td>")  # best first


def test_visitors_have_seeds_and_rows_of_their_own(first):
    one, *_ = blind.judge(first[0], *ranks(1, 2, 3))
    assert first[0].judged == () and len(one.judged) == 1
    assert len({blind.new().seed for _ in range(20)}) == 20
    again, *_, empty, drawing, reset = blind.begin_anew(one, True)
    assert again.judged == () and again.seed != one.seed and empty == "" and not drawing.visible and not reset.visible
    assert blind.begin_anew(one, False) == [gr.skip()] * 7


def test_samples_are_shown_pair_after_pair(home):
    now, pairs = blind.Study(5), []
    photos, looks = blind.photos_of("portrait"), models.looks("portrait")
    assert any("portrait" in photo for photo in photos) and not any("posture" in photo for photo in photos)
    for number in (1, 2):
        now = last(blind.next_round(now, "portrait", quiet))[0]
        pairs.append((now.photo, now.exemplar))
        expected = study.pairing(5, number, photos, looks)
        assert pairs[-1] == tuple(path.rsplit("/", 1)[1] for path in expected) and now.number == number
    assert pairs[0] != pairs[1]


def test_what_cannot_be_shown_is_told(home, tmp_path):
    nobody = str(empty_photo(tmp_path / "grey.png"))
    shown = last(blind.own_round(None, "portrait", nobody, str(PORTRAIT), quiet))
    assert shown[0] == gr.skip() and shown[1].count("One system is left out: No face") == 3 and not shown[2].visible
    with pytest.raises(gr.Error, match="Choose both"):
        last(blind.own_round(None, "portrait", nobody, None, quiet))
    with pytest.raises(gr.Error, match="No samples ship"):
        last(blind.next_round(None, "edges", quiet))
    assert "One system is left out" not in last(blind.own_round(None, "portrait", str(FACE), str(PORTRAIT), quiet))[1]
    assert blind.kinds() == [("face lines: 3 systems", "portrait")]  # of one there is nothing to rank
    assert len(last(blind.own_round(None, "figure", str(BODY), str(FIGURE), quiet))) == len(shown)


def test_the_endpoint_counts_again(client, first):  # noqa: F811
    now, *_ = blind.judge(first[0], *ranks(2, 1, 3))
    bars, told = client.predict(study.written(now.judged), api_name="/tally")
    assert told == {"rounds": 1, "places": study.tally(now.judged)} and Image.open(bars).width > 300
    with pytest.raises(Exception, match="no record of a blind comparison"):
        client.predict("junk", api_name="/tally")


def test_two_visitors_rank_by_keyboard(browser, address):  # noqa: F811
    """Digits alone; and each finds in the file what was typed there."""
    look = {"viewport": {"width": 1280, "height": 844}}
    typed, found = ((1, 2, 3), (3, 1, 2)), []
    pages = [opened(browser, address, "Blind", **look) for _ in typed]
    for (page, _), places in zip(pages, typed):
        page.locator("#blind-kind input").click()
        page.get_by_role("option", name="body part map").click()  # the quickest
        page.click("#blind-next")
        page.wait_for_selector("#blind-A img")
        page.wait_for_function("document.activeElement.closest('.places.quality')")
        n = page.locator(".places.quality:visible").count()
        places = [place for place in places if place <= n] + list(range(len(places) + 1, n + 1))
        for place in places * 2:
            page.keyboard.press(str(place))
        page.wait_for_selector("text=Both rankings are whole")
        page.keyboard.press("Enter")
        page.wait_for_selector("#blind-tally a.save")
        found.append(places)
    for (page, outside), places in zip(pages, found):
        with page.expect_download() as saving:
            page.click("#blind-tally a.save")
        (row,) = study.checked([("it", saving.value.path().read_text("utf-8"))])
        assert list(row.quality) == list(row.closeness) == places and outside == []
        page.wait_for_selector("text=Pair 2")
        assert page.locator(".places input:checked").count() == 0
        page.close()
