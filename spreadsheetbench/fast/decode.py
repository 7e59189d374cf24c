"""What the text of a cell's value means, by openpyxl's rules; how it was found does not count."""

import datetime
from collections.abc import Callable, Collection
from dataclasses import dataclass

from openpyxl.utils.datetime import from_excel

from spreadsheetbench.book.cells import CellValue
from spreadsheetbench.fast.sheet_xml import unescaped


@dataclass(frozen=True)
class Decoder:
    """For the cells of one workbook."""

    string: Callable[[bytes], str]
    """The shared string of that index."""
    epoch: datetime.datetime
    date_styles: Collection[int]
    duration_styles: Collection[int]

    def value(self, kind: bytes, style: bytes, raw: bytes) -> CellValue:
        """`raw` is the text of the value as in the file."""
        if not raw:
            return None
        if kind == b"s":
            return self.string(raw)
        if not kind or kind == b"n":
            return self._number(raw, int(style or b"0"))
        if kind == b"b":
            return raw == b"1"
        return unescaped(raw) if kind in (b"str", b"e") else None

    def _number(self, raw: bytes, style: int) -> CellValue:
        number: int | float
        number = float(raw) if b"." in raw or b"e" in raw or b"E" in raw else int(raw)
        if style not in self.date_styles:
            return number
        try:
            value: CellValue = from_excel(number, self.epoch, style in self.duration_styles)
        except (OverflowError, ValueError):
            return "#VALUE!"
        return value
