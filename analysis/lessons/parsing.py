"""From report folders to record files: which reports count, and what of them.

Reports of the paper's released code lie in the same places; they have no case file beside them.

Two layouts. The agentic analyst leaves a folder an instance (`analysis_report.md`, and
`evaluate_passed.flag` only when the gate held); one-call analysts leave `error_analysis_<id>.md` or
`success_analysis_<id>.md`. `_prompt.md` beside a report is never a report.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.lessons.leaks import LeakScan, split_leaking
from analysis.lessons.outcomes import AnalysisOutcome, CaseAnalysis, about, record_of
from analysis.lessons.records import LessonKind, LessonRecord, save_records
from analysis.lessons.reports import parse_report
from analysis.lessons.selection import Subject
from react_agent.errors import ContractError
from react_agent.files import write_whole
from react_agent.layout import CASE_FILE, FLAG, REPORT, UNPARSED, report_prefix

_NO_REPORT = re.compile(r"\s*(\Z|Error:|Analysis failed with error:)")


@dataclass(frozen=True)
class ReportFile:
    """One report on disk."""

    instance: str
    path: Path
    case_file: Path
    gated: bool
    """Whether this kind of report has to have passed the gate."""

    @property
    def passed(self) -> bool:
        if not self.gated or (self.path.parent / FLAG).is_file():
            return True
        analysis = CaseAnalysis.load(self.case_file)
        return analysis is not None and analysis.outcome == "lesson"  # with the gate off

    @property
    def foreign(self) -> bool:
        """Not by an analyst of this toolkit, which leaves a case file with every report."""
        return not self.case_file.exists()


@dataclass
class Parsed:
    """What a folder of reports gives."""

    records: list[LessonRecord] = field(default_factory=list)
    reports: int = 0
    not_gated: list[str] = field(default_factory=list)
    unparsed: dict[str, str] = field(default_factory=dict)
    leaked: dict[str, int] = field(default_factory=dict)
    """Items dropped by instance."""
    without_items: list[str] = field(default_factory=list)
    """Instances whose every item was dropped."""

    def table(self) -> str:
        items = sum(len(record.items) for record in self.records)
        lines = [
            f"{self.reports} reports",
            f"  {len(self.records):>5}  records with {items} items",
            f"  {len(self.not_gated):>5}  left out: the gate did not hold",
            f"  {len(self.unparsed):>5}  left out: no item could be read (see {UNPARSED}/)",
            f"  {len(self.without_items):>5}  left out: every item gave answers away",
        ]
        if self.leaked:
            lines.append(f"{sum(self.leaked.values())} items dropped for giving answers away")
        return "\n".join(lines)


def parse_folder(folder: Path, kind: LessonKind, only: Sequence[str] | None = None) -> Parsed:
    """Read all reports below a folder; those without an item are copied to `failed_to_parse/`.

    With `only`, records of these instances, in this order, and of all reports of other tools.
    Raises ContractError when the folder does not exist.
    """
    if not folder.is_dir():
        raise ContractError(f"{folder}: no such folder; give the --output_dir of the analysis")
    reports = {report.instance: report for report in report_files(folder, kind)}
    names = sorted(reports)
    if only is not None:
        foreign = [name for name in names if reports[name].foreign and name not in only]
        names = [*(name for name in only if name in reports), *foreign]
    parsed = Parsed(reports=len(names))
    for name in names:
        shutil.rmtree(folder / UNPARSED / name, ignore_errors=True)
        _parse(reports[name], kind, parsed, folder)
    return parsed


def write_records(
    folder: Path,
    output: Path,
    kind: LessonKind,
    only: Sequence[str],
    counted: Mapping[str, Sequence[str]] | None = None,
) -> Parsed:
    """`counted` has the runs that were only counted, by class of failure."""
    parsed = parse_folder(folder, kind, only)
    if counted:
        parsed.records = [
            r.model_copy(update={"counted": tuple(counted.get(r.error_class, ()))})
            for r in parsed.records
        ]
    save_records(output, parsed.records)
    return parsed


def report_files(folder: Path, kind: LessonKind) -> Iterator[ReportFile]:
    """Reports in name order, agentic ones first."""
    if kind == "error":
        for path in sorted(folder.glob(f"*/{REPORT}")):
            if path.parent.name != UNPARSED and not path.parent.name.startswith("."):
                yield ReportFile(path.parent.name, path, path.parent / CASE_FILE, gated=True)
    prefix = report_prefix(kind)
    for path in sorted(folder.glob(f"{prefix}*.md")):
        if path.stem != f"{prefix}chat" and not path.stem.endswith("_prompt"):
            instance = path.stem.removeprefix(prefix)
            yield ReportFile(instance, path, path.with_suffix(".json"), gated=False)


def finished_elsewhere(file: ReportFile, subject: Subject, kind: LessonKind) -> CaseAnalysis | None:
    """A report of the paper's released code, which keeps its place and counts.

    None when there is none, or where it only tells of an error, as that code does when a call
    failed: such a case is still owed.
    """
    if not file.path.is_file() or not file.foreign:
        return None
    text = file.path.read_text(encoding="utf-8", errors="replace")
    items = parse_report(text, kind).items
    if not items and _NO_REPORT.match(text):
        return None
    outcome: AnalysisOutcome = "lesson" if items else "no report"
    if items and not file.passed:
        outcome = "gate not held"
    return CaseAnalysis(
        **about(subject),
        outcome=outcome,
        reason="" if outcome == "lesson" else f"{file.path} is another tool's and is kept",
        items=len(items) if outcome == "lesson" else 0,
        notes=("the report was there and is another tool's",),
    )


def _parse(file: ReportFile, kind: LessonKind, parsed: Parsed, folder: Path) -> None:
    if not file.passed:
        parsed.not_gated.append(file.instance)
        return
    text = file.path.read_text(encoding="utf-8", errors="replace")
    report = parse_report(text, kind)
    if not report.items:
        keep_unparsed(folder, file.instance, text)
        parsed.unparsed[file.instance] = "no item"
        return
    analysis = CaseAnalysis.load(file.case_file)
    if analysis:  # checked when it was written, with the task's answers at hand
        kept = [item for item in report.items if not analysis.dropped(item)]
    else:
        kept, _ = split_leaking(report.items, LeakScan.of_case())
    dropped = len(report.items) - len(kept)
    if dropped:
        parsed.leaked[file.instance] = dropped
    if kept:
        record = record_of(analysis, file.instance, file.path, kept)
        parsed.records.append(record.model_copy(update={"items_dropped": dropped}))
    else:
        parsed.without_items.append(file.instance)


def keep_unparsed(folder: Path, instance: str, text: str) -> None:
    """A report that nothing could be read from is kept, with the reason beside it."""
    write_whole(folder / UNPARSED / instance / REPORT, text)
    write_whole(folder / UNPARSED / instance / "reason.txt", "no item with a text was found\n")
