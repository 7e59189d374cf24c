"""Any skill on any benchmark, in one table: author model, user model, benchmark.

trace2skill transfer outputs/no_skill outputs/evolved outputs/hitab_no_skill outputs/hitab_evolved
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.settings import setting
from react_agent.text import say
from reporting.comparing.tables import Forms

if TYPE_CHECKING:
    from reporting.transfer.cells import TransferTable

ABOUT = (
    "Who wrote a skill, who ran with it, and where: every run in one table, as the paper's "
    "Table 1, each against the run of the same model on the same benchmark without a skill."
)
EPILOG = """The author is the model that the skill's own history notes; a skill without a history is
called by what it is. Verdicts are those of `trace2skill compare`, corrected over the whole table.
Runs on other tasks of one benchmark are compared over the tasks that both have, and it is said."""


@dataclass(frozen=True, kw_only=True)
class Transfer(Forms):
    """Runs of several skills, models and benchmarks."""

    runs: tuple[Path, ...] = setting(
        "run folders, or reproductions for their held-out runs", unit="RUN", positional=True
    )
    data_path: Path | None = setting("the data set of the runs, if no longer where it was", None)


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Transfer, argv, ABOUT, EPILOG)


def _run(settings: Transfer) -> int:
    from reporting.transfer.text import terminal

    say(terminal(show_transfer(settings)))
    return OK


def show_transfer(settings: Transfer) -> "TransferTable":
    """Raises ContractError for what is no run with verdicts."""
    from reporting.transfer import text
    from reporting.transfer.cells import transfer_table

    table = transfer_table(settings.runs, settings.data_path)
    value = table.model_dump(mode="json")
    settings.write(value, text.markdown(table), text.flat(table), text.wide(table), text.CAPTION)
    return table
