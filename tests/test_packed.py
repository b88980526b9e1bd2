"""Weights packed by xz: nothing lost, fewer bytes, found by name, read as plain ones are, and told when torn."""

import json
import lzma
import subprocess
import sys

import pytest
import torch
from made_up import checkpoint
from safetensors.torch import load, save_file

from cocos_demo import checkpoints, features, lessons, packed
from cocos_demo.packed import WeightsError

SAID = {"cocos_demo": '{"name": "a"}'}


@pytest.fixture
def plain(tmp_path):
    """Weights as a network's are, of spread 0.05, in half precision, and a count."""
    weights = torch.randn(300, 200, generator=torch.Generator().manual_seed(0)).half() * 0.05
    save_file({"w": weights, "n": torch.arange(3)}, tmp_path / "a.safetensors", metadata=SAID)
    return tmp_path / "a.safetensors"


def test_nothing_is_lost_and_a_seventh_saved(plain):
    whole = plain.read_bytes()
    path = packed.pack(plain)
    assert path.name == "a.safetensors.xz" and list(path.parent.iterdir()) == [path]
    assert lzma.decompress(path.read_bytes(), lzma.FORMAT_XZ) == whole and path.stat().st_size < 0.87 * len(whole)
    found = packed.tensors(path)
    assert {key: value.dtype for key, value in found.items()} == {"w": torch.float16, "n": torch.int64}
    assert all(torch.equal(found[key], value) for key, value in load(whole).items())


@pytest.mark.parametrize("ending", [packed.PLAIN, packed.PACKED])
def test_what_is_written_is_read_again(tmp_path, ending):
    path, weights = tmp_path / "folder" / f"a{ending}", {"w": torch.rand(3, 2)}
    packed.write(path, weights, SAID)
    assert packed.metadata(path) == SAID and torch.equal(packed.tensors(path)["w"], weights["w"])
    assert path.read_bytes().startswith(b"\xfd7zXZ\0") == (ending == packed.PACKED)
    packed.write(path, weights, None)
    assert packed.metadata(path) == {}


def test_what_is_said_is_read_without_the_weights(plain, monkeypatch):
    """Of 120 kB no more than the first buffer is unpacked: a break in the middle is not met."""
    path = packed.pack(plain)
    broken = bytearray(path.read_bytes())
    broken[50_000:50_100] = bytes(100)
    path.write_bytes(broken)
    assert packed.metadata(path) == SAID
    with pytest.raises(WeightsError):
        packed.tensors(path)


def test_both_are_found_by_name(plain):
    whole = plain.read_bytes()
    path = packed.pack(plain)
    path.with_name(".7.partial.b.safetensors.xz").touch()
    assert packed.files(plain.parent) == {"a": path}
    plain.write_bytes(whole)
    assert packed.files(plain.parent) == {"a": plain}
    assert packed.name(plain) == packed.name(path) == packed.name("runs/a") == "a"
    assert packed.name("runs/m0.4.safetensors") == "m0.4"


def header(content) -> bytes:
    text = json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize("inside", [b"", b"\xff" * 100, header([1]), header({})[:-1], header({"w": 1})])
def test_something_else_is_told(tmp_path, inside):
    path = tmp_path / "a.safetensors.xz"
    path.write_bytes(lzma.compress(inside))
    with pytest.raises(WeightsError):
        packed.tensors(path)
    if b"w" not in inside:  # a tensor that is none: what is said is not
        with pytest.raises(WeightsError):
            packed.metadata(path)


@pytest.mark.parametrize("left", [0, 1, 20, 5_000, 50_000, -1])
def test_a_torn_file_is_told(plain, left):
    path = packed.pack(plain)
    path.write_bytes(path.read_bytes()[:left])
    for read in (packed.metadata, packed.tensors):
        with pytest.raises(WeightsError, match="(?i)end|cut short"):
            read(path)


def test_only_weights_are_packed(tmp_path):
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk" * 100)
    with pytest.raises(WeightsError):
        packed.pack(junk)
    with pytest.raises(WeightsError, match="not called NAME.safetensors"):
        packed.pack(tmp_path / "junk.safetensors.xz")
    assert list(tmp_path.iterdir()) == [junk]


def test_the_command_packs_several(plain):
    other = plain.with_name("b.safetensors")
    other.write_bytes(plain.read_bytes())
    done = subprocess.run([sys.executable, "-m", "cocos_demo.packed", plain, other], capture_output=True, text=True, check=True)
    assert done.stdout.count("wrote") == 2
    assert sorted(path.name for path in plain.parent.iterdir()) == ["a.safetensors.xz", "b.safetensors.xz"]


def test_what_another_file_holds_too_is_left_out_and_read_from_there(plain):
    """Half as large, the same tensors, and no mistake about whose they are."""
    weights = packed.tensors(plain)
    upon = plain.with_name("upon.safetensors")
    save_file(weights | {"g": weights["w"] + 1, "n": torch.arange(4)}, upon, metadata=SAID)
    subprocess.run([sys.executable, "-m", "cocos_demo.packed", "--share", plain, upon], capture_output=True, check=True)
    upon = upon.with_name("upon.safetensors.xz")
    assert load(lzma.decompress(upon.read_bytes())).keys() == {"g", "n"} and packed.metadata(upon) == SAID
    assert packed.shared_with(upon) == "a" and packed.shared_with(plain) is None
    found = packed.tensors(upon)
    assert found.keys() == {"w", "g", "n"} and torch.equal(found["w"], weights["w"]) and len(found["n"]) == 4
    packed.write(upon.with_name("whole.safetensors"), found, packed.metadata(upon))
    lender = packed.pack(plain)  # packed or plain, it is the same
    assert torch.equal(packed.tensors(upon)["w"], weights["w"])
    with pytest.raises(WeightsError, match="shares nothing with"):
        packed.share(lender, lender)

    packed.write(lender, weights | {"w": weights["w"] * 2}, SAID)
    with pytest.raises(WeightsError, match="the a beside it is another"):
        packed.tensors(upon)
    lender.unlink()
    with pytest.raises(WeightsError, match=r"shares tensors with a\.safetensors\.xz, which is not beside it"):
        packed.tensors(upon)
    assert packed.metadata(upon) == SAID
    assert packed.tensors(upon.with_name("whole.safetensors")).keys() == found.keys()


def test_a_packed_checkpoint_is_one_like_the_others(tmp_path, monkeypatch):
    """Imported by hand: listed, read by name and by path, the same network; written again, it stays packed; torn, it is told."""
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path))
    plain = checkpoint(tmp_path / "checkpoints", "portrait").rename(tmp_path / "checkpoints" / "mine.safetensors")
    net, card = checkpoints.load("mine")
    path = packed.pack(plain)
    assert checkpoints.catalogue()["mine"] == path
    for asked in ("mine", path, str(path)):
        again, said = checkpoints.load(asked)
        assert said == card == checkpoints.read_card(path) and again.config == net.config
        assert all(torch.equal(value, again.state_dict()[key]) for key, value in net.state_dict().items())
    checkpoints.save(path, net, card | {"figures": {}})
    assert list(path.parent.iterdir()) == [path] and checkpoints.load("mine")[1] == card | {"figures": {}}
    path.write_bytes(path.read_bytes()[:-100])
    for read in (checkpoints.read_card, checkpoints.load):
        with pytest.raises(checkpoints.CheckpointError, match=r"mine\.safetensors\.xz is not a readable .* \(it is cut short"):
            read(path)


def test_all_that_ships_is_packed():
    ship = [*checkpoints.shipped().values(), *packed.files(lessons.LESSONS / "networks").values(), features.VGG16_BASE]
    assert len(ship) > 10 and [path.name for path in ship if not path.name.endswith(packed.PACKED)] == []


def test_weights_are_rounded_to_so_many_digits():
    numbers = torch.tensor([1.0, 1 + 2**-10, 1 + 2**-8, -1 - 3 * 2**-9, 0.0, 2**-14, -0.3, 60000.0], dtype=torch.float16)
    kept = packed.rounded({"w": numbers, "steps": torch.tensor([3])}, 8)
    assert kept["w"].tolist()[:5] == [1.0, 1.0, 1 + 2**-7, -1 - 2**-7, 0.0] and kept["steps"].item() == 3
    assert ((kept["w"].double() - numbers.double()).abs() <= numbers.double().abs() * 2**-8).all()
    assert torch.equal(packed.rounded({"w": numbers}, 11)["w"], numbers)
    assert len({int(b) & 7 for b in kept["w"].view(torch.int16)}) == 1  # what xz no longer has to keep
    with pytest.raises(ValueError, match="12 cannot be kept"):
        packed.rounded({"w": numbers}, 12)
