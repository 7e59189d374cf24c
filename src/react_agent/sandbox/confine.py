"""A sandbox and its cases: one is opened on its folder, starts commands in it, gives it back."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path, PurePath
from typing import Literal

from react_agent.errors import ContractError
from react_agent.sandbox import agent_python, bwrap, cgroups, seccomp, trees
from react_agent.sandbox import users as throwaway
from react_agent.sandbox.bash import Bash
from react_agent.sandbox.limits import (
    Limits,
    counts_processes_per_namespace,
    descendants,
    first_child,
)
from react_agent.sandbox.mirror import Mirror
from react_agent.sandbox.office import SYSTEM_PATH
from react_agent.sandbox.orphans import MARK, marked
from react_agent.sandbox.process import Ended, Job, run
from react_agent.sandbox.space import CASE, SHM, TMP, Space, open_space
from react_agent.threads import to_the_end

log = logging.getLogger(__name__)

THREADS = ThreadPoolExecutor(4, thread_name_prefix="case")
"""Their own, so that no case waits for its folder behind work of other kinds."""


@dataclass(frozen=True)
class Sandbox:
    """A way to confine that was tried and works on this machine."""

    kind: Literal["bwrap", "none"]
    limits: Limits
    slots: asyncio.Semaphore
    """Bounds the commands that run at once, over all cases."""
    python: agent_python.AgentPython
    """What `python` is in every command."""
    program: str = ""
    """The bubblewrap that works here; empty where nothing is confined."""
    bounded: bool = False
    """Whether the kernel bounds how much a case writes; else that is measured as it grows."""
    groups: Path | None = None
    """Where control groups can be made: there the kernel bounds memory and processes."""
    users: Iterator[int] = field(default_factory=lambda: iter(()), repr=False)
    """One for each case when root confines; else there are none, and user namespaces serve."""

    @contextlib.asynccontextmanager
    async def case(
        self, folder: Path, *, read_only: Sequence[Path] = (), hide: Sequence[Path] = ()
    ) -> AsyncIterator[Bash]:
        """A shell in `folder`. `hide` names what must not be seen even below a tree that is
        shown: the data set, outputs, logs, other cases."""
        case = ConfinedCase(bwrap.plain(folder), self, next(self.users, None))
        try:
            await to_the_end(partial(case.open, read_only, hide), THREADS)
            yield Bash(case.start, self.slots, case.keep)
        finally:
            await to_the_end(case.close, THREADS)


@dataclass
class ConfinedCase:
    folder: Path
    sandbox: Sandbox
    user: int | None
    """Of this case alone; only when started by root."""
    mark: str = field(default_factory=lambda: secrets.token_hex(16))
    _arguments: list[str] = field(default_factory=list)
    """What comes before the shell in every command of the case."""
    _group: cgroups.Group | None = None
    _space: Space | None = None
    _results: Mirror | None = None
    """From the space to the folder."""
    _below_tmp: list[tuple[PurePath, bool]] = field(default_factory=list)
    """What bubblewrap makes in /tmp, and whether that is a folder."""
    _handles: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _given: bool = False

    @cached_property
    def _real(self) -> Path:
        """Its last part may be a link, and what is done to a link is not done to the folder."""
        return self.folder.resolve()

    @cached_property
    def scratch(self) -> Path:
        """Beside the case folder: on the same disk, and a crash leaves no second one."""
        return self.folder.parent.resolve() / f".{self.folder.name}.scratch"

    def _own(self, name: str) -> Path:
        return self.scratch / "space" / name

    def open(self, read_only: Sequence[Path], hide: Sequence[Path]) -> None:
        if not self.folder.is_dir():
            raise ContractError(f"{self.folder}: no such folder to run commands in")
        trees.remove(self.scratch)
        for name in (CASE, TMP, SHM):
            self._own(name).mkdir(parents=True)
            self._own(name).chmod(0o755 if name == CASE else 0o1777)
        if not self.sandbox.program:
            self._arguments = self.sandbox.limits.prefix(processes=False, stays=False)
            return
        for path in hide:
            if path.exists() and path.resolve().is_relative_to(self._real):
                raise ContractError(f"{path}: must stay hidden but lies in {self.folder}")
        shown = [bwrap.bind(path) for path in read_only]
        if self.user is not None:
            for one in shown:
                throwaway.check_public(one.source)
        if self.sandbox.groups:
            self._group = cgroups.open_group(self.sandbox.groups, self.mark, self.sandbox.limits)
            self._handles.callback(self._group.close)
        if self.sandbox.bounded:
            self._fill_space()
        elif self.user is not None:
            self._given = True
            with trees.opened(self._real) as folder:
                self._give(folder, self.user)
        self._arguments = self._confined(shown, hide)

    def _confined(self, shown: Sequence[bwrap.Bind], hide: Sequence[Path]) -> list[str]:
        writable = self._own(CASE) if self.sandbox.bounded else self._real
        python = self.sandbox.python
        binds = [bwrap.Bind(writable, self.folder, writable=True), *shown, *python.shown]
        hide = [*hide, *python.hidden]
        self._below_tmp = [
            (one.seen_at.relative_to("/tmp"), one.is_folder)
            for one in binds
            if one.seen_at.is_relative_to("/tmp")
        ]
        # The kernel counts processes per user, and in a namespace; root's own it does not count.
        countable = self.user is not None or (os.getuid() != 0 and counts_processes_per_namespace())
        return [
            *bwrap.namespaces(own_users=self.user is None),
            *bwrap.mounts(self._own(TMP), self._own(SHM), binds, hide),
            *("--chdir", str(self.folder), "--"),
            *(throwaway.become(self.user) if self.user is not None else ()),
            *self.sandbox.limits.prefix(processes=countable, stays=self.user is None),
        ]

    def _fill_space(self) -> None:
        """Copy the case folder in: what commands see and change is the copy."""
        limits = self.sandbox.limits
        own = open_space(self.scratch / "space", limits.folder_bytes, limits.folder_files)
        self._handles.callback(own.close)
        self._space = own
        inside = self._handles.enter_context(own.folder(CASE))
        folder = self._handles.enter_context(trees.opened(self._real))
        try:
            Mirror(folder, inside, limits.folder_bytes).update()
        except OSError as error:
            raise ContractError(f"{self.folder}: too large for a case: {error.strerror}") from None
        if self.user is not None:
            self._give(inside, self.user)
        self._results = Mirror(inside, folder, limits.folder_bytes)
        self._results.learn()

    def _give(self, folder: int, user: int) -> None:
        if problem := trees.give(folder, user, user, _too_deep):
            raise ContractError(f"{self.folder}: cannot be given to another user: {problem}")

    def close(self) -> None:
        """What lies too deep is deleted: recursive readers of the folder, Python's own among
        them, fail on very deep trees."""
        try:
            if self._results:
                self._results.update()
            elif self._real.is_dir() and not self._space:
                self.scratch.mkdir(exist_ok=True)
                with trees.opened(self.scratch) as scratch, trees.opened(self._real) as folder:
                    self._take_back(folder, trees.move_into(scratch))
        except (OSError, ContractError) as error:
            log.warning("%s: cannot be taken back as a whole: %s", self.folder, error)
        self._handles.close()
        trees.remove(self.scratch)

    def _take_back(self, folder: int, deeper: trees.ByName) -> None:
        if self._given:
            if problem := trees.give(folder, os.getuid(), os.getgid(), deeper):
                log.warning("%s: cannot be taken back from its user: %s", self.folder, problem)
            return
        trees.visit(folder, trees.take_back, deeper=deeper)

    async def start(self, command: str) -> Ended:
        """Raises ContractError when it is the sandbox that fails, not the command."""
        shell: list[str | bytes] = ["/bin/bash", "-c", command.encode("utf-8", "replace")]
        if not self.sandbox.program:
            return await run(self._job([*self._arguments, *shell]))
        self._clear_tmp()
        with contextlib.ExitStack() as handles:
            report, status = _pipe(handles)
            flags, passed = ["--json-status-fd", str(status)], [status]
            if (rules := seccomp.open_program()) is not None:
                handles.callback(os.close, rules)
                flags += ["--seccomp", str(rules)]
                passed.append(rules)
            enter = self._group.enter() if self._group else []
            enter += self._space.enter() if self._space else []
            argv = [*enter, self.sandbox.program, *flags, *self._arguments, *shell]
            before = self._group.times_full if self._group else 0
            ended = await run(self._job(argv, passed))
            if self._group and self._group.times_full > before:
                ended = replace(ended, breach="memory")
            if not ended.breach and b'"exit-code"' not in _read_now(report):
                why = bytes(ended.output.head[:500]).decode("utf-8", "replace").strip()
                raise ContractError(f"{self.folder}: the sandbox did not start: {why}")
        if self._results:  # what asks for the folder between two commands sees what they did
            await to_the_end(self._results.update, THREADS)
        return ended

    async def keep(self, name: str, text: bytes) -> bool:
        """Put a file into the folder where commands see it; false where there is no room."""
        return await to_the_end(partial(self._keep, name, text), THREADS)

    def _keep(self, name: str, text: bytes) -> bool:
        try:
            with self._space.folder(CASE) if self._space else trees.opened(self._real) as folder:
                trees.write_file(folder, name, text)
        except OSError as error:
            log.info("%s: %s was not kept: %s", self.folder, name, error)
            return False
        return True

    def _clear_tmp(self) -> None:
        """Bubblewrap follows links when it makes the places that it mounts on: with none in the
        way it stays within. A command that could put one there has ended."""
        opened = self._space.folder(TMP) if self._space else trees.opened(self._own(TMP))
        with opened as top:
            for place, is_folder in self._below_tmp:
                trees.lay(top, place, is_folder=is_folder)

    def _job(self, argv: Sequence[str | bytes], passed: Sequence[int] = ()) -> Job:
        # In a process namespace the kernel ends what is left; outside it must be found.
        return Job(
            argv=argv,
            folder=self.folder,
            env=self._environment,
            limits=self.sandbox.limits,
            watched=() if self.sandbox.bounded else (self._real, self._own(TMP), self._own(SHM)),
            pids=self._everywhere,
            survivors=self._survivors,
            inner=first_child if self.sandbox.program else lambda root: None,
            looked_at=not (self._group and self.sandbox.bounded),
            pass_fds=passed,
        )

    def _everywhere(self, root: int) -> list[int]:
        return list({*descendants(root), *self._survivors(0)})

    def _survivors(self, above: int) -> list[int]:
        """Wherever they went, with numbers above `above`; one that cleared its environment is lost.
        None is where the case is confined."""
        if self.sandbox.program:
            return []
        return [pid for pid, _ in marked(f"{MARK}={self.mark}", above)]

    @cached_property
    def _environment(self) -> dict[str, str]:
        """All that a command gets to see; nothing of the caller's."""
        python = agent_python.SEEN_AT if self.sandbox.program else self.sandbox.python.folder
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return {
            "PATH": f"{python / 'bin'}:{SYSTEM_PATH}",
            "HOME": str(self.folder),
            "TMPDIR": "/tmp" if self.sandbox.program else str(self._own(TMP)),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "MPLBACKEND": "Agg",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONNOUSERSITE": "1",
            MARK: self.mark,
            **dict.fromkeys(threads, "1"),
        }


def _too_deep(at: int, name: str) -> None:
    raise OSError(f"its folders are nested deeper than {trees.DEEPEST}")


def _pipe(handles: contextlib.ExitStack) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    handles.callback(os.close, read_end)
    handles.callback(os.close, write_end)
    os.set_blocking(read_end, False)
    return read_end, write_end


def _read_now(handle: int) -> bytes:
    try:
        return os.read(handle, 1 << 16)
    except BlockingIOError:
        return b""
