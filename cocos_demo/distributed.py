"""Training on several processes, one a GPU (or a CPU's share): each takes a part of the batch, all take the same step.

    accelerate launch --num_processes 2 -m cocos_demo train ...
    torchrun --nproc-per-node 2 -m cocos_demo train ...

Both launchers tell each process its rank by environment variables. Gradients are averaged by hand, since an objective
calls parts of the network (`correspond`, `y_S`) that DistributedDataParallel would not see.
"""

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import nn


class Processes:
    """The processes of this run on "cuda" or "cpu": `rank` of `count`; alone, 0 of 1."""

    def __init__(self, device: str):
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.local_rank = int(os.environ.get("LOCAL_RANK", 0))  # among those of this machine: the number of its GPU
        if self.count > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes, all in one message. Nothing to do for one process."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        for g, mean in zip(gradients, (flat / self.count).split([g.numel() for g in gradients])):
            g.copy_(mean.view_as(g))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()

    def close(self) -> None:
        """Take leave of the others."""
        if self.count > 1:
            dist.destroy_process_group()
