"""SpreadsheetBench behind the domain seam: how a case is laid out and how its result is taken."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from react_agent.errors import ContractError
from react_agent.sandbox.untrusted import take_file
from react_agent.seams import Workspace
from spreadsheet_agent.preview import preview
from spreadsheetbench.tasks.dataset import Dataset, SheetCase, output_folder

MAX_OUTPUT_BYTES = 100 * 1024 * 1024
"""The largest workbook of the public data has 1.2 MB."""


class SpreadsheetDomain:
    name = "spreadsheetbench"

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def cases(self, task_ids: Sequence[str]) -> list[SheetCase]:
        return [c for i in task_ids for c in self.dataset.cases(self.dataset.by_id[i])]

    def fingerprint(self, case: SheetCase) -> str:
        return self.dataset.fingerprint(case)

    def prepare(self, case: SheetCase, folder: Path) -> Workspace:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source, target = folder / "input.xlsx", folder / "output.xlsx"
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
        return Workspace(folder, fields, lambda: "" if _is_file(target) else _missing(target))

    def collect(self, case: SheetCase, folder: Path, output_dir: Path) -> Path | None:
        target = self.output_path(case, output_dir)
        return take_file(folder / "output.xlsx", target, MAX_OUTPUT_BYTES)

    def output_path(self, case: SheetCase, output_dir: Path) -> Path:
        """Raises ContractError when the record's path leads out of `output_dir`."""
        return self.output_places(case, output_dir)[0]

    def output_places(self, case: SheetCase, output_dir: Path) -> list[Path]:
        """Where the scorer looks; the second is where runs of the paper's released code put it.

        Raises ContractError when one of them lies outside `output_dir`."""
        names = (case.task.spreadsheet_path or case.task_id, case.task_id)
        return [_inside(output_dir, Path(name, case.output_name), case.task_id) for name in names]

    def left_output(self, case: SheetCase, output_dir: Path) -> Path | None:
        """What a run left of the case, as the scorer would find it."""
        folder = output_folder(output_dir, case.task.spreadsheet_path, case.task_id)
        path = folder / case.output_name if folder else None
        return path if path and _is_file(path) else None


def _inside(output_dir: Path, place: Path, task_id: str) -> Path:
    path = output_dir / place
    if not Path(os.path.normpath(path)).is_relative_to(os.path.normpath(output_dir)):
        raise ContractError(f"task {task_id}: its spreadsheet_path leads out of the data")
    return path


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _missing(path: Path) -> str:
    return f"there is no file at output_path ({path})"
