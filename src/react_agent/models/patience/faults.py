"""A failure that another attempt may not meet, and how long to go on attempting."""

from dataclasses import dataclass
from typing import Literal

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
