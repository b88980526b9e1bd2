"""A run's settings and its ZIP file: written, read strictly, and done again to the pixel."""

import io
import json
import zipfile
import zlib

import numpy as np
import pytest
from made_up import FACE, PORTRAIT, checkpoint, checkpoint_segin
from PIL import Image

from cocos_demo import again, cli, runs, settings
from cocos_demo.runs import RunError
from cocos_demo.settings import SettingsError
from cocos_demo.translator import Translator


@pytest.fixture
def home(tmp_path, monkeypatch):
    """COCOS_DEMO_HOME with an untrained checkpoint "mine"."""
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    checkpoint(tmp_path / "checkpoints", "portrait").rename(tmp_path / "checkpoints" / "mine.safetensors")
    return tmp_path


@pytest.fixture
def run(home):
    return made("mine")


def made(name, drawing=None, matcher=settings.OWN, **given):
    """A translation by a checkpoint, as a run."""
    net = Translator.load(name)
    inputs = {"photo": FACE, "exemplar": PORTRAIT, **given}
    condition = None if drawing is None else again.over(net.condition_of(FACE), drawing)
    by = net if matcher == settings.OWN else net.matched_by(matcher)
    return again.translation(name, net, by(FACE, PORTRAIT, condition), inputs, drawing, matcher=matcher)


def archive(**parts: bytes) -> bytes:
    """A ZIP file of these, "__" for "." in the names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in parts.items():
            zipped.writestr(name.replace("__", "."), data)
    return file.getvalue()


def changed(run, **fields) -> bytes:
    """The settings' text with other fields."""
    return json.dumps({**json.loads(settings.written(run.settings)), **fields}).encode()


def test_settings_come_back_as_they_were_written(run):
    assert settings.read(settings.written(run.settings).encode()) == run.settings
    there = run.settings
    assert there.model.name == "mine" and len(there.model.weights) == 64 and there.made.torch and there.made.seconds > 0
    assert there.inputs["photo"].name == FACE.name and there.options == settings.Translate(None, "own")


@pytest.mark.parametrize(("text", "why"), [
    (b"\xff\xfe", "no JSON"), (b"[" * 9000, "no JSON"),
    (b"[]", "not the settings of a run"), (b"{}", "not the settings of a run"),
    (b'{"format": "cocos_demo run 2"}', "this version reads 'cocos_demo run 1'"),
    (b'{"format": "cocos_demo run 1"}', "changed: task: Field required"), (b" " * 1_000_001, "are the most"),
])  # fmt: skip
def test_what_is_no_settings_is_told(text, why):
    with pytest.raises(SettingsError, match=why):
        settings.read(text)


def test_fields_of_another_kind_are_told(run):
    for fields, why in (({"more": 1}, "more: "), ({"task": "fly"}, "task: "), ({"options": {"matcher": 7}}, "options.matcher: "),
                        ({"options": {"asked": "dance"}}, "options.asked: "), ({"inputs": []}, "inputs: "),
                        ({"models": [{"name": "mine"}]}, "models.0.system: "), ({"models": []}, "models: ")):  # fmt: skip
        with pytest.raises(SettingsError, match=f"have been changed: {why}"):
            settings.read(changed(run, **fields))


def test_a_run_from_the_zip_paints_the_same_picture(run):
    back = runs.unpack(runs.pack(run))
    assert back.settings == run.settings and set(back.results) == {"picture", "condition", "warped"}
    result = again.repeated(back, Translator.load("mine"))
    assert again.unlike(back, result.final) == ""
    assert (np.asarray(result.final) == np.asarray(Image.open(io.BytesIO(back.results["picture"])))).all()
    assert runs.pack(back) == runs.pack(run)


def test_what_was_drawn_and_the_matcher_are_part_of_it(home):
    drawing = Image.new("RGB", (512, 512))
    drawing.paste((255, 255, 255), (100, 100, 400, 110))
    plain, drawn = made("mine"), made("mine", drawing)
    assert drawn.settings.results != plain.settings.results
    assert again.unlike(drawn, again.repeated(runs.unpack(runs.pack(drawn)), Translator.load("mine")).final) == ""
    name = checkpoint_segin(home / "checkpoints", "portrait").stem
    sift = runs.unpack(runs.pack(made(name, matcher="sift")))
    assert again.unlike(sift, again.repeated(sift, Translator.load(name)).final) == "" and "mask" in sift.results


def test_settings_alone_find_samples_that_ship(run):
    alone = runs.unpack(settings.written(run.settings).encode())
    assert alone.inputs == {"photo": FACE, "exemplar": PORTRAIT} and alone.results == {}
    inputs = {"photo": {"name": "../../mine.jpg", "sha256": "0" * 64}, "exemplar": {"name": "b.jpg", "sha256": "0" * 64}}
    with pytest.raises(RunError, match="its photo, mine.jpg, is not in it, and no sample that ships"):
        runs.unpack(changed(run, inputs=inputs))


def test_another_models_weights_and_versions_are_said(run, home):
    assert settings.differences(run.settings, "cpu") == ()
    checkpoint(home / "checkpoints", "portrait").rename(home / "checkpoints" / "mine.safetensors")
    other = settings.read(changed(run, made={**json.loads(settings.written(run.settings))["made"], "torch": "1.0"}))
    weights, torch = settings.differences(other, "cpu")
    assert weights == "the weights of mine are another version here" and torch.startswith("torch: 1.0 then, ")
    (home / "checkpoints" / "mine.safetensors").unlink()
    with pytest.raises(SettingsError, match=r"by the model 'mine' \(cocosnet\), which is not here; there are .*portrait"):
        settings.differences(run.settings, "cpu")


def test_a_zip_of_strangers_is_told(run, monkeypatch):
    told, photo, look = settings.written(run.settings).encode(), FACE.read_bytes(), PORTRAIT.read_bytes()
    whole = runs.pack(run)
    for data, why in (
        (whole[:-40], "damaged ZIP"), (whole[:2000] + b"\0" * 60_000 + whole[62_000:], "damaged ZIP"), (b"PK", "damaged ZIP"),
        (archive(photo__jpg=photo), "no settings.json"), (archive(**{"../photo__jpg": photo}), "not of a run"),
        (archive(**{"/etc/passwd": b""}), "not of a run"), (archive(run__py=b""), "not of a run"),
        (archive(settings__json=told, photo__jpg=look), "another picture than its settings say"),
        (archive(settings__json=told, drawing__png=photo), "know nothing of"),
        (archive(settings__json=changed(run, inputs={})), "a photo or a drawing"),
        (archive(settings__json=told, warped__png=b"junk"), "its warped: This is not a picture"),
    ):  # fmt: skip
        with pytest.raises((RunError, SettingsError, runs.PhotoError), match=why):
            runs.unpack(data)
    bomb = archive(settings__json=told, photo__jpg=b"\0" * (runs.MOST + 1))
    assert len(bomb) < 200_000
    with pytest.raises(RunError, match="over 40 MB"):
        runs.unpack(bomb)
    monkeypatch.setattr(runs, "MOST", 1000)
    with pytest.raises(RunError, match="are over 0 MB together"):
        runs.pack(run)


def test_a_zip_that_lies_about_its_sizes_is_told(run):
    data = bytearray(archive(settings__json=settings.written(run.settings).encode(), photo__jpg=b"\0" * 1_000_000))
    at = data.rindex(b"PK\x01\x02")  # the central directory's entry of the photo: its size unpacked, said to be small
    data[at + 24:at + 28] = (10).to_bytes(4, "little")
    with pytest.raises((RunError, zlib.error), match="damaged|another picture"):
        runs.unpack(bytes(data))


def test_the_command_line_saves_a_run_and_does_it_again(home, capsys):
    words = [str(FACE), str(PORTRAIT), "--model", "mine", "-o", str(home / "a.png"), "--save-run", str(home / "run.zip")]
    assert cli.main(["translate", *words]) == 0
    assert cli.main(["again", str(home / "run.zip"), "-o", str(home / "b.png")]) == 0
    assert "the same picture, to the pixel" in capsys.readouterr().out
    assert (home / "a.png").read_bytes() == (home / "b.png").read_bytes()
    checkpoint(home / "checkpoints", "portrait").rename(home / "checkpoints" / "mine.safetensors")
    assert cli.main(["again", str(home / "run.zip"), "-o", str(home / "c.png")]) == 0
    said = capsys.readouterr()
    assert "another picture: " in said.out and "another version here" in said.err
    for path, why in ((home / "none.zip", "no such file"), (FACE, "no JSON")):
        assert cli.main(["again", str(path), "-o", str(home / "d.png")]) == 2
        assert why in capsys.readouterr().err and not (home / "d.png").exists()


def test_a_comparison_is_saved_and_done_again(home, capsys):
    checkpoint(home / "checkpoints", "portrait").rename(home / "checkpoints" / "other.safetensors")
    words = [str(FACE), str(PORTRAIT), "--models", "mine", "other", "--at", "300", "300", "-o", str(home / "sheet.png")]
    assert cli.main(["compare", *words, "--save-run", str(home / "all.zip")]) == 0
    run = runs.load(home / "all.zip")
    assert [model.name for model in run.settings.models] == ["mine", "other"] and len(run.settings.options.points) == 1
    assert set(run.results) == {"sheet", "condition", "picture_00", "picture_01"}
    assert cli.main(["again", str(home / "all.zip"), "-o", str(home / "again.png")]) == 0
    assert "the same pictures, to the pixel" in capsys.readouterr().out and (home / "again.png").is_file()
    checkpoint(home / "checkpoints", "portrait").rename(home / "checkpoints" / "other.safetensors")
    assert cli.main(["again", str(home / "all.zip"), "-o", str(home / "again.png")]) == 0
    said = capsys.readouterr()
    assert "other: another picture: " in said.out and "mine: " not in said.out and "weights of other" in said.err
    assert cli.main(["again", str(home / "all.zip"), "--model", "mine"]) == 2
    with pytest.raises(SettingsError, match="options.points.0.1: "):
        settings.read(changed(run, options={"kind": "auto", "points": [[1, 900]]}))
