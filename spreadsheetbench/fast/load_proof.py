"""Would openpyxl load this workbook, and what does it make of all that is not a cell?

openpyxl itself answers, on the same package with its rows and plain strings taken out: a package
that costs little to load and that many outputs of one task have in common. The rows and strings
are checked by `sheet_xml`. What is told by the rest of the package is remembered by its content.
"""

import datetime
import hashlib
import io
import re
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from spreadsheetbench.fast import proof_store
from spreadsheetbench.fast.archive import Archive, Unusual
from spreadsheetbench.fast.frames import Frame, SheetFrame
from spreadsheetbench.fast.lazy_styles import shortened
from spreadsheetbench.fast.sheet_xml import SheetRows, Strings, check_well_formed

if TYPE_CHECKING:
    from openpyxl.reader.excel import ExcelReader

REMEMBERED = 64
"""Packages; each is some kilobytes, more where many cells are merged."""

STYLES = "xl/styles.xml"
"""openpyxl looks nowhere else."""

PROPERTIES = "docProps/core.xml"
_SAVED = re.compile(
    rb"(<dcterms:(?:created|modified) xsi:type=\"dcterms:W3CDTF\">)"
    rb"([12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)(?=<)"
)

_REFERS = re.compile(rb"<(?:[\w.-]+:)?(?:comment|hyperlink)[\s/>][^<>]*")
_REFERENCE = re.compile(rb"\sref=\"[A-Z]{1,3}[1-9][0-9]{0,6}(?::[A-Z]{1,3}[1-9][0-9]{0,6})?\"")


@dataclass(frozen=True)
class Package:
    """A workbook that openpyxl would load."""

    frame: Frame
    rows: dict[str, SheetRows]
    strings: Strings | None
    """None where all of them are in the frame."""


_frames: OrderedDict[bytes, Frame] = OrderedDict()
_styles: OrderedDict[bytes, bytes] = OrderedDict()


def forget() -> None:
    """So that a measurement can begin anew."""
    _frames.clear()
    _styles.clear()


def open_package(content: bytes) -> Package:
    """Raises Unusual for what openpyxl does not load, and for what only openpyxl can judge."""
    archive = Archive(content)
    # All of them: to read one is to check its sum.
    around = {name: archive.read(name) for name in archive.names}
    rows: dict[str, SheetRows] = {}
    strings: dict[str, Strings] = {}
    for name, part in around.items():
        if b"<sheetData" in part and b"<worksheet" in part:
            rows[name] = SheetRows(part)
        elif b"<sst" in part:
            strings[name] = Strings(part)
    around |= {name: sheet.around for name, sheet in rows.items()}
    around |= {name: table.around for name, table in strings.items()}
    if STYLES in around:
        around[STYLES] = _short_styles(around[STYLES])
    if PROPERTIES in around:
        around[PROPERTIES] = _SAVED.sub(_same_date, around[PROPERTIES])
    key = _key(around, set(rows) | set(strings))
    frame = _frames.get(key)
    if frame is None:
        frame = proof_store.get(key)
        if frame is None:
            frame = _load(content, around, set(rows), set(strings))
            proof_store.keep(key, frame)
        _frames[key] = frame
        if len(_frames) > REMEMBERED:
            _frames.popitem(last=False)
    else:
        _frames.move_to_end(key)
    used = strings.get(frame.strings_part) if frame.strings_part else None
    if used and len(frame.strings) != len(used.odd):
        raise Unusual("other strings than those left in")
    package = Package(frame, rows, used)
    _check_indexes(package)
    return package


def _same_date(found: "re.Match[bytes]") -> bytes:
    """When it was saved would tell two outputs apart that are the same for a reader."""
    try:
        datetime.datetime.strptime(found[2].decode(), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return found[0]
    return found[1] + b"2000-01-01T00:00:00Z"


def _short_styles(part: bytes) -> bytes:
    key = hashlib.blake2b(part, digest_size=32).digest()
    if key not in _styles:
        check_well_formed(part)
        _styles[key] = shortened(part)
        if len(_styles) > REMEMBERED:
            _styles.popitem(last=False)
    return _styles[key]


def _key(parts: dict[str, bytes], cut: set[str]) -> bytes:
    """By content, not by the sums of the archive, which can be forged."""
    key = hashlib.blake2b(digest_size=32)
    for name, part in parts.items():
        key.update(f"{len(name)} {len(part)} {name in cut} {name}".encode())
        key.update(part)
    return key.digest()


def _load(content: bytes, parts: dict[str, bytes], sheets: set[str], strings: set[str]) -> Frame:
    from openpyxl.reader.excel import ExcelReader

    archive = _Parts(parts, cut=sheets | strings)
    with warnings.catch_warnings():
        # As the reference reader, which does not compare what openpyxl warns of.
        warnings.simplefilter("ignore")
        try:
            reader = ExcelReader(io.BytesIO(content), data_only=True)
            reader.archive.close()
            reader.archive = archive  # type: ignore[assignment]
            reader.read()
            frame = _frame(reader, sheets)
        except MemoryError:
            raise
        except Exception as error:  # openpyxl raises almost anything; it is asked again, for good
            raise Unusual(str(error)) from None
    archive.check()
    if frame.strings_part in sheets:
        raise Unusual("a sheet in place of strings")
    opened = {sheet.part for sheet in frame.sheets} | {frame.strings_part}
    if not archive.opened & (sheets | strings) <= opened:
        raise Unusual("a part in an unusual role")
    return frame


class _Parts:
    """As much of a ZipFile as openpyxl asks for."""

    filename = None

    def __init__(self, parts: dict[str, bytes], cut: set[str]) -> None:
        self._parts = parts
        self._cut = cut
        self.opened: set[str] = set()

    def namelist(self) -> list[str]:
        return list(self._parts)

    def open(self, name: str, mode: str = "r") -> IO[bytes]:
        self.opened.add(name)
        return io.BytesIO(self._parts[name])

    def read(self, name: str) -> bytes:
        if name in self._cut:
            raise Unusual("rows or strings in an unusual role")
        self.opened.add(name)
        return self._parts[name]

    def close(self) -> None: ...

    def check(self) -> None:
        """What refers to whole columns or rows depends on the cells that were taken out."""
        for name in self.opened & self._parts.keys():
            part = self._parts[name]
            if b"\0" in part[:200]:  # an encoding in which nothing would be found
                raise Unusual("a part in an unusual encoding")
            if not all(map(_REFERENCE.search, _REFERS.findall(part))):
                raise Unusual("a reference to no single cells")


def _frame(reader: "ExcelReader", cut: set[str]) -> Frame:
    from openpyxl.worksheet.worksheet import Worksheet
    from openpyxl.xml.constants import SHARED_STRINGS

    # What openpyxl keeps to itself has no types.
    book: Any = reader.wb
    package: Any = reader.package
    targets = [
        relation.target
        for _, relation in reader.parser.find_sheets()
        if relation.target in reader.valid_files
    ]
    part_of = {id(s): part for s, part in zip(book._sheets, targets, strict=True)}
    sheets = []
    for name in book.sheetnames:
        sheet = book[name]
        if not isinstance(sheet, Worksheet):
            sheets.append(SheetFrame(name, None))
        elif part_of[id(sheet)] not in cut:
            raise Unusual("rows in an unusual part")
        else:
            sheets.append(_sheet_frame(sheet, part_of[id(sheet)]))
    table = package.find(SHARED_STRINGS)
    return Frame(
        sheets=tuple(sheets),
        epoch=book.epoch,
        styles=len(book._cell_styles),
        date_styles=frozenset(book._date_formats),
        duration_styles=frozenset(book._timedelta_formats),
        strings_part=table.PartName[1:] if table is not None else None,
        strings=tuple(reader.shared_strings),
    )


def _sheet_frame(sheet: Any, part: str) -> SheetFrame:
    from openpyxl.cell.cell import MergedCell

    cells = sheet._cells
    covered, links = set(), []
    for (row, column), cell in cells.items():
        if isinstance(cell, MergedCell):
            covered.add((column, row))
        elif cell.hyperlink is not None:
            links.append(((column, row), cell.value))
        elif cell.value is not None:
            raise Unusual("a value from nowhere")
    return SheetFrame(
        sheet.title,
        part,
        frozenset(covered),
        tuple(links),
        max_column=max((column for _, column in cells), default=0),
        max_row=max((row for row, _ in cells), default=0),
    )


def _check_indexes(package: Package) -> None:
    """A style or string that is not there: openpyxl does not load such a file."""
    frame = package.frame
    count = len(package.strings) if package.strings else len(frame.strings)
    for sheet in frame.sheets:
        if sheet.part:
            rows = package.rows[sheet.part]
            if rows.highest_style() >= frame.styles or rows.highest_string() >= count:
                raise Unusual("a style or string that is not there")
