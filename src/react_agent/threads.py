"""Work that blocks, done in a thread: to its very end, or left behind; whatever it raises comes."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from typing import TypeVar

Out = TypeVar("Out")


def contained(work: Callable[..., Out], *args: object) -> Out:
    """What `work` gives, or an error that a future can hand on and that ends nothing but the wait.

    A future does not take a StopIteration and stays open for ever; a SystemExit would end the
    program, a CancelledError look as if the one who waits had been cancelled.
    """
    try:
        return work(*args)
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, StopIteration | CancelledError):
            raise
        raise RuntimeError(f"unexpected {error!r}") from error


async def in_thread(work: Callable[..., Out], *args: object) -> Out:
    """In one of asyncio's own threads."""
    return await asyncio.to_thread(contained, work, *args)


async def to_the_end(work: Callable[[], Out], threads: Executor | None = None) -> Out:
    """In one of `threads` (by default asyncio's own). What was begun is never left half done: a
    cancellation, also one before it could start, takes effect when it has ended."""
    running = asyncio.get_running_loop().run_in_executor(threads, partial(contained, work))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        running.exception()  # seen: the cancellation says more
        raise cancelled
    return running.result()


async def let_go(work: Callable[[], Out]) -> Out:
    """In a thread of its own. A cancellation, and the end of the program, leave it behind: for
    work that ends by itself and that nobody misses, such as waiting for a server."""
    done = Future[Out]()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(contained(work))
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(done)
