"""What goes wrong outside of our own handlers, in words of ours: files that may not be read, and a disk that is full."""

import errno
from collections.abc import Iterator

import gradio as gr
from gradio.exceptions import InvalidPathError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

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
    """What to say of an error in place of what it says itself; None where it speaks for itself, or is a fault of ours."""
    for one in causes(error):
        if isinstance(one, OSError) and one.errno in FULL_CODES:
            return FULL_DISK
        if isinstance(one, InvalidPathError):
            return FOREIGN
    return None if isinstance(error, gr.Error) else explain(error)


def prepare(demo: gr.Blocks) -> None:
    """Let every answer of a page that is laid out, and not yet served, come in words of ours."""
    process = demo.process_api

    async def told(*args, **kwargs):
        try:
            return await process(*args, **kwargs)
        except Exception as error:
            line = worded(error)
            if line is None:
                raise
            raise gr.Error(line, print_exception=False, duration=12) from error

    demo.process_api = told


class Uploads:
    """ASGI middleware: an upload that finds the disk full is answered in words (507), and not with a fault of the program."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except OSError as error:
            if error.errno not in FULL_CODES or scope["type"] != "http":
                raise
            await PlainTextResponse(FULL_DISK, status_code=507)(scope, receive, send)
