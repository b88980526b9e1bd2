"""datasets/pairs.py: pictures that are loaded larger and cropped, mirrored or not, and what pseudo exemplars are made by."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from folders import of_kind, prepared

from cocos_demo.conditions import KINDS
from cocos_demo.datasets import distortion
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import PreparedFolder

CROP = dict(move=0.0, crop=0.25)  # of 40 px, 32


def sampler(folder, seed=3, size=32, load_size=None, **mix):
    return PairSampler([PreparedFolder(folder, "train", load_size=load_size)], size, Mix(**{**CROP, "same": 0.0, "cross": 0.0,
                                                                                             "pseudo": 1.0, **mix}), seed)


def windows(whole, part, mirrored):
    """Every (item, left, top, flip) at which `part` (C, 32, 32) is a piece of whole[item] (C, 40, 40), to the bit."""
    found = []
    for i, one in enumerate(whole):
        for flip in (False, True):
            for top in range(9):
                for left in range(9):
                    piece = one[:, top:top + 32, left:left + 32]
                    piece = mirrored(piece) if flip else piece
                    if torch.equal(piece, part):
                        found.append((i, left, top, flip))
    return found


def test_a_random_crop_by_hand():
    affine, window = distortion.random_crop(np.random.default_rng(0), 256, 30 / 256, False)
    large, left, top = window
    assert large == 286 and 0 <= min(left, top) and max(left, top) <= 30
    corners = np.array([[left, top, 286], [left + 256, top + 256, 286]]) / 286
    corner = distortion.move_points(corners, affine)
    np.testing.assert_allclose(corner, [[0, 0, 1], [1, 1, 1]], atol=1e-12)
    mirrored, again = distortion.random_crop(np.random.default_rng(0), 256, 30 / 256, True)
    assert again == window
    corner = distortion.move_points(np.array([[left / 286, top / 286]]), mirrored)
    np.testing.assert_allclose(corner, [[1, 0]], atol=1e-12)


def test_every_place_of_a_crop_is_drawn():
    rng = np.random.default_rng(0)
    seen = {distortion.random_crop(rng, 4, 0.5, False)[1] for _ in range(200)}
    assert seen == {(6, left, top) for left in range(3) for top in range(3)}


@pytest.mark.parametrize("kind", ["ade20k", "celebahq"])
def test_picture_and_label_map_are_cropped_at_one_place_to_the_bit(tmp_path, kind):
    folder = of_kind(tmp_path / "data", kind, size=40)
    one = PreparedFolder(folder, "train")
    pictures = [one.image(i).float() / 127.5 - 1 for i in range(4)]
    maps = [one.condition(i, 40) for i in range(4)]
    exchanged = KINDS[kind].mirrored

    def mirrored_map(piece):
        return piece.flip(2)[torch.from_numpy(exchanged.astype(np.int64))]

    batch = sampler(folder)(0, 8)
    seen = set()
    for k in range(8):
        (at,), = [windows(pictures, batch.x_B[k], lambda piece: piece.flip(2))]
        assert at in windows(maps, batch.x_A[k], mirrored_map)
        seen.add(at)
    assert len({at[1:3] for at in seen}) > 4 and {at[3] for at in seen} == {True, False}


def test_points_move_with_the_crop(tmp_path):
    """The pose of a crop is drawn from the joints, moved as the picture was."""
    folder = of_kind(tmp_path / "data", "figure", size=40, shots=1)
    one = PreparedFolder(folder, "train")
    pictures = [one.image(i).float() / 127.5 - 1 for i in range(2)]
    one.kind.__class__.disturb, before = (lambda self, points, rng: points), one.kind.__class__.disturb
    try:
        batch = sampler(folder)(0, 4)
        for k in range(4):
            (i, left, top, flip), = windows(pictures, batch.x_B[k], lambda piece: piece.flip(2))
            points = one.points[i].astype(np.float64)
            points[:, 0], points[:, 1] = (points[:, 0] * 40 - left) / 32, (points[:, 1] * 40 - top) / 32
            if flip:
                points[:, 0] = 1 - points[:, 0]
                points = one.kind.mirror(points)
            torch.testing.assert_close(batch.x_A[k], torch.from_numpy(one.kind.draw(points, 32)), atol=1e-5, rtol=0)
    finally:
        one.kind.__class__.disturb = before


def test_a_larger_picture_is_brought_to_the_loaded_size_first(tmp_path):
    folder = of_kind(tmp_path / "data", "ade20k", size=64)
    one = PreparedFolder(folder, "train")
    loaded = [F.interpolate(one.image(i)[None].float() / 127.5 - 1, size=(40, 40), mode="bilinear", antialias=True)[0]
              for i in range(4)]
    batch = sampler(folder)(0, 3)
    for k in range(3):
        assert len(windows(loaded, batch.x_B[k], lambda piece: piece.flip(2))) == 1


def test_without_flips_nothing_is_mirrored(tmp_path):
    folder = of_kind(tmp_path / "data", "ade20k", size=40)
    one = PreparedFolder(folder, "train")
    pictures = [one.image(i).float() / 127.5 - 1 for i in range(4)]
    batch = sampler(folder, flip=False, pseudo_by="crop")(0, 12)
    found = [windows(pictures, picture, lambda piece: piece.flip(2)) for picture in (*batch.x_B, *batch.y_B)]
    assert all(len(at) == 1 and not at[0][3] for at in found)


def test_a_pseudo_exemplar_is_another_crop_of_the_same_picture(tmp_path):
    folder = of_kind(tmp_path / "data", "ade20k", size=40)
    one = PreparedFolder(folder, "train")
    pictures = [one.image(i).float() / 127.5 - 1 for i in range(4)]
    maps = [one.condition(i, 40) for i in range(4)]
    batch = sampler(folder, pseudo_by="crop")(0, 6)
    places = []
    for k in range(6):
        (x,), (y,) = (windows(pictures, picture[k], lambda piece: piece.flip(2)) for picture in (batch.x_B, batch.y_B))
        assert x[0] == y[0] and y in windows(maps, batch.y_A[k], lambda piece: piece.flip(2))
        places.append((x, y))
    assert sum(x == y for x, y in places) <= 1 and torch.equal(batch.known, torch.ones_like(batch.known))


def test_people_who_are_there_twice_are_always_each_others_exemplars(tmp_path):
    folder = of_kind(tmp_path / "data", "deepfashion", size=40, people=3)
    one = PreparedFolder(folder, "train")
    pictures = [one.image(i).float() / 127.5 - 1 for i in range(6)]
    batch = sampler(folder, same=1.0, pseudo=0.0, flip=False)(0, 6)
    for x, y in zip(batch.x_B, batch.y_B):
        (a,), (b,) = (windows(pictures, picture, lambda piece: piece.flip(2)) for picture in (x, y))
        assert a[0] != b[0] and one.same_person(a[0], b[0])
    alone = of_kind(tmp_path / "alone", "deepfashion", size=40, people=2, shots=1)  # nobody twice: a pseudo exemplar
    assert sampler(alone, same=1.0, pseudo=0.0)(0, 2).known.min() == 1


def test_how_often_each_kind_of_pair_comes(tmp_path):
    """The released shares: p < 0.2 the last of the list, p < 0.7 its first, else the picture itself."""
    folder = of_kind(tmp_path / "data", "ade20k", people=5, shots=1, size=40)
    one = PreparedFolder(folder, "train")
    names = [f"{item['name']}.jpg" for item in one.items]
    lists = {name: tuple(names[(i + step) % 5] for step in (1, 2, 3)) for i, name in enumerate(names)}
    pairs = PairSampler([one], 32, Mix(**CROP, same=0.0, pseudo=0.3, cross=0.5, hard=0.2, flip=False, pseudo_by="crop"), 1,
                        exemplars=lists)
    pictures = [one.image(i).float() / 127.5 - 1 for i in range(5)]
    steps = []
    for step in range(25):
        batch = pairs(step, 4)
        for x, y in zip(batch.x_B, batch.y_B):
            (a,), (b,) = (windows(pictures, picture, lambda piece: piece.flip(2)) for picture in (x, y))
            steps.append((b[0] - a[0]) % 5)
    counts = {step: steps.count(step) for step in range(5)}
    assert counts[2] == counts[4] == 0 and sum(counts.values()) == 100
    assert abs(counts[0] - 30) < 15 and abs(counts[1] - 50) < 15 and abs(counts[3] - 20) < 15


def test_a_crop_is_determined_by_the_seed(tmp_path):
    folder = of_kind(tmp_path / "data", "ade20k", size=40)
    a, b, other = sampler(folder)(5, 3), sampler(folder)(5, 3), sampler(folder, seed=4)(5, 3)
    assert torch.equal(a.x_B, b.x_B) and torch.equal(a.y_A, b.y_A) and not torch.equal(a.x_B, other.x_B)


@pytest.mark.parametrize("mix, told", [(dict(crop=-0.1), "mix.crop"), (dict(crop=0.0, flip=False, pseudo_by="crop"), "itself")])
def test_mistakes(tmp_path, mix, told):
    folder = prepared(tmp_path / "data")
    with pytest.raises(ValueError, match=told):
        PairSampler([PreparedFolder(folder, "train")], 32, Mix(**{**CROP, **mix}))
