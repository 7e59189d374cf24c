"""The flags of the evolution commands, both published ones and `trace2skill evolve`.

Imports nothing heavy, so that `--help` is quick.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from react_agent.cli import (
    add_flag,
    add_logging_flag,
    add_model_flags,
    comma_list,
    positive,
    script_parser,
)
from skill_evolver.guard.injections import RULES

NOT_WRITTEN = 3
EPILOG = """
The skill folder is changed in one step at the end, or not at all. A copy of it goes first to
<skills root>_backups/<name>_backup_<time>, beside the skills root and never in it, unless
--continue-evolving. Stopped at any time, the same command goes on from the intermediates; no reply
is paid for twice. Exit codes: 0 done, 1 work is still owed, 2 wrong input, 3 the evolved skill
broke a rule of the skill format and the folder is as it was.
"""


def build_parser(description: str) -> argparse.ArgumentParser:
    parser = script_parser(description, EPILOG)
    flag = _adder(parser)
    flag("--skill-dir", type=Path, required=True, help="the skill, or a root that holds it")
    flag(
        "--data-path",
        type=Path,
        default=None,
        help="data set: chooses tasks, and arms the leak scan",
    )
    _add_selection(parser)
    _add_engine(parser)
    _add_quality(parser)
    _add_files(parser)
    add_model_flags(
        parser,
        temperature=0.6,
        released_temperature=0.6,
        underscore=False,
        token_cap="--max_total_tokens",
    )
    flag("--seed", type=int, default=None, help="sent with every request")
    flag("--max-tokens", type=positive, default=None, help="limit of one reply")
    flag("--cache-path", type=Path, default=None, help="folder of replies to identical requests")
    flag("--dry-run", action="store_true", help="print calls, prompt tokens and cost; call nobody")
    add_logging_flag(parser)
    return parser


def _adder(parser: argparse._ActionsContainer) -> Any:
    def flag(name: str, **settings: Any) -> None:
        add_flag(parser, name, **settings)

    return flag


def _add_selection(parser: argparse.ArgumentParser) -> None:
    flag = _adder(parser.add_argument_group("which lessons"))
    flag("--input-mode", choices=["records", "patterns", "auto"], default="auto")
    flag("--start-idx", type=int, default=0, help="first task of the data set, else first record")
    flag("--end-idx", type=int, default=None, help="one after the last")
    flag("--shuffle-seed", type=int, default=None)
    flag("--sample-task-count", type=positive, default=None, help="only so many tasks")
    flag("--sample-task-seed", type=int, default=0)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    flag = _adder(parser.add_argument_group("how to evolve"))
    flag(
        "--mode",
        choices=["parallel", "sequential"],
        default="parallel",
        help="sequential: each batch edits what the one before it left; nothing is merged",
    )
    flag("--batch-size", type=positive, default=1, help="records per MAP call")
    flag("--merge-batch-size", type=_two_or_more, default=5, help="patches per merge")
    flag("--max-workers", type=positive, default=4, help="calls in flight")
    flag("--max-merge-levels", type=positive, default=5, help="then one forced merge")
    flag("--patch-pipeline", choices=["json", "markdown"], default="json")
    flag("--semantic-item-marker-format", choices=["bracket", "heading"], default="bracket")
    flag("--skip-translation", action="store_true", help="never ask the model for anchors")
    flag("--disable-json-format-self-fix", action="store_true", help="send no bad reply back")
    flag("--continue-evolving", action="store_true", help="make no backup; also evolve again")


def _add_quality(parser: argparse.ArgumentParser) -> None:
    flag = _adder(parser.add_argument_group("what may enter the skill"))
    flag("--min-support", type=positive, default=1, help="distinct trajectories a lesson needs")
    flag(
        "--route-low-support",
        action="store_true",
        help="lessons below --min-support (at least 2) go to a reference and are not dropped",
    )
    flag(
        "--allow-flagged",
        type=allowed_names,
        default=(),
        metavar="NAMES",
        help="let in what the screen or the review stops: rules "
        f"({', '.join(RULES)}) or ids of edits, comma separated; see the change log",
    )
    flag(
        "--review",
        choices=["off", "model"],
        default="off",
        help="model: one more call judges every edit of the final diff; harmful ones are left out",
    )
    flag("--max-skill-lines", type=positive, default=500, help="SKILL.md stays under it")
    flag(
        "--embed-provenance",
        action="store_true",
        help="lessons and their runs also go into the frontmatter's metadata",
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    flag = _adder(parser.add_argument_group("files"))
    flag(
        "--output-dir",
        type=Path,
        default=None,
        help="summary, change log and intermediates; default: <skills root>_evolution/<name>",
    )
    flag("--save-intermediates", action="store_true", help="also patches and prompts, to read")
    flag(
        "--intermediates-dir",
        type=Path,
        default=None,
        help="paid replies to go on from, provenance.json; default: <output dir>/intermediates",
    )
    flag("--parse-failure-dir", type=Path, default=None, help="default: parse_failures_parallel "
         "in the output folder")  # fmt: skip
    flag("--changelog", type=Path, default=None, help="default: <output dir>/change.log")
    flag("--patch-file", type=Path, default=None, help="also write the applied diff here")
    flag("--show-diff", action="store_true", help="print the diff before the skill is written")


def allowed_names(text: str) -> tuple[str, ...]:
    """Rules and ids of edits, in an order that says nothing."""
    names = comma_list(text)
    for name in names:
        if name not in RULES and not re.fullmatch(r"(?:v\d+-)?[a-z]+\d[\w.]*", name):
            raise argparse.ArgumentTypeError(
                f"{name} is neither a rule ({', '.join(RULES)}) nor the id of an edit"
            )
    return tuple(sorted(set(names)))


def _two_or_more(text: str) -> int:
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"{text}: a merge takes at least 2 patches")
    return value
