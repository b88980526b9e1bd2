"""The command `keep`: a trained checkpoint becomes one that is known by name; what is none of ours is refused."""

import pytest
import torch
from made_up import SIZE, checkpoint
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from cocos_demo import checkpoints, cli, packed


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path / "home"))
    return tmp_path


def run(*words):
    return cli.main([str(word) for word in words])


def test_a_trained_checkpoint_is_known_by_its_new_name(home, capsys):
    path = checkpoint(home / "runs", "edges")
    assert run("keep", path, "--name", "my_shoes") == 0
    assert "known as my_shoes: cocosnet, condition edges, 64 px" in capsys.readouterr().out
    kept = checkpoints.catalogue()["my_shoes"]
    assert checkpoints.read_card(kept) == {**checkpoints.read_card(path), "name": "my_shoes"} and path.is_file()
    before, after = packed.tensors(path), packed.tensors(kept)
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    assert [each.name for each in kept.parent.iterdir()] == ["my_shoes.safetensors"]  # nothing half-written beside it


def test_the_file_gives_the_name_where_none_is_given(home):
    assert run("keep", checkpoint(home, "parts").rename(home / "mine.safetensors")) == 0
    assert "mine" in checkpoints.catalogue()


@pytest.mark.parametrize("name", ["portrait", "auto", "../out", "a/b", "a\\b", ".hidden", " ", "a\nb", "C:x"])
def test_names_that_cannot_be(home, name, capsys):
    assert run("keep", checkpoint(home, "parts"), "--name", name) == 2
    assert "cannot be the name" in capsys.readouterr().err and not (home / "home").exists()


@pytest.mark.parametrize("which", ["missing", "folder", "junk", "foreign", "torn", "condition"])
def test_foreign_files_are_refused_in_one_line(home, which, capsys):
    path = home / "x.safetensors"
    if which == "folder":
        path.mkdir()
    elif which == "junk":
        path.write_bytes(b"<html>no weights</html>")
    elif which == "foreign":
        save_file({"weight": torch.ones(3)}, path)
    elif which != "missing":
        whole = checkpoint(home / "runs", "parts")
        if which == "torn":
            path.write_bytes(whole.read_bytes()[:-1000])
        else:
            net, card = checkpoints.load(whole)
            checkpoints.save(path, net, {**card, "condition": "cats"})
    assert run("keep", path, "--name", "x") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("error: ") and not (home / "home").exists()


def test_a_sketch_becomes_a_picture_by_the_kept_model(home, capsys):
    assert run("keep", checkpoint(home, "edges"), "--name", "my_shoes") == 0
    sketch, photo = Image.new("RGB", (300, 200), "white"), Image.new("RGB", (90, 90), "white")
    ImageDraw.Draw(sketch).line([(30, 150), (60, 50), (150, 100), (270, 150), (30, 150)], fill="black", width=4)
    ImageDraw.Draw(photo).ellipse([20, 30, 70, 60], fill="brown")
    sketch.save(home / "sketch.png")
    photo.save(home / "shoe.jpg")
    words = ["translate", home / "sketch.png", home / "shoe.jpg", "--model", "my_shoes", "-o", home / "out.png"]
    assert run(*words, "--save-steps", home / "steps", "--device", "cpu") == 0
    assert Image.open(home / "out.png").size == (SIZE, SIZE) and "my_shoes" in capsys.readouterr().out
    lines = Image.open(home / "steps" / "2_condition.png").convert("L")
    assert 0.02 < sum(lines.point(lambda v: v > 128).tobytes()) / SIZE**2 < 0.2


def test_a_scene_takes_the_exemplars_own_map(home, capsys):
    assert run("keep", checkpoint(home, "ade20k", "image+condition"), "--name", "my_scenes") == 0
    scene = Image.new("L", (64, 64), 3)
    scene.paste(5, (0, 40, 64, 64))
    scene.save(home / "scene.png")
    Image.new("RGB", (128, 128), "olive").save(home / "photo.jpg")
    words = ["translate", home / "scene.png", home / "photo.jpg", "--model", "my_scenes", "-o", home / "out.png"]
    assert run(*words) == 2 and "label map can be given" in capsys.readouterr().err
    assert run(*words, "--exemplar-map", home / "none.png") == 2 and not (home / "out.png").exists()
    assert run(*words, "--exemplar-map", home / "scene.png") == 0 and Image.open(home / "out.png").size == (SIZE, SIZE)
