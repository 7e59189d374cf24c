"""A server with a capacity and clients that call it, on a clock that jumps."""

import asyncio
import math
import random
from dataclasses import dataclass, field

from react_agent.models.patience.breaker import Breaker
from react_agent.models.patience.deadlines import Pace, now
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.retry import Stats, patiently


@dataclass
class Server:
    """Takes `capacity` requests at once and refuses the rest; fails at random besides."""

    capacity: float = math.inf
    seconds: float = 2.0
    faults: float = 0.0
    retry_after: float | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    busy: int = 0
    most: int = 0
    served: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)

    async def attempt(self, seconds: float) -> str:
        self.arrivals.append(now())
        if self.busy >= self.capacity or self.dice.random() < self.faults:
            await asyncio.sleep(0.02)
            raise Fault("rate_limit", "HTTP 429", self.retry_after)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self.seconds * self.dice.uniform(0.5, 1.5))
        self.busy -= 1
        self.served.append(now())
        return "reply"


@dataclass
class Client:
    """Workers that call one after the other, over one limiter."""

    server: Server
    cap: int = 0
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    stats: Stats = field(default_factory=Stats)

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.cap)
        self.breaker = Breaker(self.limiter, self.policy, "http://there")
        self.pace = Pace(600.0)

    async def call(self) -> str:
        return await patiently(
            self.server.attempt, self.policy, self.breaker, self.pace, self.stats
        )

    async def work(self, workers: int, calls: int) -> float:
        """All calls, shared among the workers; the seconds that they took."""
        left = iter(range(calls))

        async def worker() -> None:
            for _ in left:
                await self.call()

        started = now()
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
        return now() - started
