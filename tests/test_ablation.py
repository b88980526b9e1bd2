"""ablation.py: rows differ by one loss alone; the command trains, measures, and goes on."""

import json
from dataclasses import asdict

import pytest
from folders import prepared

from cocos_demo import ablation
from cocos_demo.ablation import FULL, ROWS, AblationArgs, row
from cocos_demo.datasets.prepared import DataError
from cocos_demo.training import TrainingError

EXTRAS = ("pixel", "warp", "warped_condition", "warped_labels", "detail", "domain_adv")


def test_each_row_leaves_out_the_loss_it_names_and_no_other(tmp_path):
    args = AblationArgs(tmp_path, tmp_path, tmp_path)
    for name, weights in ROWS.items():
        changed = {key for key, value in asdict(weights).items() if value != getattr(FULL, key)}
        assert changed == ({name.removeprefix("without-")} if name.startswith("without-") else set())
        assert all(getattr(weights, extra) == 0 for extra in EXTRAS)
        assert row(name, args).weights is weights and row(name, args).out == tmp_path / name
    assert {"feat", "domain", "perc", "context", "reg"} == {n.removeprefix("without-") for n in ROWS if n.startswith("without")}


def test_the_command_trains_measures_and_goes_on(tmp_path, monkeypatch, capsys):
    data = prepared(tmp_path / "data", people=4, held_out=2, size=64)
    monkeypatch.setattr(ablation, "ROWS", {name: ablation.replace(weights, feat=0, perc=0, context=0)
                                           for name, weights in ROWS.items()})
    args = AblationArgs(data, data, tmp_path / "out", rows=("full", "spade"), steps=2, batch=2, size=64, pairs=2, perceive=0,
                        jobs=1)
    ablation.run(args)
    printed = capsys.readouterr().out
    assert "| full |" in printed and "| spade |" in printed and "PCK@0.1" in printed
    results = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert len(results) == 2 and (tmp_path / "out" / "ablation.webp").is_file()
    before = (tmp_path / "out" / "full" / "log.jsonl").stat().st_mtime_ns
    ablation.run(args)  # everything is there: nothing is trained, the figures are the same
    assert json.loads((tmp_path / "out" / "ablation.json").read_text()) == results
    assert (tmp_path / "out" / "full" / "log.jsonl").stat().st_mtime_ns >= before


def test_a_size_that_does_not_fit_is_one_line(tmp_path):
    data = prepared(tmp_path / "data", size=64)
    with pytest.raises(TrainingError, match="size must be a multiple of 16"):
        ablation.run(AblationArgs(data, data, tmp_path / "out", rows=("full",), size=36, jobs=1))


def test_an_unknown_row_is_refused(tmp_path):
    with pytest.raises(DataError, match="without-perc"):
        ablation.run(AblationArgs(tmp_path, tmp_path, tmp_path, rows=("without-hope",)))
