"""What PatchMatch costs and how close it comes to the exact match, beside the loop over candidates of the released code.

    python -m cocos_demo bench --cases patchmatch --positions 128 256 512 --no-translate

Each way runs in a process of its own (this file, as a module) on the same features: of two pictures of one rendered person, the
main components of VGG-16's, 32 channels. Both PatchMatches with candidates start from the exact match at half the resolution.
"""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from .bench import SAMPLES, BenchError, in_a_process, peak_memory, size
from .features import load_vgg16_base
from .models import patchmatch as pm
from .models.field import Field

PAIR = ("photos/rendered_05_0.jpg", "figures/rendered_05_1.jpg")
LAYERS = {"relu1_2": 8, "relu2_2": 8, "relu3_3": 16}  # how many components of each
K, ITERATIONS = 16, 5  # of the released code
RUNS, PATIENCE = 5, 10.0  # of each way; seconds after which no further run begins


# ---- inside the process of one case


def candidate_loop(fx: Tensor, fy: Tensor, H: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """PatchMatch as CoCosNet v2's released code does it, without its GRU: one candidate after the other, channels apart.

    fx, fy (B, C, h, w) of unit length; H (B, h, w, K, 2) -> H (B, h, w, K, 2), best first, cells repeated. Each pass scores
    the offsets of both neighbours and, again, the own ones; at the border a neighbour's offset is zero. Its random order of
    rows and columns is fixed here.
    """
    (b, c, h, w), n = fx.shape, H.shape[3]
    q, k = fx.flatten(2), fy.flatten(2)  # (B, C, h w)
    p = pm.centres(h, w, fx).permute(2, 0, 1)[None, :, None]  # (1, 2, 1, h, w)
    offsets = H.permute(0, 4, 3, 1, 2) - p  # (B, 2, K, h, w)
    for _ in range(iterations):
        for axis in (4, 3):
            zero, m = torch.zeros_like(offsets.narrow(axis, 0, 1)), offsets.shape[axis]
            before = torch.cat([zero, offsets.narrow(axis, 0, m - 1)], axis)
            after = torch.cat([offsets.narrow(axis, 1, m - 1), zero], axis)
            offsets = torch.cat([before, offsets, after], dim=2)  # (B, 2, 3 K, h, w)
            at = pm.cells((offsets + p).permute(0, 2, 3, 4, 1), h, w).long().flatten(2)  # (B, 3 K, h w)
            S = torch.stack([(q * k.gather(2, at[:, j : j + 1].expand(-1, c, -1))).sum(1) for j in range(3 * n)], dim=1)
            kept = torch.softmax(S / 0.01, dim=1).topk(n, dim=1).indices.view(b, 1, n, h, w)
            offsets = offsets.gather(2, kept.expand(-1, 2, -1, -1, -1))
    return pm.inside((offsets + p).permute(0, 3, 4, 2, 1), h, w)


WAYS = {
    "exact": lambda fx, fy, H: pm.dense(pm.rows(fx), pm.rows(fy), 1)[0],
    "PatchMatch": lambda fx, fy, H: pm.refined(pm.rows(fx), pm.rows(fy), H, K, ITERATIONS),
    "loop over candidates": lambda fx, fy, H: candidate_loop(*(pm.rows(f).permute(0, 3, 1, 2).contiguous() for f in (fx, fy)), H),
    "classic PatchMatch": lambda fx, fy, H: pm.patchmatch(fx, fy, 1, ITERATIONS)[0],
}


@torch.no_grad()
def prepare(side: int, folder: str) -> None:
    """Write the features of the pair on a grid of side x side, and the field to begin with, into `folder`/pair.safetensors."""
    pictures = [Image.open(SAMPLES / file).convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for file in PAIR]
    x, y = (torch.frombuffer(bytearray(p.tobytes()), dtype=torch.uint8).view(1, side, side, 3).permute(0, 3, 1, 2) / 127.5 - 1
            for p in pictures)
    vgg, parts = load_vgg16_base(), []
    phi_x, phi_y = (vgg(picture, tuple(LAYERS)) for picture in (x, y))
    for layer, n in LAYERS.items():
        parts.append([F.interpolate(f.permute(2, 0, 1)[None], (side, side), mode="bilinear") / f.square().sum(-1).mean().sqrt()
                      for f in Field.of(phi_x[layer][0], phi_y[layer][0]).components(n)])
    fx, fy = (torch.cat(f, dim=1) for f in zip(*parts))  # (1, 32, side, side)
    half = (side // 2, side // 2)
    coarse, _ = pm.dense(*(pm.rows(F.adaptive_avg_pool2d(f, half)) for f in (fx, fy)), 1)
    d = torch.tensor([-2.0, 0.0, 2.0, 4.0])  # the window of the released code
    window = torch.stack(torch.meshgrid(d, d, indexing="xy"), dim=-1).reshape(-1, 2)
    H = pm.inside(pm.upsampled(coarse, (side, side), (side, half[0])) + window, side, side)
    save_file({"fx": fx, "fy": fy, "H": H}, Path(folder) / "pair.safetensors")


@torch.no_grad()
def measure(way: str, folder: str, device: str) -> dict[str, float]:
    """Match by one way -> its peak "bytes" beyond the program's own, "seconds" and "busy" seconds of all cores together, at its
    best of five or, where these are slow, of as many as begin within ten seconds. Writes the best place of each position into
    the folder."""
    pair = load_file(Path(folder) / "pair.safetensors", device=device)
    pair = {name: t.clone() for name, t in pair.items()}  # out of the file, into memory
    fx, fy, H = (pair[name] for name in ("fx", "fy", "H"))
    WAYS[way](fx[..., :8, :8], fy[..., :8, :8], pm.inside(H[:, :8, :8], 8, 8))  # loads the kernels
    if device == "cpu":
        before = peak_memory()
    else:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    times, begun = [], time.perf_counter()
    while len(times) < RUNS and time.perf_counter() - begun < PATIENCE:
        start, busy = time.perf_counter(), time.process_time()
        found = WAYS[way](fx, fy, H)
        if device != "cpu":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start, time.process_time() - busy))
    cost = dict(zip(("seconds", "busy"), min(times)))
    cost["bytes"] = (peak_memory() if device == "cpu" else torch.cuda.max_memory_allocated()) - before
    save_file({"H": found[:, :, :, :1].contiguous().cpu()}, Path(folder) / f"{way}.safetensors")
    return cost


def copied(device: str) -> dict[str, float]:
    """How many bytes a second a copy reads and writes, at its best of ten."""
    a = torch.ones(2**26, device=device)  # 256 MB, more than any cache
    b, best = torch.empty_like(a), float("inf")
    for _ in range(10):
        start = time.perf_counter()
        b.copy_(a)
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return {"bytes_per_second": 8 * a.numel() / best}


# ---- the table


@dataclass
class Row:
    """One way on one grid: what it cost, the share of positions whose best cell is the exact one, and the mean score lost."""

    seconds: float
    busy: float
    bytes: int
    share: float
    lost: float


def fetched(way: str, side: int, channels: int = sum(LAYERS.values())) -> int | None:
    """Bytes of the vectors that a PatchMatch with K candidates compares, each read once for each comparison."""
    scored = {"PatchMatch": K + 4 * K * ITERATIONS, "loop over candidates": 6 * K * ITERATIONS}.get(way)
    return None if scored is None else scored * side**2 * channels * 4


def compare(sides: tuple[int, ...], device: str) -> dict[tuple[str, int], Row]:
    """(way, side) -> its row."""
    rows = {}
    for side in tqdm(sides, desc="PatchMatch", disable=None, leave=False):
        with tempfile.TemporaryDirectory() as folder:
            in_a_process("prepare", side, folder, module=__name__)
            pair = load_file(Path(folder) / "pair.safetensors")
            fx, fy = pm.rows(pair["fx"]), pm.rows(pair["fy"])
            for way in WAYS:
                cost = in_a_process(way, folder, device, module=__name__)
                H = load_file(Path(folder) / f"{way}.safetensors")["H"]
                if way == "exact":
                    exact, S = pm.cells(H, side, side), pm.evaluate(fx, fy, H)
                share = (pm.cells(H, side, side) == exact).float().mean().item()
                rows[way, side] = Row(**cost, share=share, lost=(S - pm.evaluate(fx, fy, H)).mean().item())
    return rows


def table(rows: dict[tuple[str, int], Row], bytes_per_second: float) -> str:
    """Markdown: a row a grid and way; the floor is the time it takes to read what is compared, at the speed of a copy."""
    lines = ["| positions | way | seconds | busy | against the loop | floor | peak memory | exact cell | score lost |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for (way, side), row in rows.items():
        read, faster = fetched(way, side), rows["loop over candidates", side].seconds / row.seconds
        floor = "" if read is None else f"{read / bytes_per_second:.2f}"
        lines.append(f"| {side} x {side} | {way} | {row.seconds:.2f} | {row.busy:.2f} | x {faster:.1f} | {floor} "
                     f"| {size(row.bytes)} | {row.share:.1%} | {row.lost:.4f} |")
    return "\n".join(lines)


def report(sides: tuple[int, ...], device: str) -> str:
    """What the command prints. BenchError where a grid is too small for the features."""
    if min(sides) < 16:
        raise BenchError("the features of PatchMatch's pair need 16 x 16 positions or more")
    speed = in_a_process("copy", device, module=__name__)["bytes_per_second"]
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    return f"""Nearest neighbours on {device}{threads}: {sum(LAYERS.values())} channels, float32, one pair, forward alone.
PatchMatch and the loop keep {K} candidates, take {ITERATIONS} iterations and start from the exact match at half the resolution;
the classic one keeps 1 and starts at random. Seconds by the clock, at the best of up to {RUNS} runs, which "against the loop"
compares; busy: seconds of all cores together, waiting included. Floor: seconds in which the compared vectors could be read, each
once for each comparison, at the speed of a copy, {size(speed)} a second read and written; a cache may beat it. Exact cell: share
of positions whose best cell is that of the exact match; score lost: how much lower the best cosine is, in the mean.

{table(compare(sides, device), speed)}
"""


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    special = {"prepare": lambda side, folder: prepare(int(side), folder), "copy": copied}
    answer = special[name](*rest) if name in special else measure(name, *rest)
    print(json.dumps(answer))
