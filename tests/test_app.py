"""The app as a person and as a program meet it: a server of its own, the API, a real browser, and no network."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from made_up import (
    BODY,
    FACE,
    FIGURE,
    PORTRAIT,
    SAMPLES,
    checkpoint,
    checkpoint_mcl,
    checkpoint_segin,
    checkpoint_v2,
    empty_photo,
)
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def serving(home: Path):
    """Run `python app.py` with the checkpoints in `home` -> its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = home / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, "GRADIO_SERVER_PORT": str(port), "COCOS_DEMO_HOME": str(home)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text()
            if f"http://127.0.0.1:{port}" in log.read_text():
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a running `python app.py`."""
    home = tmp_path_factory.mktemp("app")
    checkpoint(home / "checkpoints", "parts").rename(home / "checkpoints" / "mine.safetensors")  # a person's own, untrained
    checkpoint_v2(home / "checkpoints", "figure")
    checkpoint_mcl(home / "checkpoints", "figure")
    checkpoint_segin(home / "checkpoints", "portrait")
    checkpoint_segin(home / "checkpoints", "grey")
    with serving(home) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    from gradio_client import Client

    return Client(address, verbose=False)


def ask(client, photo, exemplar, *more):
    from gradio_client import handle_file

    return client.predict(handle_file(photo), handle_file(exemplar), *more, api_name="/translate")


@pytest.mark.parametrize(("photo", "exemplar"), [(FACE, PORTRAIT), (BODY, FIGURE)])
def test_the_api_gives_the_picture_first(client, photo, exemplar):
    picture, warped, condition, facts, mask = ask(client, photo, exemplar)
    sizes = {Image.open(path).size for path in (picture, warped, condition)}
    assert Image.open(picture).format == "PNG" and len(sizes) == 1 and min(sizes.pop()) >= 128
    assert facts["seconds"] > 0 and facts["device"] and mask is None


def test_the_api_gives_what_segin_alone_has(client):
    picture, warped, _, _, mask = ask(client, FACE, PORTRAIT, "portrait_segin_made_up")
    assert Image.open(picture).size == Image.open(warped).size == Image.open(mask).size
    again, warped_again, *_ = ask(client, FACE, PORTRAIT, "portrait_segin_made_up", "sift")
    assert Image.open(warped_again).tobytes() != Image.open(warped).tobytes()
    with pytest.raises(Exception, match="no matcher 'magic'; there are dia, pixelnn, sift, vgg, and the checkpoints .*portrait"):
        ask(client, FACE, PORTRAIT, "portrait_segin_made_up", "magic")
    with pytest.raises(Exception, match="for SEGIN alone"):
        ask(client, FACE, PORTRAIT, "portrait", "sift")
    picture, *_, mask = ask(client, FACE, PORTRAIT, "grey_segin_made_up")
    assert min(Image.open(picture).size) > 4 * min(Image.open(mask).size)  # at the photo's own resolution


def test_the_api_gives_what_the_translator_gives(client):
    from cocos_demo import Translator

    picture = Image.open(ask(client, FACE, PORTRAIT, "portrait")[0])
    ours = Translator.load("portrait")(FACE, PORTRAIT).image
    assert np.abs(np.asarray(picture, int) - np.asarray(ours, int)).max() <= 2


def test_only_the_documented_endpoints_are_public(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(endpoints) == ["/compare", "/edit", "/exemplars", "/makeup", "/match", "/patchmatch", "/tally", "/translate"]
    names = {name: [(p["parameter_name"], p["parameter_has_default"]) for p in told["parameters"]]
             for name, told in endpoints.items()}
    assert names["/translate"] == [
        ("photo", False), ("exemplar", False), ("model", True), ("matcher", True), ("exemplar_map", True)]  # fmt: skip
    needed = [(name, False) for name in ("photo", "exemplar", "x", "y")]
    assert names["/match"] == [*needed, ("model", True), ("alpha", True), ("source", True), ("other", True)]
    assert names["/patchmatch"] == names["/translate"][:3]
    assert names["/compare"] == [*names["/translate"][:2], ("kind", True), ("points", True)]
    assert names["/exemplars"] == [("photo", False), ("model", True), ("top", True)]


def test_the_api_finds_exemplars(client):
    from gradio_client import handle_file

    picture, pictures, facts = client.predict(handle_file(FACE), "auto", 3, api_name="/exemplars")
    assert len(pictures) == len(facts) == 3 and Image.open(picture).size == Image.open(pictures[0]["image"]).size
    assert all((PORTRAIT.parent / fact["name"]).is_file() for fact in facts)
    similarities = [fact["similarity"] for fact in facts]
    assert similarities == sorted(similarities, reverse=True) and 0.3 < similarities[-1] < similarities[0] < 1


def test_the_api_takes_any_checkpoint_by_name_and_nothing_by_path(client, address):
    from cocos_demo import checkpoints

    assert ask(client, BODY, FIGURE, "figure")[3]["model"] == "figure"
    for other in ("nonsense", str(checkpoints.shipped()["figure"])):
        with pytest.raises(Exception, match="there are auto, .*figure, "):
            ask(client, BODY, FIGURE, other)


def test_mistakes_are_told_in_words(client, tmp_path):
    (tmp_path / "junk.jpg").write_text("no picture")
    with pytest.raises(Exception, match="Neither a face nor a person"):
        ask(client, empty_photo(tmp_path / "grey.png"), PORTRAIT)
    with pytest.raises(Exception, match="not a picture"):
        ask(client, tmp_path / "junk.jpg", PORTRAIT)


def test_files_of_this_machine_are_not_read_for_a_stranger(client, address):
    private = {"path": str(ROOT / "pyproject.toml"), "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(Exception, match="(?i)not|upload|allowed"):
        client.predict(private, private, api_name="/translate")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{address}/gradio_api/file={ROOT / 'pyproject.toml'}")


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no chromium here")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, address):
    """The open app, its first photo read; the test fails when the browser asked another machine for anything."""
    page, outside = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.set_default_timeout(90_000)  # a busy machine
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith((address, "data:", "blob:")) else None)
    page.goto(address)
    page.wait_for_selector("#translate:not([disabled])", timeout=60_000)
    yield page
    assert outside == []
    page.close()


def translated(page) -> str:
    """Press Translate, wait for another picture -> its address."""
    shown = page.locator("#picture img")
    before = shown.get_attribute("src") if shown.count() else None
    page.click("#translate")
    page.wait_for_function(
        "(before) => { const i = document.querySelector('#picture img');"
        " return i && i.getAttribute('src') !== before && i.complete && i.naturalWidth >= 512 }",
        arg=before,
        timeout=60_000,
    )
    return shown.get_attribute("src")


def drag(page, tool: str, start, end) -> None:
    """Draw with a tool of the canvas; start and end in shares of its width, from its middle."""
    page.wait_for_timeout(1500)  # the canvas fits itself to its place first
    page.click(f'#editor button[aria-label="{tool}"]')
    box = page.locator("#editor canvas").first.bounding_box()
    x, y, w = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]
    page.mouse.move(x + start[0] * w, y + start[1] * w)
    page.mouse.down()
    page.mouse.move(x + end[0] * w, y + end[1] * w, steps=20)
    page.mouse.up()
    page.wait_for_timeout(800)


def test_one_click_makes_a_picture(page):
    translated(page)
    assert "Painted at" in page.inner_text("body")
    page.click("#closer")
    page.wait_for_selector("#points:has-text('Equal colours match')")
    assert page.evaluate("scrollY") == 0  # from far down, the pictures would not be seen


def test_the_upload_icon_asks_for_a_file_also_over_a_sample(page):
    page.wait_for_selector("#exemplar img")
    with page.expect_file_chooser() as chooser:
        page.click("#exemplar [data-testid=source-select] button >> nth=0")
    chooser.value.set_files(FACE)
    page.wait_for_selector(f"#exemplar img[src*='{FACE.name}']")


@pytest.mark.parametrize("tool", ["Brush", "Erase"])
def test_a_changed_drawing_makes_another_picture(page, address, tool):
    from playwright.sync_api import TimeoutError

    plain = translated(page)  # equal pictures have equal addresses
    drag(page, tool, (-0.2, -0.05), (0.2, 0.05))
    assert translated(page) != plain
    page.click("text=Undo all changes")
    as_before = "src => document.querySelector('#picture img').getAttribute('src') === src"
    for _ in range(12):  # the canvas is drawn anew in its own time, longer on a busy machine
        page.click("#translate")
        try:
            page.wait_for_function(as_before, arg=plain, timeout=5000)
            return
        except TimeoutError:
            continue
    pytest.fail("the picture is not what it was before the drawing")


def test_a_photo_of_nobody_is_a_toast_and_cannot_be_translated(page, tmp_path):
    page.click('button[aria-label="Remove Image"] >> nth=0')
    page.locator("input[type=file]").first.set_input_files(empty_photo(tmp_path / "grey.png"))
    page.wait_for_selector(".note:has-text('Neither a face nor a person was found')")  # beside the toast, which goes
    assert page.get_attribute("#translate", "disabled") is not None


def test_a_photo_chosen_while_another_is_read_is_read_as_well(page, tmp_path):
    page.click('button[aria-label="Remove Image"] >> nth=0')
    page.locator("input[type=file]").first.set_input_files(empty_photo(tmp_path / "grey.png"))
    page.wait_for_selector('button[aria-label="Remove Image"] >> nth=1')  # uploaded; nobody is searched for long
    page.locator(".thumbs").first.locator("button.thumbnail-lg").first.click()
    page.wait_for_selector("text=Neither a face nor a person was found")  # of the first; the second is a figure
    page.wait_for_selector("text=What the colours mean")
    page.wait_for_selector("#translate:not([disabled])")
    translated(page)


def test_a_folder_of_ones_own_is_searched(tmp_path):
    from cocos_demo.ui import models, translate

    name, own = "portrait", tmp_path / "mine"
    own.mkdir()
    Image.open(FACE).resize((700, 700)).rotate(4, expand=True, fillcolor="grey").save(own / "nearly the same.png")
    empty_photo(own / "nobody.png")
    read = translate.Read(str(FACE), "auto", name, models.translator(name).condition_of(FACE))
    gallery, exemplar, said = translate.find_exemplar(read, str(FACE), "auto", f' "{own}" ', progress=None)
    assert "nearly the same" in gallery[0][0] and exemplar == gallery[0][0] and not Path(exemplar).is_relative_to(own)
    assert float(gallery[0][1]) > float(gallery[1][1]) and len(gallery) == 4 + 14 - 3
    assert "14 samples and 1 pictures" in said and "1 left out: No face" in said
    assert len(list((SAMPLES / "portraits").glob(".*"))) == 0 and (own / ".exemplars-portrait.npz").is_file()


def test_what_is_found_in_a_folder_of_ones_own_is_shown(page, tmp_path):
    # Not the photo as it is: that is never offered as its own exemplar.
    Image.open(FACE).resize((700, 700)).rotate(4, expand=True, fillcolor="grey").save(tmp_path / "mine.png")
    page.click("text=Search my own folder")
    page.fill("[placeholder='/home/me/pictures']", str(tmp_path))
    page.click("#find")
    page.wait_for_selector("text=Searched 14 samples and 1 pictures")
    page.wait_for_selector(".thumbs img[src*='mine']")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    import gradio as gr

    from cocos_demo.ui import models, translate

    read = translate.Read(str(FACE), "auto", "portrait", models.translator("portrait").condition_of(FACE))
    with pytest.raises(gr.Error, match="there is no folder"):
        translate.find_exemplar(read, str(FACE), "auto", str(tmp_path / "none"), progress=None)


def test_imported_checkpoints_stand_beside_the_shipped_ones(tmp_path, monkeypatch):
    from cocos_demo.ui import models

    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    path = checkpoint(tmp_path / "checkpoints", "celebahqedge")
    (tmp_path / "checkpoints" / "torn.safetensors").write_bytes(b"junk")
    words = {name: words for words, name in models.choices()}
    assert words["celebahqedge"] == "celebahqedge (face edges, 64 px, imported)" and words["torn"] == "torn: cannot be read"
    assert "imported" not in words["portrait"] and list(words)[0] == "auto"
    first = models.translator("celebahqedge")
    assert models.translator("celebahqedge") is first
    os.utime(path, ns=(1, 1))
    assert models.translator("celebahqedge") is not first


@pytest.fixture
def segin_home(tmp_path, monkeypatch):
    """SEGIN's checkpoints for lines and grey photos, and one of CoCosNet of their size."""
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    for kind in ("portrait", "grey"):
        checkpoint_segin(tmp_path / "checkpoints", kind)
    checkpoint(tmp_path / "checkpoints", "portrait").rename(tmp_path / "checkpoints" / "mine.safetensors")
    return tmp_path


def test_new_looks_and_colours_have_models_of_their_own(segin_home):
    from cocos_demo.ui import models, task

    new, colours = ({name: words for words, name in task.offered(what)} for what in (task.NEW, task.COLOURISE))
    assert colours["grey_segin_made_up"] == "grey_segin_made_up (grey photo, 64 px, SEGIN, imported)"
    assert "auto" in new and "portrait_segin_made_up" in new and not {*new} & {*colours}
    model, _, first, _, last, button, begin, empty = task.taken_up(task.COLOURISE, str(FACE))
    assert model.value in colours and "grey or in colour" in first and "colours to take" in last and button.value == "Colourise"
    assert "value" not in begin and not empty.visible
    photos = task.photos_for("grey_segin_made_up")
    assert len(photos) == 6 and all(Image.open(path).mode == "L" for path in photos)
    net = models.translator("grey_segin_made_up")
    assert all(net.condition_of(path) for path in photos)


def test_matchers_that_read_the_same_are_offered_to_segin(segin_home):
    from cocos_demo.ui import patches

    names = [name for _, name in patches.matchers("portrait_segin_made_up")]
    assert names == ["own", "sift", "pixelnn", "dia", "mine"]  # the shipped ones are of another size
    assert [name for _, name in patches.matchers("grey_segin_made_up")] == names[:-1]
    net = patches.translator("portrait_segin_made_up", "mine")
    assert net.net.N is patches.translator("portrait_segin_made_up").net.N and net(FACE, PORTRAIT).warped is not None


def test_a_grey_portrait_can_be_coloured_and_says_so(segin_home):
    from cocos_demo.ui import models, task, translate

    grey, model = task.grey(str(FACE)), "grey_segin_made_up"
    assert f"choose “{task.COLOURISE}” above" in translate.seen(grey, "auto", None)[2]
    assert "grey" not in translate.seen(str(FACE), "auto", None)[2]
    read, canvas, words, *_ = translate.seen(grey, model, None)
    assert canvas.brush is False and "lightness alone" in words and "not looked at" not in words
    assert "Its colours are not looked at" in translate.seen(str(FACE), model, None)[2]
    assert models.finder(model).look(read.condition) is read.condition.photo  # grey, but a photo, to find exemplars with
    drawn_on = {"layers": [Image.new("RGBA", (512, 512), "white")]}  # by a browser that shows brushes all the same
    picture, (before, after), warped, mask, painted, said = translate.paint(
        read, grey, model, drawn_on, str(PORTRAIT), progress=lambda *_, **__: None)  # fmt: skip
    assert picture.size == before.size == after.size == (800, 800) and before.tobytes() != after.tobytes()
    assert warped.size == mask.size == painted.size == (512, 512) and "own 800 × 800 pixels" in said


def test_places_are_made_for_the_pictures_that_will_come(segin_home):
    from cocos_demo.ui import results

    def there(name):
        parts = results.Shown(*results.expected(name))
        return [parts.warped.visible, parts.mask.visible, parts.painted.visible, parts.second.visible]

    assert there("portrait") == [True, False, False, False] and there("spade_parts") == [False] * 4
    assert there("portrait_segin_made_up") == [True, True, False, True] and there("grey_segin_made_up") == [True] * 4


def test_automatic_takes_the_imported_checkpoint_where_none_ships(tmp_path, monkeypatch):
    from cocos_demo import checkpoints
    from cocos_demo.ui import models

    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "shipped")
    with pytest.raises(checkpoints.CheckpointError, match="system cocosnet for the condition 'portrait'"):
        models.resolve("auto", str(FACE))
    checkpoint(tmp_path / "home" / "checkpoints", "portrait").rename(tmp_path / "home" / "checkpoints" / "mine.safetensors")
    assert models.resolve("auto", str(FACE)) == "mine"


def test_what_was_read_of_another_photo_is_not_painted():
    import gradio as gr

    from cocos_demo.ui import translate

    for photo, kind in (("b.jpg", "auto"), ("a.jpg", "figure")):
        with pytest.raises(gr.Error, match="not been read"):
            translate.paint(translate.Read("a.jpg", "auto", "portrait", None), photo, kind, None, "c.jpg")


def test_an_exemplar_is_found(page):
    before = page.locator("#exemplar img").get_attribute("src")
    page.click("#find")
    page.wait_for_selector("text=Searched 14 samples")
    marks = [float(mark) for mark in page.locator(".thumbs .caption-label").all_inner_texts()]
    assert len(marks) == 4 and marks == sorted(marks, reverse=True) and 0 < marks[-1] < marks[0] < 1
    assert page.locator("#exemplar img").get_attribute("src") != before
    translated(page)


def test_a_figure_brings_figures_to_take_the_look_from(page):
    page.locator(".thumbs").first.locator("button.thumbnail-lg").first.click()
    page.wait_for_selector("text=What the colours mean")
    page.wait_for_selector("#translate:not([disabled])")
    translated(page)


def test_a_part_map_is_painted_by_an_imported_checkpoint(page):
    page.click("#model input")
    page.click("text=mine (body part map, 64 px, imported)")
    # The gallery is drawn anew, maps first; and the portrait that was there is refused. A click before that would be lost.
    page.wait_for_function("() => { const i = document.querySelector('.thumbs button.thumbnail-lg img');"
                           " return i && i.src.includes('rendered_') && i.complete }")
    page.wait_for_selector("text=Only head and shoulders are seen")
    page.locator(".thumbs").first.locator("button.thumbnail-lg").first.click()
    page.wait_for_selector("text=Paint with a part’s colour")
    page.wait_for_selector("#translate:not([disabled])")
    plain = page.request.get(translated(page)).body()
    drag(page, "Brush", (-0.2, -0.05), (0.2, 0.05))
    assert page.request.get(translated(page)).body() != plain


def test_a_photo_is_coloured(page):
    page.get_by_label("Colourise a grey photo").click()
    page.wait_for_selector("text=Its colours are not looked at")  # of the sample that was there
    page.wait_for_selector("#translate:not([disabled]):has-text('Colourise')")
    page.wait_for_selector("#editor:not(:has([aria-label=Brush]))")
    assert not page.locator("#editor .toolbar-wrap").is_visible()
    translated(page)
    page.wait_for_selector("#told:has-text('by VGG’s features')")
    page.locator("#matcher input").click()
    page.get_by_role("option", name="dense SIFT").click()
    picture = Image.open(io.BytesIO(page.request.get(translated(page)).body()))
    assert picture.size == (800, 800)  # the photo's own
    page.wait_for_selector("#told:has-text('another matcher')")
    for name in ("warped", "mask", "painted"):
        page.wait_for_selector(f"#{name} img")
    assert "Auxiliary image" in page.inner_text("#warped") and "own 800 × 800 pixels" in page.inner_text("body")
    page.get_by_label("New looks for a photo").click()
    page.wait_for_selector("#editor [aria-label=Brush]")
    page.wait_for_selector("#translate:not([disabled]):has-text('Translate')")
    translated(page)
    assert not page.locator("#segin").is_visible() and "warped to fit" in page.inner_text("#warped")


def test_nothing_is_wider_than_a_phone(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address)
    page.wait_for_selector("#translate:not([disabled])", timeout=60_000)
    translated(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_app_and_command_line_work_without_a_network(tmp_path):
    words = [sys.executable, str(ROOT / "tests" / "offline.py"), str(tmp_path)]
    unshare = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
        words = [*unshare, *words, "--isolated"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "nothing was asked for" in done.stdout, done.stdout + done.stderr
    assert Image.open(tmp_path / "command.png").size == Image.open(tmp_path / "app.png").size


def test_a_port_that_is_taken_is_told(address):
    env = {**os.environ, "GRADIO_SERVER_PORT": address.rsplit(":", 1)[1]}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "is taken" in done.stderr and "Traceback" not in done.stderr
