"""Improve a skill folder from parsed lesson records.

python -m skill_evolver.run_parallel_skill_evolution --input-json RECORDS --skill-dir SKILL
"""

import sys

from react_agent.flags import run_stage
from skill_evolver.engine.settings import RecordsEvolution
from skill_evolver.evolve import EPILOG, work


def main(argv: list[str] | None = None) -> int:
    about = "Improve a skill folder from parsed lesson records."
    return run_stage(work, RecordsEvolution, argv, about, EPILOG)


if __name__ == "__main__":
    sys.exit(main())
