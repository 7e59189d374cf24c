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
"""What stations may take to start; those that take longer are not waited for."""
STOP_SECONDS = 3.0
"""What cases in flight get to close their sandboxes."""
TRIES = 2
"""A case whose process is lost is worked on once more; the second time it may be its own doing."""
SPARE = 8
"""Replacements that even the smallest crew gets, beyond one for each station."""


@dataclass(frozen=True)
class Engine:
    """What the crew asks of an engine; an actor's methods are called as `actor.name.remote()`."""

    hire: Callable[[], Awaitable[Any]]
    """A new actor with the site opened. Raises ContractError when it does not fit."""
    kill: Callable[[Any], None]
    lost: type[Exception]
    """What a call raises whose actor is gone."""


@dataclass
class Hired:
    """A station as the driver sees it."""

    actor: Any
    in_flight: int = 0
    retries: Counter[str] = field(default_factory=Counter)


class Crew(Generic[In, Out]):
    """All stations. A case goes to the one with the fewest; a lost station is replaced."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.stations: list[Hired] = []
        self.stats = Stats()
        self._hiring: set[asyncio.Task[None]] = set()
        self._replacements = 0

    async def start(self, count: int) -> None:
        """Raises ContractError when a station does not fit, or none starts."""
        hiring = [asyncio.ensure_future(self._take_on()) for _ in range(count)]
        try:
            done, late = await asyncio.wait(
                hiring, timeout=START_SECONDS, return_when=asyncio.FIRST_EXCEPTION
            )
            for task in done:
                task.result()
        finally:
            for task in hiring:
                task.cancel()
        if not self.stations:
            raise ContractError(
                f"--executor ray: no process started within {START_SECONDS:g} s; has the cluster "
                "free CPUs?"
            )
        if late:
            log.warning("%d of %d processes found no place in time", len(late), count)
        # A cluster that goes on losing what it starts is not asked for ever.
        self._replacements = len(self.stations) + SPARE

    async def work(self, item: In) -> Out:
        """Raises CaseLost, EngineLost, and what the site's own work raises."""
        for _ in range(TRIES):
            station = await self._least_busy()
            station.in_flight += 1
            try:
                answer: Answer = await station.actor.work.remote(item)
            except self.engine.lost as error:
                self._lose(station, error)
                continue
            finally:
                station.in_flight -= 1
            self.stats.retries += answer.stats.retries - station.retries
            station.retries = Counter(answer.stats.retries)
            if answer.error:
                raise answer.error
            value: Out = answer.value
            return value
        raise CaseLost(f"{TRIES} processes were lost that worked on it")

    async def close(self) -> None:
        """Cancels what is in flight and lets the sandboxes be closed."""
        for task in self._hiring:
            task.cancel()
        closing = [asyncio.ensure_future(self._closed(station.actor)) for station in self.stations]
        if closing:
            await asyncio.wait(closing, timeout=STOP_SECONDS)
        for station in self.stations:
            self.engine.kill(station.actor)

    async def _take_on(self) -> None:
        self.stations.append(Hired(await self.engine.hire()))

    async def _least_busy(self) -> Hired:
        while not self.stations:
            if not self._hiring:
                raise EngineLost("the cluster has lost all processes, and those in their place")
            await asyncio.wait(self._hiring, return_when=asyncio.FIRST_COMPLETED)
        return min(self.stations, key=lambda station: station.in_flight)

    def _lose(self, station: Hired, error: Exception) -> None:
        """Once for a station, however many cases it had in flight."""
        if station not in self.stations:
            return
        self.stations.remove(station)
        self.engine.kill(
            station.actor
        )  # one that only cannot be reached must not go on beside another
        log.warning(
            "a process of the cluster was lost; its %d cases in flight go to others: %s",
            station.in_flight,
            next(iter(str(error).splitlines()), ""),
        )
        if self._replacements:
            self._replacements -= 1
            task = asyncio.ensure_future(self._replace())
            self._hiring.add(task)
            task.add_done_callback(self._hiring.discard)

    async def _replace(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._take_on()
        except (Trace2SkillError, self.engine.lost, TimeoutError) as error:
            log.warning("no process in its place: %s", error)

    async def _closed(self, actor: Any) -> None:
        with contextlib.suppress(self.engine.lost):
            await actor.close.remote()
