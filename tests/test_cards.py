"""cards.py: the files in the repository are what the command writes today; what a card says, by a made-up checkpoint."""

import ast
import re

import pytest
import torch
from test_evaluation import SPADE, saved

from cocos_demo import cards, checkpoints, packed, tables
from cocos_demo.cards import CardsArgs, all_cards, card, run
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake

FOLDER = checkpoints.FOLDER / "cards"


def test_every_checkpoint_that_ships_has_the_card_that_the_command_writes_today():
    there = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    assert sorted(there) == sorted(checkpoints.shipped()), "run: python -m cocos_demo cards"
    for name, text in all_cards().items():
        assert there[name] == text, f"{name}.md is stale; run: python -m cocos_demo cards"


@pytest.mark.parametrize("name", checkpoints.shipped())
def test_a_card_has_the_head_of_the_hub_and_all_its_parts(name):
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1]
    for line in ("license: mit", "library_name: cocos_demo", "pipeline_tag: image-to-image", "tags:"):
        assert line in head.splitlines()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["How to use it", "Training data", "Training", "Figures", "Limits", "Licence", "Citation"]
    assert "none of them is real" in text and "Not known" not in text and name in text
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    ast.parse(code)
    assert len(code.splitlines()) == 3 and not re.search(r"(^|[\s`(])/\w", text)  # nobody's paths


def made_up(path, **told):
    torch.manual_seed(0)
    net = bake(SYSTEMS["spade"](condition_channels=7, size=32, **SPADE))
    checkpoints.save(path, net, {"name": path.stem, "system": "spade", "condition": "portrait", "size": 32, **told})
    return path


def test_a_card_says_what_the_checkpoint_says(tmp_path):
    path = made_up(tmp_path / "mine.safetensors", steps=90, steps_before=60, batch=4, seed=3, limits="Only oil.", people=8,
                   pictures=1234, split="train", data=["openpeople (MIT), AI-made people, painted by filters"],
                   rates={"G": 0.0002, "D": 0.0004}, generator="/somewhere/else.safetensors", shares={"perc": 1.0},
                   weights={"perc": 0.1, "feat": 2.0})
    text = card("mine", path, {})
    assert "## Limits\n\nOnly oil.\n" in text and "90 steps, 60 of them in earlier runs, batches of 4, seed 3." in text
    assert "painted by filters. The people are made by AI" in text and "1,234 pictures of 8 people" in text
    assert "perc 0.1." in text and "feat" not in text and "weights of an earlier run" in text and "somewhere" not in text
    assert "learning rate 0.0002 of the generator and 0.0004 of the discriminator" in text and cards.NOT_MEASURED in text


def test_a_card_names_the_file_that_must_lie_beside_its_own(tmp_path):
    first, second = made_up(tmp_path / "first.safetensors"), made_up(tmp_path / "second.safetensors")
    assert "same folder" not in card("second", second, {})
    packed.share(second, first)
    assert "`first` must lie in the same folder" in card("second", second, {})


def test_a_card_without_notes_tells_the_limits_of_its_kind(tmp_path):
    text = card("mine", made_up(tmp_path / "mine.safetensors"), {})
    assert cards.LIMITS["portrait"] in text and cards.OF_SYSTEMS["spade"] in text


def test_figures_are_told_of_the_very_file_that_was_measured(tmp_path):
    path = made_up(tmp_path / "mine.safetensors")
    entry = {"sha256": tables.sha256(path), "figures": {"pairs": 32, "SWD": 12.3456, "colour": 0.9}}
    text = card("mine", path, {"portraits": {"models": {"mine": entry}}})
    assert "Held-out portraits, 32 pairs" in text and "| SWD ↓ | 12.346 |" in text and "| colour ↑ | 0.900 |" in text
    assert "FID" not in text
    entry["sha256"] = "another"
    assert cards.NOT_MEASURED in card("mine", path, {"portraits": {"models": {"mine": entry}}})


def test_the_command_writes_them_and_takes_away_what_no_longer_ships(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    saved(tmp_path / "weights" / "mine.safetensors", "spade", "portrait", **SPADE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gone.md").write_text("old")
    run(CardsArgs(tmp_path / "out", tmp_path / "none.json"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.md"] and "1 cards" in capsys.readouterr().out
