"""`trace2skill stability`: shuffle the records, merge again, see which lessons survive.

MAP is paid once; every repetition merges the same patches in another order.
"""

import argparse
import sys
from pathlib import Path
from typing import Literal

from react_agent.cli import OK, add_flag, model_settings, positive, run_script, written
from react_agent.errors import ContractError
from skill_evolver.flags import build_parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser("Merge the same lessons in other orders and report which ones survive.")
    add_flag(parser, "--error-json", type=Path, default=None, help="records of failed runs")
    add_flag(parser, "--success-json", type=Path, default=None, help="records of successful runs")
    add_flag(parser, "--prompt", choices=["skill", "generic"], default="skill")
    add_flag(parser, "--times", type=positive, default=3, help="how often to shuffle and merge")
    return run_script(_work, parser, argv)


async def _work(args: argparse.Namespace) -> int:
    from react_agent.models.connect import connect
    from skill_evolver.engine.evolution import prepare
    from skill_evolver.engine.reshuffle import stability

    given: list[tuple[Path | None, Literal["error", "success"]]] = [
        (args.error_json, "error"),
        (args.success_json, "success"),
    ]
    sources = [(path, kind) for path, kind in given if path]
    if not sources:
        raise ContractError("nothing to merge: give --error-json, --success-json or both")
    job = prepare(args, sources, "combined" if len(sources) == 2 else sources[0][1])
    async with connect(
        model_settings(args), workers=args.max_workers, folders=written(args)
    ) as endpoint:
        print(await stability(job, endpoint.model(seed=args.seed), args.times))
    return OK


if __name__ == "__main__":
    sys.exit(main())
