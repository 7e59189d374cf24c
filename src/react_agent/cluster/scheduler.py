"""Cases dealt out to processes that may be lost; knows no engine, only actors that answer."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic

from react_agent.cluster.worker import Answer
from react_agent.engines.bench import CaseLost, EngineLost, In, Out
from react_agent.errors import ContractError, Trace2SkillError
from react_agent.models.patience.retry import Stats

log = logging.getLogger(__name__)

START_SECONDS = 180.0
"""What workers may take to start; those that take longer are not waited for."""
STOP_SECONDS = 3.0
"""What cases in flight get to close their sandboxes."""
TRIES = 2
"""A case whose process is lost is worked on once more; the second time it may be its own doing."""
SPARE = 8
"""Replacements that even the fewest workers get, beyond one for each."""


@dataclass(frozen=True)
class Engine:
    """What is asked of an engine; an actor's methods are called as `actor.name.remote()`."""

    start_worker: Callable[[], Awaitable[Any]]
    """A new actor with the site opened. Raises ContractError when it does not fit."""
    kill: Callable[[Any], None]
    lost: type[Exception]
    """What a call raises whose actor is gone."""


@dataclass
class WorkerState:
    """A worker as the driver sees it."""

    actor: Any
    in_flight: int = 0
    retries: Counter[str] = field(default_factory=Counter)


class Scheduler(Generic[In, Out]):
    """All workers. A case goes to the one with the fewest; a lost worker is replaced."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.workers: list[WorkerState] = []
        self.stats = Stats()
        self._starting: set[asyncio.Task[None]] = set()
        self._replacements = 0

    async def start(self, count: int) -> None:
        """Raises ContractError when a worker does not fit, or none starts."""
        starting = [asyncio.ensure_future(self._start_one()) for _ in range(count)]
        try:
            done, late = await asyncio.wait(
                starting, timeout=START_SECONDS, return_when=asyncio.FIRST_EXCEPTION
            )
            for task in done:
                task.result()
        finally:
            for task in starting:
                task.cancel()
        if not self.workers:
            raise ContractError(
                f"--executor ray: no process started within {START_SECONDS:g} s; has the cluster "
                "free CPUs?"
            )
        if late:
            log.warning("%d of %d processes found no place in time", len(late), count)
        # A cluster that goes on losing what it starts is not asked for ever.
        self._replacements = len(self.workers) + SPARE

    async def work(self, item: In) -> Out:
        """Raises CaseLost, EngineLost, and what the site's own work raises."""
        for _ in range(TRIES):
            worker = await self._least_busy()
            worker.in_flight += 1
            try:
                answer: Answer = await worker.actor.work.remote(item)
            except self.engine.lost as error:
                self._lose(worker, error)
                continue
            finally:
                worker.in_flight -= 1
            self.stats.retries += answer.stats.retries - worker.retries
            worker.retries = Counter(answer.stats.retries)
            if answer.error:
                raise answer.error
            value: Out = answer.value
            return value
        raise CaseLost(f"{TRIES} processes were lost that worked on it")

    async def close(self) -> None:
        """Cancels what is in flight and lets the sandboxes be closed."""
        for task in self._starting:
            task.cancel()
        closing = [asyncio.ensure_future(self._closed(worker.actor)) for worker in self.workers]
        if closing:
            await asyncio.wait(closing, timeout=STOP_SECONDS)
        for worker in self.workers:
            self.engine.kill(worker.actor)

    async def _start_one(self) -> None:
        self.workers.append(WorkerState(await self.engine.start_worker()))

    async def _least_busy(self) -> WorkerState:
        while not self.workers:
            if not self._starting:
                raise EngineLost("the cluster has lost all processes, and those in their place")
            await asyncio.wait(self._starting, return_when=asyncio.FIRST_COMPLETED)
        return min(self.workers, key=lambda worker: worker.in_flight)

    def _lose(self, worker: WorkerState, error: Exception) -> None:
        """Once for a worker, however many cases it had in flight."""
        if worker not in self.workers:
            return
        self.workers.remove(worker)
        # One that only cannot be reached must not go on beside another.
        self.engine.kill(worker.actor)
        log.warning(
            "a process of the cluster was lost; its %d cases in flight go to others: %s",
            worker.in_flight,
            next(iter(str(error).splitlines()), ""),
        )
        if self._replacements:
            self._replacements -= 1
            task = asyncio.ensure_future(self._replace())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _replace(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._start_one()
        except (Trace2SkillError, self.engine.lost, TimeoutError) as error:
            log.warning("no process in its place: %s", error)

    async def _closed(self, actor: Any) -> None:
        with contextlib.suppress(self.engine.lost):
            await actor.close.remote()
