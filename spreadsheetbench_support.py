"""The scorer's functions by the names of the paper's release, for scripts that import them.

Workbooks are read in the very process that calls: for files that can be trusted. What an agent
wrote is scored by `evaluate_with_official.py`, in processes with limits.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openpyxl.utils.cell import get_column_letter

from react_agent.errors import ContractError
from spreadsheetbench.book.cells import CellValue, canonical, days_since_zero, is_blank, matches
from spreadsheetbench.book.positions import Part, code_point_column, code_point_span
from spreadsheetbench.book.rules import RELEASED
from spreadsheetbench.reading.reader import book_of
from spreadsheetbench.scoring.compare import differences, located
from spreadsheetbench.scoring.score import score_pair
from spreadsheetbench.tasks.dataset import find_index, index_records, output_folder, task_folder

if TYPE_CHECKING:
    from openpyxl import Workbook

Instance = Mapping[str, Any]
"""One record of the index."""


def load_dataset(data_path: str | Path) -> list[dict[str, Any]]:
    """The records as they stand in the index, ids of either type. Raises ContractError."""
    index = find_index(Path(data_path))
    records = index_records(index)
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise ContractError(f"{index}: record {number} is no object with fields")
    return records


def find_spreadsheet_dir(data_path: str | Path, instance: Instance) -> Path | None:
    """Where the workbooks of a task lie, if anywhere; `data_path` is the folder or its index."""
    path = Path(data_path)
    return task_folder(path.parent if path.is_file() else path, *_location_and_id(instance))


def find_output_dir(output_base: str | Path, instance: Instance) -> Path | None:
    """Where a run left the outputs of a task, if anywhere."""
    return output_folder(Path(output_base), *_location_and_id(instance))


def compare_workbooks(
    gt_file: str | Path, output_file: str | Path, answer_position: str
) -> tuple[bool, str]:
    """Does the output pass, and if not, why: the first mismatch, or what cannot be read."""
    verdict = score_pair(Path(gt_file), Path(output_file), answer_position)
    return verdict.passed, verdict.message


def cell_level_compare(
    wb_gt: "Workbook", wb_proc: "Workbook", sheet_name: str, cell_range: str
) -> tuple[bool, str]:
    """The same for one range of two workbooks that openpyxl has loaded with `data_only=True`."""
    try:
        part = Part(cell_range, sheet_name, code_point_span(cell_range, open_ends=True))
    except ValueError as error:
        return False, str(error)
    compared = located(part, book_of(wb_gt), book_of(wb_proc), RELEASED, {})
    if compared.error:
        return False, compared.error
    first = next(differences(compared, RELEASED), None)
    return (False, first.message) if first else (True, "")


def compare_cell_value(v1: CellValue, v2: CellValue) -> bool:
    """Do two values match. Raises OverflowError for a whole number that no float can hold."""
    return matches(v1, v2, RELEASED)


def transform_value(value: CellValue) -> object:
    """The form in which a value is compared: numbers of two decimals, dates as whole days."""
    return value if is_blank(value) else canonical(value, RELEASED)[1]


def datetime_to_float(dt: datetime) -> float:
    """Days since 1899-12-30, as a cell holds them; microseconds are dropped."""
    return days_since_zero(dt)


def parse_cell_range(
    range_str: str,
) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
    """(column, row) of the first and of the last cell; None is an end left open, as in `A:G`.

    Raises ValueError.
    """
    span = code_point_span(range_str, open_ends=True)
    return (span.first_column, span.first_row), (span.last_column, span.last_row)


def generate_cell_names(
    range_str: str, max_row: int | None = None, max_col: int | None = None
) -> list[str]:
    """Column by column, top to bottom. Raises ValueError, also for a last row or column that is
    left open and not given as `max_row` or `max_col`."""
    if ":" not in range_str:
        return [range_str]
    span = code_point_span(range_str, open_ends=True)
    for name, end, limit in ("row", span.last_row, max_row), ("col", span.last_column, max_col):
        if end is None and limit is None:
            raise ValueError(f"{range_str!r} has no last {name}: give max_{name}")
    box = span.close(max_col or 0, max_row or 0)
    columns = range(box.first_column, box.last_column + 1)
    rows = range(box.first_row, box.last_row + 1)
    return [f"{name}{row}" for name in map(col_num2name, columns) for row in rows]


def col_num2name(n: int) -> str:
    """1 is A, 27 AA. Raises ValueError for what no sheet has."""
    return get_column_letter(n)


def col_name2num(name: str) -> int:
    """A is 1, AA 27; no letter is checked or raised, so `a` is 33."""
    return code_point_column(name)


def _location_and_id(instance: Instance) -> tuple[str, str]:
    task_id = str(instance["id"])
    return str(instance.get("spreadsheet_path") or task_id), task_id
