"""What goes wrong outside of our own handlers, in words of ours: files that may not be read, and a disk that is full."""

import errno
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import gradio as gr
from gradio.exceptions import InvalidPathError
from gradio.utils import get_upload_folder
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cocos_demo import checkpoints
from cocos_demo.errors import explain

FULL_DISK = ("The disk of the computer that runs the demo is full, so nothing could be written. Free some space there, "
             "then try again.")
FOREIGN = "This file is not one that was uploaded here. Files of the computer that runs the demo are not read for the asking."
FULL_CODES = (errno.ENOSPC, errno.EDQUOT)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def worded(error: BaseException) -> str | None:
    """As `errors.explain`, for someone who sits elsewhere: None where the fault is the program's."""
    for one in causes(error):
        if isinstance(one, OSError) and one.errno in FULL_CODES:
            return FULL_DISK
        if isinstance(one, InvalidPathError):
            return FOREIGN
    line = explain(error)
    return line and unplaced(line)


def unplaced(line: str) -> str:
    """The same words without the folders of this machine: names are enough, and the rest is nobody's business."""
    uploads = rf"{re.escape(get_upload_folder())}/(?:[0-9a-f]{{16,}}/)?"
    folders = (re.escape(f"{folder}/") for folder in (checkpoints.imported_folder(), checkpoints.FOLDER))
    return re.sub("|".join((uploads, *folders)), "", line)


def prepare(demo: gr.Blocks) -> None:
    """Let every answer of a page that is laid out, and not yet served, come in words of ours."""
    process = demo.process_api

    async def told(*args, **kwargs):
        try:
            return await process(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            line = worded(error)
            if line is None:
                raise
            raise gr.Error(line, print_exception=False, duration=12) from error

    demo.process_api = told


class Door:
    """ASGI middleware: files are handed out of `folders` alone, wherever links lead; an upload that finds the disk full is
    answered in words (507), and not with a fault of the program."""

    def __init__(self, app: ASGIApp, folders: Sequence[Path]):
        self.app, self.folders = app, [Path(folder).resolve() for folder in folders]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, asks, path = scope.get("path", "").partition("/file=")
        if asks and not any(Path(path).resolve().is_relative_to(folder) for folder in self.folders):
            await PlainTextResponse(FOREIGN, status_code=403)(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        except OSError as error:
            if error.errno not in FULL_CODES or scope["type"] != "http":
                raise
            await PlainTextResponse(FULL_DISK, status_code=507)(scope, receive, send)
