"""Read a workbook into what a comparison needs, and nothing of how it was read.

openpyxl with `data_only=True` is the reference for what a cell's value is.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from openpyxl.utils.cell import range_boundaries

from spreadsheetbench.cells import CellValue
from spreadsheetbench.positions import Box

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

EngineName = Literal["openpyxl", "lazy"]

CellPlace = tuple[int, int]
"""(column, row): sorts in the order in which cells are compared."""


@dataclass(frozen=True)
class Sheet:
    """A worksheet, or a chartsheet, which has a name but no cells."""

    name: str
    is_chart: bool = False
    max_column: int = 1
    max_row: int = 1
    """As openpyxl counts: the last cell that the file mentions, even an empty one; at least 1."""
    values: Mapping[CellPlace, CellValue] = field(default_factory=dict)
    """The cells that are not blank."""
    empty_texts: frozenset[CellPlace] = frozenset()
    """Formulas whose cached value is the empty text: blank, yet calculated."""

    def value(self, place: CellPlace) -> CellValue:
        return self.values.get(place)

    def within(self, box: Box) -> dict[CellPlace, CellValue]:
        """The cells of the box that are not blank."""
        return select(self.values, box)


def select(values: Mapping[CellPlace, CellValue], box: Box) -> dict[CellPlace, CellValue]:
    first, last, top, bottom = box.first_column, box.last_column, box.first_row, box.last_row
    if box.area <= len(values):
        places = ((c, r) for c in range(first, last + 1) for r in range(top, bottom + 1))
        return {place: values[place] for place in places if place in values}
    # Not `box.holds`: of a million cells its calls would be most of the time.
    return {
        p: value for p, value in values.items() if first <= p[0] <= last and top <= p[1] <= bottom
    }


@dataclass(frozen=True)
class Book:
    """The sheets in their order, chartsheets among them; no two have the same name."""

    sheets: tuple[Sheet, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sheet.name for sheet in self.sheets)

    def sheet(self, name: str) -> Sheet | None:
        return next((sheet for sheet in self.sheets if sheet.name == name), None)


@dataclass(frozen=True)
class Formula:
    """What a cell holds beside its cached value."""

    text: str
    number_format: str
    spills_from: CellPlace | None = None
    """The cell that holds the array formula, where this cell only shows a part of its result."""


@dataclass(frozen=True)
class Formulas:
    """All formulas of a workbook, by sheet name."""

    sheets: Mapping[str, Mapping[CellPlace, Formula]]
    counts_from_1904: bool


MAX_ARRAY = 100_000
"""Cells of an array formula; of a larger one only the first cell is taken for a formula."""


class Reader(Protocol):
    """A way to read workbooks. All raise whatever openpyxl raises for a file it cannot load."""

    def read(self, path: Path) -> Book: ...

    def formulas(self, path: Path) -> Formulas: ...


class OpenpyxlReader:
    """The reference."""

    def read(self, path: Path) -> Book:
        from openpyxl.worksheet.worksheet import Worksheet

        book = _load(path, data_only=True)
        return Book(
            tuple(
                _sheet(sheet) if isinstance(sheet, Worksheet) else Sheet(name, is_chart=True)
                for name, sheet in ((name, book[name]) for name in book.sheetnames)
            )
        )

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
        from spreadsheetbench import lazy_reader

        return lazy_reader.read(path) or super().read(path)


READERS: dict[EngineName, Reader] = {"openpyxl": OpenpyxlReader(), "lazy": LazyReader()}


def _load(path: Path, *, data_only: bool) -> "Workbook":
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        # openpyxl warns of what it drops; none of that is compared.
        warnings.simplefilter("ignore")
        return load_workbook(path, data_only=data_only)


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
