"""Analyse a whole run: its failures with the agentic analyst, its successes with one call each.

trace2skill analyze outputs/reproduce/baseline_run --model M --workers 8
"""

import sys

from analysis.analysts.settings import EXIT_CODES, RunAnalysis
from react_agent.flags import run_stage

ABOUT = (
    "Learn from a run folder that holds logs/, work/ and outputs/, as the published commands "
    "lay it out. Failures go to error_analysis/, successes to success_analysis/, and the "
    "records to error_analysis_parsed.json and success_analysis_parsed.json beside them."
)


async def run(settings: RunAnalysis) -> int:
    """All analyses, whatever the first one's exit code; the worst one is returned."""
    from analysis.analysts.analysing import analyse_run, closing

    codes = [0]
    await analyse_run(settings, lambda stage, summary: codes.append(closing(stage, summary)))
    return max(codes)


def main(argv: list[str] | None = None) -> int:
    return run_stage(run, RunAnalysis, argv, ABOUT, EXIT_CODES)


if __name__ == "__main__":
    sys.exit(main())
