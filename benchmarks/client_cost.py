"""What a call costs in the client, and how much of it is the `openai` SDK.

    python benchmarks/client_cost.py [--calls 4000] [--workers 128] [--repeats 3]

Three clients send the same calls to a server process with a fixed latency: a bare aiohttp loop,
ours without the SDK (the same deadlines, retries, bounds and hiding, the request by aiohttp), and
ours. They take turns; the CPU is that of the process that asks, without start-up, as a median.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence

import aiohttp
from measuring import bare_client, measured
from measuring.minirun import served
from measuring.table import ratio, show

from react_agent.model import Body
from react_agent.models.providers.connections import named_faults, open_session
from react_agent.models.providers.openai_compatible import OpenAIEndpoint
from react_agent.models.providers.wire import Answer
from react_agent.models.providers.wire import Body as Received

PROMPT = 20_000
"""Characters; about what the preloaded skill and a task take."""
LATE = "react_agent.models.providers.openai_compatible,openai.resources.chat"


class WithoutSDK(OpenAIEndpoint):
    """As wide as ours: what the SDK and its transport do is done here in the fewest lines."""

    session: aiohttp.ClientSession | None = None

    async def post(self, payload: bytes, seconds: float) -> Answer:
        self.session = self.session or open_session()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        with named_faults(self.where):
            async with self.session.post(
                self.url, data=payload, headers=headers, proxy=self.proxy, allow_redirects=False
            ) as response:
                body = Received()
                async for chunk in response.content.iter_any():
                    body.add(chunk)
                again = response.headers.get("Retry-After")
                return Answer(response.status, again, body.whole)

    async def close(self) -> None:
        if self.session:
            await self.session.close()


async def ask(client: type[OpenAIEndpoint], url: str, calls: int, workers: int) -> None:
    body: Body = {"model": "m", "messages": [{"role": "user", "content": "x" * PROMPT}]}
    waiting = iter(range(calls))

    async def worker(endpoint: OpenAIEndpoint) -> None:
        for _ in waiting:
            await endpoint.send(body)

    async with client(f"{url}/v1", "EMPTY") as endpoint:
        await asyncio.gather(*(worker(endpoint) for _ in range(workers)))


CLIENTS = {"bare aiohttp": None, "ours without the SDK": WithoutSDK, "ours": OpenAIEndpoint}


def main(argv: Sequence[str]) -> int:
    """What `measured.run` calls."""
    name, url, calls, workers = argv
    if client := CLIENTS[name]:
        asyncio.run(ask(client, url, int(calls), int(workers)))
    else:
        asyncio.run(bare_client.ask(url, int(calls), int(workers), PROMPT))
    return 0


def measure(calls: int, workers: int, repeats: int) -> dict[str, float]:
    """Median CPU seconds a call, by client."""
    seen: dict[str, list[float]] = {name: [] for name in CLIENTS}
    for _ in range(repeats):
        for name, found in seen.items():
            with served(0.1) as url:
                used = measured.run(f"client_cost,{LATE}", [name, url, calls, workers])
            found.append(used.cpu / calls)
    return {name: statistics.median(found) for name, found in seen.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    seconds = measure(args.calls, args.workers, args.repeats)
    bare = seconds["bare aiohttp"]
    rows = [[name, f"{1000 * cpu:.2f}", ratio(cpu, bare)] for name, cpu in seconds.items()]
    title = f"{args.calls} calls, {args.workers} at once"
    show(title, ["client", "CPU ms/call", "ratio"], rows)
