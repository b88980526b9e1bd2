"""The demo: `python app.py`, then http://127.0.0.1:7860 (the variable GRADIO_SERVER_PORT changes the port)."""

import os
import sys

# Read when gradio and what it brings are imported: nothing is reported, and no other machine is asked for anything.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")

import gradio as gr  # noqa: E402

from cocos_demo.device import pick_device  # noqa: E402
from cocos_demo.ui import api, blind, compare, correspond, edit, look, makeup, patchmatch, translate  # noqa: E402
from cocos_demo.ui.common import SAMPLES, TO_TOP  # noqa: E402


def build() -> gr.Blocks:
    """All tabs, not yet served."""
    device, reason = pick_device()
    with gr.Blocks(title="CoCosNet demo", analytics_enabled=False) as demo:
        gr.HTML(look.head(device, reason))
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
        api.endpoints()
    return demo


def main() -> None:
    """Serve on this machine alone."""
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    if not port.isdigit():
        sys.exit(f"GRADIO_SERVER_PORT must be a number, not {port!r}")
    demo = build()
    try:
        demo.launch(
            server_name="127.0.0.1", server_port=int(port), theme=look.THEME, css=look.CSS, js=look.JS, max_file_size="40mb",
            allowed_paths=[str(SAMPLES)], footer_links=["api", "settings"], prevent_thread_lock=True, quiet=True,
        )  # fmt: skip
    except OSError:
        sys.exit(f"port {port} is taken; choose another: GRADIO_SERVER_PORT=7861 python app.py")
    print(f"The demo is at http://127.0.0.1:{port}  (Ctrl-C ends it)", flush=True)
    demo.block_thread()


if __name__ == "__main__":
    main()
