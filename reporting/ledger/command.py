"""The paper's figures beside your own: which rows were run, deviate, or were not run.

trace2skill ledger [outputs/base outputs/evolved ...]
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.cli import OK, add_flag, add_logging_flag, run_script, script_parser
from react_agent.text import say

if TYPE_CHECKING:
    from reporting.ledger.rows import Ledger

EPILOG = """Results are named as for `trace2skill compare`. A figure is *run* when nothing is known
that differs from the paper, *deviating* when the run is of that row but something differs (named),
else *not run*. Nothing is guessed: what cannot be placed is listed with the reason."""


def main(argv: list[str] | None = None) -> int:
    return run_script(_run, build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "List every figure of the paper's tables, V3 and V5 apart, with your own beside it.", EPILOG
    )
    parser.add_argument("results", type=Path, nargs="*", metavar="RESULT", help="your own runs")
    add_flag(
        parser, "--data_path", type=Path, help="the data set of the runs, if no longer where it was"
    )
    parser.add_argument("--matched", action="store_true", help="leave out rows that were not run")
    for kind in ("json", "markdown", "csv", "latex"):
        add_flag(parser, f"--{kind}", type=Path, metavar="FILE", help=f"also write it as {kind}")
    add_logging_flag(parser)
    return parser


def _run(args: argparse.Namespace) -> int:
    # Here and not above: scipy and the evolver take more imports than --help has time for.
    from react_agent.files import write_json, write_whole
    from reporting.comparing.tables import write_tables
    from reporting.ledger import text

    ledger = _ledger(args)
    say(text.terminal(ledger))
    if args.json:
        write_json(args.json, ledger.model_dump(mode="json", exclude_none=True))
    if args.markdown:
        write_whole(args.markdown, text.markdown(ledger))
    write_tables(text.flat(ledger), text.CAPTION, csv_file=args.csv, latex_file=None)
    write_tables(text.for_paper(ledger), text.CAPTION, csv_file=None, latex_file=args.latex)
    return OK


def _ledger(args: argparse.Namespace) -> "Ledger":
    from reporting.comparing.entrants import load_entrant
    from reporting.ledger.matching import Own, identify
    from reporting.ledger.origins import Unmatched
    from reporting.ledger.paper import load_rows
    from reporting.ledger.rows import keep_ledger

    own: list[Own] = []
    unmatched: dict[str, str] = {}
    for path in args.results:
        try:
            own.append(identify(load_entrant(str(path), path), args.data_path))
        except Unmatched as reason:
            unmatched[str(path)] = str(reason)
    ledger = keep_ledger(load_rows(), own, unmatched)
    return ledger.matched() if args.matched else ledger
