"""Room on the disks that a run writes to, looked at before it starts and every second after.

A run that would fill a disk stops with its work owed while every file can still be written whole.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from react_agent.errors import DiskLow, RunStopped

MIB = 1 << 20
PERIOD = 1.0
FILES = 1_000
"""So many more files can be made at least, on a file system that counts them."""


def require_space(folder: Path, needed: float, otherwise: str = "") -> None:
    """Raises DiskLow: which disk, how much is free, how much is needed, and what to do:
    make room, or `otherwise`."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    where = f"{place} (disk {next(p for p in (place, *place.parents) if p.is_mount())})"
    if free < needed:
        raise DiskLow(
            f"{where}: {free / MIB:,.0f} MiB free, {needed / MIB:,.0f} MiB "
            f"needed; make room and start again{otherwise}"
        )
    if needed and disk.f_files and disk.f_favail < FILES:
        raise DiskLow(
            f"{where}: room for {disk.f_favail:,} more files, {FILES:,} "
            "needed; remove some and start again"
        )


@dataclass
class Watch:
    """`low` is told once, when a disk has less room than is needed."""

    folders: Sequence[Path]
    needed: float
    low: Callable[[RunStopped], None]
    _timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Raises DiskLow when there is too little already."""
        for folder in self.folders:
            require_space(folder, self.needed, ", or ask for less with --min_free_disk")
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._again)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _again(self) -> None:
        try:
            self.start()
        except RunStopped as reason:
            self.low(reason)
