"""Changed copies of a workbook: one change in one part, of every kind that a reader has to know.

The kinds follow the rules by which openpyxl reads a cell (numbers, dates by style, merges, links,
strings, names of cells), and the parts elsewhere that decide whether it loads a file at all.
"""

import random
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

Change = Callable[[bytes, random.Random], bytes]

NUMBER = re.compile(rb"(<c r=\"[A-Z]+[0-9]+\"(?: s=\"[0-9]+\")?(?: t=\"n\")?><v>)([0-9.]+)<")
"""A cell that holds one, which is no formula."""

SHEETS, STRINGS, STYLES = r"xl/worksheets/sheet", r"xl/sharedStrings\.xml", r"xl/styles\.xml"
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"


def changed(gold: Path, target: Path, rng: random.Random) -> Path:
    with zipfile.ZipFile(gold) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    pattern, change = rng.choice(CHANGES)
    names = [name for name in parts if re.match(pattern, name)]
    if names:
        name = rng.choice(names)
        parts[name] = change(parts[name], rng)
    if rng.random() < 0.01:
        parts.pop(rng.choice(list(parts)))
    with zipfile.ZipFile(target, "w", rng.choice([zipfile.ZIP_DEFLATED] * 4 + [0])) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return target


def spot(part: bytes, mark: bytes, rng: random.Random) -> int:
    """Behind some occurrence of the mark; -1 without any."""
    start = rng.randrange(max(1, len(part)))
    found = part.find(mark, start)
    found = part.find(mark) if found < 0 else found
    return found + len(mark) if found >= 0 else -1


def put(mark: bytes, *texts: bytes) -> Change:
    """Behind some mark."""

    def change(part: bytes, rng: random.Random) -> bytes:
        at = spot(part, mark, rng)
        return part if at < 0 else part[:at] + rng.choice(texts) + part[at:]

    return change


def other(mark: bytes, *texts: bytes) -> Change:
    """What follows the mark is replaced up to the next `<` or quote."""

    def change(part: bytes, rng: random.Random) -> bytes:
        at = spot(part, mark, rng)
        if at < 0:
            return part
        end = at
        while end < len(part) and part[end : end + 1] not in (b"<", b'"'):
            end += 1
        return part[:at] + rng.choice(texts) + part[end:]

    return change


def found(pattern: bytes, *texts: bytes) -> Change:
    """Some occurrence of the pattern replaced; `\\1` is its first group."""
    compiled = re.compile(pattern, re.DOTALL)

    def change(part: bytes, rng: random.Random) -> bytes:
        one = compiled.search(part, rng.randrange(max(1, len(part)))) or compiled.search(part)
        if not one:
            return part
        return part[: one.start()] + one.expand(rng.choice(texts)) + part[one.end() :]

    return change


def number(*texts: bytes) -> Change:
    """Instead of the number of some cell."""
    return found(NUMBER.pattern, *(rb"\g<1>" + text + b"<" for text in texts))


def every(pattern: bytes, *texts: bytes) -> Change:
    return lambda part, rng: re.sub(pattern, rng.choice(texts), part)


def dropped(part: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(max(1, len(part)))
    return part[:at] + part[at + rng.choice([1, 7, 400]) :]


def encoded(part: bytes, rng: random.Random) -> bytes:
    """In another encoding, told or not."""
    try:
        text = part.decode()
    except UnicodeDecodeError:
        return part
    told = text.replace("UTF-8", "UTF-16") if rng.random() < 0.5 else text
    return told.encode("utf-16")


END = b"</sheetData>"
DATES = [b"0", b"0.25", b"0.99999999999", b"59.9", b"60", b"61", b"-1", b"1e10", b"45000.7512345"]
CODES = [
    b"Standard",
    b"0.0s",
    b"[h]:mm",
    b"[ss]",
    b"[&lt;1]h;d",
    b"0;d",
    b"[Red]0",
    b"&quot;d&quot;0",
]

CHANGES: Sequence[tuple[str, Change]] = [
    *[(SHEETS, number(b"7", b"-1.5", b"0.25", b"1e400", b"1E-3", b"", b"NaN", *DATES))] * 8,
    *[(SHEETS, other(b"<v>", b"0", b"1", b"", b"2"))] * 6,
    (SHEETS, number(b" 7 ", b"1_000", b"1,5", b"abc", b"007", b"+7", b"7.", b"0x1", b"9" * 400)),
    (SHEETS, other(b"<v>", b"x", b"999999", b"#N/A", b"&#65;", b" 1", b"nan", b"inf", b" ")),
    (SHEETS, other(b"<t>", b"x", b"1", b"", b"&amp;", b" 12 ", b"nan", b"_x005F_x", b"&#10;")),
    (SHEETS, other(b' s="', b"0", b"1", b"2", b"3", b"4", b"5", b"99999", b"-1", b"x")),
    (SHEETS, other(b' t="', b"s", b"str", b"n", b"b", b"e", b"d", b"inlineStr", b"x")),
    (SHEETS, other(b'<c r="', b"A1", b"b2", b"ZZ9", b"", b"A0", b"XFD1048576", b"B2:C3")),
    (SHEETS, other(b'<row r="', b"1", b"0", b"9999999", b"2.0", b"x", b"")),
    (SHEETS, other(b'<dimension ref="', b"A1", b"Z99", b"", b"x")),
    (SHEETS, found(rb"(</f>)<v>[^<]*</v>", rb"\1", rb"\1<v/>", rb"\1<v></v>", rb"\1<v> </v>")),
    (SHEETS, found(rb"(<c r=\"[A-Z]+[0-9]+\"[^>]*>.*?</c>)", rb"\1\1", b"", rb"\1<c/>")),
    (SHEETS, found(rb"(<c) r=\"[A-Z]+[0-9]+\"", rb"\1")),
    (SHEETS, every(rb"(<c|<row) r=\"\w+\"", rb"\1")),
    (SHEETS, found(rb"(<row [^>]*>.*?</row>)", rb"\1\1", b"")),
    (SHEETS, every(rb"(<c r=\")([A-Z]+)", rb"\1\2", rb"\1a")),
    (SHEETS, put(END, b'<mergeCells><mergeCell ref="A1:C9"/></mergeCells>')),
    (SHEETS, put(END, b'<mergeCells><mergeCell ref="%s"/></mergeCells>' % (b"B2:XFD2",))),
    (SHEETS, put(END, b'<hyperlinks><hyperlink ref="B2:C4" location="x"/></hyperlinks>')),
    (
        SHEETS,
        found(
            rb"<v>[^<]*</v>(.*?</sheetData>)",
            rb"\1<hyperlinks>"
            rb'<hyperlink ref="A1:J30" display="5"/></hyperlinks>',
        ),
    ),
    (SHEETS, put(END, b'<dataValidations><dataValidation type="x"/></dataValidations>')),
    (SHEETS, put(END, b'<conditionalFormatting sqref="x"/>', b"<pageMargins/>", b"<nix/>")),
    (SHEETS, found(rb"(<sheetView) ", rb'\1 view="x" ', rb'\1 zoomScale="x" ')),
    (
        SHEETS,
        found(rb"(<sheetData)", rb'<cols><col min="x"/></cols>\1', rb"<!-- -->\1", rb"\1 x=''"),
    ),
    (SHEETS, found(rb"(<worksheet)", rb"<!DOCTYPE worksheet>\1", rb"\1 xmlns:x='urn:x'")),
    (SHEETS, put(b"<row ", b'x="1" ', b'ht="9" ', b'ht="x" ', b'r="1" ', b'xmlns:q="urn:q" ')),
    (SHEETS, put(b"</row>", b'<row r="999"><c r="ZZ999"/></row>', b"<!-- -->", b"\n", b"<?x y?>")),
    (SHEETS, put(b"<v>", b"\x01", b"&nix;", b"\xff", b"]]>", b"<![CDATA[1]]>", b"\xef\xbf\xbe")),
    (SHEETS, put(b"<f>", b"]]>", b"&", b"\x02", b"&#0;", b"&lt;")),
    (
        SHEETS,
        found(rb"<f>", b'<f t="shared" si="0">', b'<f t="array">', b"<f x>", b'<f a="1" a="2">'),
    ),
    (SHEETS, every(re.escape(MAIN), STRICT)),
    (SHEETS, encoded),
    (
        STRINGS,
        found(
            rb"<si><t[^>]*>([^<]*)</t></si>",
            rb"<si><r><t>\1</t></r><r><t>+</t></r></si>",
            rb"<si><t>a</t><t>\1</t></si>",
            rb"<si><t>\1</t><rPh sb='0' eb='1'><t>x</t></rPh></si>",
            rb"<si><t>_x005F_\1_x000D_</t></si>",
            rb"<si><t> \1 </t></si>",
            rb"<si/>",
            b"",
            rb"<si><t>\1</t></si><si><t>new</t></si>",
            rb"<si><t>nan</t></si>",
            rb"<si><t>\1&#13;</t></si>",
        ),
    ),
    (STRINGS, put(b"<t>", b"]]>", b"&nix;", b"\x01", b"<!-- -->", b"\xc3", b"\r\n")),
    (STRINGS, dropped),
    (STYLES, found(rb"(formatCode=\")[^\"]*", *(rb"\g<1>" + code for code in CODES))),
    (
        STYLES,
        found(
            rb"(<xf numFmtId=\")[0-9]+",
            rb"\g<1>14",
            rb"\g<1>27",
            rb"\g<1>36",
            rb"\g<1>50",
            rb"\g<1>58",
            rb"\g<1>46",
            rb"\g<1>22",
            rb"\g<1>9999",
            rb"\1x",
        ),
    ),
    (STYLES, found(rb"(numFmtId=\")[0-9]+(\" formatCode)", rb"\g<1>14\2", rb"\g<1>0\2")),
    (STYLES, put(b"<xf ", b'fontId="9999" ', b'xfId="9999" ', b"x ")),
    (STYLES, dropped),
    (r"docProps/core\.xml", found(rb"(<dcterms:created[^>]*>)[^<]*", rb"\1x", rb"\1")),
    (r"xl/workbook\.xml", found(rb"(<workbookPr)", rb'\1 date1904="1"', rb'\1 date1904="x"')),
    (
        r"xl/workbook\.xml",
        found(rb"(<sheet [^>]*name=\")[^\"]*", rb"\1Sheet1", rb"\1Data", rb"\1a&amp;b"),
    ),
    (r"xl/workbook\.xml", found(rb"(r:id=\")[^\"]*", rb"\1rId1", rb"\1rId2", rb"\1")),
    (
        r"xl/_rels/workbook\.xml\.rels",
        found(rb"relationships/worksheet", b"relationships/chartsheet"),
    ),
    (r"xl/_rels/workbook\.xml\.rels", found(rb"sheet[0-9]+\.xml", b"sheet1.xml", b"none.xml")),
    *[(".", dropped)] * 2,
]
