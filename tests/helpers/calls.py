"""One call to a stub server, as most tests of the client need it."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from stub_server import Fault, Handler, StubServer, raw, refusal, reply

from react_agent.model import Reply
from react_agent.models.patience.faults import RetryPolicy
from react_agent.models.providers.openai_compatible import OpenAIEndpoint
from react_agent.models.providers.opening import Patience

KEY = "sk-very-secret-1234"
QUICK = RetryPolicy(first_wait=0.001, longest_wait=0.01)
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SIX = {
    "429": refusal(429),
    "500": refusal(500),
    "hang": Fault("hang"),
    "cut": Fault("reset"),
    "garbage": raw("<html>"),
    "half-closed": Fault("half_closed"),
}
"""Ways of a call to fail, each by an answer."""


def send(
    handler: Any,
    body: dict[str, Any] = BODY,
    *,
    policy: RetryPolicy = QUICK,
    timeout: float = 10.0,
    check: Callable[[StubServer, OpenAIEndpoint], Any] | None = None,
) -> Reply:
    async def run() -> Reply:
        async with StubServer(handler) as server:
            async with OpenAIEndpoint(
                server.url, KEY, Patience(timeout=timeout, policy=policy)
            ) as endpoint:
                try:
                    return await endpoint.send(body)
                finally:
                    if check:
                        check(server, endpoint)

    return asyncio.run(run())


def attempts(wanted: int) -> Callable[[StubServer, OpenAIEndpoint], None]:
    def check(server: StubServer, endpoint: OpenAIEndpoint) -> None:
        assert len(server.bodies) == wanted

    return check


def together(wanted: int, answered: Handler = lambda _: reply()) -> Handler:
    """Answers as soon as so many requests have come; until then all wait."""
    everyone, came = asyncio.Event(), itertools.count(1)

    async def answer(body: dict[str, Any]) -> Any:
        if next(came) == wanted:
            everyone.set()
        await everyone.wait()
        return answered(body)

    return answer
