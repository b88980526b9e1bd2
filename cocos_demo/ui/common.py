"""What every tab needs: the samples, uploads as they came, errors as toasts, and the pieces that tabs are made of."""

import contextlib
import functools
import hashlib
import html
import inspect
import io
import traceback
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder
from PIL import Image

from cocos_demo.files import beside
from cocos_demo.ui.answers import worded

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
ENDINGS = ".jpg", ".jpeg", ".png", ".webp"  # what every browser shows
OWN: dict[str, list[str]] = {}  # folder of samples -> copies of someone's own pictures, offered first (`offered.py`)
LEFT_OUT: set[str] = set()  # paths of samples that cannot be opened
# One lane for everything that computes: two people at once wait for each other instead of halving the machine.
HEAVY = {"concurrency_id": "heavy", "concurrency_limit": 1}
TO_TOP = "(...given) => { window.scrollTo(0, 0); return given; }"  # the tab that is left may have been scrolled far down
HEIGHT = 340  # pixels of an upload on screen


def as_uploaded(image: gr.Image) -> gr.Image:
    """Let a gr.Image hand over the path of the file as it came: photo.py opens it, and says what is wrong with it.

    Set on the object, since gradio writes an interface file beside every module that subclasses a component.
    """
    image.preprocess = lambda payload: payload.path if payload else None
    return image


def as_served(image: gr.Image) -> gr.Image:
    """Let a gr.Image send its pictures as PNG compressed lightly: a quarter of the time, a fifth more bytes."""

    def postprocess(picture: Image.Image | None):
        if picture is None:
            return None
        file = io.BytesIO()
        picture.save(file, "png", compress_level=1)
        return ImageData(path=served(file.getvalue(), "picture.png"), orig_name="picture.png")

    image.postprocess = postprocess
    return image


def served(data: bytes, name: str) -> str:
    """Path of a file with this content that the app may serve."""
    path = Path(get_upload_folder()).resolve() / hashlib.sha256(data).hexdigest() / name
    if not path.exists():  # it may be on its way to a browser
        with beside(path) as partial:
            partial.write_bytes(data)
    return str(path)


def samples(folder: str) -> list[str]:
    """Paths of the pictures to choose from: those that were named for this run, then those in data/samples/FOLDER, in order."""
    there = sorted(str(path) for path in (SAMPLES / folder).glob("*") if path.suffix.lower() in ENDINGS)
    return [*OWN.get(folder, ()), *(path for path in there if path not in LEFT_OUT)]


def friendly(handler):
    """Wrap a handler: a user's mistake becomes a toast; a fault of ours too, with its traceback in the terminal."""

    @contextlib.contextmanager
    def told():
        try:
            yield
        except gr.Error:
            raise
        except Exception as error:
            line = worded(error)
            if line is None:
                traceback.print_exc()
                line = f"Something went wrong inside the program ({type(error).__name__}). The terminal tells more."
            raise gr.Error(line, print_exception=False, duration=12) from error

    @functools.wraps(handler)
    def wrapped(*args, **kwargs):
        with told():
            return handler(*args, **kwargs)

    @functools.wraps(handler)
    def step_by_step(*args, **kwargs):
        with told():
            yield from handler(*args, **kwargs)

    return step_by_step if inspect.isgeneratorfunction(handler) else wrapped


# Pieces


def chosen(event: gr.SelectData) -> str:
    """The sample that was clicked in a gallery."""
    return event.value["image"]["path"]


def in_facts(words: str) -> str:
    return f'<p class="facts">{html.escape(words)}</p>'


def in_boxes(notes) -> str:
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def hexadecimal(colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def step(number: int, words: str) -> str:
    return f'<p class="step"><b>{number}</b>{words}</p>'


def caption(words: str) -> str:
    """What stands over a picture whose own label would lie on it."""
    return f'<p class="side">{html.escape(words)}</p>'


def upload(path: str | None, label: str, height: int = HEIGHT, show_label: bool = False, **options) -> gr.Image:
    # After an update gradio goes on with a plain copy of the component: as a file path, unconverted, the upload stays as it came.
    plain = {"type": "filepath", "image_mode": None}
    look = {"show_label": show_label, "height": height, "buttons": ["fullscreen"]}
    return as_uploaded(gr.Image(path, label=label, **plain, **look, **options))


def thumbnails(paths: list[str | tuple[str, str]], *classes: str) -> gr.Gallery:
    look = {"show_label": False, "object_fit": "cover", "buttons": [], "elem_classes": ["thumbs", *classes]}
    return gr.Gallery(paths, allow_preview=False, **look)


def shown(label: str, buttons=("download", "fullscreen"), **options) -> gr.Image:
    return gr.Image(label=label, format="png", interactive=False, buttons=list(buttons), **options)


def compared(label: str, elem_id: str) -> gr.ImageSlider:
    """Two pictures under one another, and a line to be drawn over them."""
    return gr.ImageSlider(label=label, show_label=False, format="png", interactive=False, buttons=["fullscreen"], elem_id=elem_id)
