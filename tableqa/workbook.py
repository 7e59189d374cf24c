"""A table as a workbook in which a question can be answered, and the answer taken out again.

The table stands on one sheet as the data set has it, and the declared cells of another wait for
the answer, one item a cell. Their number says nothing of how many items are right.
"""

import datetime
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment

from spreadsheetbench.reading.reader import READERS
from tableqa.table import ANSWER, TABLE, Table
from tableqa.values import plain

ITEMS = 40
"""The longest answer of the two data sets has 27."""
POSITION = f"'{ANSWER}'!A1:A{ITEMS}"
MARK = "with the right answer"
"""In the properties of the truth, so that what was made from it can be known."""
LONGEST = 32_767
"""Characters of a cell."""
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,2}(,\d{3})+|[1-9]\d{0,14})(\.\d{1,9})?", re.ASCII)
_TIME = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write(table: Table, path: Path, answer: Sequence[str] = ()) -> None:
    """With `answer` it is the workbook that a perfect agent leaves. The same bytes every time."""
    book = Workbook()
    sheet = book.create_sheet(TABLE, 0)
    del book["Sheet"]
    cells = book.create_sheet(ANSWER)
    book.active = 0
    if answer:
        book.properties.description = MARK
    for row, text in enumerate(answer, start=1):
        _fill(cells.cell(row, 1), text)
    for row, texts in enumerate(table.rows, start=1):
        for column, text in enumerate(texts, start=1):
            if text:
                _fill(sheet.cell(row, column), text)
    for area in table.areas():
        sheet.merge_cells(
            start_row=area.first_row + 1,
            start_column=area.first_column + 1,
            end_row=area.last_row + 1,
            end_column=area.last_column + 1,
        )
    _save(book, path)


def _save(book: Workbook, path: Path) -> None:
    """openpyxl puts the time into the package, at two places."""
    raw = io.BytesIO()
    book.save(raw)
    with ZipFile(raw) as source, ZipFile(path, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = _TIME.sub(rb"\g<1>2000-01-01T00:00:00Z\g<2>", content)
            target.writestr(ZipInfo(name), content, ZIP_DEFLATED)


def _fill(cell: Cell, text: str) -> None:
    """Plain numbers are numbers, shown as they stand in the table; all else is text, also what a
    spreadsheet would take for a formula, a date or an error."""
    text = _FORBIDDEN.sub("\ufffd", text)[:LONGEST]
    if _NUMBER.fullmatch(text):
        cell.value = float(text.replace(",", "")) if "." in text else int(text.replace(",", ""))
        decimals = len(text.partition(".")[2])
        whole = "#,##0" if "," in text else "0"
        cell.number_format = f"{whole}.{'0' * decimals}" if decimals else whole
        return
    cell.value = text
    cell.data_type = "s"
    if "\n" in text:
        cell.alignment = Alignment(wrap_text=True)


@dataclass(frozen=True)
class Answer:
    items: tuple[str, ...] = ()
    uncalculated: int = 0
    """Formulas without a stored value among the cells that count."""


def answer(path: Path) -> Answer:
    """What stands in the declared cells; of a formula, its stored value.

    Raises what openpyxl raises for a file that it cannot load: for a worker with limits.
    """
    reader = READERS["lazy"]
    sheet = reader.read(path).sheet(ANSWER)
    if sheet is None:
        return Answer()
    places = [(1, row) for row in range(1, ITEMS + 1)]
    texts = (_shown(sheet.value(p)) for p in places if sheet.value(p) is not None)
    items = tuple(text for text in texts if text.strip())
    formulas = {} if items else reader.formulas(path).sheets.get(ANSWER, {})
    return Answer(items, sum(place in formulas for place in places))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return plain(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
