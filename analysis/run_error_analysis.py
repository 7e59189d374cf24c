"""Find out why runs failed, prove it by a repair, and write down what is to be learned.

python analysis/run_error_analysis.py --data_path data/mini --work_dir run/work \
    --logs_dir run/logs --output_dir run/error_analysis --model M --workers 8
"""

import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.analysts.settings import EXIT_CODES, ErrorAnalysis
from react_agent.flags import run_stage

ABOUT = (
    "Agentic error analysis: for every failed run an analyst with a shell repairs the result "
    "and reports the cause. Only failures whose repair the harness itself saw hold give "
    "records. Started again it goes on where it stopped."
)


async def run(settings: ErrorAnalysis) -> int:
    from analysis.analysts.analysing import analyse, closing

    return closing(settings, await analyse(settings))


def main(argv: list[str] | None = None) -> int:
    return run_stage(run, ErrorAnalysis, argv, ABOUT, EXIT_CODES)


if __name__ == "__main__":
    sys.exit(main())
