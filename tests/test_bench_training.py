"""bench_training.py: what is counted is what is there, without numbers as with them."""

import sys

import pytest
import torch
from torch import nn

from cocos_demo import bench_training
from cocos_demo.bench import BenchError, in_a_process
from cocos_demo.bench_training import CASES, CHECKED, Bench, Live, Step, kept_for_backward, row
from cocos_demo.cli import main
from cocos_demo.losses import contextual
from cocos_demo.models.correspondence import warp
from cocos_demo.recipes import recipe

MODULE = bench_training.__name__


@pytest.fixture(scope="module")
def tiny():
    """The steps of one and two pictures, computed in a process of their own."""
    return [Step(**step) for step in in_a_process("computed", *CHECKED, module=MODULE)]


def test_live_counts_storages_from_their_making_to_their_end():
    with Live() as live:
        a = torch.ones(1000)
        view = a[:10].view(2, 5)  # no storage of its own
        assert live.now == 4000
        b = a.double() * 2  # 8000 for the doubles, gone at once, and 8000 for their products
        assert live.now == 12000 and live.peak == 20000
        del a
        assert live.now == 12000  # the view holds it
        del view, b
    assert (live.now, live.peak) == (0, 20000)


def test_what_is_kept_for_the_backward_pass_by_hand():
    layer = nn.Linear(10, 20, bias=False)
    x = torch.ones(3, 10)
    with kept_for_backward((layer,)) as kept:
        y = layer(x)  # keeps x, 120 bytes; its weight is a parameter
        z = y.exp()  # keeps its result, 240 bytes
        z.square().sum()  # keeps z again
    assert sum(storage.nbytes() for storage in kept.values()) == 120 + 240


def test_operations_of_attention_and_of_the_contextual_loss_by_hand():
    n, c = 16 * 16, 32
    a, b, y = (torch.randn(1, channels, 16, 16, requires_grad=True) for channels in (c, c, 3))
    with bench_training.operations() as counter:
        r = warp(a, b, y)
        assert counter.get_total_flops() == 2 * (2 * n * n * c)  # queries by keys, weights by values; 2 for each product
        r.sum().backward()
        assert counter.get_total_flops() == (2 + 5) * (2 * n * n * c)  # the weights anew, and the gradients of both products
    with bench_training.operations() as counter:
        contextual(a, b.detach()).backward()
    assert counter.get_total_flops() == 3 * (2 * n * n * c)  # the cosines, again backward, and the queries' gradient


def test_shapes_alone_give_the_bytes_that_numbers_give(tiny):
    bench = Bench(*CHECKED)
    with Live() as live, kept_for_backward((bench.net, bench.D, bench.vgg)) as kept:
        bench.forward(bench.batch(1))
        saved = sum(storage.nbytes() for storage in kept.values())
    assert saved == pytest.approx(tiny[0].saved, rel=0.01) and live.peak <= 1.02 * tiny[0].peak


def test_a_batch_grows_by_equal_shares(tiny):
    one, two = tiny
    assert two.flops == 2 * one.flops and two.static == one.static
    assert one.saved < two.saved < 2 * one.saved  # weights, as they are under spectral norm, are kept once
    assert one.parameters == sum(p.numel() for p in Bench(*CHECKED).net.parameters())
    assert one.static > 4 * 4 * one.parameters


def test_the_published_network_has_the_published_parameters():
    data, system, preset = CASES["CoCosNet, as released"]
    with torch.device("meta"):
        net = bench_training.SYSTEMS[system](preset, condition_channels=15, size=256)
    assert sum(p.numel() for p in net.parameters()) == 53_380_676 + 92_590_788


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_count_is_what_a_process_grows_by():
    found = in_a_process("checked", 4, module=MODULE)
    assert found["counted"] == pytest.approx(found["grown"], rel=0.05) and found["grown"] > 300 << 20


def test_every_case_is_a_recipe_with_a_batch():
    for data, system, preset in CASES.values():
        assert recipe(data, system).settings["batch"].value >= 5 and recipe(data, system, preset).data == data


def test_a_row_by_hand():
    one = Step(256, 80_000_000, 2_000_000, 1 << 30, 600 << 20, 700 << 20, 10**12)
    two = Step(256, 80_000_000, 2_000_000, 1 << 30, 1000 << 20, 1100 << 20, 2 * 10**12)
    # a picture: 400 MiB, 1 TFLOP; 32 pictures on 8 GPUs, 4 each: 1024 + 700 + 3 x 400 MiB; 4 / (0.3 x 100) s
    assert row("x", one, two, 32, 100) == ("| x | 256 | 80.0 M + 2.0 M | 1.00 | 1 GiB | 400 MiB | 400 MiB | 1.68 GiB | "
                                           "32: 4 each | 2.86 GiB | 133 ms |")


def test_a_gpu_that_there_is_not(capsys):
    with pytest.raises(BenchError, match="V100, A100"):
        bench_training.report("Voodoo", "cpu")
    with pytest.raises(SystemExit):
        main(["bench", "--cases", "training", "--gpu", "Voodoo"])
