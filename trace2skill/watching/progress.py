"""How far runs are, read from their files; whatever is torn, missing or foreign is passed over."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from react_agent.errors import ContractError
from react_agent.filenames import case_folder
from react_agent.layout import (
    BUDGET,
    CALLS,
    CASE_FILE,
    INTERMEDIATES,
    LOGS,
    OUTPUTS,
    RESULT_LINES,
    RESULTS,
    RUN_SETTINGS,
    STATE,
    VERDICTS,
    WORK,
    analysis_folder,
    report_prefix,
    seed_of,
)
from react_agent.model import Usage
from react_agent.models.spending.budget import Spent, read_spent
from react_agent.runs.folder import CaseResult
from reporting.runs.runlines import read_results
from trace2skill.watching.stages import Stages, stages_of

QUIET_SECONDS = 900
"""A run whose files have not changed for so long is not said to have cases in flight."""


@dataclass(frozen=True)
class RunProgress:
    """One seed's rollouts."""

    name: str
    model: str
    total: int | None
    """Unknown for runs that noted no number of cases."""
    cases: tuple[CaseResult, ...]
    solved: int | None
    in_flight: int
    started: float
    """When the latest start began, in seconds since 1970."""
    changed: float
    recorded: bool

    @property
    def counts(self) -> Counter[str]:
        """Every case once: output, no output, refused, infrastructure."""
        return Counter(case.ended for case in self.cases)

    @property
    def done(self) -> int:
        return sum(not case.owed for case in self.cases)

    @property
    def usage(self) -> Usage:
        return sum((case.usage for case in self.cases), Usage())

    @property
    def per_minute(self) -> float | None:
        return self._rate(lambda case: 1)

    @property
    def calls_per_minute(self) -> float | None:
        return self._rate(lambda case: case.usage.calls)

    def _rate(self, amount: Callable[[CaseResult], int]) -> float | None:
        """Over the latest start, up to its last case."""
        ended = [(_seconds(case.finished_at), case) for case in self.cases if not case.owed]
        own = [(end, case) for end, case in ended if end >= self.started]
        minutes = (max((end for end, _ in own), default=0.0) - self.started) / 60
        return sum(amount(case) for _, case in own) / minutes if own and minutes > 1 / 60 else None

    @property
    def minutes_left(self) -> float | None:
        if self.total is None or not self.per_minute or self.done >= self.total:
            return None
        return (self.total - self.done) / self.per_minute


@dataclass(frozen=True)
class Count:
    """A stage that is counted by its files."""

    name: str
    done: int
    total: int | None = None


@dataclass(frozen=True)
class Progress:
    path: Path
    runs: list[RunProgress] = field(default_factory=list)
    others: list[Count] = field(default_factory=list)
    spent: Spent | None = None
    chosen: str = ""
    stages: Stages | None = None
    silent: float = 0.0
    """Seconds since a case or a call ended, while some are in flight."""

    @property
    def minutes_left(self) -> float | None:
        """Of the whole reproduction, at the rate of the run under way."""
        rate = self.latest.calls_per_minute
        if self.stages is None or not rate or not self.stages.left.calls:
            return None
        return self.stages.left.calls / rate

    @property
    def latest(self) -> RunProgress:
        return max(self.runs, key=lambda run: run.changed)


def look(path: Path) -> Progress:
    """Raises ContractError when there is no run below the path."""
    files = sorted(path.glob(f"**/{RUN_SETTINGS}"), key=_changed)
    runs = [run for file in files if (run := _run(file, path))]
    if not runs:
        raise ContractError(
            f"{path}: holds no run (no {RUN_SETTINGS}); it may not have started yet"
        )
    budget = next(
        (p / BUDGET for p in (path, *path.absolute().parents) if (p / BUDGET).exists()), None
    )
    nearest = budget or next(path.glob(f"**/{BUDGET}"), None)
    chosen = _mapping(path / STATE).get("chosen", {})
    seed = chosen.get("seed") if isinstance(chosen, dict) else None
    latest = max(_changed(nearest) if nearest else 0.0, *(run.changed for run in runs), 0.0)
    flying = any(run.in_flight for run in runs)
    return Progress(
        path=path,
        runs=runs,
        others=list(_others(path)),
        spent=read_spent(nearest) if nearest else None,
        chosen="" if seed is None else f"seed {seed}",
        stages=stages_of(path),
        silent=datetime.now(UTC).timestamp() - latest if flying else 0.0,
    )


def _run(file: Path, root: Path) -> RunProgress | None:
    record = _mapping(file)
    sessions = record.get("sessions")
    settings = record.get("settings")
    if not isinstance(sessions, list) or not sessions or not isinstance(settings, dict):
        return None
    session = sessions[-1] if isinstance(sessions[-1], dict) else {}
    environment = session.get("environment")
    total = environment.get("cases") if isinstance(environment, dict) else None
    lines = file.with_name(RESULT_LINES)
    found, _ = read_results(lines) if lines.exists() else ((), [])
    cases = tuple({case.key: case for case in found}.values())
    model = settings.get("model")
    model = model if isinstance(model, dict) else {}
    changed = max(map(_changed, (file, lines)))
    finished = file.with_name(RESULTS).exists()
    return RunProgress(
        name=str(file.parent.relative_to(root))
        .replace(f"/{OUTPUTS}", "")
        .replace(f"_{OUTPUTS}", ""),
        model=str(model.get("model", "")),
        total=total if isinstance(total, int) else None,
        cases=cases,
        solved=_solved(file.with_name(VERDICTS)),
        in_flight=0 if finished or _quiet(changed) else _in_flight(file.parent, cases),
        started=_seconds(str(session.get("started_at", ""))),
        changed=changed,
        recorded=model.get("source") == "replay",
    )


def _in_flight(outputs: Path, cases: tuple[CaseResult, ...]) -> int:
    """Case folders without a result, where the published layout has them beside the outputs."""
    parts = [p.name for p in (outputs, outputs.parent) if seed_of(p)]
    base = outputs.parent if parts else outputs
    work = base.with_name(base.name.replace(OUTPUTS, WORK)).joinpath(*parts)
    if work == outputs or not work.is_dir():
        return 0
    ended = {case_folder(case.id, Path(case.input_file).stem) for case in cases if not case.owed}
    folders = {p.name for p in work.iterdir() if p.is_dir() and not p.name.startswith(".")}
    return len(folders - ended)


def _others(path: Path) -> Iterator[Count]:
    """Analyses and evolutions, by the files that each of their cases leaves."""
    for folder in sorted(
        f for kind in ("error", "success") for f in path.glob(f"**/{analysis_folder(kind)}")
    ):
        failed = folder.name == analysis_folder("error")
        tag = "FAILED" if failed else "SUCCEED"
        logs = [*(folder.parent / LOGS).glob(f"**/*_{tag}.*")]
        done = [*folder.glob(f"*/{CASE_FILE}" if failed else f"{report_prefix('success')}*.json")]
        yield Count(str(folder.relative_to(path)), len(done), len(logs) or None)
    for calls in sorted(path.glob(f"**/{INTERMEDIATES}/{CALLS}")):
        done = [*calls.glob("**/*.json")]
        yield Count(f"{calls.parent.parent.relative_to(path)} (calls)", len(done))


def _changed(file: Path) -> float:
    """0 for what is not there, or not any more."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _quiet(changed: float) -> bool:
    return datetime.now(UTC).timestamp() - changed > QUIET_SECONDS


def _solved(verdicts: Path) -> int | None:
    summary = _mapping(verdicts).get("summary")
    solved = summary.get("fully_correct_instances") if isinstance(summary, dict) else None
    return solved if isinstance(solved, int) else None


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _mapping(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
