"""tables.py, evaluation/papers.py and main_tables.py: diversity by hand, the command on made-up folders, its document."""

import json
from types import SimpleNamespace

import pytest
import torch
from folders import prepared
from test_evaluation import COCOSNET, SPADE, saved

from cocos_demo import checkpoints, tables
from cocos_demo.cli import main
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.evaluation import main_tables, papers
from cocos_demo.evaluation.critics import EVEN
from cocos_demo.evaluation.main_tables import DocumentError, filled
from cocos_demo.tables import TablesArgs, run

SETTINGS = dict(pairs=3, inputs=1, references=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of portraits and figures, and untrained networks: SPADE and CoCosNet for both."""
    root = tmp_path_factory.mktemp("tables")
    folders = {kind: prepared(root / kind, condition=kind, people=4, held_out=2) for kind in ("portrait", "figure")}
    torch.manual_seed(0)
    models = {}
    for kind in folders:
        models[kind] = saved(root / f"{kind}.safetensors", kind=kind, **COCOSNET)
        models[f"{kind}_spade"] = saved(root / f"{kind}_spade.safetensors", "spade", kind, **SPADE)
    return folders, models


class ByMean:
    """Judges two pictures by the distance of their mean grey."""

    distances = {"grey": None}

    def diversity(self, variants):
        means = variants.mean(dim=(1, 2, 3)).tolist()
        apart = [abs(a - b) for i, a in enumerate(means) for b in means[i + 1:]]
        return {"grey": sum(apart) / len(apart)}


def flat(*greys):
    return torch.stack([torch.full((3, 8, 8), grey) for grey in greys])


def test_diversity_is_the_mean_over_inputs_of_the_mean_over_pairs_of_one_input():
    # 0, 0.3, 0.9: distances 0.3, 0.9, 0.6, mean 0.6; 0.5, 0.5, 0.5: 0. Pairs across inputs do not count.
    assert papers.diversity(ByMean(), [flat(0.0, 0.3, 0.9), flat(0.5, 0.5, 0.5)])["grey"] == pytest.approx(0.3)
    assert papers.diversity(ByMean(), [flat(0.2, 0.2)]) == {"grey": 0.0}


def test_the_exemplars_of_an_input_are_others_and_the_same_ones_for_every_system():
    chosen = papers.references([3, 5, 7, 9, 11], 7, 3, seed=1)
    assert len(set(chosen)) == 3 and set(chosen) < {3, 5, 9, 11} and chosen == papers.references([3, 5, 7, 9, 11], 7, 3, 1)
    assert len({tuple(papers.references(list(range(20)), i, 3, 1)) for i in range(5)}) > 1
    with pytest.raises(DataError, match="need 5 held-out pictures; there are 3"):
        papers.references([1, 2, 3], 1, 4, 0)


def entry(system, **figures):
    return {"sha256": "", "system": system, "parameters": 1000, "steps": 7, "figures": {"pairs": 3, **figures}}


def kept(**models):
    asked = {"pairs": 3, "inputs": 1, "references": 2, "seed": 0, "judges": []}
    return {"portraits": {"asked": asked, "models": models}}


def test_the_best_is_bold_the_trivial_answer_stands_below_and_sets_stand_side_by_side():
    of_portrait = entry("cocosnet", SWD=12.0, **{"SWD of the exemplar itself": 15.0})
    found = kept(portrait_spade=entry("spade", SWD=20.0), portrait=of_portrait)
    found["figures"] = {"asked": found["portraits"]["asked"], "models": {"figure_segin": entry("segin", SWD=9.0)}}
    table = main_tables.blocks(found)["quality"]
    assert "| SPADE | 20.0 | – |" in table and "| CoCosNet | **12.0** | – |" in table and "| SEGIN | – | **9.000** |" in table
    assert "| *the exemplar itself* | 15.0 | – |" in table and "CoCosNet v2, Table 1" in table
    assert "FID is not among the columns of portraits" in main_tables.blocks(found)["systems"]


def test_a_second_checkpoint_of_a_system_has_its_own_row():
    found = main_tables.rows(kept(portrait=entry("cocosnet", SWD=1.0), mine=entry("cocosnet", SWD=2.0)))
    assert list(found) == ["CoCosNet", "CoCosNet, `mine`"] and found["CoCosNet"]["portraits: SWD"] == 1.0


def test_only_what_stands_between_the_marks_is_written():
    text = filled(main_tables.SKELETON, kept(portrait=entry("cocosnet", SWD=1.0)))
    mine = text.replace("<!-- end quality -->", "<!-- end quality -->\n\nMy words.").replace("# The papers'", "# Our")
    again = filled(mine, kept(portrait=entry("cocosnet", SWD=2.5)))
    assert again == mine.replace("1.000", "2.500") and "My words." in again
    with pytest.raises(DocumentError, match="no place for the table 'style'.*begin style"):
        filled(mine.replace("<!-- begin style -->", ""), kept(portrait=entry("cocosnet", SWD=1.0)))


def test_the_command_measures_what_is_missing_or_changed(made, tmp_path, capsys):
    folders, models = made
    out = tmp_path / "docs" / "tables.md"
    args = TablesArgs(folders["portrait"], folders["figure"], (models["portrait"], models["figure_spade"]), **SETTINGS, out=out)
    run(args)
    assert capsys.readouterr().out.count(": measuring") == 2
    first = json.loads(out.with_suffix(".json").read_text())["sets"]
    figures = first["portraits"]["models"]["portrait"]["figures"]
    assert figures["pairs"] == 3 and figures["SWD"] > 0
    out.write_text(out.read_text() + "\nBy hand.\n")

    run(args)
    assert capsys.readouterr().out.count("measured before") == 2
    args.models += (models["portrait_spade"],)
    run(args)
    said = capsys.readouterr().out
    assert said.count("measured before") == 2 and "portrait_spade: measuring" in said
    text = out.read_text()
    assert text.endswith("By hand.\n") and "| SPADE |" in text and "| CoCosNet | `portrait` |" in text
    assert text.index("| SPADE | `portrait_spade`") < text.index("| CoCosNet | `portrait` |")

    torch.manual_seed(1)
    changed = saved(tmp_path / "portrait.safetensors", kind="portrait", **COCOSNET)
    run(TablesArgs(folders["portrait"], models=(changed,), **SETTINGS, out=out))
    last = json.loads(out.with_suffix(".json").read_text())["sets"]
    assert last["figures"] == first["figures"]
    assert last["portraits"]["models"]["portrait"]["sha256"] == tables.sha256(tmp_path / "portrait.safetensors")
    assert last["portraits"]["models"]["portrait"]["figures"]["SWD"] != figures["SWD"]

    run(TablesArgs(folders["portrait"], models=(changed,), **SETTINGS | {"pairs": 2}, out=out))
    other = json.loads(out.with_suffix(".json").read_text())["sets"]
    assert list(other["portraits"]["models"]) == ["portrait"] and other["figures"] == first["figures"]


def test_the_same_network_has_the_same_figures_whatever_was_known(made):
    folders, models = made
    folder = PreparedFolder(folders["portrait"], "test", condition="portrait")
    net, _ = checkpoints.load(models["portrait"])
    args, critics = SimpleNamespace(seed=0, **SETTINGS), tables.Critics(3)
    alone = papers.measure(net, folder, args, critics)
    assert papers.measure(net, folder, args, critics, alone) == alone
    if EVEN in critics.distances:
        assert alone[papers.TO_TRUTH + EVEN] > 0 == alone[papers.TO_TRUTH + EVEN + papers.REAL]


def test_a_stopped_run_keeps_what_was_measured(made, tmp_path, monkeypatch):
    folders, models = made
    out, measure, begun = tmp_path / "tables.md", papers.measure, []

    def stopped(*given):
        begun.append(given)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return measure(*given)

    monkeypatch.setattr(papers, "measure", stopped)
    names = [models["portrait"], models["portrait_spade"]]
    settings = ["--pairs", "2", "--inputs", "1", "--references", "2", "--out", str(out)]
    assert main(["tables", "--portraits", str(folders["portrait"]), "--models", *names, *settings]) == 130
    assert list(json.loads(out.with_suffix(".json").read_text())["sets"]["portraits"]["models"]) == ["portrait"]
    assert "| CoCosNet |" in out.read_text() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("words, said", [
    ([], "at least one prepared folder"),
    (["--figures", "nowhere"], "not a prepared folder"),
    (["--portraits", "{portrait}", "--pairs", "1"], "--pairs must be 2 or more"),
    (["--portraits", "{portrait}", "--models", "{figure_net}"], "reads the condition figure"),
    (["--portraits", "{portrait}", "--models", "no_such"], "no checkpoint 'no_such'"),
    (["--portraits", "{portrait}", "--models", "{net}", "{net}"], "two networks are called portrait"),
    (["--portraits", "{portrait}", "--models", "{net}", "--out", "{torn}/tables.md"], "does not hold figures"),
])  # fmt: skip
def test_mistakes_are_told_in_a_line_before_the_work(made, tmp_path, capsys, words, said):
    folders, models = made
    (tmp_path / "tables.json").write_text("[1")
    places = {"portrait": folders["portrait"], "net": models["portrait"], "figure_net": models["figure"], "torn": tmp_path}
    out = [] if "--out" in words else ["--out", str(tmp_path / "new" / "t.md")]
    assert main(["tables", *(word.format(**places) for word in words), *out]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "new").exists()
