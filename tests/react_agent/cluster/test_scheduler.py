"""Cases dealt to processes that come, go and refuse, without any engine."""

import asyncio
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from react_agent.cluster.scheduler import SPARE, TRIES, Engine, Scheduler
from react_agent.cluster.worker import Answer
from react_agent.engines.bench import CaseLost, EngineLost
from react_agent.engines.queue import work_queue
from react_agent.errors import BudgetReached, ContractError


class Gone(Exception):
    """The actor has ended."""


class Actors:
    """An engine whose actors answer with `reply(actor number, item)`."""

    def __init__(self, reply: Callable[[int, Any], Any]) -> None:
        self.reply = reply
        self.hired, self.killed = 0, 0
        self.busy: Counter[int] = Counter()
        self.most: Counter[int] = Counter()

    async def start_worker(self) -> Any:
        await asyncio.sleep(0.01)
        self.hired += 1
        number = self.hired

        async def work(item: Any) -> Answer:
            self.busy[number] += 1
            self.most[number] = max(self.most[number], self.busy[number])
            try:
                await asyncio.sleep(0.001)
                return Answer(self.reply(number, item))
            finally:
                self.busy[number] -= 1

        return SimpleNamespace(
            work=SimpleNamespace(remote=work), close=SimpleNamespace(remote=hush)
        )

    def kill(self, actor: Any) -> None:
        self.killed += 1


async def hush() -> None:
    return


def deal(actors: Actors, items: int, size: int, workers: int = 8) -> list[Any]:
    async def session() -> list[Any]:
        scheduler: Scheduler[int, Any] = Scheduler(Engine(actors.start_worker, actors.kill, Gone))
        await scheduler.start(size)
        try:
            return await work_queue(scheduler.work, range(items), workers=workers)
        finally:
            await scheduler.close()

    return asyncio.run(session())


def test_every_process_has_its_share() -> None:
    actors = Actors(lambda number, item: item)
    outcomes = deal(actors, 60, 4, workers=8)
    assert [outcome.value for outcome in outcomes] == list(range(60))
    assert set(actors.most.values()) == {2}
    assert actors.killed == 4


@settings(deadline=None, max_examples=20)
@given(st.sets(st.integers(1, 12), max_size=5), st.integers(1, 6))
def test_whichever_processes_are_lost_every_case_ends_once(lost: set[int], size: int) -> None:
    def reply(number: int, item: int) -> int:
        if number in lost:
            raise Gone
        return item

    outcomes = deal(Actors(reply), 20, size)
    assert len(outcomes) == 20
    for outcome in outcomes:
        assert outcome.value == outcome.item or isinstance(outcome.error, CaseLost)


def test_a_case_that_ends_every_process_is_lost_alone() -> None:
    tries = []

    def reply(number: int, item: int) -> int:
        if item == 3:
            tries.append(number)
            raise Gone
        return item

    actors = Actors(reply)
    outcomes = deal(actors, 10, 4, workers=1)
    assert [outcome.item for outcome in outcomes if outcome.error] == [3]
    assert isinstance(outcomes[3].error, CaseLost)
    assert len(tries) == TRIES
    assert actors.killed == actors.hired  # a busy machine hires more while it waits


def test_an_engine_that_keeps_losing_is_not_asked_for_ever() -> None:
    def reply(number: int, item: int) -> int:
        raise Gone

    actors = Actors(reply)
    outcomes = deal(actors, 100, 2, workers=1)
    assert isinstance(outcomes[-1].error, EngineLost)
    assert outcomes[-1].error.owed
    assert actors.hired == 2 + 2 + SPARE


def test_what_a_process_refuses_stops_the_start() -> None:
    actors = Actors(lambda number, item: item)

    async def refuse() -> Any:
        raise ContractError("another sandbox")

    async def session() -> None:
        scheduler: Scheduler[int, Any] = Scheduler(Engine(refuse, actors.kill, Gone))
        with pytest.raises(ContractError, match="another sandbox"):
            await scheduler.start(3)

    asyncio.run(session())


def test_failures_that_the_queue_knows_stay_what_they_are() -> None:
    async def session() -> None:
        async def work(item: int) -> Answer:
            return Answer(error=BudgetReached("the cap of 1 call is reached"))

        actor = SimpleNamespace(
            work=SimpleNamespace(remote=work), close=SimpleNamespace(remote=hush)
        )
        scheduler: Scheduler[int, Any] = Scheduler(
            Engine(lambda: asyncio.sleep(0, actor), lambda a: None, Gone)
        )
        await scheduler.start(1)
        with pytest.raises(BudgetReached):
            await work_queue(scheduler.work, range(9), workers=3)

    asyncio.run(session())
