"""The demo: `python app.py`, then http://127.0.0.1:7860 (`--help`: another port, other people by a password)."""

import os

# Read when gradio and what it brings are imported: nothing is reported, and no other machine is asked for anything.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")
# Threads that wait for each other in a loop take from a busy machine what they wait for: several times slower, measured.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from cocos_demo.ui import serve  # noqa: E402

if __name__ == "__main__":
    OPTIONS = serve.options()  # before what takes seconds: a mistake, and the password

import gradio as gr  # noqa: E402

from cocos_demo import precision  # noqa: E402
from cocos_demo.device import pick_device  # noqa: E402
from cocos_demo.ui import api, blind, compare, correspond, edit, look, makeup, patchmatch, translate  # noqa: E402
from cocos_demo.ui.common import TO_TOP  # noqa: E402


def build() -> gr.Blocks:
    """All tabs, not yet served."""
    device, reason = pick_device()
    with gr.Blocks(title="CoCosNet demo", analytics_enabled=False) as demo:
        head = gr.HTML(look.head(device, reason))
        with gr.Tabs() as tabs:
            with gr.Tab("Translate"):
                look_closer, watch, given = translate.tab(demo)
            with gr.Tab("Correspond", id=correspond.ROOM) as room:
                watch_these, taken = correspond.tab(room)
            with gr.Tab("PatchMatch", id=patchmatch.ROOM) as room:
                watched = patchmatch.tab(room)
            for name, tab in {"Edit": edit, "Makeup": makeup, "Compare": compare, "Blind": blind}.items():
                with gr.Tab(name, id=tab.ROOM) as room:
                    tab.tab(room)
        # The pictures of one tab are brought to another.
        private = {"js": TO_TOP, "queue": False, "api_visibility": "private"}
        look_closer.click(correspond.carried, [taken[0], *given], [*taken, tabs], **private)
        watch.click(patchmatch.carried, [watched[0], *given], [*watched, tabs], **private)
        watch_these.click(patchmatch.carried, [watched[0], *taken[2:]], [*watched, tabs], **private)
        demo.load(lambda: look.head(device, reason, precision.chosen.words), None, head, queue=False, show_progress="hidden",
                  api_visibility="private")
        api.endpoints()
    return demo


def main(argv: list[str] | None = None) -> None:
    """Serve as the words of a command line say, those of this program if None."""
    serve.run(build, serve.options(argv))


if __name__ == "__main__":
    serve.run(build, OPTIONS)
