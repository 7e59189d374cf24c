"""Audit a data set before anybody believes its numbers: what cannot be run, scored or trusted.

A pure reading: nothing is written, nothing is run. Workbooks are opened in limited processes.
"""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel

from react_agent.errors import ContractError
from spreadsheetbench.audit_task import Finding, FindingKind, Severity, examine
from spreadsheetbench.dataset import CELL_LEVEL, SHEET_LEVEL, Dataset, Task, input_files
from spreadsheetbench.workers import WorkerLost, Workers, WorkLimits, available_cores

PUBLISHED_SPLIT = 200
"""Training is 0:200 and held-out 200:400 in the published commands."""
UNEVEN = 0.2
"""Splits whose shares of a type are further apart than this measure different things."""
LIMITS = WorkLimits(seconds=60)
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Split(BaseModel, frozen=True):
    """How many tasks of each instruction type a slice of the records holds."""

    start: int
    end: int
    types: dict[str, int]

    @property
    def name(self) -> str:
        return f"{self.start}:{self.end}"

    def share(self, instruction_type: str) -> float:
        return self.types.get(instruction_type, 0) / max(1, self.end - self.start)


class Audit(BaseModel, frozen=True):
    """What an audit says. The set can be used while `usable` is above 0."""

    data_path: str
    tasks: int = 0
    test_cases: int = 0
    usable: int = 0
    """Tasks with a folder, an input and a gold workbook."""
    splits: tuple[Split, ...] = ()
    findings: tuple[Finding, ...] = ()

    def by_kind(self) -> list[tuple[Severity, FindingKind, list[Finding]]]:
        """Grouped, the worst first."""
        groups: dict[tuple[Severity, FindingKind], list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault((finding.severity, finding.kind), []).append(finding)
        ordered = sorted(groups, key=lambda key: SEVERITIES.index(key[0]))
        return [(severity, kind, groups[severity, kind]) for severity, kind in ordered]


def audit(
    path: Path,
    *,
    start: int = 0,
    end: int | None = None,
    limits: WorkLimits = LIMITS,
    done: Callable[[], None] | None = None,
) -> Audit:
    """Never raises for what the data set holds: a set that cannot be loaded is one finding.

    `done` is called once for every task.
    """
    try:
        dataset = Dataset.load(path)
    except ContractError as error:
        broken = Finding(severity="error", kind="index", message=str(error))
        return Audit(data_path=str(path), findings=(broken,))
    tasks = dataset.select(start=start, end=end)
    first, last, _ = slice(start, end).indices(len(dataset.tasks))
    splits = _splits(dataset.tasks, first, max(first, last))
    findings = [*_balance(splits), *_orphan_folders(dataset)]
    if not tasks:
        message = f"no task in {start}:{'' if end is None else end} of {len(dataset.tasks)}"
        findings.append(Finding(severity="error", kind="index", message=message))
    findings += _examine_all(dataset, tasks, limits, done)
    usable, cases = _usable(dataset, tasks)
    return Audit(
        data_path=str(path),
        tasks=len(tasks),
        test_cases=cases,
        usable=usable,
        splits=tuple(splits),
        findings=tuple(findings),
    )


def _usable(dataset: Dataset, tasks: Sequence[Task]) -> tuple[int, int]:
    """How many tasks can be run, and how many test cases they have."""
    usable = cases = 0
    for task in tasks:
        try:
            dataset.golds(task)
            cases += len(dataset.cases(task))
            usable += 1
        except ContractError:
            continue
    return usable, cases


def _splits(tasks: Sequence[Task], start: int, end: int) -> list[Split]:
    """The slice that was asked for; of the whole of a larger set, the published halves."""
    edges = [(start, end)]
    if (start, end) == (0, len(tasks)) and len(tasks) > PUBLISHED_SPLIT:
        edges = [(0, PUBLISHED_SPLIT), (PUBLISHED_SPLIT, len(tasks))]
    return [
        Split(start=a, end=b, types=dict(Counter(t.instruction_type for t in tasks[a:b])))
        for a, b in edges
    ]


def _balance(splits: Sequence[Split]) -> list[Finding]:
    if len(splits) < 2:
        return []
    one, other = splits
    apart = max(abs(one.share(kind) - other.share(kind)) for kind in (CELL_LEVEL, SHEET_LEVEL))
    if apart <= UNEVEN:
        return []
    shown = "; ".join(
        f"{split.name} has "
        + " + ".join(f"{count} {kind.split('-')[0].lower()}" for kind, count in split.types.items())
        for split in splits
    )
    message = f"the splits hold different mixes of task types: {shown}; compare per type"
    return [Finding(severity="warning", kind="balance", message=message)]


def _orphan_folders(dataset: Dataset) -> list[Finding]:
    """Folders with workbooks that no record leads to."""
    known = set()
    for task in dataset.tasks:
        try:
            known.add(dataset.folder(task).resolve())
        except ContractError:
            continue
    root = dataset.root / "spreadsheet"
    folders = sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    return [
        Finding(
            severity="note",
            kind="orphan folder",
            message=f"{folder.name} ({len(input_files(folder))} workbooks) belongs to no record",
        )
        for folder in folders
        if folder.resolve() not in known
    ]


def _examine_all(
    dataset: Dataset,
    tasks: Sequence[Task],
    limits: WorkLimits,
    done: Callable[[], None] | None,
) -> list[Finding]:
    if not tasks:
        return []
    # Without its tasks the data set is a path, and cheap to hand to another process.
    place = Dataset(dataset.path, (), dataset.root)
    with Workers(min(available_cores(), len(tasks)), limits) as workers:
        results = workers.map(functools.partial(examine, place), tasks, done)
    findings: list[Finding] = []
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, WorkerLost):
            message = f"a workbook cannot be read: {result}"
            findings.append(
                Finding(
                    severity="error",
                    kind="unreadable workbook",
                    message=message,
                    task_id=task.id,
                )
            )
        else:
            findings += result
    return findings
