"""The command `cards`: a model card as a file for every checkpoint that ships, written out of the card inside it.

In the form of the Hugging Face hub: a YAML head that machines read, then words for people.
"""

from dataclasses import dataclass
from pathlib import Path

from . import checkpoints, packed, tables
from .checkpoints import CheckpointError
from .evaluation.critics import EVEN, FRECHET
from .evaluation.main_tables import SYSTEMS
from .evaluation.papers import DIVERSITY, TO_EXEMPLAR, TO_TRUTH
from .files import beside

FIGURES = checkpoints.FOLDER.parents[1] / "docs" / "tables.json"
READS = {
    "portrait": "the landmarks of a face and the edges of its background",
    "figure": "the pose of a body, 18 keypoints",
    "parts": "a map of a body's parts",
    "grey": "a grey portrait",
}
PAPERS = {
    "cocosnet": ("zhang2020cocosnet", "Cross-domain Correspondence Learning for Exemplar-based Image Translation",
                 "Pan Zhang and Bo Zhang and Dong Chen and Lu Yuan and Fang Wen", "CVPR", 2020),
    "cocosnet_v2": ("zhou2021cocosnetv2", "CoCosNet v2: Full-Resolution Correspondence Learning for Image Translation",
                    "Xingran Zhou and Bo Zhang and Ting Zhang and Pan Zhang and Jianmin Bao and Dong Chen and Zhongfei Zhang "
                    "and Fang Wen", "CVPR", 2021),
    "mclnet": ("zhan2022mclnet", "Marginal Contrastive Correspondence for Guided Image Generation",
               "Fangneng Zhan and Yingchen Yu and Rongliang Wu and Jiahui Zhang and Shijian Lu and Changgong Zhang",
               "CVPR", 2022),
    "segin": ("huang2019segin", "Semantic Example Guided Image-to-Image Translation",
              "Jialu Huang and Jing Liao and Tak Wu Sam Kwong", "arXiv", 2019),
    "spade": ("park2019spade", "Semantic Image Synthesis with Spatially-Adaptive Normalization",
              "Taesung Park and Ming-Yu Liu and Ting-Chun Wang and Jun-Yan Zhu", "CVPR", 2019),
}  # fmt: skip
# What a source of training pictures is, by a word of its line in the card.
SOURCES = {
    "openpeople": "The people are made by AI; none of them is real. Licence of the pictures: MIT, © Prompt Haus.",
    "anny": "The people are rendered; none of them is real. Licences: the mesh CC0 (MakeHuman), anny's code Apache-2.0.",
}
# For cards without a note on limits: what is true of all that read this kind of condition.
LIMITS = {
    "portrait": "One face, seen from the front or a little aside. Few people were trained on: fingers before the face, glasses, "
                "beards and other looks that the exemplar lacks are guesses.",
    "figure": "One whole body; what the exemplar does not show (its other side) is made up, faces are a few pixels wide, and the "
              "exemplar needs a body that the pose detector finds.",
    "parts": "One whole body, its part map in the program's own classes; patterns become a mean colour, faces are "
             "a few pixels wide.",
    "grey": "One portrait, seen from the front or a little aside. Few people were trained on: colours where the reference has no "
            "counterpart, as of a hand or a hat, are guesses.",
}  # fmt: skip
OF_SYSTEMS = {"spade": "It finds no correspondence: the whole exemplar is one code, so that places of it are not carried over."}
MEASURED = (
    ("FID", "FID", "↓"), (f"Fréchet distance{FRECHET.removeprefix('Frechet distance')}", FRECHET, "↓"), ("SWD", "SWD", "↓"),
    *((f"{words}, {name}", key + name, better) for name in ("LPIPS", EVEN)
      for words, key, better in (("diversity", DIVERSITY, "↑"), ("distance to the exemplar", TO_EXEMPLAR, "↓"),
                                 ("distance to the photo, which is its own exemplar", TO_TRUTH, "↓"))),
    *((f"{name}{how}", name + how, "↑") for name in ("semantic consistency", "colour", "texture") for how in ("", " by region")),
)  # fmt: skip

NOT_MEASURED = "It is not in docs/tables.md. What else was measured of the weights that ship is in docs/models.md."


@dataclass(frozen=True)
class CardsArgs:
    """Write NAME.md for every checkpoint that ships, out of the card inside it and of the figures that `tables` keeps."""

    out: Path = checkpoints.FOLDER / "cards"
    """The folder they go to; a file in it whose checkpoint no longer ships is removed."""
    figures: Path = FIGURES
    """What `tables` keeps beside its document."""


def run(args: CardsArgs) -> None:
    """Carry it out: all cards are made before the first is written."""
    cards = all_cards(args.figures)
    for name, text in cards.items():
        with beside(args.out / f"{name}.md") as partial:
            partial.write_text(text, "utf-8")
    for stale in args.out.glob("*.md"):
        if stale.stem not in cards:
            stale.unlink()
    print(f"{args.out}: {len(cards)} cards")


def all_cards(figures: Path = FIGURES) -> dict[str, str]:
    """{name of a shipped checkpoint: its card as a file}. Raises CheckpointError, DataError."""
    kept = tables.read(figures)
    return {name: card(name, path, kept) for name, path in checkpoints.shipped().items()}


def card(name: str, path: Path, kept: dict[str, dict]) -> str:
    """The text for the checkpoint `name` at `path`; `kept` as `tables.read` gives it. Raises CheckpointError."""
    told = checkpoints.read_card(path)
    system, condition = told["system"], told["condition"]
    if system not in PAPERS:
        raise CheckpointError(f"{path} holds the system {system!r}, of which no paper is known here")
    parts = {
        "How to use it": _use(name, told) + _beside(path),
        "Training data": _data(told),
        "Training": _training(told),
        "Figures": _figures(name, path, kept),
        "Limits": told.get("limits") or " ".join(filter(None, (LIMITS.get(condition), OF_SYSTEMS.get(system)))) or "Not known.",
        "Licence": "MIT, as the project. The paper's idea is its authors'; the code and these weights are this project's own.",
        "Citation": _citation(system),
    }
    title = f"{name}: {SYSTEMS[system]} for {condition}, {told['size']} px"
    size, reads = told["size"], READS.get(condition, f"conditions of the kind {condition}")
    what = (f"It takes {reads} from one picture and the looks from another, the exemplar, and paints a third, {size} x {size} "
            f"pixels. An implementation of {SYSTEMS[system]} with {told['parameters']:,} parameters, small enough for a laptop's "
            "processor.")
    body = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in parts.items())
    return f"{_head(system, condition)}\n\n# {title}\n\n{what}\n\n{body}\n"


def _head(system: str, condition: str) -> str:
    tags = ["exemplar-based-image-translation", "image-to-image", system.replace("_", "-"), condition]
    return "\n".join(("---", "license: mit", "library_name: cocos_demo", "pipeline_tag: image-to-image", "tags:",
                      *(f"- {tag}" for tag in tags), "---"))


def _use(name: str, told: dict) -> str:
    if told["condition"] == "parts" and told["system"] == "spade":
        size, channels = told["size"], told["config"]["condition_channels"]
        return ("The program itself uses it to find exemplars for a part map; on its own:\n\n```python\nfrom cocos_demo import "
                f"checkpoints\nnet, card = checkpoints.load(\"{name}\")\nout = net(condition, exemplar)  # (1, {channels}, "
                f"{size}, {size}) and (1, 3, {size}, {size}) in [-1, 1] give out.image\n```")
    return (f"```python\nfrom cocos_demo import Translator\nresult = Translator.load(\"{name}\")(\"photo.jpg\", "
            "\"exemplar.jpg\")\nresult.image.save(\"out.png\")\n```\n\n"
            f"Or: `python -m cocos_demo translate photo.jpg exemplar.jpg --model {name}`.")


def _beside(path: Path) -> str:
    other = packed.shared_with(path)
    return f"\n\n`{other}` must lie in the same folder: what is the same in both is in its file alone." if other else ""


def _data(told: dict) -> str:
    lines = [f"- {source}." + "".join(f" {words}" for word, words in SOURCES.items() if word in source)
             for source in told.get("data", ())]
    if "pictures" in told:
        lines += ["", f"{told['pictures']:,} pictures of {told['people']:,} people, split \"{told['split']}\". Those of the "
                      "split \"test\", on whom it is measured, are never trained on."]
    return "\n".join(lines) if lines else "Not known."


def _training(told: dict) -> str:
    if not {"steps", "batch", "seed"} <= set(told):
        return "Not known."
    before = told.get("steps_before", 0)
    steps = f"{told['steps']:,} steps" + (f", {before:,} of them in earlier runs" if before else "")
    rates = told.get("rates", {})
    lines = [f"{steps}, batches of {told['batch']}, seed {told['seed']}.",
             f"Adam, learning rate {rates['G']:g} of the generator and {rates['D']:g} of the discriminator." if rates else ""]
    used = {key: value for key, value in told.get("weights", {}).items() if key in told.get("shares", {})}
    if used:
        lines.append("Weights of the losses that counted: " + ", ".join(f"{key} {value:g}" for key, value in used.items()) + ".")
    if told.get("generator"):
        shipped = told["generator"] in checkpoints.shipped()  # else a file of whoever trained it, which tells nobody anything
        whose = f"the weights of `{told['generator']}`" if shipped else "weights of an earlier run"
        lines.append(f"The translation network began with {whose}.")
    lines.append(f"Weights are kept in {told['precision']}.")
    return " ".join(filter(None, lines))


def _figures(name: str, path: Path, kept: dict[str, dict]) -> str:
    """What `tables` found of exactly this file."""
    blocks = []
    for of, section in kept.items():
        entry = section["models"].get(name)
        if entry is None or entry["sha256"] != tables.sha256(path):
            continue
        found = entry["figures"]
        rows = [f"| {title} {better} | {found[key]:.3f} |" for title, key, better in MEASURED if key in found]
        blocks.append(f"Held-out {of}, {found['pairs']} pairs of two people, all explained in docs/tables.md:\n\n"
                      "| measure | value |\n| --- | ---: |\n" + "\n".join(rows))
    return "\n\n".join(blocks) or NOT_MEASURED


def _citation(system: str) -> str:
    key, title, authors, venue, year = PAPERS[system]
    return (f"```bibtex\n@{'article' if venue == 'arXiv' else 'inproceedings'}{{{key},\n  title = {{{title}}},\n  author = "
            f"{{{authors}}},\n  {'journal' if venue == 'arXiv' else 'booktitle'} = {{{venue}}},\n  year = {{{year}}}\n}}\n```")
