"""Both data sets behind the domain seam: each question is a spreadsheet task.

The agents, prompts and skills of the spreadsheet benchmark apply unchanged.
"""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, Self

from react_agent.domains.text_answer import named, pass_or_fail
from react_agent.engines.workers import WorkerLost, Workers, WorkLimits
from react_agent.files import digest
from react_agent.proof import Movement, Origin
from react_agent.sandbox.untrusted import MAX_TAKEN, missing, take_file
from react_agent.seams import (
    Check,
    Domain,
    Facts,
    FailingPlace,
    Reading,
    Score,
    Workspace,
)
from react_agent.threads import in_thread
from spreadsheet_agent.domain import FILES, SpreadsheetDomain
from spreadsheet_agent.preview import preview
from spreadsheetbench.evidence.judge import Judge
from spreadsheetbench.tasks.dataset import CELL_LEVEL
from tableqa import hitab, wikitablequestions, workbook
from tableqa.table import ANSWER, Question, Table, Verdict

ERROR_CLASSES = {
    "no_output": "the agent finished without saving a workbook where it should",
    "damaged_workbook": "the saved workbook cannot be opened",
    "no_answer": "the cells for the answer are empty",
    "uncalculated_formula": "the cells for the answer hold formulas without a calculated value",
    "wrong_form": "the answer is right but for its form: rounding, unit, order, separator",
    "wrong_values": "the answer is another",
}


class DataSet(Protocol):
    """A module of this package that reads one of the data sets and holds its rules."""

    @property
    def questions(self) -> Callable[[Path], list[Question]]: ...
    @property
    def find_index(self) -> Callable[[Path], tuple[Path, Path]]: ...
    @property
    def table(self) -> Callable[[Path, str], Table]: ...
    @property
    def verdict(self) -> Callable[[Question, Sequence[str]], Verdict]: ...


@dataclass(frozen=True)
class TableCase:
    task: Question
    table: Table
    name: str = "1"
    input_name: str = FILES.given

    @property
    def task_id(self) -> str:
        return self.task.id


class TableDomain(Domain[TableCase]):
    prompts = SpreadsheetDomain.prompts
    edition = SpreadsheetDomain.edition
    skills = SpreadsheetDomain.skills
    packages = SpreadsheetDomain.packages
    files = FILES
    error_classes: Mapping[str, str] = ERROR_CLASSES
    no_output = "no output workbook"
    scorer: Mapping[str, str] = {"rules": "strict", "engine": "lazy"}
    variants: Mapping[str, bool] = {"values": True, "texts": True, "rows": False}

    def __init__(
        self, name: str, data_set: DataSet, path: Path, reading: Reading | None = None
    ) -> None:
        self.name, self.data_set, self.reading = name, data_set, reading or Reading()
        self.source, self.root = data_set.find_index(path)
        tasks = named(self.source, data_set.questions(self.source))
        self.tasks, self.by_id = tasks, {task.id: task for task in tasks}
        self._workers: Workers | None = None

    def cases(self, task_id: str) -> list[TableCase]:
        task = self.by_id[task_id]
        return [TableCase(task, self.data_set.table(self.root, task.table))]

    def fingerprint(self, case: TableCase) -> str:
        return digest(case.task.instruction, repr(case.table))

    def prepare(self, case: TableCase, folder: Path) -> Workspace:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source, target = folder / FILES.given, folder / FILES.output
        workbook.write(case.table, source)
        fields = {
            "working_directory": str(folder),
            "instruction": _with_title(case),
            "spreadsheet_path": str(source),
            "spreadsheet_content": preview(source),
            "instruction_type": CELL_LEVEL,
            "answer_position": workbook.POSITION,
            "output_path": str(target),
        }
        return Workspace(folder, fields, partial(missing, target))

    def output_path(self, case: TableCase, output_dir: Path) -> Path:
        return output_dir / case.task_id / FILES.output

    def collect(self, case: TableCase, folder: Path, output_dir: Path) -> Path | None:
        return take_file(folder / FILES.output, self.output_path(case, output_dir), MAX_TAKEN)

    def asks(self, case: TableCase) -> Mapping[str, str]:
        return {"answer position": workbook.POSITION}

    def telltales(self, task_id: str) -> Mapping[str, str]:
        answers = self.by_id[task_id].answer
        return {" ".join(text.casefold().split()): "an answer" for text in answers}

    def lay_out(self, case: TableCase, folder: Path) -> None:
        workbook.write(case.table, folder / FILES.given)
        workbook.write(case.table, folder / FILES.truth, case.task.answer)

    def truth_digest(self, case: TableCase) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            truth = Path(scratch, FILES.truth)
            workbook.write(case.table, truth, case.task.answer)
            return digest(truth.read_bytes())

    def __enter__(self) -> Self:
        limits = WorkLimits(self.reading.seconds, self.reading.memory_mb)
        self._workers = Workers(self.reading.processes, limits).__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        workers, self._workers = self._workers, None
        if workers:
            workers.__exit__(*ended)

    async def score(self, case: TableCase, output: Path) -> Score:
        found = await self._read(case, output)
        columns = {"strict": found.verdict.strict, "relaxed": found.verdict.relaxed}
        return Score(
            found.verdict.strict,
            float(found.verdict.strict),
            found.why,
            str(self.source),
            str(output),
            {"passed_by_rules": columns},
        )

    async def check(self, case: TableCase, repair: Path) -> Check:
        return self._check(case, await self._read(case, repair))

    async def facts(self, case: TableCase, output: Path | None) -> Facts:
        answers = case.task.answer
        by = {"position": workbook.POSITION, "rules": self.name}
        if output is None:
            return Facts(None, "no_output", answers, by=by)
        found = await self._read(case, output)
        return Facts(self._check(case, found), found.error_class, answers, by=by)

    async def origin(self, case: TableCase, repair: Path, output: Path | None) -> Origin:
        with tempfile.TemporaryDirectory() as scratch:
            self.lay_out(case, Path(scratch))
            others = (Path(scratch, FILES.given), *([output] if output else []))
            return await self._judge.origin(repair, Path(scratch, FILES.truth), others)

    async def vary(self, case: TableCase, folder: Path, kind: str, seed: int, named: str) -> int:
        with tempfile.TemporaryDirectory() as scratch:
            given = Path(scratch, FILES.given)
            workbook.write(case.table, given)
            return await self._judge.draw_variant(given, folder / FILES.given, kind, seed, named)

    async def movement(self, case: TableCase, before: Path, after: Path) -> Movement:
        old = (await self._read(case, before)).answer.items
        new = (await self._read(case, after)).answer.items
        moved = sum(a != b for a, b in itertools.zip_longest(old, new))
        fresh = any(item not in {*old, *case.task.answer} for item in new)
        return Movement(bool(new) or not old, moved, fresh)

    async def input_words(self, case: TableCase) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            workbook.write(case.table, Path(scratch, FILES.given))
            return await self._judge.input_words(Path(scratch, FILES.given))

    @property
    def _pool(self) -> Workers:
        assert self._workers, "workbooks are read inside `with domain:`"
        return self._workers

    @property
    def _judge(self) -> Judge:
        return Judge(self._pool)

    async def _read(self, case: TableCase, output: Path) -> "_Found":
        problem, answer = "", workbook.Answer()
        if not output.is_file():
            return _Found(answer, Verdict(False, False), f"Output file not found: {output}")
        try:
            answer = await in_thread(self._pool.run, workbook.answer, output)
        except WorkerLost as lost:
            problem = f"Error loading workbook: {lost}"
        except Exception as error:  # openpyxl raises whatever its parts raise on a broken file
            problem = f"Error loading workbook: {error!r}"[:500]
        return _Found(answer, self.data_set.verdict(case.task, answer.items), problem)

    def _check(self, case: TableCase, found: "_Found") -> Check:
        wanted = case.task.answer
        passed = found.verdict.strict
        report = [
            f"Result: {pass_or_fail(passed)} {found.why}".rstrip(),
            f"found:    {' | '.join(found.answer.items)[:2_000] or 'nothing'}",
            f"expected: {' | '.join(wanted)[:2_000]}",
            f"strict: {pass_or_fail(passed)}, relaxed: {pass_or_fail(found.verdict.relaxed)}",
        ]
        place = FailingPlace(ANSWER, workbook.POSITION.partition("!")[2], found.why)
        return Check(
            passed,
            "\n".join(report),
            found.why,
            () if passed else (place,),
            int(not passed),
            readable=not found.problem,
            by={"position": workbook.POSITION, "rules": self.name},
        )


@dataclass(frozen=True)
class _Found:
    """What an output holds, and what that is worth."""

    answer: workbook.Answer
    verdict: Verdict
    problem: str = ""
    """Why the file could not be read."""

    @property
    def why(self) -> str:
        if self.problem or self.verdict.strict:
            return self.problem
        if self.answer.uncalculated and not self.answer.items:
            return "the cells for the answer hold formulas without a calculated value"
        return self.verdict.why

    @property
    def error_class(self) -> str:
        if self.verdict.strict:
            return ""
        if self.problem:
            return "damaged_workbook"
        if not self.answer.items:
            return "uncalculated_formula" if self.answer.uncalculated else "no_answer"
        return "wrong_form" if self.verdict.relaxed else "wrong_values"


def open_wikitablequestions(data_path: Path, reading: Reading | None = None) -> TableDomain:
    return TableDomain("wikitablequestions", wikitablequestions, data_path, reading)


def open_hitab(data_path: Path, reading: Reading | None = None) -> TableDomain:
    return TableDomain("hitab", hitab, data_path, reading)


def _with_title(case: TableCase) -> str:
    """HiTab's questions lean on the table's title."""
    title = f"\n\nThe table's title: {case.table.title}" if case.table.title else ""
    return case.task.instruction + title
