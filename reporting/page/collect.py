"""From run views to what the page shows: rows of tasks, and the details of every trajectory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits, available_cores
from react_agent.errors import ContractError
from react_agent.layout import seed_of
from react_agent.models.spending.prices import Prices
from react_agent.runs.folder import CaseResult
from react_agent.runs.logs import Log, name_of, read_log
from react_agent.runs.verdicts import CaseVerdict
from reporting.cells.cellgrid import GridJob, grids_of
from reporting.page.overview import outcome_of
from reporting.runs.runview import Problem, RunView
from reporting.runs.steps import asked_for, opening, steps_of
from spreadsheetbench.book.rules import RULES, RulesName
from spreadsheetbench.tasks.dataset import Dataset, output_name, output_name_of_gold

LIMITS = WorkLimits(seconds=60)
AT_ONCE = 64
"""Cases whose cells are held in memory at a time."""


@dataclass(frozen=True)
class Shown:
    """One case of one run, which has a page of its own."""

    run: int
    task: str
    input_file: str
    case: CaseResult | None
    verdict: CaseVerdict | None
    log_file: Path | None

    @property
    def place(self) -> tuple[str, str]:
        return self.task, self.input_file

    def read_log(self) -> tuple[Log | None, str]:
        """The log, or why there is none; read anew each time, as logs of large runs fill memory."""
        try:
            return (read_log(self.log_file), "") if self.log_file else (None, "")
        except ContractError as error:
            return None, str(error)


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
    _datasets: dict[Path, Dataset | None] = field(default_factory=dict)

    def gather(self) -> None:
        for number, run in enumerate(self.runs):
            for task in run.task_ids:
                for case in _cases(run, number, task):
                    key = f"r{number}-{len(self.shown)}"
                    self.shown[key] = case
                    self.keys.setdefault((number, task), []).append(key)

    def dataset(self, run: RunView) -> Dataset | None:
        """The data set given, else the one the run names; None when it cannot be read."""
        path = self.data_path or run.data_path
        if path is None:
            return None
        if path not in self._datasets:
            try:
                self._datasets[path] = Dataset.load(path)
            except ContractError as error:
                self._datasets[path] = None
                self.problems.append(Problem(str(path), str(error)))
        return self._datasets[path]

    def details(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each trajectory with its cells; a workbook that cannot be read costs only its cells."""
        groups: dict[tuple[str, str], list[str]] = {}
        for key, shown in self.shown.items():
            groups.setdefault(shown.place, []).append(key)
        if not groups:
            return
        # The largest come first, so that none of them keeps the others waiting at the end.
        places = sorted(groups.values(), key=self._size, reverse=True)
        with Workers(min(len(places), available_cores()), LIMITS) as workers:
            for start in range(0, len(places), AT_ONCE):
                some = places[start : start + AT_ONCE]
                found = workers.map(grids_of, [self._job(keys) for keys in some])
                for keys, grids in zip(some, found, strict=True):
                    yield from self._with_grids(keys, grids)

    def _size(self, keys: Sequence[str]) -> int:
        outputs = (self._output(self.shown[key]) for key in keys)
        return sum(path.stat().st_size for path in outputs if path and path.is_file())

    def _with_grids(
        self, keys: Sequence[str], grids: "list[dict[str, Any]] | WorkerLost"
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for number, key in enumerate(keys):
            grid = {"lost": str(grids)} if isinstance(grids, WorkerLost) else grids[number]
            yield key, self._detail(self.shown[key], grid)

    def _job(self, keys: Sequence[str]) -> GridJob:
        """The same case in all its runs: input and gold are read once."""
        first = self.shown[keys[0]]
        outputs = tuple(self._output(self.shown[key]) for key in keys)
        evaluation = self.runs[first.run].evaluation
        named = evaluation.summary.rules if evaluation else ""
        rules: RulesName = next((name for name in RULES if name == named), "released")
        job = GridJob(None, None, outputs, "", rules=rules)
        for key in keys:
            job = self._located(job, self.shown[key])
        if not job.position:
            logs = (self.shown[key].read_log()[0] for key in keys)
            asked = next((asked_for(log) for log in logs if log), {})
            job = changed(job, position=asked.get("answer_position", ""))
        return job

    def _located(self, job: GridJob, shown: Shown) -> GridJob:
        """Fill in what this run knows of the case and no earlier one did."""
        run = self.runs[shown.run]
        dataset = self.dataset(run)
        task = dataset.by_id.get(shown.task) if dataset else None
        given, gold = job.input, job.gold
        if dataset and task:
            job = changed(job, position=task.answer_position, answer_sheet=task.answer_sheet)
            try:
                cases = {case.input_path.name: case.input_path for case in dataset.cases(task)}
                golds = {output_name_of_gold(path.name): path for path in dataset.golds(task)}
                given = given or cases.get(shown.input_file)
                gold = gold or golds.get(output_name(shown.input_file))
            except ContractError as error:
                self.problems.append(Problem(str(dataset.path), str(error)))
        if given is None and shown.case:
            given = _existing(run.work_folder(shown.case) / "input.xlsx")
        if gold is None and shown.verdict:
            gold = _existing(Path(shown.verdict.gt_file))
        return changed(job, input=given, gold=gold)

    def _output(self, shown: Shown) -> Path | None:
        return self.runs[shown.run].output_file(shown.case) if shown.case else None

    def _detail(self, shown: Shown, grid: Mapping[str, Any]) -> dict[str, Any]:
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
            "grid": grid,
            "sources": self._sources(shown),
            "lessons": list(_lessons(run, shown)),
        }

    def _prompt(self, text: str) -> int | None:
        if not text:
            return None
        if text not in self.prompts:
            self.prompts.append(text)
        return self.prompts.index(text)

    def _sources(self, shown: Shown) -> dict[str, str]:
        output = self._output(shown)
        gold = shown.verdict.gt_file if shown.verdict else ""
        return {"log": str(shown.log_file or ""), "output": str(output or ""), "expected": gold}


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _cases(run: RunView, number: int, task: str) -> Iterator[Shown]:
    """The task's cases; one without a result line is known by its log or verdict alone."""
    verdict = run.verdicts.get(task)
    by_output = {Path(c.output_file).name: c for c in verdict.test_cases} if verdict else {}
    cases = run.cases_of.get(task, ())
    for case in cases:
        judged = by_output.get(output_name(case.input_file))
        log = run.log_file(task, case.input_file)
        yield Shown(number, task, case.input_file, case, judged, log)
    if not cases and any(known == task for known, _ in run.logs):
        judged = next(iter(by_output.values()), None)
        yield Shown(number, task, "", None, judged, run.log_file(task))


def _lessons(run: RunView, shown: Shown) -> Iterator[dict[str, Any]]:
    """What analysts made of this trajectory: outcome, gate, and the items of the report."""
    for analysis in run.analyses:
        if not same_log(Path(analysis.case.trajectory), shown.log_file):
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


def same_log(recorded: Path, file: Path | None) -> bool:
    """The same run's log in the same run folder, whatever its tag and wherever that was moved."""
    if file is None:
        return False
    return _identity(recorded) == _identity(file)


def _identity(path: Path) -> tuple[object, ...]:
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
        dataset = collection.dataset(run)
        if dataset and task in dataset.by_id:
            return dataset.by_id[task].instruction
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
        "tokens": sum(c.usage.prompt_tokens + c.usage.completion_tokens for c in cases),
        "seconds": round(sum(case.seconds for case in cases), 3),
        "cost": sum(price.of(case.usage) for case in cases) if price else None,
        "message": (messages or [verdict.error or "" if verdict else ""])[0],
        "details": collection.keys.get((number, task), []),
    }
