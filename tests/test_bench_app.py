"""bench_app.py: the app's start and its memory are read from a real one."""

import re

import pytest

from cocos_demo import bench_app
from cocos_demo.bench import BenchArgs, BenchError, run


def test_the_rise_of_a_curve_is_that_of_its_second_half():
    flat = [(n, (900 - 800 * (n < 40)) << 20) for n in range(0, 101, 10)]
    assert "from translation 50" in bench_app.verdict(flat).lower() and "+0.0 MiB" in bench_app.verdict(flat)
    rising = [(n, (500 + n // 5) << 20) for n in range(0, 101, 10)]
    assert "rises by +20.0 MiB per 100" in bench_app.verdict(rising)


def test_memory_stays_flat_over_translations_of_a_running_app(capsys):
    run(BenchArgs(cases=("memory",), count=24, translate=False))
    printed = capsys.readouterr().out
    held = [int(count) for count in re.findall(r"^\| (\d+) \|", printed, re.M)]
    assert held == [1, *range(1, 25)][1:] and float(re.search(r"rises by ([+-][\d.]+)", printed)[1]) < 200  # few, so rough
    with pytest.raises(BenchError, match="at least 8"):
        run(BenchArgs(cases=("memory",), count=3, translate=False))


def test_the_start_is_told_in_stages():
    seconds, processor, held = bench_app.cold_start()
    assert 1 < processor < 60 and seconds > 1 and 100 << 20 < held < 4 << 30
    assert [*bench_app.imports()] == [*bench_app.STAGES.values(), "lay the tabs out"]
