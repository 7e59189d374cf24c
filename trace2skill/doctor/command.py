"""Can a run start here, and can its numbers be believed? Nothing is changed, no model called.

trace2skill doctor --data_path data/mini
"""

import argparse
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from react_agent.bundled import MINI
from react_agent.cli import INCOMPLETE, OK, add_flag, positive, run_script, script_parser
from react_agent.text import for_terminal, say
from spreadsheet_agent import SKILLS

if TYPE_CHECKING:  # --help stays quick
    from spreadsheetbench.audit.data_set import Audit
    from trace2skill.doctor.checks import Check

MARKS = {"ok": "✓", "warning": "!", "error": "✗", "note": "·"}
PLAIN_MARKS = {"ok": "+", "warning": "!", "error": "X", "note": "."}
COLOURS = {"ok": "32", "warning": "33", "error": "31", "note": "2"}
SHOWN_IDS = 6


def build_parser() -> argparse.ArgumentParser:
    parser = script_parser(
        "Check this machine, the endpoint, the skill and a data set. Calls no model, changes "
        "nothing.",
        "exit code: 0 when a run can start, 1 when it cannot, 2 for wrong flags",
    )
    add_flag(parser, "--data_path", type=Path, default=MINI, help="data set to audit")
    add_flag(parser, "--start_idx", type=_index, default=0, help="first record of the slice")
    add_flag(parser, "--end_idx", type=_index, help="record after the last of the slice")
    add_flag(parser, "--skills_dir", type=Path, default=SKILLS, help="skill, or folder of skills")
    parser.add_argument("--skill", help="which one of several")
    add_flag(parser, "--base_url", help="endpoint; else OPENAI_BASE_URL, else OpenAI's own")
    add_flag(parser, "--api_key", help="key, never shown; else OPENAI_API_KEY")
    add_flag(parser, "--model", help="look whether the endpoint lists it")
    add_flag(parser, "--no_endpoint", action="store_true", help="leave the endpoint alone")
    add_flag(parser, "--output_dir", type=Path, default=Path("outputs"), help="where results go")
    add_flag(parser, "--workers", type=positive, default=128, help="cases in flight of the run")
    parser.add_argument("--sandbox", choices=["auto", "bwrap", "none"], default="auto", help=" ")
    parser.add_argument("--json", action="store_true", help="for machines: everything, to stdout")
    return parser


def _index(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def main(argv: list[str] | None = None) -> int:
    return run_script(examine, build_parser(), argv)


async def examine(args: argparse.Namespace) -> int:
    checks = await _checks(args)
    audited = _audit(args.data_path, args)
    can_start = audited.usable > 0 and all(check.level != "error" for check in checks)
    if args.json:
        report = {
            "can_start": can_start,
            "checks": [check.model_dump() for check in checks],
            "data": audited.model_dump(),
        }
        say(json.dumps(report, indent=2))
    else:
        _Page().print(checks, audited, can_start)
    return OK if can_start else INCOMPLETE


async def _checks(args: argparse.Namespace) -> list["Check"]:
    from trace2skill.doctor import checks as look
    from trace2skill.doctor.endpoint_check import check_endpoint

    found = [
        look.check_python(),
        *look.check_packages(),
        look.check_engine(),
        look.check_libreoffice(),
        look.check_sandbox(args.sandbox),
        *look.check_resources(args.workers),
        *look.check_output(args.output_dir),
        look.check_skill(args.skills_dir, args.skill),
    ]
    if not args.no_endpoint:
        found.append(await check_endpoint(args.base_url, args.api_key, args.model))
    return found


def _audit(path: Path, args: argparse.Namespace) -> "Audit":
    from react_agent.engines.progress import progress
    from spreadsheetbench.audit.data_set import audit

    with progress(desc="reading the data set", unit=" tasks", leave=False) as bar:
        return audit(
            path, start=args.start_idx, end=args.end_idx, done=lambda: (bar.update(), None)[1]
        )


class _Page:
    """The report for people: at most 80 columns, plain where stdout is no terminal."""

    def __init__(self) -> None:
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.encoding = sys.stdout.encoding or "ascii"
        try:
            "".join(MARKS.values()).encode(self.encoding)
            self.marks = MARKS
        except UnicodeEncodeError:
            self.marks = PLAIN_MARKS
        self.width = min(80, shutil.get_terminal_size((80, 24)).columns)

    def print(self, checks: Sequence["Check"], audited: "Audit", can_start: bool) -> None:
        for check in checks:
            self._row(check.level, check.topic, check.says, check.mend)
        say()
        say("\n".join(self._wrap(str(audited.data_path), "data set ", "  ")))
        self._row("ok" if audited.usable else "error", "tasks", _counts(audited), "")
        for level, kind, says in _data_rows(audited):
            self._row(level, kind, says, "")
        say()
        verdict = (
            "a run can start" if can_start else "a run CANNOT start: mend what is marked first"
        )
        self._row("ok" if can_start else "error", "", verdict, "")

    def _row(self, level: str, topic: str, says: str, mend: str) -> None:
        mark = self.marks[level]
        lead = f"{mark} {topic:<12} " if topic else f"{mark} "
        indent = " " * len(lead)
        lines = self._wrap(says, lead, indent)
        if mend:
            lines += self._wrap(mend, f"{indent}-> ", f"{indent}   ")
        if self.colour:
            lines[0] = f"\x1b[{COLOURS[level]}m{mark}\x1b[0m{lines[0].removeprefix(mark)}"
        for line in lines:
            print(line.encode(self.encoding, "replace").decode(self.encoding))  # with our colours

    def _wrap(self, text: str, lead: str, indent: str) -> list[str]:
        # Texts quote files and servers: control characters of theirs may not reach a terminal.
        clean = for_terminal(" ".join(text.split()))
        return textwrap.wrap(
            clean,
            self.width,
            initial_indent=lead,
            subsequent_indent=indent,
            break_on_hyphens=False,
        ) or [lead]


def _counts(audited: "Audit") -> str:
    splits = "; ".join(
        f"{split.name} " + " + ".join(f"{n} {_short(kind)}" for kind, n in split.types.items())
        for split in audited.splits
    )
    return (
        f"{audited.tasks}, {audited.usable} of them can be run, {audited.test_cases} test cases"
        + (f"; {splits}" if splits else "")
    )


def _short(instruction_type: str) -> str:
    return instruction_type.removesuffix(" Manipulation") or "without a type"


def _data_rows(audited: "Audit") -> Iterator[tuple[str, str, str]]:
    """One row for each kind of finding: the first one in words, the others by id."""
    for severity, kind, found in audited.by_kind():
        ids = list(dict.fromkeys(finding.task_id for finding in found if finding.task_id))
        named = ", ".join(ids[:SHOWN_IDS])
        more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
        others = f" [{named}{more}]" if len(ids) > 1 else ""
        first = f"{found[0].task_id}: " if found[0].task_id else ""
        count = f"{len(found)} x " if len(found) > 1 else ""
        yield severity, "", f"{count}{kind}{others} - {first}{found[0].message}"
