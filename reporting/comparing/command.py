"""Compare runs: is the one better, worse, or is it undecided?

trace2skill compare outputs/base outputs/evolved [outputs/other ...]
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.flags import run_stage
from react_agent.runs.reproduced import runs_of
from react_agent.settings import setting
from react_agent.text import say
from reporting.comparing.tables import Forms

if TYPE_CHECKING:
    from reporting.comparing.comparison import Compared

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
    from reporting.comparing.comparison_text import terminal

    say(terminal(compare_runs(settings)))
    return OK


def compare_runs(settings: Comparison) -> "Compared":
    """Raises ContractError for what is no run, and for runs that are not on a par."""
    # Here and not above: scipy takes more imports than --help has time for.
    from reporting.comparing import comparison_text as text
    from reporting.comparing.entrants import load_entrants
    from reporting.comparing.standings import compare

    paths = runs_of([settings.baseline, *settings.others])
    if len(paths) < 2:
        raise ContractError("one run alone is compared with nothing; name another")
    entrants, notes = load_entrants(paths, common=settings.common)
    found = compare(
        entrants,
        infrastructure=settings.infrastructure,
        notes=notes,
        seed=settings.bootstrap_seed,
    )
    caption = text.CAPTION + (f" ({found.mark})" if found.mark else "")
    value = found.model_dump(mode="json")
    settings.write(value, text.markdown(found), text.flat(found), text.for_paper(found), caption)
    return found
