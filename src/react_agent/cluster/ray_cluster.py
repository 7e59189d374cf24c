"""Cases on the processes of a Ray cluster: `--executor ray`, with the extra `ray`.

The driver keeps queue, run folder and lock. Workers are actors with many cases in flight each;
they write logs and workbooks into the shared run folder and send back results, and the driver
alone writes them down. Keys reach workers in memory only, as arguments of a call: Ray writes a
`runtime_env` and an actor's constructor to its logs and tables, but not those.
"""

import logging
import math
import os
import pickle
import secrets
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError

from react_agent.cli import setup_logging
from react_agent.cluster.scheduler import Engine, Scheduler
from react_agent.cluster.worker import Answer, CallLedger, Opening, Worker
from react_agent.configfile import differences
from react_agent.engines.bench import Bench, In, Out, Site
from react_agent.engines.settings import ExecutorSettings
from react_agent.errors import ContractError
from react_agent.models.providers.known import variables
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings
from react_agent.threads import in_thread

STORE_BYTES = 256 * 2**20
"""Of a cluster on this machine: what goes through it are results, not workbooks."""
PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Of the driver's environment, besides what names an endpoint and its key."""


@asynccontextmanager
async def ray_bench(
    settings: ExecutorSettings,
    model: ModelSettings,
    site: Site[In, Out],
    here: Bench[In, Out],
    in_flight: int,
) -> AsyncIterator[Bench[In, Out]]:
    """The workers of the cluster, all opened and with the driver's settings."""
    for flag in ("record", "reply_cache"):
        if getattr(model, flag):
            raise ContractError(f"--executor ray goes without --{flag}, which has one writer only")
    cpus = await in_thread(_connect, settings.ray_address, settings.ray_actors)
    try:
        _take_back(signal.SIGTERM)
        size = min(settings.ray_actors or cpus, in_flight)
        site = site.with_tool_slots(math.ceil(2 * cpus / size))  # a machine has several workers
        with _tokens(site.folders) as tokens:
            share = math.ceil(in_flight / size)
            opening = Opening(str(Path.cwd()), _passed_on(), tokens, share, pickle.dumps(site))
            ledger = _call_ledger(model.budget, site.folders[0], here)
            start_worker = _starter(opening, ledger, here, in_flight)
            scheduler: Scheduler[In, Out] = Scheduler(Engine(start_worker, ray.kill, RayActorError))
            try:
                await scheduler.start(size)
                yield Bench(scheduler.work, here.settings, scheduler.stats, here.environment)
            finally:
                await scheduler.close()
    finally:
        await in_thread(ray.shutdown)


def _take_back(number: signal.Signals) -> None:
    """Below Python, Ray has put a handler of its own in place, which ends the process."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.getsignal(number))


class _Process(Worker):
    """Warns in the driver's words; Ray carries them to its stderr."""

    def __init__(self) -> None:
        setup_logging(verbose=False)
        super().__init__()


def _connect(address: str | None, actors: int | None) -> int:
    """The CPUs of the cluster; never of one that only happens to run here. On a thread: it takes
    seconds, and on the main one Ray would also take SIGTERM from Python's own handlers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    shown = {"log_to_driver": True, "configure_logging": False}  # what workers warn of
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


def _starter(
    opening: Opening, ledger: Any, here: Bench[In, Out], in_flight: int
) -> Callable[[], Awaitable[Any]]:
    # Any one worker may have to take all that is in flight, and still answer.
    kind = ray.remote(num_cpus=1, max_restarts=0, max_concurrency=in_flight + 8)(_Process)

    async def start_worker() -> Any:
        actor = kind.options(scheduling_strategy="SPREAD").remote()
        try:
            answer: Answer = await actor.open.remote(opening, ledger)
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

    return start_worker


def _call_ledger(settings: BudgetSettings, folder: Path, here: Bench[In, Out]) -> Any:
    """None when nothing is capped or counted."""
    if not (settings.capped or settings.budget):
        return None
    # Beside the driver, as the file it counts in need not be shared.
    node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    kind = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(CallLedger)
    model = str(here.settings["model"]["model"])
    return kind.options(scheduling_strategy=node).remote(str(Path.cwd()), settings, folder, model)


def _passed_on() -> dict[str, str]:
    names = [spelled for name in {*PASSED_ON, *variables()} for spelled in (name, name.lower())]
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
