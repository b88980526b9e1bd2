"""The lane of everything that computes: how many may wait, what is said when it is full, and how a job ends before its end."""

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable

import anyio
import gradio as gr

from cocos_demo.stopping import go_on, stoppable
from cocos_demo.ui.common import HEAVY

WAITING = 32  # jobs that may wait; one more is computing
FULL = f"{WAITING} jobs are waiting already, which is the most: this one was not taken. Ask again in a minute."

_computing = threading.Lock()  # two at once would share the machine's memory


def prepare(demo: gr.Blocks) -> None:
    """Bound the lane of a page that is laid out and not yet served, and let its jobs be ended."""
    for one in demo.fns.values():
        if one.concurrency_id == HEAVY["concurrency_id"] and one.fn and not inspect.iscoroutinefunction(one.fn):
            one.fn = stepwise(one.fn) if inspect.isgeneratorfunction(one.fn) else ending(one.fn)
    demo.queue(max_size=8 * WAITING)  # of all lanes together, those of quick answers too
    with demo:
        refused = gr.Button(visible=False).click(refuse, concurrency_limit=None, api_visibility="private")["id"]
    push = demo._queue.push

    async def bounded(body, request, username):
        # Gradio's own bound answers programs with words that cannot be chosen: the job is taken and answered at once instead.
        lane = demo._queue.event_queue_per_concurrency_id.get(HEAVY["concurrency_id"])
        asked = demo.fns.get(body.fn_index)
        if asked and asked.concurrency_id == HEAVY["concurrency_id"] and lane and len(lane.queue) >= WAITING:
            body.fn_index, body.data = refused, []
        return await push(body, request, username)

    demo._queue.push = bounded


def refuse():
    """The answer of a full lane."""
    raise gr.Error(FULL, print_exception=False, duration=12)


def ending(handler: Callable) -> Callable:
    """A handler whose job can be ended."""

    @functools.wraps(handler)
    async def wrapped(*args, **kwargs):
        return await _in_a_thread(functools.partial(handler, *args, **kwargs))

    return wrapped


def stepwise(handler: Callable) -> Callable:
    """The same for a handler that yields."""

    @functools.wraps(handler)
    async def wrapped(*args, **kwargs):
        iterator, end = handler(*args, **kwargs), object()
        try:
            while (value := await _in_a_thread(functools.partial(next, iterator, end))) is not end:
                yield value
        finally:
            iterator.close()

    return wrapped


async def _in_a_thread(work: Callable):
    """Its result. When this is cancelled, the work ends at its next stage, and until then no other begins."""

    def alone():
        with _computing:
            go_on()
            return work()

    with stoppable() as asked:
        try:
            return await anyio.to_thread.run_sync(alone, abandon_on_cancel=True)
        except asyncio.CancelledError:
            asked.set()
            raise
