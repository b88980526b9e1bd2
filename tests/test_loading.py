"""loading.py: batches made ahead are those that the sampler makes, whoever makes them; what fails is told."""

import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from folders import prepared

from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.loading import LoadingError, batches, pick_workers
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer

ROOT = Path(__file__).resolve().parents[1]


def draw(tmp_path, condition="figure"):
    folder = PreparedFolder(prepared(tmp_path / "data", condition), "train")
    return partial(PairSampler([folder], 32, Mix()), batch=3, first=2)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_whoever_makes_them_the_batches_are_the_samplers(tmp_path, workers):
    made = draw(tmp_path)
    with batches(made, 4, 9, workers) as coming:
        seen = list(coming)
    assert len(seen) == 5
    for step, batch in enumerate(seen, start=4):
        for name, value in vars(made(step)).items():
            given = getattr(batch, name)
            assert given is value is None or torch.equal(given, value), (step, name)


def test_a_loader_that_hangs_does_not_keep_its_run(tmp_path):
    before = set(children())
    with batches(partial(hanging, draw(tmp_path)), 0, 9, 1) as coming:
        next(coming)
    time.sleep(0.5)
    assert set(children()) <= before


def hanging(made, step):
    if step:
        time.sleep(1000)
    return made(step)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_cannot_be_read_is_told_in_its_own_words(tmp_path, workers):
    made = draw(tmp_path)
    for picture in (tmp_path / "data" / "images").iterdir():
        picture.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"^\S*jpg cannot be read"), batches(made, 0, 9, workers) as coming:
        next(coming)


def test_a_loader_that_is_killed_is_told(tmp_path):
    made = draw(tmp_path)
    with pytest.raises(LoadingError, match="fewer --workers"), batches(made, 0, 1000, 1) as coming:
        next(coming)
        for child in children():
            os.kill(child, signal.SIGKILL)
        for _ in coming:
            time.sleep(0.1)


def children() -> list[int]:
    return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_loaders_end_with_their_run(tmp_path):
    before = set(children())
    with batches(draw(tmp_path), 0, 1000, 2) as coming:
        next(coming)
        assert len(set(children()) - before) == 2
    assert set(children()) <= before


def test_the_sampler_travels_to_systems_that_do_not_fork(tmp_path):
    made = draw(tmp_path, "portrait")
    assert torch.equal(pickle.loads(pickle.dumps(made))(3).x_A, made(3).x_A)


def test_how_many(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(32)), raising=False)
    assert [pick_workers(None, "cuda", n) for n in (1, 4, 8, 32)] == [8, 7, 3, 0]
    assert pick_workers(None, "cpu") == 0 and pick_workers(5, "cpu") == 5
    with pytest.raises(LoadingError, match="--workers"):
        pick_workers(-1, "cuda")


def test_loaders_leave_the_result_as_it_is(tmp_path):
    prepared(tmp_path / "data")
    nets = [trained(tmp_path, f"run{workers}", workers) for workers in (0, 2)]
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters()))


def trained(tmp_path, out, workers):
    weights = Weights(feat=0.0, perc=0.0, context=0.0, adv=0.0, d_feat=0.0, pixel=1.0)
    trainer = Trainer(TrainArgs(data=(tmp_path / "data",), out=tmp_path / out, size=32, steps=3, batch=2, d_width=4, device="cpu",
                                weights=weights, workers=workers))
    trainer.run()
    return trainer.net


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_lets_the_step_end_quietly(tmp_path, number):
    """As a terminal's Ctrl-C and a batch scheduler send it: to the loaders as well. No traceback, and the step is kept."""
    prepared(tmp_path / "data")
    command = [sys.executable, "-u", "-m", "cocos_demo", "train", "--data", str(tmp_path / "data"),
               "--out", str(tmp_path / "run"), "--size", "32", "--steps", "9999", "--batch", "2", "--d-width", "4",
               "--device", "cpu", "--threads", "1", "--workers", "2",
               "--weights.feat", "0", "--weights.perc", "0", "--weights.context", "0"]
    running = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        running.stdout.readline()  # the introduction; loaders and first steps follow
        time.sleep(2)
        os.killpg(running.pid, number)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130 and "Traceback" not in err and err.rstrip().endswith("stopped")
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] > 0
