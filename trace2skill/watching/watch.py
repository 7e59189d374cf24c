"""A terminal view of a run or a whole reproduction under way, from its files alone.

trace2skill watch outputs/reproduce
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.bundled import PRICES
from react_agent.cli import OK
from react_agent.errors import ContractError
from react_agent.flags import run_stage
from react_agent.settings import Settings, setting

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORTEST = 0.2
WIDTH = 110
"""Of what is printed to a file or a pipe."""
ABOUT = (
    "Show how far a run is: cases done and in flight, outcomes, faults, tokens, cost, rate and "
    "time left. Reads files and writes none, so it can be started and stopped at any time."
)
EPILOG = (
    "On a terminal it waits for a run that has not begun. Exit codes: 0 shown, 2 no run there "
    "(with --once, or into a file)."
)


@dataclass(frozen=True, kw_only=True)
class Watch(Settings):
    """A run under way, seen from its files."""

    run: Path = setting(
        "a run folder, or the output of a reproduction", unit="RUN", positional=True
    )
    once: bool = setting("print the present state and end", False)
    interval: float = setting("between looks; at least 0.2", 2.0, unit="SECONDS")
    prices: str = setting("dollars per million tokens: a file, or PROMPT,REPLY", PRICES)


def main(argv: list[str] | None = None) -> int:
    return run_stage(watch, Watch, argv, ABOUT, EPILOG)


def watch(settings: Watch) -> int:
    # Late: both take more imports than --help has time for.
    from rich.console import Console, Group
    from rich.live import Live
    from rich.markup import escape

    from react_agent.models.spending.prices import Prices

    if settings.once or not sys.stdout.isatty():
        Console(width=None if sys.stdout.isatty() else WIDTH).print(render(settings))
        return OK
    Prices.load(settings.prices)
    try:
        with Live(screen=False, auto_refresh=False, transient=False) as live:
            shown: RenderableType = ""
            while True:
                try:
                    shown = render(settings)
                    live.update(shown, refresh=True)
                except ContractError as error:
                    live.update(Group(shown, f"waiting: {escape(str(error))}"), refresh=True)
                # Files are caught half written in more ways than can be named; the run is well.
                except Exception as error:
                    words = f"not read just now: {type(error).__name__}: {error}"
                    live.update(Group(shown, escape(words)), refresh=True)
                time.sleep(max(SHORTEST, settings.interval))
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
