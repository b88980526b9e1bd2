"""What a training step costs: parameters, floating-point operations, memory; of the papers' sizes, by their recipes.

    python -m cocos_demo bench --cases training --no-translate

Computed, without a GPU: the step runs on tensors that have shapes and no numbers (torch's fake tensors), so that networks of any
size take seconds and no memory, while every storage is counted from its making to its end. The peak is the step's own, as an
allocator without gaps would see it; what a kernel holds for a moment inside itself is not in it. On a machine with a GPU the same
step is run and measured. Each case runs in a process of its own (this file, as a module).
"""

import json
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count
from tqdm import tqdm

from . import objectives
from .bench import BenchError, in_a_process, size
from .choices import read_choices
from .conditions import KINDS
from .datasets.pairs import Batch
from .features import VGG
from .models import SYSTEMS, config_class, patchmatch, semantic
from .models.discriminator import Discriminator
from .recipes import SETS, recipe

# name -> data set, system, preset; sizes and choices are the recipe's.
CASES = {
    "CoCosNet": ("celebahqedge", "cocosnet", "full"),
    "CoCosNet, ADE20K": ("ade20k", "cocosnet", "full"),
    "CoCosNet, as released": ("celebahqedge", "cocosnet", "published"),
    "CoCosNet v2": ("deepfashion_hd", "cocosnet_v2", "full"),
    "CoCosNet v2, as released": ("deepfashion_hd", "cocosnet_v2", "published"),
    "CoCosNet v2, MetFaces": ("metfaces", "cocosnet_v2", "full"),
    "MCL-Net": ("celebahqedge", "mclnet", "full"),
    "SEGIN": ("edges2shoes", "segin", "full"),
    "SPADE": ("ade20k", "spade", "full"),
}
GPUS = {"V100": (125, 32), "A100": (312, 80), "H100": (989, 80), "H200": (989, 141)}  # half precision TFLOP/s, dense; GB
UTILISATION = 0.3  # of that speed, for the computed times: convolutions of these widths, in bfloat16, with their losses
CHECKED = ("celebahqedge", "cocosnet", "tiny")  # the case whose computed memory is compared with a process's


@dataclass
class Step:
    """One training step of `batch` pictures, in bytes and operations; G's and D's passes, forward and backward."""

    size: int
    parameters: int  # of the network
    discriminator: int
    static: int  # bytes that stay: weights, Adam's two moments, EMA; D's, without EMA; VGG's weights
    saved: int  # bytes kept for G's backward pass, parameters left out
    peak: int  # bytes at the highest point beyond `static`, gradients included
    flops: int
    seconds: float | None = None  # measured alone


# ---- inside the process of one case


def operations() -> FlopCounterMode:
    """torch's counter, which does not know the CPU's kernels of attention, with these."""
    aten = torch.ops.aten

    def forward(q, k, v, *rest, **options) -> int:
        return sdpa_flop_count(q, k, v)

    def backward(gradient, q, k, v, *rest, **options) -> int:
        return sdpa_backward_flop_count(gradient, q, k, v)

    return FlopCounterMode(display=False, custom_mapping={aten._scaled_dot_product_flash_attention_for_cpu: forward,
                                                          aten._scaled_dot_product_flash_attention_for_cpu_backward: backward})


class Live(TorchDispatchMode):
    """Counts the bytes of the storages that are made while it is on and not yet gone: `now`, and the `peak`."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._known = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self.take(tensor)
        return out

    def take(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._known:
            return
        self._known.add(storage)
        count = storage.nbytes()
        self.now += count
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, count)

    def _gone(self, count: int) -> None:
        self.now -= count


class Bench:
    """A case's networks and objective, with random weights: `forward` and `judge` are a training step between its updates."""

    def __init__(self, data: str, system: str, preset: str, device: str = "cpu"):
        chosen = recipe(data, system, preset)
        self.device, self.size, self.system = device, chosen.settings["size"].value, system
        self.channels = len(KINDS[SETS[data].condition].channels)
        self.weights = objectives.Weights(**chosen.part("weights"))
        choices = read_choices(config_class(system, preset), {k: str(v) for k, v in chosen.part("choices").items()})
        self.objective = objectives.OBJECTIVES[system]
        width = 32 if preset == "tiny" else 64
        self.net = SYSTEMS[system](preset, condition_channels=self.channels, size=self.size, **choices)
        self.D = Discriminator(self.channels, width, **self.objective.discriminator)
        self.vgg = VGG("vgg19") if self.objective.perceptual else semantic.vgg16_base(device)
        if device != "cpu":
            for module in (self.net, self.D, self.vgg):
                module.to(device)
        self.net.train(), self.D.train()

    def static(self) -> int:
        """Bytes of what stays: weights and Adam's moments, three numbers a parameter; EMA, one more of the network."""
        return 4 * (4 * _count(self.net) + 3 * _count(self.D) + _count(self.vgg))

    def batch(self, count: int) -> Batch:
        S, picture = self.size, torch.rand(count, 3, self.size, self.size, device=self.device)
        maps = torch.rand(count, self.channels, S, S, device=self.device)
        alone = torch.rand(count, 1, S, S, device=self.device)
        return Batch(maps, picture, maps.clone(), picture.clone(), torch.ones_like(alone), alone)

    def forward(self, batch: Batch, precision: torch.dtype = torch.bfloat16) -> tuple[Tensor, Tensor]:
        """The picture, and the total of G's objective."""
        self.D.requires_grad_(False)
        with torch.autocast(self.device, precision, enabled=precision != torch.float32):
            image, terms = self.objective.terms(self.net, self.D, self.vgg, batch, self.weights, True)
        return image, sum(getattr(self.weights, name) * term for name, term in terms.items())

    def judge(self, batch: Batch, image: Tensor) -> Tensor:
        """D's loss on the same batch."""
        self.D.requires_grad_(True)
        with torch.autocast(self.device, torch.bfloat16):
            fake, real = self.D(batch.x_A, image.detach()), self.D(batch.x_A, batch.x_B)
        return self.objective.loss_D(real, fake)


@contextmanager
def kept_for_backward(modules: tuple[nn.Module, ...]) -> Iterator[dict]:
    """Storages that autograd keeps while this is on, parameters and buffers of `modules` left out."""
    own = {id(t.untyped_storage()) for module in modules for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if id(storage) not in own:
            kept[id(storage)] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield kept


def shapes_alone() -> None:
    """In this process, take for given what goes by numbers and not by shapes: v2's kernels of the CPU, in whose place the
    GPU's way is taken; SEGIN's match and corruption, which train nothing (what the match costs: the case "semantic")."""
    patchmatch.BLOCK *= 8  # strips are counted one by one
    patchmatch.SPARSE, patchmatch._in_order = False, lambda keys: keys.sort(dim=-1).values

    def match(fx: Tensor, fr: Tensor, *rest) -> Tensor:
        return torch.zeros(len(fx), *fx.shape[2:], dtype=torch.long)

    semantic.semantic_match = match
    objectives.corrupt = lambda xi, *rest: xi
    objectives.paste = lambda r, *rest: r.clone()


def computed(data: str, system: str, preset: str, count: int) -> Step:
    """The step of `count` pictures, on tensors without numbers."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    shapes_alone()
    if system == "segin":
        semantic.vgg16_base("cpu")  # read with its numbers
    with ExitStack() as stack:
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        bench = Bench(data, system, preset)
        flops = stack.enter_context(operations())
        live = stack.enter_context(Live())
        batch = bench.batch(count)
        with kept_for_backward((bench.net, bench.D, bench.vgg)) as kept:
            image, total = bench.forward(batch)
        saved = sum(storage.nbytes() for storage in kept.values())
        kept.clear()
        total.backward()
        del total
        bench.judge(batch, image).backward()
        return Step(bench.size, _count(bench.net), _count(bench.D), bench.static(), saved, live.peak, flops.get_total_flops())


def measured(data: str, system: str, preset: str, count: int) -> Step:
    """The step of `count` pictures on the GPU, after one to warm up."""
    bench = Bench(data, system, preset, "cuda")
    batch = bench.batch(count)
    seconds = []
    for _ in range(4):
        bench.net.zero_grad(set_to_none=True), bench.D.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before, start = torch.cuda.memory_allocated(), time.perf_counter()
        image, total = bench.forward(batch)
        kept = torch.cuda.memory_allocated() - before
        total.backward()
        del total
        bench.judge(batch, image).backward()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
        peak = torch.cuda.max_memory_allocated() - before
        del image
    return Step(bench.size, _count(bench.net), _count(bench.D), bench.static(), kept, peak, 0, sorted(seconds[1:])[1])


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def checked(count: int) -> dict[str, int]:
    """A small case's forward pass on the CPU: by how many bytes the process has grown when all is kept for the backward pass,
    and how many are counted. Linux alone."""
    import ctypes

    ctypes.CDLL(None).mallopt(-3, 65536)  # M_MMAP_THRESHOLD: what is freed goes back to the system, and is not counted
    bench = Bench(*CHECKED)
    bench.forward(bench.batch(1), torch.float32)[1].backward()  # kernels and caches are there
    batch = bench.batch(count)
    before = _resident()
    held = bench.forward(batch, torch.float32)
    grown = _resident() - before
    del held
    with Live() as live:
        held = bench.forward(batch, torch.float32)
        counted = live.now
        del held
    return {"grown": grown, "counted": counted}


def _resident() -> int:
    words = Path("/proc/self/statm").read_text().split()
    return int(words[1]) * 4096


# ---- the table


def report(gpu: str, device: str, count: int = 1) -> str:
    """What the command prints. Raises BenchError."""
    if gpu not in GPUS:
        raise BenchError(f"the GPU is one of {', '.join(GPUS)}, not {gpu!r}")
    speed, room = GPUS[gpu]
    lines = ["| network | pixels | parameters, with D | TFLOP a picture | weights, Adam, EMA | a picture adds | of it kept "
             "for backward | one picture | paper's batch, 8 GPUs | on each | a step there |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for name, (data, system, preset) in tqdm(CASES.items(), desc="computing", disable=None, leave=False):
        one, two = (Step(**step) for step in in_a_process("computed", data, system, preset, module=__name__))
        lines.append(row(name, one, two, recipe(data, system).settings["batch"].value, speed))
    text = (f"A training step, computed: bfloat16 autocast, G's and D's passes, forward and backward. What a batch needs\n"
            f"grows by one picture's share. Times: {gpu}, {speed} TFLOP/s, {UTILISATION:.0%} of it used. Memory of one picture\n"
            "includes all weights.\n\n" + "\n".join(lines) + "\n")
    if sys.platform == "linux":
        found = in_a_process("checked", 8, module=__name__)
        text += (f"\nThe count against a process (CPU, float32, {' '.join(CHECKED)}, 8 pictures, forward): it grew by "
                 f"{size(found['grown'])}, {size(found['counted'])} were counted, "
                 f"{found['counted'] / found['grown'] - 1:+.1%}.\n")
    if device.startswith("cuda"):
        text += "\n" + measured_table(count)
    return text


def row(name: str, one: Step, two: Step, batch: int, speed: float) -> str:
    """A line of the computed table, of the steps of one and two pictures."""
    each = -(-batch // 8)
    more = two.peak - one.peak
    seconds = each * (two.flops - one.flops) / (UTILISATION * speed * 1e12)
    cells = (name, one.size, f"{one.parameters / 1e6:.1f} M + {one.discriminator / 1e6:.1f} M",
             f"{(two.flops - one.flops) / 1e12:.2f}", size(one.static), size(more), size(two.saved - one.saved),
             size(one.static + one.peak), f"{batch}: {each} each", size(one.static + one.peak + (each - 1) * more),
             f"{1000 * seconds:.0f} ms")
    return f"| {' | '.join(map(str, cells))} |"


def measured_table(count: int) -> str:
    """Markdown: a row a case, run on this machine's GPU."""
    lines = ["| network | pixels | pictures | peak memory | a step |", "|---|---:|---:|---:|---:|"]
    for name, case in tqdm(CASES.items(), desc="measuring", disable=None, leave=False):
        try:
            step = Step(**in_a_process("measured", *case, count, module=__name__))
        except BenchError as error:
            lines.append(f"| {name} | | {count} | {error} | |")
            continue
        lines.append(f"| {name} | {step.size} | {count} | {size(step.static + step.peak)} | {step.seconds:.2f} s |")
    return f"The same steps, measured on {torch.cuda.get_device_name()}.\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    torch.manual_seed(0)
    if what == "checked":
        print(json.dumps(checked(int(rest[0]))))
    elif what == "computed":
        print(json.dumps([asdict(computed(*rest, count)) for count in (1, 2)]))
    else:
        print(json.dumps(asdict(measured(*rest[:3], int(rest[3])))))
