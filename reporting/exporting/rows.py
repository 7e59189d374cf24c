"""The rows of the export; docs/export.md says what each field means."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from react_agent.errors import ContractError
from react_agent.evidence import UNKNOWN
from react_agent.runs.folder import CaseResult
from react_agent.runs.logs import Log, LogName, name_of, read_log
from reporting.page.collect import verdict_on
from reporting.page.evolutionview import EvolutionView
from reporting.runs.runview import Problem, RunView

Outcome = Literal["pass", "fail", "unknown"]


class Row(BaseModel, frozen=True):
    """A line of one of the files."""


class SaidRow(BaseModel, frozen=True):
    role: str
    content: str


class TrajectoryRow(Row, frozen=True):
    run: str
    task_id: str
    case: str
    seed: int | None
    agent: str
    model: str
    status: str
    outcome: Outcome
    turns: int
    error: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    seconds: float
    signals: tuple[str, ...]
    log_file: str
    messages: tuple[SaidRow, ...]


class VerdictRow(Row, frozen=True):
    run: str
    task_id: str
    case: str
    instruction_type: str
    passed: bool
    message: str
    task_passed: bool
    task_score: float | None
    rules: str


class LessonRow(Row, frozen=True):
    run: str
    kind: str
    instance_id: str
    task_id: str
    seed: int | None
    type: str
    number: int
    title: str
    description: str
    content: str
    relation_to_skill: str
    skill_reflection: str
    error_class: str
    gate_mode: str
    gate_verdict: str
    model: str
    trajectory: str


class EditRow(Row, frozen=True):
    skill: str
    id: str
    phase: str
    title: str
    text: str
    in_skill: bool
    dropped_by: str
    reason: str
    parents: tuple[str, ...]
    runs: tuple[str, ...]
    support: int


FILES: dict[str, type[Row]] = {
    "trajectories": TrajectoryRow,
    "verdicts": VerdictRow,
    "lessons": LessonRow,
    "edits": EditRow,
}


def trajectories(name: str, run: RunView, problems: list[Problem]) -> Iterator[TrajectoryRow]:
    """Each log; one that cannot be read is a problem and no row."""
    results = {(case.id, Path(case.input_file).stem): case for case in run.cases}
    for (task, case), file in run.logs.items():
        try:
            log = read_log(file)
        except ContractError as error:
            problems.append(Problem(str(file), str(error).removeprefix(f"{file}: ")))
            continue
        only = [result for result in run.cases if result.id == task]
        result = results.get((task, case)) or (only[0] if len(only) == 1 else None)
        logged = name_of(file)
        yield _trajectory(name, run, logged or LogName("", task, case), log, result)


def _trajectory(
    name: str, run: RunView, logged: LogName, log: Log, result: CaseResult | None
) -> TrajectoryRow:
    told, usage = log.result, result.usage if result else None
    signals = told.get("signals")
    return TrajectoryRow(
        run=name,
        task_id=logged.task_id,
        case=logged.case,
        seed=run.seed,
        agent=logged.agent or run.agent,
        model=str(told.get("model") or run.model),
        status=str((result.status if result else log.status) or ""),
        outcome=_outcome(run, logged, log, result),
        turns=result.turns if result else _whole(told.get("turns")),
        error=str((result.error if result else told.get("error")) or ""),
        prompt_tokens=usage.prompt_tokens if usage else _whole(told.get("prompt_tokens")),
        completion_tokens=(
            usage.completion_tokens if usage else _whole(told.get("completion_tokens"))
        ),
        cached_tokens=usage.cached_tokens if usage else _whole(told.get("cached_tokens")),
        seconds=result.seconds if result else 0.0,
        signals=tuple(map(str, signals)) if isinstance(signals, list) else (),
        log_file=str(log.path or ""),
        messages=tuple(SaidRow(role=m.role, content=m.text) for m in log.messages),
    )


def _outcome(run: RunView, logged: LogName, log: Log, result: CaseResult | None) -> Outcome:
    """By the verdict, else by the log's name; what the endpoint ended says nothing."""
    if log.not_the_agent or log.result.get("outcome") == UNKNOWN:
        return "unknown"
    verdict = run.verdicts.get(logged.task_id)
    if verdict and not verdict.error:
        cases = run.cases_of.get(logged.task_id, ())
        if result and result in cases:
            one = verdict_on(result, cases.index(result), cases, verdict.test_cases)
            return "pass" if (one.passed if one else verdict.success) else "fail"
        return "pass" if verdict.success else "fail"
    if logged.tag is None:
        return "unknown"
    return "pass" if logged.tag == "SUCCEED" else "fail"


def verdicts(name: str, run: RunView) -> Iterator[VerdictRow]:
    rules = run.evaluation.summary.rules if run.evaluation else ""
    for task in run.verdicts.values():
        for case in task.test_cases:
            yield VerdictRow(
                run=name,
                task_id=task.id,
                case=case.case or case.output_file,
                instruction_type=task.instruction_type,
                passed=case.passed,
                message=case.message,
                task_passed=task.success,
                task_score=task.soft_score,
                rules=str(rules or ""),
            )


def lessons(name: str, run: RunView) -> Iterator[LessonRow]:
    for kind, records in run.records.items():
        for record in records:
            for item in record.items:
                yield LessonRow(
                    run=name,
                    kind=kind,
                    task_id=record.task,
                    **item.model_dump(),
                    **record.model_dump(
                        include={
                            *("instance_id", "seed", "error_class", "gate_mode", "gate_verdict"),
                            *("model", "trajectory"),
                        }
                    ),
                )


def edits(view: EvolutionView) -> Iterator[EditRow]:
    """Every edit that was proposed or merged, and what became of it."""
    if view.provenance is None:
        return
    living, dropped = set(view.edits), {entry.id: entry for entry in view.provenance.dropped}
    ledger = view.provenance.ledger()
    for node in view.provenance.nodes.values():
        gone = dropped.get(node.id)
        runs: Sequence[str] = ledger.runs([node.id])
        yield EditRow(
            skill=view.skill.root.name,
            id=node.id,
            phase=node.phase,
            title=node.title,
            text=node.text,
            in_skill=node.id in living,
            dropped_by=gone.rule if gone else "",
            reason=gone.reason if gone else "",
            parents=tuple(link.parent for link in node.links),
            runs=tuple(runs),
            support=len(runs),
        )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
