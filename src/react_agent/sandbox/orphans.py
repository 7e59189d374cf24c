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
    proc, mark = Path("/proc"), f"{MARK}=".encode()
    for place in proc.iterdir() if proc.is_dir() else ():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                entries = (place / "environ").read_bytes().split(b"\0")
                if any(entry.startswith(mark) for entry in entries) and _home(entries, root):
                    yield int(place.name)


def _home(entries: list[bytes], root: Path) -> bool:
    homes = [Path(os.fsdecode(e[5:])) for e in entries if e.startswith(b"HOME=")]
    return any(home.resolve().is_relative_to(root) for home in homes)
