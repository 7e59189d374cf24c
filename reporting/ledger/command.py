"""The paper's figures beside your own: which rows were run, deviate, or were not run.

trace2skill ledger [outputs/base outputs/evolved ...]
"""

from dataclasses import dataclass
from pathlib import Path

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.settings import setting
from react_agent.text import say
from reporting.comparing.tables import Forms

ABOUT = "List every figure of the paper's tables, V3 and V5 apart, with your own beside it."
EPILOG = """Results are named as for `trace2skill compare`. A figure is *run* when nothing is known
that differs from the paper, *deviating* when the run is of that row but something differs (named),
else *not run*. Nothing is guessed: what cannot be placed is listed with the reason."""


@dataclass(frozen=True, kw_only=True)
class Ledger(Forms):
    """Own results beside published figures."""

    results: tuple[Path, ...] = setting("your own runs", (), unit="RESULT", positional=True)
    data_path: Path | None = setting("the data set of the runs, if no longer where it was", None)
    matched: bool = setting("leave out rows that were not run", False)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Ledger, argv, ABOUT, EPILOG)


def _run(settings: Ledger) -> int:
    # Here and not above: scipy and the evolver take more imports than --help has time for.
    from reporting.ledger.stage import keep_ledger
    from reporting.ledger.text import terminal

    say(terminal(keep_ledger(settings)))
    return OK
