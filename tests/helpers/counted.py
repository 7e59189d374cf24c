"""A model that counts its calls, behind the reply cache."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from react_agent.model import Body, Reply, Usage
from react_agent.models.patience.retry import Stats
from react_agent.models.replay.cache import ReplyCache

BODY: Body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.0}


PAID = Usage(calls=1, prompt_tokens=10, completion_tokens=2)


class Counting:
    """A transport that numbers its replies."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.calls, self.replies = 0, replies

    async def send(self, body: Body) -> Reply:
        self.calls += 1
        if not self.replies:
            return Reply(text=f"reply {self.calls}", reasoning="r", usage=PAID)
        answer = self.replies[min(self.calls, len(self.replies)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def with_cache(
    folder: Path,
    inner: Counting,
    work: Callable[[ReplyCache], Awaitable[Any]],
    *,
    identity: str = "http://x/v1",
    stats: Stats | None = None,
) -> Any:
    async def run() -> Any:
        cache = ReplyCache(inner, folder, identity=identity, stats=stats)
        try:
            return await work(cache)
        finally:
            await cache.close()

    return asyncio.run(run())


def fill(folder: str, start: int) -> int:
    inner = Counting()

    async def many(cache: ReplyCache) -> None:
        await asyncio.gather(*(cache.send({**BODY, "seed": i}) for i in range(start, start + 40)))

    with_cache(Path(folder), inner, many)
    return inner.calls
