"""A terminal view of a run or a whole reproduction under way, from its files alone.

trace2skill watch outputs/reproduce
"""

import sys
import time
from typing import TYPE_CHECKING

from react_agent.cli import OK
from react_agent.flags import run_stage
from trace2skill.watching.settings import Watch

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORTEST = 0.2
WIDTH = 110
"""Of what is printed to a file or a pipe."""
ABOUT = (
    "Show how far a run is: cases done and in flight, outcomes, faults, tokens, cost, rate and "
    "time left. Reads files and writes none, so it can be started and stopped at any time."
)
EPILOG = "Exit codes: 0 shown, 2 no run there."


def main(argv: list[str] | None = None) -> int:
    return run_stage(watch, Watch, argv, ABOUT, EPILOG)


def watch(settings: Watch) -> int:
    # Late: both take more imports than --help has time for.
    from rich.console import Console
    from rich.live import Live

    shown = render(settings)
    if settings.once or not sys.stdout.isatty():
        Console(width=None if sys.stdout.isatty() else WIDTH).print(shown)
        return OK
    try:
        with Live(shown, screen=False, auto_refresh=False, transient=False) as live:
            while True:
                time.sleep(max(SHORTEST, settings.interval))
                live.update(render(settings), refresh=True)
    except KeyboardInterrupt:
        return OK


def render(settings: Watch) -> "RenderableType":
    """Raises ContractError when there is no run."""
    from react_agent.models.spending.prices import Prices
    from trace2skill.watching.progress import look
    from trace2skill.watching.progress_text import page

    return page(look(settings.run), Prices.load(settings.prices))


if __name__ == "__main__":
    sys.exit(main())
