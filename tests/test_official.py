"""The published weights: parity with the released network, and what is refused.

tests/parity: names and shapes of the released files of all four tasks; for one task, inputs and what the released code
answered with weights that are filled by rule (`fill`), computed once for one sample at 64 x 64.
"""

import json
import re
import shutil
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from cocos_demo import checkpoints, packed
from cocos_demo.cli import main
from cocos_demo.models import SYSTEMS
from cocos_demo.models.correspondence import warp
from cocos_demo.official import PublishedWeightsError, build, expected, read

PARITY = Path(__file__).parent / "parity"
KEYS = json.loads((PARITY / "keys.json").read_text())
SEEDS = {"Corr": 11, "G": 22}
FIRST = "adaptive_model_seg.layer1.0."


def fill(shapes: dict, seed: int) -> dict[str, torch.Tensor]:
    """A state dict of which every tensor follows from its name, its shape and the seed."""

    def normal(name, shape):
        return np.random.RandomState((zlib.crc32(name.encode()) ^ seed) & 0xFFFFFFFF).standard_normal(shape)

    state = {}
    for name, shape in shapes.items():
        if name.endswith(("weight_u", "weight_v")):
            continue
        n, scale = normal(name, shape), 0.05
        if len(shape) >= 2:
            value = n / np.sqrt(np.prod(shape[1:]))
        elif name.endswith("bias"):
            value = scale * n
        elif name.endswith("attn.gamma"):
            value = 0.5
        else:
            value = (0.25 if shape == [1] else 1) + scale * n
        state[name] = torch.from_numpy(np.asarray(value, dtype=np.float32))
    for name in [name for name in shapes if name.endswith("weight_u")]:
        layer = name.removesuffix("_u")
        W = state[f"{layer}_orig"].flatten(1).numpy().astype(np.float64)
        u = normal(name, W.shape[0])
        for _ in range(30):
            v = W.T @ u / np.linalg.norm(W.T @ u)
            u = W @ v / np.linalg.norm(W @ v)
        state[name], state[f"{layer}_v"] = torch.from_numpy(u).float(), torch.from_numpy(v).float()
    return state


def empty(task: str) -> dict[str, dict[str, torch.Tensor]]:
    """State dicts of the right names and shapes that hold no values."""
    return {part: {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
            for part, shapes in KEYS[task].items()}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The command has imported celebahqedge from files in torch's old and new format -> (network, card, folder)."""
    folder = tmp_path_factory.mktemp("published")
    files = folder / "latest_net_Corr.pth", folder / "latest_net_G.pth"
    for file, (part, shapes) in zip(files, KEYS["celebahqedge"].items()):
        torch.save(fill(shapes, SEEDS[part]), file, _use_new_zipfile_serialization=part == "G")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCOS_DEMO_HOME", str(folder / "home"))
        words = ["import", "cocosnet", "--task", "celebahqedge", "--corr", str(files[0]), "--generator", str(files[1])]
        assert main(words) == 0
        assert list(checkpoints.catalogue()) == [*checkpoints.shipped(), "celebahqedge"]
        yield *checkpoints.load("celebahqedge"), folder
    shutil.rmtree(folder)  # 1.2 GB


@pytest.fixture(scope="module")
def answer(imported):
    """The stored sample, and the network's answer to a batch of another sample, its mirror image, and of the stored one."""
    given = packed.tensors(PARITY / "celebahqedge.safetensors.xz")
    batch = [torch.cat([given[name].flip(3), given[name]]) for name in ("in.seg", "in.ref_img", "in.ref_seg")]
    with torch.inference_mode():
        return given, imported[0](*batch)


def test_parity_with_the_released_network(answer):
    given, out = answer
    torch.testing.assert_close(out.warped[1:], given["out.warp_out"], atol=1e-5, rtol=0)
    torch.testing.assert_close(out.image[1:], given["out.fake"], atol=1e-5, rtol=0)


def test_the_way_back_is_the_released_one(answer):
    given, out = answer
    back = warp(out.match.fy, out.match.fx, out.match.coarse, alpha=100)  # Eq. 12
    torch.testing.assert_close(back[1:], given["extra.warp_cycle"], atol=1e-5, rtol=0)


def test_the_card_says_what_was_imported(imported):
    net, card, folder = imported
    assert {"system": "cocosnet", "condition": "celebahqedge", "size": 256, "source": "published weights"}.items() <= card.items()
    assert net.config.exemplar_input == "features+condition" and not net.training
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert [path.name for path in (folder / "home" / "checkpoints").iterdir()] == ["celebahqedge.safetensors"]


# Parameters of the released networks, counted on the released code.
COUNTS = {"ade20k": 59_315_716 + 96_664_260, "celebahq": 53_574_564 + 92_710_596,
          "celebahqedge": 53_380_676 + 92_590_788, "deepfashion": 52_846_916 + 92_740_548}


@pytest.mark.parametrize("task", COUNTS)
def test_every_task_takes_its_released_names_and_shapes_and_no_others(task):
    net = build("cocosnet", task, empty(task))
    assert sum(p.numel() for p in net.parameters()) == COUNTS[task]


def test_spectral_normalisation_uses_the_stored_vectors():
    state = empty("celebahqedge")
    g = torch.Generator().manual_seed(0)
    W, u, v = (torch.randn(KEYS["celebahqedge"]["Corr"][FIRST + key], generator=g)
               for key in ("weight_orig", "weight_u", "weight_v"))
    state["Corr"] |= {FIRST + "weight_orig": W, FIRST + "weight_u": u, FIRST + "weight_v": v}
    weight = build("cocosnet", "celebahqedge", state).F_A.layers[0].weight
    sigma = u.double() @ W.flatten(1).double() @ v.double()
    torch.testing.assert_close(weight.double(), W.double() / sigma, rtol=1e-4, atol=1e-6)


def test_the_kernel_that_the_released_training_command_sets_is_read_from_the_file():
    with torch.device("meta"):
        net = SYSTEMS["cocosnet"](preset="published", condition_channels=19, adaptor_kernel=3)
    state = {part: {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
             for part, shapes in expected(net).items()}
    assert build("cocosnet", "celebahq", state).config.adaptor_kernel == 3


def misfits():
    def change(part, **tensors):
        state = empty("celebahqedge")
        state[part] |= {name: torch.empty(shape, device="meta") for name, shape in tensors.items()}
        return state

    missing = empty("celebahqedge")
    del missing["G"]["up_2.norm_s.mlp_beta.bias"], missing["Corr"]["theta.bias"]
    right = empty("celebahqedge")
    yield "missing", missing, "1 missing (theta.bias).*1 missing (up_2.norm_s.mlp_beta.bias)"
    yield "extra", change("Corr", **{"noise.weight": [3]}), "1 left over (noise.weight)"
    yield "shape", change("G", **{"fc.weight": [1024, 22, 3, 3]}), \
        "1 of another shape (fc.weight is (1024, 22, 3, 3), not (1024, 18, 3, 3))"
    yield "one kernel of four", change("Corr", **{"adaptive_model_seg.layer2.0.weight_orig": [128, 64, 3, 3]}), "another shape"
    yield "swapped", {"Corr": right["G"], "G": right["Corr"]}, "latest_net_Corr.pth) is the translation network.*exchange the two"
    yield "twice", {"Corr": right["Corr"], "G": right["Corr"]}, "latest_net_G.pth) is the correspondence network"
    yield "discriminator", {"Corr": right["Corr"], "G": {"discriminator_0.model0.0.bias": torch.ones(64)}}, "is the discriminator"
    yield "other task", empty("deepfashion"), "read 20 channels, as the task deepfashion does"
    yield "one file", {"G": right["G"]}, "two state dicts are needed, Corr and G; given: G"
    yield "nothing", {"Corr": {}, "G": {}}, "192 missing"


@pytest.mark.parametrize("which, state, said", misfits(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_does_not_fit_is_named(which, state, said):
    with pytest.raises(PublishedWeightsError, match=re.escape(said).replace(r"\.\*", ".*")):
        build("cocosnet", "celebahqedge", state)


@pytest.mark.parametrize("system, task", [("cocosnet", "metfaces"), ("dalle", "ade20k")])
def test_an_unknown_task_lists_the_known_ones(system, task):
    with pytest.raises(PublishedWeightsError, match="cocosnet: ade20k, celebahq, celebahqedge, deepfashion"):
        build(system, task, {})


class Secret:
    """Stands for a program's own class in a pickle."""


def broken(folder: Path):
    """(what, file, what is said of it)"""
    good, old = folder / "good.pth", folder / "old.pth"
    weights = {"a.weight": torch.randn(64, 64), "a.bias": torch.randn(64)}
    torch.save(weights, good)
    torch.save(weights, old, _use_new_zipfile_serialization=False)

    def write(name, content):
        (folder / name).write_bytes(content)
        return folder / name

    def saved(name, value):
        torch.save(value, folder / name)
        return folder / name

    content = good.read_bytes()
    at = content.index(weights["a.weight"].numpy().tobytes()) + 100
    yield "truncated zip", write("cut.pth", content[:-3000]), "cut short or damaged"
    yield "truncated old format", write("cut_old.pth", old.read_bytes()[:-3000]), "cut short or damaged"
    yield "flipped byte", write("flipped.pth", content[:at] + b"\xff\x00\xff" + content[at + 3:]), "is damaged at good/data"
    yield "web page", write("page.pth", b"\n<!DOCTYPE html><html>Google Drive - Quota exceeded</html>"), "is a web page"
    yield "empty", write("empty.pth", b""), "is empty"
    yield "text", write("text.pth", b"these are not the weights you are looking for"), "weights"
    yield "list", saved("list.pth", [torch.ones(2)]), "no table of tensors"
    yield "nested", saved("nested.pth", {"state_dict": weights, "epoch": 3}), "no table of tensors"
    yield "code", saved("code.pth", {"a": Secret()}), "was not opened: reading it could run code"
    yield "not finite", saved("nan.pth", weights | {"b": torch.tensor([0.0, float("nan")])}), "not finite, in b"
    packed, mixed = folder / "packed.pth", folder / "mixed.pth"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(good, "latest_net_Corr.pth")
    yield "zip of files", packed, "a zip archive of latest_net_Corr.pth, not weights"
    shutil.copy(good, mixed)
    with zipfile.ZipFile(mixed, "a") as archive:
        archive.write(old, "latest_net_D.pth")
    yield "zip with other files", mixed, r"holds 1 files that do not belong to it \(latest_net_D.pth\)"


def test_files_that_are_no_weights_are_told_apart(tmp_path):
    for what, file, said in broken(tmp_path):
        with pytest.raises(PublishedWeightsError, match=said) as error:
            read(file)
        assert file.name in str(error.value), what
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.pth")
    for name in ("good.pth", "old.pth"):
        assert set(read(tmp_path / name)) == {"a.weight", "a.bias"}


@pytest.mark.parametrize("name", ["", "portrait", "a/b", ".."])
def test_the_command_says_what_is_wrong_in_one_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path / "home"))
    torch.save({"up_0.x": torch.ones(3)}, tmp_path / "G.pth")
    words = f"import cocosnet --task celebahq --corr {tmp_path}/G.pth --generator {tmp_path}/G.pth".split()
    assert main(words + (["--name", name] if name else [])) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and ("cannot be the name" if name else "is the translation network") in said[0]
    assert not (tmp_path / "home").exists()


def test_stopping_leaves_no_half_checkpoint(tmp_path, monkeypatch):
    def stop(state, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(packed, "save_file", stop)
    net = SYSTEMS["cocosnet"](condition_channels=2, size=16, pyramid=(4, 4, 4), features=4, generator=(4, 4), hidden=4)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(tmp_path / "new.safetensors", net, {})
    assert list(tmp_path.iterdir()) == []
