"""What a workbook is without its rows, as openpyxl sees it."""

import datetime
from dataclasses import dataclass

CellPlace = tuple[int, int]
"""(column, row)"""


@dataclass(frozen=True)
class SheetFrame:
    """What the file says of a sheet outside of its rows."""

    name: str
    part: str | None
    """Where its rows are; None for a chartsheet."""
    covered: frozenset[CellPlace] = frozenset()
    """Cells of merged ranges, but the first of each: they have no value."""
    links: tuple[tuple[CellPlace, str | None], ...] = ()
    """A hyperlink is the value of a cell that has none."""
    max_column: int = 0
    max_row: int = 0
    """Of the cells that merged ranges, hyperlinks and comments create."""


@dataclass(frozen=True)
class Frame:
    """What openpyxl reads of a workbook outside of its rows and plain strings."""

    sheets: tuple[SheetFrame, ...]
    epoch: datetime.datetime
    styles: int
    date_styles: frozenset[int]
    duration_styles: frozenset[int]
    strings_part: str | None
    strings: tuple[str, ...]
    """Of that part: all, or the odd ones where the others were taken out."""
