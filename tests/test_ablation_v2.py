"""ablation_v2.py: rows differ in what they name alone; the command trains, measures, and goes on."""

import json
from dataclasses import replace

import pytest
import torch
from folders import prepared

from cocos_demo import ablation_v2, checkpoints
from cocos_demo.ablation_v2 import ROWS, AblationV2Args, row
from cocos_demo.datasets.prepared import DataError
from cocos_demo.evaluation.levels import LevelMeter
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake
from cocos_demo.training import Trainer

SMALL = {"widths": "8,8,16", "features": "8", "generator": "8,8,4", "hidden": "4", "memory": "4"}


@pytest.fixture
def args(tmp_path, monkeypatch):
    data = prepared(tmp_path / "data", people=4, held_out=2, size=32)
    monkeypatch.setattr(ablation_v2, "ROWS", {name: {**choices, **SMALL} for name, choices in ROWS.items()})
    return AblationV2Args(data, data, tmp_path / "out", steps=2, batch=2, size=32, pairs=2, jobs=1)


def test_rows_are_table_5(args):
    told = {name: (net.config.refinement, net.config.propagation) for name in ROWS for net in [Trainer(row(name, args)).net]}
    assert told == {"none": ("none", True), "gru-only": ("gru", False), "conv": ("conv", True), "gru": ("gru", True),
                    "gru-frozen": ("gru", True)}
    runs = {name: row(name, args) for name in ROWS}
    same = {replace(run, out=args.out, name="", choices={}, freeze=()) == replace(runs["gru"], out=args.out, name="", choices={})
            for run in runs.values()}
    assert same == {True}
    assert [name for name, run in runs.items() if run.freeze] == ["gru-frozen"]


def test_rows_begin_with_the_same_weights(args):
    nets = {name: Trainer(row(name, args)).net.state_dict() for name in ROWS}
    for name, state in nets.items():
        unets = [key for key in nets["gru"] if key.startswith(("M_A", "M_B"))]
        assert unets and all(torch.equal(state[key], nets["gru"][key]) for key in unets), name
    for name in ("gru-only", "gru-frozen"):
        assert all(torch.equal(value, nets["gru"][key]) for key, value in nets[name].items())


def test_nothing_is_painted_in_training(args):
    trainer = Trainer(row("gru", args))
    assert trainer.vgg is None
    for part in (trainer.net.G, trainer.D):
        part.register_forward_hook(lambda *given: pytest.fail("a row of the correspondence alone must not paint"))
    terms = trainer.train_step(trainer.sampler(0, 2))
    assert {"domain", "reg", "warp", "mapping", "warped_condition"} <= set(terms) and "D" not in terms


def saved(path, system, **choices):
    net = SYSTEMS[system](condition_channels=35, size=32, **choices)
    checkpoints.save(path, bake(net), {"name": path.stem, "system": system, "condition": "figure", "steps": 7})
    return str(path)


def test_the_command_trains_measures_draws_and_goes_on(args, tmp_path, capsys):
    whole = saved(tmp_path / "whole.safetensors", "cocosnet_v2", strides=(2, 1), **V2)
    args = replace(args, rows=("none", "gru-frozen", "gru"), networks=(whole,))
    ablation_v2.run(args)
    printed = capsys.readouterr().out
    assert printed.count("| PatchMatch + frozen GRU |") == 2 and "Table 4, whole" in printed
    assert "Table 4, PatchMatch + GRU" in printed and "all levels in full" in printed and "once it is trained" in printed
    out = args.out
    results = json.loads((out / "ablation_v2.json").read_text())
    assert set(results) == {"none", "gru-frozen", "gru-then", "gru", "whole"} and results["gru"]["steps"] == 2
    assert 0 <= results["gru"]["full turn, same person: 32 px, published: PCK@0.1"] <= 1
    assert (out / "figure8.webp").is_file() and (out / "figure7_whole.webp").is_file()
    weights = (out / "gru" / "gru.safetensors").read_bytes()
    ablation_v2.run(args)  # everything is there: nothing is trained, the figures are the same
    assert json.loads((out / "ablation_v2.json").read_text()) == results
    assert (out / "gru" / "gru.safetensors").read_bytes() == weights


V2 = dict(widths=(8, 8, 16), features=8, generator=(8, 8, 4), hidden=4, memory=4)


def test_a_network_alone_needs_no_rows(args, tmp_path, capsys):
    whole = saved(tmp_path / "whole.safetensors", "cocosnet_v2", strides=(4, 2, 1), **V2)
    ablation_v2.run(replace(args, rows=(), networks=(whole,)))
    printed = capsys.readouterr().out
    assert "Table 4, whole" in printed and "Table 5" not in printed
    assert sorted(path.name for path in args.out.iterdir()) == ["ablation_v2.json", "figure7_whole.webp"]


def test_what_training_the_gru_gains():
    meters = []
    for errors, more in (([30.0, 20.0, 40.0], 1.0), ([28.0, 21.0, 35.0], 3.0)):
        meters.append(LevelMeter())
        meters[-1].rows["64 px, network: L1"] = [more] * 3
        meters[-1].rows["64 px, network: L1 over the figure"] = errors
    picture, figure = ablation_v2.what_training_the_gru_gains(*meters, 64).splitlines()
    assert "L1: 1.00 with the GRU frozen, 3.00 once it is trained, nothing else changed; lower in 0 of 3 pairs" in picture
    assert "over the figure: 30.00 with the GRU frozen, 28.00 once it is trained" in figure and "in 2 of 3 pairs" in figure


def test_the_gru_alone_is_trained_on(args):
    """The run after the row with the frozen GRU: its GRU learns, every other parameter stays."""
    ablation_v2.train_rows([row("gru-frozen", args)], 1)
    trainer = Trainer(ablation_v2.then_the_gru(args))
    before = {name: p.detach().clone() for name, p in trainer.net.named_parameters()}
    trainer.run()
    moved = {name for name, p in trainer.net.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if ".gru." in name}


def test_mistakes_are_told_before_anything_is_trained(args, tmp_path):
    other = saved(tmp_path / "other.safetensors", "cocosnet", pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4)
    row_like = saved(tmp_path / "gru.safetensors", "cocosnet_v2", strides=(4, 2, 1), **V2)
    faces = prepared(tmp_path / "faces", condition="portrait")
    for changes, said in ((dict(networks=(other,)), "other.safetensors is a CoCosNet .* levels of CoCosNet v2"),
                          (dict(networks=(row_like,)), "cannot be called gru"), (dict(rows=()), "rows are none, gru-only"),
                          (dict(data=faces), "for the condition portrait"), (dict(test=faces), "portrait"),
                          (dict(test=tmp_path / "nowhere"), "nowhere"), (dict(rows=("lstm",)), "gru-frozen, gru; got lstm")):
        with pytest.raises(DataError, match=said):
            ablation_v2.run(replace(args, **changes))
    assert not args.out.exists()
