"""The command line: what it writes, what it says, and its exit codes."""

import errno
import os
import subprocess
import sys

import pytest
from made_up import FACE, PORTRAIT, SIZE, checkpoint, checkpoint_segin, empty_photo
from PIL import Image

from cocos_demo import cli, commands
from cocos_demo.errors import explain


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("weights"), "portrait")


def run(*words):
    return cli.main([str(word) for word in words])


def test_translate_writes_the_picture_and_the_steps(weights, tmp_path, capsys):
    out, steps = tmp_path / "new" / "out.png", tmp_path / "steps"
    code = run("translate", FACE, PORTRAIT, "-o", out, "--model", weights, "--device", "cpu", "--save-steps", steps)
    assert code == 0
    assert Image.open(out).size == (SIZE, SIZE)
    names = [path.name for path in sorted(steps.iterdir())]
    assert names == ["1_photo.png", "2_condition.png", "3_exemplar.png", "4_warped.png", "5_image.png"]
    assert str(out) in capsys.readouterr().out
    assert [path.name for path in out.parent.iterdir()] == ["out.png"]


def test_segin_writes_the_mask_too_and_a_grey_photo_at_its_own_resolution(tmp_path, capsys):
    model, out, steps = checkpoint_segin(tmp_path, "grey"), tmp_path / "out.png", tmp_path / "steps"
    assert run("translate", FACE, PORTRAIT, "-o", out, "--model", model, "--save-steps", steps) == 0
    assert sorted(path.name for path in steps.iterdir())[-2:] == ["5_image.png", "6_mask.png"]
    assert Image.open(steps / "6_mask.png").mode == "L" and Image.open(steps / "5_image.png").size == (SIZE, SIZE)
    assert min(Image.open(out).size) > 4 * SIZE
    assert "note: Photo: its colours are not looked at" in capsys.readouterr().err


def test_another_matcher_makes_another_auxiliary_image(tmp_path, capsys, weights):
    model, warped = checkpoint_segin(tmp_path, "portrait"), []
    for more in ([], ["--matcher", "sift"]):
        words = ["translate", FACE, PORTRAIT, "-o", tmp_path / "out.png", "--model", model, "--save-steps", tmp_path / "steps"]
        assert run(*words, *more) == 0
        warped.append(Image.open(tmp_path / "steps" / "4_warped.png").tobytes())
    assert warped[0] != warped[1] and "by sift" in capsys.readouterr().out
    for which, name, said in ((model, "magic", "no matcher 'magic'; there are dia, pixelnn, sift, vgg"),
                              (weights, "sift", "for SEGIN alone")):
        assert run("translate", FACE, PORTRAIT, "-o", tmp_path / "o.png", "--model", which, "--matcher", name) == 2
        assert said in capsys.readouterr().err and not (tmp_path / "o.png").exists()


def test_a_command_of_its_own_process(weights, tmp_path):
    words = ["translate", FACE, PORTRAIT, "-o", tmp_path / "out.jpg", "--model", weights]
    done = subprocess.run([sys.executable, "-m", "cocos_demo", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert Image.open(tmp_path / "out.jpg").format == "JPEG"


@pytest.mark.parametrize("which", ["missing", "nobody", "junk", "no weights", "device", "ending", "folder", "blocked"])
def test_a_mistake_is_one_line_and_exit_code_two(which, weights, tmp_path, capsys):
    (tmp_path / "junk.png").write_text("no picture")
    (tmp_path / "file").write_text("in the way")
    nobody = empty_photo(tmp_path / "grey.png")
    photo = {"missing": tmp_path / "no.jpg", "nobody": nobody, "junk": tmp_path / "junk.png"}
    out = {"ending": tmp_path / "out.docx", "folder": tmp_path, "blocked": tmp_path / "file" / "out.png"}
    model = "nosuch" if which == "no weights" else weights
    device = "abacus" if which == "device" else "cpu"
    words = [photo.get(which, FACE), PORTRAIT, "-o", out.get(which, tmp_path / "o.png"), "--model", model]
    assert run("translate", *words, "--device", device) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("error: ")
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize(
    "words",
    ["people OUT --size 128", "people OUT --size 0", "figures OUT --workers -1", "figures OUT --people 0",
     "figures OUT --size 8"],
)  # fmt: skip
def test_what_cannot_be_prepared_is_one_line_and_exit_code_two(words, tmp_path, capsys, monkeypatch):
    from cocos_demo.datasets import people

    monkeypatch.setattr(people, "people_folders", list)
    (tmp_path / "portraits").mkdir()
    (tmp_path / "portraits" / "index.json").write_text('{"size": 64}')
    assert run("prepare", *words.replace("OUT", str(tmp_path)).split()) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("error: ")


def test_a_full_disk_leaves_the_old_picture_and_no_half_file(tmp_path, monkeypatch, capsys, weights):
    out = tmp_path / "out.png"
    out.write_bytes(b"the old picture")

    def full(self, file, **options):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full)
    assert run("translate", FACE, PORTRAIT, "-o", out, "--model", weights) == 2
    assert "disk is full" in capsys.readouterr().err and out.read_bytes() == b"the old picture"
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_stopping_is_130_and_a_fault_of_ours_is_not_hidden(monkeypatch, capsys, tmp_path):
    def stop(options):
        raise KeyboardInterrupt

    def break_down(options):
        raise ZeroDivisionError

    monkeypatch.setattr(commands, "run", stop)
    assert run("prepare", "people", tmp_path) == 130
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setattr(commands, "run", break_down)
    with pytest.raises(ZeroDivisionError):
        run("prepare", "people", tmp_path)


def test_help_names_every_command(capsys):
    assert run("--help") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in cli.COMMANDS)
    assert run("prepare", "--help") == 0
    assert "figures" in capsys.readouterr().out
    assert run("paint") == 2 and run() == 2 and run("prepare") == 2
    assert "no command 'paint'" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as done:
        run(*name.split(), "--help")
    assert done.value.code == 0 and "usage" in capsys.readouterr().out


def test_prepare_passes_its_options_on(monkeypatch, tmp_path):
    given = {}
    import cocos_demo.datasets.people as people

    monkeypatch.setattr(people, "prepare_people", lambda out, **options: given.update(out=out, **options))
    assert run("prepare", "people", tmp_path, "--size", "128") == 0
    assert given == {"out": tmp_path, "size": 128}


def test_help_of_translate_does_not_load_torch():
    code = "import sys; from cocos_demo.cli import main\ntry: main(['translate', '--help'])\nexcept SystemExit: pass\n"
    code += "print('torch' in sys.modules, 'mediapipe' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.strip().endswith("False False")


def test_only_known_faults_are_explained():
    assert explain(ValueError("ours")) is None and explain(OSError("no errno")) is None
    assert explain(PermissionError(errno.EACCES, "x", "/f")) == "/f: no permission to read or write it"
