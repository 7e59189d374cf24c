"""What one case asks of the gateway: its key, its requests, and how they ended."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from react_agent.errors import ModelError
from react_agent.model import Usage

Ending = Literal["answered", "refused", "broken off", "left"]
"""`left`: the agent did not wait for the answer."""


class Exchange(BaseModel, frozen=True):
    """One request of an agent, as the file of its case holds it."""

    number: int
    route: str
    asked: str
    """The model that the request names, and the one that has answered."""
    served: str = ""
    stream: bool = False
    ending: Ending
    error: str = ""
    attempts: int = 1
    request_bytes: int
    usage: Usage = Usage()
    started: str
    seconds: float


@dataclass
class Visit:
    """One case's way through the gateway, from its start to its end."""

    url: str
    """Of the gateway; `/v1` is not part of it."""
    socket: Path
    """A door of this case alone, for who has no network but sees this file."""
    model: str
    max_calls: int
    record: Path | None
    key: str = field(default_factory=lambda: f"case-{secrets.token_hex(16)}")
    """What the case has in place of a key; ends with it."""
    exchanges: list[Exchange] = field(default_factory=list)
    calls: int = 0
    held: int = 0
    """Bytes of its requests that are in flight."""
    problem: ModelError | None = None
    """Why the last request of the case got no answer."""
    out_of_calls: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once no further request of the case would be answered."""

    @property
    def usage(self) -> Usage:
        return sum((one.usage for one in self.exchanges), Usage())

    @property
    def others(self) -> Sequence[str]:
        """Models that answered and were not asked."""
        served = (one.served for one in self.exchanges if not is_asked(self.model, one.served))
        return tuple(dict.fromkeys(served))

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[int], int]]:
        """Takes the bytes of one request, and says what the case holds with them."""
        own = 0

        def hold(size: int) -> int:
            nonlocal own
            own += size
            self.held += size
            return self.held

        try:
            yield hold
        finally:
            self.held -= own

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self.record:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            with self.record.open("a", encoding="utf-8") as file:
                file.write(exchange.model_dump_json() + "\n")


def is_asked(asked: str, served: str) -> bool:
    """A server may name the dated edition of what was asked, or leave out whose it is."""
    plain, found = asked.rpartition("/")[2].lower(), served.rpartition("/")[2].lower()
    return not served or found.startswith(plain)


def stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
