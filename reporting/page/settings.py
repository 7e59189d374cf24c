"""What a report page is asked for."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.bundled import PRICES
from react_agent.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Report(Settings):
    """One page about runs."""

    runs: tuple[Path, ...] = setting(
        "a run folder, an outputs folder, an eval_official_results.json, or a reproduction",
        unit="RUN",
        positional=True,
    )
    output: Path | None = setting(
        "the page", None, unit="FILE.html", default_text="report.html in the first run"
    )
    skill: Path | None = setting("an evolved skill", None, default_text="found beside the runs")
    data_path: Path | None = setting(
        "the data set", None, default_text="the one that each run recorded"
    )
    title: str | None = setting("of the page", None, default_text="the runs' names")
    prices: str = setting(
        "dollars per million tokens: a file, or PROMPT,REPLY; a model without a price shows tokens "
        "only",
        PRICES,
    )
