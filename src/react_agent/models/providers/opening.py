"""The seam for protocols that an endpoint may speak; by name they stand in registry.PROVIDERS."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from react_agent.model import Transport
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.patience.limiter import Limiter
from react_agent.models.patience.retry import Stats
from react_agent.models.providers.known import Known


@dataclass(frozen=True)
class Asked:
    """What a user says of an endpoint."""

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    config: str = ""
    """Settings of a protocol that takes a file of its own."""
    known: Known | None = None
    """Whose address and key stand above, where the user gave a name."""


@dataclass(frozen=True)
class Patience:
    """What all calls of a stage share while the endpoint fails."""

    timeout: float = 600.0
    """Seconds for one request."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    limiter: Limiter = field(default_factory=Limiter)
    stats: Stats = field(default_factory=Stats)


class Endpoint(Transport, Protocol):
    """A transport with an address; `async with` ends its connections."""

    client: str
    """The protocol's name, for run.json."""
    address: str
    """Without what may be a key."""

    @property
    def identity(self) -> str:
        """All that decides a reply besides the body; for hashing, since it may hold a key."""
        ...

    @property
    def secrets(self) -> Collection[str]:
        """What no file may hold."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *ended: object) -> None: ...


@dataclass(frozen=True)
class Opened:
    endpoint: Endpoint
    model: str
    """The name that is sent: a protocol's own settings may say another."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters where neither flags nor the generation config say anything."""


class OpenProvider(Protocol):
    """Raises ContractError before any call: no key, an address or a file that does not fit."""

    def __call__(self, asked: Asked, patience: Patience) -> Opened: ...
