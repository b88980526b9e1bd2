"""The app among people: several at once, a full lane, an end before the end, and nothing left behind."""

import io
import json
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import bad_inputs
import numpy as np
import pytest
from made_up import FACE, PORTRAIT, SAMPLES, checkpoint
from PIL import Image

from cocos_demo.ui import lane, serve, visits
from cocos_demo.ui.common import HEAVY

PHOTOS = sorted((SAMPLES / "photos").glob("*portrait*.jpg"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DEMO = []  # the page that is served
LOOKS = sorted((SAMPLES / "portraits").glob("P*.jpg"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """COCOS_DEMO_HOME, with an untrained checkpoint named "mine"."""
    home = tmp_path_factory.mktemp("home")
    checkpoint(home / "checkpoints", "portrait").rename(home / "checkpoints" / "mine.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCOS_DEMO_HOME", str(home))
        patch.setenv("GRADIO_TEMP_DIR", str(home / "cocos_temporary"))
        yield home


@pytest.fixture(scope="module")
def served(home):
    """The page, served by this process -> its address."""
    import app

    port = bad_inputs.free_port()
    demo = serve.start(app.build, serve.Options(port=port))
    DEMO[:] = [demo]
    yield f"http://{serve.LOCAL}:{port}"
    demo.close()


@pytest.fixture
def browser():
    if not CHROMIUM:
        pytest.skip("no chromium here")
    with pytest.importorskip("playwright.sync_api").sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def client(served):
    from gradio_client import Client

    return Client(served, verbose=False)


def submit(client, photo=FACE, exemplar=PORTRAIT, model="mine"):
    from gradio_client import handle_file

    return client.submit(handle_file(photo), handle_file(exemplar), model, api_name="/translate")


class Held:
    """In place of a Translator's forward pass: it waits until `go` is set."""

    def __init__(self, monkeypatch):
        from cocos_demo.translator import Translator

        self.go, self.begun, forward = threading.Event(), threading.Semaphore(0), Translator.forward

        def held(translator, *given):
            self.begun.release()
            self.go.wait(60)
            return forward(translator, *given)

        monkeypatch.setattr(Translator, "forward", held)


@pytest.fixture
def held(monkeypatch):
    one = Held(monkeypatch)
    yield one
    one.go.set()


def test_eight_people_at_once_get_each_their_own_picture(served):
    from gradio_client import Client

    from cocos_demo import Translator

    pairs = [(PHOTOS[i % len(PHOTOS)], LOOKS[i]) for i in range(8)]
    clients = [Client(served, verbose=False) for _ in pairs]
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda one: Image.open(submit(one[0], *one[1]).result(120)[0]), zip(clients, pairs)))
    ours = Translator.load("mine")
    expected = [np.asarray(ours(*pair).image, int) for pair in pairs]
    off = np.array([[np.abs(np.asarray(picture, int) - one).max() for one in expected] for picture in pictures])  # (8, 8)
    assert off.diagonal().max() <= 2, off
    assert (off + 99 * np.eye(8)).min() > 2, off  # all eight are different pictures


def test_a_full_lane_is_told_in_words(served, client, held):
    from gradio_client import Client

    first = submit(client)
    assert held.begun.acquire(timeout=60)  # this one computes, the others wait
    other = Client(served, verbose=False)
    jobs = [submit(other) for _ in range(lane.WAITING)]
    until(lambda: waiting() == lane.WAITING)
    with pytest.raises(Exception, match="32 jobs are waiting already"):
        submit(client).result(60)
    for job in jobs[1:]:
        job.cancel()
    until(lambda: waiting() == 1)
    held.go.set()
    assert Image.open(first.result(60)[0]).size == Image.open(jobs[0].result(60)[0]).size


def test_waiting_and_running_jobs_are_cancelled_and_the_next_answer_comes(served, held):
    from gradio_client import Client

    one, two, three = (Client(served, verbose=False) for _ in range(3))
    running = submit(one)
    assert held.begun.acquire(timeout=60)
    waits = submit(two)
    until(lambda: waiting() == 1)
    waits.cancel()
    until(lambda: waiting() == 0)
    running.cancel()
    last = submit(three)
    assert not held.begun.acquire(timeout=1)  # what was cancelled has not come to its end
    held.go.set()
    assert Image.open(last.result(60)[0]).format == "PNG"


def test_memory_that_runs_out_offers_a_smaller_model(client, monkeypatch):
    import torch

    from cocos_demo.models.cocosnet import CoCosNet

    for error in (torch.OutOfMemoryError("CUDA out of memory."), MemoryError(),
                  RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(CoCosNet, "forward", raising(error))
            with pytest.raises(Exception, match="not enough memory for portrait at 128 × 128 pixels. Take a smaller size: mine"):
                submit(client, model="portrait").result(60)
            with pytest.raises(Exception, match="not enough memory for portrait at 64 × 64 pixels. Close other programs"):
                submit(client).result(60)
    assert submit(client).result(60)


def test_files_of_this_machine_are_refused(served, tmp_path):
    (tmp_path / "link.jpg").symlink_to("/etc/passwd")
    for path in (FACE.parents[3] / "pyproject.toml", "/etc/passwd", tmp_path / "link.jpg", FACE):  # not uploaded, but named
        given = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
        assert "not one that was uploaded here" in plainly(served, "translate", [given, given, "mine", "own", None]), path
    (visits.own_folder() / "out").symlink_to("/etc")
    for path in ("/etc/passwd", f"{SAMPLES}/../../pyproject.toml", f"{SAMPLES}/%2e%2e/%2e%2e/pyproject.toml",
                 f"{visits.own_folder()}/out/passwd", tmp_path / "none.jpg"):  # fmt: skip
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{served}/gradio_api/file={path}")
        assert refused.value.code in (403, 404), path
    assert urllib.request.urlopen(f"{served}/gradio_api/file={FACE}").read() == FACE.read_bytes()  # a sample


def plainly(served: str, name: str, data: list) -> str:
    """What an endpoint answers when it is asked by HTTP alone."""
    asked = urllib.request.Request(f"{served}/gradio_api/call/{name}", json.dumps({"data": data}).encode(),
                                   {"Content-Type": "application/json"})  # fmt: skip
    event = json.load(urllib.request.urlopen(asked))["event_id"]
    return urllib.request.urlopen(f"{served}/gradio_api/call/{name}/{event}", timeout=60).read().decode()


def test_every_bad_input_is_answered_in_words_and_the_app_goes_on(served, home, tmp_path):
    there = sorted((home / "checkpoints").glob("*"))
    rows = dict(bad_inputs.answers(bad_inputs.Asking(served), tmp_path, home))
    for path in set((home / "checkpoints").glob("*")) - set(there):
        path.unlink()
    told = (FACE.parents[3] / "docs" / "holds.md").read_text()
    for row in bad_inputs.table((words, answer) for words, answer in rows.items() if "there are auto" not in answer).splitlines():
        assert row in told, row
    assert str(tmp_path) not in "".join(rows.values()) and str(home) not in "".join(rows.values())
    assert "a picture" in bad_inputs.Asking(served)(FACE, "mine")


@pytest.mark.parametrize("name", ["letter.jpg", "nothing.png", "dot.png", "wide.png", "bomb.bmp", "half.jpg", "grey.png"])
def test_the_page_says_what_the_api_says(served, tmp_path, name):
    import gradio as gr

    from cocos_demo.ui import translate

    words, _, make = next(one for one in bad_inputs.PHOTOS if one[1] == name)
    make(tmp_path / name)
    with pytest.raises(gr.Error) as refused:
        translate.seen(str(tmp_path / name), "auto", None)
    answer = bad_inputs.Asking(served)(tmp_path / name, "auto")
    assert refused.value.message.removeprefix(f"{tmp_path}/") == answer, words


def test_visits_leave_nothing(tmp_path):
    old, new, kept = (tmp_path / name / "picture.png" for name in ("old", "new", "kept"))
    for path in (old, new, kept):
        path.parent.mkdir()
        path.write_bytes(b"picture")
    visits.keep(str(kept))
    (tmp_path / "old" / "link").symlink_to(FACE)
    for path in (old, kept, tmp_path / "old" / "link"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert visits.sweep(tmp_path, [], 60) == 2 and not old.exists() and new.exists() and kept.exists() and FACE.exists()
    os.utime(tmp_path / "old", (1, 1))
    assert visits.sweep(tmp_path, [], 60) == 0 and not old.parent.exists()


def test_results_that_nobody_asks_for_are_forgotten():
    calls = []
    double = visits.recent(2)(lambda x: calls.append(x) or 2 * x)
    assert [double(1), double(2), double(1), double(3), double(1), double(2)] == [2, 4, 2, 6, 2, 4]
    assert calls == [1, 2, 3, 2] and len(double) == 2  # 2 was asked for longest ago when 3 came
    double.forget(60)
    assert len(double) == 2
    double.forget(-1)
    assert len(double) == 0


def test_others_are_let_in_by_a_password_alone(monkeypatch):
    here = serve.chosen(None, None, "demo", {})
    assert (here.host, here.port, here.password, here.public) == ("127.0.0.1", 7860, None, False)
    assert serve.chosen("localhost", "7999", "demo", {}).port == 7999
    open_to_all = serve.chosen("0.0.0.0", None, "me", {"COCOS_DEMO_PASSWORD": "a long word", "GRADIO_SERVER_PORT": "81"})
    assert (open_to_all.user, open_to_all.password, open_to_all.port) == ("me", "a long word", 81) and open_to_all.public
    assert "not encrypted" in serve.warning(open_to_all) and serve.warning(here) == ""
    space = serve.chosen(None, None, "demo", {"SPACE_ID": "me/demo", "GRADIO_SERVER_NAME": "0.0.0.0"})
    assert (space.host, space.password, space.public, serve.warning(space)) == ("0.0.0.0", None, True, "")
    monkeypatch.setattr(serve.sys, "stdin", io.StringIO())
    for host, environ, why in (("0.0.0.0", {}, "put it into the variable COCOS_DEMO_PASSWORD"),
                               (None, {"GRADIO_SERVER_NAME": "0.0.0.0"}, "a password is needed"),
                               ("0.0.0.0", {"COCOS_DEMO_PASSWORD": "short"}, "at least 8"),
                               (None, {"GRADIO_SERVER_PORT": "many"}, "GRADIO_SERVER_PORT must be a number")):  # fmt: skip
        with pytest.raises(serve.ServeError, match=why):
            serve.chosen(host, None, "demo", environ)


def test_the_readme_is_what_a_space_needs():
    root = FACE.parents[3]
    _, head, _ = (root / "README.md").read_text().split("---\n", 2)
    said = {key: value.strip('"') for key, value in (line.split(": ", 1) for line in head.strip().splitlines())}
    assert said["sdk"] == "gradio" and (root / said["app_file"]).is_file() and said["license"] == "mit"
    needed = re.search(r"^gradio>=([\d.]+)$", (root / "requirements.txt").read_text(), re.M)[1].split(".")
    assert [*map(int, said["sdk_version"].split("."))] >= [*map(int, needed)]
    assert 11 <= int(said["python_version"].split(".")[1]) < 14
    assert len(said["short_description"]) <= 60


def test_the_page_tells_of_a_full_lane_and_stops_what_it_began(served, client, browser, monkeypatch):
    from gradio_client import Client

    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(served)
    page.wait_for_selector("#translate:not([disabled])")
    held, other = Held(monkeypatch), Client(served, verbose=False)
    jobs = [submit(client)]
    assert held.begun.acquire(timeout=60)
    jobs += [submit(other) for _ in range(lane.WAITING)]
    until(lambda: waiting() == lane.WAITING)
    page.click("#translate")
    page.wait_for_selector("text=32 jobs are waiting already")
    for job in jobs[1:]:
        job.cancel()
    until(lambda: waiting() == 0)
    page.click("#translate")  # it waits behind the one that is held
    until(lambda: waiting() == 1)
    page.click("#stop")
    until(lambda: waiting() == 0)
    page.wait_for_selector("#stop", state="hidden")
    assert not page.locator("#picture img").count()
    held.go.set()
    assert jobs[0].result(60)
    page.click("#translate")
    page.wait_for_selector("#picture img")
    page.close()


def test_who_has_no_password_gets_nothing(home):
    import gradio as gr
    from gradio_client import Client

    import app
    from cocos_demo.ui import translate

    port = bad_inputs.free_port()
    demo = serve.start(app.build, serve.Options("0.0.0.0", port, "me", "a long word"))
    try:
        at = f"http://127.0.0.1:{port}"
        for path in ("config", "gradio_api/info", f"gradio_api/file={FACE}"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{at}/{path}")
            assert refused.value.code == 401, path
        with pytest.raises(Exception, match="(?i)auth|credentials|login"):
            Client(at, auth=("me", "another word"), verbose=False)
        assert submit(Client(at, auth=("me", "a long word"), verbose=False)).result(60)
        read = translate.Read(str(FACE), "mine", "mine", None)
        with pytest.raises(gr.Error, match="only for the person who sits at it"):  # folders of this machine are not for others
            translate.find_exemplar(read._replace(condition=condition()), str(FACE), "mine", str(home), progress=None)
    finally:
        visits.OWN_FOLDERS = True
        demo.close()


def condition():
    from cocos_demo.ui import models

    return models.translator("mine").condition_of(FACE)


def until(there, seconds: float = 60) -> None:
    stop = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < stop
        time.sleep(0.05)


def waiting() -> int:
    """Jobs in the lane that computes."""
    there = DEMO[0]._queue.event_queue_per_concurrency_id.get(HEAVY["concurrency_id"])
    return len(there.queue) if there else 0


def raising(error: BaseException):
    def forward(*args, **kwargs):
        raise error

    return forward
