"""SEGIN's semantic match: Eq. 1 against the sum written out in float64, Eq. 2 by hand, identity, memory; and the corruption."""

import pytest
import torch
import torch.nn.functional as F

from cocos_demo.datasets.corruption import Corruption, corrupt
from cocos_demo.models.correspondence import correlate
from cocos_demo.models.semantic import VGGMatcher, paste, patches, plain, semantic_match, semantic_match_explicit, vgg16_base


def maps(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def eq1(fx, fy, k):
    """Eq. 1, patch by patch and number by number, in float64. (C, h, w), (C, h', w') -> (h, w)."""
    p = k // 2
    x, r = (F.pad(f.double(), (p, p, p, p)) for f in (fx, fy))
    vectors = [[f[:, i:i + k, j:j + k].flatten() for i in range(shape[1]) for j in range(shape[2])]
               for f, shape in ((x, fx.shape), (r, fy.shape))]
    xi = [max(range(len(vectors[1])), key=lambda j: float(a @ vectors[1][j] / (a.norm() * vectors[1][j].norm())))
          for a in vectors[0]]
    return torch.tensor(xi).view(fx.shape[1:])


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("sizes", [((4, 5), (6, 3)), ((7, 7), (7, 7)), ((1, 4), (3, 2))])
def test_match_is_eq1(k, sizes):
    fx, fy = (maps(2, 3, *size, seed=seed) for seed, size in enumerate(sizes))
    expected = torch.stack([eq1(a, b, k) for a, b in zip(fx, fy)])
    assert torch.equal(semantic_match_explicit(fx, fy, k), expected)
    for rows in (None, 1, 2, 3):
        assert torch.equal(semantic_match(fx, fy, k, rows), expected)


def test_match_of_real_features_is_eq1():
    """ReLU features have one sign, and lengths that differ much: here the length of r's patch decides."""
    fx, fy = (maps(1, 4, 5, 6, seed=s).relu() * (1 + 20 * maps(1, 1, 5, 6, seed=s + 2).relu()) for s in (0, 1))
    assert torch.equal(semantic_match(fx, fy, 3)[0], eq1(fx[0], fy[0], 3))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_identical_pictures_are_matched_place_by_place(k):
    f = maps(2, 8, 9, 7)
    assert torch.equal(semantic_match(f, f, k), torch.arange(63).view(9, 7).expand(2, -1, -1))


def test_identical_pictures_give_the_picture():
    r = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    matcher = VGGMatcher()
    xi, grid = matcher(None, r, r)
    assert grid == (16, 16) and torch.equal(xi[0].flatten(), torch.arange(256))
    for k in (1, 3, 5):
        torch.testing.assert_close(paste(r, xi, grid, k), r)


def test_features_first_asked_for_while_translating_can_be_trained_through():
    vgg16_base.cache_clear()
    with torch.inference_mode():
        VGGMatcher().features(torch.zeros(1, 3, 16, 16))
    x = torch.zeros(1, 3, 16, 16, requires_grad=True)
    vgg16_base("cpu")(x, ("relu3_2",))["relu3_2"].sum().backward()
    assert x.grad.abs().sum() > 0


def test_a_moved_picture_is_matched_where_it_has_gone():
    f = maps(1, 8, 10, 12)
    xi = semantic_match(f.roll((2, 3), dims=(2, 3)), f, 3)[0]
    expected = torch.arange(120).view(10, 12).roll((2, 3), dims=(0, 1))
    assert torch.equal(xi[3:-1, 4:-1], expected[3:-1, 4:-1])


def test_plain_patches_compare_by_eq1_where_others_centre():
    """Eq. 3 of CoCosNet centres its features; plain ones are centred already, with the inner products they had."""
    fx, fy = (patches(maps(2, 3, 4, 5, seed=s), 3) for s in (0, 1))
    qx, qy = (F.normalize(f, dim=1).flatten(2) for f in (fx, fy))
    torch.testing.assert_close(plain(fx).mean(dim=1), torch.zeros(2, 4, 5, dtype=torch.float64))
    torch.testing.assert_close(correlate(plain(fx), plain(fy)), qx.transpose(1, 2) @ qy)
    assert not torch.allclose(correlate(fx, fy), qx.transpose(1, 2) @ qy)


def test_blocks_need_no_matrix():
    """64 x 64 positions, a row at a time: the matrix would be 64 MiB, a block with its margin is 5."""
    f = maps(1, 2, 64, 64, dtype=torch.float32)
    largest = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            largest.append(out.numel() if isinstance(out, torch.Tensor) else 0)
            return out

    with Watch():
        semantic_match(f, f, 5, rows=1)
    assert max(largest) == 5 * 64 * 64 * 64


def test_half_precision_features_are_compared_in_full():
    fx, fy = (maps(1, 4, 5, 5, seed=s).to(torch.bfloat16) for s in (0, 1))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(semantic_match(fx, fy), semantic_match(fx.double(), fy.double()))


@pytest.mark.parametrize(("fx", "fy", "k", "message"), [
    ((1, 3, 4, 4), (1, 2, 4, 4), 3, "same B and C"), ((3, 4, 4), (3, 4, 4), 3, "same B and C"),
    ((1, 3, 4, 4), (1, 3, 4, 4), 2, "odd k"),
])
def test_what_cannot_be_matched(fx, fy, k, message):
    with pytest.raises(ValueError, match=message):
        semantic_match(torch.zeros(fx), torch.zeros(fy), k)


# ---- Eq. 2


def test_paste_by_hand():
    """delta = 2, a row of three squares 1, 2, 3. k = 1: squares; k = 3: the mean of what the neighbours' patches say as well."""
    r = torch.tensor([1.0, 2.0, 3.0]).repeat_interleave(2).expand(1, 1, 2, 6)
    xi = torch.tensor([[[2, 2, 0]]])
    assert paste(r, xi, (1, 3), 1)[0, 0, 0].tolist() == [3, 3, 3, 3, 1, 1]
    # Patch 2 about place 0 has 2, 3 and nothing; about place 1 the same; patch 0 about place 2 has nothing, 1, 2.
    # Place 0: 3 of itself, 2 of its neighbour. Place 1: nothing of place 0, 3 of itself, nothing of place 2. Place 2: 1.
    assert paste(r, xi, (1, 3), 3)[0, 0, 0].tolist() == [2.5, 2.5, 3, 3, 1, 1]


def test_paste_moves_anything_and_checks():
    r = maps(1, 5, 8, 12)
    assert paste(r, torch.zeros(1, 6, 2, dtype=torch.long), (2, 3)).shape == (1, 5, 24, 8)
    with pytest.raises(ValueError, match="does not divide"):
        paste(r, torch.zeros(1, 2, 2, dtype=torch.long), (3, 3))
    with pytest.raises(ValueError, match="outside the grid"):
        paste(r, torch.full((1, 2, 2), 6), (2, 3))


# ---- training data by corruption

NOTHING = dict(shift=0.0, repeat=0.0, random=0.0, scattered=0.0)
HERE = torch.arange(400).view(1, 20, 20).expand(3, -1, -1)


def corrupted(**how):
    return corrupt(HERE, (20, 20), Corruption(**{**NOTHING, **how}), torch.Generator().manual_seed(1))


def test_nothing_is_corrupted_without_a_probability():
    assert torch.equal(corrupted(), HERE)


@pytest.mark.parametrize("kind", ["shift", "repeat", "random"])
def test_each_kind_changes_regions_and_stays_inside(kind):
    before = HERE.clone()
    xi = corrupted(**{kind: 1.0})
    assert torch.equal(HERE, before)
    assert 0 <= xi.min() and xi.max() < 400
    for one in xi:
        assert 0 < (one != HERE[0]).float().mean() < 0.6
    assert not torch.equal(xi[0], xi[1])


def test_a_shift_is_one_shift_and_a_pattern_repeats():
    moved = corrupt(HERE[:1], (20, 20), Corruption(**{**NOTHING, "shift": 1.0}, regions=1), torch.Generator().manual_seed(3))[0]
    changed = moved != HERE[0]
    offsets = {(int(v) // 20 - int(u) // 20, int(v) % 20 - int(u) % 20) for u, v in zip(HERE[0][changed], moved[changed])}
    assert len(offsets) == 1 and max(map(abs, next(iter(offsets)))) <= round(0.12 * 20)
    filled = corrupt(HERE[:1], (20, 20), Corruption(**{**NOTHING, "repeat": 1.0}, regions=1), torch.Generator().manual_seed(3))[0]
    region = filled != HERE[0]
    assert len(filled[region].unique()) <= 9 < region.sum()


def test_single_strays():
    xi = corrupted(scattered=1.0)
    share = [(one != HERE[0]).float().mean().item() for one in xi]
    assert all(0 < s < 1 for s in share) and len(set(share)) == 3


def test_same_dice_same_corruption():
    torch.manual_seed(5)
    a = corrupt(HERE, (20, 20), Corruption())
    torch.manual_seed(5)
    assert torch.equal(a, corrupt(HERE, (20, 20), Corruption()))
    assert corrupt(HERE[:, :1, :3], (20, 20), Corruption(random=1.0)).shape == (3, 1, 3)  # smaller than a region


def test_wrong_probabilities():
    with pytest.raises(ValueError, match="shift is a share"):
        Corruption(shift=1.5)
