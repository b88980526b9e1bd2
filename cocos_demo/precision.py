"""How networks compute for the person who waits: float32, channels last, or bfloat16, whichever a short dry run finds quickest.

What is compared (cosines, softmax, SEGIN's and v2's matches) stays in float32 in every way: the networks see to it themselves.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

GAIN = 1.25  # by how much another way must be quicker than float32 as it is, so that chance does not choose
TURNS = 6  # of which the quickest counts
TOLERANCE = 2.0, 16  # of 255: mean and largest difference that bfloat16 may make to a picture


@dataclass(frozen=True)
class Way:
    """One way to compute a forward pass."""

    dtype: torch.dtype = torch.float32
    channels_last: bool = False

    def __str__(self) -> str:
        return str(self.dtype).removeprefix("torch.") + (", channels last" if self.channels_last else "")

    @contextmanager
    def used(self, net: nn.Module, device: torch.device) -> Iterator[None]:
        """`with way.used(net, device):` what the network answers is computed like this."""
        if self.channels_last:
            net.to(memory_format=torch.channels_last)  # moves weights the first time alone
        with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
            yield

    def laid(self, batch: Tensor | None) -> Tensor | None:
        """A network's input, (1, C, S, S), in the order of this way."""
        return batch.contiguous(memory_format=torch.channels_last) if self.channels_last and batch is not None else batch


PLAIN = Way()
WAYS = PLAIN, Way(channels_last=True), Way(torch.bfloat16, True)


def measured(device: torch.device, ways: tuple[Way, ...] = WAYS) -> dict[Way, float]:
    """Seconds of a few convolutions, as the generators have them, in each way; those that this device cannot are left out."""
    block = nn.Conv2d(64, 64, 3, padding=1), nn.InstanceNorm2d(64), nn.LeakyReLU()
    net, x, seconds = nn.Sequential(*3 * block).to(device).eval(), torch.rand(1, 64, 64, 64, device=device), {}
    for turn in range(TURNS + 1):  # one to warm up; in turns, so that what else runs meets all alike
        for way in ways:
            try:
                with torch.inference_mode(), way.used(net, device):
                    given, began = way.laid(x), perf_counter()
                    net(given).float().mean().item()  # waits for a GPU
                    took = perf_counter() - began
            except (RuntimeError, TypeError):
                seconds[way] = float("inf")
                continue
            if turn:
                seconds[way] = min(took, seconds.get(way, float("inf")))
    return {way: took for way, took in seconds.items() if took < float("inf")}


def quickest(seconds: dict[Way, float]) -> Way:
    """The quickest way, if it gains enough; else the first."""
    best = min(seconds, key=seconds.get)
    return best if seconds[best] * GAIN <= seconds[PLAIN] else PLAIN


class Chosen:
    """The way that this process computes in: PLAIN until it was measured."""

    def __init__(self):
        self.way, self.words = PLAIN, "float32"

    def measure(self, device: torch.device) -> None:
        """Find the quickest way now."""
        seconds = measured(device)
        self.way = quickest(seconds)
        told = "; ".join(f"{way}: {1000 * took:.1f} ms" for way, took in seconds.items())
        self.words = f"{self.way}. Measured at the start, on a few convolutions: {told}"

    def measure_aside(self, device: torch.device) -> threading.Thread:
        """The same in the background."""
        thread = threading.Thread(target=self.measure, args=(device,), name="precision", daemon=True)
        thread.start()
        return thread


chosen = Chosen()
