"""The paper's figures beside your own: which rows were run, deviate, or were not run.

trace2skill ledger [outputs/base outputs/evolved ...]
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.runs.reproduced import runs_of
from react_agent.settings import setting
from react_agent.text import say
from reporting.comparing.tables import Forms

if TYPE_CHECKING:
    from reporting.ledger.rows import LedgerTable

ABOUT = "List every figure of the paper's tables, V3 and V5 of arXiv apart, your own beside it."
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
    from reporting.ledger.text import terminal

    say(terminal(keep_ledger(settings)))
    return OK


def keep_ledger(settings: Ledger) -> "LedgerTable":
    """Raises ContractError for a result that is none; one that fits nowhere is listed as such."""
    # Here and not above: scipy and the evolver take more imports than --help has time for.
    from reporting.comparing.entrants import load_entrant
    from reporting.ledger import text
    from reporting.ledger.matching import identify, place
    from reporting.ledger.origins import Unmatched
    from reporting.ledger.paper import load_rows
    from reporting.ledger.rows import fill

    own, unmatched, places = [], {}, []
    for path in runs_of(settings.results):
        entrant = load_entrant(str(path), path)
        places += place(entrant, settings.data_path)
        try:
            own.append(identify(entrant, settings.data_path))
        except Unmatched as reason:
            unmatched[str(path)] = str(reason)
    ledger = fill(load_rows(), own, unmatched, places)
    if settings.matched:
        ledger = ledger.matched()
    value = ledger.model_dump(mode="json", exclude_none=True)
    rows, for_paper = text.flat(ledger), text.for_paper(ledger)
    settings.write(value, text.markdown(ledger), rows, for_paper, text.CAPTION)
    return ledger
