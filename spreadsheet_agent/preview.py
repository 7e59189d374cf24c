"""What the task prompt shows of a workbook: the first rows of its active sheet."""

import multiprocessing
import warnings
from pathlib import Path
from typing import Any

from spreadsheetbench.archive import Unusual
from spreadsheetbench.head_rows import Head, read_head
from spreadsheetbench.workers import WorkerLost, Workers, WorkLimits

ROWS = 5
MAX_CELL, MAX_ROW, MAX_PREVIEW = 120, 1_500, 6_000
"""Characters. One public task has a first sheet so wide that five rows take 211 KB."""
LIMITS = WorkLimits(seconds=20, memory_mb=1024)
"""For a workbook that only openpyxl can read, which may be a bomb."""


def preview(path: Path, limits: WorkLimits = LIMITS) -> str:
    """The first rows as tuples of values, then how many rows more. Never raises: a workbook that
    cannot be read is the agent's to find out, and is said in brackets."""
    try:
        return shown(read_head(path, ROWS))
    except (Unusual, OSError):
        pass
    if multiprocessing.current_process().daemon:  # in a worker already, with limits of its own
        return by_openpyxl(path)
    try:
        with Workers(1, limits) as workers:
            return workers.run(by_openpyxl, path)
    except WorkerLost as lost:
        return f"[the workbook could not be read: {lost}]"


def by_openpyxl(path: Path) -> str:
    """The same at a higher price, and of any workbook."""
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a broken input is data: openpyxl raises whatever its parts raise
        return f"[the workbook could not be read: {_clip(str(error), 200)}]"
    try:
        return _first_rows(book)
    except MemoryError:
        raise
    except Exception as error:  # as above, for parts that are read late
        return f"[the active sheet could not be read: {_clip(str(error), 200)}]"
    finally:
        book.close()


def _first_rows(book: Any) -> str:
    sheet = book.active
    if sheet is None or not hasattr(sheet, "iter_rows"):
        return "[the active sheet holds no cells]"
    rows = tuple(sheet.iter_rows(max_row=ROWS, values_only=True))
    return shown(Head(rows, sheet.max_row))


def shown(head: Head) -> str:
    """As the prompt has it."""
    lines = [_row(row) for row in head.rows]
    rows = head.max_row or len(lines)
    text = _clip("\n".join(lines), MAX_PREVIEW)
    if rows > ROWS:
        text += f"\n... ({rows - ROWS} more rows)"
    return text


def _row(row: tuple[Any, ...]) -> str:
    filled = len(row)
    while filled and row[filled - 1] is None:
        filled -= 1
    cells = [_clip(repr(value), MAX_CELL) for value in row[:filled]]
    return _clip(f"({', '.join(cells)}{',' if filled == 1 else ''})", MAX_ROW)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} [... {len(text) - limit} characters]"
