"""SpreadsheetBench behind the domain seam: how a case is laid out and what its result is worth."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits
from react_agent.errors import ContractError
from react_agent.filenames import file_name, is_own
from react_agent.files import digest
from react_agent.proof import Movement, Origin
from react_agent.sandbox.untrusted import MAX_TAKEN, missing, take_file
from react_agent.seams import (
    Check,
    Domain,
    Facts,
    FileNames,
    Reading,
    Score,
    Workspace,
)
from react_agent.threads import in_thread
from spreadsheet_agent import SKILLS
from spreadsheet_agent.preview import preview
from spreadsheetbench.evidence.facts import Question
from spreadsheetbench.evidence.judge import Judge
from spreadsheetbench.evidence.telltales import telltales
from spreadsheetbench.scoring.recalculation import ENGINES
from spreadsheetbench.scoring.score import ScoreJob, lost_verdict, score_case
from spreadsheetbench.scoring.settings import BookScoring
from spreadsheetbench.tasks.dataset import (
    Dataset,
    SheetCase,
    input_files,
    output_folder,
    output_name,
    output_name_of_gold,
)
from spreadsheetbench.tasks.splits import PUBLISHED

EDITION = "paper-2"
"""Of all that the agents are told, prompts and preview: what the paper's agent is told, and no
advice. What we know better belongs into a skill, where it is measured. Any change is an edition."""
FILES = FileNames("input.xlsx", "output.xlsx", "gold.xlsx", "output_fixed.xlsx")
PACKAGES = ("openpyxl", "pandas")
"""What the agent's Python offers, as in the paper."""
ERROR_CLASSES = {
    "no_output": "the agent finished without saving a workbook where it should",
    "damaged_workbook": "the saved workbook cannot be opened",
    "uncalculated_formula": "cells that count hold formulas without a calculated value",
    "wrong_place": "the right values stand somewhere else, or their sheet is missing",
    "wrong_values": "cells that count hold other values than they should",
}


def open_domain(data_path: Path, reading: Reading | None = None) -> "SpreadsheetDomain":
    return SpreadsheetDomain(Dataset.load(data_path), reading)


class SpreadsheetDomain(Domain[SheetCase]):
    name = "spreadsheetbench"
    prompts = Path(__file__).parent / "prompts"
    edition = EDITION
    skills = SKILLS
    halves: tuple[slice, slice] | None = PUBLISHED
    packages = PACKAGES
    files = FILES
    no_output = "no output workbook"
    error_classes = ERROR_CLASSES
    variants: Mapping[str, bool] = {"values": True, "texts": True, "rows": False, "spare": False}

    def __init__(
        self, dataset: Dataset, reading: Reading | None = None, workers: Workers | None = None
    ) -> None:
        """`workers`: of somebody else, in place of those that `with` starts."""
        self.dataset, self.reading = dataset, reading or Reading()
        self.source, self.root, self.tasks = dataset.path, dataset.root, dataset.tasks
        self.scoring: BookScoring = self.reading.scoring or BookScoring()
        self.scorer = {"rules": self.scoring.rules, "engine": self.scoring.engine}
        if self.scoring.recalculate != "never":
            self.scorer["recalculation_engine"] = self.scoring.recalc_engine
        self._workers = workers

    def cases(self, task_id: str) -> list[SheetCase]:
        return self.dataset.cases(self.dataset.by_id[task_id])

    def fingerprint(self, case: SheetCase) -> str:
        return self.dataset.fingerprint(case)

    def prepare(self, case: SheetCase, folder: Path) -> Workspace:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source, target = folder / FILES.given, folder / FILES.output
        shutil.copyfile(case.input_path, source)
        fields = {
            "working_directory": str(folder),
            "instruction": case.task.instruction,
            "spreadsheet_path": str(source),
            "spreadsheet_content": preview(source),
            "instruction_type": case.task.instruction_type,
            "answer_position": case.task.answer_position,
            "output_path": str(target),
        }
        return Workspace(folder, fields, partial(missing, target))

    def collect(self, case: SheetCase, folder: Path, output_dir: Path) -> Path | None:
        target = self.output_path(case, output_dir)
        return take_file(folder / FILES.output, target, MAX_TAKEN)

    def output_path(self, case: SheetCase, output_dir: Path) -> Path:
        """Raises ContractError when the record's path leads out of `output_dir`, or to where the
        run has files of its own."""
        location = _location(case)
        folder = output_folder(output_dir, location, case.task_id) or output_dir / location
        return folder / case.output_name

    def output_places(self, case: SheetCase, output_dir: Path) -> list[Path]:
        """The second is where runs of the paper's released code put it."""
        locations = (_location(case), file_name(case.task_id))
        return [output_dir / location / case.output_name for location in locations]

    def asks(self, case: SheetCase) -> Mapping[str, str]:
        return {"answer position": case.task.answer_position}

    def telltales(self, task_id: str) -> Mapping[str, str]:
        return telltales(self.dataset, self.dataset.by_id[task_id])

    def lay_out(self, case: SheetCase, folder: Path) -> None:
        shutil.copyfile(case.input_path, folder / FILES.given)
        shutil.copyfile(self._gold(case), folder / FILES.truth)

    def truth_digest(self, case: SheetCase) -> str:
        return digest(self._gold(case).read_bytes())

    def __enter__(self) -> Self:
        reading, scoring = self.reading, self.scoring
        if scoring.recalculate != "never":
            ENGINES[scoring.recalc_engine].check()
        limits = WorkLimits(reading.seconds, reading.memory_mb)
        workers = Workers(reading.processes, limits, reserves_memory=scoring.reserves_memory)
        self._workers = workers.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        workers, self._workers = self._workers, None
        if workers:
            workers.__exit__(*ended)

    def scored(self, task_id: str) -> list[SheetCase]:
        task = self.dataset.by_id[task_id]
        return self.dataset.scored(task) if task.answer_position else []

    async def score(self, case: SheetCase, output: Path) -> Score:
        """Raises ContractError for a task of which neither an input nor an output is there."""
        self._check_given(case, output)
        with tempfile.TemporaryDirectory() as scratch:
            job = ScoreJob(
                gold=self._gold(case),
                output=output,
                position=case.task.answer_position,
                answer_sheet=case.task.answer_sheet,
                renamed_output=output.with_name(output_name(case.input_name)),
                settings=self.scoring,
                early_verdict=Path(scratch, "early.json"),
            )
            try:
                verdict = await in_thread(self._pool.run, score_case, job)
            except WorkerLost as lost:
                verdict = lost_verdict(job, lost)
        said = {"gt_file", "output_file", "gold_path", "output_path", "passed", "message"}
        return Score(
            verdict.passed,
            float(verdict.passed),
            verdict.message,
            verdict.gold_path,
            verdict.output_path,
            verdict.model_dump(exclude=said),
        )

    async def facts(self, case: SheetCase, output: Path | None) -> Facts:
        gold = self._gold(case)
        return await self._judge.facts(gold, case.input_path, output, _question(case))

    async def check(self, case: SheetCase, repair: Path) -> Check:
        return await self._judge.check(self._gold(case), repair, _question(case))

    async def origin(self, case: SheetCase, repair: Path, output: Path | None) -> Origin:
        if digest(repair.read_bytes()) == self.truth_digest(case):
            return Origin(of_truth=1, differing=1, examples=("every byte",))
        others = (case.input_path, output) if output else (case.input_path,)
        return await self._judge.origin(repair, self._gold(case), others)

    async def vary(self, case: SheetCase, folder: Path, kind: str, seed: int, named: str) -> int:
        target = folder / FILES.given
        return await self._judge.draw_variant(case.input_path, target, kind, seed, named)

    async def movement(self, case: SheetCase, before: Path, after: Path) -> Movement:
        gold, question = self._gold(case), _question(case)
        return await self._judge.movement(gold, case.input_path, before, after, question)

    async def input_words(self, case: SheetCase) -> str:
        return await self._judge.input_words(case.input_path)

    def _check_given(self, case: SheetCase, output: Path) -> None:
        folder = self.dataset.folder(case.task)
        if not input_files(folder) and not any(
            output.with_name(output_name_of_gold(gold.name)).is_file()
            for gold in self.dataset.golds(case.task)
        ):
            raise ContractError(f"task {case.task_id}: no input workbook in {folder}")

    @property
    def _pool(self) -> Workers:
        assert self._workers, "workbooks are read inside `with domain:`"
        return self._workers

    @property
    def _judge(self) -> Judge:
        return Judge(self._pool)

    def _gold(self, case: SheetCase) -> Path:
        return self.dataset.gold(case)


def _question(case: SheetCase) -> Question:
    return Question(case.task.answer_position, case.task.answer_sheet)


def _location(case: SheetCase) -> str:
    """Of the outputs of a case, below the run's folder. Raises ContractError."""
    location = case.task.spreadsheet_path or file_name(case.task_id)
    first = Path(os.path.normpath(location)).parts[:1]
    if not first or first[0] in ("..", os.sep):
        raise ContractError(f"task {case.task_id}: its spreadsheet_path leads out of the data")
    if is_own(first[0]):
        raise ContractError(
            f"task {case.task_id}: its spreadsheet_path begins with {first[0]}, "
            "which is a name of the run's own"
        )
    return location
