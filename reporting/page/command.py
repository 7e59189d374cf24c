"""`trace2skill report RUN...`: one HTML file that shows runs, trajectories, cells and lessons."""

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.text import say
from reporting.page.settings import Report

ABOUT = (
    "Write one HTML file about runs: the funnel, accuracies, tasks to sort and filter, every "
    "trajectory beside its cells, and the evolved skill with the evidence of each line. It "
    "opens from disk and fetches nothing; details that are too large lie in a folder beside."
)
EPILOG = (
    "Exit codes: 0 written (also for damaged runs, whose problems are listed), 2 wrong input, "
    "130 interrupted."
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
