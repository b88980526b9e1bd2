"""datasets/archives.py: a set in tars trains as its folder does; the order of tars; what is missing, cut off or foreign."""

import json
import tarfile
from functools import partial

import numpy as np
import pytest
import torch
from folders import masked, prepared
from test_distributed import assert_same_run, in_one, in_two, options

from cocos_demo.archives import Archives, run
from cocos_demo.datasets.archives import LANES, ArchiveSet, TarFolder, open_set, pack
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.loading import batches

pytest.importorskip("webdataset")


def tars(tmp_path, count, name="set", **how):
    """A set of so many tars with three people each, of whom the last is held out -> its folder."""
    out = tmp_path / name
    out.mkdir()
    for number in range(1, count + 1):
        pack(prepared(tmp_path / f"{name}{number}", seed=number, **how), out / f"{number:05d}-of-{count:05d}.tar")
    run(Archives(out))
    return out


def alike(a, b):
    return all(x is y is None or torch.equal(x, y) for x, y in zip(vars(a).values(), vars(b).values()))


# ---- the same


@pytest.mark.parametrize("make, kind", [(prepared, "figure"), (prepared, "parts"), (masked, "portrait"), (masked, "grey")])
def test_a_tar_holds_what_its_folder_holds(tmp_path, make, kind):
    path = make(tmp_path / "folder")
    folder = PreparedFolder(path, "train", 16, kind)
    tar = TarFolder(str(pack(path, tmp_path / "00001-of-00001.tar")), "train", 16, kind)
    assert tar.items == folder.items and np.array_equal(tar.points, folder.points) and tar.index == folder.index
    for i in range(len(folder)):
        assert torch.equal(tar.image(i), folder.image(i)) and torch.equal(tar.condition(i, 32), folder.condition(i, 32))
    foreground = make is masked
    samplers = [PairSampler([one], 32, Mix(), foreground=foreground) for one in (folder, tar)]
    assert all(alike(samplers[0](step, 4), samplers[1](step, 4)) for step in range(3))


def test_names_with_dots_and_the_name_of_the_first_member(tmp_path):
    path = prepared(tmp_path / "folder")
    index = json.loads((path / "index.json").read_text())
    for item, name in zip(index["items"], ("a.b", "set", "ü 100%")):
        for part, ending in (("images", "jpg"), ("parts", "png")):
            (path / part / f"{item['name']}.{ending}").rename(path / part / f"{name}.{ending}")
        item["name"] = name
    (path / "index.json").write_text(json.dumps(index))
    tar = TarFolder(str(pack(path, tmp_path / "x.tar")), "train")
    assert [item["name"] for item in tar.items[:3]] == ["a.b", "set", "ü 100%"] and tar.holds("parts", 1)
    assert torch.equal(tar.image(1), PreparedFolder(path, "train").image(1))


def test_the_same_folder_makes_the_same_tar(tmp_path):
    path = prepared(tmp_path / "folder")
    assert pack(path, tmp_path / "a.tar").read_bytes() == pack(path, tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames()[0] == "set.json" and "P0_0.jpg" in tar.getnames() and "P0_0.parts.png" in tar.getnames()


def test_training_from_a_tar_is_training_from_its_folder(tmp_path):
    given = options(tmp_path, "from_folder", steps=2)
    in_one(given)
    out = tmp_path / "tars"
    pack(tmp_path / "data", out / "00000-of-00001.tar")
    run(Archives(out))
    in_one(given | {"data": [str(out)], "out": str(tmp_path / "from_tar")})
    assert_same_run(tmp_path / "from_folder", tmp_path / "from_tar", share=1e-9)


# ---- the order


def test_each_tar_is_visited_once_before_any_is_twice(tmp_path):
    given = ArchiveSet(tars(tmp_path, 7), "train", batch=2)  # four pictures a tar to train on
    assert len(given) == 28 and len(given.people) == 14 and given.stay == 2
    names = [given.name_at(3, step) for step in range(2 * LANES * 7)]
    for lane in range(LANES):  # two turns with each
        own = names[lane::LANES]
        assert own[::2] == own[1::2]
    visits = [name for turn in range(0, len(names), 2 * LANES) for name in names[turn:turn + LANES]]
    assert all(sorted(visits[at:at + 7]) == given.tars for at in range(0, 28, 7))
    assert visits[:7] != visits[7:14]  # another order the second time
    assert names != [given.name_at(4, step) for step in range(len(names))]


def test_no_more_tars_are_held_than_there_are_lanes_and_their_next(tmp_path, monkeypatch):
    given, reads = ArchiveSet(tars(tmp_path, 9), "train", batch=2), []
    monkeypatch.setattr(given, "_read", lambda name, read=given._read: reads.append(name) or read(name))
    for step in range(4 * LANES):
        assert all(given.at(0, step).path.name == given.name_at(0, step) for sample in range(2))
        assert len(given._held) <= LANES and len(given._ahead) <= LANES
    [future.result() for _, future in given._ahead.values()]
    assert len(reads) == 3 * LANES  # once a visit; the third is read ahead
    one = ArchiveSet(given.path, "train", batch=2)
    for step in range(1, 20 * LANES, LANES):  # what one of four loaders sees
        one.at(0, step), one.at(0, step)
        assert len(one._held) == len(one._ahead) == 1


def test_what_is_read_ahead_fails_when_it_is_needed(tmp_path):
    given = ArchiveSet(tars(tmp_path, 9), "train", batch=2)
    (given.path / given.name_at(0, 2 * LANES)).unlink()
    for step in range(0, 2 * LANES, LANES):
        given.at(0, step), given.at(0, step)
    with pytest.raises(DataError, match="cannot be read"):
        given.at(0, 2 * LANES)


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_and_a_later_beginning_give_the_same_samples(tmp_path, workers):
    path = tars(tmp_path, 5)

    def draw():
        return partial(PairSampler([ArchiveSet(path, "train", batch=2)], 32, Mix()), batch=2)

    straight = [draw()(step) for step in range(12)]
    begun = draw()
    begun(0), begun(0)  # reads ahead here, which a loader process cannot know of
    with batches(begun, 5, 12, workers) as coming:
        assert all(alike(batch, straight[step]) for step, batch in enumerate(coming, start=5))


def test_two_processes_stopped_within_a_tar_go_on_as_one(tmp_path):
    path = tars(tmp_path, 3)
    given = options(tmp_path, "straight", steps=4) | {"data": [str(path)]}
    in_one(given)
    given["out"] = str(tmp_path / "cut")
    assert [code for code, *_ in in_two(tmp_path, given, {"rank": 1, "step": 3, "what": "SIGTERM"})] == [130, 130]
    in_one(given)
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


def test_tars_are_fetched_by_a_command(tmp_path):
    path = tars(tmp_path, 2)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    for tar in path.glob("*.tar"):
        tar.rename(elsewhere / tar.name)
    sampler = PairSampler([open_set(path, "train", batch=2, fetch=f"pipe:cat '{elsewhere}/{{}}'")], 32, Mix())
    assert alike(sampler(0, 2), PairSampler([ArchiveSet(*moved_back(path, elsewhere), batch=2)], 32, Mix())(0, 2))


def moved_back(path, elsewhere):
    for tar in elsewhere.iterdir():
        tar.rename(path / tar.name)
    return path, "train"


# ---- damage


def test_what_cannot_be_fetched_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    path = tars(tmp_path, 2)
    with pytest.raises(DataError, match=r"00\d+-of-00002.tar cannot be read .*--fetch"):
        ArchiveSet(path, "train", fetch="pipe:cat /nowhere/{} 2>/dev/null").at(0, 0)
    with pytest.raises(DataError, match="--fetch needs {}"):
        ArchiveSet(path, "train", fetch="pipe:cat /nowhere")


@pytest.mark.parametrize("keep, said", [(0.5, "missing or cut off|is cut off"), (0.0, "missing or cut off|was not written")])
def test_a_tar_that_is_cut_off(tmp_path, keep, said):
    path = tars(tmp_path, 1)
    tar = path / "00001-of-00001.tar"
    tar.write_bytes(tar.read_bytes()[:int(keep * tar.stat().st_size)])
    for act in (lambda: ArchiveSet(path, "train").at(0, 0), lambda: run(Archives(path))):
        with pytest.raises(DataError, match=said):
            act()


def test_a_tar_cut_off_between_samples(tmp_path):
    path = tars(tmp_path, 1)
    tar = path / "00001-of-00001.tar"
    with tarfile.open(tar) as whole:
        end = next(member.offset for member in whole if member.name.startswith("P1_1"))
    tar.write_bytes(tar.read_bytes()[:end] + bytes(1024))
    with pytest.raises(DataError, match="has 3 of 6 samples"):
        ArchiveSet(path, "train").at(0, 0)


def test_a_tar_of_something_else(tmp_path):
    with tarfile.open(tmp_path / "00001-of-00001.tar", "w") as tar:
        tar.add(__file__, "photo.txt")
    with pytest.raises(DataError, match="was not written by"):
        run(Archives(tmp_path))


def test_a_tar_of_another_set(tmp_path):
    path = tars(tmp_path, 2)
    other = pack(prepared(tmp_path / "other", size=64), path / "00002-of-00002.tar")
    with pytest.raises(DataError, match="belongs to another set: size 64 instead of 32"):
        run(Archives(path))
    given = ArchiveSet(path, "train")
    with pytest.raises(DataError, match=f"{other.name} belongs to another set"):
        [given.at(0, step) for step in range(LANES)]


def test_a_missing_tar(tmp_path):
    path = tars(tmp_path, 3)
    (path / "00002-of-00003.tar").unlink()
    with pytest.raises(DataError, match="lacks 1 of 3 tars: shard 2; prepare"):
        run(Archives(path))
    given = ArchiveSet(path, "train")
    with pytest.raises(DataError, match="00002-of-00003.tar cannot be read"):
        [given.at(0, step) for step in range(LANES)]
    (path / "00001-of-00009.tar").write_bytes(b"")
    with pytest.raises(DataError, match="into 3, 9"):
        run(Archives(path))


def test_folders_without_a_list(tmp_path):
    path = tars(tmp_path, 1)
    (path / "archives.json").unlink()
    with pytest.raises(DataError, match="python -m cocos_demo archives"):
        open_set(path, "train")
    with pytest.raises(DataError, match="no tars named"):
        run(Archives(tmp_path))
    with pytest.raises(DataError, match="not a prepared folder"):
        pack(tmp_path, tmp_path / "x.tar")
    assert not list(tmp_path.rglob("*partial*")) and not (tmp_path / "x.tar").exists()


def test_what_one_tar_cannot_give_is_refused(tmp_path):
    given = ArchiveSet(tars(tmp_path, 2, people=2), "train")  # one person a tar to train on
    with pytest.raises(DataError, match="at least two people .in tars, in each"):
        PairSampler([given], 32, Mix())
    with pytest.raises(DataError, match="list of exemplars"):
        PairSampler([given], 32, Mix(cross=0.0), exemplars={"P0_0.jpg": ("P1_0.jpg",)})
