"""Report the causes of failed runs from their logs alone, one call a run (the paper's ablation).

python analysis/run_error_analysis_llm.py --logs_dir run/logs --output_dir run/error_llm --model M
"""

import argparse
import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.analysts.one_call import ERRORS, analyse, build_parser
from react_agent.cli import run_script


async def run(args: argparse.Namespace) -> int:
    return await analyse(args, ERRORS)


def main(argv: list[str] | None = None) -> int:
    return run_script(run, build_parser(ERRORS), argv)


if __name__ == "__main__":
    sys.exit(main())
