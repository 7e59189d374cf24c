"""What a comparison is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Comparison(Settings):
    """Runs of the same tasks, each against the first."""

    baseline: Path = setting(
        "the run to compare with, or a reproduction", unit="A", positional=True
    )
    others: tuple[Path, ...] = setting("the runs to judge", (), unit="B", positional=True)
    common: bool = setting("take the common part of runs on other tasks, data or rules", False)
    infrastructure: Literal["leave-out", "wrong"] = setting(
        "tasks that the endpoint or a crash ended: out of paired tests, or wrong", "leave-out"
    )
    bootstrap_seed: int = setting("the same seed, same intervals", 0)
    json: Path | None = setting("also write it as json", None, unit="FILE")
    markdown: Path | None = setting("also write it as markdown", None, unit="FILE")
    csv: Path | None = setting("also write it as csv", None, unit="FILE")
    latex: Path | None = setting("also write it as latex", None, unit="FILE")
