"""Which results are put together, and when: fixed groups, and slots that serve late work first."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


def groups(items: Sequence[T], size: int) -> list[list[T]]:
    """Runs of `size` in order; a remainder smaller than half a group is dealt round to the others.

    323 items in fives give 65 groups, then 13, 3, 1; the order of arrival plays no part.
    """
    chunks = [list(items[i : i + size]) for i in range(0, len(items), size)]
    if len(chunks) > 1 and 2 * len(chunks[-1]) < size:
        for number, item in enumerate(chunks.pop()):
            chunks[number % len(chunks)].append(item)
    return chunks


def levels(leaves: int, size: int, cap: int) -> list[list[list[int]]]:
    """For every merge level its groups, as positions in the level below."""
    plan: list[list[list[int]]] = []
    count = leaves
    while count > 1 and len(plan) < cap:
        plan.append(groups(range(count), size))
        count = len(plan[-1])
    return plan


def levels_apart(sides: Sequence[int], size: int, cap: int) -> list[list[list[int]]]:
    """The same for leaves of several sides, given by their numbers: each side is merged by itself
    until one patch of it is left, or the cap leaves room for the last level only, which has all."""
    plans = [levels(leaves, size, cap - 1) for leaves in sides]
    counts = list(sides)
    merged: list[list[list[int]]] = []
    for level in range(max(map(len, plans))):
        groups_here: list[list[int]] = []
        below = 0
        for side, plan in enumerate(plans):
            own = plan[level] if level < len(plan) else [[n] for n in range(counts[side])]
            groups_here += [[below + n for n in group] for group in own]
            below += counts[side]
            counts[side] = len(own)
        merged.append(groups_here)
    return [*merged, [list(range(sum(counts)))]]


class Slots:
    """At most `number` at a time; of those waiting, the highest priority goes first.

    Merges wait on nobody's behalf but their own tree: served before MAP calls that still queue,
    they are out of the way when the last MAP result comes.
    """

    def __init__(self, number: int) -> None:
        self.free = max(1, number)
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    @asynccontextmanager
    async def take(self, priority: int) -> AsyncIterator[None]:
        if self.free:
            self.free -= 1
        else:
            await self._wait(priority)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, priority: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (-priority, self._count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1
