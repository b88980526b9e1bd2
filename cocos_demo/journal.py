"""What a training run tells while it goes: a progress bar, log.jsonl, and TensorBoard for those who want it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from torchvision.transforms.functional import pil_to_tensor
from tqdm import tqdm

MEMORY = 0.95  # of the running means shown and written
EVERY = 50  # steps between lines of log.jsonl


class JournalError(RuntimeError):
    """The journal cannot be kept as asked; the message says what to install."""


class Journal:
    """`with journal(...) as j: j.note(step, seconds, terms)` after each step. A silent one (`quiet`) writes nothing.

    log.jsonl gets a line every EVERY steps: running means of all terms, "grad_norm_max", the largest norm of the
    gradient since the last line: where it jumps, training is about to fail; and "waiting", the share of the time since the last
    line in which the step waited for its data.
    """

    def __init__(self, bar: tqdm, log, board):
        self.bar, self.log, self.board = bar, log, board
        self.mean: dict[str, float] = {}
        self.peak = 0.0
        self.waited, self.worked = [0.0, 0.0], [0.0, 0.0]  # seconds: of the run, since the last line

    def time(self, waited: float, worked: float) -> None:
        """A step waited so many seconds for its data, and worked on it so many."""
        for sums, more in ((self.waited, waited), (self.worked, worked)):
            sums[:] = [seconds + more for seconds in sums]

    def waiting(self, since_line: bool = False) -> float:
        """The share of the time, of the run or since the last line, in which steps waited for their data."""
        return self.waited[since_line] / max(self.waited[since_line] + self.worked[since_line], 1e-9)

    def note(self, step: int, seconds: float, terms: dict[str, float]) -> None:
        """One step is done; `terms` by name, unweighted."""
        for name, value in terms.items():
            self.mean[name] = value if name not in self.mean else MEMORY * self.mean[name] + (1 - MEMORY) * value
        self.peak = max(self.peak, terms.get("grad_norm", 0.0))
        self.bar.update()
        if step % 10 == 0:
            self.bar.set_postfix({name: f"{value:.3g}" for name, value in self.mean.items()}, refresh=False)
        if step % EVERY == 0:
            means = {name: round(value, 5) for name, value in self.mean.items()} | {"grad_norm_max": round(self.peak, 3)}
            means["waiting"] = round(self.waiting(since_line=True), 4)
            if self.log:
                print(json.dumps({"step": step, "seconds": round(seconds, 1), **means}), file=self.log, flush=True)
            if self.board:
                for name, value in means.items():
                    self.board.add_scalar(name, value, step)
            self.peak = self.waited[1] = self.worked[1] = 0.0

    def show(self, step: int, sheet: Image.Image) -> None:
        """A sample sheet, for TensorBoard."""
        if self.board:
            self.board.add_image("samples", pil_to_tensor(sheet), step)


@contextmanager
def journal(out: Path, step: int, steps: int, tensorboard: bool, quiet: bool) -> Iterator[Journal]:
    """A journal of a run in `out` from `step` to `steps`. Raises JournalError where TensorBoard is asked for and not there."""
    if quiet:
        yield Journal(tqdm(disable=True), None, None)
        return
    board = _board(out / "tensorboard", step) if tensorboard else None
    bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True)
    try:
        with open(out / "log.jsonl", "a") as log:
            yield Journal(bar, log, board)
    finally:
        bar.close()
        if board:
            board.close()


def _board(folder: Path, step: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise JournalError('TensorBoard is not installed; pip install --editable ".[tensorboard]"') from None
    return SummaryWriter(str(folder), purge_step=step)
