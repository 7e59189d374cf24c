"""Score outputs: one pair of workbooks, or all tasks of an output directory.

Everything that opens an output may be run in a limited worker: `score_case` and `report_pair` are
plain functions of picklable values for that purpose.
"""

import functools
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits, available_cores
from react_agent.errors import ContractError
from react_agent.files import read_lines
from react_agent.layout import RESULT_LINES
from spreadsheetbench.book.book import Book
from spreadsheetbench.book.rules import RELEASED, RULES, Rules, RulesName
from spreadsheetbench.fast import proof_store
from spreadsheetbench.fast.proof_store import ProofCache
from spreadsheetbench.reading.reader import READERS, EngineName
from spreadsheetbench.scoring import recalculation as engines
from spreadsheetbench.scoring import verdicts
from spreadsheetbench.scoring.compare import Comparison, Seen, compare, parts, shown
from spreadsheetbench.scoring.mismatches import MismatchReport, report_mismatches
from spreadsheetbench.tasks.dataset import (
    Dataset,
    Task,
    input_files,
    output_folder,
    output_name,
    output_name_of_gold,
)

log = logging.getLogger(__name__)

Recalculate = Literal["never", "uncached"]


@dataclass(frozen=True)
class ScoringSettings:
    """What decides the results, and what may be spent on them."""

    rules: RulesName = "released"
    engine: EngineName = "lazy"
    proof_cache: ProofCache = "off"
    recalculate: Recalculate = "never"
    recalc_engine: engines.EngineName = "betteroffice"
    workers: int | None = None
    """Scoring processes; None for one per core."""
    limits: WorkLimits = field(default_factory=WorkLimits)


@dataclass(frozen=True)
class ScoreJob:
    """All that a worker needs to score one test case."""

    gold: Path
    output: Path
    position: str
    answer_sheet: str = ""
    renamed_output: Path | None = None
    """The output of the folder's only input, where gold's name leads to no file."""
    settings: ScoringSettings = field(default_factory=ScoringSettings)
    early_verdict: Path | None = None
    """Where the verdict is left before a calculation engine starts, which may end the worker."""


def evaluate(
    dataset: Dataset,
    tasks: Sequence[Task],
    output_dir: Path,
    settings: ScoringSettings | None = None,
    done: Callable[[], object] | None = None,
) -> verdicts.Evaluation:
    """Score these tasks of one run. Raises ContractError where there is no such directory.

    `done` is called once for every test case.
    """
    settings = settings or ScoringSettings()
    if not output_dir.is_dir():
        raise ContractError(f"{output_dir}: no such output directory; nothing was scored")
    if settings.recalculate != "never":
        engines.ENGINES[settings.recalc_engine].check()
    chosen = [task for task in tasks if task.answer_position]
    jobs: dict[str, list[ScoreJob]] = {}
    errors: dict[str, str] = {}
    for task in chosen:
        try:
            jobs[task.id] = case_jobs(dataset, task, output_dir, settings)
        except ContractError as error:
            errors[task.id] = str(error)
    all_jobs = [job for task_jobs in jobs.values() for job in task_jobs]
    found = iter(_score_all(all_jobs, settings, done))
    results = []
    for task in chosen:
        if task.id in errors:
            result = verdicts.TaskVerdict(
                id=task.id,
                instruction_type=task.instruction_type,
                success=False,
                error=errors[task.id],
            )
        else:
            cases = [next(found) for _ in jobs[task.id]]
            result = verdicts.TaskVerdict.of(task.id, task.instruction_type, cases)
        results.append(result)
    summary = verdicts.summarize(
        results,
        rules=settings.rules,
        engine=settings.engine,
        dropped=[task.id for task in tasks if not task.answer_position],
        infrastructure=_not_the_agents(output_dir, {task.id for task in chosen}),
        recalculation_engine=settings.recalc_engine if settings.recalculate != "never" else None,
    )
    return verdicts.Evaluation(summary=summary, results=tuple(results))


def case_jobs(
    dataset: Dataset, task: Task, output_dir: Path, settings: ScoringSettings | None = None
) -> list[ScoreJob]:
    """One job per gold workbook. Raises ContractError when the task has no folder or no gold."""
    golds = dataset.golds(task)
    location = task.spreadsheet_path or task.id
    folder = output_folder(output_dir, location, task.id) or output_dir / location
    inputs = input_files(dataset.folder(task))
    renamed = folder / output_name(inputs[0].name) if len(inputs) == len(golds) == 1 else None
    jobs = [
        ScoreJob(
            gold=gold,
            output=folder / output_name_of_gold(gold.name),
            position=task.answer_position,
            answer_sheet=task.answer_sheet,
            renamed_output=renamed,
            settings=settings or ScoringSettings(),
        )
        for gold in golds
    ]
    if not inputs and not any(job.output.is_file() for job in jobs):
        raise ContractError(f"task {task.id}: no input workbook in {dataset.folder(task)}")
    return jobs


def score_pair(
    gold: Path,
    output: Path,
    position: str,
    rules: Rules = RELEASED,
    answer_sheet: str = "",
    *,
    engine: EngineName = "lazy",
) -> Comparison:
    """In this very process: for files that can be trusted. Never raises for what a file holds."""
    books = _read_pair(gold, output, functools.cache(functools.partial(_read, engine=engine)))
    if isinstance(books, str):
        return Comparison(False, books)
    return _compared(*books, position, rules, answer_sheet)


def score_pair_limited(
    workers: Workers,
    gold: Path,
    output: Path,
    position: str,
    rules: Rules = RELEASED,
    answer_sheet: str = "",
) -> Comparison:
    """As `score_pair`, in a worker with limits: for an output that an agent wrote."""
    try:
        return workers.run(score_pair, gold, output, position, rules, answer_sheet)
    except WorkerLost as lost:
        return Comparison(False, f"Error loading workbook: {lost}")


def report_pair(
    gold: Path,
    output: Path,
    position: str,
    rules: Rules = RELEASED,
    answer_sheet: str = "",
    *,
    limit: int = 20,
    with_formulas: bool = True,
    engine: EngineName = "lazy",
) -> MismatchReport:
    """All mismatches, `limit` of them shown for each part of the position."""
    reader = READERS[engine]
    books = _read_pair(gold, output, functools.cache(functools.partial(_read, engine=engine)))
    if isinstance(books, str):
        return MismatchReport(position=position, rules=rules.name, passed=False, error=books)
    try:
        formulas = reader.formulas(output) if with_formulas else None
    except Exception as error:  # a file may load for its values and not for its formulas
        log.info("%s: formulas cannot be read: %s", output, error)
        formulas = None
    return report_mismatches(*books, position, rules, answer_sheet, formulas=formulas, limit=limit)


def report_pair_limited(
    workers: Workers,
    gold: Path,
    output: Path,
    position: str,
    rules: Rules = RELEASED,
    answer_sheet: str = "",
    limit: int = 20,
) -> MismatchReport:
    """As `report_pair`, in a worker with limits."""
    try:
        return workers.run(_report, gold, output, position, rules, answer_sheet, limit)
    except WorkerLost as lost:
        reason = f"Error loading workbook: {lost}"
        return MismatchReport(position=position, rules=rules.name, passed=False, error=reason)


def _report(
    gold: Path, output: Path, position: str, rules: Rules, answer_sheet: str, limit: int
) -> MismatchReport:
    return report_pair(gold, output, position, rules, answer_sheet, limit=limit)


def score_case(job: ScoreJob) -> verdicts.CaseVerdict:
    """One test case by all rule sets, each workbook read once."""
    proof_store.use(job.settings.proof_cache)
    read = functools.cache(functools.partial(_read, engine=job.settings.engine))
    found: dict[RulesName, Comparison] = {}
    seen: dict[Path, Seen] = {}
    for name, rules in RULES.items():
        output = _output_of(job, rules)
        pair = _read_pair(job.gold, output, read)
        found[name] = (
            Comparison(False, pair)
            if isinstance(pair, str)
            else _compared(
                *pair, job.position, rules, job.answer_sheet, seen.setdefault(output, {})
            )
        )
    rules = RULES[job.settings.rules]
    output = _output_of(job, rules)
    verdict = verdicts.CaseVerdict(
        gt_file=str(job.gold),
        output_file=str(output),
        passed=found[rules.name].passed,
        message=found[rules.name].message,
        passed_by_rules={name: comparison.passed for name, comparison in found.items()},
    )
    if job.settings.recalculate == "never":
        return verdict
    verdict = verdict.model_copy(update={"passed_recalculated": verdict.passed})
    pair = _read_pair(job.gold, output, read)
    if verdict.passed or isinstance(pair, str):
        return verdict
    if job.early_verdict:
        unfinished = job.early_verdict.with_suffix(".tmp")
        unfinished.write_text(verdict.model_dump_json(), encoding="utf-8")
        unfinished.replace(job.early_verdict)
    return verdict.model_copy(update=_recalculated(job, *pair, output, rules))


def _recalculated(
    job: ScoreJob, gold: Book, output: Book, path: Path, rules: Rules
) -> dict[str, object]:
    """The fields of the second column."""
    name = job.settings.recalc_engine
    try:
        formulas = READERS[job.settings.engine].formulas(path)
        compared = parts(gold, output, job.position, rules, job.answer_sheet)
        wanted = engines.uncached(output, formulas, compared)
        if not wanted:
            return {}
        values = engines.ENGINES[name].compute(
            path, wanted, counts_from_1904=formulas.counts_from_1904
        )
    except MemoryError:
        raise
    except Exception as error:  # engines are young, and what they raise is not documented
        return {"recalculation": f"{name}: {_reason(error)}"}
    again = _compared(gold, engines.overlay(output, values), job.position, rules, job.answer_sheet)
    computed = f"{name}: {len(values)} of {len(wanted)} cells computed"
    note = f"{computed}; {again.message}" if again.message else computed
    return {"passed_recalculated": again.passed, "recalculation": note}


def _score_all(
    jobs: Sequence[ScoreJob], settings: ScoringSettings, done: Callable[[], object] | None
) -> list[verdicts.CaseVerdict]:
    if not jobs:
        return []
    count = min(settings.workers or available_cores(), len(jobs))
    reserves = settings.recalculate != "never" and settings.recalc_engine != "betteroffice"
    with tempfile.TemporaryDirectory() as scratch:
        jobs = [
            replace(job, early_verdict=Path(scratch, f"{number}.json"))
            for number, job in enumerate(jobs)
        ]
        with Workers(count, settings.limits, reserves_memory=reserves) as workers:
            found = workers.map(score_case, jobs, done)
        return [
            lost_verdict(job, result) if isinstance(result, WorkerLost) else result
            for job, result in zip(jobs, found, strict=True)
        ]


def lost_verdict(job: ScoreJob, lost: WorkerLost) -> verdicts.CaseVerdict:
    """What the worker had left behind, if only the recalculation was its end; else a fail."""
    recalculates = job.settings.recalculate != "never"
    if job.early_verdict and job.early_verdict.is_file():
        early = verdicts.CaseVerdict.model_validate_json(job.early_verdict.read_text("utf-8"))
        note = f"{job.settings.recalc_engine}: {lost}"
        return early.model_copy(update={"recalculation": note})
    return verdicts.CaseVerdict(
        gt_file=str(job.gold),
        output_file=str(_output_of(job, RULES[job.settings.rules])),
        passed=False,
        message=f"Error loading workbook: {lost}",
        passed_by_rules=dict.fromkeys(RULES, False),
        passed_recalculated=False if recalculates else None,
    )


def _output_of(job: ScoreJob, rules: Rules) -> Path:
    if rules.only_input_names_output and job.renamed_output and not job.output.is_file():
        return job.renamed_output
    return job.output


def _compared(
    gold: Book,
    output: Book,
    position: str,
    rules: Rules,
    answer_sheet: str,
    seen: Seen | None = None,
) -> Comparison:
    """The rules say that any exception is a fail with its text, whatever its kind."""
    try:
        return compare(gold, output, position, rules, answer_sheet, seen=seen)
    except MemoryError:
        raise
    except Exception as error:
        return Comparison(False, _reason(error))


def _read_pair(
    gold: Path, output: Path, read: Callable[[Path], Book | str]
) -> tuple[Book, Book] | str:
    """Both books, or why there are not two."""
    if not output.is_file():
        return f"Output file not found: {output}"
    for which, path in ("gold", gold), ("output", output):
        if isinstance(read(path), str):
            return f"Error loading workbook: {which}: {read(path)}"
    return cast(tuple[Book, Book], (read(gold), read(output)))


def _read(path: Path, engine: EngineName) -> Book | str:
    """The book, or why it cannot be read: a broken file makes openpyxl raise almost anything."""
    try:
        return READERS[engine].read(path)
    except MemoryError:
        raise
    except Exception as error:
        return _reason(error)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return shown(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _not_the_agents(output_dir: Path, wanted: set[str]) -> list[str]:
    """Tasks with a case that, by the run's own record, ended for other reasons than the agent's.

    A case that was run again has several lines; the last one counts.
    """
    from react_agent.seams import NOT_THE_AGENT

    last: dict[tuple[str, str], str] = {}
    for line in read_lines(output_dir / RESULT_LINES):
        if isinstance(line, dict):
            key = str(line.get("id")), str(line.get("input_file"))
            last[key] = str(line.get("status"))
    found = [task_id for (task_id, _), status in last.items() if status in NOT_THE_AGENT]
    return [task_id for task_id in dict.fromkeys(found) if task_id in wanted]
