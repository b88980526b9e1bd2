"""A matching told step by step: what is measured of each step, how it is drawn and written, and the command that does it."""

import numpy as np
import pytest
import torch
from made_up import FACE, RENDERED, checkpoint, checkpoint_v2, empty_photo
from PIL import Image

from cocos_demo import cli, viz
from cocos_demo.datasets.truth import Surface
from cocos_demo.models import CoCosNetV2, patchmatch
from cocos_demo.pair import View
from cocos_demo.pictures import PictureError, write_animation
from cocos_demo.recording import measured, record, table
from cocos_demo.replay import Frame, ReplayError
from cocos_demo.translator import Translator
from cocos_demo.viz import steps


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return checkpoint_v2(tmp_path_factory.mktemp("weights"), "figure")


@pytest.fixture(scope="module")
def told(weights):
    """One rendered person in two pictures, matched by an untrained network."""
    return record(Translator.load(weights, "cpu"), *RENDERED)


def frame(level: int, step: str, places: torch.Tensor, iteration: int = 0) -> Frame:
    """One candidate a position: places (n, n, 2) in cells of an n x n grid."""
    n = len(places)
    S = torch.linspace(0.2, 0.8, n * n).view(n, n, 1)
    return Frame(level, iteration, step, places.unsqueeze(2), S, torch.zeros(3, n, n), (n, n))


def identity(n: int) -> torch.Tensor:
    return patchmatch.centres(n, n, torch.zeros(1))


def by_hand(known: bool = True):
    """Level 0 is the identity. Level 1 begins with it, then its two left columns go one cell to the right."""
    y, x = np.mgrid[:8, :8] / 8
    surface = Surface(np.stack([x, y, 0 * x], axis=2).astype(np.float32), x >= 0.5) if known else None  # the right half
    views = [View.whole(name, Image.new("RGB", (64, 64)), (4, 4), surface) for name in ("photo", "exemplar")]
    moved = identity(4)
    moved[:, :2, 0] += 1
    moved[:, 3, 0] -= 1  # and the last one to the left: an error of a quarter
    frames = [frame(0, "exact", identity(2)), frame(1, "initialise", identity(4)), frame(1, "propagate", moved, 1)]
    return list(measured(CoCosNetV2("tiny", condition_channels=1), frames, *views))


def test_what_moved():
    first, second, third = by_hand()
    assert first.moved is None
    assert second.moved == 0  # the identity, finer, is the identity
    assert third.moved == 0.75  # three columns of four


def test_a_coarse_field_counts_as_it_is_at_the_finer_level():
    """One of four coarse positions goes one cell to the right, so its four fine ones begin two cells to the right."""
    places = identity(2)
    places[0, 0, 0] += 1
    frames = [frame(0, "exact", places), frame(1, "initialise", identity(4))]
    views = [View.whole(name, Image.new("RGB", (64, 64)), (4, 4)) for name in ("photo", "exemplar")]
    assert [s.moved for s in measured(CoCosNetV2("tiny", condition_channels=1), frames, *views)] == [None, 0.25]


def test_how_far_off_the_truth():
    first, second, third = by_hand()
    assert len(first.errors) == 2 and len(second.errors) == 8  # the right half
    assert second.error == pytest.approx(1 / 16, abs=0.07)  # the twin is the centre of a sample, half a sample off at most
    assert third.pck[0.05] <= second.pck[0.05] and (third.errors > 0.15).sum() == 4  # of two columns the one that moved
    assert third.pck[0.1] == 0.5
    assert by_hand(known=False)[2].error is None and by_hand(known=False)[2].pck == {}


def test_names_and_scores():
    first, second, third = by_hand()
    assert first.name == "Level 1 of 2, 2 × 2: exact" and third.name == "Level 2 of 2, 4 × 4, iteration 1: propagate"
    assert first.score == pytest.approx(0.5) and "Eq. 4" in first.does and "the 1 best (Eq. 5)" in third.does


def test_two_rendered_pictures_with_their_truth(told):
    assert len(told.steps) == 16 and [len(told.of_level(level)) for level in range(4)] == [1, 5, 5, 5]
    assert told.photo.picture.size == told.exemplar.picture.size == (512, 512) and told.condition.size == (64, 64)
    for step in told.steps:
        n = 8 << step.level
        assert step.scores.shape == (n, n) and step.warp.size == (n, n) and step.places.shape == (n, n, 2)
        assert (step.places >= 0).all() and (step.places <= 1).all()
        assert step.error > 0 and list(step.pck) == [0.05, 0.1] and 0 <= step.pck[0.05] <= step.pck[0.1] <= 1
    assert 200 < len(told.steps[-1].errors) < 1000  # the figure's positions that are seen in both


def test_the_table_has_a_line_for_every_step(told):
    lines = table(told).splitlines()
    assert len(lines) == 17 and lines[0].split() == ["mean", "score", "moved", "median", "error", "PCK@0.05", "PCK@0.1"]
    assert len({*map(len, lines)}) == 1 and lines[1].startswith("Level 1 of 4, 8 × 8: exact")
    assert f"{told.steps[3].score:.4f}" in lines[4] and f"{100 * told.steps[3].moved:.1f} %" in lines[4]


def test_a_system_without_steps_is_told(tmp_path):
    with pytest.raises(ReplayError, match="Take a network of CoCosNet v2"):
        record(Translator.load(checkpoint(tmp_path, "portrait"), "cpu"), FACE, FACE)


# ---- pictures


def test_a_place_has_the_colour_of_its_match(told):
    """On a uniform grey picture nothing lies under the colours but that grey."""
    from dataclasses import replace

    photo, exemplar = (replace(view, picture=Image.new("RGB", (512, 512), "grey")) for view in (told.photo, told.exemplar))
    step = told.steps[0]  # 8 x 8: blocks of 64 pixels
    field, key = np.asarray(steps.field(step, photo, exemplar), int), np.asarray(steps.key(exemplar), int)
    for row, column in ((1, 2), (4, 4), (7, 0)):
        x, y = (step.places[row, column] * 512).astype(int)
        assert np.abs(field[64 * row + 32, 64 * column + 32] - key[y, x]).max() <= 6  # the key changes within a cell


def test_scores_are_yellow_where_they_are_high(told):
    step = told.steps[0]
    low, high = steps.score_scale([step])
    picture = np.asarray(steps.scores(step, low, high), int)
    assert picture.shape == (8, 8, 3) and high == pytest.approx(step.scores.max())
    colours = (255 * viz.overlays.HEAT([0.0, 1.0])[:, :3]).round().astype(int)
    assert (picture[np.unravel_index(step.scores.argmin(), (8, 8))] == colours[0]).all()
    assert (picture[np.unravel_index(step.scores.argmax(), (8, 8))] == colours[1]).all()


def test_a_frame_for_every_step(told):
    frames, durations = steps.animation(told)
    assert len(frames) == len(durations) == 16 and len({frame.size for frame in frames}) == 1
    assert durations[-1] > durations[0] and len({frame.tobytes() for frame in frames}) == 16


@pytest.mark.parametrize("ending", [".webp", ".gif", ".png"])
def test_an_animation_is_what_was_given(ending, tmp_path):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    write_animation(frames, [100, 200, 300], tmp_path / f"new/a{ending}")
    with Image.open(tmp_path / f"new/a{ending}") as image:
        assert image.n_frames == 3 and image.size == (40, 30)
        for at, colour in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255))):
            image.seek(at)
            assert np.abs(np.subtract(image.convert("RGB").getpixel((20, 15)), colour)).max() < 30
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"a{ending}"]


def test_where_no_animation_can_go(tmp_path):
    (tmp_path / "a.webp").mkdir()
    for name, words in (("a.jpg", "no format of animations; use .webp, .gif, .png"), ("a.webp", "a folder")):
        with pytest.raises(PictureError, match=words):
            write_animation([Image.new("RGB", (9, 9))] * 2, [9, 9], tmp_path / name)


# ---- the command


def test_the_command_writes_the_animation_and_prints_the_table(weights, tmp_path, capsys):
    out = tmp_path / "field.webp"
    assert cli.main(["patchmatch", *map(str, RENDERED), "--model", str(weights), "--device", "cpu", "-o", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 18 and "16 steps" in said[-1] and "figure_v2_made_up" in said[-1]
    with Image.open(out) as image:
        assert image.format == "WEBP" and image.n_frames == 16


@pytest.mark.parametrize("which", ["missing", "nobody", "one step", "ending", "no such network"])
def test_a_mistake_is_one_line_and_exit_code_two(which, weights, tmp_path, capsys, monkeypatch):
    from cocos_demo import checkpoints

    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "none")
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    photo = {"missing": tmp_path / "no.jpg", "nobody": empty_photo(tmp_path / "grey.png")}.get(which, RENDERED[0])
    model = {"one step": checkpoint(tmp_path, "figure"), "no such network": "auto"}.get(which, weights)
    out = tmp_path / ("o.jpg" if which == "ending" else "o.webp")
    assert cli.main(["patchmatch", str(photo), str(RENDERED[1]), "--model", str(model), "-o", str(out)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("error: ") and not out.exists()
