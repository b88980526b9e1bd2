"""The training loop: two time scales (TTUR), EMA, mixed precision, resume. `python -m cocos_demo train --help`."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from . import checkpoints, recipe_options, viz
from .choices import read_choices
from .conditions import LabelKind
from .datasets.pairs import Batch, Mix, PairSampler
from .datasets.prepared import PreparedFolder
from .datasets.retrieval import read_list
from .device import pick_device
from .distributed import Processes
from .features import load_vgg
from .files import beside
from .journal import Journal, journal
from .models import SYSTEMS, config_class
from .models.cocosnet import for_warps
from .models.discriminator import Discriminator
from .models.layers import bake, freeze, unbake
from .objectives import OBJECTIVES, Weights, published, shares
from .stopping import deferred_signals


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what is left."""


@dataclass
class TrainArgs:
    """Train a system on a prepared folder. Stop it with Ctrl-C at any time; the same command goes on from there."""

    data: tuple[Path, ...]  # prepared folders of one condition (python -m cocos_demo prepare ...), or a published set's name
    out: Path  # where the run lives: state.pt, log.jsonl, samples/, history/, NAME.safetensors
    name: str = "model"  # name of the checkpoint
    condition: str = ""  # what is painted from, where a folder offers several ("parts" for figures); else its own
    shares: tuple[float, ...] = ()  # how often each folder is drawn from; equal if not given
    exemplars: Path | None = None  # a list made by `python -m cocos_demo exemplars`: whose looks cross and hard pairs take
    system: str = "cocosnet"
    preset: str = "tiny"
    size: int = 128  # pixels
    steps: int = 3000
    epochs: float = 0.0  # if above 0, steps are so many times all pictures, in batches
    batch: int = 6  # of each process
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
    init: str = ""  # begin with the weights of another run's state.pt, or of a checkpoint, by path or shipped name
    generator: str = ""  # begin with the translation network of this checkpoint, by path or shipped name; the rest as `init`
    d_width: int = 32  # channels of D's first layer
    features: str = "auto"  # perceptual network: auto, vgg19, vgg16
    device: str = "auto"
    precision: Literal["bfloat16", "float32"] = "bfloat16"  # of the networks; correspondence and losses stay in float32
    threads: int = 0  # CPU threads; 0: all
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
        self.processes = Processes(self.device.type)
        if self.device.type == "cuda":
            if self.processes.count > 1 or self.device.index is None:  # alone, "cuda:1" is what it says
                self.device = torch.device("cuda", self.processes.local_rank)
            torch.cuda.set_device(self.device)
        if args.threads:
            torch.set_num_threads(args.threads)
        torch.manual_seed(args.seed)
        self.folders = [PreparedFolder(path, "train", load_size=2 * args.size, condition=args.condition or None)
                        for path in args.data]
        if args.epochs > 0:
            self.args = args = replace(args, steps=max(round(args.epochs * self._count("pictures") / args.batch), 1))
        self.kind = kind = self.folders[0].kind
        self.exemplars = read_list(args.exemplars) if args.exemplars else None
        self.objective = OBJECTIVES[args.system]
        self.sampler = self._sampler(args.seed)
        choices = _drawing(args.system, kind) | read_choices(config_class(args.system, args.preset), args.choices)
        self.net = SYSTEMS[args.system](args.preset, condition_channels=len(kind.channels), size=args.size, **choices)
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
        if self.state_file.is_file():
            self._restore(self.state_file)
        elif args.init.endswith(".pt"):
            self._begin_with(Path(args.init))
        elif args.init:
            self._begin_with_checkpoint(args.init)
        if args.generator and not self.state_file.is_file():
            self._begin_generator_with(args.generator)

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
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.args.precision == "bfloat16")

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One update of G and the adaptors, and one of D on the same batch -> the unweighted terms."""
        a, w = self.args, self.args.weights
        # What is random in a step depends on the step alone, so that a resumed run throws the same dice.
        torch.manual_seed((a.seed * a.steps + self.step) * self.processes.count + self.processes.rank)
        adversarial = self.step >= a.adversarial_from and self.objective.needs_D(w)
        for opt, lr in ((self.opt_G, a.lr_g), (self.opt_D, a.lr_d)):
            opt.param_groups[0]["lr"] = lr * self._rate()
        self.D.requires_grad_(False)
        with self._autocast():
            image, terms = self.objective.terms(self.net, self.D, self.vgg, batch, w, adversarial)
        if not terms:
            raise TrainingError(f"step {self.step}: no term of the objective of {a.system} has a weight above 0; raise one "
                                f"(--weights.feat, ...), or begin with the adversarial ones (--adversarial-from 0)")
        total = sum(getattr(w, name) * term for name, term in terms.items())
        self._check_finite(total, terms)
        self.opt_G.zero_grad(set_to_none=True)
        total.backward()
        self.processes.average_gradients(self.net.parameters())
        norm = nn.utils.get_total_norm([p.grad for p in self.net.parameters() if p.grad is not None])
        self._check_finite(norm, {"the gradient": norm})
        self.whole = False
        self.opt_G.step()
        self.ema.update_parameters(self.net)
        report = {name: term.item() for name, term in terms.items()} | {"total": total.item(), "grad_norm": norm.item()}
        if adversarial:
            self.D.requires_grad_(True)
            with self._autocast():
                fake = self.D(batch.x_A, image.detach())
                real = self.D(batch.x_A, batch.x_B)
            loss_D = self.objective.loss_D(real, fake)  # Eq. 13; SEGIN, Eq. 7
            self._check_finite(loss_D, {"D": loss_D})
            self.opt_D.zero_grad(set_to_none=True)
            loss_D.backward()
            self.processes.average_gradients(self.D.parameters())
            self.opt_D.step()
            report["D"] = loss_D.item()
        self.step += 1
        self.whole = True
        return report

    def _check_finite(self, total: Tensor, terms: dict[str, Tensor]) -> None:
        if not torch.isfinite(total):
            broken = [name for name, term in terms.items() if not torch.isfinite(term)]
            kept = self.whole or self.state_file.is_file()  # in the first case it is written on the way out
            last = f"The last good state is {self.state_file}" if kept else "No state has been written yet"
            raise TrainingError(f"step {self.step}: {', '.join(broken) or 'the sum of all terms'} is not finite. {last}; "
                                f"go on with a lower rate (--lr-g, --lr-d), or without that term")

    # ---- the run

    def run(self, callback: Callable[[dict], None] | None = None) -> Path:
        """Train to the last step -> the checkpoint. `callback` gets {"step", "terms", "trainer"} after each step.

        Ctrl-C lets the step end, writes the state and then leaves with KeyboardInterrupt: the same run goes on from there as
        if nothing had happened. After a harder end it goes on from the state written last.
        """
        a, p = self.args, self.processes
        a.out.mkdir(parents=True, exist_ok=True)
        if p.first:
            print(self._introduction())
        path = a.out / f"{a.name}.safetensors"
        with deferred_signals() as asked, ThreadPoolExecutor(1) as pool, \
                journal(a.out, self.step, a.steps, a.tensorboard, quiet=not p.first) as log:
            def draw(step):
                return pool.submit(self.sampler, step, a.batch, first=p.rank * a.batch)

            try:
                coming = draw(self.step)
                while self.step < a.steps:
                    batch, start = coming.result().to(self.device), time.perf_counter()
                    coming = draw(self.step + 1)
                    report = self.train_step(batch)
                    self.seconds += time.perf_counter() - start
                    log.note(self.step, self.seconds, report)
                    self.shares = shares(log.mean, a.weights)
                    if self.step % a.save_every == 0 and self.step < a.steps:
                        self.save(log)
                    if callback:
                        callback({"step": self.step, "terms": report, "trainer": self})
                    if asked:
                        raise KeyboardInterrupt
            finally:
                if self.whole:
                    self.save(log)
        if p.first:
            self.export(path)
            if self.shares:
                print("shares of the total: " + ", ".join(f"{name} {share:.1%}" for name, share in self.shares.items()))
        p.wait()
        return path

    def _introduction(self) -> str:
        a, p = self.args, self.processes
        return (f"{a.system}, {sum(q.numel() for q in self.net.parameters()) / 1e6:.2f} M parameters, {a.size} px, "
                f"{self._count('pictures')} pictures of {self._count('people')} people, on {self.device} ({self.reason})"
                + (f", {p.count} processes" if p.count > 1 else "")
                + (f", features of {self.vgg.name}" if self.vgg else "") + (f", from step {self.step}" if self.step else ""))

    def save(self, log: Journal) -> None:
        """Write the state beside and rename it into place; leave a sample sheet and a checkpoint of this step."""
        if not self.processes.first:
            return
        state = {"step": self.step, "seconds": self.seconds, "before": self.before, "shares": self.shares,
                 "d_width": self.args.d_width, "net": self.net.state_dict(), "D": self.D.state_dict(),
                 "ema": self.ema.state_dict(), "opt_G": self.opt_G.state_dict(), "opt_D": self.opt_D.state_dict(),
                 "config": asdict(self.net.config)}
        with beside(self.state_file) as partial:
            torch.save(state, partial)
        sheet = self.sample_sheet()
        log.show(self.step, sheet)
        with beside(self.args.out / "samples" / f"{self.step:06d}.jpg") as partial:
            sheet.save(partial, quality=92)
        self.export(self.args.out / "history" / f"{self.step:06d}.safetensors")

    def _restore(self, path: Path) -> None:
        state = self._read(path)
        self.net.load_state_dict(state["net"])
        self.D.load_state_dict(state["D"])
        self.ema.load_state_dict(state["ema"])
        self.opt_G.load_state_dict(state["opt_G"])
        self.opt_D.load_state_dict(state["opt_D"])
        self.step, self.seconds, self.before = state["step"], state["seconds"], state["before"]
        self.shares = state.get("shares", {})  # states of earlier versions tell none

    def _begin_with(self, path: Path) -> None:
        """The weights of another run, averaged ones where there are, and a fresh optimiser."""
        state = self._read(path)
        self.ema.load_state_dict(state["ema"])
        self.net.load_state_dict(self.ema.module.state_dict())
        self.D.load_state_dict(state["D"])
        self.before, self.seconds = state["before"] + state["step"], state["seconds"]

    def _begin_with_checkpoint(self, name: str) -> None:
        """The weights of a checkpoint; it holds no discriminator, so D begins afresh."""
        net, card = checkpoints.load(name)
        if net.config != self.net.config:
            raise TrainingError(f"{name} was trained with other choices: {asdict(net.config)}")
        unbake(self.net, net.state_dict())
        self._average_from_here()
        self.before, self.seconds = card.get("steps", 0), card.get("seconds", 0.0)  # imported ones tell neither

    def _begin_generator_with(self, name: str) -> None:
        """The translation network of a checkpoint; its one warp's weights are shared out among the warps of this network."""
        net, _ = checkpoints.load(name)
        try:
            unbake(self.net.G, for_warps(net.G.state_dict(), self.net.G))
        except (AttributeError, RuntimeError, ValueError) as error:
            raise TrainingError(f"the translation network of {name} does not fit this one: {error}") from None
        self._average_from_here()

    def _average_from_here(self) -> None:
        self.ema.load_state_dict({"n_averaged": self.ema.n_averaged} | {
            f"module.{key}": value for key, value in self.net.state_dict().items()})

    def _read(self, path: Path) -> dict:
        try:
            state = torch.load(path, weights_only=True, map_location="cpu")
        except Exception as error:  # the loader raises whatever a broken file leads it to
            raise TrainingError(f"{path} is not a training state ({error}); a run keeps its own in state.pt") from None
        if not isinstance(state, dict) or not {"config", "d_width", "ema", "D"} <= set(state):
            raise TrainingError(f"{path} is not a training state; a run keeps its own in state.pt")
        try:
            config = type(self.net.config)(**state["config"])  # choices that came later than the state are at their defaults
        except TypeError:  # of another system
            config = None
        if (config, state["d_width"]) != (self.net.config, self.args.d_width):
            raise TrainingError(f"{path} was trained with other choices: {state['config']}, d_width {state['d_width']}; "
                                f"use another --out, or the same choices")
        return state

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
        checkpoints.save(path, bake(net), card)
        return path


def options(words: list[str]) -> TrainArgs | None:
    """What a command line begins with, where a recipe is named."""
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
    rates = (args.lr_g, args.lr_d)
    if min(args.steps, args.batch, args.save_every, *rates) <= 0 or not all(map(math.isfinite, rates)):
        raise TrainingError("steps, batch, save-every and rates must be above 0")
    if args.published_weights:
        args = replace(args, weights=published(args.published_weights))
    trainer = begin(args)
    if trainer.processes.first and args.recipe:
        print(recipe_options.said(args))
    path = trainer.run()
    if trainer.processes.first:
        print(f"wrote {path}")
    trainer.processes.close()
