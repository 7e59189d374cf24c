"""Work that blocks, done in a thread to its very end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

Out = TypeVar("Out")


async def to_the_end(work: Callable[[], Out], threads: Executor | None = None) -> Out:
    """In one of `threads` (by default asyncio's own). What was begun is never left half done: a
    cancellation, also one before it could start, takes effect when it has ended."""
    running = asyncio.get_running_loop().run_in_executor(threads, work)
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
