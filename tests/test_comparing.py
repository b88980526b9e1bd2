"""All systems on the same two pictures: outcomes, the sheet, the settings, the command `compare`."""

import json

import numpy as np
import pytest
from made_up import FACE, PORTRAIT, RENDERED, checkpoint, checkpoint_mcl, checkpoint_segin, empty_photo
from PIL import Image

from cocos_demo import Matcher, Translator, checkpoints, comparing
from cocos_demo.cli import main
from cocos_demo.comparing import SIDE, CompareError
from cocos_demo.measured import PLACES, Measured
from cocos_demo.viz.contact import CELL, GAP, HEAD, NAME, Column, contact


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Three small systems for portraits, in place of those that ship, and one whose weights are torn."""
    home, patch = tmp_path_factory.mktemp("home"), pytest.MonkeyPatch()
    patch.setenv("COCOS_DEMO_HOME", str(home))
    patch.setattr(checkpoints, "FOLDER", home / "shipped")
    for make in (checkpoint, checkpoint_mcl, checkpoint_segin):
        make(home / "checkpoints", "portrait")
    torn = checkpoint(home / "checkpoints", "portrait").read_bytes()
    (home / "checkpoints" / "torn.safetensors").write_bytes(torn[:-100])
    (home / "checkpoints" / "junk.safetensors").write_bytes(b"junk")
    checkpoint(home / "checkpoints", "figure")
    yield home
    patch.undo()


@pytest.fixture(scope="module")
def outcomes(home):
    return [*comparing.each(comparing.family("portrait"), FACE, PORTRAIT)]


def test_a_family_reads_one_kind_of_condition(home):
    assert comparing.family("figure") == ["figure"]
    assert set(comparing.family("portrait")) >= {"portrait", "portrait_mcl_made_up", "portrait_segin_made_up"}
    assert "junk" not in comparing.family("portrait")
    with pytest.raises(CompareError, match="no checkpoint reads the condition 'grey'"):
        comparing.family("grey")
    with pytest.raises(CompareError, match="no condition 'smell'; there are auto, "):
        comparing.kind_of(FACE, "smell")
    assert comparing.kind_of(FACE) == "portrait" and comparing.kind_of(FACE, "figure") == "figure"


def test_each_gives_what_translator_and_matcher_give(home, outcomes):
    for outcome in outcomes:
        if outcome.trouble:
            continue
        result = Translator.load(outcome.name)(FACE, PORTRAIT)
        assert np.array_equal(outcome.image, result.image)
        assert outcome.photo == result.photo and outcome.exemplar == result.exemplar
        pair = Matcher.load(outcome.name).set_images(FACE, PORTRAIT).pair
        x, y = comparing.to_square([outcome], [(400, 300)])[0]
        q, mine = pair.query(400, 300, 100), outcome.queries([(x, y)])[0]
        assert mine.score == pytest.approx(q.score, abs=1e-5)
        (unit,) = pair.exemplar.frame.to_unit([[q.x, q.y]])
        assert np.allclose(unit * SIDE, (mine.x, mine.y), atol=1e-3)


def test_one_that_fails_says_why_and_the_others_go_on(home):
    names = ["nobody", "portrait"]
    lost, found = comparing.each(names, FACE, PORTRAIT)
    assert "there is no checkpoint 'nobody'" in lost.trouble and lost.image is None and not found.trouble
    told = comparing.settings(FACE, PORTRAIT, [lost, found])["systems"]
    assert told[0] == {"model": "nobody", "weights": None, "trouble": lost.trouble} and told[1]["seconds"] > 0
    with pytest.raises(CompareError, match="nobody"):
        comparing.sheet([lost])
    for outcome in comparing.each(["portrait", "portrait_mcl_made_up"], empty_photo(home / "grey.png"), PORTRAIT):
        assert "No face" in outcome.trouble


def test_the_cycle_error_is_the_mean_of_round_trips(outcomes):
    for outcome in outcomes:
        found = outcome.squares.grid(PLACES)
        assert len(found) == PLACES**2
        assert outcome.measured.trip == pytest.approx(found.distances.mean())
        assert outcome.measured.home == pytest.approx((found.distances <= 0.05 * SIDE).mean())
        assert outcome.measured.pck is None and outcome.measured.error is None


def test_distances_are_counted_in_the_pictures_of_the_pair(outcomes):
    pair = outcomes[0].pair
    small, large = (Measured.of(pair.square(side)) for side in (64, 512))
    assert large.trip == pytest.approx(8 * small.trip) and large.home == small.home


def test_between_rendered_samples_the_truth_is_told(home):
    (outcome,) = comparing.each(["figure"], *RENDERED)
    assert 0 <= outcome.measured.pck <= 1 and outcome.measured.error > 0
    assert [line.split()[-1] for line in comparing.in_lines(outcome)[-2:]] == ["truth", "it"]
    known = np.argwhere(np.isfinite(outcome.squares.errors()))[0]
    point = tuple((known[::-1] + 0.5) * SIDE / len(outcome.squares.errors()))
    told = comparing.settings(*RENDERED, [outcome], [point])
    assert told["systems"][0]["matches"][0]["error"] == pytest.approx(outcome.queries([point])[0].error)
    assert told["systems"][0]["error"] == pytest.approx(outcome.measured.error, abs=0.01)


def test_a_system_without_a_warp_paints_and_is_not_asked(home):
    import torch

    from cocos_demo import conditions
    from cocos_demo.models import SYSTEMS
    from cocos_demo.models.layers import bake

    torch.manual_seed(0)
    net = SYSTEMS["spade"]("tiny", condition_channels=len(conditions.KINDS["portrait"].channels), size=64)
    path = home / "spade.safetensors"
    checkpoints.save(path, bake(net), {"name": "spade", "system": "spade", "condition": "portrait", "size": 64})
    (outcome,) = comparing.each([str(path)], FACE, PORTRAIT)
    assert outcome.image.size == (64, 64) and outcome.warped is outcome.pair is outcome.measured is None
    assert outcome.queries([(1, 1)]) == [] and comparing.sheet([outcome]).width == 2 * (CELL + GAP) + GAP
    with pytest.raises(CompareError, match="none of these systems matches"):
        comparing.to_square([outcome], [(400, 300)])


def test_points_must_be_seen(outcomes):
    for point, words in (((-5, 3), "lies outside"), ((3,), "two numbers"), (("a", 2), "two numbers"), (4, "two numbers")):
        with pytest.raises(CompareError, match=words):
            comparing.to_square(outcomes, [point])


def test_a_sheet_has_a_column_for_each_and_every_picture_in_its_place(outcomes):
    page = comparing.sheet(outcomes)
    assert page.width == (len(outcomes) + 1) * (CELL + GAP) + GAP
    for i, outcome in enumerate(outcomes, 1):
        if not outcome.trouble:
            left, top = GAP + i * (CELL + GAP), HEAD + NAME
            there = np.asarray(page.crop((left, top, left + CELL, top + CELL)), int)
            ours = np.asarray(outcome.image.resize((CELL, CELL), Image.Resampling.LANCZOS), int)
            assert np.abs(there - ours).max() == 0
    plain = contact([Column("a", {"x": Image.new("RGB", (5, 5), "red"), "y": None}), Column("b", {}, ["why " * 30])])
    assert plain.getpixel((GAP + 9, HEAD + NAME + 9)) == (255, 0, 0) and plain.height >= HEAD + 2 * (NAME + CELL)
    assert np.asarray(plain.crop((GAP + 2 * CELL // 2 + GAP, HEAD, plain.width, plain.height))).min() < 100  # the words


def test_the_command_writes_sheet_and_settings(home, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    models = ["portrait", "portrait_mcl_made_up"]
    asked = ["compare", str(FACE), str(PORTRAIT), "-o", str(out), "--models", *models, "--at", "400", "300"]
    assert main(asked) == 0
    told = json.loads(out.with_suffix(".json").read_text("utf-8"))
    assert Image.open(out).width == 3 * (CELL + GAP) + GAP and (told["photo"], told["exemplar"]) == (FACE.name, PORTRAIT.name)
    assert [each["model"] for each in told["systems"]] == models and len(told["points"]) == 1
    assert all(len(each["weights"]) == 64 and each["cycle_error"] >= 0 for each in told["systems"])
    assert "cycle error" in capsys.readouterr().out
    assert main([*asked[:-2], "-4", "300"]) == 2 and "lies outside" in capsys.readouterr().err
    assert main(["compare", str(empty_photo(tmp_path / "g.png")), str(PORTRAIT)]) == 2
    assert "Neither a face nor a person" in capsys.readouterr().err
