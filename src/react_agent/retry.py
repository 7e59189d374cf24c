"""Patience with an endpoint: which failures are tried again, how often, and how long."""

import email.utils
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from react_agent.errors import InfrastructureError
from react_agent.model import Reply, Usage

log = logging.getLogger(__name__)
Result = TypeVar("Result")

Kind = Literal["connection", "timeout", "rate_limit", "server", "garbled", "empty"]


class Fault(Exception):
    """A failure that another attempt may not meet. Ends as InfrastructureError at the latest."""

    def __init__(self, kind: Kind, line: str, retry_after: float | None = None) -> None:
        super().__init__(line)
        self.kind, self.retry_after = kind, retry_after


@dataclass(frozen=True)
class RetryPolicy:
    """How long to go on with one request."""

    attempts: int = 10
    timeouts: int = 2
    """Attempts that may use up the whole timeout: published timeouts are 600 to 1800 s."""
    empties: int = 5
    """Replies without a word; a model that insists on them will not change its mind."""
    seconds: float = 300.0
    """No attempt starts later than this after the first failure."""
    first_wait: float = 0.5
    longest_wait: float = 30.0
    """Waits double from the first to the longest, each drawn at random below that bound."""
    longest_retry_after: float = 120.0
    """A server that asks for more than this is asked again sooner."""


@dataclass
class Stats:
    """What a progress bar can show about an endpoint."""

    calls: int = 0
    """Requests that were answered, however many attempts that took."""
    in_flight: int = 0
    most_in_flight: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    """Attempts that failed and were followed by another, by kind of fault."""
    given_up: int = 0
    cache_hits: int = 0
    usage: Usage = field(default_factory=Usage)

    @contextmanager
    def flying(self) -> Iterator[None]:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1

    def answered(self, reply: Reply) -> None:
        self.calls += 1
        self.usage += reply.usage

    def __str__(self) -> str:
        parts = [f"{self.calls} calls", f"{self.in_flight} in flight"]
        if self.retries:
            kinds = ", ".join(f"{n} {kind}" for kind, n in self.retries.most_common())
            parts.append(f"{self.retries.total()} retries ({kinds})")
        if self.cache_hits:
            parts.append(f"{self.cache_hits} from the cache")
        return ", ".join(parts)


async def patiently(
    attempt: Callable[[], Awaitable[Result]], policy: RetryPolicy, stats: Stats, where: str
) -> Result:
    """The first result of `attempt`. Raises InfrastructureError when patience ends."""
    patience = _Patience(policy, stats, where)
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Fault),
        wait=patience.wait,
        stop=patience.stop,
        before_sleep=patience.note,
        reraise=True,
    )

    async def once() -> Result:  # tenacity awaits only what it can see to be asynchronous
        return await attempt()

    try:
        return await retrying(once)
    except Fault as fault:
        stats.given_up += 1
        tries = retrying.statistics["attempt_number"]
        raise InfrastructureError(
            f"{where}: gave up after {tries} attempt{'s' if tries > 1 else ''}: {fault}"
        ) from None


class _Patience:
    """One request's retries: what has failed so far, and since when."""

    def __init__(self, policy: RetryPolicy, stats: Stats, where: str) -> None:
        self.policy, self.stats, self.where = policy, stats, where
        self.kinds: Counter[Kind] = Counter()
        self.first_failure: float | None = None

    def wait(self, state: RetryCallState) -> float:
        bound = min(
            self.policy.longest_wait, self.policy.first_wait * 2 ** (state.attempt_number - 1)
        )
        pause = random.uniform(0, bound)
        asked = _fault(state).retry_after
        if asked is None:
            return pause
        asked = min(asked, self.policy.longest_retry_after)
        # Spread out: all that were told the same second would come back in the same instant.
        return asked + min(pause, 0.1 * asked + 0.05)

    def stop(self, state: RetryCallState) -> bool:
        now = time.monotonic()
        self.first_failure = self.first_failure or now
        self.kinds[_fault(state).kind] += 1
        return (
            state.attempt_number >= self.policy.attempts
            or self.kinds["timeout"] >= self.policy.timeouts
            or self.kinds["empty"] >= self.policy.empties
            or now - self.first_failure + state.upcoming_sleep > self.policy.seconds
        )

    def note(self, state: RetryCallState) -> None:
        fault = _fault(state)
        self.stats.retries[fault.kind] += 1
        log.info("%s: %s; again in %.1f s", self.where, fault, state.upcoming_sleep)


def _fault(state: RetryCallState) -> Fault:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Fault)
    return error


def retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a Retry-After header (a number or an HTTP date); None if unusable."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
