"""The rules for scoring, written down once more: slowly, cell by cell, straight through openpyxl.

No code of the package is used, so that a mistake there cannot hide here.
"""

import contextlib
import datetime
import warnings
from pathlib import Path
from typing import Any

from openpyxl import load_workbook


class Mismatch(Exception):
    """Carries the coordinate of the first cell that differs."""


class NaiveScorer:
    """Two workbooks, loaded once; what comparing creates in them is taken out again."""

    def __init__(self, gold: Path, output: Path) -> None:
        self.books: list[Any] = []
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            self.books = [load_workbook(path, data_only=True) for path in (gold, output)]
        self.loaded = len(self.books) == 2
        sheets = [sheet for book in self.books for sheet in book.worksheets]
        self.cells = [(sheet, dict(sheet._cells)) for sheet in sheets]

    def score(self, position: str, rules: str) -> tuple[bool, str]:
        """(passed, the coordinate of the first mismatch where one was found)."""
        if not self.loaded:
            return False, ""
        for sheet, cells in self.cells:
            sheet._cells = dict(cells)
        try:
            for part in position.split(","):
                compare_part(*self.books, part.strip() if rules == "released" else part, rules)
        except Mismatch as mismatch:
            return False, str(mismatch)
        except Exception:
            return False, ""
        return True, ""


def compare_part(gold: Any, output: Any, part: str, rules: str) -> None:
    if "!" in part:
        name, cells = part.split("!")
        name = name.strip("'")
    else:
        name, cells = gold.sheetnames[0], part
    if name not in output.sheetnames:
        raise KeyError(name)
    gold_sheet, output_sheet = gold[name], output[name]
    for cell in cell_names(cells.strip("'"), gold_sheet, rules):
        if not same_value(gold_sheet[cell].value, output_sheet[cell].value):
            raise Mismatch(cell)


def cell_names(cells: str, sheet: Any, rules: str) -> list[str]:
    if ":" not in cells:
        return [cells]
    start, end = cells.split(":")
    start_column, start_row = letters_and_digits(start)
    end_column, end_row = letters_and_digits(end)
    if rules == "released":
        first_row = int(start_row) if start_row else 1
        last_row = int(end_row) if end_row else sheet.max_row
        first_column = column_number(start_column) if start_column else 1
        last_column = column_number(end_column) if end_column else sheet.max_column
    else:
        first_row, last_row = int(start_row), int(end_row)
        first_column, last_column = column_number(start_column), column_number(end_column)
    return [
        f"{column_name(column)}{row}"
        for column in range(first_column, last_column + 1)
        for row in range(first_row, last_row + 1)
    ]


def letters_and_digits(end: str) -> tuple[str, str]:
    return (
        "".join(char for char in end if not char.isdigit()),
        "".join(char for char in end if char.isdigit()),
    )


def column_number(letters: str) -> int:
    number = 0
    for char in letters:
        number = number * 26 + (ord(char) - ord("A") + 1)
    return number


def column_name(number: int) -> str:
    name = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name


def same_value(one: Any, other: Any) -> bool:
    one, other = plain(one), plain(other)
    if one in (None, "") and other in (None, ""):
        return True
    return type(one) is type(other) and bool(one == other)


def plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return round(float(value), 2)
    if isinstance(value, datetime.datetime):
        since = value - datetime.datetime(1899, 12, 30)
        return round(since.days + since.seconds / 86400, 0)
    if isinstance(value, datetime.time):
        return str(value)[:-3]
    if isinstance(value, str):
        try:
            return round(float(value), 2)
        except ValueError:
            return value
    return value
