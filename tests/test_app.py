"""The app as a person and as a program meet it: a server of its own, the API, a real browser, and no network."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from made_up import BODY, FACE, FIGURE, PORTRAIT, empty_photo
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a running `python app.py`."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
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
def client(address):
    from gradio_client import Client

    return Client(address, verbose=False)


def ask(client, photo, exemplar, *more):
    from gradio_client import handle_file

    return client.predict(handle_file(photo), handle_file(exemplar), *more, api_name="/translate")


@pytest.mark.parametrize(("photo", "exemplar"), [(FACE, PORTRAIT), (BODY, FIGURE)])
def test_the_api_gives_the_picture_first(client, photo, exemplar):
    picture, warped, condition, facts = ask(client, photo, exemplar)
    sizes = {Image.open(path).size for path in (picture, warped, condition)}
    assert Image.open(picture).format == "PNG" and len(sizes) == 1 and min(sizes.pop()) >= 128
    assert facts["seconds"] > 0 and facts["device"]


def test_the_api_gives_what_the_translator_gives(client):
    from cocos_demo import Translator

    picture = Image.open(ask(client, FACE, PORTRAIT, "portrait")[0])
    ours = Translator.load("portrait")(FACE, PORTRAIT).image
    assert np.abs(np.asarray(picture, int) - np.asarray(ours, int)).max() <= 2


def test_only_the_documented_endpoint_is_public(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(endpoints) == ["/translate"]
    names = [(p["parameter_name"], p["parameter_has_default"]) for p in endpoints["/translate"]["parameters"]]
    assert names == [("photo", False), ("exemplar", False), ("model", True)]


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


@pytest.mark.parametrize("tool", ["Brush", "Erase"])
def test_a_changed_drawing_makes_another_picture(page, address, tool):
    plain = page.request.get(translated(page)).body()
    drag(page, tool, (-0.2, -0.05), (0.2, 0.05))
    edited = page.request.get(translated(page)).body()
    assert edited != plain
    page.click("text=Undo all changes")
    page.wait_for_timeout(1500)
    assert page.request.get(translated(page)).body() == plain


def test_a_photo_of_nobody_is_a_toast_and_cannot_be_translated(page, tmp_path):
    page.click('button[aria-label="Remove Image"] >> nth=0')
    page.locator("input[type=file]").first.set_input_files(empty_photo(tmp_path / "grey.png"))
    page.wait_for_selector("text=Neither a face nor a person was found")
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


def test_what_was_read_of_another_photo_is_not_painted():
    import gradio as gr

    from cocos_demo.ui import translate

    for photo, kind in (("b.jpg", "auto"), ("a.jpg", "figure")):
        with pytest.raises(gr.Error, match="not been read"):
            translate.paint(translate.Read("a.jpg", "auto", None), photo, kind, None, "c.jpg")


def test_a_figure_brings_figures_to_take_the_look_from(page):
    page.locator(".thumbs").first.locator("button.thumbnail-lg").first.click()
    page.wait_for_selector("text=What the colours mean")
    page.wait_for_selector("#translate:not([disabled])")
    translated(page)


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
