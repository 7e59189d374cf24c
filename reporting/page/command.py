"""`trace2skill report RUN...`: one HTML file that shows runs, trajectories, cells and lessons."""

from dataclasses import dataclass
from pathlib import Path

from react_agent.bundled import PRICES
from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.settings import Settings, setting
from react_agent.text import say

ABOUT = (
    "Write one HTML file about runs: the funnel, accuracies, tasks to sort and filter, every "
    "trajectory beside its cells, and the evolved skill with the evidence of each line. It "
    "opens from disk and fetches nothing; details that are too large lie in a folder beside."
)
EPILOG = (
    "Exit codes: 0 written (also for damaged runs, whose problems are listed), 2 wrong input, "
    "130 interrupted."
)


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


def main(argv: list[str] | None = None) -> int:
    return run_stage(work, Report, argv, ABOUT, EPILOG)


def work(settings: Report) -> int:
    from reporting.page.stage import write_report

    page = write_report(settings)
    beside = f", {page.details} files of details beside it" if page.details else ""
    say(f"{page.file} ({page.size / 1e6:.1f} MB{beside})")
    if page.problems:
        files = "1 file" if page.problems == 1 else f"{page.problems} files"
        say(f"  {files} could not be used; the page lists them")
    return OK
