"""The least that so many calls cost: aiohttp, one session, no framework. `framework_cost.py` runs
it on the same server for comparison; every call sends and reads JSON of the size it is told."""

import asyncio
import json
from collections.abc import Sequence

import aiohttp


async def ask(url: str, calls: int, workers: int, size: int) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * size}]}
    waiting = iter(range(calls))

    async def worker() -> None:
        for _ in waiting:
            # Written for each call: that much of the work no client can leave out.
            payload = json.dumps(body).encode()
            async with session.post(f"{url}/v1/chat/completions", data=payload) as response:
                json.loads(await response.read())["choices"][0]["message"]["content"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(worker() for _ in range(workers)))


def main(argv: Sequence[str]) -> int:
    url, calls, workers, size = argv
    asyncio.run(ask(url, int(calls), int(workers), int(size)))
    return 0
