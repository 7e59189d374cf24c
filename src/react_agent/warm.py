"""A warm interpreter for a case: `python` there forks from one that has openpyxl loaded.

The host starts and ends warm_server.py in a sandbox like those of the case's commands and never
talks to it. Between commands it is stopped, and all that it forked is dead: what the kernel says
of its processes decides, not what they say.
"""

import asyncio
import contextlib
import functools
import logging
import os
import py_compile
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from react_agent import bwrap, seccomp
from react_agent.limits import GiB, descendants

log = logging.getLogger(__name__)

STARTS = 3
"""Servers for one case; after that Python starts as ever."""
READY = 10.0
"""Seconds for a server to stand in its sandbox; it loads its modules later."""
SPARE_MEMORY = 1 * GiB
"""With less left on the machine no server is started."""
_ROUNDS, _PAUSE = 100, 0.005
"""How often, and with what seconds between, the dead are counted."""
_SOCKET = "s"
_BOOT = (
    "import sys; folder, *handles = sys.argv[1:]; sys.path[0] = folder; "
    "import warm_server; warm_server.start(*map(int, handles))"
)
_PROGRAMS = ("warm_client", "warm_server")
_SHIM = """#!{} -IS
import marshal
with open({}, "rb") as file:
    file.seek(16)
    exec(marshal.load(file))
main({}, {})
"""
"""With no shell between: it would change the environment."""
_NAMES_PYTHON = re.compile(r"\bpython3?\b")


@dataclass
class Warm:
    """The server of one case as the host sees it: a tree of processes."""

    program: str
    """Bubblewrap."""
    folder: Path
    """Shown in the sandbox, read-only: shims, programs, socket."""
    starts: int = 0
    _process: "subprocess.Popen[bytes] | None" = None
    _own: list[int] = field(default_factory=list)
    """Bubblewrap outside, bubblewrap inside, the server."""
    _handles: list[int] = field(default_factory=list)
    """Of the second, with which all in its namespace end, and of the server."""

    def install(self) -> Path:
        """Write all that a case shows of it; returns the folder for its PATH."""
        self.folder.mkdir(exist_ok=True)
        for name in _PROGRAMS:
            (self.folder / f"{name}.pyc").write_bytes(_compiled(name))
        program = bwrap.interpreter()
        for name in ("python", "python3"):
            beside = program.with_name(name)
            real = str(beside if beside.exists() else program)
            paths = str(self.folder / f"{_PROGRAMS[0]}.pyc"), str(self.folder / _SOCKET), real
            (self.folder / name).write_text(_SHIM.format(program, *map(repr, paths)))
            (self.folder / name).chmod(0o755)
        self.folder.chmod(0o755)
        return self.folder

    async def get_ready(self, command: str, sandbox: Sequence[str], env: Mapping[str, str]) -> None:
        """Have a server stand before a command that names Python; `sandbox` is what comes between
        bubblewrap and its program. No command of the case may run meanwhile."""
        if self._process is not None and self._process.poll() is None:
            self._signal(1, signal.SIGCONT)
            return
        self.close()
        if self.starts >= STARTS or not _NAMES_PYTHON.search(command):
            return
        if psutil.virtual_memory().available < SPARE_MEMORY:
            return
        self.starts += 1
        try:
            await self._start(sandbox, env)
        finally:
            if len(self._handles) != 2:
                log.warning("%s: its warm interpreter did not start", self.folder)
                self.close()

    async def _start(self, sandbox: Sequence[str], env: Mapping[str, str]) -> None:
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(_listening(self.folder / _SOCKET))
            ready, far_end = os.pipe()
            stack.callback(os.close, ready)
            far = stack.enter_context(open(far_end, "wb"))  # noqa: PTH123 (a handle, no path)
            flags, handles = [], [listener.fileno(), far_end]
            if (rules := seccomp.open_program()) is not None:
                stack.callback(os.close, rules)
                flags, handles = ["--seccomp", str(rules)], [*handles, rules]
            server = [
                str(bwrap.interpreter()),
                "-c",
                _BOOT,
                str(self.folder),
                *map(str, handles[:2]),
            ]
            self._process = subprocess.Popen(  # noqa: ASYNC220 (a millisecond, as for commands)
                [self.program, *flags, *sandbox, *server],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=handles,
            )
            far.close()
            if await _first_byte(ready):  # nobody else is in its namespace yet
                self._own = descendants(self._process.pid)
                if len(self._own) == 3:
                    self._handles = [os.pidfd_open(pid) for pid in self._own[1:]]

    def watch(self) -> list[int]:
        """What the server runs for the command: counts for its limits. A server that the program
        has stopped goes on."""
        self._signal(1, signal.SIGCONT)
        return self._forked()

    def _forked(self) -> list[int]:
        if self._process is None:
            return []
        return [pid for pid in descendants(self._process.pid) if pid not in self._own]

    def hold(self) -> list[int]:
        """Stop the server, so that it forks no more; returns what is to be killed."""
        self._signal(1, signal.SIGSTOP)
        return [pid for pid in self._forked() if _state(pid) not in "ZX"]

    async def settle(self) -> None:
        """The command has ended: returns when nothing runs that it had the server fork."""
        try:
            for _ in range(_ROUNDS):
                # Stopped with nobody left to wake it, a server stays stopped.
                if not (left := self.hold()) and (not self._own or _state(self._own[2]) in "TZX"):
                    return
                for pid in left:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(_PAUSE)
        except BaseException:
            self.close()
            raise
        self.close()

    def _signal(self, which: int, number: int) -> None:
        if self._handles:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self._handles[which], number)

    def close(self) -> None:
        """End the server and all in its namespace."""
        if self._process is None:
            return
        self._signal(0, signal.SIGKILL)
        try:
            # With its own end bubblewrap has seen that of the namespace.
            self._process.wait(timeout=5 if self._handles else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for handle in self._handles:
            os.close(handle)
        self._process, self._own, self._handles = None, [], []
        (self.folder / _SOCKET).unlink(missing_ok=True)


def why_not() -> str:
    """Empty where there can be a warm interpreter."""
    path = str(bwrap.interpreter())
    if sys.version_info >= (3, 13):
        return "from 3.13 on Python cannot end well in a process that a second thread forked"
    if len(path) >= 200 or any(map(str.isspace, path)):
        return f"the kernel does not start a script by {path}"
    return ""


@functools.cache
def _compiled(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "compiled.pyc")
        py_compile.compile(str(Path(__file__).with_name(f"{name}.py")), str(target), doraise=True)
        return target.read_bytes()


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """The client's programs may connect, none of them can take its place."""
    folder = os.open(path.parent, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(f"/proc/self/fd/{folder}/{path.name}")
            path.chmod(0o666)
            listener.listen()
            yield listener
    finally:
        os.close(folder)


async def _first_byte(handle: int) -> bytes:
    """Empty when the other end closes it, or nothing comes in time."""
    loop, come = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, come.set)
    try:
        async with asyncio.timeout(READY):
            await come.wait()
        return os.read(handle, 1)
    except TimeoutError:
        return b""
    finally:
        loop.remove_reader(handle)


def _state(pid: int) -> str:
    """The kernel's letter: T stopped, Z dead but not buried, X gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()
    except OSError:
        return "X"
