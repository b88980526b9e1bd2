"""The published CoCosNet v2: what is read and refused, and every step against loops and sums written out from its description.

The recursion makes a rounding error grow into another field where the refinement's weights are not tiny. So step is compared
with step, in float64 where the order of candidates depends on it.
"""

import json
import random
import zipfile
from pathlib import Path

import made_up
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_official import fill

from cocos_demo import checkpoints, conditions
from cocos_demo.cli import main
from cocos_demo.datasets.pairs import Batch
from cocos_demo.matcher import Matcher
from cocos_demo.models import SYSTEMS
from cocos_demo.models import published_patchmatch as pm
from cocos_demo.models.layers import bake
from cocos_demo.objectives import OBJECTIVES, Weights
from cocos_demo.official import PublishedWeightsError, build, expected, read

PARITY = Path(__file__).parent / "parity"
KEYS = json.loads((PARITY / "keys_v2.json").read_text())["deepfashion_hd"]
V1_KEYS = json.loads((PARITY / "keys.json").read_text())["deepfashion"]
SMALL = dict(preset="published", condition_channels=20, width=4, hidden=6, generator=(16, 16, 16, 16, 8, 4, 2))
BAKED = dict(atol=1e-5, rtol=1e-5)  # W / sigma is kept in float32
BLOCK = "adaptive_model_seg.layer2.1."


def shapes(**choices) -> dict[str, dict[str, list[int]]]:
    with torch.device("meta"):
        return {part: {name: list(shape) for name, shape in names.items()}
                for part, names in expected(SYSTEMS["cocosnet_v2"](**choices)).items()}


def empty(keys) -> dict[str, dict[str, torch.Tensor]]:
    return {part: {name: torch.empty(shape, device="meta") for name, shape in names.items()} for part, names in keys.items()}


def filled() -> dict[str, dict[str, torch.Tensor]]:
    return {part: fill(names, seed) for seed, (part, names) in enumerate(shapes(**SMALL).items())}


@pytest.fixture(scope="module")
def state():
    return filled()


@pytest.fixture(scope="module")
def net(state):
    return build("cocosnet_v2", "deepfashion_hd", state)


def pictures(batch: int = 1, height: int = 64, width: int = 64):
    g = torch.Generator().manual_seed(height + width)
    return (torch.rand(batch, 20, height, width, generator=g), torch.rand(batch, 3, height, width, generator=g) * 2 - 1,
            torch.rand(batch, 20, height, width, generator=g))


def features(batch: int, h: int, w: int, channels: int = 4, seed: int = 0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return (pm.normalised(torch.randn(batch, channels, h, w, generator=g, dtype=dtype)) for _ in range(2))


def rows(f):
    return f.permute(0, 2, 3, 1).contiguous()


def some_offsets(batch: int, h: int, w: int, k: int = 16, seed: int = 1, whole: bool = False, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    offset = torch.randn(batch, h, w, 2, k, generator=g, dtype=dtype) * 3
    return offset.round() if whole else offset


# ---- the files


def test_the_released_names_and_shapes_are_ours_and_no_others():
    assert {part: len(names) for part, names in KEYS.items()} == {"Corr": 320, "G": 171}
    assert shapes(preset="published", condition_channels=20) == KEYS
    net = build("cocosnet_v2", "deepfashion_hd", empty(KEYS))
    parts = [sum(p.numel() for p in part.parameters()) for part in (net, net.G, net.M_A, net.M_B, net.N)]
    assert parts == [9_648_360 + 36_763_203, 36_763_203, 4_610_436, 4_645_860, 369_280]  # counted on the released code
    assert not net.training and net.config.size == 512


def test_widths_are_read_from_the_shapes():
    keys = shapes(preset="published", condition_channels=20, width=8, generator=(64, 64, 64, 64, 32, 16, 8))
    config = build("cocosnet_v2", "deepfashion_hd", empty(keys)).config
    assert (config.width, config.hidden, config.generator[-1]) == (8, 128, 8)
    assert sum(p.numel() for p in pm.PatchMatchGRU(8).parameters()) == 355_456


def test_every_weight_is_used_as_it_is_given(net, state):
    """Each tensor of ours against the released ones by hand; what is stored twice has the value of its second name."""
    first = state["Corr"] | {BLOCK + "relu.weight": torch.tensor([7.0])}
    again = build("cocosnet_v2", "deepfashion_hd", {"Corr": first, "G": state["G"]})
    torch.testing.assert_close(again.M_A.residuals[0].prelu.weight, state["Corr"][BLOCK + "model.3.weight"])
    torch.testing.assert_close(net.N.gru[1].h.weight, state["Corr"]["patch_match.refine_net.gru.convq2.weight"])
    W, u, v = (state["G"][f"up_2.conv_s.weight_{key}"] for key in ("orig", "u", "v"))
    torch.testing.assert_close(net.G.blocks[5].conv_s.weight, W / (u @ W.flatten(1) @ v))
    total = sum(t.numel() for part in state.values() for name, t in part.items()
                if not name.endswith(("weight_u", "weight_v", ".relu.weight")))
    assert sum(t.numel() for t in net.state_dict().values()) == total


def misfits():
    right, other = empty(KEYS), empty(V1_KEYS)

    def change(part, **tensors):
        changed = {name: torch.empty(shape, device="meta") for name, shape in tensors.items()}
        return {**right, part: right[part] | changed}

    missing = {part: {name: t for name, t in names.items() if name not in ("theta_3.bias", "up_2.norm_s.mlp_beta.bias")}
               for part, names in right.items()}
    yield "missing", missing, r"1 missing \(theta_3.bias\).*1 missing \(up_2.norm_s.mlp_beta.bias\)"
    yield "extra", change("Corr", **{"noise.weight": [3]}), r"1 left over \(noise.weight\)"
    yield "shape", change("G", **{"fc.weight": [512, 22, 3, 3]}), r"fc.weight is \(512, 22, 3, 3\), not \(512, 32, 3, 3\)"
    yield "one width of many", change("Corr", **{"adaptive_model_img.layer1.0.weight_orig": [8, 23, 3, 3]}), "of another shape"
    yield "swapped", {"Corr": right["G"], "G": right["Corr"]}, "exchange the two"
    yield "v1", other, r"is the correspondence network \(latest_net_Corr.pth\) of CoCosNet; .*\(latest_net_G.pth\) of CoCosNet"
    yield "v1's painter", {**right, "G": other["G"]}, r"is the translation network \(latest_net_G.pth\) of CoCosNet"
    yield "discriminator", {**right, "G": {"discriminator_0.model0.0.bias": torch.ones(64)}}, "is the discriminator"
    yield "one file", {"G": right["G"]}, "two state dicts are needed, Corr and G; given: G"
    yield "nothing", {"Corr": {}, "G": {}}, "320 missing.*171 missing"


@pytest.mark.parametrize("which, state, said", misfits(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_does_not_fit_is_named(which, state, said):
    with pytest.raises(PublishedWeightsError, match=said):
        build("cocosnet_v2", "deepfashion_hd", state)


def test_the_other_way_round_v2_is_no_cocosnet():
    with pytest.raises(PublishedWeightsError, match="of CoCosNet v2"):
        build("cocosnet", "deepfashion", empty(KEYS))
    with pytest.raises(PublishedWeightsError, match="cocosnet_v2: deepfashion_hd"):
        build("cocosnet_v2", "deepfashion", empty(KEYS))


def test_the_archive_that_was_published_with_two_more_files_in_it(tmp_path):
    files = {part: tmp_path / f"latest_net_{part}.pth" for part in ("Corr", "D", "G")}
    for file in files.values():
        torch.save({"a": torch.randn(100)}, file)
    with zipfile.ZipFile(files["Corr"], "a") as archive:
        for part in ("D", "G"):
            archive.write(files[part], files[part].name)
    with pytest.raises(PublishedWeightsError, match="2 files that .* .latest_net_D.pth, latest_net_G.pth.*7-zip"):
        read(files["Corr"])


def test_the_command_imports_it_and_the_catalogue_lists_it(state, net, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COCOS_DEMO_HOME", str(tmp_path / "home"))
    for part, tensors in state.items():
        torch.save(tensors, tmp_path / f"{part}.pth")
    words = f"--task deepfashion_hd --corr {tmp_path}/Corr.pth --generator {tmp_path}/G.pth".split()
    assert main(["import", "cocosnet_v2", *words]) == 0
    again, card = checkpoints.load("deepfashion_hd")
    assert {"system": "cocosnet_v2", "condition": "deepfashion_hd", "size": 512, "precision": "float32"}.items() <= card.items()
    assert again.config == net.config
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in again.state_dict().items())
    assert main(["import", "cocosnet", *words]) == 2
    assert "there are no published weights for cocosnet deepfashion_hd" in capsys.readouterr().err


def test_a_matcher_uses_it(tmp_path):
    """At 64 px, so that it is quick: photo and exemplar give their poses, the network answers, a click finds its place."""
    net = bake(SYSTEMS["cocosnet_v2"](**SMALL, size=64, iterations=1))
    card = {"name": "hd", "system": "cocosnet_v2", "condition": "deepfashion_hd", "size": 64, "precision": "float32"}
    checkpoints.save(tmp_path / "hd.safetensors", net, card)
    m = Matcher.load(tmp_path / "hd.safetensors", "cpu").set_images(made_up.BODY, made_up.FIGURE)
    assert m.translation.image.shape == (1, 3, 64, 64) and m.photo.grid == (64, 64) and m.alpha == pytest.approx(100)
    q = m.query(*m.photo.frame.to_photo([[0.5, 0.5]])[0])
    assert m.exemplar.covers(q.x, q.y)


# ---- the steps


def test_cells_by_hand():
    place = torch.tensor([[0.0, 2.0], [2.75, 1.0], [-5.0, 99.0], [2.0, 1.999], [9.0, -1.0]]).T  # rows, columns; in 4 x 8
    assert pm.cells(place, 4, 8).tolist() == [2, 23, 7, 17, 24]


@pytest.mark.parametrize("w", [16, 64, 512])
def test_a_quarter_of_a_row_is_a_quarter_of_the_columns(w):
    offset = torch.zeros(1, 4, w, 2, 1)
    moved = pm.indices(offset - torch.tensor([0.25, 0]).view(2, 1)) - pm.indices(offset)
    assert (moved[:, 1:] == -w // 4).all() and (moved[:, 0] == 0).all()  # the first row cannot go up


def test_offsets_and_cells_are_inverse():
    v = torch.randint(0, 5 * 7, (2, 5, 7, 16))
    assert torch.equal(pm.indices(pm.offsets(v)), v)
    for row, column, k in ((0, 0, 0), (4, 6, 15), (2, 3, 7)):
        at = int(v[1, row, column, k])
        assert pm.offsets(v)[1, row, column, :, k].tolist() == [at // 7 - row, at % 7 - column]
        assert pm.places(v)[1, row, column, k].tolist() == [at % 7 + 0.5, at // 7 + 0.5]


def test_the_beginning_against_loops():
    v = torch.randint(0, 3 * 4, (2, 3, 4, 1))
    offset = pm.beginning(v)
    assert offset.shape == (2, 6, 8, 2, 16)
    for b in range(2):
        for row in range(6):
            for column in range(8):
                at = int(v[b, row // 2, column // 2, 0])
                O_row, O_column = at // 4 - row // 2, at % 4 - column // 2
                want = [(2 * O_row + dx, 2 * O_column + dy) for dx in (-2, 0, 2, 4) for dy in (-2, 0, 2, 4)]
                assert offset[b, row, column].T.tolist() == [list(map(float, pair)) for pair in want]


@pytest.mark.parametrize("axis", [1, 2])
def test_propagation_against_loops(axis):
    offset = some_offsets(2, 4, 5)
    got = pm.propagate(offset, axis)
    for b in range(2):
        for row in range(4):
            for column in range(5):
                want = []
                for step in (-1, 0, 1):
                    r, c = (row + step, column) if axis == 1 else (row, column + step)
                    inside = 0 <= r < 4 and 0 <= c < 5
                    want.append(offset[b, r, c] if inside else torch.zeros(2, 16, dtype=offset.dtype))
                assert torch.equal(got[b, row, column], torch.cat(want, dim=1))


def test_evaluation_against_loops():
    (fx, fy), offset = features(2, 4, 5), some_offsets(2, 4, 5, k=48)
    got, S = pm.evaluate(rows(fx), rows(fy), offset)
    for b in range(2):
        for row in range(4):
            for column in range(5):
                cells = []
                for k in range(48):
                    to_row = min(max(row + float(offset[b, row, column, 0, k]), 0), 3)
                    to_column = min(max(column + float(offset[b, row, column, 1, k]), 0), 4)
                    cells.append(int(to_row * 5 + to_column))
                score = torch.stack([fx[b, :, row, column] @ fy[b, :, at // 5, at % 5] / 0.01 for at in cells])
                share = (score - score.logsumexp(0)).exp()
                best = sorted(range(48), key=lambda k: -float(share[k]))[:16]
                assert pm.indices(got)[b, row, column].tolist() == [cells[k] for k in best]  # the same cell may come again
                torch.testing.assert_close(S[b, row, column], share[best])
    assert max(len(v) - len({*v.tolist()}) for v in pm.indices(got).flatten(0, 2)) > 0


def one_candidate_at_a_time(fx, fy, offset):
    """`pm.evaluate` as the released code goes about it: a gather for each candidate, over all positions and pictures."""
    b, c, h, w = fx.shape
    v = pm.indices(offset).flatten(1, 2)  # (B, hw, 48)
    keys = fy.flatten(2).transpose(0, 1).flatten(1)  # (C, B hw)
    scores = []
    for k in range(v.shape[2]):
        at = (v[:, :, k] + torch.arange(b).view(-1, 1) * h * w).flatten()
        found = keys[:, at].view(c, b, -1).transpose(0, 1)  # (B, C, hw)
        scores.append((fx.flatten(2) * found).sum(1) / 0.01)
    S, kept = torch.stack(scores, dim=2).softmax(2).topk(v.shape[2] // 3, dim=2)
    return pm.offsets(v.gather(2, kept).unflatten(1, (h, w)), fx.dtype), S.unflatten(1, (h, w))


@pytest.mark.parametrize("batch, h, w", [(1, 8, 8), (3, 16, 24)])
def test_all_candidates_at_once_or_one_at_a_time(batch, h, w, monkeypatch):
    (fx, fy), offset = features(batch, h, w, channels=32), some_offsets(batch, h, w, k=48)
    want, S = one_candidate_at_a_time(fx, fy, offset)
    for block in (pm.BLOCK, 1000):  # whole and in bands
        monkeypatch.setattr(pm, "BLOCK", block)
        got = pm.evaluate(rows(fx), rows(fy), offset)
        assert torch.equal(got[0], want)
        torch.testing.assert_close(got[1], S)


def test_the_coarsest_level_is_compared_in_full(monkeypatch):
    fx, fy = features(2, 3, 4)
    y = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    M = torch.stack([fx[b].flatten(1).T @ fy[b].flatten(1) for b in range(2)])
    for block in (pm.BLOCK, 30):
        monkeypatch.setattr(pm, "BLOCK", block)
        moved, v = pm.dense(fx, fy, y)
        assert torch.equal(v.flatten(1), M.argmax(2))
        torch.testing.assert_close(moved.flatten(2), y.flatten(2) @ (100 * M).softmax(2).transpose(1, 2))


def test_the_warp_against_loops():
    fx, fy = features(2, 3, 4)
    v, y = torch.randint(0, 12, (2, 3, 4, 16)), torch.randn(2, 3, 3, 4, dtype=torch.float64)
    got = pm.soft_warp(rows(fx), rows(fy), v, y)
    for b in range(2):
        for row in range(3):
            for column in range(4):
                there = [divmod(int(at), 4) for at in v[b, row, column]]
                weights = torch.stack([fx[b, :, row, column] @ fy[b, :, r, c] / 0.01 for r, c in there]).softmax(0)
                torch.testing.assert_close(got[b, :, row, column], sum(n * y[b, :, r, c] for n, (r, c) in zip(weights, there)))


def test_the_first_tosses_of_the_released_program():
    coin = random.Random(1234)
    assert pm.coin_tosses(15) == tuple(coin.random() < 0.5 for _ in range(15))
    assert {True, False} == set(pm.coin_tosses(15))


# ---- the networks, written out from their description with the released names


def convolve(w, name, x, **options):
    return F.conv2d(x, w[f"{name}.weight"], w.get(f"{name}.bias"), **options)


def spectral(w, name, x, **options):
    W, u, v = (w[f"{name}.weight_{key}"] for key in ("orig", "u", "v"))
    return F.conv2d(x, W / (u @ (W.flatten(1) @ v)), w.get(f"{name}.bias"), **options)


def reflected(x):
    return F.pad(x, (1, 1, 1, 1), mode="reflect")


def spade(w, name, x, style):
    style = F.interpolate(style, size=x.shape[2:])
    n = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-8).sqrt()
    hidden = F.relu(convolve(w, f"{name}.mlp_shared.1", reflected(style)))
    gamma, beta = (convolve(w, f"{name}.mlp_{which}", reflected(hidden)) for which in ("gamma", "beta"))
    return n * (1 + gamma) + beta


def spade_block(w, name, x, style):
    learned = f"{name}.conv_s.weight_orig" in w
    shortcut = spectral(w, f"{name}.conv_s", spade(w, f"{name}.norm_s", x, style)) if learned else x
    for i in (0, 1):
        x = spectral(w, f"{name}.conv_{i}", reflected(F.leaky_relu(spade(w, f"{name}.norm_{i}", x, style), 0.2)))
    return shortcut + x


def residual(w, name, x):
    slope = w[f"{name}.model.3.weight"]
    d = F.prelu(F.instance_norm(convolve(w, f"{name}.model.1", reflected(x))), slope)
    return F.prelu(x + F.instance_norm(convolve(w, f"{name}.model.5", reflected(d))), slope)


def u_net(w, name, x):
    up = torch.nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    f = [F.instance_norm(spectral(w, f"{name}.layer1.0", x, padding=1))]
    for i, stride in zip((2, 3, 4, 5), (1, 2, 2, 2)):
        d = spectral(w, f"{name}.layer{i}.0.0", F.leaky_relu(f[-1], 0.2), padding=1, stride=stride)
        f.append(residual(w, f"{name}.layer{i}.1", F.instance_norm(d)))
    _, x2, x3, x4, x5 = f
    x6 = spade_block(w, f"{name}.head_0", x5, x)
    x7 = spade_block(w, f"{name}.G_middle_0", up(x6) + x4, x)
    x8 = spade_block(w, f"{name}.G_middle_1", up(x7) + x3, x)
    return [x6, x7, x8, spade_block(w, f"{name}.G_middle_2", up(x8) + x2, x)]


def unit(f):
    return f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10)


def gru_step(w, hidden, corr, flow):
    name = "patch_match.refine_net."
    cor = F.relu(convolve(w, name + "encoder.convc1", corr))
    cor = F.relu(convolve(w, name + "encoder.convc2", cor, padding=1))
    flo = F.relu(convolve(w, name + "encoder.convf1", flow, padding=3))
    flo = F.relu(convolve(w, name + "encoder.convf2", flo, padding=1))
    x = torch.cat([F.relu(convolve(w, name + "encoder.conv", torch.cat([cor, flo], 1), padding=1)), flow], 1)
    for i, padding in ((1, (0, 2)), (2, (2, 0))):
        hx = torch.cat([hidden, x], 1)
        z, r = (torch.sigmoid(convolve(w, f"{name}gru.conv{gate}{i}", hx, padding=padding)) for gate in "zr")
        q = torch.tanh(convolve(w, f"{name}gru.convq{i}", torch.cat([r * hidden, x], 1), padding=padding))
        hidden = (1 - z) * hidden + z * q
    delta = convolve(w, name + "flow_head.conv2", F.relu(convolve(w, name + "flow_head.conv1", hidden, padding=1)), padding=1)
    return delta[:, :16], delta[:, 16:], hidden


def generator(w, warps, condition):
    style = torch.cat([*(F.interpolate(r, size=condition.shape[2:]) for r in warps), condition], 1)
    x = convolve(w, "fc", F.interpolate(style, size=[n // 32 for n in style.shape[2:]]), padding=1)
    for name in ("head_0", "up", "G_middle_0", "G_middle_1", "up", "up_0", "up", "up_1", "up", "up_2", "up", "up_3"):
        x = F.interpolate(x, scale_factor=2) if name == "up" else spade_block(w, name, x, style)
    return torch.tanh(convolve(w, "conv_img", F.leaky_relu(x, 0.2), padding=1))


@pytest.fixture(scope="module")
def answer(net):
    """The network in float64, on pictures that are not square."""
    given = [t.double() for t in pictures(1, 64, 96)]
    with torch.inference_mode():
        return given, net.double()(*given)


@pytest.fixture(scope="module")
def exact(state):
    return {part: {name: t.double() for name, t in tensors.items()} for part, tensors in state.items()}


@pytest.fixture(autouse=True)
def single_precision(request):
    yield
    if "net" in request.fixturenames:
        request.getfixturevalue("net").float()


def test_features_and_what_is_compared(answer, exact):
    (x_A, y_B, y_A), out = answer
    w, match = exact["Corr"], out.match
    for name, side, inputs, features, compared in (("theta", "seg", x_A, match.x, match.theta),
                                                   ("phi", "img", torch.cat([y_B, y_A], 1), match.y, match.phi)):
        for level, f in enumerate(u_net(w, f"adaptive_model_{side}", inputs)):
            torch.testing.assert_close(features[level], unit(f), **BAKED)
            t = convolve(w, f"{name}_{level}", unit(f))
            torch.testing.assert_close(compared[level], unit(t - t.mean(1, keepdim=True)), **BAKED)


def test_a_gru_step_and_its_first_memory(answer, exact, net):
    _, out = answer
    w, net = exact["Corr"], net.double()
    fx, fy = out.match.theta[1], out.match.phi[1]
    hidden = torch.cat([fx, fy], 1)
    for i in (0, 3):
        hidden = F.relu(F.instance_norm(convolve(w, f"patch_match.initial_layer.{i}", hidden, padding=1)))
    torch.testing.assert_close(net.N.memory(fx, fy), hidden)
    h, width = fx.shape[2:]
    offset, S = some_offsets(1, h, width, whole=True), torch.rand(1, h, width, 16, dtype=torch.float64)
    got, new = net.N.refine(offset, S, hidden)
    flow = torch.cat([offset[..., 0, :], offset[..., 1, :]], dim=3).permute(0, 3, 1, 2)
    dx, dy, want = gru_step(w, hidden, S.permute(0, 3, 1, 2), flow)
    torch.testing.assert_close(new, want)
    torch.testing.assert_close(got[..., 0, :], dx.permute(0, 2, 3, 1))
    torch.testing.assert_close(got[..., 1, :], dy.permute(0, 2, 3, 1))


def test_a_level_is_its_steps_in_turn(answer, net):
    """From the coarsest match on: begin, toss, propagate and evaluate twice, refine; at the end the warp, and slot 0 goes on."""
    (_, y_B, _), out = answer
    net, match, flips = net.double(), out.match, iter(pm.coin_tosses(15))
    v = (match.H[0].floor().long() * torch.tensor([1, 12])).sum(-1)
    for level, (fx, fy) in enumerate(zip(match.theta[1:], match.phi[1:]), 1):
        offset, hidden = pm.beginning(v[..., :1], torch.float64), net.N.memory(fx, fy)
        for _ in range(5):
            for axis in (2, 1) if next(flips) else (1, 2):
                offset, S = one_candidate_at_a_time(fx, fy, pm.propagate(offset, axis))
            delta, hidden = net.N.refine(offset, S, hidden)
            offset = offset + delta
        v = pm.indices(offset)
        assert torch.equal(pm.places(v), match.H[level])
        y = F.avg_pool2d(y_B, 2 ** (3 - level))
        torch.testing.assert_close(out.warps[level], pm.soft_warp(rows(fx), rows(fy), v, y))


def test_the_picture(answer, exact):
    (x_A, _, _), out = answer
    torch.testing.assert_close(out.image, generator(exact["G"], out.warps, x_A), **BAKED)
    assert [tuple(r.shape[2:]) for r in out.warps] == [(8, 12), (16, 24), (32, 48), (64, 96)]
    assert torch.equal(out.warped, out.warps[-1])


# ---- the whole


def test_the_refinement_has_no_gradient_and_all_else_has(state):
    net = build("cocosnet_v2", "deepfashion_hd", filled())
    out = net(*pictures())
    (out.image.square().mean() + sum(r.square().mean() for r in out.warps)).backward()
    without = {name for name, p in net.named_parameters() if p.grad is None}
    assert without == {name for name, _ in net.named_parameters() if name.startswith("N.")} and len(without) == 30
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


def still(net):
    """The network with the refinement's last layer at zero: it moves nothing."""
    torch.nn.init.zeros_(net.N.head[1].weight)
    torch.nn.init.zeros_(net.N.head[1].bias)
    return net


def test_given_tosses_give_the_same_field_and_others_another():
    net = still(build("cocosnet_v2", "deepfashion_hd", filled()))
    given = pictures()
    with torch.inference_mode():
        default, tossed, other = (net.correspond(*given, flips=flips).H for flips in (None, pm.coin_tosses(15), [True] * 15))
    assert all(map(torch.equal, default, tossed)) and not torch.equal(default[3], other[3])
    with pytest.raises(ValueError, match="15 in all, got 3"):
        net(*given, flips=[True, False, True])


def test_a_picture_alone_is_answered_as_in_company():
    """Refinement at zero, or rounding would grow; steps are compared one by one elsewhere."""
    net = still(build("cocosnet_v2", "deepfashion_hd", filled())).double()
    given = [t.double() for t in pictures(2)]
    with torch.inference_mode():
        both = net(*given)
        for i in range(2):
            alone = net(*(t[i : i + 1] for t in given))
            torch.testing.assert_close(alone.image[0], both.image[i])
            assert all(torch.equal(a[0], b[i]) for a, b in zip(alone.match.H, both.match.H))


def test_values_go_along_with_the_first_level(net):
    given = pictures()
    y = F.avg_pool2d(given[1], 8)
    with torch.inference_mode():
        match = net.correspond(*given, along=[y])
    torch.testing.assert_close(match.along[0], match.warps[0])


def test_every_step_can_be_watched(net):
    seen = []
    with torch.inference_mode():
        match = net.correspond(*pictures(), callback=seen.append)
    assert [state["level"] for state in seen] == [0] + [1] * 11 + [2] * 11 + [3] * 11
    assert [state["step"] for state in seen[:5]] == ["exact", "initialise", "propagate", "refine", "propagate"]
    assert torch.equal(seen[0]["H"], match.H[0]) and seen[0]["S"].shape == (1, 8, 8, 1)
    assert torch.equal(seen[-1]["H"], match.H[3]) and seen[-1]["S"].shape == (1, 64, 64, 16)


@pytest.mark.parametrize("w", [128, 256])
def test_at_its_first_weights_the_refinement_is_a_jitter_by_one_column(w, record_property):
    """About half of the candidates move by exactly one column to the left, none in any other way. How many depends on the signs
    of the corrections, so on the weights: 36 to 61 in a hundred with six seeds."""
    torch.manual_seed(0)
    N, (fx, fy) = pm.PatchMatchGRU(32), features(1, w, w, channels=32, dtype=torch.float32)
    offset = pm.beginning(torch.randint(0, (w // 2) ** 2, (1, w // 2, w // 2, 1)))
    with torch.inference_mode():
        offset, S = pm.evaluate(rows(fx), rows(fy), pm.propagate(offset, 2))
        delta, _ = N.refine(offset, S, N.memory(fx, fy))
    moved = pm.indices(offset + delta) - pm.indices(offset)
    share = (moved == -1).float().mean().item()
    record_property("share", share)
    print(f"{w}: {share:.1%} of the candidates move by -1 column; the largest correction is {delta.abs().max():.1e} cells")
    assert ((moved == 0) | (moved == -1)).all() and 0.3 < share < 0.8


@pytest.mark.parametrize("height, width", [(32, 64), (64, 80), (48, 48)])
def test_sizes_that_cannot_be_halved(net, height, width):
    with pytest.raises(ValueError, match="multiple of 32 and at least 64"):
        net(*pictures(1, height, width))


def test_what_it_is_given_is_checked(net):
    x_A, y_B, y_A = pictures()
    for given, said in (((x_A, y_B), "give exemplar_condition"), ((x_A, y_B, y_A[:, :3]), r"exemplar_condition must be \(B, 20"),
                        ((x_A, y_B[..., :32], y_A), "of the condition's size")):
        with pytest.raises(ValueError, match=said):
            net(*given)


# ---- what it reads


def test_the_pose_maps_are_drawn_large_and_shrunk():
    kind, points = conditions.KINDS["deepfashion_hd"], np.zeros((18, 3), np.float32)
    points[[2, 3]] = (300.5 / 1024, 500.5 / 1024, 1), (700.5 / 1024, 500.5 / 1024, 1)
    large, small = kind.draw(points, 1024), kind.draw(points, 512)
    limb = kind.channels.index("right shoulder to right elbow")
    for y, level in ((500, 0), (520, 0), (523, 1), (526, 2), (620, 33)):  # from the limb's border, 20 pixels off its axis
        assert large[limb, y, 500] == np.float32(level) / 255, y
    assert large[limb].max() <= 1 and (large[[i for i in range(3, 20) if i != limb]] == 1).all()
    assert kind.to_rgb(large)[480:521, 300].any(1).all() and not kind.to_rgb(large)[:480].any()  # radius 20
    assert np.array_equal(small[:3], large[:3, 1::2, 1::2])
    assert abs(small[limb] - large[limb].reshape(512, 2, 512, 2).mean((1, 3))).max() < 2 / 255


def test_the_cycle_of_the_objective_is_by_the_features_that_are_compared(net):
    """theta and phi, as released, not the aligned features that they are made of."""
    x_A, y_B, y_A = pictures()
    w = Weights(feat=0, perc=0, context=0, adv=0, d_feat=0, domain=0, mapping=0, reg=1)
    with torch.no_grad():
        _, terms = OBJECTIVES["cocosnet_v2"].terms(net, None, None, Batch(x_A, y_B, y_A, y_B, torch.ones(1, 1, 64, 64)), w, False)
        match = net.correspond(x_A, y_B, y_A)
        small = F.avg_pool2d(y_B, 8)
        M = 100 * match.theta[0].flatten(2).transpose(1, 2) @ match.phi[0].flatten(2)  # (1, 64, 64), over temperature
        there = torch.softmax(M, dim=2) @ small.flatten(2).transpose(1, 2)  # (1, 64, 3)
        back = torch.softmax(M.transpose(1, 2), dim=2) @ there
    torch.testing.assert_close(terms["reg"], (back.transpose(1, 2) - small.flatten(2)).abs().mean(), atol=1e-5, rtol=1e-4)
