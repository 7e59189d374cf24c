"""Commands that outlive a killed start: the next start on their folder ends them first.

A confined command goes with the start that ran it, but not if the start is killed in the instant
before bubblewrap has asked the kernel for that; one that is not confined never does.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

MARK = "SANDBOX_CASE"
"""In the environment of every command of an agent, also of those that left their process group;
HOME is the case folder."""
SECONDS = 5.0


def end_strays(folder: Path) -> None:
    """For the holder of the folder's lock: no command that works below it can be its own."""
    root = folder.resolve()
    if not (found := set(_below(root))):
        return
    log.warning("%s: %d processes of a start that was killed are ended", folder, len(found))
    end = time.monotonic() + SECONDS
    while found and time.monotonic() < end:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
        found = set(_below(root))


def _below(root: Path) -> Iterator[int]:
    for pid, environment in marked(f"{MARK}="):
        homes = [Path(os.fsdecode(entry[5:])) for entry in environment if entry[:5] == b"HOME="]
        if any(home.resolve().is_relative_to(root) for home in homes):
            yield pid


def marked(start: str, above: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """Processes with an entry in their environment that begins so, and all of that environment;
    only those with numbers above `above`."""
    for name in os.listdir("/proc") if Path("/proc/self").exists() else ():  # noqa: PTH208
        if name.isdigit() and int(name) > above:
            with contextlib.suppress(OSError):
                environment = _environment(Path("/proc", name)).split(b"\0")
                if any(entry.startswith(start.encode()) for entry in environment):
                    yield int(name), environment


def _environment(process: Path) -> bytes:
    """Seen empty while a process becomes another program, so that it is looked at again."""
    for _ in range(5):
        if found := (process / "environ").read_bytes():
            return found
        (process / "exe").readlink()  # raises for one that has ended, and for a part of the kernel
        time.sleep(0.001)
    return b""
