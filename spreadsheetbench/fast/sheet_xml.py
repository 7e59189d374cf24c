"""Which sheets and shared strings can be read without openpyxl, and what their cells hold.

Patterns here accept only what openpyxl is known to load, and what they accept means one thing
only. Anything else, harmless as it may be, raises Unusual, and openpyxl reads the whole file.
"""

import re
from bisect import bisect_left
from collections.abc import Collection
from functools import lru_cache
from itertools import pairwise
from operator import lt
from xml.etree import ElementTree
from xml.parsers import expat

from spreadsheetbench.fast.archive import Unusual

Cell = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]
"""Column, row, style, type, a mark of an inline string, its text, the text of a value: all as in
the file, and empty where it is not there."""


_SOUND = re.fullmatch(rb"(?:ab?c)*+", b"aca") is None
"""Python before 3.11.5 lets a possessive group keep the beginning of an attempt that failed
(gh-106052). What a pattern accepts by that is not well-formed: there, a parser sees all of it."""

_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PROLOG = (
    rb"(?:\xef\xbb\xbf)?(?:<\?xml version=[\"']1\.0[\"'](?: encoding=[\"'](?i:utf-8)[\"'])?"
    rb"(?: standalone=[\"'](?:yes|no)[\"'])?\s*\?>)?\s*"
)
_IN_MAIN = rb"(?:\s[^<>']*)?\sxmlns=\"%s\"[^<>']*(?<!/)>" % re.escape(_MAIN)
_SHEET_HEAD = re.compile(_PROLOG + rb"<worksheet" + _IN_MAIN)
_STRINGS_HEAD = re.compile(_PROLOG + rb"<sst" + _IN_MAIN)
_EMPTY_DATA = re.compile(rb"<sheetData ?/>")
_ROW_OUTSIDE = re.compile(rb"<row[\s/>]")
_HIDDEN_NAMESPACE = re.compile(rb"xmlns[^=<>]*=\s*[\"'][^\"'<>]*&")

_FORMULA = rb"(?:<f(?:\s[^<>]*+)?+>(?:(?<=/>)|[^<]*+</f>)|<f/>)?+"
_NUMBER = rb"-?[0-9]{1,300}+(?:\.[0-9]{0,300}+)?(?:[eE][-+]?[0-9]{1,5})?"
_EMPTY = rb"(?:<v ?/>|<v></v>)?+"
_TEXT = rb"(?:<v ?/>|<v(?: xml:space=\"preserve\")?>[^<]*+</v>)?+"
_META = rb"(?: cm=\"[0-9]{1,9}\")?+(?: vm=\"[0-9]{1,9}\")?+"
_INLINE = rb"<is>(?:<t ?/>|<t(?: xml:space=\"preserve\")?>[^<]*+</t>)</is>"
_CELL = (
    rb"<c r=\"[A-Z]{1,3}\1\"(?: s=\"[0-9]{1,6}\")?+(?:"
    + rb"(?: t=\"(?:n|s|str|b|e|inlineStr)\")?+%s ?/>" % _META
    + rb"|(?: t=\"n\")?+%s>%s(?:<v>%s</v>|%s)</c>" % (_META, _FORMULA, _NUMBER, _EMPTY)
    + rb"| t=\"s\"%s>(?:<v>[0-9]{1,9}</v>|%s)</c>" % (_META, _EMPTY)
    + rb"| t=\"(?:str|e)\"%s>%s%s</c>" % (_META, _FORMULA, _TEXT)
    + rb"| t=\"b\"%s>%s(?:<v>[01]</v>|%s)</c>" % (_META, _FORMULA, _EMPTY)
    + rb"| t=\"inlineStr\"%s>%s</c>)" % (_META, _INLINE)
)
_ROW = (
    rb"<row r=\"([1-9][0-9]{0,5})\"(?: (?:spans=\"[0-9: ]{0,99}\"|s=\"[0-9]{1,6}\""
    rb"|(?:customFormat|hidden|customHeight|collapsed|thickTop|thickBot|ph)=\"(?:0|1|true|false)\""
    rb"|ht=\"[0-9]{1,6}(?:\.[0-9]{1,30})?\"|outlineLevel=\"[0-7]\""
    rb"|[A-Za-z0-9]{1,20}:dyDescent=\"[0-9.]{1,30}\"))*+\s?(?:/>|>(?:" + _CELL + rb")*+</row>)"
)
_BODY = re.compile(rb"\s*+(?:" + _ROW + rb"\s*+)*+")
_NEXT_ROW = re.compile(rb"\s*+" + _ROW)
_ROW_START = re.compile(rb"<row r=\"([0-9]+)\"")
_STYLE = re.compile(rb" s=\"([0-9]+)\"")
_COLUMN = re.compile(rb"<c r=\"([A-Z]+)")
_NAME = re.compile(rb"<c r=\"([A-Z]+[0-9]+)")
_STRING_INDEX = re.compile(rb" t=\"s\"[^<>]*><v>([0-9]+)")
_VALUED = (
    rb"([0-9]+)\"(?: s=\"([0-9]+)\")?(?: t=\"([A-Za-z]+)\")?"
    + _META
    + rb">"
    + _FORMULA
    + rb"(?:(<is>)(?:<t ?/>|<t[^<>/]*>([^<]*)</t>)</is>|<v(?: [^<>/]*)?>([^<]*)</v>)</c>"
)
_CELLS = re.compile(rb"<c r=\"([A-Z]+)" + _VALUED)
_FORMULAS = re.compile(rb"<c r=\"([A-Z]+)([0-9]+)\"[^<>]*><f((?:\s[^<>]*?)?)(?:/>|>([^<]*)</f>)")
_EMPTY_FORMULA_TEXT = re.compile(
    rb"<c r=\"([A-Z]+)([0-9]+)\"(?: s=\"[0-9]+\")? t=\"str\""
    + _META
    + rb"(?: ?/>|>"
    + _FORMULA
    + rb"(?:<v ?/>|<v(?: xml:space=\"preserve\")?></v>)?</c>)"
)

_ROW_ATTRIBUTES = re.compile(rb"<row r=\"[0-9]+\"\s([^<>/]+)")
_FORMULA_ATTRIBUTES = re.compile(rb"<f\s([^<>]*)")
LONG, FEW = 200_000, 40
"""Bytes of rows from which a pattern of its own for the columns wanted is worth its making."""

_PLAIN_STRING = rb"\s*+<si><t(?: xml:space=\"preserve\")?>([^<]*+)</t>"
_PLAIN = re.compile(_PLAIN_STRING)
_ALL_PLAIN = re.compile(rb"(?:" + _PLAIN_STRING + rb"</si>)*+\s*+")


class SheetRows:
    """The `sheetData` of one part. Raises Unusual."""

    def __init__(self, xml: bytes) -> None:
        body, self.around = _cut(xml)
        if not _BODY.fullmatch(body):
            raise Unusual("cells of another form")
        if _SOUND and _plain_text(body):
            # What is left to a parser are the attributes that the pattern leaves open.
            tags = {*_ROW_ATTRIBUTES.findall(body), *_FORMULA_ATTRIBUTES.findall(body)}
            start = xml.find(b"<sheetData>") + len(b"<sheetData>") if tags else 0
            told = b"".join(b"<a " + tag.rstrip(b"/") + b"/>" for tag in tags)
            check_well_formed(self.around[:start] + told + self.around[start:])
        else:
            check_well_formed(xml)
        self._body = body
        self.rows = list(map(int, _ROW_START.findall(body)))
        if not all(map(lt, self.rows, self.rows[1:])):
            raise Unusual("rows out of order")
        self.size = len(xml)

    def highest_style(self) -> int:
        return max(map(int, set(_STYLE.findall(self._body))), default=0)

    def highest_string(self) -> int:
        """-1 where there is none."""
        return max(map(int, set(_STRING_INDEX.findall(self._body))), default=-1)

    def columns(self) -> set[bytes]:
        """The letters of all columns in which the file mentions a cell."""
        return set(_COLUMN.findall(self._body))

    def last_row(self) -> int:
        """The last row in which the file mentions a cell; 0 without any."""
        last = self._body.rfind(b"<c r=")
        row = _ROW_START.match(self._body, self._body.rfind(b"<row r=", 0, max(last, 0)))
        return int(row[1]) if row else 0

    def between(self, first_row: int, last_row: int) -> tuple[int, int]:
        """The numbers, as counted here, of the rows that are there."""
        return bisect_left(self.rows, first_row), bisect_left(self.rows, last_row + 1)

    def cells(self, first: int, end: int, columns: Collection[bytes]) -> list[Cell]:
        """Those with a value or an inline string, even an empty one; of rows counted as here.

        Of other columns than those wanted there may be some, too.
        """
        if first >= end:
            return []
        segment = _without_repeats(self._body[self._start(first) : self._start(end)])
        cells = _CELLS
        if len(segment) > LONG and len(columns) <= FEW:
            cells = _cells_in(b"|".join(columns))
        found: list[Cell] = cells.findall(segment)
        return found

    def formulas(self, end: int) -> list[tuple[bytes, bytes, bytes, bytes]]:
        """Column, row, attributes and text of each, in the rows before that one."""
        found: list[tuple[bytes, bytes, bytes, bytes]] = []
        segment = self._body[: self._start(end)]
        if b"<f" in segment:
            found = _FORMULAS.findall(_without_repeats(segment))
        return found

    def _start(self, number: int) -> int:
        """Of that row, in the bytes."""
        if number == len(self.rows):
            return len(self._body)
        return self._body.find(b'<row r="%d"' % self.rows[number])

    def empty_texts(self) -> list[tuple[bytes, bytes]]:
        """Column and row of the cells whose type is that of a formula's text, and have none."""
        found: list[tuple[bytes, bytes]] = _EMPTY_FORMULA_TEXT.findall(_without_repeats(self._body))
        return found


@lru_cache(64)
def _cells_in(columns: bytes) -> "re.Pattern[bytes]":
    return re.compile(rb"<c r=\"(%s)" % columns + _VALUED)


def _without_repeats(segment: bytes) -> bytes:
    """Of cells that are there twice the last one counts, even an empty one."""
    names = _NAME.findall(segment)
    if len(set(names)) == len(names):
        return segment
    last = {cell.split(b'"', 1)[0]: cell for cell in segment.split(b'<c r="')[1:]}
    return b"".join(b'<c r="' + cell for cell in last.values())


def first_rows(body: bytes, count: int) -> tuple[list[tuple[int, list[Cell]]], int]:
    """The rows in the front of the beginning of a sheet's data, with their numbers, and where
    they end; fewer where the next one is not there as a whole, or is one of another form."""
    rows: list[tuple[int, list[Cell]]] = []
    at = 0
    while len(rows) < count and (row := _NEXT_ROW.match(body, at)):
        names = _COLUMN.findall(row[0])
        if any((len(a), a) >= (len(b), b) for a, b in pairwise(names)):
            raise Unusual("cells out of order")
        if (rows and rows[-1][0] >= int(row[1])) or not _readable(row[0]):
            raise Unusual("rows of another form")
        if not _SOUND:
            check_well_formed(row[0], namespaces=False)
        rows.append((int(row[1]), _CELLS.findall(row[0])))
        at = row.end()
    return rows, at


def sheet_head(xml: bytes) -> bytes | None:
    """What stands before the rows, from the beginning of a sheet; None if that is cut off."""
    head, found, _ = xml.partition(b"<sheetData")
    if not found:
        return None
    if (
        not _SHEET_HEAD.match(head)
        or b"<!" in head
        or head.count(b"xmlns=") != 1
        or _HIDDEN_NAMESPACE.search(head)
    ):
        raise Unusual("a sheet of another form")
    return head


def first_strings(xml: bytes) -> list[bytes]:
    """The shared strings that are whole in the beginning of their part, as XML."""
    head = _STRINGS_HEAD.match(xml)
    pieces = xml[head.end() if head else 0 :].split(b"</si>")[:-1]
    opened = sum(piece.count(b"<si") for piece in pieces)
    if not head or b"<!" in xml or opened != len(pieces):
        raise Unusual("shared strings of another form")
    return pieces


_CHARACTER = re.compile(rb"&#(?:[0-9]+|x[0-9A-Fa-f]+);")


def _readable(xml: bytes) -> bool:
    """As plain text, or with characters told by number: those are a parser's in the end."""
    return _plain_text(_CHARACTER.sub(b"", xml))


def plain_string(piece: bytes) -> str | None:
    """The text of such a string, unless it is more than a text. Raises Unusual."""
    if not _readable(piece):
        raise Unusual("a string of another form")
    found = _PLAIN.fullmatch(piece)
    return unescaped(found[1]).replace("x005F_", "") if found else None


def _cut(xml: bytes) -> tuple[bytes, bytes]:
    """What stands inside of sheetData, and the part without it."""
    start = xml.find(b"<sheetData")
    if empty := _EMPTY_DATA.match(xml, max(start, 0)):
        body, around = b"", xml
        outside = xml[:start] + xml[empty.end() :]
    elif xml.startswith(b"<sheetData>", start):
        inside, end = start + len(b"<sheetData>"), xml.find(b"</sheetData>", start)
        if end < 0:
            raise Unusual("sheetData is not closed")
        body, around = xml[inside:end], xml[:inside] + xml[end:]
        outside = around
    else:
        raise Unusual("no sheetData")
    head = xml[:start]
    if (
        not _SHEET_HEAD.match(xml)
        or b"<!" in outside
        or outside.count(b"<sheetData") > 1
        or outside.count(_MAIN) != 1
        or head.count(b"xmlns=") != 1
        or _HIDDEN_NAMESPACE.search(outside)
        or _ROW_OUTSIDE.search(outside)
    ):
        raise Unusual("a sheet of another form")
    return body, around


def check_well_formed(xml: bytes, namespaces: bool = True) -> None:
    """As openpyxl's own parser sees it. Raises Unusual."""
    try:
        expat.ParserCreate(None, "}" if namespaces else None).Parse(xml, True)
    except expat.ExpatError as error:
        raise Unusual(str(error)) from None


_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r")
_ENTITY = re.compile(rb"&(?:amp|lt|gt|quot|apos);")


def _plain_text(xml: bytes) -> bool:
    """Whether any text in it is one for a parser, wherever its tags are; much quicker than one."""
    if b"]]>" in xml or len(xml.translate(None, _CONTROL)) != len(xml):
        return False
    if b"&" in xml and xml.count(b"&") != len(_ENTITY.findall(xml)):
        return False
    if xml.isascii():
        return True
    if b"\xef\xbf\xbe" in xml or b"\xef\xbf\xbf" in xml:
        return False
    try:
        xml.decode()
    except UnicodeDecodeError:
        return False
    return True


class Strings:
    """The shared strings of one part. Raises Unusual."""

    def __init__(self, xml: bytes) -> None:
        head = _STRINGS_HEAD.match(xml)
        end = xml.rfind(b"</sst>")
        if (
            not head
            or end < 0
            or xml[end + len(b"</sst>") :].strip()
            or xml.count(_MAIN) != 1
            or b"<!" in xml
            or b"<?" in xml[head.end() :]
            or _HIDDEN_NAMESPACE.search(head[0])
        ):
            raise Unusual("shared strings of another form")
        body = xml[head.end() : end]
        *self._pieces, rest = body.split(b"</si>")
        self.odd: list[int] = []
        """Rich texts and the like, which only openpyxl reads."""
        if rest.strip():
            raise Unusual("more than shared strings")
        if not _ALL_PLAIN.fullmatch(body):
            self.odd = self._find_odd()
        odd = b"".join(self._pieces[index] + b"</si>" for index in self.odd)
        self.around = head[0] + odd + xml[end:]
        check_well_formed(self.around if _SOUND and _plain_text(body) else xml)

    def _find_odd(self) -> list[int]:
        odd = []
        for index, piece in enumerate(self._pieces):
            if not piece.lstrip().startswith(b"<si>") or piece.count(b"<si") != 1:
                raise Unusual("strings of another form")
            if not _PLAIN.fullmatch(piece):
                odd.append(index)
        return odd

    def __len__(self) -> int:
        return len(self._pieces)

    def text(self, index: int) -> str:
        text = plain_string(self._pieces[index])
        if text is None:
            raise IndexError(index)
        return text


def unescaped(raw: bytes) -> str:
    """The text that a parser makes of it: entities, and line ends."""
    if b"&" in raw or b"\r" in raw:
        return ElementTree.fromstring(b"<t>" + raw + b"</t>").text or ""
    return raw.decode()
