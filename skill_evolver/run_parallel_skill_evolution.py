"""Improve a skill folder from parsed lesson records.

python -m skill_evolver.run_parallel_skill_evolution --input-json RECORDS --skill-dir SKILL
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from react_agent.cli import add_flag, model_settings, run_script, written
from skill_evolver.flags import build_parser

PROMPT_VARIANTS = ["skill", "generic", "patterns", "patterns_generic"]


def main(argv: list[str] | None = None) -> int:
    parser = build_parser("Improve a skill folder from parsed lesson records.")
    add_flag(
        parser,
        "--input-json",
        type=Path,
        required=True,
        help="records or patterns, or the analysis folder that holds parsed_error_records.json",
    )
    add_flag(parser, "--prompt", choices=PROMPT_VARIANTS, default="skill")
    add_flag(
        parser,
        "--lessons",
        choices=["error", "success", "combined", "auto"],
        default="auto",
        help="which prompts speak; auto goes by the types of the items",
    )
    return run_script(_work, parser, argv)


async def _work(args: argparse.Namespace) -> int:
    kind = "success" if args.lessons == "success" else "error"
    return await work(args, [(args.input_json, kind)], args.lessons)


async def work(args: argparse.Namespace, sources: Sequence[Any], lessons: str) -> int:
    """What all evolution commands do once their flags are read."""
    from react_agent.models.connect import connect  # late: `--help` needs none of it
    from skill_evolver.engine.evolution import dry_run, evolve, prepare

    job = prepare(args, sources, lessons)
    if args.dry_run:
        return dry_run(job)
    if args.cache_path:
        args.reply_cache = args.reply_cache or str(args.cache_path)
    async with connect(
        model_settings(args), workers=args.max_workers, folders=written(args)
    ) as endpoint:
        model = endpoint.model(seed=args.seed)
        if args.max_tokens:
            model.parameters["max_tokens"] = args.max_tokens
        return await evolve(job, model)


if __name__ == "__main__":
    sys.exit(main())
