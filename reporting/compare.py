"""Compare runs: is the one better, worse, or is it undecided?

trace2skill compare outputs/base outputs/evolved [outputs/other ...]
"""

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.text import say
from reporting.comparing.settings import Comparison

ABOUT = (
    "Compare runs of the same tasks with the first: paired differences with intervals, exact "
    "tests, the tasks gained and lost, and a verdict: better, worse or undecided."
)
EPILOG = """A run is a verdict file (eval_official_results.json), an outputs folder, a run folder
that holds outputs/, or a folder of seed_* runs. The first is the baseline of all others.
Exit codes: 0 compared, whatever the verdict; 2 wrong input, or runs that are not on a par."""


def main(argv: list[str] | None = None) -> int:
    return run_stage(work, Comparison, argv, ABOUT, EPILOG)


def work(settings: Comparison) -> int:
    # Here and not above: scipy takes more imports than --help has time for.
    from reporting.comparing.comparison_text import terminal
    from reporting.comparing.stage import compare_runs

    say(terminal(compare_runs(settings)))
    return OK
