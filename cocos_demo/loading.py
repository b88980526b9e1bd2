"""Batches made ahead of the step that takes them, by processes of their own, or by one thread.

A batch is a function of (seed, step) alone, so whoever makes it, it is the same.
"""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from .datasets.pairs import Batch

AHEAD = 2  # batches that each loader process has ready
LOST = ConnectionRefusedError, ConnectionResetError, EOFError  # what comes of asking a process that is gone for its memory


class LoadingError(RuntimeError):
    """The loader processes cannot do their work; the message says what to change."""


def pick_workers(asked: int | None, device: str, processes: int = 1) -> int:
    """Loader processes of each training process: as asked; else, for a GPU, up to 8 of the cores that are its share. On a CPU 0,
    one thread: the cores compute. `processes`: training processes of this machine. Raises LoadingError below 0."""
    if asked is not None:
        if asked < 0:
            raise LoadingError(f"--workers must be at least 0, got {asked}")
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min(cores // processes - 1, 8), 0) if device == "cuda" else 0


class Steps(Dataset):
    """The batches of a run by the number of their step, as dicts, which torch can pin; what goes wrong is given, not raised, so
    that its message arrives as it was written."""

    def __init__(self, draw: Callable[[int], Batch]):
        self.draw = draw

    def __getitem__(self, step: int) -> dict | Exception:
        try:
            return vars(self.draw(step))
        except Exception as error:
            return error


@contextmanager
def batches(draw: Callable[[int], Batch], start: int, stop: int, workers: int, pin: bool = False) -> Iterator[Iterator[Batch]]:
    """`with batches(draw, start, stop, workers) as coming:` each `next(coming)` is draw(start), draw(start + 1), ...

    `workers` processes make them ahead; with 0 a thread makes the next one. `pin`: in memory from which a GPU fetches them
    while it computes. What `draw` raises is raised by `next`. Raises LoadingError where a process dies.
    """
    if workers == 0:
        with ThreadPoolExecutor(1) as pool:
            yield _by_a_thread(draw, start, stop, pool)
        return
    loader = DataLoader(Steps(draw), batch_size=None, sampler=range(start, stop), num_workers=workers, prefetch_factor=AHEAD,
                        pin_memory=pin, worker_init_fn=_begin_worker)
    others = set(active_children())
    coming = _by_processes(loader)
    try:
        yield coming
    except (RuntimeError, FileNotFoundError, *LOST) as error:
        # Of a process that was killed: torch's word for it, in the middle of anything, or a batch that it no longer hands over.
        lost = isinstance(error, LOST) or isinstance(error, FileNotFoundError) and error.filename is None
        if not lost and "DataLoader worker" not in str(error):
            raise
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise LoadingError(f"a loader process ended ({said}); most often memory ran out, or shared memory (/dev/shm) is small: "
                           f"take fewer --workers, or 0") from error
    finally:
        coming.close()  # ends the processes, but for one that waits for a disk or a network that does not answer
        for child in set(active_children()) - others:
            child.kill()
            child.join()


def _begin_worker(number: int) -> None:
    # Ctrl-C and a scheduler's SIGTERM reach all processes of a group; the training process ends its loaders after its step.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _by_a_thread(draw: Callable[[int], Batch], start: int, stop: int, pool: ThreadPoolExecutor) -> Iterator[Batch]:
    coming = pool.submit(draw, start)
    for step in range(start, stop):
        batch = coming.result()
        if step + 1 < stop:
            coming = pool.submit(draw, step + 1)
        yield batch


def _by_processes(loader: DataLoader) -> Iterator[Batch]:
    for made in loader:
        if isinstance(made, Exception):
            raise made
        yield Batch(**made)
