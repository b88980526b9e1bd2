"""The demo: `python app.py`, then http://127.0.0.1:7860 (the variable GRADIO_SERVER_PORT changes the port)."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr  # noqa: E402

from cocos_demo.device import pick_device  # noqa: E402
from cocos_demo.ui import look, translate  # noqa: E402
from cocos_demo.ui.common import SAMPLES  # noqa: E402


def build() -> gr.Blocks:
    """All tabs, not yet served."""
    device, reason = pick_device()
    with gr.Blocks(title="CoCosNet demo", analytics_enabled=False) as demo:
        gr.HTML(look.head(device, reason))
        with gr.Tab("Translate"):
            translate.tab(demo)
    return demo


def main() -> None:
    """Serve on this machine alone."""
    build().launch(
        server_name="127.0.0.1",
        server_port=int(os.environ.get("GRADIO_SERVER_PORT", 7860)),
        theme=look.THEME,
        css=look.CSS,
        max_file_size="40mb",
        allowed_paths=[str(SAMPLES)],
        footer_links=["api"],
        share=False,
    )


if __name__ == "__main__":
    main()
