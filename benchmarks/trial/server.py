"""A chat server on real sockets that fails as told and remembers what it was asked.

It lives in a thread of the benchmark; its faults are those of the tests' stub server.
"""

import asyncio
import hashlib
import json
import random
import site
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from measuring.folders import MINI, ROOT

site.addsitedir(str(ROOT / "tests" / "helpers"))
site.addsitedir(str(MINI))

from stub_server import Fault, StubServer, raw, refusal, reply

Messages = list[dict[str, str]]
FOR_EVER = 3600.0
"""Longer than any timeout: the client has to give up by itself."""

KINDS: Mapping[str, tuple[Any, ...]] = {
    "429": tuple(refusal(429, "slow down", retry_after=wait) for wait in (None, "0", "0.2")),
    "500": (
        *(refusal(status, "overloaded") for status in (500, 502, 503)),
        raw("<html><h1>504 Gateway Time-out</h1></html>", status=504, content_type="text/html"),
    ),
    "hang": (Fault("hang", FOR_EVER),),
    "cut": tuple(map(Fault, ("reset", "closed", "short", "long"))),
    "garbage": (
        Fault("garbage"),
        raw("<html>welcome</html>", content_type="text/html"),
        raw(b"\xff\xfe\x00{"),
        raw('{"choices": []}'),
    ),
    "half-closed": (Fault("half_closed", FOR_EVER),),
}
"""Every way a call can fail, each in several forms."""


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    at: float
    digest: str
    """Of the body, and the same in every folder."""
    messages: Messages
    text: str
    """What it was answered; empty for a fault."""


@dataclass
class FaultServer:
    """Serves while its `with` block lasts; `answer` and `shares` may be changed meanwhile."""

    answer: Callable[[Messages], str | Fault | Awaitable[str]]
    shares: Mapping[str, float] = field(default_factory=dict)
    """Of each kind of fault. Whether the n-th try of one request fails is always the same; how, is
    a matter of turns, so that each kind is met also where few calls are made."""
    seconds: float = 0.0
    """How long a sound answer takes."""
    held_until: float = 0.0
    """By time.monotonic(): no sound answer is given before."""
    seed: int = 0
    folder: Path | None = None
    """What is different from run to run and stands in prompts."""
    asked: list[Asked] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    """Faults that were served, by kind."""

    def __post_init__(self) -> None:
        self._tries: Counter[str] = Counter()
        self._stub = StubServer(self._handle)
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return self._stub.url

    @property
    def in_flight(self) -> int:
        return self._stub.in_flight

    async def _handle(self, body: dict[str, Any]) -> Any:
        key = self._digest(body)
        fault = self._fault(key)
        answer = fault or self.answer(body["messages"])
        if isinstance(answer, Awaitable):
            answer = await answer
        text = answer if isinstance(answer, str) else ""
        self.asked.append(Asked(time.monotonic(), key, body["messages"], text))
        if fault is None:
            await asyncio.sleep(self.seconds)
            while time.monotonic() < self.held_until:  # noqa: ASYNC110 - set in another thread
                await asyncio.sleep(0.01)
        return reply(text) if text else answer

    def _digest(self, body: dict[str, Any]) -> str:
        text = json.dumps(body, sort_keys=True)
        plain = text.replace(str(self.folder), "FOLDER") if self.folder else text
        return hashlib.sha256(plain.encode()).hexdigest()

    def _fault(self, key: str) -> Any:
        self._tries[key] += 1
        dice = random.Random(f"{self.seed} {key} {self._tries[key]}")
        if dice.random() >= sum(self.shares.values()):
            return None
        kind = min(self.shares, key=lambda one: self.met[one] / self.shares[one])
        self.met[kind] += 1
        return dice.choice(KINDS[kind])

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._stub.__aenter__())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._stub.__aexit__(None, None, None))
        self._loop.close()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
