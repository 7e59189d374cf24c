"""What the task prompt shows of a workbook: the first filled rows of its active sheet."""

import multiprocessing
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from react_agent.engines.workers import WorkerLost, Workers, WorkLimits
from spreadsheetbench.fast.archive import Unusual
from spreadsheetbench.fast.head_rows import Head, read_head

ROWS = 5
LOOKED_AT = 100
"""Rows, where the first ones are empty."""
MAX_CELL, MAX_ROW, MAX_PREVIEW = 120, 1_500, 6_000
"""Characters. One public task has a first sheet so wide that five rows take 211 KB."""
LIMITS = WorkLimits(seconds=20, memory_mb=1024)
"""For a workbook that only openpyxl can read, which may be a bomb."""


def preview(path: Path, limits: WorkLimits = LIMITS) -> str:
    """The first rows as tuples of values without empty ones at the top, then how many rows more
    and the used range. Never raises: a workbook that cannot be read is the agent's to find out,
    and is said in brackets."""
    try:
        return by_head(path)
    except (Unusual, OSError):
        pass
    if multiprocessing.current_process().daemon:  # in a worker already, with limits of its own
        return by_openpyxl(path)
    try:
        with Workers(1, limits) as workers:
            return workers.run(by_openpyxl, path)
    except WorkerLost as lost:
        return f"[the workbook could not be read: {lost}]"


def by_head(path: Path) -> str:
    """At the price of the rows alone. Raises Unusual for what only openpyxl reads, and OSError."""
    return _preview(partial(read_head, path))


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
    bounds = sheet.min_column, sheet.min_row, sheet.max_column, sheet.max_row

    def head(count: int) -> Head:
        rows = tuple(sheet.iter_rows(max_row=count, values_only=True))
        return Head(rows, bounds if all(bounds) else None)

    return _preview(head)


def _preview(head: Callable[[int], Head]) -> str:
    first = head(ROWS)
    return shown(first if first.rows and _holds(first.rows[0]) else head(LOOKED_AT + ROWS))


def shown(head: Head) -> str:
    """As the prompt has it."""
    empty = next((n for n, row in enumerate(head.rows) if _holds(row)), len(head.rows))
    rows = head.rows[empty : empty + ROWS]
    text = _clip("\n".join(map(_row, rows)), MAX_PREVIEW)
    if empty:
        text = f"[the first {empty} rows are empty]\n{text}".rstrip()
    last = head.bounds[3] if head.bounds else len(head.rows)
    if last > empty + ROWS and rows:
        text += f"\n... ({last - empty - ROWS} more rows)"
    return text + (f"\nused range: {head.used}" if head.used else "")


def _holds(row: tuple[Any, ...]) -> bool:
    return any(value is not None for value in row)


def _row(row: tuple[Any, ...]) -> str:
    filled = len(row)
    while filled and row[filled - 1] is None:
        filled -= 1
    cells = [_clip(repr(value), MAX_CELL) for value in row[:filled]]
    return _clip(f"({', '.join(cells)}{',' if filled == 1 else ''})", MAX_ROW)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} [... {len(text) - limit} characters]"
