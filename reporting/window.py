"""Read of a workbook only what a view shows: the compared sheets, down to the last row that counts.

Loading a whole workbook, once for values and once for formulas, is most of what a report costs.
What is read here equals what `OpenpyxlReader` reads, inside the rows asked for.
"""

import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spreadsheetbench.cells import CellValue
from spreadsheetbench.positions import Box, Part, find_sheet
from spreadsheetbench.reader import MAX_ARRAY, Book, Formula, Formulas, Place, Sheet

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.cell_range import CellRange

_MERGE = re.compile(rb'mergeCell\s[^>]*?ref="([^"]+)"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")

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

    Raises what openpyxl raises.
    """
    with zipfile.ZipFile(path) as archive, closing(_open(path)) as book:
        rows = rows_for(book.sheetnames)
        asked = {find_sheet(name, book.sheetnames): last for name, last in rows.items()}
        values = Book(tuple(_sheet(archive, book, name, asked) for name in book.sheetnames))
        # The same open workbook, now told to give formulas: opening is the dear part.
        book._data_only = False  # type: ignore[attr-defined]
        formulas = {n: _formulas(archive, book, n, asked) for n in book.sheetnames if n in asked}
        return values, Formulas(formulas, counts_from_1904=False)


def _open(path: Path) -> "Workbook":
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_workbook(path, read_only=True, data_only=True)


def _text(archive: zipfile.ZipFile, sheet: Any) -> bytes:
    """The sheet's part of the file; only a read-only workbook knows which one it is."""
    return archive.read(sheet._worksheet_path)


def _cells(book: "Workbook", name: str, last_row: int | None) -> Iterable[Any]:
    sheet: Any = book[name]
    sheet.reset_dimensions()  # what the file claims of its size need not be true
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in sheet.iter_rows(max_row=last_row):
            yield from (cell for cell in row if getattr(cell, "row", None))


def _sheet(
    archive: zipfile.ZipFile,
    book: "Workbook",
    name: str,
    asked: Mapping[str | None, int | None],
) -> Sheet:
    if not hasattr(book[name], "iter_rows"):
        return Sheet(name, is_chart=True)
    if name not in asked:
        return Sheet(name)
    values: dict[Place, CellValue] = {}
    empty_texts: list[Place] = []
    columns, rows = 1, 1
    for cell in _cells(book, name, asked[name]):
        place = cell.column, cell.row
        columns, rows = max(columns, cell.column), max(rows, cell.row)
        if cell.value is None:
            if cell.data_type == "str":
                empty_texts.append(place)
        elif cell.value != "":
            values[place] = cell.value
    for merged in _merged(archive, book[name]):
        columns, rows = max(columns, merged.max_col), max(rows, merged.max_row)
        _forget_covered(values, merged)
    return Sheet(name, False, columns, rows, values, frozenset(empty_texts))


def _merged(archive: zipfile.ZipFile, sheet: Any) -> "Iterator[CellRange]":
    """Read-only workbooks pass over merges; what lies under one does not exist for a reader."""
    from openpyxl.worksheet.cell_range import CellRange

    for found in _MERGE.finditer(_text(archive, sheet)):
        yield CellRange(found[1].decode())


def _forget_covered(values: dict[Place, CellValue], merged: "CellRange") -> None:
    first = merged.min_col, merged.min_row
    size = (merged.max_col - first[0] + 1) * (merged.max_row - first[1] + 1)
    if size <= len(values):
        covered = [(column, row) for row, column in merged.cells]
    else:
        box = Box(*merged.bounds)
        covered = [place for place in values if box.holds(place)]
    for place in covered:
        if place != first:
            values.pop(place, None)


def _formulas(
    archive: zipfile.ZipFile,
    book: "Workbook",
    name: str,
    asked: Mapping[str | None, int | None],
) -> dict[Place, Formula]:
    from openpyxl.worksheet.cell_range import CellRange

    found: dict[Place, Formula] = {}
    if not hasattr(book[name], "iter_rows") or not _FORMULA.search(_text(archive, book[name])):
        return found
    arrays = []
    for cell in _cells(book, name, asked[name]):
        if cell.data_type == "f":
            place = cell.column, cell.row
            found[place] = Formula(str(getattr(cell.value, "text", cell.value)), "")
            if (filled := getattr(cell.value, "ref", None)) is not None:
                arrays.append((place, CellRange(filled)))
    for anchor, filled in arrays:
        if (filled.max_col - anchor[0] + 1) * (filled.max_row - anchor[1] + 1) <= MAX_ARRAY:
            spilled = Formula(found[anchor].text, "", spills_from=anchor)
            for row, column in filled.cells:
                found.setdefault((column, row), spilled)
    return found
