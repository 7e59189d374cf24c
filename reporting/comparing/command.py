"""Compare runs: is the one better, worse, or is it undecided?

trace2skill compare outputs/base outputs/evolved [outputs/other ...]
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.settings import setting
from react_agent.text import say
from reporting.comparing.tables import Forms

ABOUT = (
    "Compare runs of the same tasks with the first: paired differences with intervals, exact "
    "tests, the tasks gained and lost, and a verdict: better, worse or undecided."
)
EPILOG = """A run is a verdict file (eval_official_results.json), an outputs folder, a run folder
that holds outputs/, or a folder of seed_* runs. The first is the baseline of all others.
Exit codes: 0 compared, whatever the verdict; 2 wrong input, or runs that are not on a par."""


@dataclass(frozen=True, kw_only=True)
class Comparison(Forms):
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


def main(argv: list[str] | None = None) -> int:
    return run_stage(work, Comparison, argv, ABOUT, EPILOG)


def work(settings: Comparison) -> int:
    # Here and not above: scipy takes more imports than --help has time for.
    from reporting.comparing.comparison_text import terminal
    from reporting.comparing.stage import compare_runs

    say(terminal(compare_runs(settings)))
    return OK
