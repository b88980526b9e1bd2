"""Exemplar retrieval: the neighbours are the nearest by cosine, structure decides, and the index follows the files."""

import json
import os

import numpy as np
import pytest
import torch
from folders import prepared
from made_up import FACE, PORTRAIT, SAMPLES
from PIL import Image, ImageDraw

from cocos_demo import checkpoints, exemplars
from cocos_demo.cli import main
from cocos_demo.datasets import retrieval
from cocos_demo.datasets.retrieval import RetrievalError, describe_folder, nearest, read_list, write_list
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import bake


@pytest.fixture(scope="module")
def describe():
    return retrieval.Describer(retrieval.load_vgg16_base())


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Whoever runs the tests may have VGG-19 in torch's cache, and imported checkpoints; the tests know neither."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        patch.setenv("COCOS_DEMO_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def drawing(shape: str, colour, back="white", side=96) -> Image.Image:
    picture = Image.new("RGB", (side, side), back)
    pen = ImageDraw.Draw(picture)
    box = {"left": (8, 20, 40, 76), "right": (56, 20, 88, 76)}[shape]
    pen.ellipse(box, fill=colour, outline="black")
    return picture


def folder_of(path, pictures: dict[str, Image.Image]):
    for name, picture in pictures.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(path / name)
    return path


# The neighbours


def test_neighbours_by_hand():
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6]], np.float16)
    query = np.array([[1, 0]], np.float32)
    order, cosines = nearest(query, rows, 3)
    assert order.tolist() == [[0, 3, 2]]
    np.testing.assert_allclose(cosines, [[1, 0.8, 0.6]], atol=1e-3)
    order, cosines = nearest(query, rows, 4, np.array([[False, True, True, True]]))
    assert order.tolist() == [[3, 2, 1, 0]] and cosines[0, 3] == -np.inf


def test_neighbours_equal_the_formula_in_float64_beyond_one_block():
    rng = np.random.default_rng(0)
    rows, queries = (rng.normal(size=(n, 24)) for n in (5000, 3))
    rows, queries = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (rows, queries))
    order, cosines = nearest(queries.astype(np.float32), rows.astype(np.float32), 7)
    exact = queries @ rows.T
    np.testing.assert_array_equal(order, np.argsort(-exact, axis=1)[:, :7])
    np.testing.assert_allclose(cosines, -np.sort(-exact, axis=1)[:, :7], atol=1e-6)


def test_of_equals_the_first_comes_first():
    assert nearest(np.ones((1, 1), np.float32), np.ones((5, 1), np.float16), 3)[0].tolist() == [[0, 1, 2]]


# The descriptor


def test_a_descriptor_is_the_max_pooled_layer_at_length_one(describe):
    picture = drawing("left", "red", side=128)
    x = torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1)[None]
    f = describe.vgg(x, ("relu3_3",))["relu3_3"].double().numpy()[0]  # (256, 32, 32)
    by_hand = f.reshape(256, 8, 4, 8, 4).max((2, 4)).ravel()
    given = describe([picture, drawing("right", "red")])
    assert given.shape == (2, 256 * 64)
    np.testing.assert_allclose(given[0], by_hand / np.linalg.norm(by_hand), atol=1e-5)


def test_structure_counts_more_than_colour(describe):
    query, place, colour = describe([drawing("left", "red"), drawing("left", "blue"), drawing("right", "red")])
    assert query @ place > query @ colour


def test_another_size_of_a_picture_is_still_the_picture(describe):
    small, large, other = describe([drawing("left", "red"), drawing("left", "red").resize((300, 300)), drawing("right", "red")])
    assert small @ large > 0.95 > small @ other


def test_the_released_lists_network_is_taken_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert retrieval.describer().vgg.name == "vgg16"
    state, c_in, at = {}, 3, 0
    for block, width in zip((2, 2, 4, 4, 4), (64, 128, 256, 512, 512)):
        for _ in range(block):
            state[f"features.{at}.weight"], state[f"features.{at}.bias"] = torch.zeros(width, c_in, 3, 3), torch.ones(width)
            at, c_in = at + 1, width
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(state, tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth")
    describer = retrieval.describer()
    assert "vgg19 relu5_4" in describer.name
    np.testing.assert_allclose(describer([drawing("left", "red")]), np.full((1, 512 * 49), (512 * 49) ** -0.5), rtol=1e-4)


# The index


def test_the_index_follows_the_files(tmp_path, describe):
    folder = folder_of(tmp_path / "p", {"a.png": drawing("left", "red"), "sub/b.jpg": drawing("right", "red")})
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not looked at")
    looked = []

    def look(name):
        looked.append(name)
        return retrieval.open_photo(folder / name)

    def index(key="k"):
        looked.clear()
        return describe_folder(folder, retrieval.pictures_in(folder), describe, look, tmp_path / "index.npz", key)

    first = index()
    assert first.names == ["a.png", "sub/b.jpg"] and list(first.left_out) == ["broken.jpg"]
    assert looked == ["a.png", "broken.jpg", "sub/b.jpg"]
    again = index()
    assert looked == [] and list(again.left_out) == ["broken.jpg"] and "not a picture" in again.left_out["broken.jpg"]
    np.testing.assert_array_equal(again.descriptors, first.descriptors)

    drawing("right", "blue").save(folder / "a.png")
    os.utime(folder / "a.png", ns=(1, 1))
    (folder / "sub/b.jpg").rename(folder / "c.jpg")
    changed = index()
    assert looked == ["a.png", "c.jpg"] and changed.names == ["a.png", "c.jpg"]
    np.testing.assert_array_equal(changed.descriptors[1], first.descriptors[1])
    assert np.abs(changed.descriptors[0] - first.descriptors[0]).max() > 0.01
    index("another way of looking")
    assert looked == ["a.png", "broken.jpg", "c.jpg"]


def test_an_interrupted_index_goes_on(tmp_path, describe, monkeypatch):
    names = [f"{i}.png" for i in range(5)]
    folder = folder_of(tmp_path / "p", {name: drawing("left", (50 * i, 0, 0)) for i, name in enumerate(names)})
    monkeypatch.setattr(retrieval, "BATCH", 2)
    looked = []

    def look(name):
        if len(looked) == 3:
            raise KeyboardInterrupt
        looked.append(name)
        return retrieval.open_photo(folder / name)

    with pytest.raises(KeyboardInterrupt):
        describe_folder(folder, names, describe, look, tmp_path / "i.npz")
    assert sorted(os.listdir(tmp_path)) == ["i.npz", "p"]
    looked.clear()
    done = []
    index = describe_folder(folder, names, describe, look, tmp_path / "i.npz", progress=lambda *at: done.append(at))
    assert looked == names[2:] and done[-1] == (3, 3) and index.names == names


def test_a_spoiled_index_is_made_anew(tmp_path, describe):
    folder = folder_of(tmp_path / "p", {"a.png": drawing("left", "red")})
    store = tmp_path / "i.npz"
    whole = describe_folder(folder, ["a.png"], describe, store=store)
    store.write_bytes(store.read_bytes()[:500])
    np.testing.assert_array_equal(describe_folder(folder, ["a.png"], describe, store=store).descriptors, whole.descriptors)


def test_a_folder_that_cannot_be_written_to_is_searched_all_the_same(tmp_path, describe):
    folder = folder_of(tmp_path / "p", {"a.png": drawing("left", "red")})
    (tmp_path / "file").write_text("a file where a folder would have to be made")
    index = describe_folder(folder, ["a.png"], describe, store=tmp_path / "file" / "i.npz")
    assert len(index.descriptors) == 1 and "could not be kept" in index.notes[0]


@pytest.mark.parametrize(("make", "said"), [(False, "no folder"), (True, "holds no pictures")])
def test_folders_without_pictures_are_told(tmp_path, make, said):
    if make:
        (tmp_path / "p").mkdir()
    with pytest.raises(RetrievalError, match=said):
        retrieval.pictures_in(tmp_path / "p")


# Lists


def test_a_list_is_read_as_it_was_written(tmp_path):
    rows = {"a.jpg": ("b.jpg", "c.jpg"), "sub/ü.png": ("a.jpg",)}
    write_list(tmp_path / "l.txt", rows)
    assert (tmp_path / "l.txt").read_text("utf-8").splitlines()[0] == "a.jpg,b.jpg,c.jpg"
    assert read_list(tmp_path / "l.txt") == rows


def test_published_lists_are_read(tmp_path):
    (tmp_path / "l.txt").write_bytes(b"img\\WOMEN\\id_1\\01_1.jpg,img\\WOMEN\\id_2\\01_1.jpg\r\n\r\n7.jpg, 12.jpg,9.jpg,\n")
    assert read_list(tmp_path / "l.txt") == {
        "img/WOMEN/id_1/01_1.jpg": ("img/WOMEN/id_2/01_1.jpg",),
        "7.jpg": ("12.jpg", "9.jpg"),
    }


@pytest.mark.parametrize(("text", "said"), [
    ("a.jpg\n", "line 1: no exemplar"), ("a,b\na,c\n", "line 2: a second line"), ("", "no line"),
])  # fmt: skip
def test_what_is_no_list_is_told(tmp_path, text, said):
    (tmp_path / "l.txt").write_text(text)
    with pytest.raises(RetrievalError, match=said):
        read_list(tmp_path / "l.txt")


def test_a_comma_in_a_name_is_told(tmp_path):
    with pytest.raises(RetrievalError, match="rename"):
        write_list(tmp_path / "l.txt", {"a,b.jpg": ("c.jpg",)})
    assert not (tmp_path / "l.txt").exists()


# The command


def test_the_command_lists_other_pictures_of_the_split(tmp_path, capsys):
    prepared(tmp_path / "d", people=4, shots=2, held_out=1, size=64)
    assert main(["exemplars", str(tmp_path / "d"), "--out", str(tmp_path / "l.txt"), "--top", "3"]) == 0
    rows = read_list(tmp_path / "l.txt")
    assert sorted(rows) == [f"P{p}_{s}.jpg" for p in range(3) for s in range(2)]
    assert all(query not in refs and len(set(refs)) == 3 for query, refs in rows.items())
    # Two shots of one person are one coloured square: the nearest of all, until other people are asked for.
    assert all(refs[0][:2] == query[:2] for query, refs in rows.items())
    assert main(["exemplars", str(tmp_path / "d"), "--out", str(tmp_path / "o.txt"), "--top", "4", "--other-people"]) == 0
    assert all(ref[:2] != query[:2] for query, refs in read_list(tmp_path / "o.txt").items() for ref in refs)
    assert "6 pictures, 4 exemplars each" in capsys.readouterr().out


def test_a_second_run_takes_what_the_first_computed(tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "p", {f"{i}.png": drawing("left", (90 * i, 0, 0)) for i in range(3)})
    command = ["exemplars", str(folder), "--out", str(tmp_path / "l.txt"), "--top", "2"]
    assert main(command) == 0
    first = (tmp_path / "l.txt").read_text()
    monkeypatch.setattr(retrieval.Describer, "__call__", None)
    assert main(command) == 0 and (tmp_path / "l.txt").read_text() == first


def test_maps_are_searched_through_a_plain_translation_network(tmp_path, monkeypatch):
    """Its painting decides: one that paints from the map alone sends equal maps to equal neighbours, whatever their photos."""
    prepared(tmp_path / "d", people=3, shots=2, held_out=0, size=64)
    points = np.load(tmp_path / "d" / "points.npy")
    points[5] = points[0]
    np.save(tmp_path / "d" / "points.npy", points)
    torch.manual_seed(0)
    net = SYSTEMS["spade"](preset="tiny", condition_channels=35, size=64)
    checkpoints.save(tmp_path / "home" / "plain.safetensors", bake(net),
                     {"name": "plain", "system": "spade", "condition": "figure", "size": 64})
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "home")
    assert main(["exemplars", str(tmp_path / "d"), "--out", str(tmp_path / "l.txt"), "--top", "4", "--condition", "figure"]) == 0
    rows = read_list(tmp_path / "l.txt")
    strip = [[ref for ref in rows[name] if ref not in ("P0_0.jpg", "P2_1.jpg")] for name in ("P0_0.jpg", "P2_1.jpg")]
    assert strip[0][:3] == strip[1][:3]


@pytest.mark.parametrize(("more", "said"), [
    (["--top", "3"], "only 2 other pictures"), (["--top", "0"], "at least 1"), (["--split", "test"], "prepared folder"),
    (["--other-people"], "prepared folder"), (["--device", "abacus"], "device 'abacus'"),
])  # fmt: skip
def test_mistakes_are_one_line(tmp_path, capsys, more, said):
    folder = folder_of(tmp_path / "p", {f"{i}.png": drawing("left", "red") for i in range(3)})
    assert main(["exemplars", str(folder), "--out", str(tmp_path / "l.txt"), *more]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1 and not (tmp_path / "l.txt").exists()


def test_no_plain_network_is_told(tmp_path, capsys, monkeypatch):
    prepared(tmp_path / "d", size=64)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "none")
    assert main(["exemplars", str(tmp_path / "d"), "--out", str(tmp_path / "l.txt"), "--condition", "figure"]) == 2
    assert "system spade for the condition 'figure'" in capsys.readouterr().err


# For one photo


def test_a_finder_frames_faces_and_leaves_out_the_photo_itself(tmp_path, monkeypatch):
    from cocos_demo import Translator

    face, body = Image.open(PORTRAIT), Image.open(SAMPLES / "photos" / "P010_studio_posture.jpg")
    wide = Image.new("RGB", (3 * face.width, 2 * face.height), "white")
    wide.paste(face, (face.width, face.height // 2))
    folder = folder_of(tmp_path / "p", {"wide.png": wide, "itself.png": Image.open(FACE), "nobody.png": drawing("left", "red"),
                                        "body.png": body})
    translator = Translator.load("portrait")
    finder = exemplars.Finder(translator)
    index = finder.index(folder, keep=True)
    assert index.names == ["body.png", "itself.png", "wide.png"] and "No face" in index.left_out["nobody.png"]
    found = finder.find(translator.condition_of(FACE), [index], 5)
    assert sorted(path.name for path, _ in found) == ["body.png", "wide.png"]
    assert all(0 < cosine < 0.999 for _, cosine in found) and found[0][1] >= found[1][1]
    assert json.dumps(os.listdir(folder)).count(".exemplars-portrait.npz") == 1
    monkeypatch.setattr(finder, "frame", None)  # a second time, nothing is looked at again
    assert finder.index(folder, keep=True).names == index.names
