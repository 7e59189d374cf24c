"""Notes for a memory bank, from every trajectory of a run that was judged.

trace2skill memory outputs/base --model M --max_workers 8
"""

import sys

from analysis.analysts.settings import EXIT_CODES, MemoryBuilding
from react_agent.flags import run_stage
from react_agent.text import say

ABOUT = (
    "Write a memory bank in the manner of ReasoningBank: for every trajectory of a run one call "
    "writes up to three notes, of solved and of failed tasks by a prompt of their own. An agent "
    "has the notes of the most similar other task put before its own: trace2skill run --memory "
    "reasoningbank --memory_bank FILE. Started again it goes on where it stopped."
)


async def run(settings: MemoryBuilding) -> int:
    from analysis.analysts.analysing import closing
    from analysis.analysts.memory_bank import build

    codes = [0]
    bank = await build(settings, lambda stage, summary: codes.append(closing(stage, summary)))
    notes = sum(len(task.items) for task in bank.tasks)
    say(f"bank     {settings.bank}: {notes} notes of {len(bank.tasks)} tasks ({bank.signals})")
    return max(codes)


def main(argv: list[str] | None = None) -> int:
    return run_stage(run, MemoryBuilding, argv, ABOUT, EXIT_CODES)


if __name__ == "__main__":
    sys.exit(main())
