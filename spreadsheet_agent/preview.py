"""What the task prompt shows of a workbook: the first rows of its active sheet."""

import warnings
from pathlib import Path
from typing import Any

ROWS = 5
MAX_CELL, MAX_ROW, MAX_PREVIEW = 120, 1_500, 6_000
"""Characters. One public task has a first sheet so wide that five rows take 211 KB."""


def preview(path: Path) -> str:
    """The first rows as tuples of values, then how many rows more. Never raises: a workbook that
    cannot be read is the agent's to find out, and is said in brackets."""
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # a broken input is data: openpyxl raises whatever its parts raise
        return f"[the workbook could not be read: {_clip(str(error), 200)}]"
    try:
        return _first_rows(book)
    except Exception as error:  # as above, for parts that are read late
        return f"[the active sheet could not be read: {_clip(str(error), 200)}]"
    finally:
        book.close()


def _first_rows(book: Any) -> str:
    sheet = book.active
    if sheet is None or not hasattr(sheet, "iter_rows"):
        return "[the active sheet holds no cells]"
    lines = [_row(row) for row in sheet.iter_rows(max_row=ROWS, values_only=True)]
    rows = sheet.max_row or len(lines)
    text = _clip("\n".join(lines), MAX_PREVIEW)
    if rows > ROWS:
        text += f"\n... ({rows - ROWS} more rows)"
    return f"Sheet {sheet.title!r} (active; all sheets: {_names(book)})\n{text}"


def _names(book: Any) -> str:
    return _clip(", ".join(repr(name) for name in book.sheetnames), 1_000)


def _row(row: tuple[Any, ...]) -> str:
    filled = len(row)
    while filled and row[filled - 1] is None:
        filled -= 1
    cells = [_clip(repr(value), MAX_CELL) for value in row[:filled]]
    return _clip(f"({', '.join(cells)}{',' if filled == 1 else ''})", MAX_ROW)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} [... {len(text) - limit} characters]"
