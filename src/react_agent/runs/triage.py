"""Triage: join verdicts with trajectory logs and mark each log as solved or failed."""

import csv
import io
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import LOGS, VERDICTS, seed_folders, seed_of
from react_agent.runs.conduct import findings, kinds
from react_agent.runs.logs import Log, LogName, find_logs, read_log
from react_agent.runs.settings import Triage
from react_agent.runs.verdicts import Evaluation, TaskVerdict
from react_agent.seams import REFUSED
from react_agent.text import one_line

log = logging.getLogger(__name__)

SOLVED, FAILED, INFRASTRUCTURE, NO_LOG = "solved", "failed", "infrastructure", "no log"
NOT_UNDERSTOOD = "log not understood"
COLUMNS = (
    *("instance_id", "passed", "soft_score", "hard_score"),
    *("error_message", "log_file", "instruction"),
    *("seed", "case", "instruction_type", "outcome", "status", "turns"),
    "conduct",
)
"""Of --csv: the released ones in their order (no verdict file holds an instruction), then ours."""


@dataclass(frozen=True)
class Row:
    """One run: a task (or one test case of it), its verdict and its log."""

    id: str
    seed: str
    case: str
    instruction_type: str
    outcome: str
    message: str
    log: str
    passed: bool
    soft_score: float
    hard_score: int
    status: str = ""
    turns: int = 0
    conduct: str = ""
    """How its commands looked for answers, where any did."""


def triage(evaluation: Evaluation, log_dir: Path, seed: str = "") -> list[Row]:
    """Join and rename; doing it again changes nothing, and a changed verdict renames again.

    No log is ever put in another's place. Raises ContractError when `log_dir` does not exist.
    """
    if not log_dir.is_dir():
        raise ContractError(f"{log_dir}: no such folder; give the run's --log_dir")
    logs: dict[str, list[tuple[LogName, Path]]] = {}
    for name, path in find_logs(log_dir):
        logs.setdefault(name.task_id, []).append((name, path))
    rows = []
    for verdict in evaluation.results:
        found = logs.get(verdict.id, [])
        rows += [_join(verdict, name, path, seed) for name, path in found]
        if not found:
            rows.append(_row(verdict, seed, NO_LOG))
    return rows


def _join(verdict: TaskVerdict, name: LogName, path: Path, seed: str) -> Row:
    try:
        read = read_log(path)
    except ContractError as error:
        log.warning("%s", error)
        return _row(verdict, seed, NOT_UNDERSTOOD, name.case, path)
    outcome, target = _outcome(verdict, name, read)
    path = _rename(path, target.stem) if target else path
    turns = read.result.get("turns")
    return replace(
        _row(verdict, seed, outcome, name.case, path),
        status=str(read.status or ""),
        turns=turns if isinstance(turns, int) else 0,
        conduct=kinds(findings(read)),
    )


def _outcome(verdict: TaskVerdict, name: LogName, read: Log) -> tuple[str, LogName | None]:
    """What became of the run, and the name its log is to have; None: the one it has."""
    if not read.result:
        return NOT_UNDERSTOOD, None
    if read.not_the_agent:  # the released code only says "exception": its verdict may stand
        return INFRASTRUCTURE, None if read.by_release else replace(name, tag=None)
    if _passed(verdict, name.case):
        return SOLVED, replace(name, tag="SUCCEED")
    if read.status == REFUSED:
        return REFUSED, replace(name, tag=None)
    return FAILED, replace(name, tag="FAILED")


def _rename(path: Path, stem: str) -> Path:
    renamed = path.with_name(stem + path.suffix)
    if renamed == path:
        return path
    if renamed.exists():
        log.warning("%s keeps its name, as there is a %s; keep one of them", path, renamed.name)
        return path
    path.replace(renamed)
    return renamed


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


def _row(
    verdict: TaskVerdict, seed: str, outcome: str, case: str = "", path: Path | None = None
) -> Row:
    messages = [t.message for t in verdict.test_cases if t.message and not t.passed]
    return Row(
        id=verdict.id,
        seed=seed,
        case=case,
        instruction_type=verdict.instruction_type,
        outcome=outcome,
        message=verdict.error or next(iter(messages), ""),
        log=str(path or ""),
        passed=_passed(verdict, case),
        soft_score=verdict.soft_score or 0.0,
        hard_score=verdict.hard_score or 0,
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
    if looked := [row for row in rows if row.conduct]:
        lines.append(f"looked for answers: {len(looked)} (the report shows their commands)")
        lines += [f"  {row.id}{'@' * bool(row.case)}{row.case}: {row.conduct}" for row in looked]
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
    """The released columns, and ours behind them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        released = {"instance_id": row.id, "error_message": row.message, "log_file": row.log}
        writer.writerow({**asdict(row), **released, "instruction": ""})
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
    evaluation = Evaluation.from_json(read_json(eval_results), eval_results)
    return triage(evaluation, log_dir or _beside(eval_results), seed)


def _beside(eval_results: Path) -> Path:
    """The runner's default (`<output_dir>/logs`), or the published layout (`outputs`, `logs`)."""
    inside = eval_results.parent / LOGS
    return inside if inside.is_dir() else eval_results.parent.parent / LOGS


def _seeds(settings: Triage) -> list[Row]:
    """Of every seed that has verdicts; `eval_results` is their folder, or a file in it."""
    given, repeat = settings.eval_results, settings.repeat
    folder, name = (given, VERDICTS) if given.is_dir() else (given.parent, given.name)
    files = [file for seed in seed_folders(folder) if (file := seed / name).exists()]
    if not files:
        raise ContractError(
            f"{folder}: holds no seed_*/{name}; run evaluate_with_official.py --repeat first"
        )
    if len(files) != repeat:
        log.warning("%s: all %d seeds are taken, --repeat says %d", folder, len(files), repeat)
    base = settings.base_log_dir or settings.log_dir or _beside(folder / name)
    return [
        row for file in files for row in _one(file, base / file.parent.name, seed_of(file.parent))
    ]
