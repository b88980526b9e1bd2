"""datasets/layouts/deepfashion.py and openpose.py: a made-up DeepFashion becomes a prepared folder, and is trained on."""

import json

import numpy as np
import pytest
from miniatures import deepfashion as made
from PIL import Image

from cocos_demo.conditions import KINDS, ConditionError
from cocos_demo.datasets.layouts import LAYOUTS, LayoutError, openpose
from cocos_demo.datasets.layouts.deepfashion import by_number, inner_path
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.datasets.preparing import prepare
from cocos_demo.datasets.retrieval import read_list
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer


@pytest.fixture(scope="module")
def low(tmp_path_factory):
    return made.build(tmp_path_factory.mktemp("low"))


@pytest.fixture(scope="module")
def out(low, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    prepare(LAYOUTS["deepfashion"](low), out, 64, workers=1, progress=False)
    return out


def items(folder):
    return {item["source"]: item for item in json.loads((folder / "index.json").read_text())["items"]}


def test_the_whole_set(out):
    found = items(out)
    assert set(found) == {f"img/{path}" for path, _ in made.PICTURES}
    one = found["img/WOMEN/Dresses/id_00000002/02_2_side.jpg"]
    assert (one["name"], one["person"], one["scene"]) == ("WOMEN_Dresses_id_00000002_02_2_side", "id_00000002", "02")
    assert {item["person"] for item in found.values() if item["split"] == "test"} == {"id_00000019"}  # its number ends in 9
    assert "those that end in 9 are the test" in json.loads((out / "index.json").read_text())["source"]
    assert found["img/MEN/Denim/id_00000019/01_7_additional.jpg"]["notes"][0] == "pose by mediapipe"


def test_points_are_openposes_to_the_pixel(out):
    train = PreparedFolder(out, "train")
    places = {item["source"]: i for i, item in enumerate(train.items)}
    points = train.points[places["img/WOMEN/Dresses/id_00000002/02_1_front.jpg"]]
    seen = np.r_[np.ones(10), 0, np.ones(7)]
    np.testing.assert_array_equal(points[:, 2], seen)
    np.testing.assert_array_equal(points[:, :2] * 256, (made.STANDING * 256 // 100) * seen[:, None])
    for path in ("Dresses/id_00000002/03_1_front", "Tees_Tanks/id_00000031/01_1_front"):  # JSON of 25 and of 18 points
        points = train.points[places[f"img/WOMEN/{path}.jpg"]]
        np.testing.assert_allclose(points[:17, :2], made.STANDING[:17] / 100, atol=1e-3)
        assert points[17].tolist() == [0, 0, 0] and points[:17, 2].all()
    drawn = train.condition(0, 256)
    assert drawn.shape == (20, 256, 256) and drawn[:3].any()


def test_mediapipe_sees_the_whole_square(out):
    test = PreparedFolder(out, "test")
    points = test.points[[item["source"].endswith("additional.jpg") for item in test.items].index(True)]
    whole = KINDS["figure"].find(made.BODY)
    placed = whole.frame.to_photo(whole.points[:, :2]) / Image.open(made.BODY).width
    both = (points[:, 2] > 0) & (whole.points[:, 2] > 0)
    assert both.sum() > 8 and np.abs(points[both, :2] - placed[both]).max() < 0.03


def test_high_resolution_is_squared_with_grey(tmp_path):
    root = made.build(tmp_path / "high", high=True)
    prepare(LAYOUTS["deepfashion_hd"](root), tmp_path / "out", 256, workers=1, progress=False)
    train = PreparedFolder(tmp_path / "out", "train")
    places = {item["source"]: i for i, item in enumerate(train.items)}
    i = places["img/WOMEN/Dresses/id_00000002/02_1_front.jpg"]
    image = train.image(i).float()
    assert (image[:, :, :36] - 232).abs().max() < 4 and (image[:, :, -36:] - 232).abs().max() < 4
    assert (image[:, 8, 60:70] - 240).abs().max() < 4
    shown = train.points[i, :, 2:] > 0
    np.testing.assert_array_equal(train.points[i, :, :2] * 1024, (made.STANDING * 1024 // 100) * shown)
    j = places["img/WOMEN/Dresses/id_00000002/03_1_front.jpg"]  # OpenPose's own file counts in the tall picture
    want = (made.STANDING[:17] / 100 * (750, 1101) + (175, 0)) / 1101
    np.testing.assert_allclose(train.points[j, :17, :2], want, atol=1e-3)
    assert len(PreparedFolder(tmp_path / "out", "test")) == 2 and train.kind.name == "deepfashion_hd"
    square = Image.open(root / "img_highres" / made.PICTURES[0][0])
    layout = LAYOUTS["deepfashion_hd"](root)
    assert np.array_equal(layout.square(layout.square(square)), layout.square(square))  # what was squared before stays


def test_the_splits_of_the_lists(tmp_path):
    root = made.build(tmp_path)
    layout = LAYOUTS["deepfashion"](root)
    made.write_partition(root)
    assert [entry.split for entry in layout.entries()] == ["train", "train", "train", "test", "test", "train", "train"]
    assert "list_eval_partition.txt" in layout.source
    made.write_lists(root)
    assert [(entry.source, entry.split) for entry in layout.entries()] == [
        (f"img/{path}", split) for path, split in zip([p for p, _ in made.PICTURES[:4] + made.PICTURES[5:]],
                                                      ["train"] * 4 + ["test"] * 2)]
    assert "CoCosNet's train.txt" in layout.source
    assert inner_path("/data/deepfashionHD/img/WOMEN/a b/id_1/x.jpg") == inner_path("img\\WOMEN\\a b\\id_1\\x.jpg")
    assert by_number("MEN/Denim/id_00000019/01_1_front.jpg") == "test"


def test_what_is_missing_or_wrong_is_said(tmp_path):
    with pytest.raises(LayoutError, match="there is no folder .*/nothing. It is asked for at http"):
        LAYOUTS["deepfashion"](tmp_path / "nothing").entries()
    (tmp_path / "packed" / "Img").mkdir(parents=True)
    (tmp_path / "packed" / "Img" / "img.zip").write_bytes(b"")
    with pytest.raises(LayoutError, match="Img/img.zip is there, but not unpacked"):
        LAYOUTS["deepfashion"](tmp_path / "packed").entries()
    root = made.build(tmp_path / "low")
    layout = LAYOUTS["deepfashion"](root)
    with pytest.raises(LayoutError, match=r"lacks img_highres or Img/img_highres or img \(the pictures\)"):
        LAYOUTS["deepfashion_hd"](tmp_path / "packed").entries()
    (root / "val.txt").write_text("img/WOMEN/Dresses/id_00000002/02_1_front.jpg")
    with pytest.raises(LayoutError, match="lacks train.txt, the other half"):
        layout.entries()
    (root / "train.txt").write_text("\n".join(["img\\MEN\\Denim\\id_00000077\\01_1_front.jpg"] * 1 + ["img/MEN/b/id_5/1_1.jpg"]))
    with pytest.raises(LayoutError, match="of the 3 pictures that the lists of .* name, 2 are not in img"):
        layout.entries()
    (root / "train.txt").write_text("img/WOMEN/Dresses/id_00000002/02_1_front.jpg")
    with pytest.raises(LayoutError, match="for training and for the test"):
        layout.entries()
    (root / "train.txt").unlink(), (root / "val.txt").unlink()
    made.write_partition(root)
    file = root / "Eval" / "list_eval_partition.txt"
    text = file.read_text()
    file.write_text(text.rsplit("\n", 1)[0])
    with pytest.raises(LayoutError, match="announces 7 pictures and lists 6: it was cut short"):
        layout.entries()
    file.write_text(text.replace("gallery", "dunno"))
    with pytest.raises(LayoutError, match="line 7: a path, the item's id and train, query or gallery"):
        layout.entries()


def test_single_pictures_are_left_out_and_named(tmp_path):
    root = made.build(tmp_path / "low")
    paths = [root / "img" / path for path, _ in made.PICTURES]
    stems = [root / "pose" / path.removesuffix(".jpg") for path, _ in made.PICTURES]
    paths[0].write_bytes(paths[0].read_bytes()[:900])
    Image.new("RGB", (176, 256)).save(paths[1])
    (stems[2].parent / "03_1_front_keypoints.json").write_text("{")
    (stems[4].parent / "01_3_back_subset.txt").unlink()
    (root / "img" / "WOMEN" / "odd.jpg").write_bytes(paths[5].read_bytes())
    stem = stems[5].parent / "01_1_front"
    np.savetxt(f"{stem}_subset.txt", [[0, 1, 40, *[-1] * 15, 20, 3]])
    report = prepare(LAYOUTS["deepfashion"](root), tmp_path / "out", 64, workers=1, progress=False)
    reasons = {entry["source"].removeprefix("img/"): entry["reason"] for entry in report.left_out}
    assert "damaged or cut short" in reasons[made.PICTURES[0][0]]
    assert reasons[made.PICTURES[1][0]].startswith("it has 176 x 256 pixels; the low resolution has squares")
    assert "not written by OpenPose, or is cut short" in reasons[made.PICTURES[2][0]]
    assert reasons[made.PICTURES[4][0]] == "it has the pose file 01_3_back_candidate.txt, but no 01_3_back_subset.txt"
    assert "names joint 40, 01_1_front_candidate.txt has 0 to 17" in reasons[made.PICTURES[5][0]]
    assert "does not tell whose picture it is" in reasons["WOMEN/odd.jpg"]
    assert report.kept == 2 and "left out 1 of 8: it has 176 x 256" in str(report)


def test_a_pose_file_of_the_square_and_a_picture_of_another_shape(tmp_path):
    root = made.build(tmp_path, high=True)
    layout = LAYOUTS["deepfashion_hd"](root)
    file = root / "img_highres" / made.PICTURES[0][0]
    Image.new("RGB", (900, 1101)).save(file)
    entry = next(entry for entry in layout.entries() if entry.source.endswith("02_1_front.jpg"))
    with pytest.raises(LayoutError, match="900 x 1101 pixels, but its pose file counts in the square"):
        layout.take(entry, 64)
    Image.new("RGB", (256, 256)).save(file)
    with pytest.raises(LayoutError, match=r"256 x 256 pixels; the high resolution has 750 x 1101 \(the low one"):
        layout.take(entry, 64)


def test_openpose_files(tmp_path):
    assert openpose.published(tmp_path / "a") is None and openpose.native(tmp_path / "a", 9, 9) is None
    np.savetxt(tmp_path / "a_candidate.txt", [[5, 6, 0.9, 0]])
    np.savetxt(tmp_path / "a_subset.txt", [0, *[-1] * 17, 0.9, 1])  # a column of 20 lines
    with pytest.raises(LayoutError, match="1 numbers a line; at least 18"):
        openpose.published(tmp_path / "a")
    np.savetxt(tmp_path / "a_subset.txt", [[0, *[-1] * 17, 0.9, 1]])
    assert openpose.published(tmp_path / "a")[0].tolist() == [5, 6, 1]
    (tmp_path / "a_subset.txt").write_text("")
    with pytest.raises(ConditionError, match="OpenPose saw nobody"):
        openpose.published(tmp_path / "a")
    (tmp_path / "a_subset.txt").write_text("zero one")
    with pytest.raises(LayoutError, match="not a table of numbers"):
        openpose.published(tmp_path / "a")
    made.write_json(tmp_path / "b", made.STANDING / 100, 18)  # --keypoint_scale 3
    np.testing.assert_allclose(openpose.native(tmp_path / "b", 200, 300)[1], [100, 66, 1])
    made.write_json(tmp_path / "b", made.STANDING[:], 18)
    text = json.loads((tmp_path / "b_keypoints.json").read_text())
    text["people"] = [{"pose_keypoints_2d": [1.0] * 30}]
    (tmp_path / "b_keypoints.json").write_text(json.dumps(text))
    with pytest.raises(LayoutError, match="10 points a person; OpenPose's models COCO"):
        openpose.native(tmp_path / "b", 9, 9)
    (tmp_path / "b_keypoints.json").write_text('{"people": []}')
    with pytest.raises(ConditionError, match="names no people"):
        openpose.native(tmp_path / "b", 9, 9)


# What the published lists say


def test_a_pair_of_one_person_wears_the_same(out):
    train = PreparedFolder(out, "train")
    places = {item["source"].removeprefix("img/WOMEN/"): i for i, item in enumerate(train.items)}
    front, side, other = (places[f"Dresses/id_00000002/{name}.jpg"] for name in ("02_1_front", "02_2_side", "03_1_front"))
    assert train.same_scene(front, side) and train.same_person(front, other) and not train.same_scene(front, other)


def written(path, *lines):
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_list(path)


def test_the_published_self_pairs(out, tmp_path):
    train = PreparedFolder(out, "train")
    dress = "img\\WOMEN\\Dresses\\id_00000002\\"
    pairs = written(tmp_path / "deepfashion_self_pair.txt", f"{dress}02_1_front.jpg,{dress}02_2_side.jpg,{dress}03_1_front.jpg",
                    "img\\MEN\\Denim\\id_00000019\\01_1_front.jpg,img\\MEN\\Denim\\id_00000019\\01_7_additional.jpg")
    sampler = PairSampler([train], 64, Mix(same=1, pseudo=0, cross=0), exemplars=pairs)
    by_source = {item["source"]: i for i, item in enumerate(train.items)}
    front, side = (by_source[f"img/WOMEN/Dresses/id_00000002/{name}.jpg"] for name in ("02_1_front", "02_2_side"))
    assert sampler.selves[0] == {front: [side]}  # another colour is no known target, and the man is in the other split
    wrong = written(tmp_path / "wrong.txt", f"{dress}02_1_front.jpg,img\\WOMEN\\Tees_Tanks\\id_00000031\\01_1_front.jpg")
    with pytest.raises(DataError, match=r"1 pairs of the list are of different people: img/WOMEN/Dresses/id_00000002/"
                                        r"02_1_front.jpg with img/WOMEN/Tees_Tanks/id_00000031/01_1_front.jpg. Without cross"):
        PairSampler([train], 64, Mix(same=1, pseudo=0, cross=0), exemplars=wrong)
    with pytest.raises(DataError, match="none of other people for 5 of the 5.*self_pair.txt.* without cross and hard"):
        PairSampler([train], 64, Mix(), exemplars=pairs)
    with pytest.raises(DataError, match="pairs no two pictures"):
        PairSampler([train], 64, Mix(same=1, pseudo=0, cross=0), exemplars=written(tmp_path / "none.txt", "x.jpg,y.jpg"))


@pytest.mark.parametrize("written_as", ["img\\{}.jpg", "{}.jpg", "/data/deepfashionHD/img/{}.jpg", "images/{name}.jpg",
                                        "{name}.png"])
def test_lists_name_pictures_in_any_of_these_ways(out, written_as, tmp_path):
    train = PreparedFolder(out, "train")
    inner = [item["source"].removeprefix("img/").removesuffix(".jpg") for item in train.items]
    texts = [written_as.format(path.replace("/", "\\") if "\\" in written_as else path, name=item["name"])
             for path, item in zip(inner, train.items)]
    dress, shirt = ([i for i, item in enumerate(train.items) if item["person"] == who] for who in ("id_00000002", "id_00000031"))
    rows = {i: (shirt if i in dress else dress)[0] for i in range(len(train))}
    exemplars = written(tmp_path / "ref.txt", *(f"{texts[i]},{texts[k]}" for i, k in rows.items()))
    assert PairSampler([train], 64, Mix(), exemplars=exemplars).listed[0] == {i: [k] for i, k in rows.items()}


@pytest.mark.parametrize("kind", ["deepfashion", "deepfashion_hd", "figure"])
def test_one_step_of_training(out, tmp_path, kind):
    nothing = Weights(feat=0.0, perc=0.0, context=0.0, detail=0.0, pixel=1.0, warp=1.0)
    args = TrainArgs(data=(out,), out=tmp_path / "run", size=32, steps=1, batch=1, d_width=4, save_every=1, device="cpu",
                     weights=nothing, condition=kind)
    seen = []
    Trainer(args).run(lambda state: seen.append(state["terms"]))
    assert len(seen) == 1 and np.isfinite(list(seen[0].values())).all()
