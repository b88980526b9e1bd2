"""models/patchmatch.py against hand-worked numbers, loops in float64, and the properties its steps promise."""

import pytest
import torch

from cocos_demo.models import patchmatch as pm


def features(b=2, h=5, w=7, c=8, seed=0, dtype=torch.float64):
    """(b, h, w, c) of unit length."""
    return pm.rows(torch.randn(b, c, h, w, generator=torch.Generator().manual_seed(seed), dtype=dtype))


def places(b=2, h=5, w=7, K=3, grid=(5, 7), seed=0, dtype=torch.float64):
    """Random places (b, h, w, K, 2) between the centres of a grid's border cells."""
    random = torch.rand(b, h, w, K, 2, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return random * torch.tensor([grid[1] - 1, grid[0] - 1]) + 0.5


def identity(b, h, w, dtype=torch.float32):
    """(b, h, w, 1, 2): every position points at itself."""
    return pm.centres(h, w, torch.zeros((), dtype=dtype))[None, :, :, None].repeat(b, 1, 1, 1, 1)


def grid_of(pairs):
    """Places of one position, (1, 1, 1, J, 2)."""
    return torch.tensor(pairs, dtype=torch.float64)[None, None, None]


# ---- places


def test_rows_are_vectors_of_unit_length_in_one_piece():
    f = pm.rows(torch.tensor([1.0, 2, 3, 5, 5, 5]).view(1, 2, 1, 3).permute(0, 3, 2, 1))  # vectors (1, 2, 3), (5, 5, 5)
    torch.testing.assert_close(f, torch.tensor([[-1.0, 0, 1], [0, 0, 0]]).view(1, 1, 2, 3) / torch.tensor(2.0).sqrt())
    assert f.is_contiguous()


def test_centres_are_x_then_y():
    assert pm.centres(2, 3, torch.zeros(())).tolist() == [[[x, y] for x in (0.5, 1.5, 2.5)] for y in (0.5, 1.5)]


def test_rows_and_columns_never_mix():
    h, w = 6, 9
    p = pm.centres(h, w, torch.zeros(()))
    assert torch.equal(pm.cells(p, h, w).flatten(), torch.arange(h * w, dtype=torch.int32))
    for quarter in (-0.25, 0.25):  # in the published code, a quarter row is w / 4 columns
        assert torch.equal(pm.cells(p + torch.tensor([0.0, quarter]), h, w), pm.cells(p, h, w))
    moved = pm.cells(p[:-1] + torch.tensor([0.0, 0.75]), h, w)  # into the row below
    assert torch.equal(moved, pm.cells(p[1:], h, w))


def test_places_outside_come_to_the_nearest_border_cell():
    H = torch.tensor([[-3.0, 2.2], [8.0, -1.0], [2.6, 99.0], [0.2, 0.9]])
    assert pm.inside(H, 4, 5).tolist() == torch.tensor([[0.5, 2.2], [4.5, 0.5], [2.6, 3.5], [0.5, 0.9]]).tolist()
    assert pm.cells(H, 4, 5).tolist() == pm.cells(pm.inside(H, 4, 5), 4, 5).tolist() == [10, 4, 17, 0]


# ---- scores


@pytest.mark.parametrize("J", [1, 3, 40])  # 40: more candidates than cells
def test_evaluate_is_eq_7_candidate_by_candidate(J):
    fx, fy, H = features(), features(h=4, w=6, seed=1), places(K=J, grid=(4, 6))
    S = pm.evaluate(fx, fy, H)
    assert S.shape == (2, 5, 7, J)
    for b, i, j, k in ((0, 0, 0, 0), (1, 4, 6, J - 1), (1, 2, 3, J // 2)):
        x, y = H[b, i, j, k].tolist()
        assert S[b, i, j, k].item() == pytest.approx((fx[b, i, j] @ fy[b, int(y), int(x)]).item(), abs=1e-12)


def test_the_kernel_and_the_gathered_vectors_give_the_same_products_and_gradients():
    g = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, 5, generator=g, dtype=torch.float64, requires_grad=True) for n in (6, 9))
    at = torch.randint(0, 9, (6, 4), generator=g, dtype=torch.int32)
    torch.testing.assert_close(pm.Products.apply(x, y, at), (y[at] * x.unsqueeze(1)).sum(-1))
    assert torch.autograd.gradcheck(lambda x, y: pm.Products.apply(x, y, at), (x, y))
    many = torch.randint(0, 3, (6, 4), generator=g, dtype=torch.int32)  # more than the three columns
    assert torch.autograd.gradcheck(lambda x, y: pm.Products.apply(x, y, many), (x, y[:3].detach().requires_grad_()))


def test_the_gradient_of_products_does_not_depend_on_its_blocks(monkeypatch):
    x, y = (features(1, 6, 6, seed=s).flatten(0, 2).requires_grad_() for s in (0, 1))
    at = torch.randint(0, 36, (36, 4), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    whole = torch.autograd.grad(pm.Products.apply(x, y, at).square().sum(), (x, y))
    monkeypatch.setattr(pm, "BLOCK", 20)
    torch.testing.assert_close(torch.autograd.grad(pm.Products.apply(x, y, at).square().sum(), (x, y)), whole)


def test_sampled_is_exact_at_centres_and_linear_between():
    values = torch.arange(12.0, dtype=torch.float64).view(1, 3, 4, 1)  # value = 4 row + column
    H = pm.centres(3, 4, values)[None, :, :, None]
    assert torch.equal(pm.sampled(values, H)[:, :, :, 0], values)
    between = grid_of([[0.5, 0.5], [1.25, 0.5], [0.5, 1.75], [3.5, 2.5], [2.75, 2.0]])
    torch.testing.assert_close(pm.sampled(values, between).flatten(), torch.tensor([0, 0.75, 5, 11, 8.25], dtype=torch.float64))


def test_sampled_reads_each_picture_of_a_batch():
    values, H = features(3, 4, 5), places(3, 2, 2, grid=(4, 5))
    for b in range(3):
        torch.testing.assert_close(pm.sampled(values, H)[b], pm.sampled(values[b : b + 1], H[b : b + 1])[0])


def test_corners_weigh_one_and_stay_in_the_grid():
    at, weights = pm.corners(places(grid=(3, 4)), 3, 4)
    assert at.min() >= 0 and at.max() < 12 and weights.min() >= 0
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))


def test_gradcheck_of_sampled_and_scores():
    fx, fy, H = features(1, 2, 3, 4).requires_grad_(), features(1, 3, 4, 4, 1).requires_grad_(), places(1, 2, 3, 2, (3, 4))
    assert torch.autograd.gradcheck(pm.sampled, (fy, H.requires_grad_()))
    assert torch.autograd.gradcheck(pm.scores, (fx, fy, H))


def test_scores_are_the_cosine_with_the_vector_read_between_the_cells():
    fx, fy, H = features(), features(h=4, w=6, seed=1), places(grid=(4, 6))
    torch.testing.assert_close(pm.scores(fx, fy, H), (fx.unsqueeze(3) * pm.sampled(fy, H)).sum(-1))
    at_centres = H.floor() + 0.5
    torch.testing.assert_close(pm.scores(fx, fy, at_centres), pm.evaluate(fx, fy, at_centres))


# ---- steps


def test_best_by_hand():
    # Two pairs in a cell: (2, 1) with equal scores, of which the first counts, and (0, 0), where the second is higher.
    H = grid_of([[0.5, 0.5], [2.1, 1.9], [2.8, 1.2], [3.5, 2.5], [0.6, 0.7]])
    S = torch.tensor([-0.9, 0.5, 0.5, 0.7, -0.2], dtype=torch.float64)[None, None, None]
    kept, scores = pm.best(H, S, 3, 3, 4)
    assert kept.flatten(0, 3).tolist() == [[3.5, 2.5], [2.1, 1.9], [0.6, 0.7]] and scores.flatten().tolist() == [0.7, 0.5, -0.2]


def test_best_is_a_loop():
    H, g = places(K=24, grid=(4, 4)), torch.Generator().manual_seed(1)
    S = torch.rand(2, 5, 7, 24, generator=g, dtype=torch.float64) * 2 - 1
    kept, scores = pm.best(H, S, 5, 4, 4)
    for u in ((0, 0, 0), (1, 4, 6), (1, 2, 2)):
        highest = {}
        for place, score in zip(H[u].tolist(), S[u].tolist()):
            cell = (int(place[0]), int(place[1]))
            highest[cell] = max(highest.get(cell, (score, place)), (score, place))
        expected = sorted(highest.values(), reverse=True)[:5]
        assert scores[u].tolist() == [s for s, _ in expected] and kept[u].tolist() == [place for _, place in expected]


def test_of_equal_scores_the_first_comes_first():
    H = grid_of([[5.5, 0.5], [1.5, 0.5], [3.5, 0.5], [0.5, 0.5]])
    kept, _ = pm.best(H, torch.tensor([0.25, 0.25, 0.5, 0.25])[None, None, None], 4, 1, 6)
    assert kept[..., 0].flatten().tolist() == [3.5, 5.5, 1.5, 0.5]


def test_repeats_fill_up_where_there_are_too_few_cells():
    H, S = grid_of([[0.5, 0.5], [0.6, 0.5], [1.5, 0.5], [0.7, 0.5]]), torch.tensor([0.1, 0.1, -1.0, 0.1])[None, None, None]
    kept, scores = pm.best(H, S, 4, 1, 2)  # two cells, four wanted: the repeats come behind even the worst other cell
    torch.testing.assert_close(kept[..., 0].flatten(), torch.tensor([0.5, 1.5, 0.6, 0.7], dtype=torch.float64))
    torch.testing.assert_close(scores.flatten(), torch.tensor([0.1, -1.0, 0.1, 0.1]))
    with pytest.raises(ValueError, match="5 candidates of 4"):
        pm.best(H, S, 5, 1, 2)


def test_the_same_cell_at_two_positions_is_no_repeat():
    H = torch.tensor([[[0.5, 0.5], [2.5, 0.5]], [[2.5, 0.5], [1.5, 0.5]]])[None, None]  # (1, 1, 2, 2, 2)
    kept, _ = pm.best(H, torch.tensor([[0.1, 0.9], [0.8, 0.2]])[None, None], 1, 1, 3)
    assert kept.flatten(0, 3)[:, 0].tolist() == [2.5, 2.5]


def test_a_grid_has_cells_enough_for_the_largest_numbers():
    H = grid_of([[4095.5, 4095.5], [0.5, 0.5], [4095.6, 4095.5]])
    S = torch.tensor([-1.0, 1.0, -1.0])[None, None, None]
    assert pm.best(H, S, 2, 4096, 4096)[0].flatten(0, 3).tolist() == [[0.5, 0.5], [4095.5, 4095.5]]
    with pytest.raises(ValueError, match="among"):
        pm.best(H, S, 2, 1 << 15, 1 << 15)


def test_best_has_the_gradient_of_what_it_keeps():
    H, S = places(1, 2, 2, 6).requires_grad_(), torch.rand(1, 2, 2, 6, generator=torch.Generator().manual_seed(2))
    kept, _ = pm.best(H, S, 2, 5, 7)
    kept.sum().backward()
    assert H.grad.sum() == kept.numel() and H.grad.unique().tolist() == [0, 1]


@pytest.mark.parametrize("K", [1, 3, 200])
@pytest.mark.parametrize("grid", [(4, 6), (9, 13)])  # fewer cells than a tile, and two tiles, the last not full
def test_dense_is_the_brute_force(K, grid):
    fx, fy = features(), features(h=grid[0], w=grid[1], seed=1)
    H, S = pm.dense(fx, fy, K)
    expected = torch.einsum("bijc,bklc->bijkl", fx, fy).flatten(3).topk(min(K, grid[0] * grid[1]), dim=-1)
    torch.testing.assert_close(S, expected.values)
    assert torch.equal(pm.cells(H, *grid), expected.indices.int())


def test_dense_takes_several_blocks_either_way(monkeypatch):
    fx, fy = features(1, 4, 9, seed=0), features(1, 8, 9, seed=1)
    expected = pm.dense(fx, fy, 2)
    monkeypatch.setattr(pm, "TILE", 2)  # 32 x 32 blocks
    monkeypatch.setattr(pm, "BLOCK", 7)
    torch.testing.assert_close(pm.dense(fx, fy, 2), expected, rtol=0, atol=0)


@pytest.mark.parametrize("coarse, fine", [((4, 4), (8, 8)), ((3, 5), (6, 10)), ((2, 3), (6, 9)), ((4, 6), (4, 6))])
def test_the_identity_upsampled_is_the_identity(coarse, fine):
    torch.testing.assert_close(pm.upsampled(identity(2, *coarse), fine, (fine[0], coarse[0])), identity(2, *fine))


def test_upsampled_by_hand():
    # x has 1 x 2 positions, y 2 x 2 cells; the second position points at y's lower left cell. Twice as large, its four
    # positions point at the four cells which that one has become.
    H = torch.tensor([[[1.5, 0.5]], [[0.5, 1.5]]]).view(1, 1, 2, 1, 2)
    fine = pm.upsampled(H, (2, 4), (4, 2))[0, :, :, 0]
    assert fine[:, 2:].tolist() == [[[0.5, 2.5], [1.5, 2.5]], [[0.5, 3.5], [1.5, 3.5]]]
    assert fine[:, :2].tolist() == [[[2.5, 0.5], [3.5, 0.5]], [[2.5, 1.5], [3.5, 1.5]]]


def test_widened_is_the_window_round_each_candidate():
    H = pm.widened(grid_of([[2.5, 3.5], [7.0, 8.0]]))
    assert H.shape == (1, 1, 1, 18, 2)
    assert H[0, 0, 0, :9].tolist() == [[x, y] for y in (2.5, 3.5, 4.5) for x in (1.5, 2.5, 3.5)]
    assert H[0, 0, 0, 9:].mean(0).tolist() == [7.0, 8.0]
    assert pm.widened(grid_of([[2.5, 3.5]]), 2).shape[3] == 25


def test_propagate_finds_a_shifted_copy_by_hand():
    # y is x, moved two cells to the right; position 1 knows it, the others point at themselves. Along the row each step
    # tells one neighbour on either side.
    x = torch.eye(8, dtype=torch.float64).view(1, 1, 8, 8)
    y, H = x.roll(2, dims=2), identity(1, 1, 8, torch.float64)
    H[0, 0, 1, 0, 0] += 2
    S = pm.evaluate(x, y, H)
    columns = []
    for _ in range(3):
        H, S = pm.propagate(H, S, x, y, axis=2)
        columns.append((H[0, 0, :, 0, 0] - 0.5).int().tolist())
    assert columns == [[2, 3, 4, 3, 4, 5, 6, 7], [2, 3, 4, 5, 4, 5, 6, 7], [2, 3, 4, 5, 6, 5, 6, 7]]
    assert S.flatten().tolist() == [1, 1, 1, 1, 1, 0, 0, 0]


def test_propagate_along_columns_is_propagate_along_rows_turned():
    fx, fy, H = features(), features(seed=1), places()

    def turned(*tensors):
        return [t.transpose(1, 2) for t in tensors]

    S = pm.evaluate(fx, fy, H)
    expected = pm.propagate(H, S, fx, fy, 1)
    H_turned, S_turned = pm.propagate(*turned(H.flip(-1), S, fx, fy), axis=2)
    torch.testing.assert_close([H_turned.transpose(1, 2).flip(-1), S_turned.transpose(1, 2)], list(expected))


@pytest.mark.parametrize("axis", [1, 2])
def test_propagate_is_a_loop(axis):
    (b, h, w), K, grid = (2, 4, 5), 3, (5, 6)
    fx, fy, H = features(b, h, w), features(b, *grid, seed=1), places(b, h, w, K, grid)
    found, S = pm.propagate(H, pm.evaluate(fx, fy, H), fx, fy, axis)
    for u in ((0, 0, 0), (0, 3, 4), (1, 2, 1)):
        tried = H[u].tolist()
        for d in (-1, 1):
            neighbour = list(u)
            neighbour[axis] += d
            if 0 <= neighbour[axis] < (h, w)[axis - 1]:
                for x, y in H[tuple(neighbour)].tolist():
                    x, y = (x, y - d) if axis == 1 else (x - d, y)
                    tried.append([min(max(x, 0.5), grid[1] - 0.5), min(max(y, 0.5), grid[0] - 0.5)])
        score = {}
        for x, y in tried:
            score.setdefault((int(x), int(y)), ((fx[u] @ fy[u[0], int(y), int(x)]).item(), [x, y]))
        expected = sorted(score.values(), reverse=True)[:K]
        torch.testing.assert_close(S[u], torch.tensor([s for s, _ in expected], dtype=torch.float64))
        torch.testing.assert_close(found[u], torch.tensor([place for _, place in expected], dtype=torch.float64))


@pytest.mark.parametrize("axis", [1, 2])
def test_strips_change_nothing(monkeypatch, axis):
    fx, fy, H = features(dtype=torch.float32), features(seed=1, dtype=torch.float32), places(dtype=torch.float32)
    whole = pm.propagate(H, pm.evaluate(fx, fy, H), fx, fy, axis)
    monkeypatch.setattr(pm, "BLOCK", 1)
    torch.testing.assert_close(pm.propagate(H, pm.evaluate(fx, fy, H), fx, fy, axis), whole, rtol=0, atol=0)


def test_random_search_improves_and_stays_inside():
    fx, fy, H = features(h=8, w=8, c=16), features(h=9, w=11, c=16, seed=1), places(h=8, w=8, grid=(9, 11))
    S = pm.evaluate(fx, fy, H)
    found, better = pm.random_search(H, S, fx, fy, torch.Generator().manual_seed(0))
    assert (better[..., 0] >= S.max(-1).values).all() and better.mean() > S.mean() + 0.1
    assert torch.equal(found, pm.inside(found, 9, 11)) and (pm.cells(found, 9, 11).sort(-1).values.diff() > 0).all()
    torch.testing.assert_close(better, pm.evaluate(fx, fy, found))


# ---- algorithms


def test_classic_patchmatch_finds_equal_maps_from_a_random_beginning():
    f = torch.nn.functional.interpolate(torch.randn(1, 8, 8, 12, generator=torch.Generator().manual_seed(0)), scale_factor=3,
                                        mode="bicubic")  # (1, 8, 24, 36), smooth as pictures are
    H, S = pm.patchmatch(f, f, iterations=6)
    exact = (H - identity(1, 24, 36)).abs().amax(-1) < 0.5
    assert exact.float().mean() > 0.9 and S.mean() > 0.99
    again, _ = pm.patchmatch(f, f, iterations=6)
    other, _ = pm.patchmatch(f, f, iterations=1, seed=1)
    assert torch.equal(H, again) and not torch.equal(other, pm.patchmatch(f, f, iterations=1)[0])


def test_classic_patchmatch_tells_each_step_and_never_gets_worse():
    states, (fx, fy) = [], (torch.randn(2, 8, 6, 9, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    H, S = pm.patchmatch(fx, fy, K=2, iterations=2, callback=states.append)
    assert [(s["iteration"], s["step"]) for s in states] == [
        (0, "random"), (1, "propagate"), (1, "random search"), (2, "propagate"), (2, "random search")]
    for before, after in zip(states, states[1:]):
        assert (after["S"][..., 0] >= before["S"].max(-1).values).all()
    assert torch.equal(states[-1]["H"], H) and torch.equal(states[-1]["S"], S)
    assert torch.equal(states[-1]["S"].sort(dim=-1, descending=True).values, S)


def test_with_time_classic_patchmatch_comes_to_the_exact_match():
    fx, fy = (torch.randn(1, 8, 5, 6, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    _, S = pm.patchmatch(fx, fy, iterations=200)
    torch.testing.assert_close(S, pm.dense(pm.rows(fx), pm.rows(fy), 1)[1])


def test_refined_leaves_equal_maps_at_the_identity():
    f = features(2, 9, 12, 16, dtype=torch.float32)
    H = pm.refined(f, f, pm.widened(identity(2, 9, 12)), 4, 3)
    assert torch.equal(H[:, :, :, 0], identity(2, 9, 12)[:, :, :, 0])
    torch.testing.assert_close(pm.refined(f, f, pm.widened(identity(2, 9, 12)), 4, 3), H, rtol=0, atol=0)


def drift(H, S, hidden):
    """A refinement that can be followed: to the right by a share of a cell that grows with each call."""
    hidden = 0.25 if hidden is None else hidden + 0.25
    return torch.stack([torch.full_like(S, hidden), 0.1 * S], dim=-1), hidden


def test_refined_of_a_batch_is_that_of_its_pictures_at_each_step():
    fx, fy = features(2, 64, 96, dtype=torch.float32), features(2, 64, 96, seed=1, dtype=torch.float32)
    begin = pm.widened(identity(2, 64, 96))
    together, alone = [], []
    pm.refined(fx, fy, begin, 4, 2, drift, callback=together.append)
    for i in range(2):
        pm.refined(fx[i : i + 1], fy[i : i + 1], begin[i : i + 1], 4, 2, drift, callback=alone.append)
    assert [(s["iteration"], s["step"]) for s in together] == [
        (0, "initialise"), (1, "propagate"), (1, "refine"), (2, "propagate"), (2, "refine")]
    for state, first, second in zip(together, alone[:5], alone[5:]):
        assert state["H"].shape == (2, 64, 96, 4, 2)
        torch.testing.assert_close(state["H"], torch.cat([first["H"], second["H"]]), rtol=0, atol=1e-5)
        torch.testing.assert_close(state["S"], torch.cat([first["S"], second["S"]]), rtol=0, atol=1e-5)


def test_refined_without_propagation_moves_by_the_corrections_alone():
    f = features(1, 6, 8, dtype=torch.float32)
    H = pm.refined(f, f, identity(1, 6, 8), 1, 2, lambda H, S, hidden: (torch.full_like(H, 0.25), None), propagation=False)
    assert torch.equal(H, pm.inside(identity(1, 6, 8) + 0.5, 6, 8))


def test_refined_ends_with_the_best_first():
    """A correction that leads the best candidate astray, and no other."""
    f = features(1, 6, 8, dtype=torch.float32)
    astray = torch.tensor([3.0, 0, 0, 0]).view(4, 1).expand(1, 6, 8, 4, 2)
    begin = torch.cat([identity(1, 6, 8), pm.inside(identity(1, 6, 8) + torch.tensor([1.0, 0]), 6, 8),
                       pm.inside(identity(1, 6, 8) + torch.tensor([0, 1.0]), 6, 8), identity(1, 6, 8).flip(2)], dim=3)
    H = pm.refined(f, f, begin, 4, 1, lambda H, S, hidden: (astray, None), propagation=False)
    S = pm.evaluate(f, f, H)
    torch.testing.assert_close(S[..., 0], S.amax(-1))
    assert (S[..., 0] < 0.999).any()  # the identity was led astray


def test_the_gradient_passes_through_all_steps_of_refined():
    fx, fy = features(1, 6, 6).requires_grad_(), features(1, 6, 6, seed=1).requires_grad_()
    weight = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    begin = pm.widened(identity(1, 6, 6, torch.float64))
    H = pm.refined(fx, fy, begin, 2, 2, lambda H, S, hidden: (0.1 + weight.expand_as(H), None))
    pm.soft_warp(fx, fy, H, torch.rand(1, 3, 6, 6, dtype=torch.float64)).square().sum().backward()
    assert (weight.grad != 0).all() and all(f.grad.abs().sum() > 0 for f in (fx, fy))


# ---- the warp


def test_soft_warp_is_eq_8():
    fx, fy, H = features(), features(h=4, w=6, seed=1), places(grid=(4, 6))
    y = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for alpha in (1.0, 100.0):
        torch.testing.assert_close(pm.soft_warp(fx, fy, H, y, alpha), pm.soft_warp_explicit(fx, fy, H, y, alpha))
    u = (1, 3, 2)
    S = [sum(a * b for a, b in zip(fx[u].tolist(), v.tolist())) for v in pm.sampled(fy, H)[u]]
    weights = torch.tensor(S, dtype=torch.float64).exp()
    expected = (weights / weights.sum()) @ pm.sampled(y.permute(0, 2, 3, 1), H)[u]
    torch.testing.assert_close(pm.soft_warp(fx, fy, H, y)[1, :, 3, 2], expected)


def test_a_sharp_soft_warp_takes_the_best_candidate():
    fx, fy, H = features(), features(h=4, w=6, seed=1), places(grid=(4, 6)).floor() + 0.5
    y = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    nearest, _ = pm.best(H, pm.evaluate(fx, fy, H), 1, 4, 6)
    expected = pm.sampled(y.permute(0, 2, 3, 1), nearest)[:, :, :, 0].permute(0, 3, 1, 2)
    torch.testing.assert_close(pm.soft_warp(fx, fy, H, y, 1e6), expected)


def test_the_identity_warps_to_y_itself():
    f, y = features(dtype=torch.float32), torch.rand(2, 3, 5, 7)
    torch.testing.assert_close(pm.soft_warp(f, f, identity(2, 5, 7), y), y)


def test_gradcheck_of_soft_warp():
    y = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    inputs = features(1, 2, 3, 4), features(1, 3, 4, 4, 1), places(1, 2, 3, 2, (3, 4)), y
    assert torch.autograd.gradcheck(lambda *t: pm.soft_warp(*t, 3.0), [t.requires_grad_() for t in inputs])


@pytest.mark.parametrize("fetched", [1, 7, 2**20])
def test_products_where_vectors_are_fetched_first(monkeypatch, fetched):
    """A GPU's way, in pieces of any length, gives what the CPU's kernel gives."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 5, generator=g), torch.randn(9, 5, generator=g)
    at = torch.randint(9, (12, 4), generator=g, dtype=torch.int32)
    expected = pm.Products.apply(x, y, at)
    monkeypatch.setattr(pm, "SPARSE", False)
    monkeypatch.setattr(pm, "FETCHED", fetched)
    torch.testing.assert_close(pm.Products.apply(x, y, at), expected)
    torch.testing.assert_close(expected, (x @ y.T).gather(1, at.long()))
