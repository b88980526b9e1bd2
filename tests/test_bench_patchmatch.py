"""bench_patchmatch.py: the loop it measures against is the described one, and its numbers mean what they say."""

import pytest
import torch

from cocos_demo import bench_patchmatch as bench
from cocos_demo.bench import BenchError
from cocos_demo.cli import main
from cocos_demo.models import patchmatch as pm


def test_the_loop_over_candidates_is_the_described_one_position_by_position():
    g = torch.Generator().manual_seed(0)
    fx, fy = (torch.nn.functional.normalize(torch.randn(1, 6, 3, 4, generator=g, dtype=torch.float64), dim=1) for _ in range(2))
    H = torch.randint(0, 3, (1, 3, 4, 2, 2), generator=g) + torch.tensor(0.5, dtype=torch.float64)
    offset = {(r, c): [(int(y) - r, int(x) - c) for x, y in H[0, r, c].tolist()] for r in range(3) for c in range(4)}
    for dr, dc in ((0, 1), (1, 0)):  # along the rows, then along the columns
        found = {}
        for r, c in offset:
            tried = (offset.get((r - dr, c - dc), [(0, 0)] * 2) + offset[r, c] + offset.get((r + dr, c + dc), [(0, 0)] * 2))
            score = {j: (fx[0, :, r, c] @ fy[0, :, min(max(r + a, 0), 2), min(max(c + b, 0), 3)]).item()
                     for j, (a, b) in enumerate(tried)}
            found[r, c] = [tried[j] for j in sorted(score, key=lambda j: -score[j])[:2]]
        offset = found
    result = pm.cells(bench.candidate_loop(fx, fy, H, 1), 3, 4)
    S = pm.evaluate(fx.permute(0, 2, 3, 1), fy.permute(0, 2, 3, 1), bench.candidate_loop(fx, fy, H, 1))
    for r, c in offset:
        expected = [min(max(r + a, 0), 2) * 4 + min(max(c + b, 0), 3) for a, b in offset[r, c]]
        assert result[0, r, c].tolist() == expected
    assert (S[..., 0] >= S[..., 1]).all()


def test_what_must_be_fetched():
    # 4 positions of 32 float32 channels. PatchMatch: 16 to begin with, then 32 in each of 10 passes; the loop: 48 in each.
    assert bench.fetched("PatchMatch", 2) == 4 * 128 * (16 + 320)
    assert bench.fetched("loop over candidates", 2) == 4 * 128 * 480
    assert bench.fetched("exact", 2) is None


def test_the_table():
    rows = {("PatchMatch", 256): bench.Row(0.5, 1.0, 4 << 20, 0.5, 0.0125),
            ("loop over candidates", 256): bench.Row(3, 5, 1 << 30, 0.25, 0.05)}
    read = bench.fetched("PatchMatch", 256)
    assert bench.table(rows, read).splitlines()[2:] == [
        "| 256 x 256 | PatchMatch | 0.50 | 1.00 | x 6.0 | 1.00 | 4 MiB | 50.0% | 0.0125 |",
        "| 256 x 256 | loop over candidates | 3.00 | 5.00 | x 1.0 | 1.43 | 1 GiB | 25.0% | 0.0500 |"]


def test_the_command(capsys):
    assert main(["bench", "--cases", "patchmatch", "--positions", "32", "--device", "cpu", "--no-translate"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Nearest neighbours on cpu") and printed.count("\n| 32 x 32 |") == 4
    share, lost = ({line.split(" | ")[1]: float(line.split(" | ")[column].strip(" |%")) for line in printed.splitlines()
                    if line.startswith("| 32 x 32")} for column in (7, 8))
    assert share["exact"] == 100 and lost["exact"] == 0
    assert all(0 <= lost[way] < 0.1 and share[way] > 10 for way in bench.WAYS)


def test_too_few_positions_are_one_line(capsys):
    with pytest.raises(BenchError, match="16 x 16"):
        bench.report((8,), "cpu")
    assert main(["bench", "--cases", "patchmatch", "--positions", "8", "--device", "cpu"]) == 2
    assert "16 x 16 positions or more" in capsys.readouterr().err
