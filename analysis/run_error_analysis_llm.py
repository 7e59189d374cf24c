"""Report the causes of failed runs from their logs alone, one call a run (the paper's ablation).

python analysis/run_error_analysis_llm.py --logs_dir run/logs --output_dir run/error_llm --model M
"""

import sys
from pathlib import Path

if not __package__:  # started by its path: the clone need not be installed
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.analysts.settings import EXIT_CODES, CallErrorAnalysis
from react_agent.flags import run_stage

ABOUT = (
    "One-call error analysis, the paper's ablation: for every failed run one call reads the log "
    "and reports the cause. Nothing is proven, so nothing is gated. Started again it goes on "
    "where it stopped."
)


async def run(settings: CallErrorAnalysis) -> int:
    from analysis.analysts.analysing import analyse, closing

    return closing(settings, await analyse(settings))


def main(argv: list[str] | None = None) -> int:
    return run_stage(run, CallErrorAnalysis, argv, ABOUT, EXIT_CODES)


if __name__ == "__main__":
    sys.exit(main())
