"""Hostile and broken workbooks, each a way to fill a path: quick to make, not so to read."""

import os
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET, STYLES, STRINGS = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/sharedStrings.xml"
XML = '<?xml version="1.0" encoding="UTF-8"?>'
ONE = '<row r="1"><c r="A1"><v>1</v></c></row>'
SECRET = "secret-beside-the-workbook"
"""In a file that an external entity asks for."""

Part = str | Iterable[bytes]
Maker = Callable[[Path], object]


def sheet(rows: str = ONE, *, before: str = "", head: str = "", after: str = "") -> str:
    return (
        f'{XML}{head}<worksheet xmlns="{MAIN}" xmlns:r="{OFFICE}">{before}'
        f"<sheetData>{rows}</sheetData>{after}</worksheet>"
    )


def package(path: Path, parts: dict[str, Part] | None = None, *, sheets: int = 1) -> None:
    """A workbook with 1 in A1, and these parts in place of its own or besides."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in {**_parts(sheets), **(parts or {})}.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in [content.encode()] if isinstance(content, str) else content:
                    member.write(piece)


def _parts(sheets: int) -> dict[str, Part]:
    numbers = range(1, sheets + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{KIND}.worksheet+xml"/>'
        for n in numbers
    )
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    related = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    for name in ("styles", "sharedStrings"):
        types += f'<Override PartName="/xl/{name}.xml" ContentType="{KIND}.{name}+xml"/>'
        related += f'<Relationship Id="{name}" Type="{OFFICE}/{name}" Target="{name}.xml"/>'
    relations = f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
    root = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    return {
        "[Content_Types].xml": f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default '
        'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>'
        f"{types}</Types>",
        "_rels/.rels": f"{relations}{root}</Relationships>",
        "xl/workbook.xml": f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"{relations}{related}</Relationships>",
        STYLES: styles(),
        STRINGS: strings("<si><t>a</t></si>"),
        **{f"xl/worksheets/sheet{n}.xml": sheet() for n in numbers},
    }


def styles(formats: str = "", cells: str = '<xf numFmtId="0"/>') -> str:
    one = "<fonts><font/></fonts><fills><fill><patternFill/></fill></fills>"
    one += '<borders><border/></borders><cellStyleXfs><xf numFmtId="0"/></cellStyleXfs>'
    return f'{XML}<styleSheet xmlns="{MAIN}">{formats}{one}<cellXfs>{cells}</cellXfs></styleSheet>'


def strings(items: str) -> str:
    return f'{XML}<sst xmlns="{MAIN}">{items}</sst>'


def around(part: str, middle: bytes, times: int) -> Iterator[bytes]:
    """The part with `middle` over and over where it has an `@`."""
    head, tail = part.encode().split(b"@")
    yield head
    block = middle * max(1, (1 << 20) // len(middle))
    for _ in range(max(1, times * len(middle) // len(block))):
        yield block
    yield tail


def book(**parts: Part) -> Maker:
    names = {"sheet": SHEET, "styles": STYLES, "strings": STRINGS}
    return lambda path: package(path, {names[key]: part for key, part in parts.items()})


def swollen(name: str, part: str, middle: bytes, times: int) -> Maker:
    """Made anew for each path, as what is streamed is used up."""
    return lambda path: package(path, {name: around(part, middle, times)})


def changed(change: Callable[[bytes], bytes]) -> Maker:
    def make(path: Path) -> None:
        package(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def _entry(field: int, kind: str, value: int) -> Maker:
    """One field of the last entry of the archive's directory says something else."""

    def change(data: bytes) -> bytes:
        at = data.rindex(b"PK\1\2") + field
        return data[:at] + struct.pack(kind, value) + data[at + struct.calcsize(kind) :]

    return changed(change)


def _twice(path: Path) -> None:
    package(path)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(SHEET, sheet("<row><c><v>2</v></c></row>"))


def _names(*names: str) -> Maker:
    return lambda path: package(path, dict.fromkeys(names, "x"))


def _nested(path: Path) -> None:
    inner = path.with_name("inner.zip")
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("0", bytes(64 << 20))
    content = inner.read_bytes()
    inner.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(20):
            archive.writestr(f"xl/{n}.xlsx", content)


def _entities(path: Path) -> None:
    beside = path.with_name("secret.txt")
    beside.write_text(SECRET)
    head = f'<!DOCTYPE w [<!ENTITY x SYSTEM "{beside.as_uri()}">]>'
    package(path, {SHEET: sheet(INLINE.replace("@", "&x;"), head=head)})


def _to_itself(path: Path) -> None:
    path.symlink_to(path.name)


INLINE = '<row r="1"><c r="A1" t="inlineStr"><is><t>@</t></is></c></row>'
_LAUGHS = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
LAUGHS = f'<!DOCTYPE w [<!ENTITY e0 "ha">{_LAUGHS}]>'
LONG = f'<!DOCTYPE w [<!ENTITY e "{"a" * 50_000}">]>'
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
ALL = "A1:XFD1048576"
MB = 1 << 20


def _formulas(*texts: str) -> str:
    cells = "".join(f'<c r="A{n}"><f>{text}</f></c>' for n, text in enumerate(texts, start=1))
    return sheet(f"<row>{cells}</row>")


BOOKS: dict[str, Maker] = {
    "bomb in a sheet": swollen(SHEET, sheet(INLINE), b"a", 400 * MB),
    "bomb of blanks": swollen(SHEET, sheet(after="@"), b" ", 400 * MB),
    "bomb in the strings": swollen(STRINGS, strings("<si><t>@</t></si>"), b"a", 400 * MB),
    "bomb in the styles": swollen(STYLES, styles() + "@", b" ", 400 * MB),
    "bombs in archives in the archive": _nested,
    "millions of strings": swollen(STRINGS, strings("@"), b"<si><t>a</t></si>", 3_000_000),
    "millions of styles": swollen(STYLES, styles(cells="@"), b'<xf numFmtId="0"/>', 1_000_000),
    "millions of cells": swollen(SHEET, sheet("<row>@</row>"), b"<c><v>1</v></c>", 5_000_000),
    "millions of rows": swollen(SHEET, sheet("@"), b"<row><c><v>1</v></c></row>", 3_000_000),
    "millions of merged ranges": swollen(
        SHEET,
        sheet(after="<mergeCells>@</mergeCells>"),
        b'<mergeCell ref="A1:B2"/>',
        1_000_000,
    ),
    "all cells merged": book(
        sheet=sheet(after=f'<mergeCells><mergeCell ref="{ALL}"/></mergeCells>')
    ),
    "cells at both ends": book(
        sheet=sheet(ONE + '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>')
    ),
    "a size that is not": book(sheet=sheet(before=f'<dimension ref="{ALL}"/>')),
    "a size beyond all": book(sheet=sheet(before='<dimension ref="A1:ZZZZZ99999999999999"/>')),
    "a row beyond all": book(sheet=sheet(f'<row r="{"9" * 30}"><c><v>1</v></c></row>')),
    "a number of a million digits": book(
        sheet=sheet(f'<row r="1"><c r="A1"><v>{"9" * MB}</v></c></row>')
    ),
    "a hyperlink over all": book(
        sheet=sheet(after=f'<hyperlinks><hyperlink ref="{ALL}" location="x"/></hyperlinks>')
    ),
    "an array formula over all": book(
        sheet=sheet(f'<row r="1"><c r="A1"><f t="array" ref="{ALL}">1</f></c></row>')
    ),
    "formulas over whole sheets": book(
        sheet=_formulas(*[f"SUM(B:XFD)+SUMPRODUCT((B:B=C:C)*({n}))" for n in range(50)])
    ),
    "a formula that asks for itself": book(sheet=_formulas("A2+1", "A1+1")),
    "a formula of nested brackets": book(sheet=_formulas("(" * 20_000 + "1" + ")" * 20_000)),
    "a formula that grows": book(sheet=_formulas('REPT(REPT("a",32767),32767)', "SEQUENCE(9^9)")),
    "a format of brackets": book(
        styles=styles(
            f'<numFmts><numFmt numFmtId="200" formatCode="{"[" * 300_000}"/></numFmts>',
            '<xf numFmtId="200" applyNumberFormat="1"/>',
        )
    ),
    "20,000 sheets": lambda path: package(path, sheets=20_000),
    "billion laughs": book(sheet=sheet(INLINE.replace("@", "&e9;"), head=LAUGHS)),
    "billion laughs in the styles": book(styles=styles().replace(XML, XML + LAUGHS) + "&e9;"),
    "a long entity many times": book(
        sheet=sheet(INLINE.replace("@", "&e;" * 50_000), head=LONG),
    ),
    "an external entity": _entities,
    "deeply nested XML": swollen(SHEET, sheet(after="@"), b"<a>", 3_000_000),
    "deeply nested styles": swollen(STYLES, styles("@"), b"<a>", 1_000_000),
    "torn XML": book(sheet=sheet()[:-20]),
    "no XML": book(sheet="<" * 5000),
    "another encoding": lambda path: package(path, {SHEET: [sheet().encode("utf-16")]}),
    "external links": lambda path: package(
        path,
        {
            "xl/worksheets/_rels/sheet1.xml.rels": f'{XML}<Relationships xmlns="{PACKAGE}'
            f'/relationships"><Relationship Id="r1" Type="{OFFICE}/hyperlink" '
            'Target="file:///etc/passwd" TargetMode="External"/></Relationships>',
            SHEET: sheet(after='<hyperlinks><hyperlink ref="A1" r:id="r1"/></hyperlinks>'),
        },
    ),
    "names that lead out": _names("../../../tmp/out", "/etc/out", "..\\out", "a\0b", "C:/out"),
    "60,000 parts": lambda path: package(path, {f"xl/{n}": "" for n in range(60_000)}),
    "one part twice": _twice,
    "a wrong sum": _entry(16, "<I", 0x12345678),
    "a size of exabytes": _entry(24, "<I", 0xFFFFFFF0),
    "a size of nothing": _entry(24, "<I", 0),
    "an unknown compression": _entry(10, "<H", 99),
    "encrypted parts": _entry(8, "<H", 1),
    "a start outside of the file": _entry(42, "<I", 0x7FFFFFFF),
    "cut off": changed(lambda data: data[: len(data) // 2]),
    "without a directory": changed(lambda data: data[: data.rindex(b"PK\5\6")]),
    "noise after the head": changed(lambda data: data[:40] + os.urandom(5000)),
    "an encrypted workbook": lambda path: path.write_bytes(
        OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(5000)
    ),
    "an xls": lambda path: path.write_bytes(OLE + bytes(9000)),
    "an xlsb": lambda path: package(path, {"xl/workbook.bin": "\x83\x01", "xl/workbook.xml": ""}),
    "an ods": lambda path: _other(path, "mimetype", "application/vnd.oasis.opendocument"),
    "a csv": lambda path: path.write_text("a,b\n1,2\n"),
    "a web page": lambda path: path.write_text("<html><table><tr><td>1</table></html>"),
    "nothing": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(MB)),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to itself": _to_itself,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}


def _other(path: Path, name: str, content: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
