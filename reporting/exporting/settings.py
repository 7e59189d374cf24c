"""What is written out of runs, and in which forms."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Export(Settings):
    """Runs as tables for other tools."""

    runs: tuple[Path, ...] = setting(
        "a run folder, an outputs folder, or an eval_official_results.json",
        unit="RUN",
        positional=True,
    )
    to: Path = setting("where the files go", unit="FOLDER")
    formats: tuple[Literal["jsonl", "parquet", "atif"], ...] = setting(
        "of jsonl, parquet and atif, comma separated", ("jsonl", "atif"), default_text="jsonl,atif"
    )
    skill: Path | None = setting("an evolved skill", None, default_text="found beside the runs")
