"""What the app costs: its cold start, and its memory over many translations.

    python -m cocos_demo bench --cases start
    python -m cocos_demo bench --cases memory --count 200 --no-translate

The app runs as anyone starts it, in a process of its own; what it holds is read from outside, and asked for by its API.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from .bench import EXAMPLES, SAMPLES, BenchError, size

HOME = Path(__file__).resolve().parents[1]
STARTS = 3  # of which the best is told, beside the first
PATIENCE = 180  # seconds until the app must have answered
STAGES = {  # what is imported, after what was imported before -> words
    "torch": "import torch", "gradio": "import gradio", "app": "import the rest, and our own modules"}


@contextmanager
def app(*words: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """A running `python app.py` -> its process and address. Raises BenchError where it ends by itself."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, *words, "app.py", "--port", str(port)], cwd=HOME, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    try:
        yield server, address
    finally:
        server.terminate()
        server.wait(30)


def first_page(server: subprocess.Popen, address: str) -> None:
    """Wait until the page is answered. Raises BenchError."""
    stop = time.monotonic() + PATIENCE
    while time.monotonic() < stop:
        if server.poll() is not None:
            raise BenchError(f"the app ended by itself: {server.stderr.read().strip().splitlines()[-1:]}")
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as page:
                page.read()
            return
        except OSError:
            time.sleep(0.02)
    raise BenchError(f"the app did not answer within {PATIENCE} s")


def cold_start() -> tuple[float, float, int]:
    """Seconds from the command to the first page, seconds of a processor meanwhile, bytes then held."""
    began = time.perf_counter()
    with app() as (server, address):
        first_page(server, address)
        return time.perf_counter() - began, processor_seconds(server.pid), resident(server.pid)


def imports() -> dict[str, float]:
    """Words -> seconds of importing, in the order in which it happens, in a fresh Python."""
    program = "import time; at = time.perf_counter()\n" + "".join(
        f"import {name}; print({name!r}, time.perf_counter() - at); at = time.perf_counter()\n" for name in STAGES)
    program += "app.build(); print('layout', time.perf_counter() - at)"
    done = subprocess.run([sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"the app cannot be imported: {done.stderr.strip().splitlines()[-1]}")
    found = dict(re.findall(r"^(\w+) ([\d.]+)$", done.stdout, re.M))
    return {**{words: float(found[name]) for name, words in STAGES.items()}, "lay the tabs out": float(found["layout"])}


def processor_seconds(process: int) -> float:
    """Of user and system, of a running process. Linux alone; elsewhere nan."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> int:
    """Bytes of memory that a running process holds. Raises BenchError where the system does not tell."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        raise BenchError("what another process holds is read on Linux alone") from None


def start_report() -> str:
    """What `--cases start` prints."""
    starts = [cold_start() for _ in tqdm(range(STARTS), desc="starting", disable=None, leave=False)]
    best = min(starts)
    lines = ["| from the command to the first page | seconds | of a processor | memory then |", "|---|---:|---:|---:|",
             f"| the first time | {starts[0][0]:.1f} | {starts[0][1]:.1f} | {size(starts[0][2])} |",
             f"| the best of {STARTS} | {best[0]:.1f} | {best[1]:.1f} | {size(best[2])} |"]
    told = [imports() for _ in range(STARTS)]
    parts = [f"| of which, the best of {STARTS} | seconds |", "|---|---:|",
             *(f"| {words} | {min(one[words] for one in told):.1f} |" for words in told[0])]
    return "The app's start, on this machine as it is now.\n\n" + "\n".join(lines) + "\n\n" + "\n".join(parts) + "\n"


def memory_curve(count: int, every: int, model: str = "auto") -> Iterator[tuple[int, int]]:
    """(translations so far, bytes that the app holds), after the first and each `every`; each of other pictures than before."""
    from gradio_client import Client, handle_file

    photos = [SAMPLES / EXAMPLES["portrait"][0], *sorted((SAMPLES / "portraits").glob("*.jpg"))]
    with app() as (server, address):
        first_page(server, address)
        client = Client(address, verbose=False, download_files=False)
        for done in range(1, count + 1):
            photo, exemplar = photos[done % len(photos)], photos[(done * 5 + 1) % len(photos)]
            client.predict(handle_file(photo), handle_file(exemplar), model, api_name="/translate")
            if done == 1 or done % every == 0:
                yield done, resident(server.pid)


def memory_report(count: int, model: str = "auto") -> str:
    """What `--cases memory` prints: the curve, and by how much it still rises."""
    if count < 8:
        raise BenchError("--count must be at least 8")
    every = max(count // 20, 1)
    curve = list(tqdm(memory_curve(count, every, model), total=count // every + 1, desc="translating", disable=None, leave=False))
    least, most = (pick(held for _, held in curve) / 2**20 for pick in (min, max))
    lines = ["| translations | the app holds, MiB | |", "|---:|---:|---|",
             *(f"| {done} | {held / 2**20:.0f} | {'█' * round(30 * held / 2**20 / most)} |" for done, held in curve),
             f"| least, most | {least:.0f}, {most:.0f} | |"]
    return f"{count} translations, one after the other, of other pictures each.\n\n{chr(10).join(lines)}\n\n{verdict(curve)}\n"


def verdict(curve: list[tuple[int, int]]) -> str:
    """By how much the second half of a curve rises: a line of least squares, in MiB per 100 translations."""
    import numpy as np

    late = np.array(curve[len(curve) // 2:], float)
    slope = round(np.polyfit(late[:, 0], late[:, 1], 1)[0] * 100 / 2**20, 1)
    return f"From translation {late[0, 0]:.0f} on, the line of least squares rises by {slope + 0:+.1f} MiB per 100 translations."
