"""Work on untrusted workbooks in processes with limits: the worst of them costs one result.

A file may be a bomb, may loop, or may kill the process that reads it. Nothing of that reaches the
caller, nor the other items.
"""

import contextlib
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError, as_completed
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from react_agent.errors import ContractError, Trace2SkillError
from react_agent.threads import contained

In = TypeVar("In")
Out = TypeVar("Out")

OUT_OF_MEMORY = 75
"""Exit code of a worker that reached its memory limit. It ends, as memory that Python has once
taken is not given back, and the next item would find little left."""

STARTUP_SECONDS = 300
"""Until the first process answers; on an idle machine it takes a third of one, on a crowded one
it has taken a minute."""

ATTEMPTS = 3
"""For an item whose pool broke: it may have been a bystander."""


@dataclass(frozen=True)
class WorkLimits:
    """For one item. The slowest pair of 200 public tasks takes 10 CPU seconds and 200 MB."""

    seconds: float = 120
    memory_mb: int = 1536
    """Address space beyond what the process has before it begins."""


class WorkerLost(Trace2SkillError):
    """The worker had to be ended, or died; the text says at which limit."""


class Workers:
    """Processes that are started on entering and ended on leaving, whatever they are doing.

    Raises ContractError on entering where none can be started.
    """

    def __init__(
        self,
        count: int | None = None,
        limits: WorkLimits | None = None,
        *,
        reserves_memory: bool = False,
    ) -> None:
        self.limits = limits or WorkLimits()
        self.count = count or available_cores()
        # WebAssembly and office suites reserve address space, which is no use of memory: then
        # only what can be written to is counted.
        self._kind = "RLIMIT_DATA" if reserves_memory else "RLIMIT_AS"
        self._renewing = threading.Lock()
        self._pool: ProcessPool | None = None
        self._waited_for: set[Future[Any]] = set()

    def __enter__(self) -> "Workers":
        self._pool = self._start()
        try:
            self._pool.schedule(os.getpid).result(STARTUP_SECONDS)
        except (BrokenProcessPool, ProcessExpired, FutureTimeout) as error:
            self._stop()
            why = error if str(error) else f"none answered within {STARTUP_SECONDS} s"
            raise ContractError(
                f"no scoring process could be started: {why}; a script that scores must be a "
                'file and keep its work below `if __name__ == "__main__":`'
            ) from None
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self._stop()

    def run(self, work: Callable[..., Out], *args: object) -> Out:
        """Raises WorkerLost, and what `work` raises. Any thread may call."""
        for _ in range(ATTEMPTS):
            pool = self._running()
            try:
                return self._result(self._submit(pool, work, args))
            except BrokenProcessPool:
                self._renew(pool)
        raise WorkerLost("the process died")

    def map(
        self,
        work: Callable[[In], Out],
        items: Sequence[In],
        done: Callable[[], object] | None = None,
    ) -> list["Out | WorkerLost"]:
        """Results in the order of the items; a lost worker is that item's result."""
        results: dict[int, Out | WorkerLost] = {}

        def note(index: int, result: Callable[[], Out]) -> None:
            try:
                results[index] = result()
            except WorkerLost as lost:
                results[index] = lost
            if done:
                done()

        while owed := [index for index in range(len(items)) if index not in results]:
            before = len(results)
            pool = self._running()
            futures = {self._submit(pool, work, (items[index],)): index for index in owed}
            for future in as_completed(futures):
                with contextlib.suppress(BrokenProcessPool):
                    note(futures[future], partial(self._result, future))
            if len(results) == before:  # the first one may break every pool: let it do so alone
                note(owed[0], partial(self.run, work, items[owed[0]]))
            elif len(results) < len(items):
                self._renew(pool)
        return [results[index] for index in range(len(items))]

    def _submit(
        self, pool: ProcessPool, work: Callable[..., Out], args: Iterable[object]
    ) -> "Future[Out]":
        future: Future[Out]
        try:
            future = pool.schedule(_guarded, args=(work, *args), timeout=self.limits.seconds)
        except RuntimeError:  # the pool broke, or was stopped, a moment ago
            future = Future()
        self._waited_for.add(future)
        future.add_done_callback(self._waited_for.discard)
        if self._pool is not pool or not pool.active:
            _abandon(future)
        return future

    def _result(self, future: "Future[Out]") -> Out:
        """Raises BrokenProcessPool where the item may not even have been begun."""
        try:
            return future.result()
        except FutureTimeout:
            raise WorkerLost(f"not done within {self.limits.seconds:g} seconds") from None
        except ProcessExpired as error:
            if error.exitcode == OUT_OF_MEMORY:
                raise WorkerLost(f"needs more than {self.limits.memory_mb} MB of memory") from None
            raise WorkerLost(f"the process died with exit code {error.exitcode}") from None

    def _running(self) -> ProcessPool:
        if self._pool is None:
            raise RuntimeError("Workers are used outside of their with block")
        return self._pool

    def _start(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.count,
            initializer=_prepare,
            initargs=(dict(os.environ), self._kind, self.limits.memory_mb),
            context=_context(),
        )

    def _renew(self, broken: ProcessPool) -> None:
        """A pool breaks as a whole when a worker dies in the moment that it is given an item."""
        with self._renewing:
            if self._pool is broken:
                self._stop()
                self._pool = self._start()

    def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()
        # A pool that is stopped forgets what it was asked, and would let the askers wait.
        for future in list(self._waited_for):
            _abandon(future)


def _abandon(future: "Future[Any]") -> None:
    with contextlib.suppress(InvalidStateError):
        future.set_exception(BrokenProcessPool("the pool was stopped"))


def available_cores() -> int:
    return len(os.sched_getaffinity(0))


def _guarded(work: Callable[..., Out], *args: Any) -> Out:
    try:
        return contained(work, *args)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _context() -> Any:
    """Not fork: it copies a program whose other threads may hold locks."""
    # One thread per worker is enough, and a pool of them reserves memory that counts.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spreadsheetbench.scoring.score"])
    return context


def _prepare(environment: dict[str, str], kind: str, megabytes: int) -> None:
    # Processes come from a server, which keeps the environment of its own start.
    os.environ.clear()
    os.environ.update(environment)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    number = getattr(resource, kind)
    hard = resource.getrlimit(number)[1]
    wanted = used + megabytes * 2**20
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(number, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
