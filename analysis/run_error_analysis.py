"""Find out why runs failed, prove it by a repair, and write down what is to be learned.

python analysis/run_error_analysis.py --data_path data/mini --work_dir run/work \
    --logs_dir run/logs --output_dir run/error_analysis --model M --workers 8
"""

import argparse
import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.flags import EXIT_CODES, add_common_flags, add_selection_flags
from react_agent.cli import (
    add_case_timeout,
    add_flag,
    positive,
    run_script,
    script_parser,
)


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Agentic error analysis: for every failed run an analyst with a shell repairs the result "
        "and reports the cause. Only failures whose repair the harness itself saw hold give "
        "records. Started again it goes on where it stopped.",
        epilog=EXIT_CODES,
    )
    add_flag(parser, "--data_path", type=Path, required=True, help="data set of the run")
    add_flag(parser, "--work_dir", type=Path, required=True, help="case folders of the run")
    add_selection_flags(parser, "analysis_output")
    add_flag(
        parser, "--parsed_output", type=Path, help="default: <output_dir>/parsed_error_records.json"
    )
    group = parser.add_argument_group("analyst")
    add_flag(group, "--max_turns", type=positive, default=20, help="model replies per case")
    add_case_timeout(group)
    add_flag(group, "--workers", type=positive, default=1, help="cases in flight")
    add_flag(group, "--tool_slots", type=positive, help="commands at once; default: 2 x cores")
    add_flag(
        group,
        "--sandbox",
        default="auto",
        choices=["auto", "bwrap", "none"],
        help="where the analyst's shell runs",
    )
    add_flag(
        group,
        "--gate",
        default="output",
        choices=["output", "replay", "off"],
        help="what proves a diagnosis: a right workbook, a script that makes one from the input "
        "alone, or nothing",
    )
    add_common_flags(parser, released_temperature=0.7)
    return parser


async def analyse(args: argparse.Namespace) -> int:
    from analysis.analysts.agentic import analyse_failures

    return await analyse_failures(args)


def main(argv: list[str] | None = None) -> int:
    return run_script(analyse, build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
