"""What the mini tasks are made of: small sheets in memory, written by XlsxWriter.

XlsxWriter stores a value beside each formula, and with a fixed creation date it writes the same
bytes every time.
"""

import copy
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

Scalar = str | int | float | bool | datetime | None
CELL_LEVEL, SHEET_LEVEL = "Cell-Level Manipulation", "Sheet-Level Manipulation"
CREATED = datetime(2024, 1, 1)
EPOCH = datetime(1899, 12, 30)
STYLES: dict[str, dict[str, Any]] = {
    "": {},
    "title": {"bold": True, "font_size": 14, "align": "center"},
    "header": {"bold": True, "bottom": 1, "bg_color": "#DDE6F0"},
    "note": {"italic": True, "font_color": "#666666"},
    "date": {"num_format": "dd/mm/yyyy"},
    "money": {"num_format": "#,##0.00"},
    "percent": {"num_format": "0.0%"},
    "text": {"num_format": "@"},
    "total": {"bold": True, "top": 1, "num_format": "#,##0.00"},
}


@dataclass(frozen=True)
class Formula:
    """A formula and the value stored beside it."""

    text: str
    value: Scalar


Cell = Scalar | Formula


@dataclass
class Sheet:
    """Cells by (row, column), both from 1, each with the name of its style."""

    name: str
    hidden: bool = False
    cells: dict[tuple[int, int], tuple[Cell, str]] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    widths: dict[int, float] = field(default_factory=dict)

    def put(self, ref: str, value: Cell, style: str = "") -> None:
        self.row(position(ref)[0], [value], [style], left=position(ref)[1])

    def row(
        self, number: int, values: Sequence[Cell], styles: Sequence[str] = (), left: int = 1
    ) -> None:
        """Write a row; None clears the cell."""
        for offset, value in enumerate(values):
            style = styles[offset] if offset < len(styles) else ""
            if value is None:
                self.cells.pop((number, left + offset), None)
            else:
                self.cells[number, left + offset] = (value, style)

    def table(
        self,
        top: int,
        header: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        styles: Sequence[str] = (),
        left: int = 1,
    ) -> int:
        """Write a header and the rows below it; gives the number of the last row."""
        self.row(top, header, ["header"] * len(header), left)
        for offset, width in enumerate(len(title) + 6 for title in header):
            self.widths[left + offset] = width
        number = top
        for number, values in enumerate(rows, start=top + 1):
            self.row(number, values, styles, left)
        return number

    def clear(self, first_row: int) -> None:
        """Empty everything from this row on."""
        self.cells = {key: cell for key, cell in self.cells.items() if key[0] < first_row}

    def title(self, text: str, area: str) -> None:
        """A merged title, such as people put above their tables."""
        self.put(area.split(":")[0], text, "title")
        self.merged.append(area)


@dataclass
class Book:
    sheets: list[Sheet]

    def __getitem__(self, name: str) -> Sheet:
        return next(sheet for sheet in self.sheets if sheet.name == name)

    def copy(self) -> "Book":
        return copy.deepcopy(self)

    def write(self, path: Path) -> None:
        with xlsxwriter.Workbook(path) as book:
            book.set_properties({"created": CREATED})
            formats = {name: book.add_format(settings) for name, settings in STYLES.items()}
            for sheet in self.sheets:
                page = book.add_worksheet(sheet.name)
                if sheet.hidden:
                    page.hide()
                for column, width in sorted(sheet.widths.items()):
                    page.set_column(column - 1, column - 1, width)
                for area in sheet.merged:
                    page.merge_range(area, "", formats["title"])
                for (row, column), (cell, style) in sorted(sheet.cells.items()):
                    _write_cell(page, row - 1, column - 1, cell, formats[style])


def _write_cell(page: Any, row: int, column: int, cell: Cell, look: Any) -> None:
    if isinstance(cell, Formula):
        page.write_formula(row, column, cell.text, look, _stored(cell.value))
    elif isinstance(cell, str):
        page.write_string(row, column, cell, look)
    elif isinstance(cell, datetime):
        page.write_datetime(row, column, cell, look)
    elif isinstance(cell, bool):
        page.write_boolean(row, column, cell, look)
    elif cell is not None:
        page.write_number(row, column, cell, look)


def _stored(value: Scalar) -> Scalar:
    return (value - EPOCH).days if isinstance(value, datetime) else value


def position(ref: str) -> tuple[int, int]:
    """`B4` -> (4, 2)."""
    match = re.fullmatch(r"([A-Z]+)(\d+)", ref)
    assert match, ref
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column


class Dice:
    """Repeatable choices. Only `random()` is promised to stay the same in all Python versions."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, options: Sequence[str]) -> str:
        return options[self.number(0, len(options) - 1)]

    def money(self, low: int, high: int) -> float:
        return self.number(low * 20, high * 20) / 20

    def shuffled(self, items: Iterable[Any]) -> list[Any]:
        return sorted(items, key=lambda item: self._random.random())


@dataclass(frozen=True)
class MiniTask:
    """One record of the index with its input and its gold workbook."""

    id: int | str
    kind: str
    answer_position: str
    instruction: str
    book: Book
    gold: Book
    answer_sheet: str = ""
    data_position: str = ""

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "id": self.id,
            "instruction": self.instruction,
            "spreadsheet_path": f"spreadsheet/{self.id}",
            "instruction_type": self.kind,
            "answer_position": self.answer_position,
        }
        if self.kind == SHEET_LEVEL:
            record |= {"answer_sheet": self.answer_sheet, "data_position": self.data_position}
        return record


DEPARTMENTS = ("Assembly", "Dispatch", "Kitchen", "Laboratory", "Workshop", "Archive")
CITIES = ("Aldmoor", "Brinford", "Castlebay", "Dunwick", "Eastholm", "Fernley")
PRODUCTS = ("Bracket", "Cable drum", "Desk lamp", "Filter", "Garden hose", "Hinge", "Ladder")
