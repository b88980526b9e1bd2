"""evaluation/colours.py: regions of a face, figures worked by hand, networks whose answer is known, the command."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import FACE, checkpoint
from PIL import Image

from cocos_demo import cli
from cocos_demo.colour import to_lab
from cocos_demo.conditions import KINDS
from cocos_demo.conditions.detectors import silhouette
from cocos_demo.datasets.masks import write_masks
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.evaluation import colours
from cocos_demo.evaluation.colours import FOLLOWS, KEEPS, REGIONS, Colours, ColoursArgs, choose, follows, means, regions, run
from cocos_demo.photo import open_photo

FACES = Path(__file__).resolve().parents[1] / "data" / "lessons" / "faces"


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    """A few of the lessons' portraits, with masks: three people to take colours from, two held out."""
    folder = tmp_path_factory.mktemp("faces")
    index, points = json.loads((FACES / "index.json").read_text()), np.load(FACES / "points.npy")
    wanted = [f"P{person:03d}_emotion_{k:02d}" for person in (1, 2, 3, 9, 10) for k in (0, 1)]
    chosen = [i for i, item in enumerate(index["items"]) if item["name"] in wanted]
    index["items"] = [index["items"][i] for i in chosen]
    (folder / "images").mkdir()
    for name in wanted:
        shutil.copy(FACES / "images" / f"{name}.jpg", folder / "images")
    np.save(folder / "points.npy", points[chosen])
    (folder / "index.json").write_text(json.dumps(index))
    write_masks([folder], progress=False)
    return folder


# Regions and figures


def test_regions_of_a_face():
    photo = open_photo(FACE)
    found = KINDS["grey"].find(photo)
    crop = found.frame.cut(photo, 128)
    there = regions(found.points, torch.from_numpy(silhouette(crop))[None])
    assert tuple(there) == REGIONS and all(place.shape == (128, 128) and place.dtype == bool for place in there.values())
    parts = np.stack([there[name] for name in REGIONS[:-1]])
    assert parts.sum(0).max() == 1 and there["whole picture"].all()  # no pixel belongs to two
    assert there["skin"].sum() > 10 * there["lips"].sum() > 500 and there["hair"].sum() > 300
    rows = {name: np.flatnonzero(place.any(1)).mean() for name, place in there.items()}
    assert rows["hair"] < rows["skin"] < rows["lips"]
    lab = dict(zip(REGIONS, means(to_lab(crop), there)))
    assert lab["lips"][1] > lab["skin"][1] + 2  # redder
    assert lab["hair"][0] < lab["skin"][0] - 20  # dark hair


def test_means():
    values = np.arange(64.0).reshape(8, 4, 2)
    places = {"upper": np.arange(8)[:, None] < 4 * np.ones(4), "few": np.zeros((8, 4), bool)}
    np.testing.assert_array_equal(means(values, places), [[15, 16], [np.nan, np.nan]])  # 0, 2, ..., 30 and 1, 3, ..., 31


def test_half_of_the_way():
    references = np.array([[[10.0, 0], [-10, 0]], [[0, 4], [0, 8]]])  # (2 photos, 2 references, a and b)
    figures = follows(references / 2 + (0, 1), references)
    assert figures["pairs"] == 2
    assert figures["references apart"] == pytest.approx((20 + 4) / 2) and figures["outputs apart"] == pytest.approx((10 + 2) / 2)
    # photo 1: out1 (5, 1) is sqrt(26) from (10, 0) and sqrt(226) from (-10, 0), out2 likewise; photo 2: outputs at b = 3, 5
    assert figures["to its own"] == pytest.approx((2 * 26**0.5 + 1 + 3) / 4)
    assert figures["to the other"] == pytest.approx((2 * 226**0.5 + 5 + 1) / 4)
    assert figures["nearer its own"] == 0.75  # b = 5 is nearer to 4 than to its own 8
    assert [figures[f"{name} {axis}"] for name in ("slope", "correlation") for axis in "ab"] == pytest.approx([0.5, 0.5, 1, 1])


def test_colours_of_no_reference():
    rng = np.random.default_rng(0)
    references = rng.normal(size=(2000, 3, 2))
    grey = follows(np.zeros_like(references), references)
    assert grey["nearer its own"] == 0.5 and grey["slope a"] == 0 and grey["correlation a"] is None
    other = follows(rng.normal(size=references.shape), references)
    assert abs(other["slope b"]) < 0.05 and abs(other["correlation b"]) < 0.05 and abs(other["nearer its own"] - 0.5) < 0.02
    alike = follows(np.ones((2, 2, 2)), np.zeros((2, 2, 2)))
    assert alike["slope a"] is None and alike["nearer its own"] == 0.5


def test_what_cannot_be_measured_is_left_out():
    references = np.array([[[1.0, 2], [3, 4], [np.nan, np.nan]]])
    assert follows(references, references)["pairs"] == 1
    assert follows(references * np.nan, references) == {"pairs": 0}


def test_networks_whose_answer_is_known():
    """Plain pictures: a network that paints the reference's colour, one that always paints one colour."""
    photo, places = Image.new("RGB", (16, 16), (200, 120, 100)), {name: np.ones((16, 16), bool) for name in REGIONS}
    looks = [Image.new("RGB", (16, 16), colour) for colour in ((150, 100, 90), (120, 120, 160), (100, 130, 100))]
    theirs = [means(to_lab(look)[..., 1:], places) for look in looks]
    obedient, stubborn = Colours(), Colours()
    obedient.add([*looks, photo], photo, places, theirs)
    stubborn.add([photo.convert("L").convert("RGB")] * 4, photo, places, theirs)
    skin = obedient.figures()["skin"]
    assert set(skin) == {*FOLLOWS, *KEEPS} and skin["pairs"] == 3 and skin["pictures"] == 1
    assert skin["nearer its own"] == 1 and skin["to its own"] == 0 and skin["references apart"] == skin["outputs apart"] > 10
    assert skin["slope a"] == skin["correlation b"] == pytest.approx(1)
    assert skin["ΔE, itself as reference"] == 0 and skin["ΔE, left grey"] > 20 and skin["lightness off"] > 5
    skin = stubborn.figures()["skin"]
    assert skin["nearer its own"] == 0.5 and skin["slope b"] == 0 and skin["outputs apart"] == 0
    # its lightness is PIL's luma, near L but not L
    assert skin["ΔE, itself as reference"] == pytest.approx(skin["ΔE, left grey"], abs=1) and skin["lightness off"] < 4


# The command


def test_references_are_of_different_people(portraits):
    others = PreparedFolder(portraits, "train", condition="grey")
    chosen = [choose(others, i, 3, seed=0) for i in range(20)]
    assert all({others.items[k]["person"] for k in each} == {"P001", "P002", "P003"} for each in chosen)
    assert chosen == [choose(others, i, 3, seed=0) for i in range(20)] != [choose(others, i, 3, seed=1) for i in range(20)]
    assert len({tuple(each) for each in chosen}) > 10


def test_the_command(portraits, tmp_path, capsys):
    torch.manual_seed(0)
    model = checkpoint(tmp_path, "grey")
    given = ["colours", "--model", str(model), "--data", str(portraits), "--references", "3"]
    assert cli.main([*given, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert said.strip() == (tmp_path / "out" / "colours.md").read_text().strip()
    assert "4 grey photos of 2 held-out people" in said and "| region | pairs | references apart |" in said
    table = json.loads((tmp_path / "out" / "colours.json").read_text())["regions"]
    assert tuple(table) == REGIONS and table["skin"]["pairs"] == 12 and table["skin"]["pictures"] == 4
    for region, figures in table.items():
        assert f"| {region} | {figures['pairs']} | {figures['references apart']:.2f} |" in said
    assert table["skin"]["references apart"] > 2
    with Image.open(tmp_path / "out" / "colours.webp") as page:
        assert page.width == 6 * 164 and page.height == 22 + 4 * 164
    assert cli.main([*given, "--out", str(tmp_path / "again")]) == 0  # to the digit
    assert (tmp_path / "again" / "colours.json").read_bytes() == (tmp_path / "out" / "colours.json").read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "colours.json", "colours.md", "colours.webp", "outputs"]


def test_it_goes_on_where_it_was_stopped(portraits, tmp_path, monkeypatch):
    torch.manual_seed(0)
    args = ColoursArgs(str(checkpoint(tmp_path, "grey")), portraits, tmp_path / "out", references=2)
    paint, painted = colours.coloured, []

    def stopped(net, folder, i, references):
        if len(painted) == 2:
            raise KeyboardInterrupt
        painted.append(i)
        return paint(net, folder, i, references)

    monkeypatch.setattr(colours, "coloured", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(args)
    assert len(list((args.out / "outputs").glob("*.png"))) == 2 and not (args.out / "colours.json").exists()
    monkeypatch.setattr(colours, "coloured", lambda *given: painted.append(given[2]) or paint(*given))
    run(args)
    assert painted == [0, 1, 2, 3]
    run(replace(args, out=tmp_path / "straight"))
    assert contents(tmp_path / "straight") == contents(args.out)
    with pytest.raises(DataError, match="other weights or other references; name another --out"):
        run(replace(args, seed=1))
    torch.manual_seed(1)
    checkpoint(tmp_path, "grey")
    with pytest.raises(DataError, match="other weights"):
        run(args)
    assert contents(tmp_path / "straight") == contents(args.out)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_cannot_be_measured_is_refused(portraits, tmp_path):
    grey, out = str(checkpoint(tmp_path, "grey")), tmp_path / "out"
    with pytest.raises(DataError, match="2 to 3, the people"):
        run(ColoursArgs(grey, portraits, out, references=4))
    with pytest.raises(DataError, match="reads the condition portrait"):
        run(ColoursArgs(str(checkpoint(tmp_path, "portrait")), portraits, out))
    bare = tmp_path / "bare"
    shutil.copytree(portraits, bare, ignore=shutil.ignore_patterns("masks"))
    with pytest.raises(DataError, match="no foreground mask of .* prepare people"):
        run(ColoursArgs(grey, bare, out, references=3))
    assert not out.exists()
