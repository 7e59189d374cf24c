"""Variants of an input workbook, for a script that is said to work its result out.

`values`: numbers and dates are others of their column's range and form; `texts`: texts that occur
once are others of their pattern. Both are new to a script that only knows the input by heart, and
what was the same in two places is so afterwards, so that lookups still find. `rows`: the rows of
data change places. `spare`: blank cells among the data, and rows below it, are filled from their
columns. Headers stay, and so do texts that the task or the script names, unless they are most of
their column. Formulas are replaced by what they show, since nothing here would calculate them anew.
"""

import datetime
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.utils import FORMULAE
from openpyxl.worksheet.worksheet import Worksheet

ADDED_ROWS = 3
MAX_SPARE = 200
MOST = 0.5
TRADE = (
    "active bold bottom center cell cells coerce column columns count data date errors false first "
    "forward general header index inner last left mean medium merge none outer output right row "
    "rows sheet solid sum text thick thin title top total true utf value values workbook xlsx year "
    "month day"
)
"""Words of scripts about workbooks."""
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"
_TIME_LIKE = re.compile(r"\d{1,4}[-/.:]\d{1,2}([-/.:]\d{1,4})?")

Column = list[Cell]


@dataclass
class _Draw:
    """One draw: the same old value is the same new one wherever it stands."""

    chance: random.Random
    named: str
    """What task and script say, in lower case."""
    new: dict[object, object] = field(default_factory=dict)
    taken: set[object] = field(default_factory=set)
    changed: int = 0

    def put(self, cell: Any, value: object) -> None:
        if cell.value != value:
            cell.value = value
            self.changed += 1


def draw_variant(source: Path, target: Path, kind: str, seed: int, named: str) -> int:
    """Save a variant; how many cells differ from the input (0: there is nothing to vary)."""
    book = load_workbook(source, data_only=True)
    draw = _Draw(random.Random(f"{kind} {seed}"), named.lower())
    for sheet in book.worksheets:
        KINDS[kind](sheet, draw)
    if draw.changed:
        book.save(target)
    return draw.changed


def _values(sheet: Worksheet, draw: _Draw) -> None:
    for column in _columns(sheet):
        numbers = [c for c in column if _is_number(c.value)]
        for cell in numbers:
            draw.put(cell, _mapped(cell.value, draw, partial(_number, numbers, draw)))
        dates = [c for c in column if isinstance(c.value, datetime.date)]
        for cell in dates:
            draw.put(cell, _mapped(cell.value, draw, partial(_date, dates, draw)))


def _texts(sheet: Worksheet, draw: _Draw) -> None:
    for column in _columns(sheet):
        counts = Counter(c.value for c in column if isinstance(c.value, str))
        single = [text for text, count in counts.items() if count == 1]
        free = [t for t in single if t.strip().lower() not in draw.named]
        chosen = set(free if len(free) > MOST * len(single) else single)
        for cell in column:
            if cell.value in chosen and not _TIME_LIKE.search(str(cell.value)):
                draw.put(cell, _mapped(cell.value, draw, partial(_text, draw)))


def _rows(sheet: Worksheet, draw: _Draw) -> None:
    if sheet.merged_cells.ranges:
        return
    first = min((c[0].row for c in _columns(sheet)), default=0)
    rows = [row for row in sheet.iter_rows(min_row=max(first, 2)) if first and _is_data(row)]
    values = [[cell.value for cell in row] for row in rows]
    draw.chance.shuffle(values)
    for row, new in zip(rows, values, strict=True):
        for cell, value in zip(row, new, strict=True):
            draw.put(cell, value)


def _spare(sheet: Worksheet, draw: _Draw) -> None:
    if sheet.merged_cells.ranges:
        return
    bottom, filled = sheet.max_row, 0
    for column in _columns(sheet):
        values, at = [c.value for c in column], column[0].column
        if len(values) < 2:
            continue
        for row in range(column[0].row, column[-1].row):
            if sheet.cell(row, at).value is None and filled < MAX_SPARE:
                draw.put(sheet.cell(row, at), draw.chance.choice(values))
                filled += 1
        if column[-1].row == bottom:
            for row in range(bottom + 1, bottom + 1 + ADDED_ROWS):
                draw.put(sheet.cell(row, at), draw.chance.choice(values))


KINDS: dict[str, Callable[[Worksheet, _Draw], None]] = {
    "values": _values,
    "texts": _texts,
    "rows": _rows,
    "spare": _spare,
}


def input_words(source: Path) -> str:
    """All that an input says: words of it in a script are no words of the answer."""
    book = load_workbook(source, data_only=True, read_only=True)
    words = dict.fromkeys([*book.sheetnames, *FORMULAE, *TRADE.split()])
    for sheet in book.worksheets:
        for row in sheet.iter_rows(values_only=True):
            words.update(dict.fromkeys(str(value) for value in row if value is not None))
    return "\n".join(words)


def _columns(sheet: Worksheet) -> list[Column]:
    """The data of each column: what stands below its heading."""
    found = []
    for cells in sheet.iter_cols():
        column = [c for c in cells if isinstance(c, Cell) and c.value is not None]
        number = next((n for n, c in enumerate(column) if not isinstance(c.value, str)), 0)
        column = column[number or 1 :] if len(column) > 1 or number else column
        column = [c for c in column if not isinstance(c.value, bool)]
        if column:
            found.append(column)
    return found


def _mapped(value: object, draw: _Draw, make: Callable[[Any], object]) -> object:
    """The new value of an old one; another than any other's where one can be found."""
    if value not in draw.new:
        for _ in range(20):
            draw.new[value] = make(value)
            if draw.new[value] not in draw.taken:
                break
        draw.taken.add(draw.new[value])
    return draw.new[value]


def _number(column: Column, draw: _Draw, value: float) -> float:
    numbers = [float(c.value) for c in column]  # type: ignore[arg-type]
    low, high = min(numbers), max(numbers)
    if low == high:
        low, high = sorted((value * 0.5, value * 1.5)) if value else (0.0, 1.0)
    if isinstance(value, int):
        return draw.chance.randint(int(low), max(int(low), int(high)))
    decimals = max(len(repr(n).partition(".")[2]) for n in numbers)
    return round(draw.chance.uniform(low, high), min(decimals, 6))


def _date(column: Column, draw: _Draw, value: datetime.date) -> datetime.date:
    days = [c.value.toordinal() for c in column if isinstance(c.value, datetime.date)]
    low, high = min(days), max(days)
    if high - low < len(days):
        low, high = low - 20, high + 20
    return value + datetime.timedelta(draw.chance.randint(low, high) - value.toordinal())


def _text(draw: _Draw, text: str) -> str:
    """Of the same pattern: a vowel for a vowel, a digit for a digit."""
    return "".join(_letter(letter, draw.chance) for letter in text)


def _letter(letter: str, chance: random.Random) -> str:
    for group in (_VOWELS, _CONSONANTS, "123456789"):
        if letter.lower() in group:
            new = chance.choice(group)
            return new.upper() if letter.isupper() else new
    return letter


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_data(row: tuple[Any, ...]) -> bool:
    return sum(cell.value is not None for cell in row) > 1
