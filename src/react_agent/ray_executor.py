"""Cases on the processes of a Ray cluster: `--executor ray`, with the extra `ray`.

The driver keeps queue, run folder and lock. Stations are actors with many cases in flight each;
they write logs and workbooks into the shared run folder and send back results, and the driver
alone writes them down. Keys reach stations in memory only, as arguments of a call: Ray writes a
`runtime_env` and an actor's constructor to its logs and tables, but not those.
"""

import logging
import math
import os
import pickle
import secrets
import signal
import threading
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError

from react_agent.aside import in_thread
from react_agent.budget import Caps
from react_agent.cli import setup_logging
from react_agent.crew import Crew, Engine
from react_agent.errors import ContractError
from react_agent.executor import Bench, In, Out, Site
from react_agent.ray_station import Answer, Desk, Opening, Station
from react_agent.settings import differences

log = logging.getLogger(__name__)

STORE_BYTES = 256 * 2**20
"""Of a cluster on this machine: what goes through it are results, not workbooks."""
PASSED_ON = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Of the driver's environment: how the endpoint is reached."""


@asynccontextmanager
async def crew(
    args: Namespace, site: Site[In, Out], here: Bench[In, Out], in_flight: int
) -> AsyncIterator[Bench[In, Out]]:
    """The stations of the cluster that `args` names, all opened and with the driver's settings."""
    for flag in ("record", "reply_cache"):
        if getattr(args, flag):
            raise ContractError(f"--executor ray goes without --{flag}, which has one writer only")
    cpus = await in_thread(_connect, args.ray_address, args.ray_actors)
    try:
        _take_back(signal.SIGTERM)
        size = min(args.ray_actors or cpus, in_flight)
        if getattr(args, "tool_slots", 0) is None:
            args.tool_slots = math.ceil(2 * cpus / size)  # of a station; a machine has several
        with _tokens(site.folders) as tokens:
            share = math.ceil(in_flight / size)
            opening = Opening(str(Path.cwd()), _passed_on(), tokens, share, pickle.dumps(site))
            hire = _hiring(opening, _desk(args, here), here, in_flight)
            staff: Crew[In, Out] = Crew(Engine(hire, ray.kill, RayActorError))
            try:
                await staff.start(size)
                yield Bench(staff.work, here.settings, staff.stats, here.environment)
            finally:
                await staff.close()
    finally:
        await in_thread(ray.shutdown)


def _take_back(number: signal.Signals) -> None:
    """Below Python, Ray has put a handler of its own in place, which ends the process."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.getsignal(number))


class _Process(Station):
    """Warns in the driver's words; Ray carries them to its stderr."""

    def __init__(self) -> None:
        setup_logging(verbose=False)
        super().__init__()


def _connect(address: str | None, actors: int | None) -> int:
    """The CPUs of the cluster; never of one that only happens to run here. On a thread: it takes
    seconds, and on the main one Ray would also take SIGTERM from Python's own handlers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    shown = {"log_to_driver": True, "configure_logging": False}  # what stations warn of
    try:
        if address:
            ray.init(address=address, **shown)
            return int(ray.cluster_resources().get("CPU", 1))
        # Else Ray leaves one in the home folder.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
        ray.init(
            address="local",
            num_cpus=actors,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            _node_ip_address="127.0.0.1",
            **shown,
        )
        return os.cpu_count() or 1
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"the cluster at {address}" if address else "a cluster on this machine"
        raise ContractError(f"--executor ray: cannot use {where}: {error}") from None


def _hiring(
    opening: Opening, desk: Any, here: Bench[In, Out], in_flight: int
) -> Callable[[], Awaitable[Any]]:
    # Any one station may have to take all that is in flight, and still answer.
    kind = ray.remote(num_cpus=1, max_restarts=0, max_concurrency=in_flight + 8)(_Process)

    async def hire() -> Any:
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
        return actor

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
