"""Control groups for commands, where this process may make some: root on a machine with version 2
of them, or whoever was given a group of its own (`systemd-run --user --scope -p Delegate=yes`).

In one the kernel bounds the memory of all that a case runs together, of whatever kind, and the
number of its processes; nothing needs to be looked at.
"""

import atexit
import contextlib
import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from react_agent.limits import Limits

ROOT = Path("/sys/fs/cgroup")
_OURS = "trace2skill-"
_SELF = "self"
"""The group of this process, as one that holds processes cannot hand controllers on."""
_WITHIN = 'echo 0 > "$0/cgroup.procs" && exec "$@"'
_OUTSIDE = 4
"""Processes of the sandbox itself that are in the group."""


@dataclass(frozen=True)
class Group:
    """Of one case."""

    folder: Path

    def enter(self) -> list[str]:
        """The command that goes into the group and becomes what follows it."""
        return ["/bin/sh", "-c", _WITHIN, str(self.folder)]

    @property
    def times_full(self) -> int:
        """How often all in it was ended because its memory was used up."""
        with contextlib.suppress(OSError):
            for line in (self.folder / "memory.events").read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def close(self) -> None:
        _remove(self.folder)


def open_group(home: Path, name: str, limits: Limits) -> Group:
    """`home` as `find_home` gives it. What the case writes is memory of the group as well."""
    folder = home / name
    folder.mkdir()
    (folder / "memory.max").write_text(str(limits.memory + limits.folder_bytes))
    (folder / "memory.oom.group").write_text("1")
    (folder / "pids.max").write_text(str(limits.processes + _OUTSIDE))
    with contextlib.suppress(OSError):  # a kernel without swap
        (folder / "memory.swap.max").write_text("0")
    return Group(folder)


@functools.cache
def find_home() -> Path | None:
    """A group of this process in which groups of cases can be made; None where there is none."""
    if not (ROOT / "cgroup.controllers").exists():
        return None
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    own = next((ROOT / line[3:].strip("/") for line in lines if line.startswith("0::")), ROOT)
    if own.name == _SELF and own.parent.name.startswith(_OURS):
        return _made(own.parent, leave=None)  # started by a process of this kind
    if os.getuid() == 0 and not (ROOT / "cgroup.type").exists():
        return _made(ROOT, leave=None)
    return _made(own, leave=own)


def _made(place: Path, leave: Path | None) -> Path | None:
    """A home in `place`; a group that this process is to `leave` first must be left empty."""
    home, mine = place / f"{_OURS}{os.getpid()}", str(os.getpid())
    try:
        _remove_stale(place)
        (home / _SELF).mkdir(parents=True)
        if leave:
            (home / _SELF / "cgroup.procs").write_text(mine)
        for each in (place, home):
            (each / "cgroup.subtree_control").write_text("+memory +pids")
        for name in ("memory.oom.group", "pids.max"):
            (home / _SELF / name).read_text()
    except OSError:
        _give_up(home, leave, os.getpid())
        return None
    atexit.register(_give_up, home, leave, os.getpid())
    return home


def _give_up(home: Path, left: Path | None, owner: int) -> None:
    """Where others hold on to the group that was left, the next start removes this one."""
    if os.getpid() != owner:  # forked from it
        return
    if left:
        for each in (home, left):  # one that hands controllers on cannot hold processes
            with contextlib.suppress(OSError):
                (each / "cgroup.subtree_control").write_text("-memory -pids")
        with contextlib.suppress(OSError):
            (left / "cgroup.procs").write_text(str(owner))
    _remove(home)


def _remove_stale(place: Path) -> None:
    """Of processes that were killed: their commands have ended with them."""
    for home in place.glob(f"{_OURS}*"):
        if not Path("/proc", home.name.removeprefix(_OURS)).exists():
            _remove(home)


def _remove(group: Path) -> None:
    """With all that runs in it, but for a group of processes that go on."""
    if group.name != _SELF and not group.name.startswith(_OURS):
        with contextlib.suppress(OSError):
            (group / "cgroup.kill").write_text("1")
    for _ in range(40):
        with contextlib.suppress(OSError):
            for inner in group.iterdir():
                if inner.is_dir():
                    _remove(inner)
            group.rmdir()
        if not group.exists():
            return
        time.sleep(0.01)
