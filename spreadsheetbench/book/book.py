"""What of a workbook is compared, however it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spreadsheetbench.book.cells import CellValue
from spreadsheetbench.book.positions import Box

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
