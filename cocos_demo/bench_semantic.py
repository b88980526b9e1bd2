"""What SEGIN's semantic match costs: Eq. 1 and 2 as they are written, and as they run.

    python -m cocos_demo bench --cases semantic --no-translate

Each way runs in a process of its own (this file, as a module), on random features of the shape of VGG-16's relu3_2: neither time
nor memory depend on what they are. The paper takes about a second for a picture of 256 pixels a side.
"""

import json
import sys

import torch

from .bench import GIB, BenchError, Cost, cost_of, in_a_process, size
from .models.semantic import VGGMatcher, paste, semantic_match, semantic_match_explicit

WAYS = {"as written": semantic_match_explicit, "as it runs": semantic_match}
CHANNELS, DELTA = 256, 4  # of relu3_2; pixels from one position to the next


# ---- inside the process of one case


@torch.no_grad()
def measure(way: str, side: int, device: str) -> Cost:
    """Match and paste a picture of side x side, in this process."""
    matcher = VGGMatcher()

    def run(side: int) -> None:
        h = side // DELTA
        fx, fr = (torch.rand(1, CHANNELS, h, h, device=device) for _ in range(2))
        paste(torch.rand(1, 3, side, side, device=device), WAYS[way](fx, fr, matcher.patch), (h, h), matcher.k)

    return cost_of(run, 8 * DELTA, side, device)


# ---- the table


def written_out(side: int) -> int:
    """Bytes that Eq. 1 as written holds at once: all patches of both, also of unit length, and all cosines."""
    n, patch = (side // DELTA) ** 2, CHANNELS * VGGMatcher().patch ** 2
    return 4 * (4 * patch * n + n * n)


def report(pixels: tuple[int, ...], limit: float, device: str) -> str:
    """What the command prints. `limit` GiB: where the written form would need more, that is computed. Raises BenchError."""
    if not pixels or min(pixels) < 8 * DELTA or any(side % DELTA for side in pixels):
        raise BenchError(f"the semantic match is measured on pictures of {8 * DELTA} pixels or more, a multiple of {DELTA}")
    lines = ["| picture | positions | Eq. 1 and 2 | seconds | peak memory |", "|---|---:|---|---:|---:|"]
    for side in pixels:
        for way in WAYS:
            runs = way != "as written" or written_out(side) <= limit * GIB
            cost = Cost(**in_a_process(way, side, device, module=__name__)) if runs else Cost(written_out(side), None)
            seconds = "not run: computed" if cost.seconds is None else f"{cost.seconds:.2f}"
            lines.append(f"| {side} x {side} | {(side // DELTA) ** 2:,} | {way} | {seconds} | {size(cost.bytes)} |")
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    k = VGGMatcher().patch
    return (f"SEGIN's semantic match on {device}{threads}: {CHANNELS} channels, {k} x {k} patches, float32, one pair.\n"
            f"Memory is the peak beyond the program's own, features included; VGG itself is not counted.\n\n"
            + "\n".join(lines) + "\n")


if __name__ == "__main__":
    name, side, device = sys.argv[1:]
    print(json.dumps(vars(measure(name, int(side), device))))
