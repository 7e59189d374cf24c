"""What is done in a thread is done to the end, whatever happens to who waits for it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from react_agent.threads import in_thread, let_go, to_the_end


def test_the_result_and_the_error_come_back() -> None:
    assert asyncio.run(to_the_end(lambda: 42)) == 42
    with pytest.raises(ZeroDivisionError):
        asyncio.run(to_the_end(lambda: 1 // 0))


class Unusual(BaseException):
    pass


ENDS = [StopIteration(), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), Unusual()]


@pytest.mark.parametrize("error", [*ENDS, CancelledError()], ids=repr)
@pytest.mark.parametrize("way", [in_thread, to_the_end, let_go])
def test_no_error_leaves_the_asker_waiting_or_ends_more_than_the_work(
    error: BaseException, way: Callable[[Callable[[], None]], Awaitable[None]]
) -> None:
    def work() -> None:
        raise error

    async def asked() -> str:
        with pytest.raises(RuntimeError, match="unexpected") as raised:
            await asyncio.wait_for(way(work), 10)
        assert raised.value.__cause__ is error
        return "goes on"

    assert asyncio.run(asked()) == "goes on"


@pytest.mark.parametrize("cancellations", [1, 3])
def test_cancelling_waits_for_the_end(cancellations: int) -> None:
    done = threading.Event()

    def work() -> None:
        time.sleep(0.2)
        done.set()

    async def cancelled() -> bool:
        waiting = asyncio.ensure_future(to_the_end(work))
        for _ in range(cancellations):
            await asyncio.sleep(0.02)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return done.is_set()

    assert asyncio.run(cancelled())


def test_what_has_not_begun_is_not_skipped() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        time.sleep(0.05)
        done.append(number)

    async def cancelled() -> None:
        with ThreadPoolExecutor(1) as one:
            waiting = [
                asyncio.ensure_future(to_the_end(lambda n=n: work(n), one))  # type: ignore[misc]
                for n in range(5)
            ]
            await asyncio.sleep(0.02)
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert sorted(done) == [0, 1, 2, 3, 4]

    asyncio.run(cancelled())


def test_what_is_let_go_gives_its_result_and_every_error() -> None:
    assert asyncio.run(let_go(lambda: 42)) == 42
    with pytest.raises(ZeroDivisionError):
        asyncio.run(let_go(lambda: 1 // 0))


def test_what_is_let_go_keeps_nobody_waiting() -> None:
    going_on = threading.Event()

    async def cancelled() -> float:
        waiting = asyncio.ensure_future(let_go(lambda: going_on.wait(20)))
        await asyncio.sleep(0.02)
        waiting.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return time.monotonic() - started

    assert asyncio.run(cancelled()) < 5
    going_on.set()
