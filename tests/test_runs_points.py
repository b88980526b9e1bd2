"""Runs of the Correspond tab: points saved, put back, and asked again."""

import io

import numpy as np
import pytest
from gradio.exceptions import Error
from made_up import FACE, PORTRAIT, checkpoint, checkpoint_mcl
from PIL import Image

from cocos_demo import cli, runs, settings
from cocos_demo.comparing import SIDE
from cocos_demo.matcher import Matcher
from cocos_demo.ui import correspond, runs_points
from cocos_demo.ui.scene import COSINES, PHOTO, Point

VIEW = PHOTO, COSINES, 100.0
POINTS = Point("photo", 200, 180), Point("exemplar", 300, 260, 1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Untrained models "mine" and one of MCL-Net, and a place for the visit's files."""
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "visits"))
    checkpoint(tmp_path / "checkpoints", "portrait").rename(tmp_path / "checkpoints" / "mine.safetensors")
    checkpoint_mcl(tmp_path / "checkpoints", "portrait")
    return tmp_path


def scene(*given, other="portrait_mcl_made_up", points=()):
    given = given or (str(FACE), str(PORTRAIT), "mine")
    return correspond.pair_up(*given, None, *VIEW, other)[0]._replace(points=points)


def saved(home, points=POINTS):
    path = home / "points.zip"
    path.write_bytes(runs.pack(runs_points.run_of(scene(points=points), 100.0)))
    return str(path)


def test_points_are_put_back_and_answered_the_same(home):
    now, looks, back, words, photo, exemplar, model, beside, alpha = correspond.put(saved(home), None)
    assert now.looks == tuple(path for path, _ in looks) and not now.there  # so that the exemplar is taken as it is
    assert (model, beside.value, alpha) == ("mine", "portrait_mcl_made_up", 100.0) and "2 points" in words
    now = scene(photo, exemplar, model)
    now, left, *_, said = correspond.put_back(back, now, *VIEW)
    assert now.points == POINTS and left.size == (SIDE, SIDE) and "to the pixel" in said
    assert [one.get("__type__") for one in correspond.put_back(back, now, *VIEW)] == ["update"] * 7  # points are there
    alone = scene(photo, exemplar, model, other="none")
    assert not runs_points.waits(back, alone) and not runs_points.waits(back, scene(exemplar, photo, model))


def test_the_sheet_shows_the_photo_and_each_models_answers(home):
    run = runs.load(saved(home))
    with Image.open(io.BytesIO(run.results["picture"])) as picture:
        assert picture.size == (3 * SIDE, SIDE)
        photo = np.asarray(picture)[:, :SIDE]
    plain = np.asarray(Matcher.load("mine").set_images(FACE, PORTRAIT).pair.square(SIDE).photo.picture)
    marked = np.abs(photo.astype(int) - plain).max(-1) > 0
    assert marked[150:210, 170:230].any() and marked.mean() < 0.1




def test_the_command_asks_again(home, capsys):
    assert cli.main(["again", saved(home), "-o", str(home / "out.png")]) in (0, None)
    said = capsys.readouterr().out
    assert "the same picture, to the pixel" in said and "1 mine: photo 200, 180 -> " in said and said.count("cosine") == 4
    assert cli.main(["again", saved(home), "--model", "mine"]) == 2
    (home / "checkpoints" / "mine.safetensors").unlink()
    assert cli.main(["again", str(home / "points.zip")]) == 2


def test_what_cannot_be_saved_or_read_is_told(home):
    with pytest.raises(Error, match="no point to save yet"):
        correspond.zipped(scene(), 100.0)
    with pytest.raises(Error, match="nothing to save yet"):
        correspond.zipped(None, 100.0)
    run = runs.load(saved(home))
    text = settings.written(run.settings).replace('"photo",\n    200', '"photo",\n    900')
    with pytest.raises(settings.SettingsError, match=r"options.points.0.1: "):
        settings.read(text.encode())
