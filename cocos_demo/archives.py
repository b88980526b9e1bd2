"""The command `archives`: reads every tar of a set once, and writes the list that training goes by."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from .datasets.archives import LIST, survey
from .files import beside


@dataclass(frozen=True)
class Archives:
    """Check the tars that `prepare ... --archives --shard i/n` wrote: all there, whole, of one set. Writes OUT/archives.json.

    The tars may then lie elsewhere: `train --data OUT --fetch "pipe:aws s3 cp s3://bucket/set/{} -"` needs the list alone.
    """

    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """The folder with the tars."""


def run(options: Archives) -> None:
    """Carry it out. Raises DataError."""
    told = survey(options.out, lambda names: tqdm(names, unit="tar", disable=None))
    with beside(options.out / LIST) as file:
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    splits = sorted({split for tar in told["tars"] for split in tar["splits"]})
    counts = {split: [sum(tar["splits"].get(split, {}).get(what, 0) for tar in told["tars"]) for what in ("pictures", "people")]
              for split in splits}
    print(f"{options.out / LIST}: {len(told['tars'])} tars; "
          + "; ".join(f"{split}: {pictures} pictures of {people} people" for split, (pictures, people) in counts.items()))
