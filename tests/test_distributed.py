"""distributed.py: several processes, of one machine and of two, take the steps of one; they stop, go on and fail together."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from folders import prepared

from cocos_demo.distributed import Processes, ProcessesError, part, pick_accumulation, pick_precision
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = Weights(feat=0.0, perc=0.0, context=0.0, pixel=1.0, warp=1.0, adv=1.0, d_feat=1.0)
# One thread each, and the folder of the tests is where the package is.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ACCELERATE_")} | {
    "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def options(tmp_path, out, **changes):
    """Of TrainArgs, as JSON can hold them. In float32, where sums in another order are the only difference; the rates are low,
    or Adam would make whole steps of a gradient that is but rounding."""
    data = tmp_path / "data"
    if not data.exists():
        prepared(data, people=4)
    return dict(data=[str(data)], out=str(tmp_path / out), size=32, steps=4, batch=4, d_width=4, save_every=9, device="cpu",
                threads=1, precision="float32", lr_g=1e-7, lr_d=1e-7, warmup=1, weights=asdict(WEIGHTS)) | changes


def in_one(given, stop=None) -> None:
    """The same here, in this process."""
    def halt(state):
        if state["step"] == stop:
            raise KeyboardInterrupt

    args = given | {"data": tuple(map(Path, given["data"])), "out": Path(given["out"]), "weights": Weights(**given["weights"])}
    try:
        Trainer(TrainArgs(**args)).run(halt)
    except KeyboardInterrupt:
        pass


def in_two(tmp_path, given, trouble=None, seconds=240):
    """Two processes without a launcher -> for each its exit code, stdout and stderr."""
    given = given if isinstance(given, list) else [given, given]
    port, running = free_port(), []
    for rank in range(2):
        told = tmp_path / f"told{rank}.json"
        told.write_text(json.dumps({"args": given[rank], "trouble": trouble or {}}))
        env = ENVIRONMENT | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
                             "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        running.append(subprocess.Popen([sys.executable, str(ROOT / "tests" / "worker.py"), str(told)], env=env, cwd=ROOT,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    try:
        ends = [process.communicate(timeout=seconds) for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, *end) for process, end in zip(running, ends)]


def state(out):
    return torch.load(Path(out) / "state.pt", weights_only=True)


def assert_same_run(one, two, share=3e-4):
    """Gradients of the last step (Adam's first moment, as beta1 is 0) and of all steps (the second), by the length of the
    difference; and the weights. Another order of the samples makes a difference of a tenth and more."""
    one, two = state(one), state(two)
    assert one["step"] == two["step"]
    for name in ("opt_G", "opt_D"):
        for moment in ("exp_avg", "exp_avg_sq"):
            a, b = (torch.cat([s[moment].flatten() for s in each[name]["state"].values()]) for each in (one, two))
            assert (a - b).norm() < share * a.norm(), f"{name}, {moment}: {(a - b).norm() / a.norm():.2e}"
    for part_ in ("net", "D", "ema"):
        for key, value in one[part_].items():
            torch.testing.assert_close(two[part_][key], value, atol=5e-5, rtol=1e-3, msg=lambda m, key=key: f"{key}: {m}")


# ---- the same result


def test_accelerate_on_two_processes_with_two_micro_steps_takes_the_steps_of_one(tmp_path):
    """The command as it is written, with gloo on the CPU; batch statistics are no part of it (see docs/scale.md)."""
    in_one(options(tmp_path, "one", steps=2))
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
               "--main_process_port", free_port(), "--mixed_precision", "no", "--dynamo_backend", "no",
               "-m", "cocos_demo", "train", *written(options(tmp_path, "two", steps=2, accumulate=2, precision="auto"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=ROOT, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("wrote ") == 1 and done.stdout.count("waited for data") == 1
    assert "float32 (the launcher's choice), 4 pictures a step: 2 processes of 2 micro-steps of 1" in done.stdout
    assert_same_run(tmp_path / "one", tmp_path / "two")


def written(given) -> list[str]:
    """The options as the command line takes them."""
    flat = {name: value for name, value in given.items() if name not in ("weights", "data")}
    flat |= {"data": given["data"][0]} | {f"weights.{name}": value for name, value in given["weights"].items()}
    return [word for name, value in flat.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.mark.parametrize("launcher", ["accelerate", "torchrun"])
def test_two_machines(tmp_path, launcher):
    """Two launches that know each other by address alone, each with a folder of its own: the first's alone is written to."""
    in_one(options(tmp_path, "one", steps=2))
    port, running = free_port(), []
    for machine in range(2):
        if launcher == "accelerate":
            words = ["accelerate.commands.launch", "--multi_gpu", "--num_machines", "2", "--num_processes", "2",
                     "--machine_rank", str(machine), "--main_process_ip", "127.0.0.1", "--main_process_port", port,
                     "--mixed_precision", "no", "--dynamo_backend", "no", "-m", "cocos_demo"]
        else:
            words = ["torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d",
                     "--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "test", "-m", "cocos_demo"]
        given = written(options(tmp_path, f"machine{machine}", steps=2))
        running.append(subprocess.Popen([sys.executable, "-m", *words, "train", *given], env=ENVIRONMENT, cwd=ROOT, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    ends = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], ends[0][1][-1500:] + ends[1][1][-1500:]
    first = [machine for machine in range(2) if "wrote" in ends[machine][0]]  # torchrun chooses who comes first
    assert len(first) == 1
    assert_same_run(tmp_path / "one", tmp_path / f"machine{first[0]}")
    other = tmp_path / f"machine{1 - first[0]}"
    assert not other.exists() or not any(other.iterdir())


# ---- stopping, going on


@pytest.mark.parametrize("signal_, rank", [("SIGINT", 1), ("SIGTERM", 0)])
def test_a_signal_to_any_of_them_stops_all_after_one_step_and_one_goes_on(tmp_path, signal_, rank):
    in_one(options(tmp_path, "straight"))
    given = options(tmp_path, "cut")
    for code, out, _ in in_two(tmp_path, given, {"rank": rank, "step": 2, "what": signal_}):
        assert code == 130 and "stopped after step 2" in out
    in_one(given)
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


def test_what_one_began_two_finish_and_one_machine_has_the_state(tmp_path):
    in_one(options(tmp_path, "straight"))
    given = options(tmp_path, "cut")
    in_one(given, stop=2)
    ends = in_two(tmp_path, [given, options(tmp_path, "elsewhere")])  # the second has never seen the run
    assert [code for code, *_ in ends] == [0, 0], ends
    assert "from step 2" in ends[0][1] and ends[1][1] == ""
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


# ---- failing


def test_a_process_that_dies_ends_the_other_with_a_message_and_the_last_step(tmp_path):
    (code, _, err), (killed, *_) = in_two(tmp_path, options(tmp_path, "run"), {"rank": 1, "step": 2, "what": "SIGKILL"})
    assert (code, killed) == (2, -9)
    assert "error: process 0 of 0 to 1: another no longer answers" in err
    assert state(tmp_path / "run")["step"] == 2  # the second step was done by both


def test_a_process_that_hangs_is_not_waited_for_for_ever(tmp_path):
    given = options(tmp_path, "run", patience=1 / 3)
    (code, _, err), _ = in_two(tmp_path, given, {"rank": 1, "step": 2, "what": "hang"})
    assert code == 2 and "waited at most 20 s" in err
    assert state(tmp_path / "run")["step"] == 2


def test_processes_started_differently_refuse_each_other(tmp_path):
    given = options(tmp_path, "run")
    for code, _, err in in_two(tmp_path, [given, given | {"lr_g": 1e-3}]):
        assert code == 2 and "must be started alike" in err


def test_what_the_first_cannot_read_all_report(tmp_path):
    given = options(tmp_path, "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.pt").write_bytes(b"junk")
    for code, _, err in in_two(tmp_path, given):
        assert code == 2 and "is not a training state" in err


# ---- choices


@pytest.mark.parametrize("batch, processes, accumulate, said", [
    (6, 4, 1, "--batch 4 or 8"), (2, 2, 2, "--batch 4 would"), (9, 2, 2, "--batch 8 or 12")])
def test_batches_that_do_not_come_out_even(batch, processes, accumulate, said):
    with pytest.raises(ProcessesError, match=said):
        part(batch, processes, accumulate)
    assert part(16, 4, 2) == 2


CPU = torch.device("cpu")


def test_the_launcher_chooses_the_precision_where_nobody_else_does(monkeypatch):
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    assert pick_precision("auto", CPU) == ("bfloat16", "the default")
    for told, taken in (("no", "float32"), ("bf16", "bfloat16")):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", told)
        assert pick_precision("auto", CPU)[0] == taken
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    assert pick_precision("bfloat16", CPU)[0] == "bfloat16"
    for asked, said in (("auto", "fp16: its numbers end at 65504"), ("float16", "65504"), ("int8", "int8: unknown")):
        with pytest.raises(ProcessesError, match=said):
            pick_precision(asked, CPU)


def test_the_launcher_chooses_the_micro_steps_where_nobody_else_does(monkeypatch):
    monkeypatch.delenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", raising=False)
    assert pick_accumulation(0) == 1
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    assert (pick_accumulation(0), pick_accumulation(2)) == (4, 2)
    with pytest.raises(ProcessesError, match="accumulate"):
        pick_accumulation(-1)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "many")
    with pytest.raises(ProcessesError, match="many"):
        pick_accumulation(0)


def test_an_apple_gpu_is_not_shared(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ProcessesError, match="Apple GPU"):
        Processes("mps")


def test_one_process_needs_nobody():
    alone = Processes("cpu")
    value = torch.tensor([1.0])
    assert alone.first and alone.any(True) and not alone.any(False) and alone.from_first(lambda: 3) == 3
    assert alone.average_gradients([], value) == (value,)
    alone.check_agreement(anything=1)
    alone.wait(), alone.close()
