"""The rules by which openpyxl reads a cell: a change of a workbook, and what becomes of it."""

import datetime
import re
import zipfile
from pathlib import Path

from workbooks import SHEET1, Perturbation, part, rewrite_part

STRINGS, STYLES, WORKBOOK = "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"


LOST = "cannot be loaded"


ANYTHING = object()


DAY = datetime.datetime(2024, 3, 5, 9, 30)


def all_of(*changes: Perturbation) -> Perturbation:
    def perturb(path: Path) -> None:
        for change in changes:
            change(path)

    return perturb


def everywhere(name: str, old: str, new: str) -> Perturbation:
    return lambda path: rewrite_part(path, name, lambda text: text.replace(old, new))


def b1(value: str) -> Perturbation:
    return part(SHEET1, "<v>1</v></c><c", f"<v>{value}</v></c><c")


def dated(value: str) -> Perturbation:
    """D1 has a date's format."""
    return part(SHEET1, '(<c r="D1"[^>]*>)<v>[^<]*', rf"\1<v>{value}")


def span(value: str) -> Perturbation:
    """D3 has a duration's format."""
    return part(SHEET1, '(<c r="D3"[^>]*>)<v>[^<]*', rf"\1<v>{value}")


def code(text: str, value: str = "0.25") -> Perturbation:
    """The custom format of D1, and its value."""
    return all_of(
        part(STYLES, '(formatCode=)"yyyy[^"]*"', rf'\1"{text}"'),
        dated(value),
    )


def builtin(number: int) -> Perturbation:
    return all_of(
        part(STYLES, 'numFmtId="164" (fontId|formatCode)="', r'numFmtId="164" \1="'),
        everywhere(STYLES, '<xf numFmtId="164"', f'<xf numFmtId="{number}"'),
        dated("0.25"),
    )


def behind(element: str) -> Perturbation:
    return part(SHEET1, "</sheetData>", f"</sheetData>{element}")


def string(element: str) -> Perturbation:
    return part(STRINGS, "<si><t>one</t></si>", element)


def other_parts(pattern: str, old: str, new: str) -> Perturbation:
    """In every part of such a name."""

    def perturb(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.search(pattern, name)]
        assert names
        for name in names:
            rewrite_part(path, name, lambda text: text.replace(old, new))

    return perturb


def new_part(name: str, text: str, kind: str) -> Perturbation:
    def perturb(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, text)
        override = f'<Override PartName="/{name}" ContentType="{kind}"/></Types>'
        rewrite_part(path, "[Content_Types].xml", lambda all_: all_.replace("</Types>", override))

    return perturb


TIME = datetime.time(6, 0)


RULES_OF_CELLS: dict[str, tuple[Perturbation, str, object]] = {
    "a value may be empty": (b1(""), "B1", None),
    "so may a text": (part(SHEET1, "<v>one!</v>", "<v></v>"), "F2", None),
    "a formula without a value": (part(SHEET1, "<v>one!</v>", ""), "F2", None),
    "a whole number": (b1("5"), "B1", 5),
    "a number with a point": (b1("5.0"), "B1", 5.0),
    "a number with an exponent": (b1("5E0"), "B1", 5.0),
    "a number with blanks": (b1(" 7 "), "B1", 7),
    "a number with an underscore": (b1("1_000"), "B1", 1000),
    "junk for a number": (b1("abc"), LOST, None),
    "a comma in a number": (b1("1,5"), LOST, None),
    "not a number": (b1("NaN"), LOST, None),
    "a text that is quoted": (code("&quot;day&quot;0"), "D1", 0.25),
    "the word Standard": (code("Standard"), "D1", TIME),
    "seconds": (code("0.0s"), "D1", TIME),
    "a condition is no date": (code("[&lt;1]0;0"), "D1", 0.25),
    "a condition before a date": (code("[&lt;1]h;d"), "D1", TIME),
    "only the first section": (code("0;d"), "D1", 0.25),
    "an escaped letter": (code("0\\\\d"), "D1", 0.25),
    "a colour with a letter d": (code("[Red]0"), "D1", 0.25),
    "elapsed hours": (code("[h]"), "D1", datetime.timedelta(hours=6)),
    "elapsed minutes": (code("[mm]"), "D1", datetime.timedelta(hours=6)),
    "elapsed seconds": (code("[ss]"), "D1", datetime.timedelta(hours=6)),
    "a built-in date": (builtin(14), "D1", TIME),
    "a number without a known format": (builtin(27), "D1", 0.25),
    "another one": (builtin(36), "D1", 0.25),
    "and one more": (builtin(58), "D1", 0.25),
    "a custom code instead of a built-in one": (
        all_of(everywhere(STYLES, '"164"', '"14"'), code("0.00")),
        "D1",
        0.25,
    ),
    "a time": (dated("0"), "D1", datetime.time(0)),
    "a time at the end of the day": (dated("0.9999999999"), "D1", ANYTHING),
    "before the leap day that never was": (dated("59.5"), "D1", datetime.datetime(1900, 2, 28, 12)),
    "after it": (dated("60.5"), "D1", datetime.datetime(1900, 2, 28, 12)),
    "a date below zero": (dated("-1"), "D1", datetime.datetime(1899, 12, 29)),
    "a date out of range": (dated("1e10"), "D1", "#VALUE!"),
    "thousandths of a second are rounded": (dated("45356.00000001157"), "D1", ANYTHING),
    "a duration": (span("1.5"), "D3", datetime.timedelta(days=1.5)),
    "a duration out of range": (span("1e20"), "D3", "#VALUE!"),
    "the epoch of 1904": (
        part(WORKBOOK, "<workbookPr", '<workbookPr date1904="1"'),
        "D1",
        DAY + datetime.timedelta(days=1462),
    ),
    "a covered cell": (behind('<mergeCells><mergeCell ref="A1:B2"/></mergeCells>'), "B1", None),
    "the first cell of a merge": (
        behind('<mergeCells><mergeCell ref="A1:B2"/></mergeCells>'),
        "A1",
        "one",
    ),
    "a link on an empty cell": (
        behind('<hyperlinks><hyperlink ref="A5" location="there"/></hyperlinks>'),
        "A5",
        "there",
    ),
    "a link on a formula without a value": (
        all_of(
            part(SHEET1, "<v>one!</v>", ""),
            behind('<hyperlinks><hyperlink ref="F2" location="there"/></hyperlinks>'),
        ),
        "F2",
        "there",
    ),
    "a link on a value": (
        behind('<hyperlinks><hyperlink ref="A1" location="there"/></hyperlinks>'),
        "A1",
        "one",
    ),
    "rich text": (string("<si><r><t>o</t></r><r><t>ne</t></r></si>"), "A1", "one"),
    "phonetic text": (
        string('<si><t>one</t><rPh sb="0" eb="1"><t>x</t></rPh></si>'),
        "A1",
        "one",
    ),
    "two texts": (string("<si><t>a</t><t>b</t></si>"), "A1", "b"),
    "an escape in the shared strings": (string("<si><t>_x005F_x</t></si>"), "A1", "_x"),
    "an escape in a text of its own": (
        part(SHEET1, 't="s"><v>0</v>', 't="inlineStr"><is><t>_x005F_x</t></is>'),
        "A1",
        "_x005F_x",
    ),
    "an escaped line end": (string("<si><t>_x000D_</t></si>"), "A1", "_x000D_"),
    "blanks in a text": (string("<si><t> one </t></si>"), "A1", " one "),
    "a string that is not there": (part(SHEET1, 't="s"><v>0<', 't="s"><v>99<'), LOST, None),
    "a style that is not there": (part(SHEET1, 'r="A1"', 'r="A1" s="99"'), LOST, None),
    "cells without names": (
        lambda path: rewrite_part(
            path, SHEET1, lambda text: re.sub(r'(<c|<row) r="\w+"', r"\1", text)
        ),
        "A1",
        "one",
    ),
    "a cell twice": (part(SHEET1, "(<c r=.A1.*?</c>)", r'\1<c r="A1"><v>5</v></c>'), "A1", 5),
    "lower case": (part(SHEET1, 'r="A1"', 'r="a1"'), "A1", "one"),
    "a cell beyond the last column": (
        part(SHEET1, "</row></sheetData>", '<c r="ZZZ8"><v>1</v></c></row></sheetData>'),
        "A1",
        "one",
    ),
    "a wrong dimension": (
        part(SHEET1, '<dimension ref="[^"]*"', '<dimension ref="Z9"'),
        "A1",
        "one",
    ),
    "strict namespace": (
        other_parts(
            r"\.xml$",
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            "http://purl.oclc.org/ooxml/spreadsheetml/main",
        ),
        "A1",
        None,
    ),
    "broken styles": (everywhere(STYLES, "<fonts", "<fnts"), LOST, None),
    "a fill of an unknown kind": (
        part(STYLES, 'patternType="[^"]*"', 'patternType="none of them"'),
        LOST,
        None,
    ),
    "broken core properties": (
        part("docProps/core.xml", "(<dcterms:created[^>]*>)[^<]*", r"\1x"),
        LOST,
        None,
    ),
    "broken custom properties": (
        new_part(
            "docProps/custom.xml",
            "<Properties",
            "application/vnd.openxmlformats-officedocument.custom-properties+xml",
        ),
        LOST,
        None,
    ),
    "a broken theme": (everywhere("xl/theme/theme1.xml", "<a:theme", "<a:"), "A1", "one"),
    "broken views": (part(SHEET1, 'workbookViewId="0"', 'workbookViewId="x"'), LOST, None),
    "broken columns": (
        part(SHEET1, "<sheetData>", '<cols><col min="x" max="2"/></cols><sheetData>'),
        LOST,
        None,
    ),
    "a broken merge": (behind('<mergeCells><mergeCell ref="?"/></mergeCells>'), LOST, None),
    "a broken validation": (
        behind('<dataValidations><dataValidation type="x" sqref="A1"/></dataValidations>'),
        LOST,
        None,
    ),
    "another sheet broken": (
        part("xl/worksheets/sheet2.xml", "<v>10</v>", "<v>x</v>"),
        LOST,
        None,
    ),
    "another sheet without its part": (
        lambda path: rewrite_part(path, "xl/worksheets/sheet2.xml", lambda text: None),
        "A1",
        "one",
    ),
    "two sheets of one name": (
        part(WORKBOOK, """name="It's, 2\"""", 'name="Data"'),
        "A1",
        "one",
    ),
    "no styles": (lambda path: rewrite_part(path, STYLES, lambda text: None), LOST, None),
    "a chart in place of a sheet, without a drawing": (
        part("xl/_rels/workbook.xml.rels", "relationships/worksheet", "relationships/chartsheet"),
        LOST,
        None,
    ),
}
