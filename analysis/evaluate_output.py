"""Compare a workbook with another in the cells that count, and list what differs.

python analysis/evaluate_output.py --output_file out.xlsx --ground_truth gold.xlsx \
    --answer_position "Sheet1!A1:B9"
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from react_agent.flags import run_stage
from react_agent.settings import Settings, setting
from react_agent.text import say

if TYPE_CHECKING:
    from react_agent.seams import Check

DIFFERENT = 1
ABOUT = "Print `Result: PASS` or `Result: FAIL`, the ranges, and every cell that differs."
EXIT_CODES = "Exit codes: 0 all cells match, 1 some differ, 2 wrong input."


@dataclass(frozen=True, kw_only=True)
class OutputCheck(Settings):
    """Compare a workbook with another in the cells that count."""

    output_file: Path = setting("the workbook to check")
    ground_truth: Path = setting("the right workbook")
    answer_position: str | None = setting(
        "such as 'Sheet1'!A1:B9,C3", None, default_text="every sheet of the right workbook, whole"
    )
    answer_sheet: str = setting("the record's field of that name", "")
    rules: Literal["released", "upstream", "sheet-aware"] = setting("of scoring", "released")


def evaluate(settings: OutputCheck) -> "Check":
    """Raises ContractError when the right workbook cannot be read."""
    from react_agent.engines.workers import WorkerLost, Workers
    from react_agent.errors import ContractError
    from react_agent.seams import Check
    from spreadsheetbench.evidence.facts import Question, check_output, whole_sheets

    gold = settings.ground_truth
    for path in (settings.output_file, gold):
        if not path.is_file():
            raise ContractError(f"{path}: no such file")
    position = settings.answer_position
    question = Question(position or "", settings.answer_sheet, settings.rules)
    with Workers(1) as workers:
        try:
            if not position:
                question = workers.run(whole_sheets, gold, settings.rules)
                say(f"No --answer_position: comparing {question.position}")
            return workers.run(check_output, gold, settings.output_file, question)
        except WorkerLost as lost:
            return Check(False, f"Result: FAIL {lost}")
        except Exception as error:  # openpyxl raises all kinds on a file that it cannot load
            raise ContractError(f"{gold}: cannot be opened: {error}") from error


def run(settings: OutputCheck) -> int:
    check = evaluate(settings)
    say(check.report)
    return 0 if check.passed else DIFFERENT


def main(argv: list[str] | None = None) -> int:
    return run_stage(run, OutputCheck, argv, ABOUT, EXIT_CODES)


if __name__ == "__main__":
    sys.exit(main())
