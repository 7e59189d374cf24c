"""Read only the rows that are compared, by openpyxl's rules, of a workbook that it would load.

`--engine lazy`. A workbook with anything unusual is read by openpyxl, as a whole. What is read is
kept and decoded later, so several threads must not share this module; scoring uses processes.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from openpyxl.utils.cell import column_index_from_string, get_column_letter

from spreadsheetbench.archive import Unusual
from spreadsheetbench.cells import CellValue
from spreadsheetbench.decode import Decoder
from spreadsheetbench.frames import SheetFrame
from spreadsheetbench.lazy_formulas import formulas_of
from spreadsheetbench.load_proof import Package, open_package
from spreadsheetbench.positions import MAX_ROW, Box
from spreadsheetbench.reader import Book, CellPlace, Formula, Sheet, select
from spreadsheetbench.sheet_xml import SheetRows, unescaped

SUFFIXES = frozenset([".xlsx", ".xlsm", ".xltx", ".xltm"])

KEPT_BOOKS, KEPT_BYTES = 16, 32 * 2**20
"""Of workbooks read before, bytes of their sheets: gold is compared with several outputs."""

BLOCK = 64
"""Rows that are decoded for one cell: its neighbours are asked for next."""

LAST_COLUMN = 18_278
"""ZZZ: openpyxl reads cells beyond the last column that a sheet can have."""

_EVERYTHING = Box(1, 1, LAST_COLUMN, MAX_ROW)


class _Kept:
    """Books by the content of their files, the latest ones."""

    def __init__(self) -> None:
        self._books: OrderedDict[bytes, tuple[Book, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: bytes) -> Book | None:
        if key not in self._books:
            return None
        self._books.move_to_end(key)
        return self._books[key][0]

    def keep(self, key: bytes, book: Book, size: int) -> None:
        self._books[key] = book, size
        self._bytes += size
        while self._bytes > KEPT_BYTES or len(self._books) > KEPT_BOOKS:
            self._bytes -= self._books.popitem(last=False)[1][1]

    def forget(self) -> None:
        self._books.clear()
        self._bytes = 0


kept = _Kept()


def read(path: Path) -> Book | None:
    """None for what openpyxl has to read. Raises OSError for a file that is not there."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None
    content = path.read_bytes()
    key = hashlib.blake2b(content, digest_size=32).digest()
    book = kept.get(key)
    if book is None:
        try:
            package = open_package(content)
        except Unusual:
            return None
        book = book_of(package)
        # What decoding adds is a few times the size of the rows that are compared.
        kept.keep(key, book, sum(rows.size for rows in package.rows.values()))
    return book


def book_of(package: Package) -> Book:
    return Book(
        tuple(
            LazySheet.of(package, frame, package.rows[frame.part])
            if frame.part
            else Sheet(frame.name, is_chart=True)
            for frame in package.frame.sheets
        )
    )


@lru_cache(64)
def _columns(first: int, last: int) -> dict[bytes, int]:
    return {get_column_letter(column).encode(): column for column in range(first, last + 1)}


class LazyValues(Mapping[CellPlace, CellValue]):
    """The cells that are not blank, decoded range by range when they are asked for."""

    def __init__(self, package: Package, frame: SheetFrame, rows: SheetRows) -> None:
        self._package = package
        self._frame = frame
        self._rows = rows
        whole = package.frame
        self._decoder = Decoder(self._string, whole.epoch, whole.date_styles, whole.duration_styles)
        odd = package.strings.odd if package.strings else []
        self._odd = {index: number for number, index in enumerate(odd)}
        self._strings: dict[bytes, str] = {}
        self.decoded: dict[Box, dict[CellPlace, CellValue]] = {}
        self._blocks: dict[int, dict[CellPlace, CellValue]] = {}

    def __getitem__(self, place: CellPlace) -> CellValue:
        number = place[1] // BLOCK
        found = self.decoded.get(_EVERYTHING) or self._blocks.get(number)
        if found is None:
            rows = number * BLOCK, (number + 1) * BLOCK - 1
            found = self._blocks[number] = self._decode(Box(1, rows[0], LAST_COLUMN, rows[1]))
        return found[place]

    def __iter__(self) -> Iterator[CellPlace]:
        return iter(self.within(_EVERYTHING))

    def __len__(self) -> int:
        return len(self.within(_EVERYTHING))

    def within(self, box: Box) -> dict[CellPlace, CellValue]:
        found = self.decoded.get(box)
        if found is None:
            wider = next((one for one in self.decoded if _surrounds(one, box)), None)
            if wider is not None:
                return select(self.decoded[wider], box)
            found = self.decoded[box] = self._decode(box)
        return found

    def _decode(self, box: Box) -> dict[CellPlace, CellValue]:
        first, last = max(1, box.first_column), min(box.last_column, LAST_COLUMN)
        found: dict[CellPlace, CellValue] = {}
        for place, link in self._frame.links:
            if link and box.holds(place):
                found[place] = link
        wanted = _columns(first, last)
        covered, value_of = self._frame.covered, self._decoder.value
        texts: dict[bytes, str] = {}
        value: CellValue
        cells = self._rows.cells(*self._rows.between(box.first_row, box.last_row), wanted)
        for letters, digits, style, kind, inline, text, raw in cells:
            column = wanted.get(letters)
            if column is None:
                continue
            place = column, int(digits)
            if place in covered:
                continue
            if inline:
                value = texts.get(text)
                if value is None:
                    value = texts[text] = unescaped(text)
            else:
                value = value_of(kind, style, raw)
            if value is not None and value != "":
                found[place] = value
            elif value == "":
                # An empty text is a value, so that no hyperlink takes its place.
                found.pop(place, None)
        return found

    def _string(self, raw: bytes) -> str:
        text = self._strings.get(raw)
        if text is None:
            text = self._strings[raw] = self._shared(int(raw))
        return text

    def _shared(self, index: int) -> str:
        table, read = self._package.strings, self._package.frame.strings
        if table is None:
            return read[index]
        if index in self._odd:
            return read[self._odd[index]]
        return table.text(index)


class LazySheet(Sheet):
    """What is costly to know is found out when it is asked for."""

    _frame: SheetFrame
    _rows: SheetRows

    @classmethod
    def of(cls, package: Package, frame: SheetFrame, rows: SheetRows) -> "LazySheet":
        sheet = cls.__new__(cls)
        values = LazyValues(package, frame, rows)
        # The fields that are not set here are the properties below.
        sheet.__dict__.update(name=frame.name, is_chart=False, values=values)
        sheet.__dict__.update(_frame=frame, _rows=rows)
        return sheet

    @cached_property
    def max_column(self) -> int:
        letters = (column_index_from_string(one.decode()) for one in self._rows.columns())
        return max(1, self._frame.max_column, *letters)

    @cached_property
    def max_row(self) -> int:
        return max(1, self._frame.max_row, self._rows.last_row())

    @cached_property
    def empty_texts(self) -> frozenset[CellPlace]:
        texts = {
            (column_index_from_string(column.decode()), int(row))
            for column, row in self._rows.empty_texts()
        }
        linked = {place for place, _ in self._frame.links}
        return frozenset(texts - self._frame.covered - linked)

    def within(self, box: Box) -> dict[CellPlace, CellValue]:
        if isinstance(self.values, LazyValues):
            return self.values.within(box)
        return super().within(box)

    def upto(self, last_row: int | None) -> Sheet:
        """A plain sheet with the values down to that row."""
        last = last_row or MAX_ROW
        texts = frozenset(place for place in self.empty_texts if place[1] <= last)
        values = self.within(Box(1, 1, LAST_COLUMN, last))
        return Sheet(self.name, False, self.max_column, self.max_row, values, texts)

    def formulas(self, last_row: int | None) -> dict[CellPlace, Formula]:
        """Down to that row, without their number formats. Raises Unusual."""
        end = self._rows.between(1, last_row or MAX_ROW)[1]
        return formulas_of(self._rows.formulas(end))


def _surrounds(outer: Box, inner: Box) -> bool:
    return outer.holds((inner.first_column, inner.first_row)) and outer.holds(
        (inner.last_column, inner.last_row)
    )
