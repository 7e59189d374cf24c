"""Read an `answer_position` into the parts that are compared, by a set of rules.

Nothing here raises: a part that cannot be read carries the reason, since the parts before it are
compared all the same.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from openpyxl.utils.cell import column_index_from_string, range_boundaries

from spreadsheetbench.book.rules import Rules

MAX_ROW, MAX_COLUMN = 1_048_576, 18_278
"""The last cell that openpyxl can be asked for: it stops at column ZZZ, not at XFD."""


@dataclass(frozen=True)
class Box:
    """A rectangle of cells; ends count. Columns of code-point arithmetic may be negative."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int

    @property
    def empty(self) -> bool:
        return self.first_column > self.last_column or self.first_row > self.last_row

    def holds(self, place: tuple[int, int]) -> bool:
        column, row = place
        inside = self.first_column <= column <= self.last_column
        return inside and self.first_row <= row <= self.last_row

    @property
    def area(self) -> int:
        if self.empty:
            return 0
        return (self.last_column - self.first_column + 1) * (self.last_row - self.first_row + 1)

    @property
    def impossible(self) -> tuple[int, int] | None:
        """(column, row) of the first cell, column by column, that no sheet can have."""
        if self.empty:
            return None
        if self.first_column < 1 or self.first_row < 1:
            return self.first_column, self.first_row
        if self.last_row > MAX_ROW:
            return self.first_column, max(self.first_row, MAX_ROW + 1)
        if self.last_column > MAX_COLUMN:
            return max(self.first_column, MAX_COLUMN + 1), self.first_row
        return None

    def ordered(self) -> "Box":
        columns = sorted((self.first_column, self.last_column))
        rows = sorted((self.first_row, self.last_row))
        return Box(columns[0], rows[0], columns[1], rows[1])


@dataclass(frozen=True)
class Span:
    """A range as written; None is an end left open."""

    first_column: int | None
    first_row: int | None
    last_column: int | None
    last_row: int | None

    @property
    def open(self) -> bool:
        ends = (self.first_column, self.first_row, self.last_column, self.last_row)
        return None in ends

    def close(self, max_column: int, max_row: int) -> Box:
        return Box(
            1 if self.first_column is None else self.first_column,
            1 if self.first_row is None else self.first_row,
            max_column if self.last_column is None else self.last_column,
            max_row if self.last_row is None else self.last_row,
        )


@dataclass(frozen=True)
class Part:
    """One piece of a position. Without a span, `error` says why there is none."""

    text: str
    sheet: str = ""
    span: Span | None = None
    error: str = ""


def parse(position: str, rules: Rules, sheets: Sequence[str], answer_sheet: str = "") -> list[Part]:
    """`sheets` are gold's, in order; `answer_sheet` is the record's field, which only rules that
    say so make use of."""
    first = sheets[0] if sheets else ""
    if not rules.real_names:
        return [_split_part(text, rules, first) for text in position.split(",")]
    chosen = _chosen_sheets(answer_sheet, sheets) if rules.answer_sheet else []
    return list(_real_parts(position, sheets, chosen or [first]))


def _split_part(text: str, rules: Rules, first_sheet: str) -> Part:
    if rules.strip_parts:
        text = text.strip()
    name, mark, cells = text.rpartition("!")
    if "!" in name:
        return Part(text, error=f"more than one '!' in {text!r}")
    sheet = name.strip("'") if mark else first_sheet
    try:
        span = code_point_span(cells.strip("'"), rules.open_ends)
    except ValueError as error:
        return Part(text, sheet, error=str(error))
    return Part(text, sheet, span)


def code_point_span(cells: str, open_ends: bool) -> Span:
    """Ends of a range as the released scorer and its model read them. Raises ValueError."""
    if ":" not in cells:
        return _single_cell(cells)
    ends = cells.split(":")
    if len(ends) != 2:
        raise ValueError(f"more than one ':' in {cells!r}")
    columns, rows = [], []
    for end in ends:
        letters = "".join(char for char in end if not char.isdigit())
        digits = "".join(char for char in end if char.isdigit())
        if not digits and not open_ends:
            raise ValueError(f"no row in {end!r}")
        columns.append(code_point_column(letters) if letters or not open_ends else None)
        rows.append(int(digits) if digits else None)
    return Span(columns[0], rows[0], columns[1], rows[1])


def code_point_column(letters: str) -> int:
    """`A` is 1 and `AA` 27, but `a` is 33 and `$` below zero: no letter is checked or raised."""
    number = 0
    for char in letters:
        number = number * 26 + ord(char) - ord("A") + 1
    return number


def _single_cell(cells: str) -> Span:
    """Raises ValueError for what openpyxl does not take as the name of one cell."""
    column, row, _, _ = range_boundaries(cells)
    if column is None or row is None:
        raise ValueError(f"{cells!r} is not the name of a cell")
    return Span(column, row, column, row)


_REAL_END = re.compile(r"\$?([A-Za-z]{1,3})?\$?([0-9]{1,7})?")


def _real_parts(position: str, sheets: Sequence[str], default: Sequence[str]) -> Iterator[Part]:
    """A part without a sheet belongs to the sheet named before it, else to each of `default`."""
    named = ""
    for text, spellings, cells in _real_pieces(position, sheets):
        if spellings:
            found = [match for name in spellings if (match := find_sheet(name, sheets)) is not None]
            named = found[0] if found else spellings[0]
        part = Part(text)
        try:
            part = replace(part, span=_real_span(cells))
        except ValueError as error:
            part = replace(part, error=str(error))
        for sheet in [named] if named else default:
            yield replace(part, sheet=sheet)


def find_sheet(name: str, sheets: Sequence[str]) -> str | None:
    """The sheet of that very name, else the one that differs in case alone."""
    if name in sheets:
        return name
    return next((sheet for sheet in sheets if sheet.casefold() == name.casefold()), None)


def _real_pieces(
    position: str, sheets: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(text, spellings of the sheet's name, cells) of each part; quotes may be unbalanced."""
    # A name that gold has is told by itself, whatever it holds; then a name in proper quotes.
    known = "|".join(re.escape(name) for name in sorted(sheets, key=len, reverse=True) if name)
    named = re.compile(rf"\s*(?:'?({known or '(?!)'})'?|'((?:[^']|'')*)')\s*!")
    start = 0
    while start <= len(position):
        quoted = named.match(position, start)
        end = position.find(",", quoted.end() if quoted else start)
        end = len(position) if end < 0 else end
        text = position[start:end].strip()
        if text:
            cells = position[quoted.end() : end] if quoted else text
            name, mark, cells = cells.rpartition("!")
            if quoted:
                yield text, (quoted[1],) if quoted[1] else _unquoted(quoted[2]), cells
            elif mark:
                yield text, (name.strip().strip("'").strip(), name.strip("'")), cells
            else:
                yield text, (), cells
        start = end + 1


def _unquoted(name: str) -> tuple[str, ...]:
    return name.replace("''", "'"), name


def _real_span(cells: str) -> Span:
    """Upper and lower case, `$` and blanks are all the same. Raises ValueError."""
    ends = [end.strip(" \t\xa0'") for end in cells.strip(" \t\xa0'").split(":")]
    found = [_REAL_END.fullmatch(end) for end in ends]
    first, last = found[0], found[-1]
    if len(ends) > 2 or not first or not last or not all(ends):
        raise ValueError(f"{cells!r} is not a range of cells")
    columns = [column_index_from_string(m[1]) if m[1] else None for m in (first, last)]
    rows = [int(m[2]) if m[2] else None for m in (first, last)]
    if all(end is None for end in (*columns, *rows)):
        raise ValueError(f"{cells!r} is not a range of cells")
    return Span(columns[0], rows[0], columns[1], rows[1])


def _chosen_sheets(answer_sheet: str, sheets: Sequence[str]) -> list[str]:
    """answer_sheet holds one name, or several with commas between; those that gold has."""
    for names in [answer_sheet], answer_sheet.split(","):
        found = [find_sheet(name.strip(" \t\xa0'\""), sheets) for name in names]
        if any(found):
            return list(dict.fromkeys(name for name in found if name is not None))
    return []
