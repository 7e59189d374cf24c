"""`trace2skill evolve`: any mix of error and success lessons, from records or patterns."""

import sys

from react_agent.flags import run_stage
from react_agent.text import say
from skill_evolver.engine.settings import Evolution

EPILOG = """
The skill folder is changed in one step at the end, or not at all. A copy of it goes first to
<skills root>_backups/<name>_backup_<time>, beside the skills root and never in it, unless
--continue-evolving. Stopped at any time, the same command goes on from the intermediates; no reply
is paid for twice. Exit codes: 0 done, 1 work is still owed, 2 wrong input, 3 the evolved skill
broke a rule of the skill format and the folder is as it was.
"""


def main(argv: list[str] | None = None) -> int:
    about = "Improve a skill folder from the lessons of its own runs."
    return run_stage(work, Evolution, argv, about, EPILOG)


async def work(settings: Evolution) -> int:
    """What all three evolution commands do once their flags are read."""
    from skill_evolver.engine.evolution import evolve  # late: `--help` needs none of it

    result = await evolve(settings, show=print_diff if settings.show_diff else None)
    say(result.text)
    return result.code


def print_diff(diff: str) -> None:
    say(diff.removesuffix("\n"))


if __name__ == "__main__":
    sys.exit(main())
