"""The command line: a table of commands; each is a dataclass of options (tyro makes its help) and a function.

Exit codes: 0 done, 1 a fault of the program (with its traceback), 2 a user's mistake (one line), 130 stopped by Ctrl-C.
"""

import os
import sys
from dataclasses import dataclass, field
from importlib import import_module

from cocos_demo.errors import explain


@dataclass(frozen=True)
class Command:
    """Where a command lives; its module is imported only when it is chosen, so that help is instant."""

    help: str
    module: str
    options: str  # the dataclass of its options
    run: str = "run"  # the function that takes one
    given: dict[str, str] = field(default_factory=dict)  # what else it is given
    begin: str = ""  # a function of the module: the words of the line -> the options that they begin with, or None


def _published(name: str, help: str) -> dict[str, Command]:
    """The command `prepare NAME` of a published data set."""
    return {f"prepare {name}": Command(help, "cocos_demo.prepare", "Prepare", given={"name": name})}


COMMANDS = {
    "translate": Command("a photo and an exemplar go in, a picture comes out", "cocos_demo.commands", "Translate"),
    "again": Command("do a run that was saved again, and compare its picture", "cocos_demo.again", "Again"),
    "edit": Command("paint a photo anew where regions of its part map were changed", "cocos_demo.applications.commands", "Edit"),
    "makeup": Command("carry makeup from one portrait to others", "cocos_demo.applications.commands", "Makeup"),
    "patchmatch": Command("play how CoCosNet v2 matches two pictures, step by step", "cocos_demo.commands", "PatchMatch"),
    "compare": Command("one photo, one exemplar, all systems side by side", "cocos_demo.compare", "Compare"),
    "tally": Command("count the rankings of a blind comparison again, and draw them", "cocos_demo.study_command", "Tally"),
    "prepare people": Command("portraits and bodies from the package openpeople", "cocos_demo.commands", "People"),
    "prepare figures": Command("people rendered from the parametric body anny", "cocos_demo.commands", "Figures"),
    "prepare paintings": Command("portraits painted by filters in many manners", "cocos_demo.commands", "Paintings"),
    "prepare folder": Command("pictures of your own: portraits, figures, or anything by its edges", "cocos_demo.prepare_own",
                              "Folder"),
    **_published("ade20k", "ADE20K, SceneParsing release: scenes and their 150 classes"),
    **_published("ade20k_outdoor", "the outdoor pictures of ADE20K"),
    **_published("celebahq", "CelebA-HQ with CelebAMask-HQ: faces and label maps of 19 classes"),
    **_published("celebahqedge", "the same faces and the part masks that the published edge network was trained on"),
    **_published("celebahq_landmarks", "CelebA-HQ with landmarks and edges, as the papers' text has it"),
    **_published("deepfashion", "DeepFashion in-shop, 256 px, with poses"),
    **_published("deepfashion_hd", "DeepFashion in-shop, high resolution, squared as for CoCosNet v2, with poses"),
    **_published("metfaces", "faces out of works of art, 1024 px, with landmarks and soft edges"),
    **_published("edges2shoes", "edges and photos of shoes, as pix2pix publishes them"),
    **_published("edges2handbags", "edges and photos of handbags, as pix2pix publishes them"),
    "prepare danbooru": Command("drawn pictures and their extracted sketches", "cocos_demo.prepare_own", "DrawnPictures",
                                "run_danbooru"),
    "exemplars": Command("find for each picture of a folder those most like it", "cocos_demo.exemplars", "Exemplars"),
    "archives": Command("check and list the tars of a set that was prepared in shards", "cocos_demo.archives", "Archives"),
    "train": Command("train a network on prepared data", "cocos_demo.training", "TrainArgs", begin="options"),
    "import": Command("turn the published weights into a checkpoint", "cocos_demo.commands", "Import"),
    "keep": Command("make a checkpoint that was trained known by name", "cocos_demo.keep", "Keep"),
    "evaluate": Command("measure a checkpoint on held-out data", "cocos_demo.evaluation", "EvaluateArgs"),
    "tables": Command("the papers' main tables of all systems, in one document", "cocos_demo.tables", "TablesArgs"),
    "cards": Command("write the model card of every shipped checkpoint as a file", "cocos_demo.cards", "CardsArgs"),
    "colours": Command("measure whether grey portraits take the colours of their reference", "cocos_demo.evaluation.colours",
                       "ColoursArgs"),
    "strokes": Command("measure how well networks carry makeup to other faces", "cocos_demo.evaluation.strokes", "StrokesArgs"),
    "bench": Command("print what matching and translating cost in memory and time", "cocos_demo.bench", "BenchArgs"),
    "ablation": Command("what each loss is good for: Table 4 again, small", "cocos_demo.ablation", "AblationArgs"),
    "ablation_v2": Command("what propagation and the GRU are good for: CoCosNet v2's Table 5", "cocos_demo.ablation_v2",
                           "AblationV2Args"),
    "ablation_mcl": Command("what margin and self-correlation are good for: MCL-Net's Table 4", "cocos_demo.ablation_mcl",
                            "AblationMCLArgs"),
    "ablation_mcl_portraits": Command("what MCL-Net's designs are good for on portraits: its Table 3",
                                      "cocos_demo.ablation_mcl_portraits", "AblationMCLPortraitsArgs"),
    "ablation_segin": Command("what SEGIN's losses, layers and matcher are good for: its Tables I and II",
                              "cocos_demo.ablation_segin", "AblationSEGINArgs"),
}


def usage(names=tuple(COMMANDS)) -> str:
    """The list of commands."""
    width = max(map(len, names))
    rows = "\n".join(f"  {name:<{width}} {COMMANDS[name].help}" for name in names)
    return f"usage: python -m cocos_demo COMMAND ...\n\ncommands (each with --help):\n{rows}"


def main(argv: list[str] | None = None) -> int:
    """Run a command line (without the program's name); returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    words = next((n for n in (2, 1) if " ".join(argv[:n]) in COMMANDS), 0)
    if not words:
        return _no_command(argv)
    name, command = " ".join(argv[:words]), COMMANDS[" ".join(argv[:words])]
    # mediapipe's native logs would bury our own lines; whoever wants them sets the variable.
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        import tyro

        module = import_module(command.module)
        begun = getattr(module, command.begin)(argv[words:]) if command.begin else None
        options = tyro.cli(getattr(module, command.options), prog=f"python -m cocos_demo {name}", args=argv[words:],
                           **({} if begun is None else {"default": begun}))
        getattr(module, command.run)(options, **command.given)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        return 2
    return 0


def _no_command(argv: list[str]) -> int:
    """Help when asked for (0); otherwise what there is to choose from (2)."""
    family = [name for name in COMMANDS if argv and name.startswith(f"{argv[0]} ")]
    print_help = any(word in ("-h", "--help") for word in argv[:2])
    if print_help and (family or argv[0].startswith("-")):
        print(usage(family or COMMANDS))
        return 0
    print(usage(family or COMMANDS), file=sys.stderr)
    if argv:
        print(f"\nerror: no command {' '.join(argv[:2])!r}", file=sys.stderr)
    return 2
