"""Stopping long work where nothing is half done."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


@contextmanager
def deferred_signals(echo: float = 0.0) -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in the list that is given, instead of breaking off a step; a second one breaks it off.

    Within `echo` seconds a second one is the first again: a launcher passes on what has reached its processes already.
    """
    asked: list[int] = []
    since = 0.0

    def note(number, frame):
        nonlocal since
        if asked and time.monotonic() - since >= echo:
            raise KeyboardInterrupt
        since = since if asked else time.monotonic()
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may listen
        yield asked
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopped(RuntimeError):
    """Whoever asked for this no longer waits for it."""


_asked: ContextVar[threading.Event | None] = ContextVar("asked", default=None)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """`with stoppable() as asked:` once `asked` is set, `go_on` raises Stopped, here and in threads that take on this context."""
    event = threading.Event()
    token = _asked.set(event)
    try:
        yield event
    finally:
        _asked.reset(token)


def go_on() -> None:
    """Called between two stages of long work. Raises Stopped if it was asked to end."""
    event = _asked.get()
    if event is not None and event.is_set():
        raise Stopped("Stopped, as asked.")
