"""The lane of everything that computes: how many may wait in it, what is said when it is full, and how a job ends before its end."""

import asyncio
import functools
import inspect
from collections.abc import Callable

import anyio
import gradio as gr

from cocos_demo.stopping import stoppable
from cocos_demo.ui.common import HEAVY

WAITING = 32  # jobs that may wait; one more is computing
FULL = (f"{WAITING} jobs are waiting already, and that is the most: this one was not taken. Nothing is lost; ask again in a minute.")


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
    """A handler that ends when whoever asked has gone: at its next stage; until then the lane stays taken."""

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
    with stoppable() as asked:
        running = asyncio.ensure_future(anyio.to_thread.run_sync(work))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            asked.set()
            while not running.done():  # two at once would share the machine's memory
                try:
                    await asyncio.wait([running])
                except asyncio.CancelledError:
                    continue
            running.cancelled() or running.exception()  # seen: nobody is left to be told
            raise
