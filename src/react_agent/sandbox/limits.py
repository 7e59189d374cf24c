"""What one command may use: limits the kernel keeps per process, and measures of the whole."""

import contextlib
import os
import platform
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import psutil

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30
_PAGE = os.sysconf("SC_PAGE_SIZE")
SOCKET_BYTES, STREAM_BYTES = 256 * KiB, 4 * MiB
"""What one socket holds at most, as they come, and one of TCP on top when its windows have grown
(the kernel bounds what all of a machine hold)."""

Breach = Literal["", "timeout", "output", "memory", "processes", "disk", "files"]
"""Why a command was ended from outside; empty when it ended by itself."""


@dataclass(frozen=True)
class Limits:
    """Generous for spreadsheet work, small beside a machine that runs many cases at once."""

    seconds: float = 120.0
    """Wall time of one command, from its start; waiting for a slot does not count."""
    cpu_seconds: int = 120
    """Of one process, over all its threads."""
    address_space: int = 4 * GiB
    """Of one process."""
    memory: int = 2 * GiB
    """Resident, all processes of one command together."""
    processes: int = 256
    """Threads count as processes."""
    open_files: int = 1024
    file_bytes: int = 256 * MiB
    """The largest single file that can be written."""
    folder_bytes: int = 1 * GiB
    """The case folder, its /tmp and its /dev/shm, with deleted files that are still held."""
    folder_files: int = 20_000
    output_bytes: int = 256 * MiB
    """A command that prints more is ended."""
    kept_bytes: int = 32 * KiB
    """Of the output, so much of its beginning and so much of its end stay in memory."""

    def prefix(self, *, processes: bool, stays: bool) -> list[str]:
        """The command that sets the limits and then becomes what follows it; one that `stays` is
        its parent, as process 1 must be, and keeps the limits too.

        Set from inside the sandbox by a shell, since Python code between fork and exec is
        unsafe and slow. `processes` only where the count is the sandbox's own: the kernel counts
        per user, and a limit that counted the user's other programs would stop every command.
        """
        wanted = {
            "c": 0,
            "t": self.cpu_seconds,
            "v": self.address_space // KiB,
            "f": self.file_bytes // KiB,
            "n": self.open_files,
            "i": self.open_files,
        }
        if processes:
            wanted["u"] = self.processes
        # One that cannot be set is one that is lower already, or that this system has not.
        settings = [f"ulimit -{flag} {value} 2>/dev/null" for flag, value in wanted.items()]
        # A shell says how its child ended; that is no output of the command.
        then = 'exec 3>&2 2>/dev/null; "$@" 2>&3 3>&-; exit $?' if stays else 'exec "$@"'
        return ["/bin/bash", "-c", "; ".join([*settings, then]), "limits"]


def counts_processes_per_namespace() -> bool:
    """Since Linux 5.14 RLIMIT_NPROC counts within a user namespace, not over all of a user's."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    return release is not None and (int(release[1]), int(release[2])) >= (5, 14)


def breach(
    limits: Limits, folders: Sequence[Path], pids: list[int], inner: int | None = None
) -> Breach:
    """Which of the limits on the whole is passed now, if any. `folders` are those whose size the
    kernel does not bound; `inner` is a process of the network that is the command's own."""
    if len(pids) > limits.processes:
        return "processes"
    room = limits.memory - (held_by_sockets(inner) if inner else 0)
    if memory_of(pids, room) > room:
        return "memory"
    return size_breach(limits, folders, pids) if folders else ""


def size_breach(limits: Limits, folders: Iterable[Path], pids: list[int]) -> Breach:
    size = 0
    for sizes in (held_after_deletion(pids), chain.from_iterable(map(_sizes_below, folders))):
        for number, found in enumerate(sizes, 1):
            size += found
            if number > limits.folder_files:
                return "files"
    return "disk" if size > limits.folder_bytes else ""


def first_child(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_bytes().split()
        return int(found[0]) if found else None
    return None


def descendants(root: int) -> list[int]:
    """`root` and all processes below it; those that end meanwhile are left out."""
    if not Path(f"/proc/{root}/task/{root}/children").exists():  # a kernel that does not list them
        with contextlib.suppress(psutil.Error):
            return [root, *(p.pid for p in psutil.Process(root).children(recursive=True))]
        return []
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (hot: runs every tick)
                children = Path(f"/proc/{pid}/task/{task}/children").read_bytes()
                queue += map(int, children.split())
    return found


def memory_of(pids: list[int], enough: int) -> int:
    """Resident bytes. Shared pages are counted once only when the quick sum passes `enough`,
    as the kernel needs a millisecond per process for that."""
    quick = sum(map(_resident, pids))
    return quick if quick <= enough else sum(map(_proportional, pids))


def _resident(pid: int) -> int:
    try:
        return _PAGE * int(Path(f"{_alive(pid)}/statm").read_bytes().split()[1])
    except OSError:  # gone
        return 0


def _alive(pid: int) -> str:
    """Where the kernel shows the process: of one whose first thread has ended, another's place."""
    if not Path(f"/proc/{pid}/statm").read_bytes().startswith(b"0 "):
        return f"/proc/{pid}"
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            if not (thread / "statm").read_bytes().startswith(b"0 "):
                return str(thread)
    return f"/proc/{pid}"


def held_by_sockets(inner: int) -> int:
    """What the sockets of a network can hold unread; no process is charged for it."""
    count = 0
    with contextlib.suppress(OSError, ValueError):
        for name in ("sockstat", "sockstat6"):
            for line in Path(f"/proc/{inner}/net/{name}").read_text().splitlines():
                words = line.split()
                if words[0] == "sockets:":
                    count += int(words[2]) * SOCKET_BYTES
                elif words[0] in ("TCP:", "TCP6:"):
                    count += int(words[2]) * STREAM_BYTES
    return count


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"{_alive(pid)}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * KiB
    except OSError:
        pass
    return _resident(pid)


def held_after_deletion(pids: list[int]) -> Iterator[int]:
    """Sizes of files that no folder shows any more, nor any process's memory: deleted ones that
    are still open, and memory files."""
    seen = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for handle in os.scandir(f"{_alive(pid)}/fd"):
                with contextlib.suppress(OSError):
                    status = handle.stat()
                    inode = (status.st_dev, status.st_ino)
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink and inode not in seen:
                        seen.add(inode)
                        yield status.st_blocks * 512


def _sizes_below(folder: Path) -> Iterator[int]:
    """Bytes on disk of every entry, links not followed.

    A folder that cannot be read, or lies deeper than a path can say, hides what is in it: it
    counts as more than any limit allows.
    """
    queue = [str(folder)]
    while queue:
        try:
            with os.scandir(queue.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        queue.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            yield 1 << 62
