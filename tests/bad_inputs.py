"""Every sort of bad input, what the app answers, and that it goes on: `python tests/bad_inputs.py` prints the table."""

import builtins
import errno
import io
import json
import os
import struct
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from made_up import FACE, FIGURE, PORTRAIT, SAMPLES, checkpoint, empty_photo  # noqa: E402
from PIL import Image  # noqa: E402

BACK = SAMPLES / "figures" / "P003_back.jpg"


def noise(side: tuple[int, int]) -> Image.Image:
    return Image.effect_noise(side, 60).convert("RGB")


def wide(path: Path) -> None:
    """20,000 x 4,000 pixels, one bit each."""
    Image.new("1", (20_000, 4_000), 1).save(path)


def three(path: Path) -> None:
    """Three faces in a row, the second the largest."""
    with Image.open(FACE) as face, Image.open(PORTRAIT) as other:
        row = Image.new("RGB", (2000, 900), "white")
        for at, picture, side in ((0, other, 500), (520, face, 900), (1440, other, 520)):
            row.paste(picture.convert("RGB").resize((side, side)), (at, 0))
    row.save(path)


def transparent(path: Path) -> None:
    with Image.open(FACE) as face:
        picture = face.convert("RGBA")
    picture.putalpha(Image.radial_gradient("L").point(lambda v: 255 if v < 200 else 0).resize(picture.size))
    picture.save(path)


def sideways(path: Path) -> None:
    """Lying on its side, as EXIF says."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(FACE) as face:
        face.convert("RGB").transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


# What is uploaded as the photo: words, the file's name, how it is made.
PHOTOS: tuple[tuple[str, str, Callable[[Path], object]], ...] = (
    ("not an image", "letter.jpg", lambda p: p.write_text("Dear Sir or Madam")),
    ("an empty file", "nothing.png", lambda p: p.write_bytes(b"")),
    ("1 × 1 pixels", "dot.png", lambda p: Image.new("RGB", (1, 1)).save(p)),
    ("20,000 × 4,000 pixels", "wide.png", wide),
    ("20,000 × 300 pixels", "panorama.png", lambda p: Image.new("1", (20_000, 300), 1).save(p)),
    ("says to be 60,000 × 60,000", "bomb.bmp", lambda p: p.write_bytes(
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0))),
    ("truncated", "half.jpg", lambda p: p.write_bytes(FACE.read_bytes()[:9000])),
    ("nobody on it", "grey.png", empty_photo),
    ("noise", "noise.png", lambda p: noise((400, 300)).save(p)),
    ("three faces", "three.png", three),
    ("grey", "grey_face.png", lambda p: Image.open(FACE).convert("L").save(p)),
    ("transparent", "holes.png", transparent),
    ("sideways by EXIF", "side.jpg", sideways),
)  # fmt: skip
# With a model that was chosen: words, photo, exemplar, model.
CHOSEN = (
    ("a back turned, for a model of faces", BACK, PORTRAIT, "portrait"),
    ("a back turned, for a model of poses", BACK, FIGURE, "figure"),
    ("a portrait, for a model of poses", FACE, FIGURE, "figure"),
    ("a portrait as the exemplar of a figure", BACK, PORTRAIT, "figure"),
)


def wrong_checkpoints(folder: Path) -> dict[str, str]:
    """Put what is no checkpoint of ours beside the imported ones -> name of each in words."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.safetensors").write_bytes(b"junk" * 100)
    save_file({"weight": torch.zeros(3)}, folder / "foreign.safetensors")
    whole = checkpoint(folder, "portrait")
    (folder / "torn.safetensors").write_bytes(whole.read_bytes()[:-5000])
    whole.rename(folder / "mine.safetensors")
    from cocos_demo import packed

    card = packed.metadata(folder / "mine.safetensors")["cocos_demo"]
    tensors = packed.tensors(folder / "mine.safetensors")
    save_file(dict(list(tensors.items())[1:]), folder / "misfit.safetensors", {"cocos_demo": card})
    return {"broken": "a broken checkpoint", "foreign": "another program's checkpoint", "torn": "a checkpoint cut short",
            "misfit": "a checkpoint without one of its tensors", "nobody": "a checkpoint that is not there"}  # fmt: skip


class Asking:
    """Asks the API for translations: `ask(photo, model)` -> the message, or the notes to the picture."""

    def __init__(self, address: str):
        from gradio_client import Client

        self.address, self.client = address, Client(address, verbose=False)

    def __call__(self, photo: Path, model: str, exemplar: Path = PORTRAIT) -> str:
        try:
            return self.given(self.upload(photo), self.upload(exemplar), model)
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def upload(self, path: Path) -> dict:
        """A file as the page uploads it. Raises HTTPError."""
        bound = b"bad-inputs"
        head = f'Content-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
        body = b"--" + bound + b"\r\n" + head + path.read_bytes() + b"\r\n--" + bound + b"--\r\n"
        told = {"Content-Type": f"multipart/form-data; boundary={bound.decode()}"}
        answer = urllib.request.urlopen(urllib.request.Request(f"{self.address}/gradio_api/upload", body, told))
        return {"path": json.load(answer)[0], "url": "", "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}

    def given(self, photo: dict, exemplar: dict, model: str) -> str:
        """What the API says to uploaded files."""
        data = json.dumps({"data": [photo, exemplar, model, "own", None]}).encode()
        at = f"{self.address}/gradio_api/call/translate"
        event = json.load(urllib.request.urlopen(urllib.request.Request(at, data, {"Content-Type": "application/json"})))
        lines = urllib.request.urlopen(f"{at}/{event['event_id']}", timeout=120).read().decode().strip().splitlines()
        kind, told = (line.partition(": ")[2] for line in lines[-2:])
        if kind == "error":
            return json.loads(told)["error"]
        picture, *_, facts, _ = json.loads(told)
        with Image.open(picture["path"]) as image:
            said = f"a picture of {image.width} × {image.height} pixels"
        notes = [note for note in facts["notes"] if note.startswith("Photo")]
        return ". ".join([said, *notes])


def answers(ask: Asking, folder: Path, home: Path) -> Iterator[tuple[str, str]]:
    """(input, answer) of every bad input; `ask` is an Asking."""
    for words, name, make in PHOTOS:
        make(folder / name)
        yield words, ask(folder / name, "auto")
    for words, photo, exemplar, model in CHOSEN:
        yield words, ask(photo, model, exemplar)
    for name, words in wrong_checkpoints(home / "checkpoints").items():
        yield words, ask(FACE, name)
    uploaded = ask.upload(FACE), ask.upload(PORTRAIT)
    with full_disk():
        yield "a full disk, at the upload", ask(FACE, "portrait")
        yield "a full disk, at the answer", ask.given(*uploaded, "portrait")


@contextmanager
def full_disk() -> Iterator[None]:
    """Whatever is to be written into the app's folder meets a full disk."""
    folder = os.environ["GRADIO_TEMP_DIR"]

    def full(*given, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    def guarded(file, mode="r", *given, **more):
        return full() if set(mode) & set("wax+") and str(file).startswith(folder) else opened(file, mode, *given, **more)

    opened, before = open, [(builtins, "open", open), (io, "open", io.open), (tempfile, "mkstemp", tempfile.mkstemp),
                            (tempfile, "NamedTemporaryFile", tempfile.NamedTemporaryFile)]  # fmt: skip
    for module, name, _ in before:
        setattr(module, name, guarded if name == "open" else full)
    try:
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Markdown."""
    return "\n".join(["| input | answer |", "|---|---|", *(f"| {words} | {answer} |" for words, answer in rows)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ["COCOS_DEMO_HOME"] = str(home)
        import app
        from cocos_demo.ui import serve

        demo = serve.start(app.build, serve.Options(port=free_port()))
        ask = Asking(demo.local_url.rstrip("/"))
        print(table(answers(ask, Path(folder), home)), flush=True)
        assert "a picture" in ask(FACE, "portrait") and "a picture" in ask(BACK, "figure", FIGURE)  # it goes on
        demo.close()


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


if __name__ == "__main__":
    main()
