"""Compare runs: is the one better, worse, or is it undecided?

trace2skill compare outputs/base outputs/evolved [outputs/other ...]
"""

import argparse
from pathlib import Path

from react_agent.cli import OK, add_flag, add_logging_flag, run_script, script_parser
from react_agent.text import say

EPILOG = """A run is a verdict file (eval_official_results.json), an outputs folder, a run folder
that holds outputs/, or a folder of seed_* runs. The first is the baseline of all others.
Exit codes: 0 compared, whatever the verdict; 2 wrong input, or runs that are not on a par."""


def main(argv: list[str] | None = None) -> int:
    return run_script(_run, build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Compare runs of the same tasks with the first: paired differences with intervals, exact "
        "tests, the tasks gained and lost, and a verdict: better, worse or undecided.",
        EPILOG,
    )
    parser.add_argument("baseline", type=Path, metavar="A", help="the run to compare with")
    parser.add_argument("others", type=Path, nargs="+", metavar="B", help="the runs to judge")
    parser.add_argument(
        "--common",
        action="store_true",
        help="take the common part of runs on other tasks, data or rules",
    )
    add_flag(
        parser,
        "--infrastructure",
        default="leave-out",
        choices=["leave-out", "wrong"],
        help="tasks that the endpoint or a crash ended: out of paired tests, or wrong",
    )
    add_flag(parser, "--bootstrap_seed", type=int, default=0, help="the same seed, same intervals")
    for kind in ("json", "markdown", "csv", "latex"):
        add_flag(parser, f"--{kind}", type=Path, metavar="FILE", help=f"also write it as {kind}")
    add_logging_flag(parser)
    return parser


def _run(args: argparse.Namespace) -> int:
    # Here and not above: scipy takes more imports than --help has time for.
    from react_agent.files import write_json, write_whole
    from reporting.comparing import comparison_text as text
    from reporting.comparing.entrants import load_entrants
    from reporting.comparing.standings import compare
    from reporting.comparing.tables import write_tables

    entrants, notes = load_entrants([args.baseline, *args.others], common=args.common)
    comparison = compare(
        entrants, infrastructure=args.infrastructure, notes=notes, seed=args.bootstrap_seed
    )
    say(text.terminal(comparison))
    if args.json:
        write_json(args.json, comparison.model_dump(mode="json"))
    if args.markdown:
        write_whole(args.markdown, text.markdown(comparison))
    caption = text.CAPTION + (f" ({comparison.mark})" if comparison.mark else "")
    write_tables(text.flat(comparison), caption, csv_file=args.csv, latex_file=None)
    write_tables(text.for_paper(comparison), caption, csv_file=None, latex_file=args.latex)
    return OK
