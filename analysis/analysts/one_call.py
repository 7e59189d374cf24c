"""The scripts of the one-call analysts: the same flags, the same steps, two values."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.flags import EXIT_CODES, add_common_flags, add_selection_flags, finish
from react_agent.cli import add_flag, positive, script_parser
from react_agent.layout import record_file


@dataclass(frozen=True)
class Stage:
    """What a script of this kind is about."""

    kind: Literal["error", "success"]
    about: str
    default_dir: str


ERRORS = Stage(
    "error",
    "One-call error analysis, the paper's ablation: for every failed run one call reads the log "
    "and reports the cause. Nothing is proven, so nothing is gated.",
    "error_analysis_llm_output",
)
SUCCESSES = Stage(
    "success",
    "One-call success analysis: for every run that succeeded one call reads the log and reports "
    "the lean path and what is worth doing again.",
    "success_analysis_output",
)


def build_parser(stage: Stage) -> argparse.ArgumentParser:
    about = f"{stage.about} Started again it goes on where it stopped."
    parser = script_parser(about, epilog=EXIT_CODES)
    add_selection_flags(parser, stage.default_dir)
    parser.add_argument(
        "--all", action="store_true", help="every run that the agent ended, whatever its verdict"
    )
    add_flag(
        parser,
        "--parsed_output",
        type=Path,
        help=f"default: <output_dir>/{record_file(stage.kind)}",
    )
    workers = min(32, 4 * (os.cpu_count() or 1))
    add_flag(parser, "--max_workers", type=positive, default=workers, help="calls in flight")
    add_flag(
        parser, "--data_path", type=Path, help="also check items for values of the task's answers"
    )
    add_common_flags(parser)
    return parser


async def analyse(args: argparse.Namespace, stage: Stage) -> int:
    """Raises ContractError before any model is asked when flags or folders do not fit."""
    from analysis.analysts.one_call_site import OneCallSite
    from analysis.analysts.running import run_analysis
    from analysis.lessons.selection import select

    selection = select(
        args.logs_dir,
        "ALL" if args.all else "FAILED" if stage.kind == "error" else "SUCCEED",
        repeat=args.repeat,
        instance_ids=args.instance_ids,
        sample=args.sample,
        shuffle_seed=args.shuffle_seed,
    )
    parsed = args.parsed_output or args.output_dir / record_file(stage.kind)
    site = OneCallSite(args, stage.kind)
    summary = await run_analysis(args, site, selection, parsed, args.max_workers)
    return finish(summary, args.output_dir, parsed)
