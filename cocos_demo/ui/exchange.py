"""A photo of another kind needs another exemplar, but what was chosen while it was read stays."""

from typing import NamedTuple

import gradio as gr


class Exchange(NamedTuple):
    """Another exemplar is due, in the place of the one that was there when the photo began to be read."""

    seen: str | None
    take: str | None


def exchanged(due: Exchange | None, exemplar: str | None):
    """-> the exemplar, and that no other is due any more. One that was chosen while the photo was read stays."""
    return due.take if due and due.seen == exemplar else gr.skip(), None
