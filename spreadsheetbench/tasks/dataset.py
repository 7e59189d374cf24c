"""The data set on disk: its records, its workbooks, and the one place for file naming rules.

A data set is a directory or an index file (.json, .jsonl). Workbooks of a task lie in the first of
`<data>/spreadsheet/<spreadsheet_path>`, `<data>/<spreadsheet_path>`, `<data>/spreadsheet/<id>`,
`<data>/<id>` that exists.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from pydantic import BaseModel, ConfigDict

from react_agent.choosing import Which, choose
from react_agent.configfile import fitted
from react_agent.errors import ContractError
from react_agent.filenames import file_name
from react_agent.files import digest
from react_agent.runs.verdicts import OptionalText, Text

INDEX_NAMES = ("dataset.json", "data.json", "data.jsonl", "sample_data.jsonl")
LONGEST_ID = 1_000
CELL_LEVEL, SHEET_LEVEL = "Cell-Level Manipulation", "Sheet-Level Manipulation"


class Task(BaseModel):
    """One record of the index."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Text
    instruction: str
    spreadsheet_path: OptionalText = ""
    instruction_type: OptionalText = ""
    answer_position: OptionalText = ""
    answer_sheet: OptionalText = ""
    data_position: OptionalText = ""
    exclude: Any = None


@dataclass(frozen=True)
class SheetCase:
    """One input workbook of a task."""

    task: Task
    input_path: Path
    gold: Path | None = None
    """Of a case to be scored: the workbook that its output is compared with."""

    @property
    def task_id(self) -> str:
        return self.task.id

    @property
    def name(self) -> str:
        return self.input_path.stem

    @property
    def input_name(self) -> str:
        return self.input_path.name

    @property
    def output_name(self) -> str:
        if self.gold:
            return output_name_of_gold(self.gold.name)
        return output_name(self.input_path.name)


def output_name(input_name: str) -> str:
    """`X_input.xlsx` and `X_init.xlsx` give `X_output.xlsx`, any other `Y.xlsx` `Y_output.xlsx`."""
    stem = input_name.removesuffix(".xlsx")
    return re.sub(r"_(input|init)$", "", stem) + "_output.xlsx"


def output_name_of_gold(gold_name: str) -> str:
    """The output that a gold workbook is compared with, derived from the gold's name alone."""
    if gold_name == "golden.xlsx":
        return "initial_output.xlsx"
    return re.sub(r"_(answer|golden)$", "", gold_name.removesuffix(".xlsx")) + "_output.xlsx"


def _input_name(output: str) -> str:
    return output.removesuffix("_output.xlsx") + "_input.xlsx"


def input_files(folder: Path) -> list[Path]:
    """`*_input.xlsx`, else `*_init.xlsx`, else initial/input.xlsx, else any that is no result."""
    books = _workbooks(folder)
    for group in (
        [p for p in books if p.name.endswith("_input.xlsx")],
        [p for p in books if p.name.endswith("_init.xlsx")],
        [p for p in books if p.name in ("initial.xlsx", "input.xlsx")],
    ):
        if group:
            return group
    return [p for p in books if not re.search(r"answer|output|golden", p.name)]


def gold_files(folder: Path) -> list[Path]:
    """`*_answer.xlsx`, else `*_golden.xlsx`, else `golden.xlsx`."""
    books = _workbooks(folder)
    for group in (
        [p for p in books if p.name.endswith("_answer.xlsx")],
        [p for p in books if p.name.endswith("_golden.xlsx")],
        [p for p in books if p.name == "golden.xlsx"],
    ):
        if group:
            return group
    return []


def _workbooks(folder: Path) -> list[Path]:
    """Files only: a pipe of such a name would be waited for, a device be read without end."""
    found = (p for p in folder.glob("*.xlsx") if not p.name.startswith((".", "~$")))
    return sorted(p for p in found if p.is_file())


def _refuse_links(task: Task, books: Sequence[Path]) -> None:
    """What a link leads to would be copied to where an agent reads it."""
    for path in books:
        if path.is_symlink():
            raise ContractError(f"task {task.id}: {path} is a link; put the workbook itself there")


class Dataset:
    """The records of one index and where their workbooks lie."""

    def __init__(self, path: Path, tasks: Sequence[Task], root: Path) -> None:
        self.path, self.tasks, self.root = path, tuple(tasks), root
        self.by_id = {task.id: task for task in self.tasks}

    @classmethod
    def load(cls, path: Path) -> "Dataset":
        """Raises ContractError naming the file, the record and the field that do not fit."""
        index = find_index(path)
        tasks: list[Task] = []
        seen: dict[str, int] = {}
        for number, record in enumerate(index_records(index), start=1):
            task = fitted(Task, record, f"{index}: record {number}, field ", "record")
            if not 0 < len(task.id) <= LONGEST_ID:
                raise ContractError(
                    f"{index}: record {number}: an id has 1 to {LONGEST_ID} characters"
                )
            if task.id in seen:
                raise ContractError(
                    f"{index}: record {number} has the id {task.id!r} of record {seen[task.id]}"
                )
            seen[task.id] = number
            tasks.append(task)
        if not tasks:
            raise ContractError(f"{index}: holds no record")
        return cls(index, tasks, index.parent)

    def folder(self, task: Task) -> Path:
        """Raises ContractError when no folder of the task exists."""
        location = task.spreadsheet_path or task.id
        found = task_folder(self.root, location, task.id)
        if found is None:
            raise ContractError(f"task {task.id}: no folder {location} below {self.root}")
        return found

    def cases(self, task: Task) -> list[SheetCase]:
        """Raises ContractError when the task has no folder or no input workbook."""
        folder = self.folder(task)
        found = [SheetCase(task, path) for path in input_files(folder)]
        if not found:
            raise ContractError(f"task {task.id}: no input workbook in {folder}")
        _refuse_links(task, [case.input_path for case in found])
        return found

    def golds(self, task: Task) -> list[Path]:
        """Raises ContractError when the task has no folder or no gold workbook."""
        folder = self.folder(task)
        found = gold_files(folder)
        if not found:
            raise ContractError(f"task {task.id}: no gold workbook in {folder}")
        _refuse_links(task, found)
        return found

    def scored(self, task: Task) -> list[SheetCase]:
        """One case for each gold workbook; its input need not exist.

        Raises ContractError when the task has no folder or no gold workbook.
        """
        golds, folder = self.golds(task), self.folder(task)
        inputs = input_files(folder)
        if len(inputs) == len(golds) == 1:
            return [SheetCase(task, inputs[0], golds[0])]
        by_output = {output_name(path.name): path for path in inputs}
        return [
            SheetCase(task, by_output.get(name) or folder / _input_name(name), gold)
            for gold in golds
            for name in [output_name_of_gold(gold.name)]
        ]

    def gold(self, case: SheetCase) -> Path:
        """The gold workbook of a case: by name, else the only one that there is.

        Raises ContractError when there is none.
        """
        if case.gold:
            return case.gold
        golds = self.golds(case.task)
        for gold in golds:
            if output_name_of_gold(gold.name) == case.output_name:
                return gold
        if len(golds) == 1:
            return golds[0]
        raise ContractError(
            f"task {case.task_id}: no gold workbook belongs to {case.input_path.name}"
        )

    def fingerprint(self, case: SheetCase) -> str:
        record = case.task.model_dump_json(exclude={"exclude"})
        return digest(record, case.name, case.input_path.read_bytes())

    def select(self, **which: Unpack[Which]) -> list[Task]:
        """As `choose`."""
        return choose(self.tasks, self.path, **which)


def task_folder(root: Path, location: str, task_id: str) -> Path | None:
    """Where the workbooks of a task lie; a link that leads out of the data set leads nowhere, nor
    does a path to the whole of it."""
    homes = (root / "spreadsheet", root)
    books, whole = (home.resolve() for home in homes)
    for name in (location, task_id):
        for candidate in (home / name for home in homes):
            if os.path.isdir(candidate):  # noqa: PTH112 - a text that is no path raises nothing
                real = candidate.resolve()
                if real != books and whole in real.parents:
                    return candidate
    return None


def output_folder(output_dir: Path, location: str, task_id: str) -> Path | None:
    """Where a run left the outputs of a task: below its path, else below its id."""
    return next(
        (
            folder
            for name in (location, file_name(task_id))
            if os.path.isdir(folder := output_dir / name)  # noqa: PTH112
        ),
        None,
    )


def find_index(path: Path) -> Path:
    """The file with the records. Raises ContractError where there is none, or no telling which."""
    if path.is_file():
        if path.suffix in (".json", ".jsonl"):
            return path
        raise ContractError(f"{path}: a data set is a directory or a .json/.jsonl file")
    if not path.is_dir():
        raise ContractError(
            f"{path}: no such data set; `trace2skill data fetch` brings SpreadsheetBench Verified"
        )
    for name in INDEX_NAMES:
        if (path / name).is_file():
            return path / name
    others = sorted([*path.glob("*.json"), *path.glob("*.jsonl")])
    if len(others) == 1:
        return others[0]
    found = f"{len(others)} json files and none of these names" if others else "no json file"
    raise ContractError(f"{path}: {found}; expected one of {', '.join(INDEX_NAMES)}")


def index_records(index: Path) -> list[Any]:
    """As they stand in the file. Raises ContractError where it holds no list of values."""
    try:
        text = index.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{index}: cannot be read: {error}") from error
    if index.suffix == ".jsonl":
        records = []
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    records.append(json.loads(line))
                except (ValueError, RecursionError) as error:
                    raise ContractError(f"{index}: line {number} is not JSON: {error}") from error
        return records
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"{index}: is not JSON: {error}") from error
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if not isinstance(value, list):
        raise ContractError(f"{index}: expected a list of records, found {type(value).__name__}")
    return value
