"""How far a stage is: a bar on a terminal, and in a log file one line now and then."""

import sys
from typing import Any

from tqdm import tqdm

from react_agent.text import for_terminal

EVERY = 60.0
"""Seconds to the first line in a log and between two; what takes less has none."""


class _Bar(tqdm):  # type: ignore[type-arg]
    monitor_interval = 0
    """No thread that looks whether a bar is late: each step of ours is worth a look."""


class _Lines:
    """What a bar writes over its own line, as lines."""

    encoding = "ascii"  # as tqdm asks for before it draws with blocks

    def write(self, text: str) -> None:
        if line := for_terminal(text.strip()):
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress(**settings: Any) -> "tqdm[Any]":
    """A bar with tqdm's settings."""
    settings["desc"] = for_terminal(settings.get("desc", ""))
    if sys.stderr.isatty():
        return _Bar(**settings, miniters=1)
    # A bar of no width: numbers alone.
    lines = {"file": _Lines(), "ncols": 0, "leave": False, "mininterval": EVERY, "delay": EVERY}
    return _Bar(**{**settings, **lines}, miniters=1)
