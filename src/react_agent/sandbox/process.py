"""Run one untrusted command to its end on the event loop: no thread, bounded memory.

Not asyncio's own subprocess: there the end of the pipes, which a background child can hold open
for ever, delays the news that the command has ended, and all output is queued before it is seen.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from react_agent.sandbox.limits import Breach, Limits, breach

log = logging.getLogger(__name__)

FIRST_LOOK, BETWEEN_LOOKS, LONGEST_PAUSE = 0.2, 0.25, 1.0
"""Seconds until the limits on the whole are first checked, and between checks."""
_LOOKERS = ThreadPoolExecutor(2, thread_name_prefix="look")
"""A command can make a look long: the event loop does not wait for it."""
SHORT = 5.0
"""Seconds in which no machine starts as many processes as it has numbers for."""
DRAIN, REAP = 0.5, 5.0
"""Seconds granted, once all is killed, to the rest of the output and to the kernel."""


class BoundedOutput:
    """The beginning and the end of a stream of any length, in fixed memory."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        room = self.kept - len(self.head)
        self.head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self.kept:
            del self._tail[: -self.kept]

    @property
    def tail(self) -> bytes:
        return bytes(self._tail[-self.kept :])

    @property
    def dropped(self) -> int:
        return self.total - len(self.head) - len(self.tail)


@dataclass(frozen=True)
class Job:
    """All that is needed to start one command, watch it, and end every part of it."""

    argv: Sequence[str | bytes]
    folder: Path
    env: Mapping[str, str]
    limits: Limits
    watched: Sequence[Path]
    """The folders whose sizes are limited."""
    pids: Callable[[int], list[int]]
    """From the started process to all that belong to it."""
    survivors: Callable[[int], list[int]] = lambda above: []
    """Processes of the job that its process group does not hold, with numbers above the given."""
    inner: Callable[[int], int | None] = lambda root: None
    """From the started process to the one with which all within end, where there is one."""
    looked_at: bool = True
    """Whether the limits on the whole are checked; not where the kernel keeps all of them."""
    pass_fds: Sequence[int] = ()
    """Handed down to the process under the same numbers."""


@dataclass
class Ended:
    exit_code: int
    breach: Breach
    seconds: float
    output: BoundedOutput


@dataclass
class _Running:
    """A started job: callbacks of the event loop settle `ending`, whoever comes first."""

    job: Job
    process: subprocess.Popen[bytes]
    pipe: int
    output: BoundedOutput
    ending: asyncio.Future[Breach]
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    look: "asyncio.TimerHandle | asyncio.Future[tuple[Breach, float]] | None" = None
    started: float = field(default_factory=time.monotonic)

    def end(self, reason: Breach) -> None:
        if not self.ending.done():
            self.ending.set_result(reason)

    def on_exit(self) -> None:
        self.exited.set()
        self.end("")

    def on_output(self) -> None:
        try:
            chunk = os.read(self.pipe, 1 << 16)
        except BlockingIOError:
            return
        self.output.feed(chunk)
        if not chunk:
            asyncio.get_running_loop().remove_reader(self.pipe)
            self.drained.set()
        elif self.output.total > self.job.limits.output_bytes:
            self.end("output")

    def look_after(self, pause: float) -> None:
        self.look = asyncio.get_running_loop().call_later(pause, self._look)

    def _look(self) -> None:
        looking = asyncio.get_running_loop().run_in_executor(_LOOKERS, self._found)
        looking.add_done_callback(self._on_found)
        self.look = looking

    def _found(self) -> tuple[Breach, float]:
        started, root = time.perf_counter(), self.process.pid
        job = self.job
        found = breach(job.limits, job.watched, job.pids(root), job.inner(root))
        return found, time.perf_counter() - started

    def _on_found(self, looking: "asyncio.Future[tuple[Breach, float]]") -> None:
        if looking.cancelled() or self.ending.done():
            return
        found, took = looking.result()
        if found:
            self.end(found)
        # A folder full of files takes long to count: then it is counted less often.
        self.look_after(min(max(BETWEEN_LOOKS, 20 * took), LONGEST_PAUSE))

    async def end_within(self) -> None:
        """With process 1 all of its namespace ends, and the outer one only then: what it leaves
        behind is not touched before."""
        inner = None if self.exited.is_set() else self.job.inner(self.process.pid)
        if inner is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(inner, signal.SIGKILL)
            await _within(REAP, self.exited)

    def kill(self) -> None:
        """The process is not reaped yet, so that its number still names its own group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for _ in range(5):  # one that forks while it is being killed is met in the next round
            if not (left := self.job.survivors(self._newer_than)):
                break
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    @property
    def _newer_than(self) -> int:
        """The kernel counts its processes up: of a short command all are above the first, unless
        the count has begun again. Looking at every process of the machine takes milliseconds."""
        first = self.process.pid
        short = time.monotonic() - self.started < SHORT
        try:
            newest = int(Path("/proc/loadavg").read_text().split()[-1])
        except OSError:
            newest = 0
        return first if short and newest >= first else 0


async def run(job: Job) -> Ended:
    """Start the job and see it out; on cancellation everything it started is killed first."""
    loop = asyncio.get_running_loop()
    started = time.monotonic()
    running = _start(job, loop.create_future())
    timeout = loop.call_later(job.limits.seconds, running.end, "timeout")
    if job.looked_at:
        running.look_after(FIRST_LOOK)
    loop.add_reader(running.pipe, running.on_output)
    try:
        with _watching_exit(running):
            try:
                reason = await running.ending
            finally:
                timeout.cancel()
                if running.look:
                    running.look.cancel()
                try:
                    await running.end_within()
                finally:
                    running.kill()
                    await _see_out(running)
    finally:
        loop.remove_reader(running.pipe)
        os.close(running.pipe)
    code = running.process.returncode if running.exited.is_set() else -signal.SIGKILL
    return Ended(code, reason, time.monotonic() - started, running.output)


def _start(job: Job, ending: "asyncio.Future[Breach]") -> _Running:
    pipe, far_end = os.pipe()
    try:
        os.set_blocking(pipe, False)
        process = subprocess.Popen(
            job.argv,
            cwd=job.folder,
            env=job.env,
            stdin=subprocess.DEVNULL,
            stdout=far_end,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=job.pass_fds,
        )
    except BaseException:
        os.close(pipe)
        raise
    finally:
        os.close(far_end)
    return _Running(job, process, pipe, BoundedOutput(job.limits.kept_bytes), ending)


@contextlib.contextmanager
def _watching_exit(running: _Running) -> Iterator[None]:
    """A pidfd becomes readable when the process ends, without reaping it."""
    loop = asyncio.get_running_loop()
    try:
        handle = os.pidfd_open(running.process.pid)
    except (AttributeError, OSError):  # not Linux, or one before 5.3
        polling = loop.create_task(_poll_exit(running))
        try:
            yield
        finally:
            polling.cancel()
        return

    def ended() -> None:
        loop.remove_reader(handle)
        running.on_exit()

    loop.add_reader(handle, ended)
    try:
        yield
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def _poll_exit(running: _Running) -> None:
    while running.process.poll() is None:  # noqa: ASYNC110 (nothing would set an event)
        await asyncio.sleep(0.02)
    running.on_exit()


async def _see_out(running: _Running) -> None:
    """Reap the process, and take what is left in the pipe."""
    if await _within(REAP, running.exited):
        running.process.wait()
    else:
        log.warning("process %d does not end after SIGKILL; left behind", running.process.pid)
    await _within(DRAIN, running.drained)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
