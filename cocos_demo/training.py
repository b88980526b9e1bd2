"""The training loop: two time scales (TTUR), EMA, mixed precision, several processes. `python -m cocos_demo train --help`."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from . import checkpoints, recipe_options, states, viz
from .choices import read_choices
from .conditions import LabelKind
from .datasets.archives import open_set
from .datasets.pairs import Batch, Mix, PairSampler
from .datasets.retrieval import read_list
from .device import pick_device
from .distributed import Processes, part, pick_accumulation, pick_precision
from .features import load_vgg
from .files import beside
from .journal import Journal, journal
from .loading import batches, pick_workers
from .models import SYSTEMS, config_class
from .models.discriminator import Discriminator
from .models.layers import bake, freeze, power_iterations
from .objectives import OBJECTIVES, Weights, published, shares
from .states import TrainingError
from .stopping import deferred_signals

ECHO = 30.0  # seconds within which a launcher that passes on a signal is done with it


class _Stopped(Exception):
    """All processes were asked to stop, and have ended the same step."""


@dataclass
class TrainArgs:
    """Train a system on a prepared folder. Stop it with Ctrl-C at any time; the same command goes on from there."""

    data: tuple[Path, ...]  # prepared folders of one condition (python -m cocos_demo prepare ...), or a published set's name
    out: Path  # where the run lives: state.pt, log.jsonl, samples/, history/, NAME.safetensors
    name: str = "model"  # name of the checkpoint
    condition: str = ""  # what is painted from, where a folder offers several ("parts" for figures); else its own
    shares: tuple[float, ...] = ()  # how often each folder is drawn from; equal if not given
    exemplars: Path | None = None  # a list, published or made by `python -m cocos_demo exemplars`: whose looks cross and hard
    # pairs take; in a mix without these, which pictures of one person are paired (deepfashion_self_pair.txt)
    system: str = "cocosnet"
    preset: str = "tiny"
    size: int = 128  # pixels
    steps: int = 3000
    epochs: float = 0.0  # if above 0, steps are so many times all pictures, in batches
    batch: int = 6  # pictures of a step, of all processes and micro-steps together
    accumulate: int = 0  # micro-steps of a step whose batch is too large for memory; 0: as the launcher says, else 1
    lr_g: float = 1e-4  # TTUR: generator and correspondence ...
    lr_d: float = 4e-4  # ... and discriminator (section 4)
    beta1: float = 0.0
    beta2: float = 0.999
    eps_g: float = 1e-8  # Adam's epsilon for the first rate; the released code has 1e-3
    warmup: int = 100  # steps of linear rise of both rates
    decay_from: float = 0.6  # after this share of the steps both rates fall linearly to 0
    adversarial_from: int = 0  # step at which the adversarial terms begin; before it D does not run
    ema: float = 0.998
    seed: int = 0
    init: str = ""  # begin with the weights of another run's state.pt, or of a checkpoint, by path or shipped name, whose choices
    # are then taken if none are given
    like: str = ""  # go on from this checkpoint as it was trained last: its system, size, weights, losses, pairs and rates
    generator: str = ""  # begin with the translation network of this checkpoint, by path or shipped name; the rest as `init`
    d_width: int = 32  # channels of D's first layer
    features: str = "auto"  # perceptual network: auto, vgg19, vgg16
    device: str = "auto"
    precision: str = "auto"  # of the networks: bfloat16, float32 or auto: the launcher's, else bfloat16; losses stay in float32
    threads: int = 0  # CPU threads; 0: all
    workers: int | None = None  # loader processes of each process; 0: one thread. By itself 0 on a CPU, up to 8 for a GPU
    fetch: str = ""  # where the tars of `data` lie if not there: an address with {} for a tar's name, or "pipe:COMMAND {}"
    patience: float = 10.0  # minutes that a process waits for the others before it takes them for lost
    save_every: int = 250  # steps between states and sample sheets
    tensorboard: bool = False  # write OUT/tensorboard as well (extra `tensorboard`)
    weights: Weights = field(default_factory=Weights)
    published_weights: str = ""  # take the released weights of ade20k, celebahq, celebahqedge or deepfashion instead
    mix: Mix = field(default_factory=Mix)
    choices: dict[str, str] = field(default_factory=dict)  # the system's named choices, e.g. carries patches, strides 4,2,1
    freeze: tuple[str, ...] = ()  # parameters with one of these in their name keep the values they begin with, e.g. gru
    recipe: str = ""  # settings to begin with: those of the set that --data names, by its paper; or published, the released
    # code's; or a set's name, for a folder elsewhere (ade20k, ade20k/published); or none
    note: str = ""  # for the model card: what a user should know of its limits


def _drawing(system: str, kind) -> dict[str, str]:
    """How SEGIN's matcher is to see this kind of condition."""
    if system != "segin":
        return {}
    return {"drawing": "grey" if kind.name == "grey" else "labels" if isinstance(kind, LabelKind) else "lines"}


def _moving_average(decay: float) -> Callable:
    """EMA whose memory grows with the run up to `decay`, so that short runs do not keep their random beginning."""

    def update(averaged: list[Tensor], current: list[Tensor], n: Tensor) -> None:
        get_ema_multi_avg_fn(min(decay, (1 + int(n)) / (10 + int(n))))(averaged, current, n)

    return update


class Trainer:
    """One training run: build it, `run(callback)` it. The state on disk is everything needed to go on."""

    def __init__(self, args: TrainArgs):
        self.args = args
        if args.system not in SYSTEMS:
            raise TrainingError(f"there is no system {args.system!r}; there are {', '.join(SYSTEMS)}")
        self.device, self.reason = pick_device(args.device)
        self.processes = p = Processes(self.device.type, 60 * args.patience)
        if self.device.type == "cuda":
            if p.count > 1 or self.device.index is None:  # alone, "cuda:1" is what it says
                self.device = torch.device("cuda", p.local_rank)
            torch.cuda.set_device(self.device)
        if args.threads:
            torch.set_num_threads(args.threads)
        self.precision, self.why_precision = pick_precision(args.precision, self.device)
        self.accumulate = pick_accumulation(args.accumulate)
        self.workers = pick_workers(args.workers, self.device.type, p.local_count)
        torch.manual_seed(args.seed)
        self.folders = [open_set(path, "train", 2 * args.size, args.condition or None, args.batch, args.fetch)
                        for path in args.data]
        if args.epochs > 0:
            self.args = args = replace(args, steps=max(round(args.epochs * self._count("pictures") / args.batch), 1))
        p.check_agreement(options=replace(args, data=(), out=Path(), exemplars=None, init="", generator=""),
                          pictures=[len(folder) for folder in self.folders])
        self.part = part(args.batch, p.count, self.accumulate)
        self.kind = kind = self.folders[0].kind
        self.exemplars = read_list(args.exemplars) if args.exemplars else None
        self.objective = OBJECTIVES[args.system]
        self.sampler = self._sampler(args.seed)
        if given := states.configuration(args, p):
            self.net = SYSTEMS[args.system](**given)
        else:
            choices = _drawing(args.system, kind) | read_choices(config_class(args.system, args.preset), args.choices)
            self.net = SYSTEMS[args.system](args.preset, condition_channels=len(kind.channels), size=args.size, **choices)
        self.net = p.synchronised(self.net, self.device.type)
        freeze(self.net, args.freeze)
        self.D = Discriminator(len(kind.channels), args.d_width, **self.objective.discriminator)
        self.vgg = None
        if self.objective.perceptual and args.weights.layers:
            self.vgg = load_vgg(args.features).to(self.device, memory_format=torch.channels_last)
        for module in (self.net, self.D):
            module.to(self.device, memory_format=torch.channels_last).train()
        # The buffers are copied, not averaged. They are spectral norm's singular vectors u, v: an average of them is no unit
        # vector any more, and would make sigma = u W v too small and the layer too strong; and SPADE's running statistics,
        # which are averages already.
        self.ema = AveragedModel(self.net, multi_avg_fn=_moving_average(args.ema), use_buffers=False)
        betas = (args.beta1, args.beta2)
        self.opt_G = torch.optim.Adam(self.net.parameters(), lr=args.lr_g, betas=betas, eps=args.eps_g)
        self.opt_D = torch.optim.Adam(self.D.parameters(), lr=args.lr_d, betas=betas)
        self.step, self.seconds, self.before = 0, 0.0, 0  # `before`: steps of the runs that `init` goes back to
        self.shares: dict[str, float] = {}  # what each term is of the total, by running means
        self.whole = True  # no step is half done: what is in memory may be written
        states.begin(self)
        for module in (self.net, self.D):  # the forwards of a step share one sigma; it follows at the step's end
            power_iterations(module, 0)

    @property
    def state_file(self) -> Path:
        return self.args.out / "state.pt"

    def _count(self, what: str) -> int:
        return sum(len(folder.people) if what == "people" else len(folder) for folder in self.folders)

    # ---- one step

    def _rate(self) -> float:
        """The factor on both learning rates at this step: linear warm-up, constant, linear decay to 0."""
        a, t = self.args, self.step
        fall = (a.steps - t) / max(a.steps * (1 - a.decay_from), 1)
        return max(min((t + 1) / max(a.warmup, 1), 1.0, fall), 0.0)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One update of G and the adaptors, and one of D on the same batch -> the unweighted terms, means over all processes.

        `batch`: this process's part. It is taken in `accumulate` micro-steps, whose gradients add up to the batch's.
        """
        a = self.args
        adversarial = self.step >= a.adversarial_from and self.objective.needs_D(a.weights)
        for opt, lr in ((self.opt_G, a.lr_g), (self.opt_D, a.lr_d)):
            opt.param_groups[0]["lr"] = lr * self._rate()
            opt.zero_grad(set_to_none=True)
        found = [self._backward(micro.to(self.device), adversarial) for micro in batch.split(self.accumulate)]
        means = torch.stack([torch.stack([one[name] for one in found]).mean() for name in found[0]])
        means, = self.processes.average_gradients([*self.net.parameters(), *self.D.parameters()], means)
        report = dict(zip(found[0], means.tolist()))
        self._check_finite(report)
        report["grad_norm"] = nn.utils.get_total_norm([p.grad for p in self.net.parameters() if p.grad is not None]).item()
        self._check_finite({"the gradient": report["grad_norm"]})
        self.whole = False
        self.opt_G.step()
        power_iterations(self.net)
        self.ema.update_parameters(self.net)
        if adversarial:
            self.opt_D.step()
            power_iterations(self.D)
        self.step += 1
        self.whole = True
        return report

    def _backward(self, batch: Batch, adversarial: bool) -> dict[str, Tensor]:
        """The gradients of G's and D's losses on a micro-step's batch, as its part of the whole -> the terms and the losses."""
        a = self.args
        # What is random in a step depends on the step alone, so that a resumed run throws the same dice, and all of its parts
        # do; what is random in a sample comes from the batch's own dice.
        torch.manual_seed(a.seed * a.steps + self.step)
        self.D.requires_grad_(False)
        with self._autocast():
            image, terms = self.objective.terms(self.net, self.D, self.vgg, batch, a.weights, adversarial)
        if not terms:
            raise TrainingError(f"step {self.step}: no term of the objective of {a.system} has a weight above 0; raise one "
                                f"(--weights.feat, ...), or begin with the adversarial ones (--adversarial-from 0)")
        total = sum(getattr(a.weights, name) * term for name, term in terms.items())
        (total / self.accumulate).backward()
        losses = {"total": total}
        if adversarial:
            self.D.requires_grad_(True)
            with self._autocast():
                fake = self.D(batch.x_A, image.detach())
                real = self.D(batch.x_A, batch.x_B)
            losses["D"] = self.objective.loss_D(real, fake)  # Eq. 13; SEGIN, Eq. 7
            (losses["D"] / self.accumulate).backward()
        return {name: term.detach().float() for name, term in (terms | losses).items()}

    def _check_finite(self, values: dict[str, float]) -> None:
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            named = [name for name in broken if name != "total"]
            raise TrainingError(f"step {self.step}: {', '.join(named) or 'the sum of all terms'} is not finite. The last good "
                                f"state is {self.state_file}; go on with a lower rate (--lr-g, --lr-d), or without that term")

    # ---- the run

    def run(self, callback: Callable[[dict], None] | None = None) -> Path:
        """Train to the last step -> the checkpoint. `callback` gets {"step", "terms", "trainer"} after each step.

        Ctrl-C or SIGTERM, on any of the processes, lets the step end on all, writes the state and then leaves with
        KeyboardInterrupt: the same run goes on from there, on any number of processes, as if nothing had happened. After a harder
        end it goes on from the state written last.
        """
        a, p = self.args, self.processes
        a.out.mkdir(parents=True, exist_ok=True)
        if p.first:
            print(self._introduction())
        path = a.out / f"{a.name}.safetensors"
        of_process = a.batch // p.count
        draw = partial(self.sampler, batch=of_process, first=p.rank * of_process)
        stopped = False
        with deferred_signals(echo=ECHO if p.count > 1 else 0.0) as asked, \
                journal(a.out, self.step, a.steps, a.tensorboard, quiet=not p.first) as log:
            try:
                with batches(draw, self.step, a.steps, self.workers, self.device.type == "cuda") as coming:
                    self._run(coming, log, callback, lambda: p.any(bool(asked)))
            except _Stopped:
                stopped = True
            finally:
                if self.whole:
                    self.save(log)
            p.wait()  # whoever leaves early has the launcher end the others, and the first may still be writing
        if p.first and log.waited[0] + log.worked[0]:
            print(f"waited for data {100 * log.waiting():.1f} % of the time")
        if stopped:
            raise KeyboardInterrupt
        if p.first:
            self.export(path)
            if self.shares:
                print("shares of the total: " + ", ".join(f"{name} {share:.1%}" for name, share in self.shares.items()))
        p.wait()
        return path

    def _run(self, coming: Iterator[Batch], log: Journal, callback: Callable[[dict], None] | None,
             asked: Callable[[], bool]) -> None:
        first, begun = self.step, time.perf_counter()
        for batch in coming:
            start = time.perf_counter()
            report = self.train_step(batch)
            end = time.perf_counter()
            self.seconds += end - start
            if self.step > first + 1:  # the first step waits for the loaders to begin, and warms up
                log.time(start - begun, end - start)
            log.note(self.step, self.seconds, report)
            self.shares = shares(log.mean, self.args.weights)
            if self.step % self.args.save_every == 0 and self.step < self.args.steps:
                self.save(log)
            if callback:
                callback({"step": self.step, "terms": report, "trainer": self})
            if asked():
                raise _Stopped
            begun = time.perf_counter()

    def _introduction(self) -> str:
        a, p = self.args, self.processes
        parts = [f"{p.count} processes"] if p.count > 1 else []
        parts += [f"{self.accumulate} micro-steps"] if self.accumulate > 1 else []
        return (f"{a.system}, {sum(q.numel() for q in self.net.parameters()) / 1e6:.2f} M parameters, {a.size} px, "
                f"{self._count('pictures')} pictures of {self._count('people')} people, on {self.device} ({self.reason})"
                + f", {self.precision} ({self.why_precision})"
                + (f", {a.batch} pictures a step: {' of '.join(parts)} of {self.part}" if parts else "")
                + (f", {self.workers} loader process{'es' * (self.workers > 1)}{' each' * (p.count > 1)}" if self.workers else "")
                + (f", features of {self.vgg.name}" if self.vgg else "") + (f", from step {self.step}" if self.step else ""))

    def save(self, log: Journal) -> None:
        """Write the state beside and rename it into place; leave a sample sheet and a checkpoint of this step."""
        if not self.processes.first:
            return
        states.write(self)
        sheet = self.sample_sheet()
        log.show(self.step, sheet)
        with beside(self.args.out / "samples" / f"{self.step:06d}.jpg") as partial:
            sheet.save(partial, quality=92)
        self.export(self.args.out / "history" / f"{self.step:06d}.safetensors")

    def _sampler(self, seed: int) -> PairSampler:
        a = self.args
        foreground = self.objective.foreground and (a.weights.seg > 0 or a.weights.attention > 0)
        return PairSampler(self.folders, a.size, a.mix, seed, a.shares, self.exemplars, foreground)

    def sample_sheet(self, count: int = 6) -> Image.Image:
        """Condition, exemplar, warp, output and photo of fixed training pairs, by the averaged weights."""
        batch = self._sampler(12345)(0, count).to(self.device)
        net = self.ema.module.eval()
        columns = viz.translations(net, self.kind, batch.x_A, batch.x_B, batch.y_A, batch.y_B)
        net.train()
        return viz.sheet(columns, side=self.args.size)

    def export(self, path: Path) -> Path:
        """The averaged weights, baked and in half precision, with their model card, as a checkpoint that `load` takes."""
        a = self.args
        net = SYSTEMS[a.system](**asdict(self.net.config))
        net.load_state_dict(self.ema.module.state_dict())
        card = {"name": a.name, "system": a.system, "condition": self.kind.name, "size": a.size,
                "data": [folder.index["source"] for folder in self.folders], "split": "train",
                "people": self._count("people"), "pictures": self._count("pictures"),
                "steps": self.before + self.step, "steps_before": self.before, "generator": a.generator, "batch": a.batch,
                "seconds": round(self.seconds), "seed": a.seed, "features": self.vgg.name if self.vgg else None,
                "rates": {"G": a.lr_g, "D": a.lr_d, "beta1": a.beta1, "beta2": a.beta2, "decay_from": a.decay_from,
                          "ema": a.ema}, "adversarial_from": a.adversarial_from,
                "weights": asdict(a.weights), "shares": {name: round(share, 4) for name, share in self.shares.items()},
                "mix": asdict(a.mix), "frozen": a.freeze, "recipe": a.recipe, "limits": a.note}
        painted = any("paintings" in folder.index for folder in self.folders)
        if painted or a.like and checkpoints.paints(checkpoints.card_of(a.like)):
            card["looks"] = checkpoints.PAINTINGS
        checkpoints.save(path, bake(net), card)
        return path


def options(words: list[str]) -> TrainArgs | None:
    """What a command line begins with, where a recipe is named, or a checkpoint to go on from."""
    return recipe_options.begin(words, TrainArgs)


def begin(args: TrainArgs) -> Trainer:
    """The Trainer of a run. Raises TrainingError where a size, a choice or a share does not fit."""
    try:
        return Trainer(args)
    except (TypeError, ValueError) as error:
        raise TrainingError(str(error)) from error


def run(args: TrainArgs) -> None:
    """The command `train`."""
    args = recipe_options.complete(args)
    rates = (args.lr_g, args.lr_d, args.patience)
    if min(args.steps, args.batch, args.save_every, *rates) <= 0 or not all(map(math.isfinite, (*rates, args.epochs))):
        raise TrainingError("steps, batch, save-every, rates and patience must be above 0")
    if args.epochs < 0:
        raise TrainingError("epochs must be above 0, or 0 to count by steps")
    if args.published_weights:
        args = replace(args, weights=published(args.published_weights))
    trainer = begin(args)
    if trainer.processes.first and (args.recipe or args.like):
        print(recipe_options.said(args))
    try:
        path = trainer.run()
    except KeyboardInterrupt:  # all of them leave
        trainer.processes.close()
        raise
    if trainer.processes.first:
        print(f"wrote {path}")
    trainer.processes.close()
