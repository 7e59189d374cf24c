"""Score one output beside its gold workbook.

Everything that opens an output may be run in a limited worker: `score_case` is a plain function of
picklable values for that purpose.
"""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from react_agent.engines.workers import WorkerLost
from react_agent.runs.verdicts import CaseVerdict
from spreadsheetbench.book.book import Book
from spreadsheetbench.book.rules import RELEASED, RULES, Rules, RulesName
from spreadsheetbench.fast import proof_store
from spreadsheetbench.reading.reader import READERS, EngineName
from spreadsheetbench.scoring import recalculation as engines
from spreadsheetbench.scoring.compare import Comparison, Seen, compare, parts, shown
from spreadsheetbench.scoring.settings import BookScoring

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoreJob:
    """All that a worker needs to score one test case."""

    gold: Path
    output: Path
    position: str
    answer_sheet: str = ""
    renamed_output: Path | None = None
    """The output of the folder's only input, where gold's name leads to no file."""
    settings: BookScoring = field(default_factory=BookScoring)
    early_verdict: Path | None = None
    """Where the verdict is left before a calculation engine starts, which may end the worker."""


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


def score_case(job: ScoreJob) -> CaseVerdict:
    """One test case by all rule sets, each workbook read once."""
    proof_store.use(job.settings.proof_cache)
    read = functools.cache(functools.partial(_read, engine=job.settings.engine))
    found: dict[RulesName, Comparison] = {}
    seen: Seen = {}  # of one output: where gold's name leads to a file, no other is looked at
    for name, rules in RULES.items():
        output = _output_of(job, rules)
        pair = _read_pair(job.gold, output, read)
        found[name] = (
            Comparison(False, pair)
            if isinstance(pair, str)
            else _compared(*pair, job.position, rules, job.answer_sheet, seen)
        )
    rules = RULES[job.settings.rules]
    output = _output_of(job, rules)
    verdict = CaseVerdict(
        **_files(job.gold, output),
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


def lost_verdict(job: ScoreJob, lost: WorkerLost) -> CaseVerdict:
    """What the worker had left behind, if only the recalculation was its end; else a fail."""
    recalculates = job.settings.recalculate != "never"
    if job.early_verdict and job.early_verdict.is_file():
        early = CaseVerdict.model_validate_json(job.early_verdict.read_text("utf-8"))
        note = f"{job.settings.recalc_engine}: {lost}"
        return early.model_copy(update={"recalculation": note})
    return CaseVerdict(
        **_files(job.gold, _output_of(job, RULES[job.settings.rules])),
        passed=False,
        message=f"Error loading workbook: {lost}",
        passed_by_rules=dict.fromkeys(RULES, False),
        passed_recalculated=False if recalculates else None,
        error_class="damaged_workbook",
    )


def _files(gold: Path, output: Path) -> dict[str, Any]:
    return {
        "gt_file": gold.name,
        "output_file": output.name,
        "gold_path": str(gold),
        "output_path": str(output),
    }


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
