"""bench.py: what it measures grows as it should, and its tables say so."""

import subprocess
import sys

import pytest

from cocos_demo import bench
from cocos_demo.bench import BenchArgs, BenchError, Cost
from cocos_demo.cli import main


@pytest.fixture(scope="module")
def costs():
    """Small grids, few channels: each case in its own process."""
    return bench.matching_costs(BenchArgs(positions=(48, 96), channels=8, explicit_limit=0.1), "cpu")


def test_matching_grows_with_n_and_stays_far_below_the_matrix(costs):
    for case in ("warp", "cycle", "contextual"):
        small, large = costs[case, 48], costs[case, 96]
        assert 0 < small.seconds and 0 < large.seconds
        # 1 KiB a position is twice what these channels and their gradients take; N is 4 times as large, N x N 16 times
        assert large.bytes < 10 * max(small.bytes, 1024 * 48**2), case
        assert large.bytes < 0.25 * 4 * 96**4, case


def test_the_explicit_matrix_grows_with_n_squared_and_is_not_run_above_the_limit(costs):
    matrix = 4 * 48**4
    assert 2 * matrix < costs["explicit matrix", 48].bytes < 6 * matrix
    assert costs["explicit matrix", 96] == Cost(bench.COPIES * 4 * 96**4, None)


def test_the_table():
    table = bench.matching_table({("warp", 64): Cost(4 << 20, 0.5), ("warp", 128): Cost(17 << 20, 8.0),
                                  ("explicit matrix", 128): Cost(3 << 30, None)})
    assert table.splitlines()[2:] == [
        "| warp | 64 x 64 | 4,096 | 4 MiB | 1 KiB |  | 0.50 |",
        "| warp | 128 x 128 | 16,384 | 17 MiB | 1.06 KiB | x 4.2 (x 4.0) | 8.00 |",
        "| explicit matrix | 128 x 128 | 16,384 | 3 GiB | 192 KiB |  | not run: computed |"]


def test_peak_memory_sees_what_has_gone_again():
    # in a process of its own: in this one, an earlier test may have held more
    program = ("import torch; from cocos_demo.bench import peak_memory; before = peak_memory(); torch.ones(100 << 18); "
               "print(peak_memory() - before)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 50 << 20 < int(done.stdout) < 200 << 20


def test_the_command(capsys):
    assert main(["bench", "--cases", "warp", "--positions", "8", "--channels", "4", "--device", "cpu", "--no-translate"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Matching on cpu") and printed.count("\n| ") == 2


def test_mistakes_are_one_line(capsys):
    assert main(["bench", "--positions", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
    with pytest.raises(BenchError, match="translate could not be measured: .*nobody"):
        bench.in_a_process("translate", "nobody", "cpu")
