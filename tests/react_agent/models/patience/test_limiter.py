"""The window of requests in flight: its bounds, and what it does on servers with a capacity.

Servers are simulated on a clock that jumps, so an hour of latency costs no time.
"""

import asyncio
import contextlib
import math
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring.clock import simulated
from simulated_calls import Client, Server

from react_agent.errors import BudgetReached, InfrastructureError
from react_agent.models.patience.deadlines import now
from react_agent.models.patience.faults import Fault, FaultKind
from react_agent.models.patience.limiter import CUT, Limiter
from react_agent.models.patience.retry import Stats, patiently

KINDS: tuple[FaultKind, ...] = ("rate_limit", "server", "timeout", "connection", "garbled")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    random.seed(1)
    return simulated(work)[0]


@given(
    cap=st.integers(0, 40),
    events=st.lists(st.sampled_from(["enter", "good", "bad", "pause", "fault"]), max_size=300),
)
@settings(max_examples=150, deadline=None)
def test_never_above_the_cap_and_never_below_one(cap: int, events: list[str]) -> None:
    async def play() -> None:
        limiter = Limiter(cap)
        inside: list[int] = []

        async def enter() -> None:
            inside.append(await limiter.enter())

        tasks = []
        for event in events:
            if event == "enter":
                tasks.append(asyncio.create_task(enter()))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            elif inside:
                entered = inside.pop(0)
                if event == "good":
                    limiter.answered(entered)
                elif event != "fault":
                    limiter.refused(entered, 2.0 if event == "pause" else 0.0)
                limiter.leave()
                await asyncio.sleep(0)
            assert 1 <= limiter.window <= (cap or math.inf)
            assert limiter.in_flight <= (cap or math.inf)
            await asyncio.sleep(0)
            assert limiter.in_flight == len(inside)
        while inside or any(not task.done() for task in tasks):
            await asyncio.sleep(2.0)
            while inside:
                inside.pop()
                limiter.leave()
        assert limiter.in_flight == 0

    run(play())


@pytest.mark.parametrize(
    ("workers", "capacity"), [(64, 4), (128, 20), (16, 1), (16, 12), (128, 100), (64, 64)]
)
@pytest.mark.parametrize("capped", [True, False])
def test_the_window_converges_on_the_servers_capacity(
    workers: int, capacity: int, capped: bool
) -> None:
    """No call fails, though nine of ten are refused at first, and the server is kept busy."""
    client = Client(Server(capacity), cap=workers * capped)
    calls = 40 * capacity
    seconds = run(client.work(workers, calls))
    ideal = calls * 2.0 / capacity
    assert len(client.server.served) == calls
    assert seconds < 1.4 * ideal + 30
    assert client.stats.retries.total() < 5 * calls


@pytest.mark.parametrize("workers", [4, 16, 128])
def test_refusals_at_random_neither_end_a_call_nor_slow_the_run(workers: int) -> None:
    client = Client(Server(faults=0.2), cap=workers)
    calls = 60 * workers
    seconds = run(client.work(workers, calls))
    assert len(client.server.served) == calls
    assert client.stats.given_up == 0
    assert seconds < 1.6 * calls * 2.0 / workers


def test_the_window_recovers_to_the_cap_when_the_refusals_stop() -> None:
    async def play() -> None:
        client = Client(Server(capacity=2), cap=64)
        await client.work(64, 200)
        assert client.limiter.window <= 16
        assert str(client.limiter).endswith("/64")
        client.server.capacity = math.inf
        await client.work(64, 64 * 20)
        assert client.limiter.window == 64
        assert client.server.most == 64
        assert str(client.limiter) == ""

    run(play())


def test_requests_of_one_round_trip_cut_the_window_once() -> None:
    async def play() -> None:
        limiter = Limiter(64)
        entered = [await limiter.enter() for _ in range(64)]
        for number in entered:
            limiter.refused(number)
            limiter.leave()
        assert limiter.window == CUT * 64

    run(play())


def test_a_pause_that_a_server_asks_for_holds_for_everybody() -> None:
    async def play() -> None:
        client = Client(Server(capacity=4, retry_after=30.0), cap=8)
        await client.work(8, 12)
        refused = [at for at in client.server.arrivals if at < 1.0]
        assert len(refused) == 8
        assert not [at for at in client.server.arrivals if 1.0 < at < 30.0]

    run(play())


def test_who_waits_longest_goes_first_and_who_sleeps_holds_no_place() -> None:
    async def play() -> list[str]:
        order: list[str] = []

        async def attempt_of(name: str) -> str:
            tried: list[str] = []

            async def attempt(seconds: float) -> str:
                tried.append(name)
                await asyncio.sleep(1.0)
                if name == "unlucky" and len(tried) == 1:
                    raise Fault("server", "HTTP 500")
                order.append(name)
                return name

            return await patiently(attempt, client.policy, client.breaker, client.pace, Stats())

        client = Client(Server(), cap=1)
        tasks = []
        for name in ("unlucky", *"abcdef"):
            tasks.append(asyncio.create_task(attempt_of(name)))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return order

    assert run(play()) == [*"abcdef", "unlucky"]


def test_a_place_given_to_a_call_that_is_cancelled_goes_to_the_next() -> None:
    async def play() -> None:
        limiter = Limiter(1)
        await limiter.enter()
        first, second = (asyncio.create_task(limiter.enter()) for _ in range(2))
        await asyncio.sleep(0)
        limiter.leave()
        first.cancel()
        async with asyncio.timeout(1):
            await second
        assert first.cancelled()
        limiter.leave()
        assert limiter.in_flight == 0

    run(play())


def test_the_end_wakes_all_that_wait_or_sleep() -> None:
    async def play() -> None:
        client = Client(Server(seconds=10.0, capacity=1, retry_after=100.0), cap=2)
        calls = [asyncio.create_task(client.call()) for _ in range(6)]
        await asyncio.sleep(1.0)
        client.limiter.end(BudgetReached("enough"))
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert now() < 20
        assert done.count("reply") == 1  # what is in flight is finished
        assert sum(isinstance(outcome, BudgetReached) for outcome in done) == 5
        assert {o.sent for o in done if isinstance(o, BudgetReached)} == {True, False}

    run(play())


def test_every_kind_of_fault_at_once_ends_calls_by_patience_only() -> None:
    """Nine of ten attempts fail. The breaker stays closed, and no call goes on for ever."""

    async def play() -> None:
        client = Client(Server(), cap=16)
        dice = random.Random(3)

        async def attempt(seconds: float) -> str:
            await asyncio.sleep(dice.uniform(0.1, 5.0))
            if dice.random() < 0.96:
                raise Fault(dice.choice((*KINDS, "connection")), "as drawn")
            return "reply"

        async def call() -> None:
            with contextlib.suppress(InfrastructureError):
                await patiently(attempt, client.policy, client.breaker, client.pace, client.stats)

        for _ in range(20):
            await asyncio.gather(*(call() for _ in range(16)))
        assert client.breaker.outages == 0

    run(play())
