"""The queue keeps order, bounds what is in flight, and stops as a whole."""

import asyncio

import pytest

from react_agent.engines.queue import WorkOutcome, work_queue


def test_outcomes_keep_the_order_and_the_failures() -> None:
    async def divide(x: int) -> int:
        await asyncio.sleep(0.001 * (3 - x))
        return 6 // x

    outcomes = asyncio.run(work_queue(divide, [1, 0, 2], workers=3))
    assert [o.value for o in outcomes] == [6, None, 3]
    assert isinstance(outcomes[1].error, ZeroDivisionError)


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_never_more_than_workers_in_flight(workers: int) -> None:
    now, most = 0, 0

    async def work(_: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1

    asyncio.run(work_queue(work, range(20), workers=workers))
    assert most == min(workers, 20)


def test_an_error_in_done_stops_the_queue() -> None:
    seen: list[int] = []

    async def work(x: int) -> int:
        seen.append(x)
        await asyncio.sleep(0 if x < 3 else 60)
        return x

    def full_disk(outcome: WorkOutcome[int, int]) -> None:
        if outcome.item == 2:
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        asyncio.run(work_queue(work, range(100), workers=4, done=full_disk))
    assert len(seen) < 10


def test_cancelling_ends_everything_in_flight() -> None:
    ended: list[int] = []

    async def work(x: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(x)

    async def cancelled() -> None:
        task = asyncio.create_task(work_queue(work, range(100), workers=8))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert sorted(ended) == list(range(8))
