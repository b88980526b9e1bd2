"""How the models come about that do not ship: which commands lead to one."""

import html
from dataclasses import dataclass

from cocos_demo import checkpoints


@dataclass(frozen=True)
class Way:
    """A model that people bring: what it is for, and its names on the command line."""

    title: str
    kind: str  # of condition
    data: str  # in `prepare` and `train --data`
    task: str = ""  # in `import`, where the authors published weights
    least: int = 0  # pixels a side; a smaller one is another model
    system: str = "cocosnet"
    preset: str = "tiny"

    def there(self, cards: list[dict]) -> bool:
        """Whether one of the checkpoints with these cards is such a model."""
        return any(card["condition"] == self.kind and card["size"] >= self.least for card in cards)

    def commands(self) -> list[str]:
        """What leads to one, in the order in which it is typed."""
        by = "" if self.system == "cocosnet" else f" --system {self.system} --preset {self.preset}"
        own = [f"prepare {self.data} DIR", f"train --data {self.data}{by} --out runs/{self.data}",
               f"keep runs/{self.data}/{self.data}_{self.system}.safetensors --name my_{self.data}"]  # fmt: skip
        return [f"python -m cocos_demo {command}" for command in own]

    def published(self) -> str:
        """What brings the authors' one, or nothing."""
        system = "cocosnet_v2" if self.task == "deepfashion_hd" else "cocosnet"
        return self.task and f"python -m cocos_demo import {system} --task {self.task} --corr FILE --generator FILE"

    def line(self) -> str:
        """HTML: what is not here and by which commands it comes, and behind it these in full."""
        names = "<code>prepare</code>, <code>train</code>, <code>keep</code>" + (" or <code>import</code>" if self.task else "")
        lines = self.commands() + (["# or, with the authors’ files:", self.published()] if self.task else [])
        full = html.escape("\n".join(lines))
        return f"<details><summary>No model for {self.title} is here yet: {names} one.</summary><pre>{full}</pre></details>"


WAYS = (
    Way("scenes (ADE20K’s 150 classes)", "ade20k", "ade20k", "ade20k"),
    Way("face maps (CelebA-HQ)", "celebahq", "celebahq", "celebahq"),
    Way("shoes", "edges", "edges2shoes"),
    Way("handbags", "edges", "edges2handbags"),
    Way("portraits at 1024 pixels (MetFaces)", "metfaces", "metfaces", least=1024, system="cocosnet_v2", preset="full"),
    Way("faces by the outlines of their parts (CelebA-HQ)", "celebahqedge", "celebahqedge", "celebahqedge"),
    Way("dressed figures (DeepFashion)", "deepfashion", "deepfashion", "deepfashion"),
    Way("dressed figures at 512 pixels (DeepFashion)", "deepfashion_hd", "deepfashion_hd", "deepfashion_hd"),
)


def in_words(ways: list[Way], folded: bool) -> str:
    """HTML: a line for each model that is not here, behind a title if `folded`."""
    cards = list(_cards())
    absent = [way for way in ways if not way.there(cards)]
    if not absent:
        return ""
    lines = "".join(way.line() for way in absent)
    if folded:
        lines = f"<details><summary>{len(absent)} more kinds of models, trained or imported</summary>{lines}</details>"
    return f"<div class='ways'>{lines}</div>"


def _cards():
    for path in checkpoints.catalogue().values():
        try:
            yield checkpoints.read_card(path)
        except checkpoints.CheckpointError:
            continue

