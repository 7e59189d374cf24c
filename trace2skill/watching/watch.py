"""A terminal view of a run or a whole reproduction under way, from its files alone.

trace2skill watch outputs/reproduce
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.bundled import PRICES
from react_agent.cli import OK, add_flag, run_script, script_parser

if TYPE_CHECKING:
    from rich.console import RenderableType

    from react_agent.models.spending.prices import Prices

SECONDS = 2.0
WIDTH = 110
"""Of what is printed to a file or a pipe."""


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Show how far a run is: cases done and in flight, outcomes, faults, tokens, cost, rate and "
        "time left. Reads files and writes none, so it can be started and stopped at any time.",
        "Exit codes: 0 shown, 2 no run there.",
    )
    parser.add_argument("run", type=Path, help="a run folder, or the output of a reproduction")
    parser.add_argument("--once", action="store_true", help="print the present state and end")
    add_flag(parser, "--interval", type=float, default=SECONDS, help="seconds between looks")
    add_flag(
        parser,
        "--prices",
        default=PRICES,
        help="dollars per million tokens: a file, or PROMPT,REPLY",
    )
    return parser


def watch(args: argparse.Namespace) -> int:
    # Late: both take more imports than --help has time for.
    from rich.console import Console
    from rich.live import Live

    from react_agent.models.spending.prices import Prices

    prices = Prices.load(args.prices)
    shown = render(args.run, prices)
    if args.once or not sys.stdout.isatty():
        Console(width=None if sys.stdout.isatty() else WIDTH).print(shown)
        return OK
    interval = max(0.2, args.interval)
    try:
        with Live(shown, screen=False, auto_refresh=False, transient=False) as live:
            while True:
                time.sleep(interval)
                live.update(render(args.run, prices), refresh=True)
    except KeyboardInterrupt:
        return OK


def render(path: Path, prices: "Prices") -> "RenderableType":
    """Raises ContractError when there is no run."""
    from trace2skill.watching.progress import look
    from trace2skill.watching.progress_text import page

    return page(look(path), prices)


def main(argv: list[str] | None = None) -> int:
    return run_script(watch, build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
