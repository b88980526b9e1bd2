"""training.py, datasets/pairs.py, checkpoints.py: a tiny run from a folder to a checkpoint; stop, go on, refuse."""

import json
import os
import re
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from folders import prepared

from cocos_demo import checkpoints, journal, training
from cocos_demo.checkpoints import CheckpointError
from cocos_demo.datasets import distortion
from cocos_demo.datasets.corruption import Corruption, corrupt
from cocos_demo.datasets.pairs import Mix, PairSampler
from cocos_demo.datasets.prepared import DataError, PreparedFolder
from cocos_demo.distributed import ProcessesError
from cocos_demo.models import SYSTEMS
from cocos_demo.models.layers import power_iterations
from cocos_demo.objectives import PUBLISHED, ObjectiveError, Weights
from cocos_demo.recipes import RecipeError
from cocos_demo.training import TrainArgs, Trainer, TrainingError, run

NO_VGG = dict(feat=0.0, perc=0.0, context=0.0, detail=0.0)


def args(tmp_path, **changes):
    data = tmp_path / "data"
    if not data.exists():
        prepared(data)
    return TrainArgs(**{**dict(data=(data,), out=tmp_path / "run", size=32, steps=4, batch=2, d_width=4, save_every=2,
                               device="cpu", weights=Weights(**NO_VGG, pixel=1.0, warp=1.0, warped_condition=1.0)), **changes})


def test_a_run_from_folder_to_checkpoint(tmp_path):
    seen = []
    path = Trainer(args(tmp_path)).run(lambda state: seen.append(state["step"]))
    assert seen == [1, 2, 3, 4]
    net, card = checkpoints.load(path)
    assert card["condition"] == "figure" and card["steps"] == 4 and card["people"] == 2  # the third is held out
    out = net(torch.rand(1, 35, 32, 32), torch.rand(1, 3, 32, 32))
    assert torch.isfinite(out.image).all()
    assert sorted(p.name for p in (tmp_path / "run" / "samples").iterdir()) == ["000002.jpg", "000004.jpg"]
    assert not list(tmp_path.rglob("*partial*"))


def test_training_lowers_its_loss(tmp_path):
    totals = []
    long = args(tmp_path, steps=40, batch=4, lr_g=2e-3, warmup=1, weights=Weights(
        **NO_VGG, adv=0.0, d_feat=0.0, pixel=1.0, warp=0.0, reg=0.0, domain=0.0), mix=Mix(same=1.0, pseudo=0.0, cross=0.0))
    Trainer(long).run(lambda state: totals.append(state["terms"]["pixel"]))
    assert np.mean(totals[-5:]) < 0.7 * np.mean(totals[:5])


def test_an_interrupted_run_goes_on(tmp_path):
    def stop(state):
        if state["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(args(tmp_path)).run(stop)
    steps = []
    again = Trainer(args(tmp_path))
    assert again.step == 3
    again.run(lambda state: steps.append(state["step"]))
    assert steps == [4]


def test_interrupted_and_straight_runs_agree_to_the_bit(tmp_path):
    def weights(out, cuts):
        def stop(state):
            if state["step"] in cuts:
                raise KeyboardInterrupt

        for _ in range(len(cuts) + 1):
            trainer = Trainer(args(tmp_path, out=tmp_path / out))
            try:
                trainer.run(stop)
            except KeyboardInterrupt:
                cuts = cuts[1:]
        return trainer.net.state_dict()

    straight, cut = weights("straight", []), weights("cut", [1, 2])
    assert all(torch.equal(straight[key], cut[key]) for key in straight)


def test_a_run_that_is_not_finite_stops_and_says_so(tmp_path):
    trainer = Trainer(args(tmp_path))
    objective = trainer.objective

    def breaking(*given):
        image, terms = objective.terms(*given)
        return image, terms | ({"pixel": terms["pixel"] * float("nan")} if trainer.step == 1 else {})

    trainer.objective = replace(objective, terms=breaking)
    with pytest.raises(TrainingError, match=r"step 1: pixel is not finite. The last good state is .*state.pt; go on"):
        trainer.run()
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == 1 and all(torch.isfinite(value).all() for value in state["net"].values())


def test_other_choices_do_not_resume(tmp_path):
    Trainer(args(tmp_path, steps=1)).run()
    with pytest.raises(TrainingError, match="other choices"):
        Trainer(args(tmp_path, choices={"carries": "patches"}))


def test_another_system_does_not_resume(tmp_path):
    prepared(tmp_path / "data", size=64)
    Trainer(args(tmp_path, steps=1, size=64)).run()
    with pytest.raises(TrainingError, match="other choices"):
        Trainer(args(tmp_path, size=64, system="spade"))


def test_an_objective_without_terms_is_one_line(tmp_path):
    nothing = Weights(**NO_VGG, adv=1.0, d_feat=0.0, domain=0.0, reg=0.0)
    with pytest.raises(TrainingError, match="step 0: no term"):
        run(args(tmp_path, weights=nothing, adversarial_from=2))


def test_correspondence_alone_leaves_the_painter_untouched(tmp_path):
    trainer = Trainer(args(tmp_path, weights=Weights(**NO_VGG, adv=0.0, d_feat=0.0, warp=1.0)))
    before = {k: v.clone() for k, v in trainer.net.state_dict().items()}
    trainer.run()
    after = trainer.net.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before if k.startswith("G.") and not k.endswith(("._u", "._v")))
    assert any(not torch.equal(before[k], after[k]) for k in before if k.startswith("F_A."))


def test_bad_folders_and_arguments(tmp_path):
    with pytest.raises(DataError, match="prepare people"):
        PreparedFolder(tmp_path / "nothing", "train")
    folder = prepared(tmp_path / "data")
    with pytest.raises(DataError, match="split 'validation'"):
        PreparedFolder(folder, "validation")
    (folder / "images" / "P0_0.jpg").write_bytes(b"not a picture")
    with pytest.raises(DataError, match="cannot be read"):
        PreparedFolder(folder, "train").image(0)
    for text in ("[]", "{}", '{"condition": "cats", "items": [], "size": 32}'):
        (tmp_path / "other").mkdir(exist_ok=True)
        np.save(tmp_path / "other" / "points.npy", np.zeros(0))
        (tmp_path / "other" / "index.json").write_text(text)
        with pytest.raises(DataError, match="index.json was not written by"):
            PreparedFolder(tmp_path / "other", "train")
    with pytest.raises(ValueError, match="weight adv"):
        Weights(adv=-1.0)
    with pytest.raises(TrainingError, match="no system 'pix2pix'"):
        Trainer(args(tmp_path, system="pix2pix"))
    with pytest.raises(DataError, match="--size 64"):
        Trainer(args(tmp_path, size=64))
    (folder / "parts" / "P1_0.png").unlink()
    with pytest.raises(DataError, match="P1_0.png cannot be read"):
        PreparedFolder(folder, "train").figure(2)


@pytest.mark.parametrize("mistake", [dict(size=31), dict(preset="huge"), dict(choices={"carries": "words"}),
                                     dict(choices={"x": "1"}), dict(shares=(1.0, 2.0)), dict(save_every=0),
                                     dict(mix=Mix(same=0, pseudo=0, cross=0)), dict(lr_g=float("nan"))])
def test_a_mistake_in_the_arguments_is_one_line(tmp_path, mistake):
    with pytest.raises(TrainingError):
        run(args(tmp_path, **mistake))


def test_published_weights_take_the_place_of_the_others(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(training, "Trainer", lambda given: seen.append(given) or Trainer(args(tmp_path, steps=1)))
    run(args(tmp_path, published_weights="deepfashion"))
    assert seen[0].weights == PUBLISHED["deepfashion"]
    with pytest.raises(ObjectiveError, match="celebahqedge"):
        run(args(tmp_path, published_weights="coco"))


def test_numbers_among_the_choices(tmp_path):
    assert Trainer(args(tmp_path, choices={"stride": "8", "features": "16"})).net.config.stride == 8


# ---- freezing


V2 = dict(system="cocosnet_v2", weights=Weights(**NO_VGG, adv=0.0, d_feat=0.0, warp=1.0),
          choices={"widths": "8,8,16", "strides": "4,2,1", "features": "8", "generator": "8,8,4", "hidden": "4", "memory": "4"})


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_what_is_frozen_keeps_its_values_to_the_bit(tmp_path, precision):
    trainer = Trainer(args(tmp_path, **V2, freeze=("gru",), precision=precision, lr_g=1e-2, warmup=1))
    before = {name: p.detach().clone() for name, p in trainer.net.named_parameters()}
    path = trainer.run()
    after, averaged = (dict(net.named_parameters()) for net in (trainer.net, trainer.ema.module))
    gru = [name for name in before if "gru" in name]
    assert len(gru) == 2 * 6  # two levels; weight and bias of z, r, h
    assert all(torch.equal(net[name], before[name]) for name in gru for net in (after, averaged))
    learned = [name for name in before if "gru" not in name and after[name].grad is not None]
    assert any("head" in name for name in learned) and not any(torch.equal(after[name], before[name]) for name in learned)
    assert checkpoints.read_card(path)["frozen"] == ["gru"]
    again = Trainer(args(tmp_path, **V2, freeze=("gru",)))  # goes on frozen
    assert again.step == 4 and not any(p.requires_grad for name, p in again.net.named_parameters() if "gru" in name)


def test_without_freezing_the_gru_learns(tmp_path):
    trainer = Trainer(args(tmp_path, **V2, lr_g=1e-2, warmup=1))
    before = {name: p.detach().clone() for name, p in trainer.net.named_parameters() if "gru" in name}
    trainer.run()
    assert before and not any(torch.equal(p, before[name]) for name, p in trainer.net.named_parameters() if name in before)


@pytest.mark.parametrize("parts, said", [(("gruu",), "no parameter has 'gruu' .* gru"), (("",), "nothing is left to learn")])
def test_what_cannot_be_frozen_is_told(tmp_path, parts, said):
    with pytest.raises(TrainingError, match=said):
        run(args(tmp_path, **V2, freeze=parts))


def test_only_a_training_state_can_be_begun_with(tmp_path):
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"junk")
    with pytest.raises(TrainingError, match="not a training state"):
        Trainer(args(tmp_path, init=str(junk)))
    first = args(tmp_path, steps=2)
    Trainer(first).run()
    second = Trainer(args(tmp_path, out=tmp_path / "second", init=str(tmp_path / "run" / "state.pt"), steps=1))
    assert second.before == 2
    _, card = checkpoints.load(second.run())
    assert card["steps"] == 3
    with pytest.raises(TrainingError, match="d_width 4"):
        Trainer(args(tmp_path, d_width=8))


def test_a_checkpoint_can_be_begun_with(tmp_path):
    path = Trainer(args(tmp_path, steps=2)).run()
    second = Trainer(args(tmp_path, out=tmp_path / "second", init=str(path)))
    assert second.before == 2
    shipped, _ = checkpoints.load(path)
    x_A, y_B = torch.rand(1, 35, 32, 32), torch.rand(1, 3, 32, 32)
    with torch.no_grad():  # u and v of a short run are rough, so its baked weights have sigma near 1 only
        torch.testing.assert_close(second.net.eval()(x_A, y_B).image, shipped(x_A, y_B).image, atol=3e-2, rtol=0)
    with pytest.raises(TrainingError, match="other choices"):
        Trainer(args(tmp_path, out=tmp_path / "third", init=str(path), choices={"stride": "8"}))


def test_a_checkpoint_goes_on_with_its_own_choices(tmp_path):
    first = args(tmp_path, choices={"stride": "2", "features": "16"}, lr_g=3e-4, mix=Mix(same=1, pseudo=0, cross=0, move=0.5))
    path = str(Trainer(first).run())
    second = Trainer(args(tmp_path, out=tmp_path / "second", init=path))
    assert (second.net.config.stride, second.net.config.features, second.before) == (2, 16, 4)
    with pytest.raises(TrainingError, match="for 32 px: go on with it by --system cocosnet --size 32"):
        Trainer(args(tmp_path, out=tmp_path / "third", init=path, system="mclnet"))
    words = ["--data", str(tmp_path / "data"), "--like", path]
    told = training.options(words)
    assert (told.size, told.batch, told.lr_g, told.init, told.like) == (32, 2, 3e-4, path, path)
    assert (told.mix, told.weights) == (first.mix, first.weights) and told.condition == "figure"
    with pytest.raises(RecipeError, match="both say how to train"):
        training.options(["--data", "ade20k", "--like", path])


def test_a_generator_can_be_taken_over(tmp_path):
    """Where all warps are alike, four of them make the picture that the one made."""
    choices = {"modulation": "warp+condition", "spectral": "convolutions"}
    path = Trainer(args(tmp_path, steps=2, choices=choices)).run()
    v2 = Trainer(args(tmp_path, out=tmp_path / "v2", system="cocosnet_v2", generator=str(path),
                      choices={**choices, "strides": "4,2,1"}))
    one, _ = checkpoints.load(path)
    warp, x_A = torch.rand(1, 3, 32, 32), torch.rand(1, 35, 32, 32)
    for G in (v2.net.eval().G, v2.ema.module.eval().G):
        with torch.no_grad():
            made, expected = G(torch.cat([warp] * 3 + [x_A], 1)), one.G(torch.cat([warp, x_A], 1))
        torch.testing.assert_close(made, expected, atol=3e-2, rtol=0)
    with pytest.raises(TrainingError, match="does not fit this one: it is modulated by 38 channels, this one by 9"):
        Trainer(args(tmp_path, out=tmp_path / "v3", system="cocosnet_v2", generator=str(path), choices={"strides": "4,2,1"}))


# ---- stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_step_end_and_keeps_it(tmp_path, number):
    trainer = Trainer(args(tmp_path))
    objective = trainer.objective

    def interrupted(*given):  # the signal comes in the middle of the second step
        if trainer.step == 1:
            os.kill(os.getpid(), number)
        return objective.terms(*given)

    trainer.objective = replace(objective, terms=interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] == 2
    assert signal.getsignal(number) is not None and Trainer(args(tmp_path)).step == 2


def test_half_a_step_is_never_written(tmp_path):
    """D fails after G has moved: the state on disk stays the one before."""
    trainer = Trainer(args(tmp_path, save_every=1, weights=Weights(**NO_VGG, adv=1.0, d_feat=1.0, pixel=1.0)))
    move = trainer.opt_D.step

    def failing():
        if trainer.step == 2:
            raise MemoryError
        move()

    trainer.opt_D.step = failing
    with pytest.raises(MemoryError):
        trainer.run()
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] == 2


# ---- journal


def test_tensorboard_gets_the_terms_and_the_pictures(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(journal, "EVERY", 2)
    Trainer(args(tmp_path, tensorboard=True)).run()
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("pixel")] == [2, 4]
    assert [event.step for event in events.Images("samples")] == [2, 4]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert all(line["grad_norm_max"] >= line["grad_norm"] - 1e-3 > 0 for line in lines)


# ---- a batch in parts


ADVERSARIAL = Weights(**NO_VGG, adv=1.0, d_feat=1.0, pixel=1.0, warp=1.0, warped_condition=1.0)
# By themselves, or by a choice, the same in whatever parts: no statistics over a batch.
IN_PARTS = [(dict(), 1e-4), (dict(system="mclnet"), 1e-4), (V2 | dict(weights=ADVERSARIAL), 1e-4),
            (dict(system="spade", size=64, choices={"norm": "instance"}), 5e-3)]  # a norm over 2 x 2 places magnifies rounding


def gradients(trainer):
    """G's and D's, all in one: with beta1 = 0 Adam's first moment is the last step's gradient."""
    return torch.cat([state["exp_avg"].flatten() for opt in (trainer.opt_G, trainer.opt_D)
                      for state in opt.state_dict()["state"].values()])


def after_steps(tmp_path, steps, **changes):
    trainer = Trainer(args(tmp_path, **changes))
    for step in range(steps):
        report = trainer.train_step(trainer.sampler(step, trainer.args.batch))
    return trainer, report


@pytest.mark.parametrize("changes, rounding", IN_PARTS, ids=["cocosnet", "mclnet", "cocosnet_v2", "spade"])
def test_micro_steps_add_up_to_the_step(tmp_path, changes, rounding):
    """Gradients, terms and sigma of the second step: in four parts as in one, by the length of the difference (single entries
    may be nothing but rounding, as a bias before a normalisation). Rates are low, or Adam would make steps of the rounding."""
    prepared(tmp_path / "data", size=64)
    options = dict(weights=ADVERSARIAL, precision="float32", batch=4, lr_g=1e-7, lr_d=1e-7) | changes
    (one, told), (four, told_four) = (after_steps(tmp_path, 2, **options, accumulate=n) for n in (1, 4))
    assert (gradients(one) - gradients(four)).norm() < rounding * gradients(one).norm()
    assert told == {name: pytest.approx(value, rel=rounding, abs=1e-5) for name, value in told_four.items()}
    for a, b in ((one.net, four.net), (one.D, four.D)):
        for (name, u), v in zip(a.named_buffers(), b.buffers()):
            torch.testing.assert_close(u, v, atol=1e-4, rtol=0, msg=lambda m, name=name: f"{name}: {m}")
    other, _ = after_steps(tmp_path, 2, **options, seed=1)
    assert (gradients(one) - gradients(other)).norm() > 0.1 * gradients(one).norm()  # so the comparison could have failed


def test_sigma_follows_its_weight_once_a_step(tmp_path):
    trainer, _ = after_steps(tmp_path, 1, weights=ADVERSARIAL, accumulate=2)
    for net in (trainer.net, trainer.D):
        layer = next(m for m in net.modules() if hasattr(m, "parametrizations"))
        spectral = layer.parametrizations.weight[0]
        before = spectral._u.clone()
        assert torch.equal(layer.weight, layer.weight) and torch.equal(spectral._u, before)  # held where a forward reads it
        W, v = layer.parametrizations.weight.original.flatten(1), spectral._v.clone()
        power_iterations(net)
        torch.testing.assert_close(spectral._u, torch.nn.functional.normalize(W @ v, dim=0))


def test_what_is_random_in_a_sample_is_its_own(tmp_path):
    """SEGIN's corruption of a sample does not depend on the part of the batch that it is in, nor on the process."""
    folder = PreparedFolder(prepared(tmp_path / "data"), "train")
    sampler, xi = PairSampler([folder], 32, Mix()), torch.arange(64).view(1, 8, 8).expand(4, -1, -1)
    batch = sampler(5, 4)
    whole = corrupt(xi, (8, 8), Corruption(), batch.generators())
    assert len({tuple(one.flatten().tolist()) for one in whole}) == 4
    for part in (batch.split(4)[2], sampler(5, 2, first=2)):
        assert torch.equal(corrupt(xi[:1], (8, 8), Corruption(), part.generators()[:1]), whole[2:3])
    assert not torch.equal(corrupt(xi, (8, 8), Corruption(), sampler(6, 4).generators()), whole)


def test_a_batch_that_cannot_be_parted_says_what_can(tmp_path):
    with pytest.raises(ProcessesError, match="a batch of 4 .* 1 processes x 3 micro-steps; --batch 3 or 6 would fit"):
        Trainer(args(tmp_path, batch=4, accumulate=3))


def test_epochs_are_counted_in_pictures(tmp_path):
    prepared(tmp_path / "data", people=4, shots=3)  # nine to train on
    assert Trainer(args(tmp_path, epochs=2.0, batch=4)).args.steps == round(2 * 9 / 4)
    with pytest.raises(TrainingError, match="epochs"):
        run(args(tmp_path, epochs=-1.0))


@pytest.mark.parametrize("precision, dtype", [("auto", torch.bfloat16), ("float32", torch.float32)])
def test_the_precision_is_that_of_the_networks(tmp_path, precision, dtype):
    trainer, seen = Trainer(args(tmp_path, precision=precision)), []
    trainer.net.G.to_image.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    trainer.train_step(trainer.sampler(0, 2))
    assert seen == [dtype]


def test_the_share_of_waiting_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(journal, "EVERY", 2)
    Trainer(args(tmp_path)).run()
    assert re.search(r"^waited for data \d+\.\d % of the time$", capsys.readouterr().out, re.MULTILINE)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert all(0 <= line["waiting"] < 1 for line in lines)


# ---- pairs


def test_exemplars_come_from_the_list_the_best_or_the_last(tmp_path):
    folder = PreparedFolder(prepared(tmp_path / "data", people=4), "train")  # P0, P1, P2, two pictures each
    lines = {f"P{p}_{s}.jpg": (f"P{p}_{1 - s}.jpg", f"P{(p + 1) % 3}_0.jpg", f"P{(p + 2) % 3}_1.jpg")
             for p in range(3) for s in range(2)}  # the first is of the same person: not for pairs of two people
    taken = {}
    for sort in ("cross", "hard"):
        mix = Mix(**{"same": 0.0, "pseudo": 0.0, "cross": 0.0, sort: 1.0}, move=0.0)
        sampler = PairSampler([folder], 32, mix, exemplars=lines)
        take, taken[sort] = sampler._take, []
        sampler._take = lambda f, i, *rest, s=sort, t=take: taken[s].append(folder.items[i]["name"]) or t(f, i, *rest)
        batch = sampler(0, 12)
        assert not batch.known.any()
    for sort, column in (("cross", 1), ("hard", 2)):
        pairs = list(zip(taken[sort][::2], taken[sort][1::2]))
        assert len(pairs) == 12 and all(lines[f"{x}.jpg"][column] == f"{y}.jpg" for x, y in pairs)
    with pytest.raises(DataError, match="none of other people for 1 of the 6"):
        PairSampler([folder], 32, Mix(), exemplars=lines | {"P0_0.jpg": ("P0_1.jpg",)})
    with pytest.raises(DataError, match="hard pairs"):
        PairSampler([folder], 32, Mix(hard=0.1))


def test_processes_share_a_step(tmp_path):
    folder = PreparedFolder(prepared(tmp_path / "data"), "train")
    sampler = PairSampler([folder], 32, Mix())
    whole, parts = sampler(7, 4), [sampler(7, 2, first=0), sampler(7, 2, first=2)]
    for name in ("x_A", "x_B", "y_A", "y_B", "known"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]))


@pytest.mark.parametrize("condition, channels", [("figure", 35), ("portrait", 7)])
def test_pairs(tmp_path, condition, channels):
    folder = PreparedFolder(prepared(tmp_path / "data", condition), "train")
    batch = PairSampler([folder], 32, Mix())(0, 8)
    assert batch.x_A.shape == batch.y_A.shape == (8, channels, 32, 32)
    assert batch.x_B.shape == (8, 3, 32, 32) and batch.known.shape == (8, 1, 32, 32)
    assert 0 <= batch.x_A.min() and batch.x_A.max() <= 1 and -1 <= batch.x_B.min() and batch.x_B.max() <= 1
    again = PairSampler([folder], 32, Mix())(0, 8)
    assert torch.equal(batch.y_B, again.y_B) and not torch.equal(batch.y_B, PairSampler([folder], 32, Mix())(1, 8).y_B)


def test_what_is_known_of_each_sort_of_pair(tmp_path):
    folder = PreparedFolder(prepared(tmp_path / "data"), "train")
    shares = {sort: PairSampler([folder], 32, Mix(**{"same": 0, "pseudo": 0, "cross": 0, sort: 1, "move": 0}))(0, 4).known.mean()
              for sort in ("same", "pseudo", "cross")}
    assert shares["pseudo"] == 1 and shares["cross"] == 0 and shares["same"] == pytest.approx(0.25)  # the figure's quarter


def test_distortions():
    rng = np.random.default_rng(0)
    picture = torch.rand(3, 16, 16)
    still = distortion.random_affine(rng, 0, 0, 0, False)
    torch.testing.assert_close(distortion.sample(picture, distortion.affine_grid(still, 16)), picture)
    flip = distortion.random_affine(rng, 0, 0, 0, True)
    torch.testing.assert_close(distortion.sample(picture, distortion.affine_grid(flip, 16)), picture.flip(2))
    torch.testing.assert_close(distortion.thin_plate_grid(rng, 0.0, 16), distortion.affine_grid(still, 16), atol=1e-5, rtol=0)


def test_points_move_with_their_picture():
    rng = np.random.default_rng(3)
    affine = distortion.random_affine(rng, 0.2, 0.1, 0.5, True)
    picture = torch.zeros(1, 64, 64)
    picture[0, 20, 40] = 1
    moved = distortion.sample(picture, distortion.affine_grid(affine, 64))[0]
    row, column = divmod(int(moved.argmax()), 64)
    x, y = distortion.move_points(np.array([[40.5 / 64, 20.5 / 64]]), affine)[0] * 64
    assert abs(x - column - 0.5) < 1 and abs(y - row - 0.5) < 1


# ---- checkpoints


def small(**choices):
    return SYSTEMS["cocosnet"](condition_channels=5, size=32, pyramid=(4, 8, 8), features=8, generator=(8, 8, 4), hidden=4,
                               spectral="convolutions", **choices)


def test_a_checkpoint_keeps_function_and_config(tmp_path):
    from cocos_demo.models.layers import bake
    net = bake(small(carries="patches"))
    checkpoints.save(tmp_path / "a.safetensors", net, {"name": "a", "system": "cocosnet", "condition": "portrait"})
    loaded, card = checkpoints.load(tmp_path / "a.safetensors")
    assert loaded.config == net.config and card["parameters"] == sum(p.numel() for p in net.parameters())
    x, y = torch.rand(1, 5, 32, 32), torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(loaded(x, y).image, net.half().float()(x, y).image, atol=1e-4, rtol=0)


def test_wrong_checkpoints_are_named(tmp_path):
    from safetensors.torch import save_file

    from cocos_demo.models.layers import bake
    with pytest.raises(CheckpointError, match="no checkpoint 'nobody'"):
        checkpoints.load("nobody")
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk" * 100)
    with pytest.raises(CheckpointError, match="not a readable"):
        checkpoints.load(junk)
    save_file({"a": torch.zeros(1)}, junk)
    with pytest.raises(CheckpointError, match="no configuration"):
        checkpoints.load(junk)
    net = bake(small())
    checkpoints.save(junk, net, {"name": "a", "system": "cocosnet", "condition": "portrait"})
    card = checkpoints.read_card(junk)
    save_file({"G.z": torch.zeros(1, 8, 8, 8)}, junk, metadata={"cocos_demo": json.dumps(card)})
    with pytest.raises(CheckpointError, match="Missing key"):
        checkpoints.load(junk)
    save_file({"G.z": torch.zeros(1)}, junk, metadata={"cocos_demo": json.dumps({**card, "system": "pix2pix"})})
    with pytest.raises(CheckpointError, match="this version knows cocosnet"):
        checkpoints.load(junk)


def test_averaging_keeps_spectral_norm_exact(tmp_path):
    """Averaged singular vectors are no unit vectors; they made sigma too small and the averaged network far too strong."""
    trainer = Trainer(args(tmp_path, lr_g=1e-2, steps=6))
    trainer.run()
    lengths = [b.norm() for name, b in trainer.ema.module.named_buffers() if name.endswith("_u")]
    assert lengths
    torch.testing.assert_close(torch.stack(lengths), torch.ones(len(lengths)), atol=1e-4, rtol=0)
