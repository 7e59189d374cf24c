"""A workbook as the zip file it is: where its formula cells lie, byte by byte.

Loading and saving a workbook loses whatever the library does not know. Here the sheets' XML is
only scanned, and changed by splicing bytes; nothing else is ever rewritten.
"""

import os
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

MAIN_NAMESPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
MAX_UNPACKED = 1 << 30
TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")

Value = tuple[str, str]
"""A cell's type attribute (n, str, b or e) and the text of its `<v>` element."""
Edit = tuple[int, int, bytes]
"""Where to cut out of the bytes, and what to put there."""


class BadWorkbook(Exception):
    """The file cannot be used; the text is one line for the user."""


@dataclass
class FormulaCell:
    """One `<c>` with an `<f>`: its value, and where its parts lie in the sheet's bytes."""

    ref: str
    type: str
    tag: tuple[int, int]
    formula: str = ""
    kind: str = ""
    """The `t` of `<f>`: empty, shared, array or dataTable."""
    array: str = ""
    formula_span: tuple[int, int] = (0, 0)
    value_span: tuple[int, int] | None = None
    value: str = ""

    @property
    def cached(self) -> bool:
        """An empty `<v>` is a stored value only where the cell says that it holds a string."""
        return bool(self.value) or (self.type == "str" and self.value_span is not None)


class SheetScanner:
    """Finds the formula cells of one sheet part, with byte offsets for splicing."""

    def __init__(self, xml: bytes, part: str) -> None:
        self.xml, self.cells = xml, list[FormulaCell]()
        self._cell: FormulaCell | None = None
        self._row = self._column = 0
        self._open = ""
        self._start, self._text = (0, 0), list[str]()
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            if b"\0" in xml[:4]:
                raise ValueError("is encoded as UTF-16; only UTF-8 can be patched")
            parser.Parse(xml, True)
        except expat.ExpatError as error:
            raise BadWorkbook(f"{part} is not well-formed XML: {error}") from None
        except ValueError as error:
            raise BadWorkbook(f"{part}: {error}") from None

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() not in ("utf-8", "us-ascii", "ascii"):
            raise ValueError(f"is encoded as {encoding}; only UTF-8 can be patched")

    def _doctype(self, *declaration: object) -> None:
        raise ValueError("has a document type declaration, which no spreadsheet program writes")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        if namespace not in MAIN_NAMESPACES:
            return
        start = self._parser.CurrentByteIndex
        if tag == "row":
            number = attributes.get("r", "")
            self._row = int(number) if number.isdecimal() else self._row + 1
            self._column = 0
        elif tag == "c":
            self._column += 1
            ref = attributes.get("r") or f"{column_letters(self._column)}{self._row}"
            self._column = column_number(ref) or self._column
            self._cell = FormulaCell(ref, attributes.get("t", "n"), (start, self._tag_end(start)))
        elif self._cell and tag in ("f", "v"):
            self._open, self._text = tag, []
            self._start = (start, self._tag_end(start))
            if tag == "f":
                self._cell.kind = attributes.get("t", "")
                self._cell.array = attributes.get("ref", "")

    def _characters(self, text: str) -> None:
        if self._open:
            self._text.append(text)

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        cell = self._cell
        if cell is None:
            return
        if tag == "c":
            if cell.formula_span[1]:
                self.cells.append(cell)
            self._cell = None
        elif tag == self._open:
            start, end = self._start
            if not self.xml[start:end].endswith(b"/>"):
                end = self.xml.index(b">", self._parser.CurrentByteIndex) + 1
            if tag == "f":
                cell.formula, cell.formula_span = "".join(self._text), (start, end)
            else:
                cell.value, cell.value_span = "".join(self._text), (start, end)
            self._open = ""

    def _tag_end(self, start: int) -> int:
        """A `>` may stand inside an attribute's quotes."""
        match = TAG.match(self.xml, start)
        assert match is not None, "the parser has already accepted this tag"
        return match.end()


def column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(ref: str) -> int:
    number = 0
    for letter in re.match(r"[A-Z]*", ref).group():  # type: ignore[union-attr]
        number = number * 26 + ord(letter) - 64
    return number


@dataclass
class Sheet:
    name: str
    part: str
    xml: bytes
    cells: list[FormulaCell]


@dataclass
class Package:
    """The workbook as a zip: every member, and its sheets in the workbook's order."""

    members: list[tuple[zipfile.ZipInfo, bytes]]
    comment: bytes
    sheets: list[Sheet] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Package":
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
                    raise BadWorkbook("unpacks to more than 1 GB")
                members = [(info, archive.read(info)) for info in archive.infolist()]
                package = cls(members, archive.comment)
        except zipfile.BadZipFile as error:
            kind = "is no .xlsx workbook (an .xls or an encrypted file has to be converted first)"
            raise BadWorkbook(f"{kind}: {error}") from None
        except (EOFError, RuntimeError, NotImplementedError, zlib.error) as error:
            raise BadWorkbook(f"cannot be unpacked: {error}") from None
        package._find_sheets()
        return package

    def _find_sheets(self) -> None:
        parts = {info.filename: content for info, content in self.members}
        root = relations(parts, "")
        book = next((part for kind, part in root.values() if kind == "officeDocument"), "")
        if book not in parts:
            raise BadWorkbook("is a zip file without a workbook in it")
        targets = relations(parts, book)
        for element in parse(parts[book], book).iter():
            if local(element.tag) == "sheet":
                link = next((v for k, v in element.attrib.items() if local(k) == "id"), "")
                kind, part = targets.get(link, ("", ""))
                if kind == "worksheet" and part in parts:
                    cells = SheetScanner(parts[part], part).cells
                    name = element.get("name", "")
                    self.sheets.append(Sheet(name, part, parts[part], cells))

    def write(self, path: Path, changed: dict[str, bytes]) -> None:
        """Members that are not `changed` keep their content, order, dates and compression."""
        with zipfile.ZipFile(path, "w") as archive:
            archive.comment = self.comment
            for info, content in self.members:
                archive.writestr(info, changed.get(info.filename, content))


def parse(xml: bytes, part: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise BadWorkbook(f"{part} is not well-formed XML: {error}") from None


def local(name: str) -> str:
    return name.rpartition("}")[2]


def relations(parts: dict[str, bytes], source: str) -> dict[str, tuple[str, str]]:
    """The relations of one part: id -> (last word of the type, the target's member name)."""
    home = PurePosixPath(source).parent if source else PurePosixPath()
    name = str(home / "_rels" / f"{PurePosixPath(source).name}.rels")
    found = {}
    for element in parse(parts.get(name, b"<none/>"), name):
        target = element.get("Target", "")
        # Targets are relative to the source's folder unless they start with a slash.
        joined = os.path.normpath(home / target) if target[:1] != "/" else target[1:]
        kind = element.get("Type", "").rpartition("/")[2]
        found[element.get("Id", "")] = (kind, joined.replace(os.sep, "/"))
    return found


def splice(xml: bytes, edits: Iterable[Edit]) -> bytes:
    pieces, position = [], 0
    for start, end, text in sorted(edits):
        pieces += [xml[position:start], text]
        position = end
    return b"".join([*pieces, xml[position:]])


def value_edits(xml: bytes, cell: FormulaCell, value: Value) -> list[Edit]:
    """Set the cell's `t` where the kind of value asks for it, and put `<v>` in its place."""
    kind, text = value
    start, end = cell.tag
    tag = xml[start:end]
    if cell.type != kind:
        for match in re.finditer(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""", tag):
            if match[1] == b"t":
                tag = tag[: match.start()] + tag[match.end() :]
                break
        if kind != "n":
            tag = b'%s t="%s">' % (tag[:-1], kind.encode())
    prefix = tag[1 : tag.index(b":") + 1] if re.match(rb"<[^\s>:]+:c\b", tag) else b""
    spot = cell.value_span or (cell.formula_span[1], cell.formula_span[1])
    return [(start, end, tag), (*spot, b"<%sv>%s</%sv>" % (prefix, xml_text(text), prefix))]


def xml_text(text: str) -> bytes:
    """Characters that XML cannot hold are written as spreadsheet programs write them."""
    legal = re.sub(
        "[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]", lambda m: f"_x{ord(m[0]):04X}_", text
    )
    return escape(legal).encode("utf-8")
