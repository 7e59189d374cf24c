"""Report what made runs succeed, one call a run.

python analysis/run_success_analysis_llm.py --logs_dir run/logs --output_dir run/success --model M
"""

import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.analysts.settings import EXIT_CODES, CallSuccessAnalysis
from react_agent.flags import run_stage

ABOUT = (
    "One-call success analysis: for every run that succeeded one call reads the log and reports "
    "the lean path and what is worth doing again. Started again it goes on where it stopped."
)


async def run(settings: CallSuccessAnalysis) -> int:
    from analysis.analysts.analysing import analyse, closing

    return closing(settings, await analyse(settings))


def main(argv: list[str] | None = None) -> int:
    return run_stage(run, CallSuccessAnalysis, argv, ABOUT, EXIT_CODES)


if __name__ == "__main__":
    sys.exit(main())
