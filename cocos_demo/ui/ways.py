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

    def there(self, cards: list[dict]) -> bool:
        """Whether one of the checkpoints with these cards is such a model."""
        return any(card["condition"] == self.kind and card["size"] >= self.least for card in cards)

    def line(self) -> str:
        """The commands, as one line."""
        own = [f"prepare {self.data} DIR", f"train --data {self.data} --out runs/{self.data}",
               f"keep runs/{self.data}/model.safetensors --name my_{self.data}"]  # fmt: skip
        words = f"{', '.join(map(_code, own[:-1]))} and {_code(own[-1])} make one of your own"
        if self.task:
            system = "cocosnet_v2" if self.task == "deepfashion_hd" else "cocosnet"
            words += f"; {_code(f'import {system} --task {self.task} --corr FILE --generator FILE')} brings the authors’"
        return words


WAYS = (
    Way("scenes (ADE20K’s 150 classes)", "ade20k", "ade20k", "ade20k"),
    Way("face maps (CelebA-HQ)", "celebahq", "celebahq", "celebahq"),
    Way("shoes", "edges", "edges2shoes"),
    Way("handbags", "edges", "edges2handbags"),
    Way("portraits at 1024 pixels (MetFaces)", "portrait", "metfaces", least=1024),
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
    lines = "".join(f"<p class='facts'><b>No model for {way.title} is here yet.</b> {way.line()}.</p>" for way in absent)
    if folded:
        lines = f"<details><summary>{len(absent)} more kinds of models, trained or imported</summary>{lines}</details>"
    return f"<div class='ways' title='each behind: python -m cocos_demo'>{lines}</div>"


def _cards():
    for path in checkpoints.catalogue().values():
        try:
            yield checkpoints.read_card(path)
        except checkpoints.CheckpointError:
            continue


def _code(words: str) -> str:
    return f"<code>{html.escape(words)}</code>"
