"""recipes.py, recipe_options.py: every data set with every system; what the user says comes first; one step of each."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from folders import of_kind

from cocos_demo import features, recipe_options, training
from cocos_demo.choices import read_choices
from cocos_demo.cli import main
from cocos_demo.conditions import KINDS
from cocos_demo.datasets.retrieval import read_list, write_list
from cocos_demo.models import SYSTEMS, config_class
from cocos_demo.objectives import PUBLISHED
from cocos_demo.recipes import SETS, RecipeError, recipe
from cocos_demo.training import Trainer

ALL = [(data, system) for data in SETS for system in SYSTEMS]


def options(*words):
    return training.options([str(word) for word in words])


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """A working directory with an empty datasets/; `make(NAME)` makes a miniature of one."""
    monkeypatch.chdir(tmp_path)

    def make(name, size=64, **choices):
        kind = SETS[name].condition
        folder = of_kind(Path("datasets") / name, kind if kind in KINDS else "portrait", size=size, **choices)
        pictures = sorted(path.name for path in (folder / "images").iterdir())
        write_list(folder / "exemplars.txt", {one: [other for other in pictures if other[:2] != one[:2]] for one in pictures})
        return folder

    return make


# ---- the settings


@pytest.mark.parametrize("data, system", ALL)
@pytest.mark.parametrize("preset", ["tiny", "full"])
def test_every_recipe_fills_in_the_options(data, system, preset):
    begun = options("--system", system, "--data", data, "--preset", preset)
    assert begun.system == system and begun.preset == preset and begun.recipe == f"{data}/paper"
    assert begun.out == Path(f"runs/{data}-{system}-{preset}")
    chosen = recipe(data, system, preset)
    assert all(one.source for one in chosen.settings.values())
    for name, one in chosen.settings.items():
        group, _, last = name.rpartition(".")
        if group != "choices":
            assert getattr(getattr(begun, group) if group else begun, last) == one.value, name
    if preset == "full":
        assert begun.epochs > 0 and begun.size >= 256 and chosen.prepared >= begun.size
        given = {name: str(value) for name, value in chosen.part("choices").items()}
        choices = read_choices(config_class(system, preset), given)
        with torch.device("meta"):  # the network that it names can be built
            SYSTEMS[system](preset, condition_channels=7, size=begun.size, **choices)
    else:
        assert (begun.epochs, begun.size, begun.steps, begun.batch) == (0, 128, 3000, 6)


def test_the_papers_figures():
    v1 = options("--data", "ade20k", "--preset", "full")
    assert (v1.size, v1.epochs, v1.lr_g, v1.lr_d, v1.beta1, v1.beta2) == (256, 100, 1e-4, 4e-4, 0.0, 0.999)
    assert (v1.mix.hard, v1.mix.cross, v1.mix.pseudo, v1.mix.same, v1.mix.flip) == (0.2, 0.5, 0.3, 0.0, True)
    assert round(256 * (1 + v1.mix.crop)) == 286 and v1.weights.warped_labels == 0 and v1.weights.form == "paper"
    v2 = options("--data", "deepfashion_hd", "--system", "cocosnet_v2", "--preset", "full")
    assert (v2.size, v2.batch, v2.epochs, v2.mix.same, v2.mix.flip) == (512, 16, 100, 1.0, False)
    assert round(512 * (1 + v2.mix.crop)) == 550
    assert options("--data", "metfaces", "--system", "cocosnet_v2", "--preset", "full").size == 1024
    shoes = options("--data", "edges2shoes", "--system", "segin", "--preset", "full")
    assert (shoes.lr_g, shoes.lr_d, shoes.batch, shoes.epochs, shoes.weights.recon) == (2e-4, 1.3e-5, 5, 20, 100)
    assert options("--data", "danbooru", "--system", "segin", "--preset", "full").epochs == 12
    mcl = options("--data", "celebahqedge", "--system", "mclnet", "--preset", "full")
    assert (mcl.weights.margin, mcl.weights.d_feat, mcl.size) == (0.4, 0.0, 256)


@pytest.mark.parametrize("task", PUBLISHED)
def test_published_settings_are_the_released_codes(task):
    begun = options("--data", task, "--recipe", "published")
    assert begun.preset == "published" and begun.recipe == f"{task}/published"
    assert replace(begun.weights, domain_adv=0.0) == PUBLISHED[task]
    assert (begun.beta2, begun.eps_g, begun.mix.pseudo_by) == (0.9, 1e-3, "crop")
    assert options("--data", task, "--preset", "published") == begun
    net_choices = recipe(task, "cocosnet", "published", "published").part("choices")
    assert net_choices == {"ade20k": {"adaptor_kernel": "3", "growing": "nearest"},
                           "deepfashion": {"exemplar_input": "image", "carries": "patches"}}.get(task, {})


def test_ade20k_was_released_with_twice_the_epochs_of_the_paper():
    paper, published = (options("--data", "ade20k", "--preset", "full", "--recipe", form) for form in ("paper", "published"))
    assert (paper.epochs, published.epochs) == (100, 200)
    assert (paper.weights.reg, published.weights.reg) == (1.0, 0.0)


# ---- the command line


def test_without_a_recipes_name_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert options("--data", "datasets/ade20k") is options("--data", "a", "b") is options() is None
    assert options("--data", "ade20k", "--recipe", "none") is None
    (tmp_path / "ade20k").mkdir()  # a folder of that name is meant itself
    assert options("--data", "ade20k") is None
    elsewhere = options("--data", "/elsewhere/set", "--recipe", "ade20k/published")
    assert elsewhere.data == (Path("/elsewhere/set"),) and elsewhere.recipe == "ade20k/published"
    assert elsewhere.exemplars == Path("/elsewhere/set/exemplars.txt")


@pytest.mark.parametrize("words, told", [
    (["--data", "metfaces", "--recipe", "published"], "no settings of cocosnet for metfaces were released, only for ade20k"),
    (["--data", "celebahq", "--system", "segin", "--recipe", "published"], "no settings of segin for celebahq were released"),
    (["--data", "ade20k", "--recipe", "papers"], "--recipe is none, paper or published, or a set's name"),
    (["--data", "x", "y", "--recipe", "published"], "--recipe published needs a set"),
    (["--data", "ade20k", "--system", "pix2pix"], "no recipe for the system 'pix2pix'; there are cocosnet"),
    (["--data", "ade20k", "--preset", "full"], "no prepared folder datasets/ade20k; make it of the folder DIR that ADE20K lies "
     "in: python -m cocos_demo prepare ade20k DIR --out datasets/ade20k --size 286"),
    (["--data", "deepfashion_hd", "--system", "cocosnet_v2"],
     "prepare deepfashion_hd DIR --out datasets/deepfashion_hd --size 550"),
])
def test_what_cannot_be_is_one_line(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    assert told in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_missing_list_of_exemplars_is_made(datasets, monkeypatch, capsys):
    folder = datasets("ade20k")
    listed = folder / "exemplars.txt"
    before = read_list(listed)
    listed.unlink()
    recipe_options.complete(options("--data", "ade20k", "--size", "32"))
    assert f"no list of exemplars {listed} yet" in capsys.readouterr().out
    made = read_list(listed)
    assert set(made) <= set(before) and all(ref[:2] != query[:2] for query, refs in made.items() for ref in refs)
    listed.unlink()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="cocos_demo exemplars datasets/ade20k --other-people --out datasets/ade20k/exemplars"):
        recipe_options.complete(options("--data", "ade20k", "--size", "32"))


NO_VGG = ["--weights.feat", "0", "--weights.perc", "0", "--weights.context", "0"]


def test_what_the_user_gives_comes_first_and_the_rest_is_printed_once(datasets, capsys):
    datasets("celebahqedge", size=40)
    line = ["train", "--data", "celebahqedge", "--size", "32", "--steps", "2", "--batch", "2", "--mix.no-flip",
            "--device", "cpu", "--d-width", "4", *NO_VGG]
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert printed.count("recipe celebahqedge/paper, cocosnet, preset tiny") == 1
    assert "mix.crop 0.1172  [CoCosNet's released code: loaded at 286, cropped to 256]" in printed
    own = next(row for row in printed.splitlines() if "not the recipe's" in row)
    assert "size 32 (recipe: 128)" in own and "mix.flip False (recipe: True)" in own and "weights.feat 0 (recipe: 10)" in own
    assert Path("runs/celebahqedge-cocosnet-tiny/celebahqedge_cocosnet.safetensors").is_file()


def test_whoever_counts_steps_does_not_count_epochs():
    assert options("--data", "ade20k", "--preset", "full", "--steps", "7").epochs == 0
    assert options("--data", "ade20k", "--preset", "full", "--steps=7").epochs == 0


def test_epochs_are_counted_in_pictures(datasets):
    datasets("ade20k")
    given = replace(options("--data", "ade20k"), size=32, epochs=3, batch=2, device="cpu", d_width=4)
    with torch.device("cpu"):
        assert Trainer(recipe_options.complete(replace(given, weights=plain(given.weights)))).args.steps == 6  # 3 x 4 / 2


# ---- a step of each


def plain(weights):
    """The same weights without the terms that need a perceptual network."""
    return replace(weights, feat=0.0, perc=0.0, context=0.0, detail=0.0)


SIZES = {"spade": 64}


@pytest.mark.parametrize("data, system", ALL)
def test_one_step_of_every_recipe(data, system, datasets, monkeypatch):
    side = SIZES.get(system, 32)
    datasets(data, size=round(side * 1.25))
    given = options("--data", data, "--system", system)
    args = recipe_options.complete(replace(given, size=side, steps=1, batch=1, device="cpu", d_width=4, precision="float32"))
    trainer = Trainer(replace(args, weights=plain(args.weights)))
    report = trainer.train_step(trainer.sampler(0, 1))
    assert trainer.step == 1 and report and all(torch.isfinite(torch.tensor(value)) for value in report.values())


def test_one_step_with_the_perceptual_network(datasets, monkeypatch):
    """Every term of the paper's and of the released objective for label maps, on random weights of VGG-19's shape."""
    monkeypatch.setattr(training, "load_vgg", lambda name: features.VGG("vgg19"))
    datasets("celebahq", size=36)
    for form in ("paper", "published"):
        given = replace(options("--data", "celebahq", "--preset", "tiny", "--recipe", form), size=32, steps=1, batch=1,
                        device="cpu", d_width=4)
        trainer = Trainer(recipe_options.complete(given))
        report = trainer.train_step(trainer.sampler(0, 1))
        terms = {name for name, one in recipe("celebahq", "cocosnet", "tiny", form).part("weights").items()
                 if isinstance(one, float) and one > 0}
        assert terms <= set(report), form


@pytest.mark.parametrize("masks", [True, False])
def test_segin_without_foregrounds_goes_without_their_terms(datasets, masks):
    datasets("ade20k", size=40, masks=masks)
    args = recipe_options.complete(replace(options("--data", "ade20k", "--system", "segin"), size=32, steps=1, batch=1,
                                           device="cpu", d_width=4))
    trainer = Trainer(args)
    assert trainer.net.config.mask is masks and (args.weights.seg > 0) is masks
    assert ("seg" in trainer.train_step(trainer.sampler(0, 1))) is masks


def test_a_set_in_tars_goes_without_a_list_of_exemplars(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets" / "ade20k").mkdir(parents=True)
    (tmp_path / "datasets" / "ade20k" / "archives.json").write_text("{}")
    begun = recipe_options.complete(options("--data", "ade20k", "--preset", "full"))
    assert (begun.exemplars, begun.mix.hard, begun.mix.cross, begun.mix.pseudo) == (None, 0.0, 0.7, 0.3)
    assert "mix.hard 0 (recipe: 0.2)" in recipe_options.said(begun)


def test_a_generous_user_may_still_choose(datasets):
    datasets("deepfashion")
    args = replace(options("--data", "deepfashion", "--preset", "published"), choices={"carries": "pixels"})
    assert recipe_options.complete(args).choices == {"exemplar_input": "image", "carries": "pixels"}


def test_there_is_no_recipe_for_nothing():
    with pytest.raises(RecipeError, match="data set 'coco'; there are ade20k"):
        recipe("coco", "cocosnet")
