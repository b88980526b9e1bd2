"""ablation_mcl_portraits.py, evaluation/designs.py: rows differ in what they name alone; what is measured of networks whose
answer is known; the command trains, measures, and goes on."""

import json
from dataclasses import replace

import pytest
import torch
from folders import prepared
from PIL import Image
from torch import nn

from cocos_demo import ablation_mcl_portraits
from cocos_demo.ablation_mcl_portraits import ROWS, WEIGHTS, AblationMCLPortraitsArgs, row
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.evaluation.critics import EVEN, EXEMPLAR, FRECHET, Critics
from cocos_demo.evaluation.designs import DIVERSITY, choose, measure_design, note, tables
from cocos_demo.models import Translation
from cocos_demo.objectives import Weights
from cocos_demo.training import Trainer

SEEN = ("feat", "detail", "perc", "context")  # by a perceptual network, which would make these tests slow
CORRESPONDENCE = {"domain", "reg", "warp"}


@pytest.fixture
def args(tmp_path, monkeypatch):
    monkeypatch.setattr(ablation_mcl_portraits, "WEIGHTS", replace(WEIGHTS, **dict.fromkeys(SEEN, 0.0)))
    data = prepared(tmp_path / "data", condition="portrait", people=4, held_out=2, size=32)
    return AblationMCLPortraitsArgs(data, tmp_path / "out", preset="mini", steps=2, batch=2, size=32, known=2, jobs=1)


def test_rows_are_table_3(args):
    assert [line.title for line in ROWS.values()] == [
        "SPADE", "+ COR (CoCosNet)", "+ COR + MCL", "+ COR + SCM", "+ COR + MCL + SCM"]
    base = row("cor", 0, args)
    for name, line in ROWS.items():
        run = row(name, 0, args)
        assert run.weights.mcl == (0.1 if line.mcl else 0) and run.adversarial_from == 1
        same = replace(run, out=base.out, name=base.name, system=base.system, choices=base.choices,
                       weights=replace(run.weights, mcl=0.0, margin=Weights.margin, scale=Weights.scale))
        assert same == base, name
    assert (row("mcl", 0, args).weights.margin, row("mcl", 0, args).weights.scale) == (0.4, 30.0)
    choices = {name: row(name, 0, args).choices for name in ROWS}
    assert choices["mcl"] == choices["cor"] == choices["scm"] | {"scm": "0"} and choices["scm"] == choices["mcl-scm"]
    again = row("scm", 1, args)
    assert again.seed == 1 and again.out != row("scm", 0, args).out


def test_rows_begin_alike_and_learn_what_they_name(args):
    trainers = {name: Trainer(row(name, 0, args)) for name in ROWS}
    states = {name: trainer.net.state_dict() for name, trainer in trainers.items() if name != "spade"}
    shared = states["cor"]
    assert all(torch.equal(state[key], shared[key]) for state in states.values() for key in shared)
    assert {name for name, state in states.items() if set(state) > set(shared)} == {"scm", "mcl-scm"}
    terms = {name: trainer.train_step(trainer.sampler(0, 2)) for name, trainer in trainers.items()}
    named = {name: set(each) - {"total", "grad_norm", "pixel"} for name, each in terms.items()}
    assert named == {"spade": {"kl"}, "cor": CORRESPONDENCE, "mcl": CORRESPONDENCE | {"mcl"}, "scm": CORRESPONDENCE,
                     "mcl-scm": CORRESPONDENCE | {"mcl"}}
    # The first step is of the same pictures by the same weights.
    assert all(terms["cor"][name] == terms["mcl"][name] for name in CORRESPONDENCE | {"pixel"})
    assert terms["cor"]["warp"] != terms["scm"]["warp"] and terms["cor"]["domain"] == terms["scm"]["domain"]
    for trainer in trainers.values():
        assert "adv" in trainer.train_step(trainer.sampler(1, 2))


def folder_of_scenes(path):
    """P2 with two pictures in one scene and one in another, P3 with three in one; no two pictures alike."""
    data = prepared(path, condition="portrait", people=4, shots=3, held_out=2)
    index = json.loads((data / "index.json").read_text())
    for k, item in enumerate(index["items"]):
        item["scene"] = "street" if item["name"] == "P2_2" else "studio"
        Image.new("RGB", (32, 32), (20 * k, 250 - 20 * k, 128)).save(data / "images" / f"{item['name']}.jpg")
    (data / "index.json").write_text(json.dumps(index))
    return PreparedFolder(data, "test")


def test_what_is_chosen_by_hand(tmp_path):
    folder = folder_of_scenes(tmp_path / "data")
    chosen = choose(folder, 100, 3)
    assert len(set(chosen.other)) == 2 * 3 * 3 and len(choose(folder, 5, 3).other) == 5
    assert len(chosen.same) == 3 and all(folder.same_scene(i, j) and i != j for i, j in chosen.same)
    assert list(chosen.variants) == list(range(6))  # looks: P2 studio (0, 1), P2 street (2), P3 studio (3, 4, 5)
    for i, exemplars in chosen.variants.items():
        assert i not in exemplars and len(exemplars) == (2 if i == 2 else 3)  # 2 is the only picture of its look
        looks = {(folder.items[k]["person"], folder.items[k]["scene"]) for k in exemplars}
        assert len(looks) == len(exemplars)
    assert choose(folder, 100, 3) == chosen


class Copies(nn.Module):
    """Hands back the exemplar, or a picture that knows the condition alone."""

    class config:
        size = 32

    def __init__(self, exemplar: bool):
        super().__init__()
        self.exemplar = exemplar

    def forward(self, x_A, y_B, y_A):
        return Translation(y_B if self.exemplar else x_A[:, :3] * 2 - 1, None, (), None)


def test_what_is_measured_of_networks_whose_answer_is_known(tmp_path):
    folder = folder_of_scenes(tmp_path / "data")
    chosen, critics = choose(folder, 100, 2), Critics(1)
    copies, blind = (measure_design(Copies(exemplar), folder, chosen, critics, "") for exemplar in (True, False))
    assert copies["error / exemplar's error"] == 1 != blind["error / exemplar's error"]
    assert copies["output: PSNR"] == pytest.approx(copies["exemplar itself: PSNR"]) and "warp: PSNR" not in copies
    assert blind["SWD"] > copies["SWD"]
    said = note(folder, chosen, critics)
    assert "6 pictures of 2 people" in said and "18 outputs" in said and f"{5 * 3 + 1} distances" in said
    if critics.vgg.left_out:
        pytest.skip("the whole VGG-16 is not installed")
    # Both people have three pictures, so over all pairs the exemplars are the photos.
    assert copies[FRECHET] == pytest.approx(0, abs=1e-4 * blind[FRECHET]) and blind[FRECHET] > 0
    key = DIVERSITY + EVEN
    assert copies[key] == pytest.approx(copies[key + EXEMPLAR]) and copies[key] > 0 == pytest.approx(blind[key], abs=1e-6)
    assert "512 channels, and the covariance of 6 photos has a rank of 5 at most" in said


def test_tables_by_hand():
    a = {"SWD": 3.0, "error / exemplar's error": 0.5, "landmarks, eye distances": float("nan")}
    b = {"SWD": 2.0, "error / exemplar's error": 0.75, "landmarks, eye distances": 0.125}
    text = tables({"one": [a, a | {"SWD": 2.0}], "two": [b, b]})
    assert [line for line in text.splitlines() if line.startswith("|")] == [
        "| design | SWD ↓ | SWD, seeds apart ↓ |", "| --- | ---: | ---: |",
        "| one | 2.500 | 1.000 |", "| two | **2.000** | **0.000** |",
        "| design | error / exemplar's ↓ | landmarks ↓ | error / exemplar's, seeds apart ↓ |", "| --- | ---: | ---: | ---: |",
        "| one | **0.500** | – | **0.000** |", "| two | 0.750 | **0.125** | **0.000** |"]  # fmt: skip


def test_the_command_trains_measures_draws_and_goes_on(args, capsys):
    one = replace(args, rows=("spade",), steps=1)
    ablation_mcl_portraits.run(one)
    first = args.out / "spade_0" / "spade_0.safetensors"
    before = first.read_bytes()
    args = replace(one, rows=("spade", "mcl-scm"))
    ablation_mcl_portraits.run(args)  # the first row is there and is not trained again
    printed = capsys.readouterr().out
    assert "| SPADE |" in printed and "| + COR + MCL + SCM |" in printed and "4 pictures of 2 people" in printed
    assert "from step 1" in printed and first.read_bytes() == before
    results = json.loads((args.out / "ablation_mcl_portraits.json").read_text())
    assert {name: set(each) for name, each in results.items()} == {"spade": {"0"}, "mcl-scm": {"0"}}
    assert "warp: PSNR" in results["mcl-scm"]["0"] and "warp: PSNR" not in results["spade"]["0"]
    assert (args.out / "ablation_mcl_portraits.webp").stat().st_size > 100


@pytest.mark.parametrize("wrong, words", [
    (dict(rows=("cocosnet",)), "mcl-scm"), (dict(seeds=()), "one seed"), (dict(mcl=0.0), "above 0"), (dict(known=0), "above 0"),
    (dict(steps=0), "at least 1"), (dict(data="nowhere"), "not a prepared folder"),
])  # fmt: skip
def test_mistakes_are_told_before_anything_is_trained(args, wrong, words):
    with pytest.raises(DataError, match=words):
        ablation_mcl_portraits.run(replace(args, **wrong))
    assert not args.out.exists()


def test_other_folders_are_refused(args, tmp_path):
    figures = prepared(tmp_path / "figures", people=4, held_out=2)
    with pytest.raises(DataError, match="serves the condition figure"):
        ablation_mcl_portraits.run(replace(args, data=figures))
    few = prepared(tmp_path / "few", condition="portrait", people=3, held_out=1)
    with pytest.raises(DataError, match="no photo with two exemplars of different looks"):
        ablation_mcl_portraits.run(replace(args, data=few))
    assert not args.out.exists()
