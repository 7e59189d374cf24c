"""What the engine itself costs: cases through one driver, and calls counted in one ledger.

    python benchmarks/engine_cost.py [--cases 2000] [--actors 2,4] [--in_flight 200]

Needs the extra `ray`. A real cluster on this machine, the driver's real scheduler, and cases that
do nothing but give back a result of the usual size (`--bytes`); with `counted`, each asks the
ledger once before and once after, as a call under a cap does. The CPU is the driver's own, per
case: that and not the wall time bounds how many cases one driver can deal out.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from measuring.table import show

from react_agent.cluster.ray_cluster import ray_bench
from react_agent.engines.bench import Bench
from react_agent.engines.queue import work_queue
from react_agent.engines.settings import ExecutorSettings
from react_agent.model import Body, Reply
from react_agent.models.connect import Shared
from react_agent.models.patience.retry import Stats
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings

CALL: Body = {"model": "m", "messages": [{"role": "user", "content": "x" * 20_000}]}


class Silent:
    """A transport that answers at once."""

    async def send(self, body: Body) -> Reply:
        return Reply(text="ok")


class NothingToDo:
    """A site whose cases are done as they come."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size

    @property
    def folders(self) -> Sequence[Path]:
        return (self.folder,)

    def with_tool_slots(self, slots: int) -> "NothingToDo":
        return self

    @asynccontextmanager
    async def open(self, shared: Shared | None = None) -> AsyncIterator[Bench[int, str]]:
        counted = shared.capped(Silent()) if shared and shared.capped else None

        async def work(number: int) -> str:
            if counted:
                await counted.send(CALL)
            return "r" * self.size

        yield Bench(work, {"model": {"model": "m"}}, Stats())


async def measure(args: argparse.Namespace, actors: int, counted: bool) -> list[object]:
    with tempfile.TemporaryDirectory() as name:
        site = NothingToDo(Path(name), args.bytes)
        executor = ExecutorSettings(executor="ray", ray_actors=actors)
        caps = BudgetSettings(prices="1,1", max_calls=10**9 if counted else None)
        model = ModelSettings(model="m", budget=caps)
        async with site.open() as here:
            async with ray_bench(executor, model, site, here, args.in_flight) as bench:
                started, used = time.monotonic(), time.process_time()
                outcomes = await work_queue(bench.work, range(args.cases), workers=args.in_flight)
                seconds, used = time.monotonic() - started, time.process_time() - used
    assert all(outcome.value for outcome in outcomes), outcomes[0].error
    return [
        *(actors, args.in_flight, "yes" if counted else "no", f"{args.cases / seconds:,.0f}"),
        f"{used / args.cases * 1000:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--actors", default="2,4")
    parser.add_argument("--in_flight", type=int, default=200)
    parser.add_argument("--bytes", type=int, default=4_000)
    args = parser.parse_args()
    rows = [
        asyncio.run(measure(args, int(actors), counted))
        for actors in args.actors.split(",")
        for counted in (False, True)
    ]
    heads = ["actors", "in flight", "counted", "cases/s", "driver CPU ms/case"]
    show("The engine without any work", heads, rows)


if __name__ == "__main__":
    import engine_cost  # under a name that the other processes find the site by

    engine_cost.main()
