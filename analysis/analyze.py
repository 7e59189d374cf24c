"""Analyse a whole run: its failures with the agentic analyst, its successes with one call each.

trace2skill analyze outputs/reproduce/baseline_run --model M --workers 8
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from analysis.flags import EXIT_CODES, add_common_flags
from react_agent.cli import (
    add_case_timeout,
    add_flag,
    comma_list,
    positive,
    run_script,
    script_parser,
)
from react_agent.layout import (
    LOGS,
    OUTPUTS,
    PARSED,
    RUN_SETTINGS,
    WORK,
    analysis_folder,
)


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Learn from a run folder that holds logs/, work/ and outputs/, as the published commands "
        "lay it out. Failures go to error_analysis/, successes to success_analysis/, and the "
        "records to error_analysis_parsed.json and success_analysis_parsed.json beside them.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("run_folder", type=Path, help="holds logs/, work/ and outputs/")
    parser.add_argument(
        "--only", default="all", choices=["all", "error", "success"], help="which analyses to run"
    )
    add_flag(
        parser, "--single_call", action="store_true", help="failures by one call each: the ablation"
    )
    add_flag(parser, "--data_path", type=Path, help="default: the data set that the run recorded")
    add_flag(
        parser, "--success_generation_config", help="for successes; default: --generation_config"
    )
    group = parser.add_argument_group("cases")
    add_flag(group, "--instance_ids", type=comma_list, default=[], help="only these")
    add_flag(group, "--sample", type=positive, help="the first so many of the chosen runs")
    add_flag(group, "--shuffle_seed", type=int, help="shuffle the chosen runs before --sample")
    add_flag(group, "--repeat", type=positive, default=1, help="above 1: all seed_* folders")
    add_flag(group, "--seed", type=int, help="sent with each request")
    parser.add_argument("--overwrite", action="store_true", help="forget earlier analyses")
    group = parser.add_argument_group("analyst")
    add_flag(group, "--max_turns", type=positive, default=20, help="model replies per case")
    add_case_timeout(group)
    add_flag(group, "--workers", type=positive, default=1, help="cases in flight")
    add_flag(group, "--tool_slots", type=positive, help="commands at once; default: 2 x cores")
    add_flag(group, "--sandbox", default="auto", choices=["auto", "bwrap", "none"])
    add_flag(group, "--gate", default="output", choices=["output", "replay", "off"])
    add_common_flags(parser, released_temperature=0.7)
    return parser


async def analyze(args: argparse.Namespace) -> int:
    """Both analyses, whatever the first one's exit code; the worse one is returned."""
    from react_agent.errors import ContractError

    if not args.run_folder.is_dir():
        raise ContractError(f"{args.run_folder}: no such run folder")
    args.data_path = args.data_path or recorded_data_path(args.run_folder)
    codes = []
    if args.only in ("all", "error"):
        codes.append(await _failures(args))
    if args.only in ("all", "success"):
        codes.append(await _successes(args))
    return max(codes)


def recorded_data_path(run_folder: Path) -> Path:
    """Raises ContractError when the run does not say what data set it ran on."""
    from react_agent.errors import ContractError
    from react_agent.files import read_json

    for file in sorted(run_folder.glob(f"{OUTPUTS}/**/{RUN_SETTINGS}")):
        try:
            return Path(read_json(file)["sessions"][-1]["environment"]["data_path"])
        except (KeyError, IndexError, TypeError):
            continue
    raise ContractError(f"{run_folder}: does not say which data set it ran on; give --data_path")


async def _failures(args: argparse.Namespace) -> int:
    folder = args.run_folder
    if args.single_call:
        from analysis.analysts.one_call import ERRORS, analyse

        return await analyse(_with(args, f"{analysis_folder('error')}_llm"), ERRORS)
    from analysis.analysts.agentic import analyse_failures

    return await analyse_failures(_with(args, analysis_folder("error"), work_dir=folder / WORK))


async def _successes(args: argparse.Namespace) -> int:
    from analysis.analysts.one_call import SUCCESSES, analyse

    config = args.success_generation_config or args.generation_config
    return await analyse(
        _with(args, analysis_folder("success"), generation_config=config), SUCCESSES
    )


def _with(args: argparse.Namespace, output: str, **changes: Any) -> argparse.Namespace:
    """The flags of one stage: those given, and the folders that the layout says."""
    folder = args.run_folder
    return argparse.Namespace(
        **{
            **vars(args),
            "logs_dir": folder / LOGS,
            "output_dir": folder / output,
            "parsed_output": folder / f"{output}{PARSED}",
            "max_workers": args.workers,
            "all": False,
            # The released code's one call has no temperature of its own.
            "released_temperature": args.released_temperature if "work_dir" in changes else None,
            **changes,
        }
    )


def main(argv: list[str] | None = None) -> int:
    return run_script(analyze, build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
