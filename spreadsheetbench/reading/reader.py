"""Read a workbook into what a comparison needs, and nothing of how it was read.

openpyxl with `data_only=True` is the reference for what a cell's value is.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from openpyxl.utils.cell import range_boundaries

from spreadsheetbench.book.book import MAX_ARRAY, Book, CellPlace, Formula, Formulas, Sheet
from spreadsheetbench.book.cells import CellValue
from spreadsheetbench.book.positions import Box

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

EngineName = Literal["openpyxl", "lazy"]


class Reader(Protocol):
    """A way to read workbooks. All raise whatever openpyxl raises for a file it cannot load."""

    def read(self, path: Path) -> Book: ...

    def formulas(self, path: Path) -> Formulas: ...


class OpenpyxlReader:
    """The reference."""

    def read(self, path: Path) -> Book:
        return book_of(_load(path, data_only=True))

    def formulas(self, path: Path) -> Formulas:
        from openpyxl.utils.datetime import CALENDAR_MAC_1904

        book = _load(path, data_only=False)
        return Formulas(
            {sheet.title: _sheet_formulas(sheet) for sheet in book.worksheets},
            counts_from_1904=book.epoch == CALENDAR_MAC_1904,
        )


class LazyReader(OpenpyxlReader):
    """Reads the same values from the rows that are compared, and leaves odd files to openpyxl."""

    def read(self, path: Path) -> Book:
        from spreadsheetbench.fast import lazy_reader

        return lazy_reader.read(path) or super().read(path)


READERS: dict[EngineName, Reader] = {"openpyxl": OpenpyxlReader(), "lazy": LazyReader()}


def _load(path: Path, *, data_only: bool) -> "Workbook":
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        # openpyxl warns of what it drops; none of that is compared.
        warnings.simplefilter("ignore")
        return load_workbook(path, data_only=data_only)


def book_of(workbook: "Workbook") -> Book:
    """The values of a workbook that openpyxl has loaded."""
    from openpyxl.worksheet.worksheet import Worksheet

    return Book(
        tuple(
            _sheet(sheet) if isinstance(sheet, Worksheet) else Sheet(name, is_chart=True)
            for name, sheet in ((name, workbook[name]) for name in workbook.sheetnames)
        )
    )


def _sheet(sheet: "Worksheet") -> Sheet:
    # Not iter_rows: that creates every cell of the used range, which may be billions.
    values: dict[CellPlace, CellValue] = {}
    empty_texts = []
    for (row, column), cell in sheet._cells.items():
        value = cell.value
        if value is None:
            if cell.data_type == "str":
                empty_texts.append((column, row))
        elif value != "":
            values[column, row] = value  # type: ignore[assignment]
    return Sheet(
        sheet.title,
        max_column=sheet.max_column,
        max_row=sheet.max_row,
        values=values,
        empty_texts=frozenset(empty_texts),
    )


def _sheet_formulas(sheet: "Worksheet") -> dict[CellPlace, Formula]:
    found: dict[CellPlace, Formula] = {}
    arrays: list[tuple[CellPlace, Formula, str]] = []
    for (row, column), cell in sheet._cells.items():
        if cell.data_type != "f":
            continue
        # An array formula is an object with a text and the range that it fills.
        text = str(getattr(cell.value, "text", cell.value))
        formula = Formula(text, cell.number_format)
        found[column, row] = formula
        if (filled := getattr(cell.value, "ref", None)) is not None:
            arrays.append(((column, row), formula, str(filled)))
    for anchor, formula, filled in arrays:
        for place in _places_of_array(filled):
            if place not in found:
                shown = sheet._cells.get((place[1], place[0]))
                number_format = shown.number_format if shown is not None else "General"
                found[place] = Formula(formula.text, number_format, spills_from=anchor)
    return found


def _places_of_array(filled: str) -> list[CellPlace]:
    first_column, first_row, last_column, last_row = range_boundaries(filled)
    if None in (first_column, first_row, last_column, last_row):
        return []
    box = Box(first_column, first_row, last_column, last_row)  # type: ignore[arg-type]
    if box.area > MAX_ARRAY:
        return []
    return [
        (column, row)
        for column in range(box.first_column, box.last_column + 1)
        for row in range(box.first_row, box.last_row + 1)
    ]
