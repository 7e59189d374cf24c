"""One case's sandbox: opened on its folder, starts commands in it, gives the folder back."""

import contextlib
import logging
import os
import secrets
import shlex
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.sandbox import bwrap, seccomp, trees
from react_agent.sandbox import users as throwaway
from react_agent.sandbox.limits import Limits, counts_processes_per_namespace, descendants
from react_agent.sandbox.orphans import MARK
from react_agent.sandbox.process import Ended, Job, run

log = logging.getLogger(__name__)


@dataclass
class ConfinedCase:
    folder: Path
    limits: Limits
    program: str = ""
    """Bubblewrap; empty for a case that is not confined."""
    user: int | None = None
    """Of this case alone; only when started by root."""
    mark: str = field(default_factory=lambda: secrets.token_hex(16))
    _arguments: list[str] = field(default_factory=list)
    """What comes before the shell in every command of the case."""
    _below_tmp: dict[Path, bool] = field(default_factory=dict)
    _given: bool = False

    @cached_property
    def _real(self) -> Path:
        """Its last part may be a link, and what is done to a link is not done to the folder."""
        return self.folder.resolve()

    @property
    def scratch(self) -> Path:
        """Beside the case folder: on the same disk, and a crash leaves no second one."""
        return self.folder.parent / f".{self.folder.name}.scratch"

    @property
    def tmp(self) -> Path:
        return self.scratch / "tmp"

    def open(self, read_only: Sequence[Path], hide: Sequence[Path]) -> None:
        if not self.folder.is_dir():
            raise ContractError(f"{self.folder}: no such folder to run commands in")
        trees.remove(self.scratch)
        self.tmp.mkdir(parents=True)
        self.tmp.chmod(0o1777)
        shims = python_shims(self.scratch / "bin")
        if not self.program:
            self._arguments = self.limits.prefix(processes=False)
            return
        shown = [bwrap.bind(path) for path in (*read_only, *shims)]
        binds = [bwrap.bind(self.folder, writable=True), *shown]
        self._below_tmp = dict(self._places_below_tmp([*binds, *bwrap.python_binds()]))
        self._clear_tmp()
        confined = bwrap.mounts(self.tmp, binds, hide)
        if self.user is not None:
            for one in shown:
                throwaway.check_public(one.source)
            self._given = True
            if problem := trees.give(self._real, self.user, self.user, _too_deep):
                raise ContractError(f"{self.folder}: cannot be given to another user: {problem}")
        # The kernel counts processes per user, and in a namespace; root's own it does not count.
        countable = self.user is not None or (os.getuid() != 0 and counts_processes_per_namespace())
        self._arguments = [
            *bwrap.namespaces(own_users=self.user is None),
            *(*confined, "--chdir", str(self.folder), "--"),
            *(throwaway.become(self.user) if self.user is not None else ()),
            *self.limits.prefix(processes=countable),
        ]

    def close(self) -> None:
        """What lies too deep is deleted: recursive readers of the folder, Python's own among
        them, fail on very deep trees."""
        try:
            if self._real.is_dir():
                self.scratch.mkdir(exist_ok=True)
                with trees.opened(self.scratch) as scratch:
                    self._take_back(trees.move_into(scratch))
        except OSError as error:
            log.warning("%s: cannot be taken back as a whole: %s", self.folder, error)
        trees.remove(self.scratch)

    def _take_back(self, deeper: trees.ByName) -> None:
        if self._given:
            me = os.getuid(), os.getgid()
            if problem := trees.give(self._real, *me, deeper):
                log.warning("%s: cannot be taken back from its user: %s", self.folder, problem)
            return
        with trees.opened(self._real) as folder:
            trees.visit(folder, trees.take_back, deeper=deeper)

    async def start(self, command: str) -> Ended:
        """Raises ContractError when it is the sandbox that fails, not the command."""
        shell: list[str | bytes] = ["/bin/bash", "-c", command.encode("utf-8", "replace")]
        if not self.program:
            return await run(self._job([*self._arguments, *shell]))
        self._clear_tmp()
        with contextlib.ExitStack() as handles:
            report, status = _pipe(handles)
            flags, passed = ["--json-status-fd", str(status)], [status]
            if (rules := seccomp.open_program()) is not None:
                handles.callback(os.close, rules)
                flags += ["--seccomp", str(rules)]
                passed.append(rules)
            ended = await run(self._job([self.program, *flags, *self._arguments, *shell], passed))
            if not ended.breach and b'"exit-code"' not in _read_now(report):
                why = bytes(ended.output.head[:500]).decode("utf-8", "replace").strip()
                raise ContractError(f"{self.folder}: the sandbox did not start: {why}")
            return ended

    def _clear_tmp(self) -> None:
        """Bubblewrap follows links when it makes the places that it mounts on: with none in the
        way it stays within. A command that could put one there has ended."""
        for place, is_folder in self._below_tmp.items():
            try:
                mode = place.lstat().st_mode
            except FileNotFoundError:
                mode = 0
            if stat.S_ISLNK(mode) or (is_folder and mode and not stat.S_ISDIR(mode)):
                place.unlink()
            if is_folder and not stat.S_ISDIR(mode):
                place.mkdir()
                place.chmod(0o755)

    def _places_below_tmp(self, binds: Sequence[bwrap.Bind]) -> Iterator[tuple[Path, bool]]:
        """Whatever bubblewrap makes there, from the top down, and whether that is a folder."""
        for one in binds:
            if one.seen_at.is_relative_to("/tmp"):
                place = self.tmp / one.seen_at.relative_to("/tmp")
                steps = [*reversed(place.parents), place]
                for step in steps[len(self.tmp.parts) :]:
                    yield step, step != place or one.is_folder

    def _job(self, argv: Sequence[str | bytes], passed: Sequence[int] = ()) -> Job:
        # In a process namespace the kernel ends what is left; outside it must be found.
        return Job(
            argv=argv,
            folder=self.folder,
            env=self._environment,
            limits=self.limits,
            watched=(self._real, self.tmp),
            pids=self._everywhere,
            survivors=self._survivors,
            pass_fds=passed,
        )

    def _everywhere(self, root: int) -> list[int]:
        if self.program:
            return descendants(root)
        return list({*descendants(root), *self._marked()})

    def _survivors(self, above: int) -> list[int]:
        if self.program:
            return []
        return list(self._marked(above))

    def _marked(self, above: int = 0) -> Iterator[int]:
        """Processes of this case wherever they went, with numbers above `above`; one that cleared
        its environment is lost."""
        mark = f"{MARK}={self.mark}".encode()
        for name in os.listdir("/proc") if Path("/proc/self").exists() else ():  # noqa: PTH208
            if name.isdigit() and int(name) > above:
                with contextlib.suppress(OSError):
                    if mark in Path(f"/proc/{name}/environ").read_bytes():
                        yield int(name)

    @cached_property
    def _environment(self) -> dict[str, str]:
        """All that a command gets to see; nothing of the caller's."""
        shims = self.scratch / "bin"
        first = str(shims if shims.exists() else bwrap.interpreter().parent)
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return {
            "PATH": f"{first}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "TMPDIR": "/tmp" if self.program else str(self.tmp),
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


def python_shims(folder: Path) -> list[Path]:
    """`python` and `python3` where the interpreter's own folder has not both."""
    program = bwrap.interpreter()
    beside = program.parent
    if (beside / "python").exists() and (beside / "python3").exists():
        return []
    folder.mkdir(exist_ok=True)
    for name in ("python", "python3"):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n')
        (folder / name).chmod(0o755)
    folder.chmod(0o755)
    return [folder]


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
