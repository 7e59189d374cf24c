"""Compare a workbook with another in the cells that count, and list what differs.

python analysis/evaluate_output.py --output_file out.xlsx --ground_truth gold.xlsx \
    --answer_position "Sheet1!A1:B9"
"""

import argparse
import sys
from pathlib import Path

from react_agent.text import say

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from react_agent.cli import add_flag, add_logging_flag, run_script, script_parser

DIFFERENT = 1


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Print `Result: PASS` or `Result: FAIL`, the ranges, and every cell that differs.",
        epilog="Exit codes: 0 all cells match, 1 some differ, 2 wrong input.",
    )
    add_flag(parser, "--output_file", type=Path, required=True, help="the workbook to check")
    add_flag(parser, "--ground_truth", type=Path, required=True, help="the right workbook")
    add_flag(parser, "--answer_position", required=True, help="such as 'Sheet1'!A1:B9,C3")
    add_flag(parser, "--answer_sheet", default="", help="the record's field of that name")
    add_flag(parser, "--rules", default="released", choices=["released", "upstream", "sheet-aware"])
    add_logging_flag(parser)
    return parser


def evaluate(args: argparse.Namespace) -> int:
    from react_agent.engines.workers import WorkerLost, Workers
    from react_agent.errors import ContractError
    from spreadsheetbench.evidence.facts import Question, check_output

    for path in (args.output_file, args.ground_truth):
        if not path.is_file():
            raise ContractError(f"{path}: no such file")
    question = Question(args.answer_position, args.answer_sheet, args.rules)
    with Workers(1) as workers:
        try:
            check = workers.run(check_output, args.ground_truth, args.output_file, question)
        except WorkerLost as lost:
            say(f"Result: FAIL {lost}")
            return DIFFERENT
        except Exception as error:  # openpyxl raises all kinds on a file that it cannot load
            raise ContractError(f"{args.ground_truth}: cannot be opened: {error}") from error
    say(check.report)
    return 0 if check.passed else DIFFERENT


def main(argv: list[str] | None = None) -> int:
    return run_script(evaluate, build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
