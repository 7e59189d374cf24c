"""`trace2skill stability`: shuffle the records, merge again, see which lessons survive.

MAP is paid once; every repetition merges the same patches in another order.
"""

from react_agent.cli import OK
from react_agent.flags import run_stage
from react_agent.text import say
from skill_evolver.engine.settings import Stability


def main(argv: list[str] | None = None) -> int:
    about = "Merge the same lessons in other orders and report which ones survive."
    return run_stage(_work, Stability, argv, about)


async def _work(settings: Stability) -> int:
    from skill_evolver.engine.reshuffle import stability  # late: `--help` needs none of it

    say(await stability(settings))
    return OK
