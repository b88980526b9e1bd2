"""ablation_segin.py, evaluation/guided.py, matches.py, weak.py: rows differ in what they name alone; figures of networks and
matchers whose answer is known; the command trains, measures, and goes on."""

import json
from dataclasses import replace

import pytest
import torch
from folders import masked, prepared
from PIL import Image
from torch import nn

from cocos_demo import ablation_segin, checkpoints
from cocos_demo.ablation_segin import ROWS, WEIGHTS, AblationSEGINArgs, kept, row, shares_table
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.evaluation import guided, matches, weak
from cocos_demo.evaluation.critics import EVEN, FRECHET, PHOTO, Critics
from cocos_demo.evaluation.designs import DIVERSITY, Chosen, choose
from cocos_demo.matchers import MatcherError
from cocos_demo.metrics import pixel_centres
from cocos_demo.models import SYSTEMS, Translation
from cocos_demo.models.layers import bake
from cocos_demo.training import Trainer

TINY = dict(size=32, encoder=(8, 8, 8), halvings=2, nonlocals=1)


def network(path, condition="portrait"):
    torch.manual_seed(0)
    channels, drawing = {"portrait": (7, "lines"), "grey": (1, "grey")}[condition]
    net = SYSTEMS["segin"](condition_channels=channels, drawing=drawing, **TINY)
    checkpoints.save(path, bake(net), {"name": "made_up", "system": "segin", "condition": condition,
                                       "shares": {"recon": 0.75, "tv": 0.25}})
    return str(path)


@pytest.fixture
def args(tmp_path):
    data = masked(tmp_path / "data", people=4, held_out=2)
    for k, file in enumerate(sorted((data / "images").iterdir())):  # no two pictures alike
        Image.new("RGB", (32, 32), (20 * k, 250 - 20 * k, 128)).save(file)
    return AblationSEGINArgs(data, tmp_path / "out", networks=(), matchers=("vgg", "sift"), steps=2, batch=2, size=32, pairs=4,
                             known=2, references=2, inputs=1, jobs=1)


# ---- the rows


def test_rows_are_tables_1_and_2(args):
    assert [line.title for line in ROWS.values()] == [
        "SPADE, a style code", "w/o GAN", "w/o L_recon", "w/o L_F", "w/o L_tv", "w/o NL", "w/o MT", "SEGIN"]
    base = row("segin", "portrait", args)
    assert (base.lr_g, base.lr_d) == (2e-4, 2e-4) and row("segin", "grey", replace(args, lr=1e-3)).lr_g == 1e-3
    assert (base.weights.recon, base.weights.feature, base.weights.gan, base.weights.tv) == (100, 15, 3, 10)
    for name, line in ROWS.items():
        run = row(name, "portrait", args)
        same = replace(run, out=base.out, name=base.name)
        if line.system == "segin":
            for term in line.without:
                assert getattr(run.weights, term) == 0
                same = replace(same, weights=replace(same.weights, **{term: getattr(base.weights, term)}))
            assert same.weights == base.weights and replace(same, choices={}) == base, name
        assert (same.mix, same.seed, same.steps, same.batch) == (base.mix, base.seed, base.steps, base.batch)
    grey = row("segin", "grey", args)
    assert (grey.mix.colour, grey.condition, base.mix.colour) == (1.0, "grey", 0.7)
    assert replace(base, mix=grey.mix, condition="grey", out=grey.out, name=grey.name) == grey


def test_rows_learn_what_they_name(args):
    args = replace(args, steps=20)
    trainers = {name: Trainer(replace(row(name, "portrait", args), adversarial_from=0)) for name in ROWS if name != "spade"}
    states = {name: trainer.net.state_dict() for name, trainer in trainers.items()}
    assert not any(".mask_decoder" in key for key in states["without-mask"])
    assert not any(".theta" in key for key in states["without-nonlocal"])
    whole = {"recon", "feature", "gan", "tv", "seg", "attention"}
    for name, trainer in trainers.items():
        left_out = {"without-mask": {"seg", "attention"}}.get(name, set(ROWS[name].without))
        terms = trainer.train_step(trainer.sampler(0, 2))
        assert set(terms) - {"total", "grad_norm", "D"} == whole - left_out, name


# ---- what is measured


class Copies(nn.Module):
    """Hands back the reference, or a picture that knows the condition alone."""

    class config:
        size = 32

    def __init__(self, reference: bool):
        super().__init__()
        self.reference = reference

    def forward(self, x_A, y_B, y_A):
        return Translation(y_B if self.reference else x_A.expand(-1, 3, -1, -1) * 2 - 1, None, (), None)


def test_tables_1_and_2_of_networks_whose_answer_is_known(args):
    folder, critics = PreparedFolder(args.data, "test", condition="grey"), Critics(1)
    chosen = choose(folder, 100, 2)
    assert isinstance(chosen, Chosen) and len(chosen.other) == 2 * 2 * 2
    copies, blind = (guided.measure_guided(Copies(it), folder, chosen, critics, "", 4) for it in (True, False))
    assert copies["truth: L1"] == 0 == copies[f"truth: {EVEN}"] and blind["truth: L1"] > 1
    assert copies[guided.ERROR] == pytest.approx(1) and copies["known: L1"] > 1
    if critics.vgg.left_out:
        pytest.skip("the whole VGG-16 is not installed")
    assert copies[f"reference: {EVEN}"] == 0 and blind[f"reference: {EVEN}"] > 0
    assert copies[f"reference: {EVEN}{PHOTO}"] == blind[f"reference: {EVEN}{PHOTO}"] > 0
    assert copies[DIVERSITY + EVEN] > 0 == pytest.approx(blind[DIVERSITY + EVEN], abs=1e-6)
    assert not any("diversity" in key for key in guided.measure_guided(Copies(True), folder, chosen, critics, ""))
    text = guided.table_1("a task", {"copies": copies, "blind": blind})
    assert text.startswith("**Table I, a task**") and "| *real data* | –" in text and " 0.000 |" in text.splitlines()[-1]
    assert FRECHET in copies


def test_landmarks_brought_by_hand():
    """2 x 2 positions of a picture of 4 x 4 pixels; all match the lower right one."""
    xi, x = torch.full((2, 2), 3), torch.tensor([[0.1, 0.1], [0.4, 0.1], [0.9, 0.9], [1.2, 0.5]])
    r = torch.tensor([[0.625, 0.625], [0.875, 0.125], [0.875, 0.875], [0.5, 0.5]])
    # pixels (0, 0), (1, 0), (3, 3) go to the lower right cell's pixels at .625 and .875; the last one lies outside
    torch.testing.assert_close(matches.landmarks_brought(xi, (2, 2), 4, x, r), torch.tensor([0.0, 0.5, 0.0]))


class Same:
    """The same place, on a grid of 8 x 8."""

    k = 1

    def __call__(self, condition, x, r):
        return torch.arange(64).view(1, 8, 8).expand(len(r), -1, -1), (8, 8)


def test_a_matcher_whose_answer_is_known(args, tmp_path):
    net, _ = checkpoints.load(network(tmp_path / "one.safetensors"))
    folder = PreparedFolder(args.data, "test", condition="portrait")
    figures = matches.measure_matcher(net, Same(), folder, choose(folder, 4, 2).same, Critics(0), "")
    assert figures["W: L1"] == pytest.approx(figures["reference: L1"]) and figures["seconds"] > 0
    for t in matches.THRESHOLDS:
        assert figures[f"landmarks within {t}"] == figures[f"landmarks within {t}, same place"]
    ideal = pixel_centres(8, 8).flatten(1).T  # (64, 2)
    assert (matches.landmarks_brought(torch.arange(64).view(8, 8), (8, 8), 8, ideal, ideal) == 0).all()
    text = matches.table("made_up", {"same": figures})
    assert "| *the reference itself* |" in text and "| *the same place* |" in text


def test_better_and_worse_references(args, tmp_path):
    net, _ = checkpoints.load(network(tmp_path / "one.safetensors", "grey"))
    folder = PreparedFolder(args.data, "test", condition="grey")
    chosen = weak.inputs(folder, 3, 0)
    assert all(folder.same_scene(i, same) and i != same and not folder.same_person(i, other) for i, same, other in chosen)
    assert len({i for i, _, _ in chosen}) == 3
    found = weak.measure_weak(net, folder, chosen[:1], Critics(0), "")
    assert list(found) == [weak.SAME, weak.OTHER, *weak.STRANGE]
    for figures in found.values():
        assert 0 < figures["cosine"] <= 1 and 0 < figures["used"] <= 1
        assert figures["photo: lightness"] == 0 == figures["photo: faces"] and "photo: landmarks" not in figures
    strangers = weak.strangers(16)
    assert all(r.shape == (3, 16, 16) and r.abs().max() <= 1 and r.std() > 0.05 for r in strangers.values())


# ---- the command


def test_figures_are_read_back(tmp_path):
    path, measured = tmp_path / "figures" / "one.json", []

    def measure():
        measured.append(1)
        return {"a": len(measured)}

    assert [kept(path, {"pairs": n}, measure)["a"] for n in (3, 3, 4, 4)] == [1, 1, 2, 2]


def test_the_command_trains_measures_draws_and_goes_on(args, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(ablation_segin.WEIGHTS, "spade", replace(WEIGHTS["spade"], feat=0.0, detail=0.0, perc=0.0, context=0.0))
    one = replace(args, rows=("segin",), tasks=("grey",))
    ablation_segin.run(one)
    first, figures = args.out / "grey_segin" / "grey_segin.safetensors", args.out / "figures" / "grey_segin.json"
    before, written = first.read_bytes(), figures.stat().st_mtime_ns
    paths = tuple(network(tmp_path / f"{name}.safetensors", name) for name in ("portrait", "grey"))
    capsys.readouterr()
    ablation_segin.run(replace(one, rows=("spade", "segin"), networks=paths))
    assert first.read_bytes() == before and figures.stat().st_mtime_ns == written
    printed = capsys.readouterr().out
    for line in ("**Table I, colourisation**", "**Table II, colourisation**", "**Matchers, portrait**", "| sift |",
                 "| the back of a head |", "| grey | 75.0% | 25.0% |", "Split 'test' of data: 4 pictures of 2 people"):
        assert line in printed, line
    results = json.loads((args.out / "ablation_segin.json").read_text())
    assert set(results) == {"row, spade, grey", "row, segin, grey", *(f"weak, {path}" for path in paths),
                            *(f"matcher, {name}, {path}" for name in ("vgg", "sift") for path in paths)}
    assert (args.out / "ablation_segin.md").read_text().strip() in printed
    for sheet in ("figure11_grey", "figure10_portrait", "figure10_grey", "references_portrait", "references_grey"):
        assert (args.out / f"{sheet}.webp").stat().st_size > 100


def test_a_learned_matcher_serves_its_own_condition_alone(args, tmp_path):
    net = SYSTEMS["mclnet"]("mini", condition_channels=7, size=32, stride=4)
    path = str(tmp_path / "learned.safetensors")
    checkpoints.save(path, bake(net), {"name": "learned", "system": "mclnet", "condition": "portrait"})
    args = replace(args, matchers=("vgg", path))
    assert ablation_segin.readable("portrait", args) == ["vgg", path] and ablation_segin.readable("grey", args) == ["vgg"]


def test_shares():
    assert shares_table({"a": {"recon": 0.6, "tv": 0.4}, "b": {"recon": 1.0}}).splitlines()[2:] == [
        "| network | recon | tv |", "| --- | ---: | ---: |", "| a | 60.0% | 40.0% |", "| b | 100.0% | – |"]


@pytest.mark.parametrize("wrong, words", [
    (dict(rows=("cocosnet",)), "without-tv"), (dict(rows=()), "got none"), (dict(tasks=("figure",)), "tasks are portrait, grey"),
    (dict(known=0), "at least 1"), (dict(lr=0.0), "lr above 0"), (dict(steps=0), "at least 1"),
    (dict(networks=("portrait",)), "is a CoCosNet"),
    (dict(data="nowhere"), "not a prepared folder"),
])  # fmt: skip
def test_mistakes_are_told_before_anything_is_trained(args, wrong, words):
    with pytest.raises(DataError, match=words):
        ablation_segin.run(replace(args, **wrong))
    assert not args.out.exists()


def test_a_matcher_that_there_is_not(args, tmp_path):
    args = replace(args, networks=(network(tmp_path / "one.safetensors"),), matchers=("nobody",))
    with pytest.raises(MatcherError, match="nobody"):
        ablation_segin.run(args)
    assert not args.out.exists()


def test_a_folder_of_figures_is_refused(args, tmp_path):
    with pytest.raises(DataError, match="serves the condition figure"):
        ablation_segin.run(replace(args, data=prepared(tmp_path / "figures", people=4, held_out=2)))
