"""Training on several processes, one a GPU (or a CPU's share), of one machine or many: each takes a part of the batch, all take
the same step, the first alone prints and writes.

    accelerate launch --multi_gpu --num_processes 2 -m cocos_demo train ...
    torchrun --nproc-per-node 2 -m cocos_demo train ...

Both launchers tell each process its rank by environment variables. Gradients are averaged by hand, since an objective
calls parts of the network (`correspond`, `y_S`) that DistributedDataParallel would not see. What the processes tell one
another beside gradients goes from memory to memory (gloo), so that it never waits for a GPU.
"""

import atexit
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

ALIASES = {"no": "float32", "fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}  # accelerate's names


class ProcessesError(RuntimeError):
    """The processes of a run cannot work together, or no longer; the message says why and what to do."""


class Processes:
    """The processes of this run on "cuda" or "cpu": `rank` of `count`; alone, 0 of 1. Every method is called by all of them.

    One that ends leaves the others with a ProcessesError; one that hangs does so after `patience` seconds.
    """

    def __init__(self, device: str, patience: float = 600.0):
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.local_rank = int(os.environ.get("LOCAL_RANK", 0))  # among those of this machine: the number of its GPU
        self.local_count = int(os.environ.get("LOCAL_WORLD_SIZE", self.count))
        self.patience = patience
        if self.count == 1:
            return
        if device == "mps":
            raise ProcessesError("one Apple GPU cannot be shared by processes; train with one, or with --device cpu")
        if device == "cuda" and self.local_rank >= torch.cuda.device_count():
            raise ProcessesError(f"process {self.local_rank + 1} of this machine has no GPU of its own, there are "
                                 f"{torch.cuda.device_count()}; start as many processes a machine (--nproc-per-node)")
        if not dist.is_initialized():
            with self._answering("did not come"):
                dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=timedelta(seconds=patience))
            if device == "cpu":  # after an error too: gloo's threads, left to themselves, may abort what ends
                atexit.register(self.close)

    @contextmanager
    def _answering(self, what: str = "no longer answers") -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # torch has no finer class for a peer that went away, or is late
            raise ProcessesError(f"process {self.rank} of 0 to {self.count - 1}: another {what}; it ended, hangs, or the network "
                                 f"between them is down (waited at most {self.patience:g} s). Look at what it printed last; "
                                 f"the same command goes on from the last state. [{str(error).splitlines()[0]}]") from error

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter], *more: Tensor) -> tuple[Tensor, ...]:
        """Replace each gradient by its mean over the processes, all in one message -> the means of `more`, which goes along."""
        if self.count == 1:
            return more
        tensors = [*(p.grad for p in parameters if p.grad is not None), *more]
        flat = torch.cat([t.flatten() for t in tensors])
        with self._answering():
            dist.all_reduce(flat)
        means = [mean.view_as(t) for t, mean in zip(tensors, (flat / self.count).split([t.numel() for t in tensors]))]
        gradients = len(tensors) - len(more)
        for t, mean in zip(tensors[:gradients], means):
            t.copy_(mean)
        return tuple(means[gradients:])

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on any of them."""
        if self.count == 1:
            return flag
        flags = torch.tensor(int(flag))
        with self._answering():
            dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def from_first(self, make: Callable[[], object]) -> object:
        """What `make()` gives on the first process, which alone calls it; if it raises, all raise the same."""
        if self.count == 1:
            return make()
        box = [None, None]
        if self.first:
            try:
                box[0] = make()
            except Exception as error:
                box[1] = error
        with self._answering():
            dist.broadcast_object_list(box)
        if box[1] is not None:
            self.wait()  # else the first may be gone before the others have read why
            raise box[1]
        return box[0]

    def check_agreement(self, **what: object) -> None:
        """Raises ProcessesError, on all of them, where one was given other values than the first."""
        if self.count == 1:
            return
        everyones = [None] * self.count
        with self._answering():
            dist.all_gather_object(everyones, {name: repr(value) for name, value in what.items()})
        for rank, theirs in enumerate(everyones):
            for name, value in theirs.items():
                if value != everyones[0][name]:
                    raise ProcessesError(f"all processes must be started alike: {name} is {everyones[0][name]} for process 0, "
                                         f"{value} for process {rank}")

    def synchronised(self, net: nn.Module, device: str) -> nn.Module:
        """The network with batch statistics over the batches of all processes, on GPUs; torch has no such layer for CPUs."""
        return nn.SyncBatchNorm.convert_sync_batchnorm(net) if self.count > 1 and device == "cuda" else net

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            with self._answering():
                self.any(False)

    def close(self) -> None:
        """Take leave of the others."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


def pick_precision(asked: str, device: torch.device) -> tuple[str, str]:
    """"auto", "bfloat16" or "float32" -> (precision, why). "auto" is what the launcher was told, else bfloat16 where the device
    has it. Raises ProcessesError for another one."""
    told = os.environ.get("ACCELERATE_MIXED_PRECISION", "") if asked == "auto" else ""
    name = ALIASES.get(told or asked, told or asked)
    if name == "auto":
        if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
            return "float32", "this GPU has no bfloat16"
        return "bfloat16", "the default"
    if name in ("bfloat16", "float32"):
        return name, "the launcher's choice" if told else "as asked"
    reason = {"float16": "its numbers end at 65504 and losses would have to be scaled; bfloat16 has float32's range, and costs "
                         "the same", "fp8": "the networks are made of convolutions, for which torch has none"}
    raise ProcessesError(f"precision {told or asked}: {reason.get(name, 'unknown')}. Take bfloat16 (for the launcher bf16) or "
                         f"float32 (no)")


def pick_accumulation(asked: int) -> int:
    """Micro-steps a step: as asked, or, for 0, what the launcher was told, else 1. Raises ProcessesError where that is none."""
    told = os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    told = "1" if told == "auto" else told
    if asked < 0 or not asked and not (told.isdigit() and int(told)):
        raise ProcessesError(f"--accumulate must be at least 1, or 0 for what the launcher was told; got {asked or told!r}")
    return asked or int(told)


def part(batch: int, processes: int, accumulate: int) -> int:
    """The pictures of one process in one micro-step of a batch. Raises ProcessesError where they do not come out even."""
    parts = processes * accumulate
    if batch % parts:
        below, above = batch // parts * parts, (batch // parts + 1) * parts
        raise ProcessesError(f"a batch of {batch} cannot be parted evenly into {processes} processes x {accumulate} micro-steps; "
                             f"--batch {f'{below} or ' if below else ''}{above} would fit, or another --accumulate")
    return batch // parts
