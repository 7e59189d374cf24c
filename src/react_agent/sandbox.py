"""Confine what an agent's commands can see, change and use up.

    sandbox = open_sandbox("auto")
    async with sandbox.case(folder, read_only=[skill_folder], hide=[data_set, outputs]) as bash:
        print((await bash.run("ls -l")).render())

`bwrap`: the case folder is writable; the system, this Python and `read_only` can be read; nothing
else of the machine exists, there is no network, and /tmp is the case's own. Started by root,
every open case is a throwaway user to whom its folder belongs until the case is closed.

`none` gives the same clean environment, time, memory, output and disk limits, and ends what a
command leaves running. It does NOT keep a command from reading or changing whatever the user who
started it can: gold workbooks, other cases, keys in files or in other processes, the network.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from react_agent import bwrap
from react_agent.bash import Bash
from react_agent.errors import ContractError
from react_agent.limits import Limits, counts_processes_per_namespace, descendants
from react_agent.process import Ended, Job, run

log = logging.getLogger(__name__)

Kind = Literal["auto", "bwrap", "none"]
_MARK = "SANDBOX_CASE"
"""In the environment of every command; finds those that left their process group."""


@dataclass(frozen=True)
class Sandbox:
    """A way to confine that was tried and works on this machine."""

    kind: Literal["bwrap", "none"]
    limits: Limits
    slots: asyncio.Semaphore
    """Bounds the commands that run at once, over all cases."""
    program: str = ""
    """The bubblewrap that works here."""
    throwaway_users: bool = False
    """Root confines by giving each case a user of its own; others by a user namespace."""
    _users: Iterator[int] = field(default_factory=lambda: iter(()), repr=False)

    @contextlib.asynccontextmanager
    async def case(
        self, folder: Path, *, read_only: Sequence[Path] = (), hide: Sequence[Path] = ()
    ) -> AsyncIterator[Bash]:
        """A shell in `folder`. `hide` names what must not be seen even below a tree that is
        shown: the data set, outputs, logs, other cases."""
        scratch = Path(tempfile.mkdtemp(prefix="trace2skill-case-"))
        user = next(self._users) if self.throwaway_users else None
        opened = _Case(self, folder.absolute(), scratch, user)
        try:
            opened.prepare(read_only, hide)
            yield Bash(opened.start, self.slots)
        finally:
            opened.close()


@dataclass
class _Case:
    sandbox: Sandbox
    folder: Path
    scratch: Path
    user: int | None
    mark: str = field(default_factory=lambda: secrets.token_hex(16))
    arguments: list[str] = field(default_factory=list)
    """What comes before the shell in every command of the case."""
    below_tmp: list[Path] = field(default_factory=list)
    """Where the case's own /tmp must have plain folders to show others on."""

    @property
    def tmp(self) -> Path:
        return self.scratch / "tmp"

    def prepare(self, read_only: Sequence[Path], hide: Sequence[Path]) -> None:
        self.tmp.mkdir()
        self.tmp.chmod(0o1777)
        own_count = self.user is not None or (
            self.sandbox.kind == "bwrap" and bool(os.getuid()) and counts_processes_per_namespace()
        )
        limits = self.sandbox.limits.prefix(processes=own_count)
        if self.sandbox.kind == "none":
            self.arguments = limits
            return
        binds = [bwrap.bind(self.folder, writable=True), *map(bwrap.bind, read_only)]
        shims = _python_shims(self.scratch / "bin")
        binds += [bwrap.bind(shims)] if shims else []
        self.below_tmp = [one.seen_at for one in binds if one.seen_at.is_relative_to("/tmp")]
        if self.user is not None:
            for one in binds[1:]:
                _must_be_public(one.source)
            _give(self.folder, self.user, self.user)
        self.arguments = [
            *_bubblewrap(self.sandbox.program, self.user),
            *bwrap.mounts(self.tmp, binds, hide),
            *("--chdir", str(self.folder), "--"),
            *_become(self.user),
            *limits,
        ]

    def close(self) -> None:
        """Give the folder back. Short and bounded, so done at once: cancelling cannot skip it."""
        if self.user is not None:
            _give(self.folder, os.getuid(), os.getgid())
        elif os.getuid():  # what the agent closed to itself is closed to its user
            _quietly("chmod", "-R", "u+rwX", "--", str(self.folder), str(self.scratch))
        _quietly("rm", "-rf", "--one-file-system", "--", str(self.scratch))

    async def start(self, command: str) -> Ended:
        shell: list[str | bytes] = ["/bin/bash", "-c", command.encode("utf-8", "replace")]
        if self.sandbox.kind == "none":
            return await run(self._job([*self.arguments, *shell]))
        self._own_tmp()
        report, status_fd = os.pipe()
        try:
            os.set_blocking(report, False)
            status = ["--json-status-fd", str(status_fd)]
            program, *rest = self.arguments
            ended = await run(self._job([program, *status, *rest, *shell], status_fd))
            os.close(status_fd)
            status_fd = -1
            if not ended.breach and b'"exit-code"' not in os.read(report, 1 << 16):
                why = bytes(ended.output.head[-500:]).decode("utf-8", "replace").strip()
                raise ContractError(f"the sandbox of {self.folder} did not start: {why}")
            return ended
        finally:
            os.close(report)
            if status_fd >= 0:
                os.close(status_fd)

    def _own_tmp(self) -> None:
        """Bubblewrap follows links when it makes the folders it mounts on: with none in the way
        it stays within. A command that could put one there has ended."""
        for shown in self.below_tmp:
            place = self.tmp
            for part in shown.relative_to("/tmp").parts:
                place /= part
                if place.is_symlink() or not place.is_dir():
                    place.unlink(missing_ok=True)
                    place.mkdir(mode=0o755)

    def _job(self, argv: Sequence[str | bytes], status_fd: int | None = None) -> Job:
        confined = self.sandbox.kind == "bwrap"
        return Job(
            argv=argv,
            folder=self.folder,
            env=_environment(self.folder, Path("/tmp") if confined else self.tmp, self.mark),
            limits=self.sandbox.limits,
            watched=(self.folder, self.tmp),
            pids=descendants if confined else self._all,
            survivors=list if confined else self._marked,
            status_fd=status_fd,
        )

    def _all(self, root: int) -> list[int]:
        return list({*descendants(root), *self._marked()})

    def _marked(self) -> list[int]:
        """Processes of this case wherever they went; one that cleared its environment is lost."""
        mark, found = f"{_MARK}={self.mark}".encode(), []
        for name in os.listdir("/proc") if Path("/proc/self").exists() else ():  # noqa: PTH208
            if name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in Path(f"/proc/{name}/environ").read_bytes():
                        found.append(int(name))
        return found


def open_sandbox(
    kind: Kind = "auto", *, limits: Limits | None = None, slots: asyncio.Semaphore | None = None
) -> Sandbox:
    """Start a program in the sandbox once, to see whether it can run here at all.

    Raises ContractError where `bwrap` is asked for and cannot run; `auto` warns and goes without.
    """
    limits = limits or Limits()
    slots = slots or asyncio.Semaphore(2 * (os.cpu_count() or 1))
    if kind == "none":
        return Sandbox("none", limits, slots)
    problems = []
    for program in bwrap.candidates():
        for throwaway in (True, False) if os.getuid() == 0 else (False,):
            if not (problem := _probe(program, throwaway)):
                users = _throwaway_users() if throwaway else iter(())
                return Sandbox("bwrap", limits, slots, program, throwaway, users)
            problems.append(f"{program}: {problem}")
    why = "; ".join(dict.fromkeys(problems)) or "bubblewrap is not installed"
    mend = (
        "To mend it: `apt install bubblewrap`; if it is installed, allow user namespaces "
        "(sysctl kernel.apparmor_restrict_unprivileged_userns=0, "
        "kernel.unprivileged_userns_clone=1, or a container with --privileged)"
    )
    if kind == "bwrap":
        raise ContractError(f"--sandbox bwrap: cannot run here: {why}. {mend}")
    user = "as root" if os.getuid() == 0 else "with all your rights"
    log.warning(
        "NO SANDBOX: the agent's commands run %s on this machine. They can read the gold "
        "workbooks, other cases, your files and keys, use the network, and delete what you can "
        "delete. Reason: %s. %s",
        user,
        why,
        mend,
    )
    return Sandbox("none", limits, slots)


def _probe(program: str, throwaway: bool) -> str:
    """Empty when Python starts in the sandbox, else why it does not."""
    user = next(_throwaway_users(), None) if throwaway else None
    if throwaway and (user is None or not shutil.which("setpriv")):
        return "root has no users to give away here, or setpriv (util-linux) is missing"
    with tempfile.TemporaryDirectory(prefix="trace2skill-probe-") as name:
        argv = [*_bubblewrap(program, user), *bwrap.mounts(Path(name), [], []), "--"]
        argv += [*_become(user), sys.executable, "-I", "-c", "import json"]
        try:
            done = subprocess.run(
                argv, env={}, capture_output=True, timeout=30, check=False, cwd="/", text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def _bubblewrap(program: str, user: int | None) -> list[str]:
    # A throwaway user needs none of its own; others get one, and can make no further.
    namespace = [] if user is not None else ["--unshare-user", "--disable-userns"]
    return [program, *namespace, *bwrap.NAMESPACES]


def _become(user: int | None) -> list[str]:
    if user is None:
        return []
    ids = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return ["setpriv", *ids, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"]


def _throwaway_users() -> Iterator[int]:
    """Numbers that no account has; started at random, as other runs draw from the same range."""
    size = 50_000
    spans = []
    for name in ("uid_map", "gid_map"):
        lines = Path("/proc/self", name).read_text().splitlines()
        spans.append([(int(a), int(a) + int(n)) for a, _, n in map(str.split, lines)])
    for base in (1_900_000_000, 200_000, 10_000):
        if all(any(a <= base and base + size <= b for a, b in span) for span in spans):
            start = secrets.randbelow(size)
            return (base + (start + n) % size for n in itertools.count())
    return iter(())


def _give(folder: Path, user: int, group: int) -> None:
    """Links are given, never followed."""
    command = ["chown", "-R", "-P", "-h", f"{user}:{group}", "--", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ContractError(f"{folder}: cannot be given to another user: {done.stderr[:500]}")


def _quietly(*command: str) -> None:
    subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def _must_be_public(folder: Path) -> None:
    """Root's throwaway users see only what everyone may read."""
    needed = 0o005 if folder.is_dir() else 0o004
    if folder.stat().st_mode & needed != needed:
        fix = f"chmod -R a+rX {shlex.quote(str(folder))}"
        raise ContractError(f"{folder}: the sandbox's user cannot read it; run: {fix}")


def _python_shims(folder: Path) -> Path | None:
    """`python` and `python3` where the interpreter's own folder has not both."""
    beside = Path(sys.executable).parent
    if (beside / "python").exists() and (beside / "python3").exists():
        return None
    folder.mkdir(exist_ok=True)
    for name in ("python", "python3"):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (folder / name).chmod(0o755)
    folder.chmod(0o755)
    return folder


def _environment(folder: Path, tmp: Path, mark: str) -> dict[str, str]:
    """All that a command gets to see; nothing of the caller's."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(tmp),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "MPLBACKEND": "Agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONNOUSERSITE": "1",
        _MARK: mark,
        **dict.fromkeys(threads, "1"),
    }
