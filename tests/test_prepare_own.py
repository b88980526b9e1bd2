"""prepare_own.py, datasets/layouts/own.py, files.py, people_by_name.py: a folder of one's own, and all that can lie in it."""

import json
import os
import shutil

import numpy as np
import pytest
from made_up import BODY, FACE
from miniatures import own
from PIL import Image

from cocos_demo import cli
from cocos_demo.conditions import lines
from cocos_demo.conditions.detectors import silhouette
from cocos_demo.datasets.layouts import LayoutError, files
from cocos_demo.datasets.layouts.files import File, duplicates, files_of, share
from cocos_demo.datasets.layouts.own import LYING, TURNED, OwnFolder, lies, person_of, scene_of
from cocos_demo.datasets.layouts.people_by_name import held_out, people_of, prefix
from cocos_demo.datasets.pairs import PairSampler
from cocos_demo.datasets.prepared import PreparedFolder
from cocos_demo.datasets.retrieval import read_list
from cocos_demo.objectives import Weights
from cocos_demo.photo import open_photo
from cocos_demo.prepare_own import random_exemplars
from cocos_demo.training import TrainArgs, Trainer

WEIGHTS = {"segin": Weights(feature=0.0),
           "cocosnet": Weights(feat=0.0, perc=0.0, context=0.0, detail=0.0, pixel=1.0, warp=1.0, warped_condition=1.0)}


def prepare(root, out, *options, condition="portrait"):
    return cli.main(["prepare", "folder", str(root), "--condition", condition, "--out", str(out), "--size", "64",
                     "--workers", "1", *map(str, options)])


def step(out, run, system, **options):
    """One step of training with foreground masks and exemplars, where the system takes them -> its terms."""
    states = []
    args = TrainArgs(data=(out,), out=run, system=system, steps=1, batch=2, d_width=4, device="cpu", weights=WEIGHTS[system],
                     **(dict(preset="mini", size=64) if system == "segin" else dict(size=32)), **options)
    assert Trainer(args).run(states.append).is_file()
    return states[0]["terms"]


def test_only_a_folder_in_a_persons_own_is_a_scene():
    assert scene_of("Anna/beach/1.jpg", "Anna_beach_1") == scene_of("Anna/beach/2.jpg", "Anna_beach_2") == "beach"
    assert scene_of("Anna/1.jpg", "Anna_1") == "Anna_1" and scene_of("anna_01.jpg", "anna_01") == "anna_01"
    assert scene_of("Anna/beach/evening/3.jpg", "x") == "beach/evening"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    root = own.people(tmp_path_factory.mktemp("own") / "my photos, été")
    return root, own.trouble(root)


@pytest.fixture(scope="module")
def portraits(mixed, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "portraits"
    assert prepare(mixed[0], out, "--held-out", "Zoë") == 0
    return out


def test_what_cannot_be_used_is_named_with_its_reason(mixed, portraits):
    index = json.loads((portraits / "index.json").read_text(encoding="utf-8"))
    reasons = {entry["source"]: entry["reason"] for entry in index["left_out"]}
    assert set(reasons) == set(mixed[1])
    assert all(said in reasons[source] for source, said in mixed[1].items()), reasons
    people = {item["source"]: (item["person"], item["split"]) for item in index["items"]}
    assert people == {f"{person}/photo {shot}.jpg": (person, "test" if person == "Zoë" else "train")
                      for person in ("Ann", "Bea", "Zoë") for shot in (0, 1)}  # fmt: skip


def test_the_originals_stay_and_are_never_written_among(mixed, tmp_path, capsys):
    root = mixed[0]
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    for out in (root, root / "prepared", root.parent):
        assert prepare(root, out) == 2 and "lie within each other" in capsys.readouterr().err
    assert before == {path: path.lstat().st_mtime_ns for path in root.rglob("*")}


def test_portraits_have_points_edges_masks_and_exemplars_of_others(portraits):
    folder = PreparedFolder(portraits, "train")
    assert folder.condition(0, 64)[:6].amax() == 1 and folder.raster(0).shape == (256, 256)
    mask = folder.foreground(0)[0].numpy()
    seen = silhouette(open_photo(portraits / "images" / f"{folder.items[0]['name']}.jpg")) > 0.5
    assert np.abs(mask - seen).mean() < 0.02 and 0.3 < mask.mean() < 0.95
    listed = read_list(portraits / "exemplars.txt")
    PairSampler([folder], 32, TrainArgs(data=(), out=portraits).mix, exemplars=listed, foreground=True)(0, 2)
    owner = {item["name"]: item["person"] for item in folder.items}
    assert len(listed) == 4 and all(owner[query[:-4]] != owner[ref[:-4]] for query, refs in listed.items() for ref in refs)


@pytest.mark.parametrize("system", ["cocosnet", "segin"])
def test_a_step_of_training_on_portraits(system, portraits, tmp_path):
    terms = step(portraits, tmp_path / "run", system, exemplars=str(portraits / "exemplars.txt"))
    assert np.isfinite(list(terms.values())).all()


@pytest.mark.parametrize("system", ["cocosnet", "segin"])
def test_a_step_of_training_on_edges(system, mixed, tmp_path, capsys):
    assert prepare(mixed[0], tmp_path / "out", "--lines", "canny", "--exemplars", "random", condition="edges") == 0
    said = capsys.readouterr().out
    assert "edges by Canny's operator" in said and "drawn at random" in said and "--exemplars" in said
    assert np.isfinite(list(step(tmp_path / "out", tmp_path / "run", system).values())).all()


def test_a_step_of_training_on_figures(tmp_path):
    for number in range(2):
        (tmp_path / "in" / f"p{number}").mkdir(parents=True)
        Image.open(BODY).rotate(2 * number).save(tmp_path / "in" / f"p{number}" / "body.jpg", quality=90)
    shutil.copy(FACE, tmp_path / "in" / "p0" / "face.jpg")
    assert prepare(tmp_path / "in", tmp_path / "out", "--hold-out", 0, condition="figure") == 0
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert len(index["items"]) == 2 and "Only head and shoulders" in index["left_out"][0]["reason"]
    assert np.isfinite(list(step(tmp_path / "out", tmp_path / "run", "segin").values())).all()


def test_a_second_run_adds_what_is_new_and_tries_again_what_was_broken(tmp_path, capsys):
    root = own.people(tmp_path / "in", shots=1)
    good = (root / "Ann" / "photo 0.jpg").read_bytes()
    (root / "Bea" / "late.jpg").write_bytes(good[:2000])
    assert prepare(root, tmp_path / "out") == 0
    assert "left out 1 of 4: the picture is damaged or cut short [Bea/late.jpg]" in capsys.readouterr().out
    Image.open(root / "Bea" / "photo 0.jpg").rotate(5).save(root / "Bea" / "late.jpg")
    stamp = (tmp_path / "out" / "images" / "Ann_photo_0.jpg").stat().st_mtime_ns
    assert prepare(root, tmp_path / "out") == 0 and "4 pictures" in capsys.readouterr().out
    assert (tmp_path / "out" / "images" / "Ann_photo_0.jpg").stat().st_mtime_ns == stamp
    assert len(PreparedFolder(tmp_path / "out", "train")) + len(PreparedFolder(tmp_path / "out", "test")) == 4
    assert prepare(root, tmp_path / "out", condition="figure") == 2
    assert "condition portrait instead of figure" in capsys.readouterr().err


def test_a_person_held_out_in_part_is_told(tmp_path, capsys):
    root = own.people(tmp_path / "in")
    assert prepare(root, tmp_path / "out", "--held-out", "Ann/photo 1.jpg", "Bea", "--exemplars", "none",
                   "--lines", "canny", condition="edges") == 0
    said = capsys.readouterr().out
    assert "3 people by sub-folder; 2 of them held out: Ann (in part), Bea\n" in said and "exemplars" not in said
    assert [item["source"] for item in PreparedFolder(tmp_path / "out", "train").items] == [
        "Ann/photo 0.jpg", "Zoë/photo 0.jpg", "Zoë/photo 1.jpg"]


def test_a_folder_of_one_person_trains_without_others(tmp_path, capsys):
    root = own.people(tmp_path / "in")
    shutil.rmtree(root / "Bea")
    assert prepare(root, tmp_path / "an out", "--held-out", "Ann", "--lines", "canny", condition="edges") == 0
    said = capsys.readouterr().out
    assert "no exemplars of others" in said and f"--data '{tmp_path / 'an out'}'" in said and said.endswith("--mix.cross 0\n")


def test_sideways_photos(tmp_path):
    upright = open_photo(FACE).resize((320, 320))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    upright.rotate(90, expand=True).save(tmp_path / "exif.jpg", exif=exif, quality=95)
    straight = person_of(upright, 64, "portrait")
    told = person_of(open_photo(tmp_path / "exif.jpg"), 64, "portrait")
    assert np.abs(told.points - straight.points).max() < 0.03
    untold = person_of(upright.rotate(90, expand=True), 64, "portrait")  # the head itself tells
    assert np.abs(untold.points - straight.points).max() < 0.03 and untold.notes[0] == TURNED
    assert TURNED not in straight.notes and TURNED not in told.notes
    body = open_photo(BODY)
    assert LYING in person_of(body.rotate(90, expand=True), 64, "figure").notes
    assert LYING not in person_of(body, 64, "figure").notes and not lies(np.zeros((18, 3), np.float32))


@pytest.mark.parametrize("options, said", [
    (["--hold-out", "1.5"], "share from 0 to below 1"), (["--held-out", "Joe"], "'Joe' is there to hold out, but: Ann, Bea, Zoë"),
    (["--held-out", "Ann", "Bea", "Zoë"], "none is left to train on"), (["--lines", "hed"], "--lines is for --condition edges"),
])  # fmt: skip
def test_options_that_cannot_be_met(options, said, mixed, tmp_path, capsys):
    assert prepare(mixed[0], tmp_path / "out", *options) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out" / "index.json").exists()


def test_folders_that_hold_nothing(tmp_path, capsys):
    assert prepare(tmp_path / "absent", tmp_path / "out") == 2 and "there is no folder" in capsys.readouterr().err
    (tmp_path / "in").mkdir()
    assert prepare(tmp_path / "in", tmp_path / "out") == 2 and "holds no pictures" in capsys.readouterr().err
    (tmp_path / "in" / "a.mp4").write_bytes(b"x")
    assert prepare(tmp_path / "in", tmp_path / "out") == 2 and "a.mp4: a video" in capsys.readouterr().err
    (tmp_path / "in" / "a.txt").write_text("x")
    assert prepare(tmp_path / "in", tmp_path / "out") == 2 and "not one picture could be used" in capsys.readouterr().err
    assert prepare(tmp_path / "in" / "a.txt", tmp_path / "out") == 2 and "is a file" in capsys.readouterr().err


def test_without_hed_it_says_how_to_get_it(mixed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cocos_demo.prepare_own.available", lambda: "The edge network HED is missing. Install it")
    monkeypatch.setattr(lines, "available", lambda: "missing")
    assert prepare(mixed[0], tmp_path / "out", "--lines", "hed", condition="edges") == 2
    assert "HED is missing" in capsys.readouterr().err
    assert OwnFolder(mixed[0], "edges", lines=lines.best()).settings == {"lines": "canny"}


# Files


def test_closed_files_and_folders_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    assert files_of(tmp_path)[0] == [File("a.jpg", "no permission to read it")]

    def walk(root, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "closed")))
        return iter(())

    monkeypatch.setattr(files.os, "walk", walk)
    assert files_of(tmp_path)[0] == [File("closed", "no permission to read this folder")]


def test_of_equal_files_the_first_is_kept(tmp_path):
    for name, content in {"a": b"one", "b": b"two", "c": b"one", "d": b"longer"}.items():
        (tmp_path / name).write_bytes(content)
    os.symlink(tmp_path / "d", tmp_path / "e")
    found = duplicates(tmp_path, files_of(tmp_path)[0])
    assert [file.wrong for file in found] == ["", "", "the same file as a", "", "the same file as d"]


# Who is who


@pytest.mark.parametrize("name, person", [
    ("anna_01", "anna"), ("anna-smiling", "anna"), ("anna3", "anna"), ("anna (2)", "anna"), ("set/anna_b_2", "set/anna_b"),
    ("Zoë 写真_2", "Zoë 写真"), ("anna", ""), ("IMG_0001", ""), ("IMG_20210101_123456", ""), ("DSC04711", ""), ("P1000123", ""),
    ("00012", ""), ("PXL_20210101", ""), ("photo 3", ""), ("P001_2", "P001"),
])  # fmt: skip
def test_what_a_name_tells(name, person):
    assert prefix(name) == person


def test_the_rule_is_found_and_said():
    folders = ["a/1.jpg", "a/deep/2.jpg", "b/1.jpg", "alone.jpg"]
    assert people_of(folders) == (["a", "a", "b", "alone"], "3 people by sub-folder")
    named = ["in/anna_1.jpg", "in/anna_2.jpg", "in/bob_1.jpg"]
    assert people_of(named) == (["in/anna", "in/anna", "in/bob"], "2 people by the beginning of the file name")
    people, said = people_of(["IMG_1.jpg", "IMG_2.jpg", "DSC3.jpg"])
    assert people == ["IMG_1", "IMG_2", "DSC3"] and said.startswith("3 pictures, each for itself; neither")
    assert people_of(folders, "each")[0] == ["a/1", "a/deep/2", "b/1", "alone"]
    assert people_of(["anna_1.jpg", "anna_2.jpg"])[1].startswith("2 pictures")  # one name alone tells no two people apart


def test_who_is_held_out():
    people = [f"p{i // 3}" for i in range(300)]
    sources = [f"{person}/{i}.jpg" for i, person in enumerate(people)]
    out = held_out(sources, people, (), 0.1)
    chosen = {person for person, is_out in zip(people, out) if is_out}
    assert chosen == {person for person in people if share(person) < 0.1} and 4 <= len(chosen) <= 18
    grown = held_out([*sources, "new/1.jpg"], [*people, "new"], (), 0.1)
    assert grown[:300] == out
    assert sum(held_out(["a.jpg", "b.jpg", "c.jpg"], ["a", "b", "c"], (), 0.01)) == 1  # at least one
    assert held_out(["a/1.jpg", "a/2.jpg", "b/x/1.jpg"], ["a", "a", "b"], ("a/2.jpg", "b/x"), 0.0) == [False, True, True]
    assert held_out(["a/1.jpg", "b/2.jpg"], ["a", "b"], ("./a/",), 0.0) == [True, False]
    with pytest.raises(LayoutError, match="'c' is there"):
        held_out(["a/1.jpg"], ["a"], ("c",), 0.0)


def test_random_exemplars_are_others_and_the_same_each_time(portraits):
    folder = PreparedFolder(portraits, "train")
    rows = random_exemplars(folder, 2)
    owner = {f"{item['name']}.jpg": item["person"] for item in folder.items}
    assert all(len(set(refs)) == 2 and all(owner[ref] != owner[query] for ref in refs) for query, refs in rows.items())
    assert rows == random_exemplars(folder, 2) and len(rows) == 4
