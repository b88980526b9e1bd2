"""Runs in the Translate tab: remembered for one visit, saved, and put back so that the same picture comes."""

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from made_up import FACE, PORTRAIT, SAMPLES, checkpoint, checkpoint_segin
from PIL import Image
from test_app import drag, serving, translated

from cocos_demo import checkpoints
from cocos_demo import runs as archive
from cocos_demo.runs import RunError
from cocos_demo.ui import compare, patches, runs, runs_compare, task, translate

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def brought(home: Path) -> Path:
    """Untrained checkpoints for every task."""
    checkpoint(home / "checkpoints", "portrait").rename(home / "checkpoints" / "mine.safetensors")
    checkpoint(home / "checkpoints", "edges").rename(home / "checkpoints" / "my_shoes.safetensors")
    checkpoint(home / "checkpoints", "parts").rename(home / "checkpoints" / "my_parts.safetensors")
    for kind in ("portrait", "grey"):
        checkpoint_segin(home / "checkpoints", kind)
    return home


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "visits"))
    return brought(tmp_path / "home")


def layer(size: int = 512) -> dict:
    """A canvas on which someone drew a bar."""
    picture = Image.new("RGBA", (size, size))
    picture.paste((255, 255, 255, 255), (150, 200, 380, 215))
    return {"layers": [picture]}


def paint(what, photo, model, edited=None, exemplar=PORTRAIT, matcher=patches.OWN, history=(), back=None, read=None):
    """Read and translate as the tab does -> picture, history, what is said."""
    photo = photo and str(photo)
    read = read or translate.seen(photo, model, None)[0]
    out = translate.paint_and_keep(history, back, what, read, photo, model, edited, str(exemplar), None, matcher,
                                   lambda *_, **__: None)  # fmt: skip
    return np.asarray(out[0]), out[6], out[10]


def put_back(path):
    """Open a saved run, read its photo, put the rest back -> the run, what is chosen, what was read, the canvas, the matcher."""
    run, said, what, model, *_, photo, _, exemplar, own_map = runs.opened(str(path))
    read = translate.seen(photo, model.value, None)[0]
    _, editor, look, _, matcher = runs.put_back(run, read, photo, model.value)
    assert look == exemplar and Path(exemplar).read_bytes() == Path(run.inputs["exemplar"]).read_bytes()
    edited = {"layers": [Image.open(run.inputs["drawing"]).convert("RGBA")]} if "drawing" in run.inputs else None
    assert edited is None or isinstance(editor, gr.ImageEditor)
    return run, said, what, model.value, photo, read, edited, exemplar, getattr(matcher, "value", patches.OWN)


def saved(history, folder: Path) -> Path:
    """The last run as the link gives it."""
    link = runs.zipped(history)
    path = Path(link.split("file=")[1].split('"')[0])
    return Path(shutil.copy(path, folder / "run.zip"))


SHOE = SAMPLES / "photos" / "P009_studio_portrait.jpg"  # any photo has edges
MAP = sorted((SAMPLES / "parts").glob("*.png"))[0]


@pytest.mark.parametrize(("what", "photo", "model", "edited", "matcher"), [
    (task.NEW, FACE, "mine", None, "own"), (task.NEW, FACE, "auto", layer(), "own"),
    (task.NEW, FACE, "portrait_segin_made_up", None, "sift"), (task.COLOURISE, FACE, "grey_segin_made_up", None, "own"),
    (task.PAINT, MAP, "my_parts", None, "own"), (task.PAINT, None, "my_parts", layer(), "own"),
    (task.SKETCH, None, "my_shoes", layer(), "own"), (task.SKETCH, SHOE, "my_shoes", layer(), "own"),
])  # fmt: skip
def test_every_task_comes_back_from_its_file_and_paints_the_same(home, tmp_path, what, photo, model, edited, matcher):
    exemplar = SAMPLES / "figures" / "rendered_149_1.jpg" if "parts" in model else PORTRAIT
    picture, history, _ = paint(what, photo, model, edited, exemplar, matcher)
    run, said, task_again, model_again, photo_again, read, edited_again, look, by = put_back(saved(history, tmp_path))
    assert (task_again, model_again, by) == (what, model, matcher) and "Put back: " in said and "another" not in said
    assert (photo_again is None) == (photo is None)
    same, _, words = paint(what, photo_again, model_again, edited_again, look, by, back=run, read=read)
    assert (same == picture).all() and "The same picture as the saved one, to the pixel" in words


def test_a_visit_remembers_its_last_runs_each_once(home):
    _, history, _ = paint(task.NEW, FACE, "mine")
    _, more, _ = paint(task.NEW, FACE, "mine", layer(), history=history)
    assert [("drawing" in run.inputs) for run in more] == [True, False]
    _, again, _ = paint(task.NEW, FACE, "mine", history=more)
    assert [("drawing" in run.inputs) for run in again] == [False, True]
    for number in range(runs.MOST + 3):
        model = replace(again[0].settings.model, name=str(number))
        again = runs.remembered(again, archive.Run(replace(again[0].settings, models=(model,)), {}))
    assert len(again) == runs.MOST and again[0].settings.model.name == str(number)


def test_pictures_that_are_gone_are_told(home):
    _, history, _ = paint(task.NEW, FACE, "mine")
    history[0].results["picture"].unlink()
    with pytest.raises(gr.Error, match="the pictures of this run are gone: they are kept for two hours"):
        runs.zipped(history)
    assert runs.thumbnails(history).visible  # in grey


def test_a_file_that_is_no_run_is_told(home, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK junk")
    for path, why in ((tmp_path / "a.zip", "damaged ZIP"), (FACE, "no JSON")):
        with pytest.raises(gr.Error, match=why):
            runs.opened(str(path))
    with pytest.raises(gr.Error, match="nothing to save yet"):
        runs.zipped(())
    assert issubclass(RunError, ValueError)


def test_a_name_of_a_stranger_does_no_harm(home, tmp_path):
    _, history, _ = paint(task.NEW, FACE, "mine")
    told = saved(history, tmp_path)
    with zipfile.ZipFile(told) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    parts["settings.json"] = parts["settings.json"].replace(FACE.name.encode(), rb"../<b>..\\..\\x.html")
    with zipfile.ZipFile(told, "w") as zipped:
        for name, data in parts.items():
            zipped.writestr(name, data)
    run, said, *_ = runs.opened(str(told))
    path = run.inputs["photo"]
    assert path.name == "x.jpg" and path.is_relative_to(tmp_path / "visits") and "<b>" not in said


def test_another_photo_chosen_meanwhile_stays(home, tmp_path):
    _, history, _ = paint(task.NEW, FACE, "mine", layer())
    run, _, _, _, photo, read, *_ = put_back(saved(history, tmp_path))
    other = translate.Read("other.jpg", "mine", "mine", read.condition)
    assert "value" not in str(runs.put_back(run, other, photo, "mine")[0])  # what was read is not what is chosen: wait
    figure = str(SAMPLES / "photos" / "P010_studio_posture.jpg")
    assert runs.put_back(run, translate.Read(figure, "mine", "mine", None), figure, "mine")[0] is None  # forgotten
    assert runs.put_back(None, read, photo, "mine")[0] is not None


def test_a_comparison_comes_back_with_its_points(home, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "none")  # two small systems alone
    *_, last = compare.side_by_side(str(FACE), str(PORTRAIT), "portrait", lambda *_, **__: None)
    now = compare.add(last[0], (250, 300))[0]
    link = runs_compare.zipped(now, "portrait")
    back, said, photo, exemplar, kind = runs_compare.opened(link.split("file=")[1].split('"')[0])
    assert kind == "portrait" and "Put back: " in said and Path(photo).read_bytes() == FACE.read_bytes()
    *_, last = compare.side_by_side(photo, exemplar, kind, lambda *_, **__: None)
    board, *_, said = compare.marked_again(back, last[0])
    assert board.points == now.points and "The same pictures as the saved ones" in said
    looks = compare.suited(photo, kind, exemplar)
    assert "update" in str(looks[1])  # the exemplar is a copy of a sample of this kind, and stays
    with pytest.raises(gr.Error, match="of the tab Compare: open it there"):
        runs.opened(link.split("file=")[1].split('"')[0])


def test_a_run_goes_from_one_visit_to_another_by_its_file_alone(tmp_path):
    if not CHROMIUM:
        pytest.skip("no chromium here")
    playwright = pytest.importorskip("playwright.sync_api")
    (tmp_path / "home").mkdir()
    with serving(tmp_path / "home") as address, playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        one, other = (browser.new_page(viewport={"width": 390, "height": 844}) for _ in range(2))
        for page in (one, other):
            page.set_default_timeout(60_000)
            page.goto(address)
            page.wait_for_selector("#translate:not([disabled])")
        plain = translated(one)
        drag(one, "Brush", (-0.2, -0.05), (0.2, 0.05))
        picture = translated(one)
        assert picture != plain
        with one.expect_download() as download:
            one.click("#run-save")
        download.value.save_as(tmp_path / "run.zip")
        assert Image.open(io.BytesIO(zipfile.ZipFile(tmp_path / "run.zip").read("picture.png"))).size == (128, 128)
        assert one.locator("#run-history img").count() == 2 and other.locator("#run-history img").count() == 0
        other.locator(".thumbs").first.locator("button.thumbnail-lg").first.click()
        other.wait_for_selector("text=What the colours mean")
        other.click("text=Earlier pictures of this visit")
        other.locator("#runs input[type=file]").set_input_files(tmp_path / "run.zip")
        other.wait_for_selector("#run-said:has-text('Put back')")
        other.wait_for_selector(f"#photo img[src*='{FACE.stem}']")
        other.wait_for_selector("text=You can draw or erase lines")
        other.wait_for_selector("#translate:not([disabled])")
        assert translated(other) == picture  # equal pictures have equal addresses
        other.wait_for_selector("#run-said:has-text('The same picture')")
        assert other.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
