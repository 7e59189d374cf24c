"""How long an attempt may take, and which time is not the agent's: waiting for the endpoint."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass

KNOWN = 20
"""Replies that have to have come before their duration tells anything."""
SHORTEST = 120.0
TIMES_SLOWEST = 10
"""Of the slowest reply so far; replies of reasoning models differ that much."""


def now() -> float:
    """The clock of the event loop."""
    return asyncio.get_running_loop().time()


@dataclass
class Pace:
    """Shortens the timeout of an attempt by what the endpoint has shown; only ever to what no
    reply has come near, and back to the full timeout for a call that meets it again and again."""

    timeout: float
    slowest: float = 0.0
    replies: int = 0

    def answered(self, seconds: float) -> None:
        self.replies += 1
        self.slowest = max(self.slowest, seconds)

    def limit(self, timed_out: int) -> float:
        """For an attempt of a call that has timed out so often: twice as long every other time."""
        if self.replies < KNOWN:
            return self.timeout
        usual = max(SHORTEST, TIMES_SLOWEST * self.slowest)
        return float(min(self.timeout, usual * 2 ** (timed_out // 2)))


class CaseClock:
    """Seconds that a case has used, without those that its calls waited for the endpoint."""

    def __init__(self) -> None:
        self._started = now()
        self._waited = 0.0
        _CASE.set(self)

    @property
    def seconds(self) -> float:
        return now() - self._started - self._waited

    def add_waited(self, seconds: float) -> None:
        self._waited += seconds


_CASE: ContextVar[CaseClock | None] = ContextVar("case clock", default=None)


def not_the_case(seconds: float) -> None:
    """Time of the running case that was lost to retries, pauses and outages."""
    if clock := _CASE.get():
        clock.add_waited(seconds)
