"""What matching costs: peak memory and time of warp, cycle and contextual loss, beside the matrix they do without.

    python -m cocos_demo bench

Each case runs in a process of its own (this file, as a module), so that no case finds memory that another has left behind.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

GIB = 2**30
CASES = ("warp", "cycle", "contextual", "explicit matrix")
COPIES = 3  # the explicit way holds at once: M, its softmax and a gradient
SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
EXAMPLES = {  # condition -> a photo (or part map) and an exemplar that ship
    "portrait": ("photos/P009_studio_portrait.jpg", "portraits/P001_happy.jpg"),
    "figure": ("photos/P010_studio_posture.jpg", "figures/P006_studio_posture.jpg"),
    "grey": ("photos/P009_studio_portrait.jpg", "portraits/P001_happy.jpg"),
    "parts": ("parts/rendered_109_0.png", "figures/P006_studio_posture.jpg"),
}


class BenchError(RuntimeError):
    """Something cannot be measured here; the message says what can."""


@dataclass
class BenchArgs:
    """Print, as Markdown, the peak memory and time of matching (forward and backward), and the seconds of a translation."""

    # training: a step of each of the papers' networks; start, memory: of the app; minutes
    cases: tuple[Literal["warp", "cycle", "contextual", "explicit matrix", "patchmatch", "semantic", "training", "start",
                         "memory"], ...] = (*CASES, "patchmatch", "semantic")
    positions: tuple[int, ...] = (64, 128, 256)  # sides of the square grids; N is their square
    channels: int = 64  # C of the features
    pixels: tuple[int, ...] = (128, 256, 512)  # sides of the pictures of the case "semantic"
    device: str = "auto"  # auto, cpu, cuda
    explicit_limit: float = 2.0  # GiB; where the explicit matrix would need more, its size is computed
    gpu: Literal["V100", "A100", "H100", "H200"] = "A100"  # whose times the case "training" computes
    count: int = 200  # translations of the case "memory"
    pictures: int = 1  # of a step that the case "training" measures, where there is a GPU
    matching: bool = True
    translate: bool = True  # time a whole translation by each checkpoint


@dataclass
class Cost:
    """`bytes` beyond the program's own at the highest point; `seconds` of forward and backward, None: computed only."""

    bytes: int
    seconds: float | None


# ---- inside the process of one case


def peak_memory() -> int:
    """The most memory this process has held so far, in bytes."""
    import torch

    from .device import peak_memory

    peak = peak_memory(torch.device("cpu"))
    if peak is None:
        raise BenchError("a process cannot read its peak memory on this system; use Linux, macOS or --device cuda")
    return peak


def cost_of(run: Callable[[int], None], small: int, side: int, device: str) -> Cost:
    """The peak memory beyond what this process held before, and the seconds, of run(side); run(small) comes first."""
    import torch

    def finish(side: int) -> None:
        run(side)
        if device != "cpu":
            torch.cuda.synchronize()

    torch.manual_seed(0)
    finish(small)  # loads the kernels, which take memory of their own
    if device == "cpu":
        before = peak_memory()
    else:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    start = time.perf_counter()
    finish(side)
    seconds = time.perf_counter() - start
    after = peak_memory() if device == "cpu" else torch.cuda.max_memory_allocated()
    return Cost(after - before, seconds)


def measure(case: str, side: int, channels: int, device: str) -> Cost:
    """Run one case, forward and backward, in this process. Features (1, channels, side, side), a picture's three channels."""
    import torch

    from .losses import contextual
    from .models.correspondence import cycle, warp, warp_explicit

    def run(side: int) -> None:
        fx, fy, y = (torch.randn(1, c, side, side, device=device, requires_grad=True) for c in (channels, channels, 3))
        results = {"warp": warp, "cycle": cycle, "explicit matrix": warp_explicit}
        value = contextual(fx, fy) if case == "contextual" else results[case](fx, fy, y).square().mean()
        value.backward()

    return cost_of(run, 8, side, device)


def translate(name: str, device: str) -> dict[str, float]:
    """Load a checkpoint and translate four times -> seconds of loading, of the first (detectors load too) and of the quickest
    after it, stage by stage; peak, the bytes that the process held at most."""
    from .checkpoints import catalogue, read_card

    photo, exemplar = (SAMPLES / file for file in EXAMPLES[read_card(catalogue()[name])["condition"]])
    start = time.perf_counter()
    from .translator import Translator

    translator = Translator.load(name, device)
    loaded = time.perf_counter() - start
    first = translator(photo, exemplar).seconds
    stages = min((staged(translator, photo, exemplar) for _ in range(3)), key=lambda told: told["warm"])
    return {"load": loaded, "first": first, **stages, "peak": peak_memory()}


def staged(translator, photo: Path, exemplar: Path) -> dict[str, float]:
    """Seconds of one translation, whole ("warm"), of a processor ("worked"), and of each stage by its name in `Translator`."""
    at: list[tuple[str, float]] = []
    worked = time.process_time()
    result = translator(photo, exemplar, progress=lambda stage, fraction: at.append((stage, time.perf_counter())))
    return {stage: after - began for (stage, began), (_, after) in zip(at, at[1:])} | {
        "warm": result.seconds, "worked": time.process_time() - worked}


# ---- the table


def in_a_process(*arguments: object, module: str = "cocos_demo.bench") -> dict:
    """Run a module with these arguments in a fresh Python -> what it prints. Raises BenchError with its last words."""
    home = Path(__file__).resolve().parents[1]  # from there the package is found, installed or not
    command = [sys.executable, "-m", module, *map(str, arguments)]
    as_in_the_app = {"OMP_WAIT_POLICY": "PASSIVE"} if arguments[0] == "translate" else {}
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, env={**as_in_the_app, **os.environ})
    if done.returncode:
        words = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}; perhaps memory ran out"]
        raise BenchError(f"{arguments[0]} could not be measured: {words[0]}")
    return json.loads(done.stdout.splitlines()[-1])


def matching_costs(args: BenchArgs, device: str) -> dict[tuple[str, int], Cost]:
    """(case, side) -> its cost, each from a process of its own."""
    plan = [(case, side) for case in args.cases if case in CASES for side in args.positions]
    costs = {}
    with tqdm(total=sum(side**4 for _, side in plan), bar_format="{desc:<28}{percentage:3.0f}%|{bar:30}| {elapsed}",
              disable=None, leave=False) as bar:
        for case, side in plan:
            bar.set_description_str(f"{case}, {side} x {side}")
            matrix = 4 * side**4  # float32
            if case == "explicit matrix" and COPIES * matrix > args.explicit_limit * GIB:
                costs[case, side] = Cost(COPIES * matrix, None)
            else:
                costs[case, side] = Cost(**in_a_process(case, side, args.channels, device))
            bar.update(side**4)
    return costs


def size(number: float) -> str:
    """Bytes as a person reads them."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = 0
    while number >= 1024 and power < len(units) - 1:
        number, power = number / 1024, power + 1
    return f"{number:.3g} {units[power]}" if number < 1000 else f"{number:.0f} {units[power]}"


def matching_table(costs: dict[tuple[str, int], Cost]) -> str:
    """Markdown: a row a case and grid; growth against the grid before, beside that of N."""
    rows = ["| case | positions | N | peak memory | memory / N | growth (N) | seconds |", "|---|---|---|---|---|---|---|"]
    before = {}
    for (case, side), cost in costs.items():
        n = side * side
        growth = "" if case not in before else f"x {cost.bytes / max(before[case][1], 1):.1f} (x {n / before[case][0]:.1f})"
        seconds = "not run: computed" if cost.seconds is None else f"{cost.seconds:.2f}"
        rows.append(f"| {case} | {side} x {side} | {n:,} | {size(cost.bytes)} | {size(cost.bytes / n)} | {growth} | {seconds} |")
        before[case] = (n, cost.bytes)
    return "\n".join(rows)


def translation_table(device: str) -> str:
    """Markdown: a row a checkpoint whose condition is read from a photo that ships."""
    from .checkpoints import catalogue, read_card

    cards = {name: read_card(path) for name, path in catalogue().items()}
    stages = {"looking at the photo": "photo", "looking at the exemplar": "exemplar", "matching and painting": "network",
              "colouring the photo": "colouring"}
    heads = ("checkpoint", "system", "pixels", "load", "first", "next", *stages.values(), "of a processor", "peak memory")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    read_from_photos = [name for name, card in cards.items() if card["condition"] in EXAMPLES]
    for name in tqdm(read_from_photos, desc="translating", disable=None, leave=False):
        s = in_a_process("translate", name, device)
        parts = " | ".join(f"{s[stage]:.2f} s" if stage in s else "" for stage in stages)
        rows.append(f"| {name} | {cards[name]['system']} | {cards[name]['size']} | {s['load']:.2f} s | {s['first']:.2f} s "
                    f"| {s['warm']:.2f} s | {parts} | {s['worked']:.2f} s | {size(s['peak'])} |")
    return "\n".join(rows)


def run(args: BenchArgs) -> None:
    """The command `bench`."""
    from .device import pick_device

    if args.channels < 1 or not args.positions or min(args.positions) < 1:
        raise BenchError("positions and channels must be at least 1")
    if args.matching:
        device, reason = pick_device(args.device)
        if device.type not in ("cpu", "cuda"):
            raise BenchError(f"peak memory cannot be read on {device.type}; use --device cpu")
        costs = matching_costs(args, str(device))
        if costs:
            print(f"Matching on {device} ({reason}): {args.channels} channels, float32, one pair, forward and backward.\n"
                  f"Memory is the peak beyond the program's own, features and gradients included.\n\n{matching_table(costs)}\n")
        if "patchmatch" in args.cases:
            from .bench_patchmatch import report

            print(report(args.positions, str(device)))
        if "semantic" in args.cases:
            from .bench_semantic import report

            print(report(args.pixels, args.explicit_limit, str(device)))
        if "training" in args.cases:
            from .bench_training import report

            print(report(args.gpu, str(device), args.pictures))
    if "start" in args.cases:
        from .bench_app import start_report

        print(start_report())
    if "memory" in args.cases:
        from .bench_app import memory_report

        print(memory_report(args.count))
    if args.translate:
        device, reason = pick_device(args.device)
        print(f"A whole translation on {device} ({reason}), detectors included; they are loaded with the first.\n\n"
              f"{translation_table(str(device))}\n")


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    answer = translate(*rest) if name == "translate" else vars(measure(name, int(rest[0]), int(rest[1]), rest[2]))
    print(json.dumps(answer))
