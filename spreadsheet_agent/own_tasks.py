"""A user's own tasks whose truth is a workbook and its cells, scored as the benchmark's are.

A file of tasks is of one kind: workbooks, or texts and checks (react_agent/domains/own_tasks.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from react_agent.domains.own_tasks import OwnTask, OwnTasks, file_of, read_tasks
from react_agent.domains.text_answer import named
from react_agent.errors import ContractError
from react_agent.seams import Domain, Reading
from spreadsheet_agent.domain import SpreadsheetDomain
from spreadsheetbench.book.positions import parse
from spreadsheetbench.book.rules import RELEASED, SHEET_AWARE
from spreadsheetbench.tasks.dataset import Dataset, SheetCase, Task


def open_domain(data_path: Path, reading: Reading | None = None) -> Domain[Any]:
    records = read_tasks(data_path)
    if any(record.truth.file for record in records):
        return OwnWorkbooks(OwnBooks(data_path, records), reading)
    return OwnTasks(data_path, reading)


class OwnWorkbooks(SpreadsheetDomain):
    name = "tasks"
    halves = None


class OwnBooks(Dataset):
    """The records of a file of tasks; each has one workbook, and one to compare with."""

    def __init__(self, path: Path, records: Sequence[OwnTask]) -> None:
        """Raises ContractError that names task and field."""
        tasks = named(path, [_task(record) for record in records])
        super().__init__(path, tasks, path.parent)
        self._cases = {record.id: self._case(record) for record in records}

    def _case(self, record: OwnTask) -> SheetCase:
        where = f"{self.path}: task {record.id}: "
        if not record.truth.file:
            raise ContractError(
                f"{where}truth: the tasks of one file are all workbooks, or none is"
            )
        books = [file_of(self.path, record, name) for name in record.files]
        if len(books) != 1 or books[0].suffix != ".xlsx":
            raise ContractError(f"{where}files: one workbook (.xlsx), which the agent is given")
        gold = file_of(self.path, record, record.truth.file)
        if gold.suffix != ".xlsx" or gold.samefile(books[0]):
            raise ContractError(f"{where}truth.file: another workbook (.xlsx) than the agent's")
        for rules in (RELEASED, SHEET_AWARE):
            for part in parse(record.truth.cells, rules, ["Sheet1"]):
                if part.error:
                    raise ContractError(f"{where}truth.cells: {part.error}")
        return SheetCase(self.by_id[record.id], books[0], gold)

    def folder(self, task: Task) -> Path:
        return self._cases[task.id].input_path.parent

    def cases(self, task: Task) -> list[SheetCase]:
        return [self._cases[task.id]]

    def golds(self, task: Task) -> list[Path]:
        gold = self._cases[task.id].gold
        return [gold] if gold else []

    def scored(self, task: Task) -> list[SheetCase]:
        return self.cases(task)


def _task(record: OwnTask) -> Task:
    return Task(
        id=record.id,
        instruction=record.instruction,
        instruction_type=record.instruction_type,
        answer_position=record.truth.cells,
    )
