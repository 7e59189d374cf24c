"""What is watched, and how."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.bundled import PRICES
from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Watch(Settings):
    """A run under way, seen from its files."""

    run: Path = setting(
        "a run folder, or the output of a reproduction", unit="RUN", positional=True
    )
    once: bool = setting("print the present state and end", False)
    interval: float = setting("between looks; at least 0.2", 2.0, unit="SECONDS")
    prices: str = setting("dollars per million tokens: a file, or PROMPT,REPLY", PRICES)
