"""Report what made runs succeed, one call a run.

python analysis/run_success_analysis_llm.py --logs_dir run/logs --output_dir run/success --model M
"""

import argparse
import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.analysts.one_call import SUCCESSES, analyse, build_parser
from react_agent.cli import run_script


async def run(args: argparse.Namespace) -> int:
    return await analyse(args, SUCCESSES)


def main(argv: list[str] | None = None) -> int:
    return run_script(run, build_parser(SUCCESSES), argv)


if __name__ == "__main__":
    sys.exit(main())
