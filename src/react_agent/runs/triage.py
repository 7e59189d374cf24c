"""Triage: join verdicts with trajectory logs and mark each log as solved or failed."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import LOGS, seed_folders, seed_of
from react_agent.runs.logs import Log, LogName, find_logs, read_result
from react_agent.runs.settings import Triage
from react_agent.runs.verdicts import Evaluation, TaskVerdict
from react_agent.seams import REFUSED
from react_agent.text import one_line

SOLVED, FAILED, INFRASTRUCTURE, NO_LOG = "solved", "failed", "infrastructure", "no log"


@dataclass(frozen=True)
class Row:
    """One run: a task (or one test case of it), its verdict and its log."""

    id: str
    seed: str
    case: str
    instruction_type: str
    outcome: str
    status: str
    turns: int
    message: str
    log: str


def triage(evaluation: Evaluation, log_dir: Path, seed: str = "") -> list[Row]:
    """Join and rename; doing it again changes nothing, and a changed verdict renames again.

    Raises ContractError when `log_dir` does not exist.
    """
    if not log_dir.is_dir():
        raise ContractError(f"{log_dir}: no such folder; give the run's --log_dir")
    logs: dict[str, list[tuple[LogName, Path]]] = {}
    for name, path in find_logs(log_dir):
        logs.setdefault(name.task_id, []).append((name, path))
    rows = []
    for verdict in evaluation.results:
        found = logs.get(verdict.id, [])
        if not found:
            rows.append(_row(verdict, seed, "", NO_LOG, "", 0, ""))
        rows += [_join(verdict, name, path, seed) for name, path in found]
    return rows


def _join(verdict: TaskVerdict, name: LogName, path: Path, seed: str) -> Row:
    log = read_result(path)
    if log.not_the_agent:
        target, outcome = replace(name, tag=None), INFRASTRUCTURE
    elif _passed(verdict, name.case):
        target, outcome = replace(name, tag="SUCCEED"), SOLVED
    elif log.status == REFUSED:
        target, outcome = replace(name, tag=None), REFUSED
    else:
        target, outcome = replace(name, tag="FAILED"), FAILED
    renamed = path.with_name(target.stem + path.suffix)
    if renamed != path:
        path.replace(renamed)
    return _row(verdict, seed, name.case, outcome, str(log.status or ""), _turns(log), str(renamed))


def _passed(verdict: TaskVerdict, case: str) -> bool:
    """The verdict of this log's own test case where the task has several."""
    if not case:
        return verdict.success
    # Verdict files of others name no case: an output is called after its input.
    wanted = re.sub(r"_(input|init)$", "", case) + "_output"
    return any(
        test.passed
        for test in verdict.test_cases
        if (test.case == case if test.case else Path(test.output_file).stem == wanted)
    )


def _turns(log: Log) -> int:
    turns = log.result.get("turns")
    return turns if isinstance(turns, int) else 0


def _row(
    verdict: TaskVerdict, seed: str, case: str, outcome: str, status: str, turns: int, log: str
) -> Row:
    messages = [t.message for t in verdict.test_cases if t.message and not t.passed]
    message = verdict.error or (messages[0] if messages else "")
    return Row(
        verdict.id, seed, case, verdict.instruction_type, outcome, status, turns, message, log
    )


def summary(rows: Sequence[Row]) -> str:
    outcomes = Counter(row.outcome for row in rows)
    scored = outcomes[SOLVED] + outcomes[FAILED]
    lines = [f"{len(rows)} runs: " + ", ".join(f"{n} {o}" for o, n in outcomes.most_common())]
    if scored:
        share = outcomes[SOLVED] / scored
        lines.append(
            f"solved {outcomes[SOLVED]} of the {scored} that the agent ended ({share:.1%})"
        )
    for kind in sorted({row.instruction_type for row in rows} - {""}):
        own = Counter(row.outcome for row in rows if row.instruction_type == kind)
        lines.append(f"  {kind}: {own[SOLVED]} of {own[SOLVED] + own[FAILED]}")
    for outcome in (SOLVED, FAILED):
        turns = [row.turns for row in rows if row.outcome == outcome]
        if turns:
            lines.append(f"mean turns when {outcome}: {sum(turns) / len(turns):.1f}")
    return "\n".join(lines)


def details(rows: Iterable[Row]) -> str:
    lines = [f"{'id':<14} {'outcome':<14} {'ended':<16} {'turns':>5}  why"]
    for row in rows:
        seed = f" (seed {row.seed})" if row.seed else ""
        why = "" if row.outcome == SOLVED else one_line(row.message, 60)
        case = f"@{row.case}" if row.case else ""
        lines.append(
            f"{row.id + case + seed:<14} {row.outcome:<14} {row.status:<16} {row.turns:>5}  {why}"
        )
    return "\n".join(lines)


def as_csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def run(settings: Triage) -> list[Row]:
    """Every run with its outcome. Raises ContractError where verdicts or logs are missing."""
    if settings.repeat > 1:
        return _seeds(settings)
    return _one(settings.eval_results, settings.log_dir)


def chosen(rows: Sequence[Row], settings: Triage) -> list[Row]:
    """Those that the settings want listed."""
    wanted = SOLVED if settings.passed_only else FAILED if settings.failed_only else None
    return [row for row in rows if wanted in (None, row.outcome)]


def _one(eval_results: Path, log_dir: Path | None, seed: str = "") -> list[Row]:
    folder = log_dir or _beside(eval_results)
    evaluation = Evaluation.from_json(read_json(eval_results), eval_results)
    return triage(evaluation, folder, seed)


def _beside(eval_results: Path) -> Path:
    """The runner's default (`<output_dir>/logs`), or the published layout (`outputs`, `logs`)."""
    inside = eval_results.parent / LOGS
    return inside if inside.is_dir() else eval_results.parent.parent / LOGS


def _seeds(settings: Triage) -> list[Row]:
    beside = [
        seed / settings.eval_results.name for seed in seed_folders(settings.eval_results.parent)
    ]
    files = [file for file in beside if file.exists()]
    if len(files) != settings.repeat:
        raise ContractError(
            f"{settings.eval_results.parent}: {len(files)} seed_*/{settings.eval_results.name}, "
            f"--repeat says {settings.repeat}; run evaluate_with_official.py --repeat first"
        )
    base = settings.base_log_dir or settings.log_dir or _beside(settings.eval_results)
    return [
        row for file in files for row in _one(file, base / file.parent.name, seed_of(file.parent))
    ]
