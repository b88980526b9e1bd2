"""ablation_mcl.py, evaluation/warps.py: rows differ in what they name alone; the command trains, measures, and goes on."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from folders import prepared

from cocos_demo import ablation_mcl
from cocos_demo.ablation_mcl import MARGINS, ROWS, AblationMCLArgs, row
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.evaluation.pairs import batch_of, choose_pairs
from cocos_demo.evaluation.tables import over_seeds
from cocos_demo.evaluation.warps import measure_warps, table
from cocos_demo.metrics import l1
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import resize
from cocos_demo.training import Trainer


@pytest.fixture
def args(tmp_path):
    data = prepared(tmp_path / "data", people=4, held_out=2, size=32)
    return AblationMCLArgs(data, data, tmp_path / "out", preset="mini", steps=2, batch=2, size=32, pairs=2, jobs=1)


def test_rows_are_table_4(args):
    assert len(ROWS) == 2 * (1 + len(MARGINS)) and MARGINS == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    base = row("baseline", 0, args)
    for name, line in ROWS.items():
        run = row(name, 0, args)
        assert run.weights.mcl == (0 if line.margin is None else 0.1) and run.choices.get("scm") == (None if line.scm else "0")
        assert line.margin in (None, run.weights.margin)
        same = replace(run, out=base.out, name=base.name, weights=replace(run.weights, mcl=0.0, margin=0.4), choices=base.choices)
        assert same == base, name
    again = row("m0.4-scm", 1, args)
    assert again.seed == 1 and again.out != row("m0.4-scm", 0, args).out


def test_rows_begin_with_the_same_encoders_and_learn_what_they_name(args):
    trainers = {name: Trainer(row(name, 0, args)) for name in ("baseline", "m0.0", "scm", "m0.5-scm")}
    states = {name: trainer.net.state_dict() for name, trainer in trainers.items()}
    encoders = [key for key in states["baseline"] if key.startswith(("F_A", "F_B"))]
    assert all(torch.equal(state[key], states["baseline"][key]) for state in states.values() for key in encoders)
    assert {name for name, state in states.items() if "scm.layer.weight" in state} == {"scm", "m0.5-scm"}
    for name, trainer in trainers.items():
        assert trainer.vgg is None
        for part in (trainer.net.G, trainer.D):
            part.register_forward_hook(lambda *given: pytest.fail("a row of the correspondence alone must not paint"))
        terms = trainer.train_step(trainer.sampler(0, 2))
        assert set(terms) - {"total", "grad_norm"} == {"domain", "reg", "warp"} | ({"mcl"} if "m0" in name else set())


def test_what_is_measured_of_a_network_that_cannot_be_wrong(args):
    """Made-up people are all in one place, so the same pixel is the truth; a network with a feature of its own for each place
    finds it, and its warp is the exemplar, half as fine."""
    folder = PreparedFolder(args.data, "test")
    net = SYSTEMS["mclnet"]("mini", condition_channels=35, size=32, scm=0).eval()
    places = torch.randn(1, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    net.F_A.forward = net.F_B.forward = lambda x: places
    found = measure_warps(net, folder, 2, 0, frozenset({"SSIM"}), "")
    for view in ("front", "full turn"):
        assert found[f"{view}, same person: pairs"] == 2
        assert found[f"{view}, same person: PCK@0.05"] == found[f"{view}, same person: PCK@0.05 same pixel"] == 1
    _, x_B, _, y_B = batch_of(folder, choose_pairs(folder, True, 2, 0, front=True), 32)
    expected = float(l1(resize(F.avg_pool2d(y_B, 2), (32, 32)), x_B).mean())
    assert found["front, same person: L1"] == pytest.approx(expected, rel=1e-3)
    assert found["front, same person: exemplar itself: L1"] == pytest.approx(float(l1(y_B, x_B).mean()), rel=1e-5)
    assert "front, same person: SSIM" not in found
    net.F_B.forward = lambda x: places.flip(2)
    assert measure_warps(net, folder, 2, 0, frozenset({"SSIM"}), "")["front, same person: PCK@0.05"] < 0.2


def test_over_seeds_by_hand():
    assert over_seeds([{"a": 1.0}, {"a": 4.0}, {"a": 1.0}]) == {"a": 2.0, "a, seeds apart": 3.0}
    assert over_seeds([{"a": 1.0}]) == {"a": 1.0}
    text = table({"one": [{"front, same person: PCK@0.1": 0.25}, {"front, same person: PCK@0.1": 0.75}],
                  "two": [{"front, same person: PCK@0.1": 0.375}, {"front, same person: PCK@0.1": 0.125}]})
    assert text.splitlines()[2:] == ["| correspondence | PCK@0.1 ↑ | PCK@0.1, seeds apart ↓ |", "| --- | ---: | ---: |",
                                     "| one | **0.500** | 0.500 |", "| two | 0.250 | **0.250** |"]


def test_the_command_trains_measures_draws_and_goes_on(args, capsys):
    args = replace(args, rows=("baseline", "m0.4-scm"), steps=1)
    ablation_mcl.run(args)
    printed = capsys.readouterr().out
    assert "| CoCosNet |" in printed and "| + MCL (m = 0.4) + SCM |" in printed and "seeds 0, 1" in printed
    assert all(word in printed for word in ("L1", "PSNR", "SSIM", "PCK@0.1", "seeds apart"))
    results = json.loads((args.out / "ablation_mcl.json").read_text())
    assert {name: set(each) for name, each in results.items()} == {"baseline": {"0", "1"}, "m0.4-scm": {"0", "1"}}
    assert (args.out / "ablation_mcl.webp").is_file()
    weights = args.out / "m0.4-scm_1" / "m0.4-scm_1.safetensors"
    before = weights.read_bytes()
    ablation_mcl.run(args)  # everything is there: nothing is trained, the figures are the same
    assert json.loads((args.out / "ablation_mcl.json").read_text()) == results and weights.read_bytes() == before


@pytest.mark.parametrize("wrong, words", [(dict(rows=("m0.6",)), "m0.5-scm"), (dict(seeds=()), "one seed"),
                                          (dict(mcl=0.0), "above 0"), (dict(test="nowhere"), "not a prepared folder")])
def test_mistakes_are_told_before_anything_is_trained(args, wrong, words):
    with pytest.raises(DataError, match=words):
        ablation_mcl.run(replace(args, **wrong))
    assert not args.out.exists()
