"""bench_semantic.py: what runs needs less than what is written, and the table says so."""

import pytest

from cocos_demo import bench_semantic as bench
from cocos_demo.bench import BenchError
from cocos_demo.cli import main


def test_what_is_written_out_by_hand():
    # 8 x 8 positions: patches of 5 x 5 x 256 numbers, of input and reference, before and after they are of unit length; cosines
    assert bench.written_out(32) == 4 * (2 * 2 * 64 * 25 * 256 + 64 * 64)


def test_the_command(capsys):
    assert main(["bench", "--cases", "semantic", "--pixels", "128", "256", "--explicit-limit", "0.2", "--device", "cpu",
                 "--no-translate"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("SEGIN's semantic match on cpu")
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| 1") or line.startswith("| 2")]
    assert [row[2] for row in rows] == 2 * ["as written", "as it runs"]
    assert rows[0][3] != "not run: computed" == rows[2][3] and rows[2][4] == "464 MiB |"
    assert 0 < float(rows[3][3])


@pytest.mark.parametrize("pixels", [(), (16,), (130,)])
def test_pictures_that_do_not_fit(pixels):
    with pytest.raises(BenchError, match="multiple of 4"):
        bench.report(pixels, 1.0, "cpu")
