"""`trace2skill evolve`: any mix of error and success lessons, from records or patterns."""

import argparse
import sys
from pathlib import Path

from react_agent.cli import add_flag, run_script
from react_agent.errors import ContractError
from skill_evolver.flags import build_parser
from skill_evolver.run_parallel_skill_evolution import PROMPT_VARIANTS, work


def main(argv: list[str] | None = None) -> int:
    parser = build_parser("Improve a skill folder from the lessons of its own runs.")
    add_flag(parser, "--error-json", type=Path, default=None, help="records of failed runs")
    add_flag(parser, "--success-json", type=Path, default=None, help="records of successful runs")
    add_flag(parser, "--prompt", choices=PROMPT_VARIANTS, default="skill")
    return run_script(_work, parser, argv)


async def _work(args: argparse.Namespace) -> int:
    given = [(args.error_json, "error"), (args.success_json, "success")]
    sources = [(path, kind) for path, kind in given if path]
    if not sources:
        raise ContractError("nothing to learn from: give --error-json, --success-json or both")
    return await work(args, sources, "combined" if len(sources) == 2 else sources[0][1])


if __name__ == "__main__":
    sys.exit(main())
