"""evaluation/: pairs, truth, likeness, critics and tables by hand, and the command on made-up folders."""

import json
import math

import pytest
import torch
from folders import prepared

from cocos_demo import checkpoints, features
from cocos_demo.conditions import KINDS
from cocos_demo.conditions.portrait import LIPS, OVAL
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.evaluation import EvaluateArgs, choose_pairs, run
from cocos_demo.evaluation.critics import EVEN, EXEMPLAR, FRECHET, PHOTO, Critics
from cocos_demo.evaluation.figures import regions as part_regions
from cocos_demo.evaluation.figures import true_places
from cocos_demo.evaluation.likeness import likeness
from cocos_demo.evaluation.pairs import Answers
from cocos_demo.evaluation.portraits import regions as face_regions
from cocos_demo.evaluation.tables import markdown
from cocos_demo.metrics import pixel_centres
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake

COCOSNET = dict(pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4)
SPADE = dict(encoder=(4, 8, 8), code=4, generator=(8, 8, 4), hidden=4)


def saved(path, system="cocosnet", kind="figure", **choices):
    net = SYSTEMS[system](condition_channels=len(KINDS[kind].channels), size=32, **choices)
    checkpoints.save(path, bake(net), {"name": path.stem, "system": system, "condition": kind, "size": 32, "steps": 7})
    return str(path)


def test_pairs_are_different_and_of_the_sort_asked_for(tmp_path):
    folder = PreparedFolder(prepared(tmp_path / "data", held_out=3), "test")
    same, cross = (choose_pairs(folder, sort, 100, 0) for sort in (True, False))
    assert len(set(same)) == len(same) == 6 and len(set(cross)) == len(cross) == 24
    assert all(folder.items[i]["person"] == folder.items[j]["person"] and i != j for i, j in same)
    assert choose_pairs(folder, False, 5, 0) == choose_pairs(folder, False, 5, 0) != choose_pairs(folder, False, 5, 1)
    folder.items[0]["scene"] = "park"
    assert all(0 not in pair for pair in choose_pairs(folder, True, 100, 0))
    assert any(0 in pair for pair in choose_pairs(folder, True, 100, 0, any_scene=True))


@pytest.mark.parametrize("size", [32, 64])
def test_true_places_of_a_folder_as_large_or_larger(tmp_path, size):
    folder = PreparedFolder(prepared(tmp_path / "data", size=size), "test")
    truth, visible, figure = true_places(folder, 0, 1, 32)
    # In the made-up folder every picture has its figure, and each of its points, in the same place.
    square = torch.zeros(32, 32, dtype=torch.bool)
    square[8:24, 8:24] = True
    assert torch.equal(figure, square) and torch.equal(visible, square)
    torch.testing.assert_close(truth[:, square], pixel_centres(32, 32)[:, square])
    assert torch.equal(part_regions(folder, 0, 32) > 0, square)
    with pytest.raises(DataError, match="128 px or more"):
        true_places(folder, 0, 1, 128)


def test_regions_of_a_face():
    points = torch.full((478, 2), 0.5)
    for chain, radius in ((OVAL[0], 0.4), (LIPS[0], 0.1)):  # circles about the middle
        turn = torch.linspace(0, 2 * math.pi, len(chain))[:-1]
        points[list(chain)[:-1]] = 0.5 + radius * torch.stack([turn.sin(), -turn.cos()], dim=1)
    drawn = face_regions(points, 128)
    skin, lips = ((drawn == number).float().mean().item() for number in (1, 4))
    assert lips == pytest.approx(math.pi * 0.1**2, abs=0.004) and skin == pytest.approx(math.pi * 0.4**2 - lips, abs=0.02)
    assert drawn[64, 64] == 4 and drawn[64, 30] == 1 and drawn[2, 2] == 0


def answers(outputs, photos, exemplars, warps=None, figures=None):
    labels = torch.zeros(len(photos), 32, 32, dtype=torch.long)
    labels[:, 8:24, 8:24] = 1
    return Answers(outputs, warps, photos, exemplars, labels, labels, figures)


def test_likeness_by_hand():
    pytest.importorskip("torchmetrics")
    photos = torch.zeros(2, 3, 32, 32)
    figures = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    figures[..., :16] = True
    outputs = photos.clone()
    outputs[..., :16] = 0.2
    found = likeness(answers(outputs, photos, photos + 0.4, figures=figures))
    assert found["output: L1"] == pytest.approx(12.75) and found["output: L1 over the figure"] == pytest.approx(25.5)
    assert found["output: PSNR over the figure"] == pytest.approx(20, abs=1e-4)
    assert found["exemplar itself: L1"] == pytest.approx(51)
    assert found["output: SSIM"] > found["output: SSIM over the figure"]
    assert not any(name.startswith("warp") for name in found)
    found = likeness(answers(outputs, photos, outputs, warps=outputs), frozenset({"SSIM"}))
    assert found["warp: L1"] == found["output: L1"] and not any("SSIM" in name or "figure" in name for name in found)


@pytest.fixture(scope="module")
def pictures():
    torch.manual_seed(0)
    return torch.rand(2, 2, 3, 32, 32) * 2 - 1  # photos, exemplars


def test_critics_know_the_photo_and_the_exemplar(pictures):
    critics = Critics(2)
    if critics.vgg.left_out:
        pytest.skip("the whole VGG-16 is not installed")
    photos, exemplars = pictures
    found = critics.looks(answers(photos, photos, exemplars))
    assert found["pairs seen by VGG-16"] == 2
    assert found["semantic consistency"] == pytest.approx(1) == found["semantic consistency by region"]
    assert found[FRECHET] == pytest.approx(0, abs=1e-6) and found["SWD"] == 0
    assert found["colour"] == found["colour" + PHOTO] < 1 and found["texture by region"] < 1
    other = critics.looks(answers(exemplars, photos, exemplars))
    assert other["colour"] == pytest.approx(1) == other["texture by region"]
    assert other["semantic consistency"] == other["semantic consistency" + EXEMPLAR] < 0.99
    assert other[FRECHET] == other[FRECHET + EXEMPLAR] > 0.1 and other["SWD, 16 px"] == other["SWD" + EXEMPLAR + ", 16 px"] > 0
    like = critics.likeness(answers(photos, photos, exemplars))
    assert like[EVEN] == pytest.approx(0, abs=1e-5) and like[EVEN + EXEMPLAR] > 0.1
    assert Critics(1).looks(answers(photos, photos, exemplars))["pairs seen by VGG-16"] == 1


def test_sets_and_variants_by_the_distances_of_pairs(pictures):
    critics, (photos, exemplars) = Critics(2), pictures
    if critics.vgg.left_out:
        pytest.skip("the whole VGG-16 is not installed")
    looks = critics.looks(answers(exemplars, photos, exemplars))
    found = critics.realness(exemplars, photos, [0, 1])
    assert {name: pytest.approx(looks[name], rel=1e-4) for name in found} == found and {FRECHET, "SWD"} <= set(found)
    repeated = critics.realness(exemplars, photos[:1], [0, 0])
    assert repeated[FRECHET] > found[FRECHET]  # two outputs against one photo, which does not vary
    x, y, z = critics.likeness(answers(photos[:1], photos[1:], photos[:1]))[EVEN], *(
        critics.likeness(answers(exemplars[:1], photos[k:k + 1], photos[:1]))[EVEN] for k in (0, 1))
    three = torch.stack([*photos, exemplars[0]])
    assert critics.diversity(three)[EVEN] == pytest.approx((x + y + z) / 3, rel=1e-5)
    assert critics.diversity(three[[0, 0]])[EVEN] == 0


def test_what_cannot_be_had_is_left_out_and_said(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_vgg16_state", lambda: None)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    critics, (photos, exemplars) = Critics(2), pictures
    found = [critics.looks(answers(exemplars, photos, exemplars)) for _ in range(2)][0]
    assert found["colour"] == pytest.approx(1) and FRECHET not in found and "FID" not in found
    assert not any("semantic" in name for name in found) and critics.likeness(answers(exemplars, photos, exemplars)) == {}
    said = "\n".join(critics.notes)
    assert said.count("FID is left out") == 1 and str(tmp_path) in said and "LPIPS is left out" in said
    assert "semantic consistency" in said
    blind = Critics(0)
    assert set(blind.looks(answers(photos, photos, exemplars))) <= {f"SWD{w}{s}" for w in ("", EXEMPLAR) for s in (
        "", ", 32 px", ", 16 px")}


def test_tables_by_hand():
    key = "front, same person: "
    a = {key + "pairs": 2, key + "PCK@0.05 network, arg-max": 0.25, key + "PCK@0.05 same pixel": 0.125,
         key + "error over the figure / exemplar's": 0.5, key + "warp: L1 over the figure": 12.34}
    b = {key + "pairs": 2, key + "PCK@0.05 same pixel": 0.125, key + "error over the figure / exemplar's": 0.4}
    text = markdown({"runs/a.safetensors.xz": a, "b": b})
    assert text.splitlines()[:6] == [
        "**Structure**", "",
        "| model | PCK@0.05, same person ↑ |",
        "| --- | ---: |",
        "| a | **0.250** |",
        "| b | – |",
    ]  # fmt: skip
    assert "| *the same pixel* | 0.125 |" in text
    assert "| a | 0.500 | **12.3** |" in text and "| b | **0.400** | – |" in text
    assert "semantic" not in text
    assert "| x/a |" in markdown({"x/a": a, "y/a": b})


def test_evaluate_prints_writes_and_draws(tmp_path, capsys):
    model = saved(tmp_path / "a.safetensors", **COCOSNET)
    run(EvaluateArgs(model=(model,), data=prepared(tmp_path / "data", held_out=2), pairs=2, perceive=1, record=True,
                     sheet=tmp_path / "sheet.png", curve=tmp_path / "curve.png", json=tmp_path / "figures.json"))
    printed = capsys.readouterr().out
    assert "PCK@0.1 same pixel" in printed and "error over the figure" in printed
    assert all((tmp_path / name).stat().st_size > 100 for name in ("sheet.png", "curve.png", "figures.json"))
    # In the made-up folder the true match of a pixel is the same pixel, as far as the square is visible.
    same_pixel = [float(line.split()[-1]) for line in printed.splitlines() if "PCK@0.03 same pixel" in line]
    assert same_pixel and all(math.isclose(value, 1.0) for value in same_pixel)
    recorded = checkpoints.read_card(model)["figures"]
    assert recorded["split"] == "test" and recorded["front, same person: warp: L1 over the figure"] > 0


def test_levels_of_v2_are_measured(tmp_path, capsys):
    model = saved(tmp_path / "a.safetensors", "cocosnet_v2", widths=(4, 8, 8), strides=(4, 2, 1), features=8, generator=(8, 8, 4),
                  hidden=4, memory=4)
    run(EvaluateArgs(model=(model,), data=prepared(tmp_path / "data", held_out=2), pairs=2, perceive=0,
                     json=tmp_path / "figures.json"))
    assert "front, same person: 8 px, network: PCK@0.1" in capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())[model]
    for view in ("front", "full turn"):  # the finest warp is what the network is known by
        assert figures[f"{view}, same person: 32 px, network: L1"] == pytest.approx(figures[f"{view}, same person: warp: L1"])
    assert not any(" px, network" in name and "other person" in name for name in figures)


def test_systems_side_by_side(tmp_path, capsys):
    models = (saved(tmp_path / "cocos.safetensors", **COCOSNET), saved(tmp_path / "spade.safetensors", "spade", **SPADE),
              saved(tmp_path / "parts.safetensors", kind="parts", **COCOSNET))
    data = prepared(tmp_path / "data", held_out=2)
    run(EvaluateArgs(model=models, data=data, pairs=2, perceive=0, table=True, sheet=tmp_path / "sheet.png",
                     json=tmp_path / "figures.json"))
    printed = capsys.readouterr().out
    rows = {line.split("|")[1].strip(): line for line in printed.splitlines() if line.startswith("|")}
    assert {"cocos", "spade", "parts"} <= set(rows)
    first = [line for line in printed.splitlines() if line.startswith("| spade |")][0]
    assert set(first.split("|")[2:-1]) == {" – "}  # no correspondence, no PCK
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert not any("warp" in name or "PCK@0.1 network" in name for name in figures[models[1]])
    assert "front, same person: output: PSNR" in figures[models[1]]
    with pytest.raises(DataError, match="correspondences"):
        run(EvaluateArgs(model=models[1:2], data=data, pairs=1, perceive=0, curve=tmp_path / "curve.png",
                         json=tmp_path / "kept.json"))
    assert "front, same person: output: PSNR" in json.loads((tmp_path / "kept.json").read_text())[models[1]]


def test_portraits_are_measured(tmp_path, capsys):
    model = saved(tmp_path / "face.safetensors", kind="portrait", **COCOSNET)
    data = prepared(tmp_path / "data", condition="portrait", held_out=2)
    run(EvaluateArgs(model=(model,), data=data, pairs=2, perceive=0, json=tmp_path / "figures.json"))
    figures = json.loads((tmp_path / "figures.json").read_text())[model]
    assert figures["same person: faces found"] == 0 and math.isnan(figures["same person: landmarks, eye distances"])
    assert figures["other person: SWD"] > 0 and figures["same person: warp: PSNR"] > 0


def test_a_sheet_of_one_person_in_other_scenes(tmp_path, capsys):
    data = prepared(tmp_path / "data", condition="portrait", held_out=2)
    index = json.loads((data / "index.json").read_text())
    index["items"] = [item | {"scene": item["name"]} for item in index["items"]]
    (data / "index.json").write_text(json.dumps(index))
    args = EvaluateArgs(model=(saved(tmp_path / "face.safetensors", kind="portrait", **COCOSNET),), data=data, pairs=1,
                        perceive=0, any_scene=True, sheet=tmp_path / "sheet.png")
    run(args)
    assert (tmp_path / "sheet.png").stat().st_size > 100


@pytest.mark.parametrize("wrong", [dict(pairs=0), dict(perceive=-1)])
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    with pytest.raises(DataError):
        run(EvaluateArgs(model=("none",), data=tmp_path, **wrong))
