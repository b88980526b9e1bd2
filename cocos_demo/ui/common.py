"""What every tab needs: the samples, uploads as they came, and errors as toasts."""

import functools
import traceback
from pathlib import Path

import gradio as gr

from cocos_demo.errors import explain

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
# One lane for everything that computes: two people at once wait for each other instead of halving the machine.
HEAVY = {"concurrency_id": "heavy", "concurrency_limit": 1}


def as_uploaded(image: gr.Image) -> gr.Image:
    """Let a gr.Image hand over the path of the file as it came: photo.py opens it, and says what is wrong with it.

    Set on the object, since gradio writes an interface file beside every module that subclasses a component.
    """
    image.preprocess = lambda payload: payload.path if payload else None
    return image


def samples(folder: str) -> list[str]:
    """Paths of the pictures in data/samples/FOLDER, in order."""
    return sorted(str(path) for path in (SAMPLES / folder).glob("*") if path.suffix in (".jpg", ".png"))


def friendly(handler):
    """Wrap a handler: a user's mistake becomes a toast; a fault of ours too, with its traceback in the terminal."""

    @functools.wraps(handler)
    def wrapped(*args, **kwargs):
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            line = explain(error)
            if line is None:
                traceback.print_exc()
                line = f"Something went wrong inside the program ({type(error).__name__}). The terminal tells more."
            raise gr.Error(line, print_exception=False, duration=12) from error

    return wrapped
