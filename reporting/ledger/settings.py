"""What a ledger is asked for."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Ledger(Settings):
    """Own results beside published figures."""

    results: tuple[Path, ...] = setting("your own runs", (), unit="RESULT", positional=True)
    data_path: Path | None = setting("the data set of the runs, if no longer where it was", None)
    matched: bool = setting("leave out rows that were not run", False)
    json: Path | None = setting("also write it as json", None, unit="FILE")
    markdown: Path | None = setting("also write it as markdown", None, unit="FILE")
    csv: Path | None = setting("also write it as csv", None, unit="FILE")
    latex: Path | None = setting("also write it as latex", None, unit="FILE")
