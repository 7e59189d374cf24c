"""Rollouts: run an agent over a slice of the data set.

python run_spreadsheetbench.py --data_path data/mini --model M --workers 8
"""

from react_agent.flags import run_stage
from react_agent.runs.settings import Rollouts
from react_agent.text import say

ABOUT = (
    "Run an agent over a slice of SpreadsheetBench. Started again with the same settings it "
    "goes on where it stopped; other settings are refused with the difference shown."
)
EXIT_CODES = (
    "Exit codes: 0 all cases done, 1 cases are still owed (run it again), 2 wrong input, "
    "130 interrupted."
)


async def rollouts(settings: Rollouts) -> int:
    from react_agent.cli import INCOMPLETE, OK
    from react_agent.runs.session import run

    session = await run(settings)
    say(session.table())
    return INCOMPLETE if session.owed else OK


def main(argv: list[str] | None = None) -> int:
    return run_stage(rollouts, Rollouts, argv, ABOUT, EXIT_CODES)
