"""Improve a skill folder from failures and successes together.

    python -m skill_evolver.run_parallel_combined_skill_evolution --error-json RECORDS \\
        --success-json RECORDS --skill-dir SKILL
"""

import sys

from react_agent.flags import run_stage
from skill_evolver.engine.settings import CombinedEvolution
from skill_evolver.evolve import EPILOG, work


def main(argv: list[str] | None = None) -> int:
    about = "Improve a skill folder from failures and successes together."
    return run_stage(work, CombinedEvolution, argv, about, EPILOG)


if __name__ == "__main__":
    sys.exit(main())
