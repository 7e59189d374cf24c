"""Rollouts: run an agent over a slice of the data set.

python run_spreadsheetbench.py --data_path data/mini --model M --workers 8
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import (
    add_case_timeout,
    add_executor_flags,
    add_flag,
    add_logging_flag,
    add_model_flags,
    comma_list,
    positive,
    run_script,
    script_parser,
)
from spreadsheet_agent import SKILLS

if TYPE_CHECKING:
    from spreadsheet_agent.runs import Session

SEED_LIMIT = 2**31


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Run an agent over a slice of SpreadsheetBench. Started again with the same settings it "
        "goes on where it stopped; other settings are refused with the difference shown.",
        epilog="Exit codes: 0 all cases done, 1 cases are still owed (run it again), 2 wrong "
        "input, 130 interrupted.",
    )
    add_flag(parser, "--data_path", type=Path, required=True, help="data set folder or index file")
    add_flag(
        parser, "--output_dir", type=Path, default=Path("outputs/spreadsheetbench"), help="results"
    )
    add_flag(
        parser, "--working_dir", type=Path, help="case folders; default: a new temporary folder"
    )
    add_flag(parser, "--log_dir", type=Path, help="trajectory logs; default: <output_dir>/logs")
    add_flag(parser, "--log_format", default="markdown", choices=["markdown", "jsonl"])
    add_flag(parser, "--results_file", type=Path, help="default: <output_dir>/results.json")
    parser.add_argument(
        "--overwrite", action="store_true", help="forget an earlier run and start over"
    )
    _add_agent_flags(parser)
    _add_selection_flags(parser)
    add_executor_flags(parser)
    add_model_flags(parser, released_temperature=0.7)
    add_logging_flag(parser)
    return parser


def _add_agent_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("agent")
    kinds = ["cli_only", "cli_skill_preloaded"]
    add_flag(
        group,
        "--agent",
        default="cli_skill_preloaded",
        choices=kinds,
        help="without or with a skill",
    )
    add_flag(
        group, "--skills_dir", type=Path, default=SKILLS, help="folder of skills, or one skill"
    )
    add_flag(group, "--skill", help="which skill; default: xlsx if present, else the first by name")
    add_flag(
        group,
        "--prompts",
        type=Path,
        metavar="FOLDER",
        help="prompts of your own, each in place of the one of its name in "
        "spreadsheet_agent/prompts or src/react_agent/prompts",
    )
    add_flag(group, "--max_turns", type=positive, default=20, help="model replies per case")
    add_case_timeout(group)
    add_flag(group, "--workers", type=positive, default=1, help="cases in flight")
    add_flag(
        group, "--tool_slots", type=positive, help="shell commands at once; default: 2 x cores"
    )
    add_flag(
        group,
        "--longest_first",
        type=Path,
        metavar="RUN",
        help="output folder of an earlier run: start with what took longest there",
    )
    modes = ["auto", "bwrap", "none"]
    add_flag(group, "--sandbox", default="auto", choices=modes, help="where the agent's shell runs")


def _add_selection_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cases and seeds")
    add_flag(group, "--start_idx", type=int, default=0, help="first record")
    add_flag(group, "--end_idx", type=int, help="record after the last")
    add_flag(
        group, "--instance_ids", type=comma_list, default=[], help="only these, comma separated"
    )
    add_flag(group, "--shuffle_seed", type=int, help="shuffle the chosen records")
    add_flag(group, "--sample", type=positive, help="take this many of the chosen records")
    add_flag(
        group, "--missing_only", action="store_true", help="also run again what left no output"
    )
    add_flag(
        group, "--seeds", type=_seeds, default=[], help="sent with each request, comma separated"
    )
    add_flag(group, "--num_random_seeds", type=positive, default=1, help="this many drawn seeds")
    add_flag(group, "--repeat", type=positive, default=1, help="this many runs, seeds 0, 1, ...")


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in comma_list(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a comma list of integers") from None


def chosen_seeds(args: argparse.Namespace) -> list[int | None]:
    """The same list at every start, so that a run of drawn seeds can be gone on with.

    `--seeds` wins. Raises ContractError when the other two ways to name seeds are mixed.
    """
    import random

    from react_agent.errors import ContractError

    if args.repeat > 1 and args.num_random_seeds > 1:
        raise ContractError("--repeat and --num_random_seeds exclude each other")
    if len(set(args.seeds)) != len(args.seeds):
        raise ContractError("--seeds names a seed twice")
    if args.seeds:
        return list(args.seeds)
    if args.repeat > 1:
        return list(range(args.repeat))
    if args.num_random_seeds > 1:
        return list(random.Random(0).sample(range(SEED_LIMIT), args.num_random_seeds))
    return [None]


async def rollouts(args: argparse.Namespace) -> int:
    from react_agent.cli import INCOMPLETE, OK
    from spreadsheet_agent.session import run_session

    session: Session = await run_session(args, chosen_seeds(args))
    print(session.table())
    return INCOMPLETE if session.owed else OK


def main(argv: list[str] | None = None) -> int:
    return run_script(rollouts, build_parser(), argv)
