"""Peak memory of all processes that this one started, from samples: Linux only."""

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType

SECONDS = 0.03


class TreePeak:
    """Proportional shares are added up, so that what processes share counts once."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "TreePeak":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SECONDS):
            below = sum(share(pid) for pid in descendants(os.getpid()))
            self.megabytes = max(self.megabytes, below)


def descendants(pid: int) -> list[int]:
    """Not of those that were given away: a child whose parent ended is the kernel's."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def share(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    return 0.0
