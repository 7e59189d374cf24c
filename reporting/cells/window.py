"""Read of a workbook only what a view shows: the compared sheets, down to the last row that counts.

What is read here equals what the scorer reads, inside the rows asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from spreadsheetbench.book.book import Book, Formulas, Sheet
from spreadsheetbench.book.positions import Part, find_sheet
from spreadsheetbench.fast import lazy_reader
from spreadsheetbench.fast.archive import Unusual
from spreadsheetbench.reading.reader import OpenpyxlReader

Rows = Mapping[str, int | None]
"""By sheet: the last row that is read, None for all rows."""


def rows_of(parts: Iterable[Part]) -> dict[str, int | None]:
    """What these parts of a position need, with one row of margin."""
    rows: dict[str, int | None] = {}
    for part in parts:
        if part.span is None:
            continue
        ends = part.span.first_row, part.span.last_row
        last = None if part.span.open else max(end or 1 for end in ends) + 1
        before = rows.get(part.sheet, 1)
        rows[part.sheet] = None if last is None or before is None else max(before, last)
    return rows


def read_window(path: Path, rows_for: Callable[[Sequence[str]], Rows]) -> tuple[Book, Formulas]:
    """`rows_for` is asked with the names of the sheets; one not asked for keeps its name only.

    Raises what openpyxl raises, which reads a workbook that is written in an odd way, as a whole.
    """
    try:
        found = _lazily(path, rows_for)
    except Unusual:
        found = None
    reference = OpenpyxlReader()
    return found or (reference.read(path), reference.formulas(path))


def _lazily(path: Path, rows_for: Callable[[Sequence[str]], Rows]) -> tuple[Book, Formulas] | None:
    """None for what is left to openpyxl."""
    book = lazy_reader.read(path)
    if book is None:
        return None
    rows = rows_for(book.names)
    asked = {find_sheet(name, book.names): last for name, last in rows.items()}
    sheets, formulas = [], {}
    for sheet in book.sheets:
        if sheet.name in asked and isinstance(sheet, lazy_reader.LazySheet):
            sheets.append(sheet.upto(asked[sheet.name]))
            formulas[sheet.name] = sheet.formulas(asked[sheet.name])
        else:
            sheets.append(Sheet(sheet.name, is_chart=sheet.is_chart))
    return Book(tuple(sheets)), Formulas(formulas, counts_from_1904=False)
