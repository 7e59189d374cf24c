"""What thousands of workers on an engine do: makespan, the provider's limit, outages, losses.

    python benchmarks/scaling.py [--cases 10000] [--workers 2000] [--processes 100] [--limit 1200]

The real queue (work_queue), the real dealing of cases to processes (Scheduler), and the real
patience of every call (patiently, Limiter, Breaker) on a simulated clock; only the provider, the
processes and the cases are made up. Cases are those of scheduling.py. The provider serves `--limit`
calls at once and answers 429 to more; during the outage nothing can connect and what was in flight
breaks.
`window`: one limiter for all processes, one for each (what `--executor ray` does), or none, where
only the waits between attempts hold a call back. The bound is max(longest case, all calls /
min(workers, limit)) plus the outage; `served at once` is the mean until 8 of 10 cases have ended.
`sent in vain` are attempts that brought nothing, `asked again` calls of cases whose process was
lost. A tool call between two calls takes `--tool` seconds of one of `--cores` cores.
"""

import argparse
import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from measuring.clock import simulated
from measuring.table import show
from scheduling import Case, by_earlier_run, draw

from react_agent.cluster.scheduler import Engine, Scheduler
from react_agent.cluster.worker import Answer
from react_agent.engines.bench import CaseLost
from react_agent.engines.queue import work_queue
from react_agent.model import Reply
from react_agent.models.patience.breaker import Breaker
from react_agent.models.patience.deadlines import Pace
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.retry import Stats, patiently

REFUSED_AFTER = 0.1
"""Seconds of a 429, and of a connection that is not taken."""
START_SECONDS = 30.0
"""Of a process, also of one in place of a lost one."""


@dataclass(frozen=True)
class Scene:
    """One row of the table."""

    name: str
    workers: int
    processes: int
    longest_first: bool = False
    """In the order that an earlier run of the same cases gives."""
    window: str = "each"
    limit: int = 0
    outage: tuple[float, float] = (0.0, 0.0)
    """From when, and for how long."""
    lost: float = 0.0
    """Share of the processes that is killed."""
    cores: int = 0
    """Under all tools together; 0: they take no time."""
    tool: float = 0.0


@dataclass
class Provider:
    scene: Scene
    in_flight: int = 0
    served: int = 0
    refused: int = 0
    broken: int = 0
    spans: list[tuple[float, float]] = field(default_factory=list)

    async def call(self, latency: float) -> Reply:
        now = asyncio.get_running_loop().time()
        start, length = self.scene.outage
        if start <= now < start + length:
            self.broken += 1
            await asyncio.sleep(REFUSED_AFTER)
            raise Fault("connection", "refused", unreachable=True)
        if self.scene.limit and self.in_flight >= self.scene.limit:
            self.refused += 1
            await asyncio.sleep(REFUSED_AFTER)
            raise Fault("rate_limit", "429")
        self.in_flight += 1
        try:
            if now < start < now + latency:
                await asyncio.sleep(start - now)
                self.broken += 1
                raise Fault("connection", "reset")
            await asyncio.sleep(latency)
        finally:
            self.in_flight -= 1
            self.spans.append((now, asyncio.get_running_loop().time()))
        self.served += 1
        return Reply(text="")

    def at_once(self, until: float) -> float:
        """Mean number of calls that were served at the same time."""
        return sum(max(0.0, min(end, until) - begin) for begin, end in self.spans) / until


class Unbounded(Limiter):
    """No window: what it is told of refusals changes nothing."""

    def refused(self, entered: int, pause: float = 0.0) -> None:
        return


class Lost(Exception):
    """The process is gone."""


class Process:
    """Stands for an actor of the engine."""

    def __init__(self, provider: Provider, limiter: Limiter, tools: asyncio.Semaphore) -> None:
        self.provider, self.tools = provider, tools
        self.policy, self.pace, self.stats = RetryPolicy(), Pace(600.0), Stats()
        self.breaker = Breaker(limiter, self.policy, "provider")
        self.gone = asyncio.get_running_loop().create_future()
        self.work = SimpleNamespace(remote=self._work)
        self.close = SimpleNamespace(remote=self._close)

    async def _work(self, case: Case) -> Answer:
        task = asyncio.ensure_future(self._play(case))
        await asyncio.wait((task, self.gone), return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done():
            task.cancel()
            raise Lost
        task.result()
        return Answer()

    async def _play(self, case: Case) -> None:
        for latency in case.latencies:
            await patiently(
                lambda seconds, latency=latency: self.provider.call(latency),
                *(self.policy, self.breaker, self.pace, self.stats),
            )
            if self.provider.scene.cores:
                async with self.tools:
                    await asyncio.sleep(self.provider.scene.tool)

    async def _close(self) -> None:
        self.breaker.cancel()

    def die(self) -> None:
        self.breaker.cancel()
        if not self.gone.done():
            self.gone.set_result(None)


@dataclass(frozen=True)
class Found:
    provider: Provider
    most_done: float
    """When 8 of 10 cases had ended."""
    failed: int


async def run(scene: Scene, cases: Sequence[Case], bound: float) -> Found:
    loop, dice = asyncio.get_running_loop(), random.Random(1)
    provider, tools = Provider(scene), asyncio.Semaphore(scene.cores or 1)
    share = -(-scene.workers // scene.processes)
    kind = Unbounded if scene.window == "none" else Limiter
    common = kind(scene.workers)

    async def start_worker() -> Process:
        await asyncio.sleep(START_SECONDS)
        return Process(provider, kind(share) if scene.window == "each" else common, tools)

    scheduler: Scheduler[Case, Any] = Scheduler(Engine(start_worker, Process.die, Lost))
    await scheduler.start(scene.processes)
    for worker in dice.sample(scheduler.workers, round(scene.lost * scene.processes)):
        loop.call_later(dice.uniform(0.1, 0.6) * bound, worker.actor.die)
    ends: list[float] = []
    outcomes = await work_queue(
        scheduler.work,
        cases,
        workers=scene.workers,
        done=lambda outcome: ends.append(loop.time()),
        again=lambda outcome: isinstance(outcome.error, CaseLost),
    )
    await scheduler.close()
    return Found(provider, ends[int(0.8 * len(ends))], sum(o.error is not None for o in outcomes))


def measure(scene: Scene, cases: Sequence[Case]) -> list[object]:
    seconds = [case.seconds + scene.tool * len(case.latencies) for case in cases]
    total, calls = sum(case.seconds for case in cases), sum(len(c.latencies) for c in cases)
    bounds = {
        "longest case": max(seconds),
        "workers": sum(seconds) / scene.workers,
        "limit": total / (scene.limit or scene.workers),
        "cores": scene.tool * calls / scene.cores if scene.cores else 0.0,
    }
    name, least = max(bounds.items(), key=lambda pair: pair[1])
    least += scene.outage[1] + START_SECONDS
    ordered = by_earlier_run(cases, 0) if scene.longest_first else cases
    found, makespan = simulated(run(scene, ordered, least))
    provider = found.provider
    sent = provider.served + provider.refused + provider.broken
    return [
        scene.name,
        scene.window,
        f"{scene.workers:,} / {scene.processes}",
        f"{makespan / 60:.0f} min",
        f"{makespan / least:.3f} ({name})",
        f"{provider.at_once(found.most_done):,.0f}",
        f"{provider.refused / sent:.2%}",
        f"{provider.broken:,}",
        f"{provider.served - calls:,}",
        found.failed,
    ]


def scenes(args: argparse.Namespace) -> list[Scene]:
    free = Scene("no limit", args.workers, args.processes)
    limited = replace(free, name=f"limit {args.limit:,}", limit=args.limit)
    outage = replace(limited, name="limit, 5 min down", outage=(args.outage, 300.0))
    few, many = max(1, args.processes // 5), min(args.workers, args.processes * 5)
    return [
        replace(free, workers=128, processes=1, name="one machine"),
        free,
        replace(free, name="longest first", longest_first=True),
        *(replace(limited, window=window) for window in ("none", "one", "each")),
        *(replace(limited, processes=n) for n in (few, many)),
        *(replace(outage, window=window) for window in ("one", "each")),
        replace(free, name="5 % lost", lost=0.05),
        replace(outage, name="limit, down, 5 % lost", lost=0.05),
        *(replace(free, name=f"{n} cores for tools", cores=n, tool=args.tool) for n in args.cores),
    ]


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=100)
    parser.add_argument("--limit", type=int, default=1_200)
    parser.add_argument("--outage", type=float, default=300.0, help="when it begins")
    parser.add_argument("--cores", type=numbers, default=[64, 128, 256])
    parser.add_argument("--tool", type=float, default=0.5, help="CPU seconds of one tool call")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    args = parser.parse_args()
    logging.disable()
    random.seed(0)  # the waits between attempts
    cases = draw(args.cases, 0)
    chosen = [scene for scene in scenes(args) if args.only in scene.name]
    rows = [measure(scene, cases) for scene in chosen]
    heads = ["scene", "window", "workers / processes", "makespan", "/ bound", "served at once"]
    heads += ["429s of all sent", "broken", "asked again", "failed"]
    show(f"{args.cases:,} cases on an engine", heads, rows)


if __name__ == "__main__":
    main()
