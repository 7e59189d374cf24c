"""The one place that runs many things at once: a queue that `workers` coroutines eat from."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from react_agent.errors import BudgetReached

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Outcome(Generic[In, Out]):
    """One item's result. A failed item is data, not a crash."""

    item: In
    value: Out | None = None
    error: Exception | None = None


async def work_queue(
    work: Callable[[In], Awaitable[Out]],
    items: Iterable[In],
    *,
    workers: int,
    done: Callable[[Outcome[In, Out]], None] | None = None,
) -> list[Outcome[In, Out]]:
    """Run `work` on every item, at most `workers` at a time; outcomes come back in input order.

    `done` sees each outcome as it comes; an exception from it (a full disk, say) stops the queue.
    Cancelling the caller cancels everything in flight and waits for it to end. Raises
    BudgetReached once a cap was met and all that needed no further call has ended.
    """
    waiting = iter(enumerate(items))
    outcomes: dict[int, Outcome[In, Out]] = {}
    spent: list[BudgetReached] = []

    async def worker() -> None:
        for index, item in waiting:
            if spent:
                return
            try:
                outcome = Outcome(item, value=await work(item))
            except BudgetReached as error:
                spent.append(error)
                return
            except Exception as error:  # the boundary: the caller decides what a failure costs
                outcome = Outcome[In, Out](item, error=error)
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
