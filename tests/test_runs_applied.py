"""Runs of the tabs Edit and Makeup: saved, put back, and done again to the pixel."""

import numpy as np
import pytest
from gradio.exceptions import Error
from made_up import FACE, PORTRAIT, checkpoint, checkpoint_v2
from PIL import Image
from test_edit_tab import MAP, PICTURE, layers

from cocos_demo import again_applied, cli, runs
from cocos_demo.applications import makeup as carrying
from cocos_demo.applications import regions
from cocos_demo.translator import Translator
from cocos_demo.ui import edit, makeup, models, patchmatch, runs_applied

NONE = lambda *_, **__: None  # noqa: E731  # no progress is shown


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Untrained models, "my_parts" and "mine", and a place for the visit's files."""
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "visits"))
    for kind, name in (("parts", "my_parts"), ("portrait", "mine")):
        checkpoint(tmp_path / "checkpoints", kind).rename(tmp_path / "checkpoints" / f"{name}.safetensors")
    return tmp_path


def saved(run, home):
    """What the button saves, as a file."""
    link = runs_applied.zipped(run)
    assert f'download="{run.settings.task}.zip"' in link
    path = home / f"{run.settings.task}.zip"
    path.write_bytes(runs.pack(run))
    return path


def edited(back=None, now=None):
    """An edit as the tab makes it -> its outputs."""
    if now is None:
        now = edit.seen(PICTURE, MAP, "my_parts", None)[0]
        hair = now.at.number("hair")
        now = now.put(regions.grow(now.labels[-1], hair, 6))
    return edit.paint_and_keep(now, layers(now), *now.given, "As the network paints", back, NONE)


def test_an_edit_is_put_back_and_painted_the_same(home):
    picture, *_, run, save, link, said = edited()
    assert save.interactive and link == said == ""
    back, words, photo, map, model, finish = edit.put(str(saved(run, home)))
    assert (model, finish) == ("my_parts", "As the network paints") and "Put back" in words
    now = edit.seen(photo, map, model, None)[0]
    now, canvas = edit.put_back(back, now, photo, model)
    assert len(now.labels) == 2 and canvas is not None
    again, *_, said = edited(back, now)
    assert (np.asarray(again) == np.asarray(picture)).all() and "to the pixel" in said
    other = now.put(now.labels[0] * 0)
    *_, said = edited(back, other)
    assert "Not the saved picture" in said


def test_an_edit_stays_where_another_picture_or_model_was_chosen(home):
    *_, run, _, _, _ = edited()
    back, _, photo, map, model, _ = edit.put(str(saved(run, home)))
    now = edit.seen(photo, map, model, None)[0]
    for given in ((photo, "parts"), (str(FACE), model), (None, model)):
        assert [one.get("__type__") for one in edit.put_back(back, now, *given)] == ["update"] * 2  # nothing changes


def strokes(size):
    layer = np.zeros((size[1], size[0], 4), np.uint8)
    layer[230:260, 240:270] = (0, 200, 40, 255)
    return Image.fromarray(layer, "RGBA")


def test_makeup_is_put_back_and_carried_the_same(home):
    wears = [["Lips"], True, "#b3123a", "multiply", 0.5, "mine"]
    now = makeup.dressed(str(PORTRAIT), *wears, None, None)[0]
    drawn = {"background": None, "layers": [strokes(now.size)], "composite": None}
    picture, *_, run, _, _, _ = makeup.make_and_keep(str(PORTRAIT), *wears, drawn, now, False, str(FACE), None, NONE)
    back, words, portrait, *chosen, confine, target = makeup.put(str(saved(run, home)))
    assert chosen == wears and not confine and "Put back" in words
    now, canvas, _ = makeup.fresh(portrait, *chosen)
    now, canvas, _ = makeup.put_back(back, portrait, *chosen, canvas, now)
    assert canvas["layers"][0].tobytes() == strokes(now.size).tobytes()
    again, *_, said = makeup.make_and_keep(portrait, *chosen, canvas, now, confine, target, back, NONE)
    assert (np.asarray(again) == np.asarray(picture)).all() and "to the pixel" in said
    kept = makeup.put_back(back, portrait, *chosen, canvas, now)  # strokes are there already
    assert [one.get("__type__") for one in kept] == ["update"] * 3


def test_a_matching_is_put_back_and_ends_the_same(home, capsys):
    name = checkpoint_v2(home / "checkpoints", "portrait").stem
    kind = patchmatch.waiting(name, models.translator(name))[0]
    now = patchmatch.tell(str(FACE), str(PORTRAIT), name, kind)[0]
    path = home / "patchmatch.zip"
    path.write_bytes(runs.pack(patchmatch.run_of(now)))
    kind, _, back, words, photo, exemplar, model = patchmatch.put(str(path))
    assert model == name and "Put back" in words
    again = patchmatch.tell(photo, exemplar, model, kind)[0]
    assert "to the pixel" in patchmatch.compared(back, again, words)
    other = patchmatch.tell(exemplar, photo, model, kind)[0]
    assert patchmatch.compared(back, other, words) == words
    assert cli.main(["again", str(path), "-o", str(home / "out.png")]) in (0, None)
    assert "the same picture, to the pixel" in capsys.readouterr().out
    with pytest.raises(Error, match="nothing to save yet"):
        patchmatch.zipped(None)


def test_a_run_of_another_tab_is_told(home):
    *_, run, _, _, _ = edited()
    with pytest.raises(Error, match="this run is of the tab Edit: open it there"):
        makeup.put(str(saved(run, home)))
    with pytest.raises(Error, match="nothing to save yet"):
        runs_applied.zipped(None)


def test_the_command_does_both_again(home, capsys):
    *_, run, _, _, _ = edited()
    assert cli.main(["again", str(saved(run, home)), "-o", str(home / "edited.png")]) in (0, None)
    assert "the same picture, to the pixel" in capsys.readouterr().out
    net, options = Translator.load("mine"), again_applied.told.Makeup(("lips",), None, "normal", 0.9, True)
    worn = carrying.transfer(net, carrying.portrait(net, PORTRAIT, None, ("lips",)), FACE, "normal", 0.9)
    run = again_applied.made_up("mine", net, options, None, worn, PORTRAIT, FACE)
    assert cli.main(["again", str(saved(run, home)), "-o", str(home / "worn.png")]) in (0, None)
    assert "the same picture, to the pixel" in capsys.readouterr().out
    assert Image.open(home / "worn.png").size == worn.image.size


def test_what_a_run_needs_and_how_large_strokes_may_be(home):
    *_, run, _, _, _ = edited()
    lacking = runs.Run(run.settings, {"photo": run.inputs["photo"]}, {})
    with pytest.raises(runs.RunError, match="drawing"):
        runs.unpack(runs.pack(lacking))
    net = Translator.load("mine")
    worn = carrying.transfer(net, carrying.portrait(net, PORTRAIT, None, ("lips",)), FACE)
    huge = again_applied.made_up("mine", net, again_applied.told.Makeup(), Image.new("RGBA", (1100, 20)), worn, PORTRAIT, FACE)
    with pytest.raises(runs.RunError, match="strokes have 1100 × 20 pixels"):
        runs.unpack(runs.pack(huge))
