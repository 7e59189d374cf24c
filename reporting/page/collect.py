"""From run views to what the page shows: rows of tasks, and the details of every trajectory."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits, available_cores
from react_agent.errors import ContractError
from react_agent.layout import seed_of
from react_agent.models.spending.prices import Prices
from react_agent.registry import DOMAINS, find
from react_agent.runs.folder import CaseResult
from react_agent.runs.logs import name_of
from react_agent.runs.verdicts import CaseVerdict
from react_agent.seams import Domain
from reporting.page.overview import outcome_of
from reporting.page.views import Seen, View, facts_of, view_of
from reporting.runs.runview import Problem, RunView
from reporting.runs.steps import opening, steps_of

LIMITS = WorkLimits(seconds=60)
AT_ONCE = 64
"""Cases whose results are held in memory at a time."""


@dataclass(frozen=True)
class Shown(Seen):
    """One case of one run, which has a page of its own."""

    run: int
    case: CaseResult | None
    verdict: CaseVerdict | None


@dataclass
class Collection:
    """All trajectories of all runs, by the keys that the page knows them by."""

    runs: Sequence[RunView]
    data_path: Path | None = None
    shown: dict[str, Shown] = field(default_factory=dict)
    keys: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    """Of the cases of one task in one run."""
    problems: list[Problem] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    """System prompts, each once: a run's cases share theirs."""
    _domains: dict[tuple[str, Path], Domain[Any] | None] = field(default_factory=dict)

    def gather(self) -> None:
        for number, run in enumerate(self.runs):
            for task in run.task_ids:
                for case in _cases(run, number, task):
                    key = f"r{number}-{len(self.shown)}"
                    self.shown[key] = case
                    self.keys.setdefault((number, task), []).append(key)

    def domain(self, run: RunView) -> Domain[Any] | None:
        """Over the data set given, else the one the run names; None when it cannot be read."""
        path = self.data_path or run.data_path
        if path is None:
            return None
        place = run.domain, path
        if place not in self._domains:
            try:
                self._domains[place] = find(DOMAINS, "domain", run.domain)(path)
            except ContractError as error:
                self._domains[place] = None
                self.complain(str(path), str(error))
        return self._domains[place]

    def complain(self, file: str, reason: str) -> None:
        self.problems.append(Problem(file, reason))

    def details(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each trajectory with its result; a file that cannot be read costs only what it holds."""
        by_domain: dict[str, dict[tuple[str, str], list[str]]] = {}
        for key, shown in self.shown.items():
            groups = by_domain.setdefault(self.runs[shown.run].domain, {})
            groups.setdefault((shown.task, shown.input_file), []).append(key)
        for domain, groups in by_domain.items():
            view = view_of(domain)
            # The largest come first, so that none of them keeps the others waiting at the end.
            places = sorted(groups.values(), key=self._size, reverse=True)
            yield from self._viewed(view, places) if view else self._in_words(places)

    def _viewed(
        self, view: View, places: Sequence[list[str]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        with Workers(min(len(places), available_cores()), LIMITS) as workers:
            for start in range(0, len(places), AT_ONCE):
                some = places[start : start + AT_ONCE]
                jobs = [view.job(self._domain_of(k), self._seen(k), self.complain) for k in some]
                found = workers.map(view.show, jobs)
                for keys, values in zip(some, found, strict=True):
                    for number, key in enumerate(keys):
                        if isinstance(values, WorkerLost):
                            value = {"lost": str(values)}
                        else:
                            value = values[number]
                        yield key, {**self._detail(self.shown[key]), view.part: value}

    def _in_words(self, places: Sequence[list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
        for keys in places:
            domain = self._domain_of(keys)
            with domain or contextlib.nullcontext():
                facts = facts_of(domain, self._seen(keys))
            for key, texts in zip(keys, facts or [[] for _ in keys], strict=True):
                yield key, {**self._detail(self.shown[key]), "facts": texts}

    def _domain_of(self, keys: Sequence[str]) -> Domain[Any] | None:
        """Of the first run whose data set is there."""
        found = (self.domain(self.runs[self.shown[key].run]) for key in keys)
        return next((domain for domain in found if domain), None)

    def _seen(self, keys: Sequence[str]) -> list[Seen]:
        return [self.shown[key] for key in keys]

    def _size(self, keys: Sequence[str]) -> int:
        outputs = (self.shown[key].output for key in keys)
        return sum(path.stat().st_size for path in outputs if path and path.is_file())

    def _detail(self, shown: Shown) -> dict[str, Any]:
        run = self.runs[shown.run]
        log, problem = shown.read_log()
        prompt, asked = opening(log) if log else ("", "")
        case = shown.case
        return {
            "run": shown.run,
            "task": shown.task,
            "input_file": shown.input_file,
            "status": case.status if case else "",
            "error": (case.error if case else None) or problem,
            "verdict": shown.verdict.message if shown.verdict else "",
            "prompt": self._prompt(prompt),
            "asked": asked,
            "steps": steps_of(log) if log else [],
            "sources": {
                "log": str(shown.log_file or ""),
                "output": str(shown.output or ""),
                "expected": _gold(shown.verdict),
            },
            "lessons": list(_lessons(run, shown)),
        }

    def _prompt(self, text: str) -> int | None:
        if not text:
            return None
        if text not in self.prompts:
            self.prompts.append(text)
        return self.prompts.index(text)


def _cases(run: RunView, number: int, task: str) -> Iterator[Shown]:
    """The task's cases; one without a result line is known by its log or verdict alone."""
    verdict = run.verdicts.get(task)
    judged = verdict.test_cases if verdict else ()
    cases = run.cases_of.get(task, ())
    for place, case in enumerate(cases):
        yield _shown(run, number, task, case, verdict_on(case, place, cases, judged))
    if not cases and any(known == task for known, _ in run.logs):
        yield _shown(run, number, task, None, next(iter(judged), None))


def _shown(
    run: RunView, number: int, task: str, case: CaseResult | None, verdict: CaseVerdict | None
) -> Shown:
    input_file = case.input_file if case else ""
    return Shown(
        task=task,
        input_file=input_file,
        output=run.output_file(case) if case else None,
        work=run.work_folder(case) if case else None,
        truth=Path(_gold(verdict)) if verdict else None,
        rules=run.evaluation.summary.rules if run.evaluation else "",
        log_file=run.log_file(task, input_file),
        run=number,
        case=case,
        verdict=verdict,
    )


def _gold(verdict: CaseVerdict | None) -> str:
    return (verdict.gold_path or verdict.gt_file) if verdict else ""


def verdict_on(
    case: CaseResult, place: int, cases: Sequence[CaseResult], judged: Sequence[CaseVerdict]
) -> CaseVerdict | None:
    """The verdict on it: by its name or its output's; on no output, the one that is left or stands
    in its place."""
    named = Path(case.output_file or "").name
    for one in judged:
        known = one.case == Path(case.input_file).stem if one.case else False
        if known or (named and Path(one.output_file).name == named):
            return one
    if named:
        return None
    taken = {Path(other.output_file).name for other in cases if other.output_file}
    left = [one for one in judged if Path(one.output_file).name not in taken]
    if len(left) == 1:
        return left[0]
    return judged[place] if len(judged) == len(cases) else None


def _lessons(run: RunView, shown: Shown) -> Iterator[dict[str, Any]]:
    """What analysts made of this trajectory: outcome, gate, and the items of the report."""
    for analysis in run.analyses:
        recorded = Path(analysis.case.trajectory)
        if shown.log_file is None or _identity(recorded) != _identity(shown.log_file):
            continue
        records = run.records.get(analysis.kind, ())
        record = next((r for r in records if r.instance_id == analysis.case.instance_id), None)
        yield {
            "kind": analysis.kind,
            "outcome": analysis.case.outcome,
            "reason": analysis.case.reason,
            "error_class": analysis.case.error_class,
            "gate": f"{analysis.case.gate_mode} {analysis.case.gate_verdict}".strip(),
            "source": str(analysis.file),
            "items": [item.model_dump(mode="json") for item in record.items] if record else [],
        }


def _identity(path: Path) -> tuple[object, ...]:
    """What stays of a log in its run folder, whatever its tag and wherever that was moved."""
    name = name_of(path)
    known = (name.agent, name.task_id, name.case) if name else (path.name,)
    depth = 4 if seed_of(path.parent) else 3
    return (*known, *path.absolute().parts[-depth:-1])


def trajectory_keys(collection: Collection, logs: Mapping[str, str]) -> dict[str, str]:
    """From the names that an evolution gave its runs to the keys of the page."""
    pages = {_identity(s.log_file): key for key, s in collection.shown.items() if s.log_file}
    found = {name: pages.get(_identity(Path(log))) for name, log in logs.items() if log}
    return {name: key for name, key in found.items() if key}


def task_rows(collection: Collection, prices: Prices) -> list[dict[str, Any]]:
    """One row a task over all runs."""
    tasks = dict.fromkeys(task for run in collection.runs for task in run.task_ids)
    return [
        {
            "id": task,
            "type": next(
                (v.instruction_type for r in collection.runs if (v := r.verdicts.get(task))), ""
            ),
            "instruction": _instruction(collection, task),
            "results": [
                _result(collection, number, run, task, prices)
                for number, run in enumerate(collection.runs)
            ],
        }
        for task in tasks
    ]


def _instruction(collection: Collection, task: str) -> str:
    for run in collection.runs:
        if text := run.instructions.get(task):
            return text
        domain = collection.domain(run)
        known = (one.instruction for one in domain.tasks if one.id == task) if domain else ()
        if text := next(iter(known), ""):
            return text
    return ""


def _result(
    collection: Collection, number: int, run: RunView, task: str, prices: Prices
) -> dict[str, Any]:
    cases, verdict = run.cases_of.get(task, ()), run.verdicts.get(task)
    price = prices.find(run.model)
    messages = [c.message for c in verdict.test_cases if not c.passed] if verdict else []
    return {
        "outcome": outcome_of(run, task),
        "status": ", ".join(sorted({case.status for case in cases})),
        "turns": sum(case.turns for case in cases),
        "tokens": sum(c.usage.tokens for c in cases),
        "seconds": round(sum(case.seconds for case in cases), 3),
        "cost": sum(price.of(case.usage) for case in cases) if price else None,
        "message": (messages or [verdict.error or "" if verdict else ""])[0],
        "details": collection.keys.get((number, task), []),
    }
