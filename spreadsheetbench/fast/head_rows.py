"""The first rows of a workbook's active sheet, at the cost of those rows and not of the workbook.

Every part is inflated only as far as it is needed, and never beyond a bound. A workbook that is not
written as usual is Unusual, and left to openpyxl: what is read here is what openpyxl's read-only
mode reads, so merged ranges and hyperlinks do not count.
"""

import datetime
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format
from openpyxl.utils.cell import column_index_from_string, get_column_letter, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from spreadsheetbench.book.cells import CellValue
from spreadsheetbench.fast.archive import Archive, Unusual
from spreadsheetbench.fast.decode import Decoder
from spreadsheetbench.fast.sheet_xml import (
    Cell,
    first_rows,
    first_strings,
    plain_string,
    sheet_head,
    unescaped,
)

Found = TypeVar("Found")

MAX_FILE, MAX_SMALL, MAX_ROWS, MAX_TABLE = 64 * 2**20, 2**20, 4 * 2**20, 32 * 2**20
"""Bytes: of the file, of a part that says what is where, of the rows, of strings or styles."""

PIECE = 2**15

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_BOOKS = frozenset(
    [
        f"{_CONTENT}.sheet.main+xml",
        f"{_CONTENT}.template.main+xml",
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        "application/vnd.ms-excel.template.macroEnabled.main+xml",
    ]
)
_DIMENSION = re.compile(rb"<dimension ref=\"([A-Z]{1,3}[0-9]{1,7}(?::[A-Z]{1,3}[0-9]{1,7})?)\" ?/>")
_FORMATS = re.compile(rb"<numFmts[\s>].*?</numFmts>", re.DOTALL)
_CELL_FORMATS = re.compile(rb"<cellXfs(?: count=\"[0-9]+\")?>(.*)</cellXfs>", re.DOTALL)
_FORMAT = re.compile(rb"<xf(?:\s[^<>]*)?>")
_FORMAT_NUMBER = re.compile(rb"\snumFmtId=\"([0-9]{1,9})\"")
_STYLES = re.compile(rb"[^<]*(?:<\?[^<]*)?<styleSheet\s[^<>]*xmlns=\"%s\"" % _MAIN[1:-1].encode())
LONGEST_FORMAT = 1_000
"""Characters; spreadsheet programs take 255."""


Bounds = tuple[int, int, int, int] | None
"""First column and row, last column and row, as the sheet says; None where it does not."""


@dataclass(frozen=True)
class Head:
    """The first rows, each as long as the sheet says that it is wide, or shorter."""

    rows: tuple[tuple[CellValue, ...], ...]
    bounds: Bounds = None

    @property
    def used(self) -> str:
        """The used range; empty where the sheet does not say it."""
        if self.bounds is None:
            return ""
        left, top, right, bottom = self.bounds
        return f"{get_column_letter(left)}{top}:{get_column_letter(right)}{bottom}"


def read_head(path: Path, count: int) -> Head:
    """Raises Unusual for what only openpyxl can read, and OSError."""
    if path.suffix.lower() not in (".xlsx", ".xlsm") or path.stat().st_size > MAX_FILE:
        raise Unusual("a file of another kind")
    archive = Archive(path.read_bytes())
    try:
        return _head(archive, count)
    except (KeyError, ValueError, TypeError, ElementTree.ParseError) as error:
        raise Unusual(str(error)) from None


def _head(archive: Archive, count: int) -> Head:
    overrides = _overrides(archive)
    (book_part,) = [part for part, kind in overrides if kind in _BOOKS]
    book = _tree(archive, book_part)
    part = _sheets(archive, book, book_part)[_active(book)]
    bounds, rows = _upto(archive, part, MAX_ROWS, lambda xml, whole: _rows(xml, count, whole))
    cells = [cell for _, row in rows for cell in row]
    strings = _strings(archive, overrides, [int(c[6]) for c in cells if c[3] == b"s" and c[6]])
    dates, durations = _dates(archive, {int(c[2] or 0) for c in cells if c[3] in (b"", b"n")})
    decoder = Decoder(strings.__getitem__, _epoch(book), dates, durations)
    return Head(_table(rows, decoder, bounds[2] if bounds else None, count), bounds)


def _overrides(archive: Archive) -> list[tuple[str, str]]:
    """Part and kind of content."""
    types = _tree(archive, "[Content_Types].xml")
    return [
        (one.attrib["PartName"].removeprefix("/"), one.attrib["ContentType"])
        for one in types.iter(f"{{{_PACKAGE}/content-types}}Override")
    ]


def _tree(archive: Archive, name: str) -> ElementTree.Element:
    if archive.size(name) > MAX_SMALL:
        raise Unusual("a very large part")
    part = archive.read(name)
    if b"<!" in part or b"\0" in part:
        raise Unusual("a part of another form")
    return ElementTree.fromstring(part)


def _sheets(archive: Archive, book: ElementTree.Element, part: str) -> list[str]:
    """The part of each."""
    folder, name = posixpath.split(part)
    targets: dict[str, tuple[str, str]] = {}
    relations = _tree(archive, f"{folder}/_rels/{name}.rels")
    for one in relations.iter(f"{{{_PACKAGE}/relationships}}Relationship"):
        target = one.attrib["Target"]
        absolute = target.startswith("/")
        place = target[1:] if absolute else posixpath.normpath(posixpath.join(folder, target))
        if one.attrib["Id"] in targets:
            raise Unusual("two relations of one name")
        targets[one.attrib["Id"]] = one.attrib["Type"], place
    sheets = []
    for sheet in book.iterfind(f"{_MAIN}sheets/{_MAIN}sheet"):
        kind, place = targets[sheet.attrib[f"{{{_OFFICE}}}id"]]
        if kind != f"{_OFFICE}/worksheet" or place not in archive:
            raise Unusual("a sheet of another kind")
        sheets.append(place)
    return sheets


def _active(book: ElementTree.Element) -> int:
    view = book.find(f"{_MAIN}bookViews/{_MAIN}workbookView")
    index = int(view.get("activeTab", "0")) if view is not None else 0
    if not 0 <= index < len(book.findall(f"{_MAIN}sheets/{_MAIN}sheet")):
        raise Unusual("no active sheet")
    return index


def _epoch(book: ElementTree.Element) -> datetime.datetime:
    properties = book.find(f"{_MAIN}workbookPr")
    told = properties.get("date1904", "0") if properties is not None else "0"
    return CALENDAR_WINDOWS_1900 if told in ("false", "f", "0") else CALENDAR_MAC_1904


def _upto(
    archive: Archive, name: str, limit: int, find: Callable[[bytes, bool], Found | None]
) -> Found:
    """What is found in as much of the part as that takes; `find` also hears whether it is all."""
    xml = b""
    for piece in archive.pieces(name, PIECE):
        xml += piece
        if len(xml) > limit:
            raise Unusual("too much to look through")
        if (found := find(xml, False)) is not None:
            return found
    if (found := find(xml, True)) is None:
        raise Unusual("a part that is cut off, or of another form")
    return found


Rows = list[tuple[int, list[Cell]]]


def _rows(xml: bytes, count: int, whole: bool) -> tuple[Bounds, Rows] | None:
    """The range that the sheet claims, and its first rows."""
    head = sheet_head(xml)
    if head is None:
        return None
    bounds: Bounds = None
    if b"dimension" in head:
        (told,) = _DIMENSION.findall(head)
        left, top, right, bottom = (int(end or 0) for end in range_boundaries(told.decode()))
        bounds = left, top, right, bottom
        if head.count(b"dimension") != 1:
            raise Unusual("a dimension of another form")
    body = xml[len(head) :]
    if body.startswith((b"<sheetData/>", b"<sheetData />")):
        return bounds, []
    if not body.startswith(b"<sheetData>"):
        return None
    body = body.removeprefix(b"<sheetData>")
    rows, end = first_rows(body, count)
    if len(rows) == count or (rows and rows[-1][0] >= count):
        return bounds, rows
    return (bounds, rows) if body[end:].lstrip().startswith(b"</sheetData>") else None


def _strings(
    archive: Archive, overrides: list[tuple[str, str]], wanted: list[int]
) -> dict[bytes, str]:
    if not wanted:
        return {}
    tables = [part for part, kind in overrides if kind == f"{_CONTENT}.sharedStrings+xml"]
    if not tables:
        raise Unusual("strings without their table")
    last = max(wanted)

    def find(xml: bytes, whole: bool) -> list[bytes] | None:
        enough = whole or xml.count(b"</si>") > last
        return first_strings(xml) if enough else None

    pieces = _upto(archive, tables[0], MAX_TABLE, find)
    if last >= len(pieces):
        raise Unusual("a string that is not there")
    return {b"%d" % index: _string(pieces[index]) for index in set(wanted)}


def _string(piece: bytes) -> str:
    from openpyxl.cell.text import Text

    text = plain_string(piece)
    if text is None:
        head, found, rest = piece.lstrip().partition(b"<si>")
        if head or not found:
            raise Unusual("a string of another form")
        namespace = _MAIN[1:-1].encode()
        node: Any = ElementTree.fromstring(b'<si xmlns="%s">%s</si>' % (namespace, rest))
        rich: Any = Text.from_tree(node)
        text = str(rich.content).replace("x005F_", "")
    return text


def _dates(archive: Archive, wanted: set[int]) -> tuple[set[int], set[int]]:
    """Of the styles those of dates and times, and of these those of durations."""
    name = "xl/styles.xml"
    if not wanted or name not in archive:
        return set(), set()

    def find(xml: bytes, whole: bool) -> bytes | None:
        return xml if b"</cellXfs>" in xml else None

    xml = _upto(archive, name, MAX_TABLE, find)
    head, _, _ = xml.partition(b"</cellXfs>")
    start = head.rfind(b"<cellXfs")
    cells = _CELL_FORMATS.fullmatch(head[start:] + b"</cellXfs>")
    if not cells or not _STYLES.match(xml) or b"<!" in head:
        raise Unusual("styles of another form")
    custom = {}
    if block := _FORMATS.search(head):
        for one in ElementTree.fromstring(block[0]):
            code = one.attrib["formatCode"]
            if len(code) > LONGEST_FORMAT:  # openpyxl's search takes the square of its length
                raise Unusual("a very long number format")
            custom[int(one.attrib["numFmtId"])] = code
    codes = {}
    for index, tag in enumerate(_FORMAT.findall(cells[1])):
        if index in wanted:
            told = _FORMAT_NUMBER.search(tag)
            number = int(told[1]) if told else 0
            codes[index] = custom.get(number) or builtin_format_code(number)
    dates = {index for index, code in codes.items() if is_date_format(code)}
    return dates, {index for index, code in codes.items() if is_timedelta_format(code)}


def _table(
    rows: Rows, decoder: Decoder, max_column: int | None, count: int
) -> tuple[tuple[CellValue, ...], ...]:
    """Rows that are not there are empty ones, where another follows."""
    table: list[tuple[CellValue, ...]] = []
    for number, cells in rows:
        table += [()] * (min(number, count + 1) - 1 - len(table))
        if number > count:
            break
        values: dict[int, CellValue] = {}
        for letters, _, style, kind, inline, text, raw in cells:
            column = column_index_from_string(letters.decode())
            if max_column is None or column <= max_column:
                values[column] = unescaped(text) if inline else decoder.value(kind, style, raw)
        width = max(values, default=0)
        table.append(tuple(values.get(column) for column in range(1, width + 1)))
    return tuple(table)
