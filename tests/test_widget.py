"""The clickable widget: what answers a click, what a saved notebook keeps, and clicks in a real browser."""

import base64
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor
from test_app import browser  # noqa: F401

import cocos_demo
from cocos_demo.clicks import LARGEST, Clicks, Shown
from cocos_demo.datasets.truth import Surface
from cocos_demo.pair import MatchError, OutOfFrame, Pair
from cocos_demo.photo import Frame
from cocos_demo.viz import marks
from cocos_demo.widget import CorrespondenceWidget

ORDER = torch.randperm(64, generator=torch.Generator().manual_seed(3))
BACK = torch.arange(63, -1, -1)
BODY = Surface(np.stack([*np.mgrid[:64, :64][::-1] / 64, np.zeros((64, 64))], -1).astype(np.float32), np.ones((64, 64), bool))
SURFACES = BODY, BODY  # every place's true match is the same place


def smooth(seed, width=64, height=64):
    """A soft picture of many colours."""
    few = np.random.default_rng(seed).integers(40, 216, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)


def made_up(surfaces=(None, None)) -> Pair:
    """Two pictures of 64 x 64 pixels and 8 x 8 cells; cell u of the photo is cell ORDER[u] of the exemplar."""
    fy = torch.randn(16, 8, 8, generator=torch.Generator().manual_seed(0))
    return Pair.between(smooth(1), smooth(2), fy.flatten(1)[:, ORDER].unflatten(1, (8, 8)), fy, surfaces)


def turned_over(surfaces=(None, None)) -> Pair:
    """The same two pictures, matched by another model: cell u of the photo is cell 63 - u of the exemplar."""
    fy = torch.randn(16, 8, 8, generator=torch.Generator().manual_seed(1))
    return Pair.between(smooth(1), smooth(2), fy.flip(1, 2), fy, surfaces)


def place(x: float, y: float, order=ORDER) -> tuple[float, float]:
    """Where a pixel of the photo is in the exemplar."""
    row, column = divmod(int(order[int(y) // 8 * 8 + int(x) // 8]), 8)
    return column * 8 + x % 8, row * 8 + y % 8


def points_of(state: dict, m: int = 0) -> list[dict]:
    """All points, as matcher m answers them."""
    return state["answers"][m]["points"]


def picture_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def still_of(widget) -> Image.Image:
    bundle = widget._repr_mimebundle_()
    return picture_of(base64.b64decode((bundle[0] if isinstance(bundle, tuple) else bundle)["image/png"]))


def test_the_package_is_imported_without_the_widget():
    code = "import sys, cocos_demo; assert not {'anywidget', 'ipywidgets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_presets_are_asked_from_the_start():
    clicks = Clicks([made_up()], [(12.5, 20.5), (3, 60)], alpha=30)
    state, (photo, exemplar, heat) = clicks.answer({"do": "start"})
    assert [p["at"] for p in points_of(state)] == [(12.5, 20.5), (3, 60)]
    for point in points_of(state):
        assert point["match"] == pytest.approx(place(*point["at"])) and point["score"] == pytest.approx(1)
        assert point["off"] == 0 and point["home"] == pytest.approx(point["at"]) and point["truth"] is None
    assert state["alpha"] == 30 and state["painted"] == [1]
    assert state["start"]["panels"][0] == {"box": (0, 0, 64, 64), "size": (384, 384), "outline": None}
    assert {picture_of(data).size for data in (photo, exemplar, heat)} == {(384, 384)}
    assert np.abs(np.asarray(picture_of(photo), int) - np.asarray(clicks.shown[0].view.picture)).mean() < 2


def test_a_click_finds_its_match_in_either_direction():
    clicks = Clicks([made_up()])
    state, pictures = clicks.answer({"do": "click", "panel": 0, "at": [36, 12]})
    (point,), last = points_of(state), state["answers"][0]["last"]
    assert point["source"] == "photo" and point["match"] == pytest.approx(place(36, 12)) and state["painted"] == [1]
    q = clicks.pairs[0].query(36, 12, 100)
    assert [(c["score"], c["weight"]) for c in last["best"]] == [(c.score, c.weight) for c in q.best]
    assert last["rest"] + sum(c["weight"] for c in last["best"]) == pytest.approx(1)
    blend = (q.weights.reshape(-1, 1) * clicks.pairs[0].exemplar.colours).sum(0)
    assert np.abs(np.subtract(ImageColor.getrgb(last["blend"]), blend)).max() <= 1
    hottest = picture_of(pictures[0]).getpixel(tuple(int(6 * i) for i in place(36, 12)))  # viridis ends in yellow
    assert min(hottest[:2]) - hottest[2] > 60
    state, _ = clicks.answer({"do": "click", "panel": 1, "at": list(point["match"])})
    assert points_of(state)[1]["match"] == pytest.approx((36, 12)) and state["painted"] == [0]


def test_undo_and_clear():
    clicks = Clicks([made_up()], [(12.5, 20.5), (3, 60)])
    assert [p["at"] for p in points_of(clicks.answer({"do": "undo"})[0])] == [(12.5, 20.5)]
    clicks.answer({"do": "click", "panel": 0, "at": [1, 1]})
    state, pictures = clicks.answer({"do": "clear"})
    assert state["answers"] == [{"points": [], "last": None}] and state["painted"] == [0, 1] and len(pictures) == 2
    assert clicks.answer({"do": "undo"})[0] == state


def test_alpha_and_heat():
    clicks = Clicks([made_up()], [(12.5, 20.5), (40, 40)])
    soft, cosines = clicks.answer({"do": "alpha", "alpha": 1})
    sharp, same = clicks.answer({"do": "alpha", "alpha": 200})
    most = [state["answers"][0]["last"]["best"][0]["weight"] for state in (soft, sharp)]
    assert cosines == same and most[0] < 0.1 and most[1] > 0.99
    assert [q.alpha for q in clicks.queries()] == [200, 200]
    state, weights = clicks.answer({"do": "heat", "heat": "weights"})
    assert state["heat"] == "weights" and weights != same
    assert weights != clicks.answer({"do": "alpha", "alpha": 1})[1]


def test_what_cannot_be_is_told_and_changes_nothing():
    clicks = Clicks([made_up()], [(5 * i, 5) for i in range(12)])
    for message, words in (({"do": "click", "panel": 0, "at": [5, 5]}, "12 points are the most"),
                           ({"do": "alpha", "alpha": 201}, "between 1 and 200")):  # fmt: skip
        told, pictures = clicks.answer(message)
        assert words in told["error"] and not pictures and len(clicks.queries()) == 12 and clicks.alpha == 100
    clicks.answer({"do": "clear"})
    assert "64 x 64" in clicks.answer({"do": "click", "panel": 0, "at": [64.5, 3]})[0]["error"]
    for wrong, words in (({"points": [(3, 3)] * 13}, "12 points"), ({"alpha": 0}, "between 1 and 200"),
                         ({"side": 5000}, "between 128 and 640"), ({"source": "sky", "points": [(1, 1)]}, "source")):  # fmt: skip
        with pytest.raises(MatchError, match=words):
            CorrespondenceWidget(made_up(), **wrong)
    with pytest.raises(OutOfFrame, match=r"\(70, 3\) lies outside the photo"):
        CorrespondenceWidget(made_up(), points=[(70, 3)])


def test_a_matcher_needs_its_images_and_gives_its_alpha(tmp_path):
    from made_up import FACE, PORTRAIT, checkpoint

    from cocos_demo import Matcher

    matcher = Matcher.load(checkpoint(tmp_path, "portrait"))
    with pytest.raises(MatchError, match="set_images"):
        CorrespondenceWidget(matcher)
    matcher.set_images(FACE, PORTRAIT).alpha = 42
    widget = CorrespondenceWidget(matcher, points=[(400, 300)])
    assert widget.queries[0].alpha == 42 and (widget.queries[0].x, widget.queries[0].y) == (
        pytest.approx(matcher.query(400, 300).x), pytest.approx(matcher.query(400, 300).y))  # fmt: skip


def test_the_part_shown_holds_the_square():
    pair = made_up()
    turned = Frame(100, 60, 40, 0.3)
    view = Shown.of(type(pair.photo)("photo", smooth(4, 160, 90), turned, turned.cut(smooth(4, 160, 90), 64), (8, 8)), 400)
    left, top, width, height = view.box
    reach = 20 * (np.cos(0.3) + np.sin(0.3))  # of the turned square, from its centre
    assert view.outline == turned.to_photo([[0, 0], [1, 0], [1, 1], [0, 1]]).tolist()
    assert (left, width) == (np.ceil(100 - reach), np.floor(100 + reach) - left) and top + height == np.floor(60 + reach)
    assert view.view.picture.size == (400, 400)
    assert view.on_screen((100, 60)) == pytest.approx((view.view.frame.cx, view.view.frame.cy))
    beyond = Frame(45, 45, 120)  # part of the square lies beyond the picture
    assert Shown.of(type(pair.photo)("photo", smooth(4, 90, 90), beyond, smooth(4), (8, 8)), 300).box == (0, 0, 90, 90)


def test_the_true_place_is_told_and_drawn_where_it_is_known():
    clicks = Clicks([made_up(SURFACES)], [(12.5, 20.5)])
    (point,) = points_of(clicks.state())
    assert point["truth"] == pytest.approx((12.5, 20.5), abs=1)
    assert point["error"] == pytest.approx(np.hypot(*np.subtract(place(12.5, 20.5), point["truth"])))
    star = clicks.picture(320).getpixel(tuple(int(5 * i) + left for i, left in zip(point["truth"], (332, 0))))
    assert star == ImageColor.getrgb(marks.COLOURS[0])


def test_a_saved_notebook_shows_the_presets():
    widget = CorrespondenceWidget(made_up(), points=[(12.5, 20.5), (50, 40)])
    still = still_of(widget)
    for number, at in enumerate([(12.5, 20.5), (50, 40)], 1):
        ours = ImageColor.getrgb(marks.COLOURS[number - 1])
        for left, (x, y) in ((0, at), (332, place(*at))):  # 320 pixels a side, 12 between
            assert np.abs(np.subtract(still.getpixel((left + int(5 * x), int(5 * y))), ours)).max() <= 12
    bundle = widget._repr_mimebundle_()[0]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert "2 points" in bundle["text/plain"] and len(bundle["image/png"]) < 200_000


def test_the_picture_stays_small_whatever_it_shows():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8))
    f = torch.randn(16, 8, 8, generator=torch.Generator().manual_seed(0))
    data = Clicks([Pair.between(noise, noise, f, f)], [(12.5, 20.5)], side=640).png()
    assert len(data) < LARGEST and picture_of(data).width >= 448


def test_two_widgets_do_not_touch_each_other():
    one, two = CorrespondenceWidget(made_up(), points=[(5, 5)]), CorrespondenceWidget(made_up())
    two.clicks.answer({"do": "click", "panel": 0, "at": [9, 9]})
    two.clicks.answer({"do": "alpha", "alpha": 7})
    assert [q.at for q in one.queries] == [(5, 5)] and one.clicks.alpha == 100 and one.model_id != two.model_id
    assert [q.at for q in two.queries] == [(9, 9)]


def test_several_matchers_answer_every_click():
    clicks = Clicks([made_up(), turned_over()], [(12.5, 20.5)], side=192)
    state, pictures = clicks.answer({"do": "start"})
    assert state["start"]["names"] == ["A", "B"] == state["start"]["letters"] and len(state["start"]["panels"]) == 3
    assert state["painted"] == [1, 2] and len(pictures) == 3 + 2
    for m, order in enumerate((ORDER, BACK)):
        (point,) = points_of(state, m)
        assert point["match"] == pytest.approx(place(12.5, 20.5, order)) and point["source"] == "photo"
        hottest = picture_of(pictures[3 + m]).getpixel(tuple(int(3 * i) for i in point["match"]))
        assert min(hottest[:2]) - hottest[2] > 60
    # On either exemplar: both search the photo, which holds the heat of the one that was clicked.
    for panel in (1, 2):
        state, (heat,) = clicks.answer({"do": "click", "panel": panel, "at": [52, 12]})
        assert state["painted"] == [0] and state["by"] == panel - 1
        found = [points_of(state, m)[-1]["match"] for m in (0, 1)]
        assert found[1] == pytest.approx(place(52, 12, BACK)) and place(*found[0]) == pytest.approx((52, 12))
        hottest = picture_of(heat).getpixel(tuple(int(3 * i) for i in found[panel - 1]))
        assert min(hottest[:2]) - hottest[2] > 60
    clicks.answer({"do": "alpha", "alpha": 9})
    assert [[q.alpha for q in clicks.queries(m)] for m in (0, 1)] == [[9] * 3] * 2 and clicks.asked[-1].by == 1
    state, pictures = clicks.answer({"do": "clear"})
    assert state["painted"] == [0, 1, 2] and pictures[1] != pictures[2]


def test_several_matchers_stand_side_by_side_in_a_saved_notebook():
    points = [(12.5, 20.5), (41.5, 42.5)]
    widget = CorrespondenceWidget([made_up(SURFACES), turned_over(SURFACES)], points, names=["CoCosNet", "MCL-Net"])
    still = still_of(widget)
    assert still.width == 3 * 320 + 2 * 12
    for at, number in zip(points, (1, 2)):
        ours = ImageColor.getrgb(marks.COLOURS[number - 1])
        places = (at, place(*at), place(*at, BACK))
        for left, (x, y) in zip((0, 332, 664), places):
            assert np.abs(np.subtract(still.getpixel((left + int(5 * x), int(5 * y))), ours)).max() <= 12
    assert widget.queries == widget.answers[0] and len(widget.answers) == 2
    errors = [q.error for q in widget.answers[1]]
    assert errors[1] == pytest.approx(np.hypot(*np.subtract(place(*points[1], BACK), points[1])), abs=1)
    assert widget.clicks.words(2) == ["B: MCL-Net", f"point 2: cosine 1.000, {errors[1]:.0f} px off",
                                      f"mean of 2 points: {np.mean(errors):.0f} px off"]
    assert widget.clicks.words(0) == ["photo", "A, point 2 finds home", "B, point 2 finds home"]


def test_matchers_side_by_side_must_go_together():
    f = torch.eye(64).reshape(64, 8, 8)
    other = Pair.between(smooth(1), smooth(5), f, f)
    for pairs, options, words in (([], {}, "1 to 4 matchers"), ([made_up()] * 5, {}, "1 to 4 matchers"),
                                  ([made_up(), other], {}, "same exemplar"),
                                  ([made_up()] * 2, {"names": ["A"]}, "1 names and 2 matchers")):
        with pytest.raises(MatchError, match=words):
            CorrespondenceWidget(pairs, **options)
    moved = replace(made_up(), photo=replace(made_up().photo, frame=Frame(30, 32, 60)))
    with pytest.raises(MatchError, match="different squares of the photo"):
        CorrespondenceWidget([made_up(), moved])


KERNEL = """
import torch
from PIL import Image
from cocos_demo.pair import Pair
from cocos_demo.widget import CorrespondenceWidget
f = torch.eye(64).reshape(64, 8, 8)
widget = CorrespondenceWidget(Pair.between(Image.new("RGB", (64, 64), "gray"), Image.new("RGB", (64, 64)), f, f), [(12, 20)])
widget
"""


def test_a_kernel_answers_where_somebody_can_click_and_leaves_a_picture_where_nobody_can():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(Path(cocos_demo.__file__).parents[1]))
    said = []

    def hear(message):
        said.append(message)

    def run(code, anybody):
        said.clear()
        reply = client.execute_interactive(code, allow_stdin=anybody, timeout=240, output_hook=hear)
        assert reply["content"]["status"] == "ok", reply["content"]
        (shown,) = (m["content"]["data"] for m in said if m["msg_type"] == "execute_result")
        assert picture_of(base64.b64decode(shown["image/png"])).size == (652, 360)
        return shown, [m["content"] for m in said if m["msg_type"] == "comm_open"]

    try:
        shown, opened = run(KERNEL, False)
        assert set(shown) == {"image/png", "text/plain"} and not opened  # so no state is saved with the notebook either
        shown, opened = run(KERNEL, True)
        comm = shown["application/vnd.jupyter.widget-view+json"]["model_id"]
        (state,) = (content["data"]["state"] for content in opened if content["comm_id"] == comm)
        assert "render" in state["_esm"] and len(str(state)) < 25_000
        click = {"method": "custom", "content": {"do": "click", "panel": 1, "at": [30.5, 40.5]}}
        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": click}))
        while (message := client.get_iopub_msg(timeout=60))["msg_type"] != "comm_msg":
            pass
        assert points_of(message["content"]["data"]["content"])[1]["match"] == [30.5, 40.5]
        assert picture_of(message["buffers"][0]).size == (384, 384)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


PAGE = """
async ([source, count]) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const modelOf = (i) => {
    const listeners = [];
    const send = async (message) => {
      const [state, buffers] = await window.ask(i, message);
      listeners.forEach((f) => f(state, buffers.map(bytes)));
    };
    return { get() {}, set() {}, save_changes() {}, on: (name, f) => listeners.push(f), off() {}, send };
  };
  const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  for (let i = 0; i < count; i++) {
    const el = document.body.appendChild(document.createElement("div"));
    el.id = `w${i}`;
    widget.render({ model: modelOf(i), el });
  }
}
"""
LOADED = "(n) => { const all = [...document.images]; return all.length === n && all.every((i) => i.naturalWidth) }"


@pytest.fixture
def opened(browser):  # noqa: F811
    """A function: widgets -> a page with their browser's side, driven by their Python's."""
    pages = []

    def opened(*widgets, width=1000, panels=2):
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)

        def ask(i, message):
            state, buffers = widgets[i].clicks.answer(message)
            return state, [base64.b64encode(data).decode() for data in buffers]

        page.expose_function("ask", ask)
        page.set_content(f"<style>{CorrespondenceWidget._css}</style>")
        page.evaluate(PAGE, [str(CorrespondenceWidget._esm), len(widgets)])
        page.wait_for_function(LOADED, arg=panels * len(widgets))
        return page

    yield opened
    for page in pages:
        page.close()


def press(page, widget: str, side: str, share: tuple[float, float], panel: int | None = None) -> None:
    """Click at these shares of a picture's width and height."""
    where = f"[data-side={side}]" if panel is None else f"[data-panel='{panel}']"
    image = page.locator(f"{widget} {where} img")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    page.mouse.click(box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"])


@pytest.mark.parametrize(("width", "zoom"), [(1000, 1), (1000, 1.5), (360, 1)])
def test_a_click_lands_on_the_pixel_under_the_pointer(opened, width, zoom):
    widget = CorrespondenceWidget(made_up())
    page = opened(widget, width=width)
    page.evaluate(f"document.body.style.zoom = {zoom}")
    for number, (side, x, y) in enumerate([("photo", 37, 9), ("exemplar", 3, 62), ("photo", 63, 0)], 1):
        press(page, "#w0", side, ((x + 0.5) / 64, (y + 0.5) / 64))
        mark = page.wait_for_selector(f"[data-side={side}] [data-number='{number}']")
        assert mark.get_attribute("data-at") == f"{x + 0.5} {y + 0.5}" and widget.queries[-1].at == (x + 0.5, y + 0.5)
        ring, box = (page.locator(f"[data-side={side}] {what}").last.bounding_box() for what in ("g circle:nth-child(4)", "img"))
        centre = [64 * (ring[at] + ring[length] / 2 - box[at]) / box[length] for at, length in (("x", "width"), ("y", "height"))]
        assert centre == pytest.approx((x + 0.5, y + 0.5), abs=0.4)
    assert page.evaluate("document.documentElement.scrollWidth") <= width * max(1, zoom)


def test_two_widgets_with_their_buttons_sliders_and_keys(opened):
    one, two = CorrespondenceWidget(made_up(), points=[(5, 5)]), CorrespondenceWidget(made_up())
    page = opened(one, two)
    press(page, "#w1", "photo", (0.3, 0.3))
    page.wait_for_selector("#w1 [data-number='1']")
    assert len(one.queries) == len(two.queries) == 1 and page.locator("#w0 tbody tr").count() == 1 + 7
    page.locator("#w1 [data-side=exemplar] .plate").focus()
    for key in ("ArrowRight", "Shift+ArrowUp", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("#w1 [data-number='2']")
    assert two.queries[1].at == (int(0.51 * 64) + 0.5, int(0.45 * 64) + 0.5) and two.queries[1].source.name == "exemplar"
    page.locator("#w1").get_by_label("alpha").fill("7")
    page.locator("#w1").get_by_label("softmax weights").check()
    page.wait_for_selector("#w1 figcaption:has-text('softmax weights of point 2')")
    assert two.clicks.alpha == 7 and one.clicks.alpha == 100
    assert f"{two.queries[1].best[0].weight:.3f}" in page.locator("#w1 .tables").inner_text()
    page.locator("#w1").get_by_text("Undo").click()
    page.wait_for_selector("#w1 [data-number='2']", state="detached")
    page.locator("#w1").get_by_text("Clear").click()
    page.wait_for_selector("#w1 p:has-text('equal colours match')")
    assert not two.queries and len(one.queries) == 1


def test_two_matchers_beside_each_other_in_the_page(opened):
    widget = CorrespondenceWidget([made_up(SURFACES), turned_over(SURFACES)], names=["one", "two"])
    page = opened(widget, panels=3)
    boxes = [page.locator(f"[data-panel='{panel}'] img").bounding_box() for panel in range(3)]
    assert boxes[0]["y"] == boxes[1]["y"] == boxes[2]["y"] and boxes[0]["width"] == boxes[2]["width"] == 288
    for panel, share, photo_marks in ((0, 0.3, ["1"]), (2, 0.7, ["1", "2A", "2B"])):
        press(page, "#w0", "exemplar" if panel else "photo", (share, share), panel)
        page.wait_for_selector(f"[data-panel='2'] [data-number='{1 + bool(panel)}']")
        assert [page.locator(f"[data-panel='{p}'] [data-number]").count() for p in (1, 2)] == [1 + bool(panel)] * 2
        drawn = page.locator("[data-panel='0'] [data-number]").all_text_contents()
        assert drawn == photo_marks
    assert page.locator("figcaption").all_text_contents() == ["photo: cosines with point 2, by B", "A: one", "B: two"]
    told = page.locator(".tables").inner_text()
    assert all(f"{answers[-1].error:.1f} px" in told for answers in widget.answers) and "A: one" in told
    assert page.locator(".tables tbody").first.locator("tr").count() == 2 * 2
    assert "point 2 by A finds home, by B finds home" in page.locator("p").inner_text()


def test_what_cannot_be_is_said_in_the_page(opened):
    widget = CorrespondenceWidget(made_up(), points=[(5 * i, 5) for i in range(12)])
    page = opened(widget)
    press(page, "#w0", "photo", (0.5, 0.5))
    page.wait_for_selector("p.error:has-text('12 points are the most')")
    assert page.locator(".pending").count() == 0 and page.locator("[data-side=photo] [data-number]").count() == 12
