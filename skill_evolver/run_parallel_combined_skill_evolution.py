"""Improve a skill folder from failures and successes together.

    python -m skill_evolver.run_parallel_combined_skill_evolution --error-json RECORDS \\
        --success-json RECORDS --skill-dir SKILL
"""

import argparse
import sys
from pathlib import Path

from react_agent.cli import add_flag, run_script
from skill_evolver.flags import build_parser
from skill_evolver.run_parallel_skill_evolution import work


def main(argv: list[str] | None = None) -> int:
    parser = build_parser("Improve a skill folder from failures and successes together.")
    for kind in ("error", "success"):
        add_flag(
            parser,
            f"--{kind}-json",
            type=Path,
            required=True,
            help=f"{kind} records or patterns, or the analysis folder that holds them",
        )
    return run_script(_work, parser, argv)


async def _work(args: argparse.Namespace) -> int:
    sources = [(args.error_json, "error"), (args.success_json, "success")]
    return await work(args, sources, "combined")


if __name__ == "__main__":
    sys.exit(main())
