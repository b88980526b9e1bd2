"""`edit` and `makeup` on the command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cocos_demo.cli import main

PICTURE, MAP = "data/samples/figures/rendered_149_1.jpg", "data/samples/parts/rendered_149_1.png"
PORTRAIT, TARGET = "data/samples/photos/P009_studio_portrait.jpg", "data/samples/portraits/P010_smug.jpg"


def test_edit_by_a_map_that_was_saved_and_painted_on(tmp_path, capsys):
    map, out, mask = (tmp_path / name for name in ("map.png", "out.png", "mask.png"))
    assert main(["edit", PICTURE, "--original", MAP, "--save-map", str(map)]) == 0
    assert "256 x 256" in capsys.readouterr().out and not out.exists()
    painted = Image.open(map)
    painted.paste((150, 75, 0), (60, 20, 100, 40))
    painted.save(map)
    assert main(["edit", PICTURE, "--original", MAP, "--map", str(map), "-o", str(out), "--save-mask", str(mask)]) == 0
    assert "largest difference elsewhere 0 of 255" in capsys.readouterr().out
    clear = np.asarray(Image.open(mask)) == 0
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (PICTURE, out))
    assert 0.5 < clear.mean() < 1 and (before[clear] == after[clear]).all() and (before[~clear] != after[~clear]).any()


def test_edit_in_words(tmp_path, capsys):
    out = tmp_path / "out.png"
    assert main(["edit", PICTURE, "--original", MAP, "--steps", "grow hair 6", "delete left-hand", "-o", str(out)]) == 0
    assert "of the map changed" in capsys.readouterr().out and Image.open(out).size == (256, 256)


@pytest.mark.parametrize("line, words", [
    (["edit", PICTURE], "give the edited map"),
    (["edit", PICTURE, "--original", MAP, "--steps", "grow tail 3"], "no part 'tail'"),
    (["edit", PICTURE, "--original", MAP, "--map", MAP], "as it was"),
    (["edit", "none.jpg", "--steps", "grow hair 3"], "no file none.jpg"),
    (["makeup", PORTRAIT, TARGET], "give strokes"),
    (["makeup", PORTRAIT, "--ready", "lips"], "give a target"),
    (["makeup", PORTRAIT, TARGET, "--ready", "lips+tatoo"], "no makeup 'tatoo'"),
    (["makeup", PORTRAIT, TARGET, "--ready", "lips", "--mode", "burn"], "no blend mode 'burn'"),
    (["makeup", PORTRAIT, TARGET, "--ready", "lips", "--opacity", "3"], "between 0 and 1"),
    (["makeup", PORTRAIT, TARGET, "--strokes", TARGET], "not transparent"),
    (["makeup", PORTRAIT, TARGET, "--ready", "lips", "-o", "tests"], "--out tests must be a file here"),
    (["makeup", PORTRAIT, "data/samples/portraits", "--ready", "lips", "-o", "README.md"], "README.md must be a folder here"),
    (["makeup", PORTRAIT, PICTURE, "--ready", "lips"], "face is only 22 pixels tall"),
])
def test_mistakes_are_one_line_and_write_nothing(line, words, tmp_path, monkeypatch, capsys):
    absolute = [str(Path(word).resolve()) if word.startswith("data/") else word for word in line]
    (tmp_path / "tests").mkdir()
    (tmp_path / "README.md").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert main(absolute) == 2
    said = capsys.readouterr().err
    assert words in said.replace("\n", " ") and said.strip().count("error:") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "tests"]


def test_makeup_on_one_and_its_strokes_again(tmp_path, capsys):
    out, strokes = tmp_path / "out.png", tmp_path / "strokes.png"
    assert main(["makeup", PORTRAIT, "--ready", "lips+blush", TARGET, "-o", str(out), "--save-strokes", str(strokes),
                 "--mode", "soft-light", "--colours", "lips", "#802030"]) == 0
    assert "cosine" in capsys.readouterr().out and Image.open(out).size == Image.open(strokes).size == Image.open(TARGET).size
    assert Image.open(strokes).mode == "RGBA"
    assert main(["makeup", TARGET, PORTRAIT, "--strokes", str(strokes), "-o", str(out), "--colour", "#00ff00"]) == 0
    assert Image.open(out).size == Image.open(PORTRAIT).size
    alone = tmp_path / "alone.png"
    assert main(["makeup", PORTRAIT, "--ready", "lips", "--save-strokes", str(alone)]) == 0
    assert Image.open(alone).size == Image.open(PORTRAIT).size and np.asarray(Image.open(alone))[..., 3].max() > 150


def test_makeup_on_a_folder(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.open(TARGET).save(folder / "face.jpg")
    (folder / "broken.jpg").write_bytes(b"no")
    out = tmp_path / "made"
    line = ["makeup", PORTRAIT, "--ready", "star", str(folder), "-o", str(out), "--save-strokes", str(tmp_path / "strokes")]
    assert main(line) == 0
    said = capsys.readouterr()
    assert "1 made up, 1 left out" in said.out and "broken.jpg" in said.err and [p.name for p in out.iterdir()] == ["face.png"]
    assert [p.name for p in (tmp_path / "strokes").iterdir()] == ["face.png"]
