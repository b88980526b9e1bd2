"""Figures for checkpoints on held-out people, each against the trivial answers. `python -m cocos_demo evaluate --help`.

`pairs`: which pictures. `portraits`, `figures`: what is asked of each kind of condition. `likeness`: outputs whose answer is
known. `critics`: what perceptual networks say of the rest. `tables`: Markdown, sheet and curve. `command`: the command.
"""

from .command import EvaluateArgs, run
from .pairs import batch_of, choose_pairs

__all__ = ["EvaluateArgs", "batch_of", "choose_pairs", "run"]
