"""Patience with an endpoint: which failures are tried again, how often, and how long."""

import email.utils
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from react_agent.deadlines import Pace, not_the_case, now
from react_agent.errors import InfrastructureError, ModelError, RunStopped
from react_agent.limiter import Limiter
from react_agent.model import Reply, Usage

if TYPE_CHECKING:
    from react_agent.breaker import Breaker

log = logging.getLogger(__name__)
Result = TypeVar("Result")

FaultKind = Literal["connection", "timeout", "rate_limit", "server", "garbled", "empty"]


class Fault(Exception):
    """A failure that another attempt may not meet. Ends as InfrastructureError at the latest."""

    def __init__(
        self,
        kind: FaultKind,
        line: str,
        retry_after: float | None = None,
        *,
        overload: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(line)
        self.kind, self.retry_after = kind, retry_after
        self.overload = overload or kind == "rate_limit"
        """Sent too early or beside too many others: no fault of the call."""
        self.unreachable = unreachable
        """No connection was made."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long to go on with one request. Time in which the endpoint was down does not count."""

    attempts: int = 10
    """Without those that an overloaded server refused."""
    refusals: int = 100
    """Attempts that an overloaded server may refuse."""
    refused_seconds: float = 3600.0
    """For those and the waits after them: a server may refuse one call for ever and take others."""
    timeouts: int = 3
    """How many times the whole timeout one call may hang: published ones are 600 to 1800 s."""
    empties: int = 5
    """Replies without a word; a model that insists on them will not change its mind."""
    seconds: float = 300.0
    """For all other failing attempts and the waits after them together."""
    first_wait: float = 0.5
    longest_wait: float = 30.0
    """Waits double from the first to the longest, each drawn at random below that bound."""
    longest_retry_after: float = 120.0
    """A server that asks for more than this is asked again sooner."""
    first_probe: float = 1.0
    longest_probe: float = 60.0
    """Seconds between two calls that ask whether an endpoint is back; they double likewise."""
    max_downtime: float = 900.0
    """Seconds after which a run with an endpoint that is down stops."""


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
    limiter: Limiter | None = None
    """Set by the connection that these stats are about."""

    def __getstate__(self) -> dict[str, Any]:
        """Counts travel to other processes, the limiter stays where it limits."""
        return {**self.__dict__, "limiter": None}

    @property
    def trouble(self) -> dict[str, str]:
        """For a progress bar; empty while all that is wanted is in flight."""
        if self.limiter and self.limiter.held:
            return {"endpoint": "down"}
        window = str(self.limiter or "")
        return {"in flight": window} if window else {}

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
        parts += [f"{name} {value}" for name, value in self.trouble.items()]
        if self.retries:
            kinds = ", ".join(f"{n} {kind}" for kind, n in self.retries.most_common())
            parts.append(f"{self.retries.total()} retries ({kinds})")
        if self.cache_hits:
            parts.append(f"{self.cache_hits} from the cache")
        return ", ".join(parts)


async def patiently(
    attempt: Callable[[float], Awaitable[Result]],
    policy: RetryPolicy,
    breaker: "Breaker",
    pace: Pace,
    stats: Stats,
) -> Result:
    """The first result of `attempt(timeout)`.

    Raises InfrastructureError when patience with this call ends, RunStopped when all calls end.
    """
    patience = _Patience(policy, breaker, pace, stats)
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Fault),
        wait=patience.wait,
        stop=patience.stop,
        before_sleep=patience.note,
        sleep=breaker.limiter.sleep,
        reraise=True,
    )
    started = now()
    try:
        return await retrying(patience.once, attempt)
    except Fault as fault:
        stats.given_up += 1
        raise InfrastructureError(
            f"{breaker.where}: gave up after {patience.sent} "
            f"attempt{'s' if patience.sent > 1 else ''}: {fault}"
        ) from None
    except RunStopped as stop:
        stop.sent = patience.sent > 0
        raise
    finally:
        not_the_case(now() - started - patience.useful)


class _Patience:
    """One request's retries: what has failed so far, and how much time that took."""

    def __init__(self, policy: RetryPolicy, breaker: "Breaker", pace: Pace, stats: Stats) -> None:
        self.policy, self.breaker, self.pace, self.stats = policy, breaker, pace, stats
        self.sent = 0
        self.useful = 0.0
        """Seconds of the attempt that brought the reply."""
        self._forget()

    def _forget(self) -> None:
        self.kinds: Counter[FaultKind] = Counter()
        self.attempts = self.refusals = 0
        self.failing = self.hanging = self.refused = self.last = 0.0
        self.outages = self.breaker.outages

    async def once(self, attempt: Callable[[float], Awaitable[Result]]) -> Result:
        limiter = self.breaker.limiter
        entered = await limiter.enter()
        self.sent += 1
        started = now()
        try:
            with self.stats.flying():
                result = await attempt(self.pace.limit(self.kinds["timeout"]))
        except Fault as fault:
            self.last = now() - started
            asked = min(fault.retry_after or 0.0, self.policy.longest_retry_after)
            if fault.overload or asked:
                limiter.refused(entered, asked)
            self.breaker.failed(fault, self.last)
            raise
        except ModelError:
            self.breaker.answered()
            raise
        else:
            self.useful = now() - started
            self.pace.answered(self.useful)
            limiter.answered(entered)
            self.breaker.answered()
            return result
        finally:
            limiter.leave()

    def wait(self, state: RetryCallState) -> float:
        if self.breaker.open:  # which sets the pace itself
            return random.uniform(0, self.policy.first_wait)
        fault = _fault(state)
        times = self.refusals if fault.overload else self.attempts
        pause = random.uniform(0, min(self.policy.longest_wait, self.policy.first_wait * 2**times))
        if fault.retry_after is None:
            return pause
        asked = min(fault.retry_after, self.policy.longest_retry_after)
        # Spread out: all that were told the same second would come back in the same instant.
        return asked + min(pause, 0.1 * asked + 0.05)

    def stop(self, state: RetryCallState) -> bool:
        policy, fault = self.policy, _fault(state)
        if self.breaker.open or self.outages != self.breaker.outages:
            self._forget()  # what came before an outage was its beginning
            return False
        self.kinds[fault.kind] += 1
        if fault.overload:
            self.refusals += 1
            self.refused += self.last + state.upcoming_sleep
            return self.refusals >= policy.refusals or self.refused > policy.refused_seconds
        self.attempts += 1
        if fault.kind == "timeout":
            self.hanging += self.last
        else:
            self.failing += self.last + state.upcoming_sleep
        return (
            self.attempts >= policy.attempts
            or self.kinds["empty"] >= policy.empties
            or self.failing > policy.seconds
            or self.hanging >= max(policy.seconds, policy.timeouts * self.pace.timeout)
        )

    def note(self, state: RetryCallState) -> None:
        fault = _fault(state)
        self.stats.retries[fault.kind] += 1
        log.info("%s: %s; again in %.1f s", self.breaker.where, fault, state.upcoming_sleep)


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
