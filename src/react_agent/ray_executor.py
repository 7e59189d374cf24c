"""Cases on the processes of a Ray cluster: `--executor ray`, with the extra `ray`.

The driver keeps queue, run folder and lock. Stations are actors with many cases in flight each;
they write logs and workbooks into the shared run folder and send back results, and the driver
alone writes them down. Keys reach stations in memory only, as arguments of a call: Ray writes a
`runtime_env` and an actor's constructor to its logs and tables, but not those.
"""

import asyncio
import contextlib
import logging
import math
import os
import pickle
import secrets
from argparse import Namespace
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import ray
from ray.exceptions import RayActorError

from react_agent.budget import Caps
from react_agent.errors import ContractError, Trace2SkillError
from react_agent.executor import Bench, CaseLost, EngineLost, In, Out, Site
from react_agent.ray_station import Answer, Desk, Opening, Station
from react_agent.retry import Stats
from react_agent.settings import differences

log = logging.getLogger(__name__)

START_SECONDS = 180.0
"""What stations may take to start; those that take longer are not waited for."""
STOP_SECONDS = 3.0
"""What cases in flight get to close their sandboxes."""
TRIES = 2
"""A case whose process is lost is worked on once more; the second time it may be its own doing."""
STORE_BYTES = 256 * 2**20
"""Of a cluster on this machine: what goes through it are results, not workbooks."""
PASSED_ON = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Of the driver's environment: how the endpoint is reached."""


@dataclass
class Hired:
    """A station as the driver sees it."""

    actor: Any
    in_flight: int = 0
    retries: Counter[str] = field(default_factory=Counter)


class Crew(Generic[In, Out]):
    """All stations. A case goes to the one with the fewest; a lost station is replaced."""

    def __init__(self, hire: Callable[[], Awaitable[Hired]]) -> None:
        self.stations: list[Hired] = []
        self.stats = Stats()
        self._hire = hire
        self._hiring: set[asyncio.Task[None]] = set()
        self._replacements = 0

    async def start(self, count: int) -> None:
        """Raises ContractError when a station does not fit, or none starts."""
        hiring = [asyncio.ensure_future(self._take_on()) for _ in range(count)]
        try:
            done, late = await asyncio.wait(
                hiring, timeout=START_SECONDS, return_when=asyncio.FIRST_EXCEPTION
            )
            for task in done:
                task.result()
        finally:
            for task in hiring:
                task.cancel()
        if not self.stations:
            raise ContractError(
                f"--executor ray: no process started within {START_SECONDS:g} s; has the cluster "
                "free CPUs?"
            )
        if late:
            log.warning("%d of %d processes found no place in time", len(late), count)
        # A cluster that has lost all it had is not asked for ever.
        self._replacements = len(self.stations)

    async def work(self, item: In) -> Out:
        """Raises CaseLost, EngineLost, and what the site's own work raises."""
        for _ in range(TRIES):
            station = await self._least_busy()
            station.in_flight += 1
            try:
                answer: Answer = await station.actor.work.remote(item)
            except RayActorError as error:
                self._lose(station, error)
                continue
            finally:
                station.in_flight -= 1
            self.stats.retries += answer.stats.retries - station.retries
            station.retries = Counter(answer.stats.retries)
            if answer.error:
                raise answer.error
            value: Out = answer.value
            return value
        raise CaseLost(f"{TRIES} processes were lost that worked on it")

    async def close(self) -> None:
        """Cancels what is in flight and lets the sandboxes be closed."""
        for task in self._hiring:
            task.cancel()
        closing = [asyncio.ensure_future(_closed(station.actor)) for station in self.stations]
        if closing:
            await asyncio.wait(closing, timeout=STOP_SECONDS)
        for station in self.stations:
            ray.kill(station.actor)

    async def _take_on(self) -> None:
        self.stations.append(await self._hire())

    async def _least_busy(self) -> Hired:
        while not self.stations:
            if not self._hiring:
                raise EngineLost("the cluster has lost all processes, and those in their place")
            await asyncio.wait(self._hiring, return_when=asyncio.FIRST_COMPLETED)
        return min(self.stations, key=lambda station: station.in_flight)

    def _lose(self, station: Hired, error: RayActorError) -> None:
        """Once for a station, however many cases it had in flight."""
        if station not in self.stations:
            return
        self.stations.remove(station)
        ray.kill(station.actor)  # one that only cannot be reached must not go on beside another
        log.warning(
            "a process of the cluster was lost; its %d cases in flight go to others: %s",
            station.in_flight,
            next(iter(str(error).splitlines()), ""),
        )
        if self._replacements:
            self._replacements -= 1
            task = asyncio.ensure_future(self._replace())
            self._hiring.add(task)
            task.add_done_callback(self._hiring.discard)

    async def _replace(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._take_on()
        except (Trace2SkillError, RayActorError, TimeoutError) as error:
            log.warning("no process in its place: %s", error)


async def _closed(actor: Any) -> None:
    with contextlib.suppress(RayActorError):
        await actor.close.remote()


@asynccontextmanager
async def crew(
    args: Namespace, site: Site[In, Out], here: Bench[In, Out], in_flight: int
) -> AsyncIterator[Bench[In, Out]]:
    """The stations of the cluster that `args` names, all opened and with the driver's settings."""
    for flag in ("record", "reply_cache"):
        if getattr(args, flag):
            raise ContractError(f"--executor ray goes without --{flag}, which has one writer only")
    await asyncio.to_thread(_connect, args.ray_address, args.ray_actors)
    try:
        cpus = int(ray.cluster_resources().get("CPU", 1))
        size = min(args.ray_actors or cpus, in_flight)
        if getattr(args, "tool_slots", 0) is None:
            args.tool_slots = 2 * math.ceil(cpus / size)  # of a station; a machine has several
        with _tokens(site.folders) as tokens:
            opening = Opening(str(Path.cwd()), _passed_on(), tokens, pickle.dumps(site))
            staff: Crew[In, Out] = Crew(_hiring(opening, _desk(args, here), here, in_flight))
            try:
                await staff.start(size)
                yield Bench(staff.work, here.settings, staff.stats, here.environment)
            finally:
                await staff.close()
    finally:
        await asyncio.to_thread(ray.shutdown)


def _connect(address: str | None, actors: int | None) -> None:
    """Never to a cluster that only happens to run here. On a thread: it takes seconds, and on the
    main one Ray would take SIGTERM for itself."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    quiet = {"log_to_driver": False, "configure_logging": False}
    try:
        if address:
            ray.init(address=address, **quiet)
            return
        # Else Ray leaves one in the home folder.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
        ray.init(
            address="local",
            num_cpus=actors,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            _node_ip_address="127.0.0.1",
            **quiet,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"the cluster at {address}" if address else "a cluster on this machine"
        raise ContractError(f"--executor ray: cannot use {where}: {error}") from None


def _hiring(
    opening: Opening, desk: Any, here: Bench[In, Out], in_flight: int
) -> Callable[[], Awaitable[Hired]]:
    # Any one station may have to take all that is in flight, and still answer.
    kind = ray.remote(num_cpus=1, max_restarts=0, max_concurrency=in_flight + 8)(Station)

    async def hire() -> Hired:
        actor = kind.options(scheduling_strategy="SPREAD").remote()
        try:
            answer: Answer = await actor.open.remote(opening, desk)
            if answer.error:
                raise answer.error
            if changes := differences(here.settings, answer.value):
                raise ContractError(
                    "--executor ray: a machine of the cluster would run with other settings: "
                    + "; ".join(changes)
                )
        except BaseException:
            ray.kill(actor)
            raise
        return Hired(actor)

    return hire


def _desk(args: Namespace, here: Bench[In, Out]) -> Any:
    """None when nothing is capped or counted."""
    if not (Caps.of(args) or args.budget):
        return None
    wanted = ("max_cost", "max_total_tokens", "max_calls", "budget", "prices", "output_dir")
    counting = Namespace(**{name: getattr(args, name) for name in wanted})
    # Beside the driver, as the file it counts in need not be shared.
    node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    kind = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Desk)
    model = str(here.settings["model"]["model"])
    return kind.options(scheduling_strategy=node).remote(str(Path.cwd()), counting, model)


def _passed_on() -> dict[str, str]:
    names = [spelled for name in PASSED_ON for spelled in (name, name.lower())]
    return {name: os.environ[name] for name in names if name in os.environ}


@contextmanager
def _tokens(folders: Sequence[Path]) -> Iterator[dict[str, str]]:
    """A file in each folder that only those who share it can read."""
    name, tokens = f".shared-{secrets.token_hex(8)}", {}
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            tokens[str(folder / name)] = secrets.token_hex(8)
            (folder / name).write_text(tokens[str(folder / name)], encoding="utf-8")
        yield tokens
    finally:
        for path in tokens:
            Path(path).unlink(missing_ok=True)
