"""Can a run start here, and can its numbers be believed? Nothing is changed, no model called.

trace2skill doctor --data_path data/mini
"""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from react_agent.cli import INCOMPLETE, OK
from react_agent.flags import run_stage
from react_agent.text import for_terminal, say
from trace2skill.doctor.settings import Doctor

if TYPE_CHECKING:  # --help stays quick
    from spreadsheetbench.audit.data_set import Audit
    from trace2skill.doctor.checks import Check

MARKS = {"ok": "✓", "warning": "!", "error": "✗", "note": "·"}
PLAIN_MARKS = {"ok": "+", "warning": "!", "error": "X", "note": "."}
COLOURS = {"ok": "32", "warning": "33", "error": "31", "note": "2"}
SHOWN_IDS = 6
ABOUT = (
    "Check this machine, the endpoint, the skill and a data set. Calls no model, changes nothing."
)
EPILOG = "exit code: 0 when a run can start, 1 when it cannot, 2 for wrong flags"


def main(argv: list[str] | None = None) -> int:
    return run_stage(_run, Doctor, argv, ABOUT, EPILOG)


async def _run(settings: Doctor) -> int:
    from trace2skill.doctor.examine import examine

    found = await examine(settings)
    if settings.json:
        say(json.dumps(found.as_json(), indent=2))
    else:
        _Page().print(found.checks, found.data, found.can_start)
    return OK if found.can_start else INCOMPLETE


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
        rows = list(_data_rows(audited))
        for level, kind, says in rows:
            self._row(level, kind, says, "")
        say()
        verdict = "a run CANNOT start: mend what is marked first"
        if can_start:
            verdict = "a run can start"
            if any(level == "error" for level, _, _ in rows):
                verdict += f"; verdicts of tasks marked {self.marks['error']} mean nothing"
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
