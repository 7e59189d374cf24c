"""The one place that runs many things at once: a queue that `workers` coroutines eat from."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from react_agent.errors import RunStopped

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class WorkOutcome(Generic[In, Out]):
    """One item's result. A failed item is data, not a crash."""

    item: In
    value: Out | None = None
    error: Exception | None = None


async def work_queue(
    work: Callable[[In], Awaitable[Out]],
    items: Iterable[In],
    *,
    workers: int,
    again: Callable[[WorkOutcome[In, Out]], bool] = lambda outcome: False,
    done: Callable[[WorkOutcome[In, Out]], None] | None = None,
) -> list[WorkOutcome[In, Out]]:
    """Run `work` on every item, at most `workers` at a time; outcomes come back in input order.

    An item whose first outcome `again` takes is put at the end of the queue, once, instead.
    `done` sees each outcome as it comes; an exception from it (a full disk, say) stops the queue.
    Cancelling the caller cancels everything in flight and waits for it to end. Raises
    RunStopped once a cap was met and all that needed no further call has ended.
    """
    waiting = iter(enumerate(items))
    outcomes: dict[int, WorkOutcome[In, Out]] = {}
    later: deque[tuple[int, In]] = deque()
    repeated: set[int] = set()
    spent: list[RunStopped] = []

    async def worker() -> None:
        while entry := next(waiting, None) or (later.popleft() if later else None):
            if spent:
                return
            index, item = entry
            try:
                outcome = WorkOutcome(item, value=await work(item))
            except RunStopped as error:
                spent.append(error)
                return
            except Exception as error:  # the boundary: the caller decides what a failure costs
                outcome = WorkOutcome[In, Out](item, error=error)
            if index not in repeated and again(outcome):
                repeated.add(index)
                later.append(entry)
                continue
            outcomes[index] = outcome
            if done:
                done(outcome)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, workers)):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    if spent:
        raise spent[0]
    return [outcomes[index] for index in sorted(outcomes)]
