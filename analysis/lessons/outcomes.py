"""What became of each trajectory: one file a case, and the summary whose counts add up."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from analysis.lessons.records import FailingCell, ItemType, LessonItem, LessonKind, LessonRecord
from analysis.lessons.selection import LeftOut, Subject
from react_agent.configfile import differences, read_record
from react_agent.errors import ContractError
from react_agent.files import read_json, write_json
from react_agent.layout import (
    ANALYSIS_SETTINGS,
    CASE_FILE,
    GATE,
    REPORT,
    report_prefix,
)
from react_agent.model import Usage
from react_agent.runs.folder import now

AnalysisOutcome = Literal[
    "lesson",
    "gate not held",
    "no report",
    "all items leaked",
    "nothing to explain",
    "prompt refused",
]
"""A finished case. "nothing to explain": no analyst was asked, since the output is right, or the
case cannot be judged at all. "prompt refused": by a content filter of the endpoint, which would
refuse it again."""


class LeakedItem(BaseModel):
    """An item that was dropped, and what it gave away."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ItemType
    number: int
    title: str
    found: tuple[str, ...]


class CaseAnalysis(BaseModel):
    """One finished case, as the JSON file beside its report holds it. Written last."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    instance_id: str
    task_id: str
    seed: int | None = None
    trajectory: str
    outcome: AnalysisOutcome
    reason: str = ""
    error_class: str = ""
    failing_cells: tuple[FailingCell, ...] = ()
    failing_cells_total: int = 0
    gate_mode: str = ""
    gate_verdict: str = ""
    leaked: tuple[LeakedItem, ...] = ()
    items: int = 0
    notes: tuple[str, ...] = ()
    model: str = ""
    status: str = ""
    """How the analyst's conversation ended."""
    turns: int = 0
    usage: Usage = Usage()
    seconds: float = 0.0
    fingerprint: str = ""
    """Hash of the evidence; the analysis is kept only while it is the same."""
    finished_at: str = ""

    @classmethod
    def load(cls, path: Path) -> "CaseAnalysis | None":
        """None when there is none, or none that can be read: then the case is still owed."""
        try:
            return read_record(cls, path)
        except ContractError:
            return None

    def dropped(self, item: LessonItem) -> bool:
        return any(
            (lost.type, lost.number, lost.title) == (item.type, item.number, item.title)
            for lost in self.leaked
        )


def about(subject: Subject) -> dict[str, Any]:
    """The fields that say which run a case analysis is about."""
    recorded = subject.log.result.get("seed")
    seed = subject.seed if subject.seed is not None else recorded
    return {
        "instance_id": subject.instance,
        "task_id": subject.name.task_id,
        "seed": seed if isinstance(seed, int) else None,
        "trajectory": str(subject.path),
        "finished_at": now(),
    }


_OF_THE_RUN = CaseAnalysis.model_fields.keys() & LessonRecord.model_fields.keys() - {"items"}
"""What a record takes over as it is; its items are the texts, a case analysis has their number."""


def record_of(
    analysis: CaseAnalysis | None, instance: str, report: Path, items: Sequence[LessonItem]
) -> LessonRecord:
    """The record of a report; without a case analysis (another tool's report) only its items."""
    base = LessonRecord(
        instance_id=instance, source_file=report.name, report=str(report), items=tuple(items)
    )
    if analysis is None:
        return base
    gate = report.parent / GATE
    return base.model_copy(
        update={
            **{name: getattr(analysis, name) for name in _OF_THE_RUN},
            "gate_file": str(gate) if gate.is_file() else "",
            "items_dropped": len(analysis.leaked),
        }
    )


def open_run(output_dir: Path, settings: Mapping[str, Any], *, overwrite: bool) -> None:
    """Refuse to mix analyses made with different settings.

    Raises ContractError that shows the differences.
    """
    file = output_dir / ANALYSIS_SETTINGS
    if file.exists() and not overwrite:
        was = read_json(file)
        changes = differences(was.get("settings") if isinstance(was, dict) else was, settings)
        if changes:
            raise ContractError(
                f"{output_dir} holds an analysis with other settings; give another --output_dir, "
                "or --overwrite to start over:\n" + "\n".join(f"  {line}" for line in changes)
            )
        return
    write_json(file, {"settings": dict(settings), "started_at": now()})


def forget(output_dir: Path) -> None:
    """Remove what an earlier analysis left."""
    found = [*output_dir.glob(f"*/{CASE_FILE}"), *output_dir.glob(f"*/{REPORT}")]
    for case in {file.parent for file in found}:
        shutil.rmtree(case)
    for prefix in map(report_prefix, ("error", "success")):
        for path in [*output_dir.glob(f"{prefix}*.md"), *output_dir.glob(f"{prefix}*.json")]:
            path.unlink()


class Summary(BaseModel):
    """`analysis_summary.json`: every trajectory of the run is counted once."""

    kind: LessonKind
    trajectories: int
    counts: dict[str, int]
    """By what became of them; they add up to `trajectories`."""
    error_classes: dict[str, int] = {}
    """The analysed ones, by class of error."""
    not_analysed: dict[str, int] = {}
    """By class of error, those that `--per-class` only counts."""
    lessons: int
    items: int
    items_leaked: int
    usage: Usage
    dropped: list[dict[str, str]]
    """Every trajectory without a lesson that might have had one, and why."""
    owed: list[dict[str, str]]
    """Cases to be done by the next start, and what stopped them."""
    seconds: float = 0.0

    def table(self) -> str:
        lines = [f"{self.trajectories} trajectories"]
        lines += [f"  {count:>5}  {name}" for name, count in self.counts.items()]
        classes = {"failed by class": self.error_classes}
        classes["counted, not analysed"] = self.not_analysed
        for what, numbers in classes.items():
            if numbers:
                found = ", ".join(f"{n} {name}" for name, n in numbers.items())
                lines.append(f"{what}: {found}")
        lines.append(f"{self.lessons} records with {self.items} items")
        if self.items_leaked:
            lines[-1] += f"; {self.items_leaked} items dropped for giving answers away"
        use = self.usage
        lines.append(
            f"{use.calls} calls, {use.prompt_tokens:,} prompt and {use.completion_tokens:,} reply "
            f"tokens, {self.seconds:.1f} s"
        )
        return "\n".join(lines)


def summarise(
    kind: LessonKind,
    cases: Iterable[CaseAnalysis],
    left_out: Sequence[LeftOut],
    owed: Mapping[str, str],
    seconds: float,
) -> Summary:
    done = list(cases)
    counts = Counter[str](case.outcome for case in done)
    if owed:
        counts["owed"] = len(owed)
    counts.update(left.reason for left in left_out)
    own = ("not failed", "not succeeded", "not selected")
    dropped = [
        {
            "instance": c.instance_id,
            "trajectory": c.trajectory,
            "reason": c.outcome,
            "detail": c.reason,
        }
        for c in done
        if c.outcome != "lesson"
    ] + [
        {"instance": x.instance, "trajectory": x.trajectory, "reason": x.reason, "detail": x.detail}
        for x in left_out
        if x.reason not in own
    ]
    lessons = [case for case in done if case.outcome == "lesson"]
    return Summary(
        kind=kind,
        trajectories=len(done) + len(owed) + len(left_out),
        counts=dict(counts),
        error_classes=dict(Counter(c.error_class for c in done if c.error_class).most_common()),
        not_analysed=dict(Counter(x.error_class for x in left_out if x.error_class).most_common()),
        lessons=len(lessons),
        items=sum(case.items for case in lessons),
        items_leaked=sum(len(case.leaked) for case in done),
        usage=sum((case.usage for case in done), Usage()),
        dropped=dropped,
        owed=[{"instance": name, "reason": why} for name, why in owed.items()],
        seconds=round(seconds, 3),
    )
