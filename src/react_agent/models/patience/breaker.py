"""What is done when the endpoint looks down: everybody waits, one call at a time asks whether it
is back, and a run that has waited long enough is stopped with its work owed, not failed.
"""

import asyncio
import logging
import time

from react_agent.errors import EndpointDown
from react_agent.models.patience.deadlines import now
from react_agent.models.patience.faults import Fault, RetryPolicy
from react_agent.models.patience.limiter import Limiter

log = logging.getLogger(__name__)

ENOUGH = 50
"""Failures in a row, over all workers, that make an endpoint look down. So many because an
endpoint that fails two calls of three is slow, but not down."""
UNREACHABLE = 10
"""What a failure counts when not even a connection was made; that is never mere bad luck."""
SILENCE, SEVERAL = 30.0, 4
"""A timeout counts as much when nobody was answered for as long as it took, so many seconds at
least, though so many were in flight."""
REFUSALS = 10
"""Failures of any kind in a row that, over the longest downtime, mean that nothing gets through."""
DOWN = ("connection", "timeout", "server")
"""Faults of an endpoint that may be down. Any other answer is a sign of life."""


class Breaker:
    """Watches the outcome of every attempt of all workers, and holds the limiter."""

    def __init__(self, limiter: Limiter, policy: RetryPolicy, where: str) -> None:
        self.limiter, self.policy, self.where = limiter, policy, where
        self.open = False
        self.outages = 0
        # A single worker gives up a call after 10 attempts, and must come to this before.
        self._enough = min(ENOUGH, 6 + 3 * limiter.cap)
        self._score = self._streak = 0
        self._failing_since = self._down_since = 0.0
        self._heard = -1.0
        self._last_fault = ""
        self._timers: list[asyncio.TimerHandle] = []
        self._interval = 0.0

    def answered(self) -> None:
        """A reply, or a refusal that only a working endpoint gives."""
        self._streak = self._score = 0
        self._heard = now()
        if self.open:
            self._close()

    def failed(self, fault: Fault, lasted: float = 0.0) -> None:
        moment = now()
        silent = fault.kind == "timeout" and self._is_silent(moment - lasted, lasted)
        if fault.kind != "timeout" and not fault.unreachable:
            self._heard = moment
        self._last_fault = str(fault)
        self._streak += 1
        if self._streak == 1:
            self._failing_since = moment
        if fault.kind in DOWN:
            if not self._score:
                self._down_since = moment
            self._score += UNREACHABLE if fault.unreachable or silent else 1
            if self._score >= self._enough and not self.open:
                self._open()
        elif self.open:
            self._close()
        elif fault.overload:
            self._score = 0
        lost = moment - self._failing_since
        if not self.open and self._streak >= REFUSALS and lost > self.policy.max_downtime:
            self._stop(f"has refused everything for {lost:.0f} s")

    def _is_silent(self, since: float, seconds: float) -> bool:
        return seconds >= SILENCE and self._heard <= since and self.limiter.in_flight >= SEVERAL

    def cancel(self) -> None:
        """No timer may outlive the connection."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _open(self) -> None:
        self.open = True
        self.outages += 1
        self.limiter.hold()
        self._interval, left = self.policy.first_probe, self.policy.max_downtime
        clock = time.strftime("%H:%M:%S", time.localtime(time.time() - (now() - self._down_since)))
        log.warning(
            "%s is down since %s (%s): all calls wait; next probe in %g s, the run stops in %g s",
            *(self.where, clock, self._last_fault, self._interval, left),
        )
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(left, self._give_up))
        self._timers.append(loop.call_later(self._interval, self._probe))

    def _probe(self) -> None:
        """Let a call through, also while an earlier probe hangs."""
        self._interval = min(2 * self._interval, self.policy.longest_probe)
        self._timers.pop()
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(self._interval, self._probe))
        log.info("%s: a probe goes out; the next in %g s", self.where, self._interval)
        self.limiter.let_one()

    def _close(self) -> None:
        self.cancel()
        self.open = False
        self._score = 0
        lost = now() - self._down_since
        log.warning("%s is back after %.0f s; the run goes on", self.where, lost)
        self.limiter.go_on()

    def _give_up(self) -> None:
        lost = now() - self._down_since
        self._stop(f"down for {lost:.0f} s")

    def _stop(self, what: str) -> None:
        self.cancel()
        self.limiter.end(EndpointDown(f"endpoint {self.where} {what} ({self._last_fault})"))
