"""What a table of transfer is asked for."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Transfer(Settings):
    """Runs of several skills, models and benchmarks."""

    runs: tuple[Path, ...] = setting(
        "run folders, or reproductions for their held-out runs", unit="RUN", positional=True
    )
    data_path: Path | None = setting("the data set of the runs, if no longer where it was", None)
    json: Path | None = setting("also write it as json", None, unit="FILE")
    markdown: Path | None = setting("also write it as markdown", None, unit="FILE")
    csv: Path | None = setting("also write it as csv", None, unit="FILE")
    latex: Path | None = setting("also write it as latex", None, unit="FILE")
