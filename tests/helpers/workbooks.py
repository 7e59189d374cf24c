"""Small real workbooks with cached values, and seventy ways to change them."""

import datetime
import io
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from openpyxl.worksheet.worksheet import Worksheet

SECOND_SHEET = "It's, 2"


def write_gold(path: Path, *, from_1904: bool = False) -> Path:
    """Values of every kind in A1:F8 of `Data`; formulas have the values that they would have."""
    book = xlsxwriter.Workbook(str(path), {"date_1904": from_1904})
    day = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    clock = book.add_format({"num_format": "hh:mm:ss"})
    span = book.add_format({"num_format": "[h]:mm"})
    sheet = book.add_worksheet("Data")
    for row, (name, number) in enumerate([("one", 1), ("two", 2.345), ("three", 1e6)]):
        sheet.write(row, 0, name)
        sheet.write(row, 1, number)
        sheet.write_formula(row, 2, f"=B{row + 1}*2", None, number * 2)
    sheet.write_datetime("D1", datetime.datetime(2024, 3, 5, 9, 30), day)
    sheet.write_datetime("D2", datetime.time(9, 30, 15), clock)
    sheet.write_datetime("D3", datetime.timedelta(hours=30, minutes=5), span)
    sheet.write_boolean("E1", True)
    sheet.write_formula("E2", "=NA()", None, "#N/A")
    sheet.write_string("E3", "42")
    sheet.write_formula("E4", '=""', None, "")
    sheet.write_formula("F1", "=B1>0", None, True)
    sheet.write_formula("F2", '=A1&"!"', None, "one!")
    sheet.write_formula("F3", "=D1+1", day, 45357.395833333336 - (1462 if from_1904 else 0))
    sheet.write_string("A8", "end")
    other = book.add_worksheet(SECOND_SHEET)
    for row in range(4):
        other.write(row, 0, row * 10)
        other.write(row, 1, f"row {row}")
    book.close()
    return path


Perturbation = Callable[[Path], None]
"""Changes the workbook at the path in place; it is a copy of gold."""


def saved(change: Callable[[Any], object]) -> Perturbation:
    """Loaded with its cached values, changed and saved by openpyxl."""

    def perturb(path: Path) -> None:
        book = openpyxl.load_workbook(path, data_only=True)
        change(book)
        book.save(path)

    return perturb


def cell(name: str, value: object, number_format: str | None = None) -> Perturbation:
    def change(book: Any) -> None:
        book["Data"][name] = value
        if number_format:
            book["Data"][name].number_format = number_format

    return saved(change)


def part(name: str, pattern: str, replacement: str) -> Perturbation:
    """One regular expression replaced in one part of the package; it has to be found."""

    def perturb(path: Path) -> None:
        rewrite_part(path, name, lambda text: _replaced(pattern, replacement, text))

    return perturb


def _replaced(pattern: str, replacement: str, text: str) -> str:
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
    assert count, f"{pattern} is not in the part"
    return changed


def rewrite_part(path: Path, name: str, change: Callable[[str], str | bytes | None]) -> None:
    """`change` gives the part's new text, or None to leave the part out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        assert name in old.namelist()
        for entry in old.namelist():
            content: str | bytes | None = old.read(entry)
            if entry == name:
                content = change(old.read(entry).decode())
            if content is not None:
                new.writestr(entry, content)
    path.write_bytes(buffer.getvalue())


def without(name: str) -> Perturbation:
    return lambda path: rewrite_part(path, name, lambda text: None)


def content(data: bytes) -> Perturbation:
    return lambda path: path.write_bytes(data) and None


def _formulas_without_values(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book.save(path)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _chart_in_front(book: Any) -> None:
    sheet = book.create_chartsheet("Chart", 0)
    chart = openpyxl.chart.BarChart()
    chart.add_data(openpyxl.chart.Reference(book["Data"], min_col=2, min_row=1, max_row=3))
    sheet.add_chart(chart)


def _chart_named_data(book: Any) -> None:
    _chart_in_front(book)
    del book["Data"]
    book["Chart"].title = "Data"


def _filled(sheet: Worksheet) -> None:
    for row in sheet["A1:F8"]:
        for one in row:
            one.value = 7


SHEET1 = "xl/worksheets/sheet1.xml"

PERTURBATIONS: dict[str, Perturbation] = {
    "nothing": lambda path: None,
    "saved by openpyxl with its values": saved(lambda book: None),
    "formulas without a cached value": _formulas_without_values,
    "number": cell("B1", 2),
    "number by a thousandth": cell("B2", 2.3451),
    "number by a hundredth": cell("B2", 2.365),
    "number as text": cell("B1", "1"),
    "number as text with blanks and an exponent": cell("B3", " 1e6 "),
    "number as bool": cell("B1", True),
    "bool as number": cell("E1", 1),
    "bool as text": cell("E1", "TRUE"),
    "numeric text as number": cell("E3", 42),
    "numeric text with underscore": cell("E3", "4_2"),
    "text nan": cell("A1", "nan"),
    "text inf": cell("B1", "inf"),
    "text case": cell("A1", "One"),
    "text with a blank behind": cell("A1", "one "),
    "text gone": cell("A1", None),
    "empty text": cell("A1", ""),
    "cell outside of most ranges": cell("Z99", 5),
    "last cell gone": cell("A8", None),
    "value in a blank cell": cell("A6", 0),
    "date an hour later": cell("D1", datetime.datetime(2024, 3, 5, 10, 30)),
    "date in the afternoon": cell("D1", datetime.datetime(2024, 3, 5, 13, 0)),
    "date a day later": cell("D1", datetime.datetime(2024, 3, 6, 9, 30)),
    "date as serial": cell("D1", 45356, "General"),
    "date as text": cell("D1", "2024-03-05"),
    "date without time": cell("D1", datetime.date(2024, 3, 5)),
    "seconds of a time": cell("D2", datetime.time(9, 30, 59)),
    "minute of a time": cell("D2", datetime.time(9, 31, 15)),
    "time as text": cell("D2", "09:30"),
    "time as fraction": cell("D2", 0.396, "General"),
    "duration": cell("D3", datetime.timedelta(hours=30, minutes=6)),
    "duration as number": cell("D3", 1.2534722, "General"),
    "another error": cell("E2", "#REF!"),
    "error gone": cell("E2", None),
    "date out of range": cell("D1", 1e10),
    "every cell": saved(lambda book: _filled(book["Data"])),
    "sheet renamed": saved(lambda book: setattr(book["Data"], "title", "Results")),
    "sheet in lower case": part("xl/workbook.xml", 'name="Data"', 'name="data"'),
    "sheet gone": saved(lambda book: book.remove(book["Data"])),
    "second sheet gone": saved(lambda book: book.remove(book[SECOND_SHEET])),
    "sheets in another order": saved(lambda book: book.move_sheet("Data", 1)),
    "new sheet in front": saved(lambda book: book.create_sheet("New", 0)),
    "hidden sheet": saved(lambda book: setattr(book["Data"], "sheet_state", "hidden")),
    "row put in": saved(lambda book: book["Data"].insert_rows(2)),
    "column put in": saved(lambda book: book["Data"].insert_cols(1)),
    "merged in the file only": part(
        SHEET1, "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells>'
    ),
    "hyperlink on a blank cell": part(
        SHEET1,
        "(<pageMargins)",
        r'<hyperlinks><hyperlink ref="A5" location="Data!A1" display="x"/></hyperlinks>\1',
    ),
    "1904 epoch": saved(lambda book: setattr(book, "epoch", openpyxl.utils.datetime.MAC_EPOCH)),
    "1904 flag": part("xl/workbook.xml", "<workbookPr", '<workbookPr date1904="1"'),
    "chart in front": saved(_chart_in_front),
    "chart under the sheet's name": saved(_chart_named_data),
    "no theme": without("xl/theme/theme1.xml"),
    "no styles": without("xl/styles.xml"),
    "no shared strings": without("xl/sharedStrings.xml"),
    "no workbook": without("xl/workbook.xml"),
    "no content types": without("[Content_Types].xml"),
    "no sheet part": without(SHEET1),
    "broken sheet": part(SHEET1, "</sheetData>", ""),
    "broken other sheet": part("xl/worksheets/sheet2.xml", "</sheetData>", ""),
    "broken properties": part("docProps/core.xml", "<dcterms:created.*?</dcterms:created>", "<a>"),
    "broken validation": part(
        SHEET1, "</sheetData>", '</sheetData><dataValidations><dataValidation type="x"/>'
    ),
    "junk number": part(SHEET1, "<v>1</v></c><c", "<v>NaN</v></c><c"),
    "number with blanks": part(SHEET1, "<v>1</v></c><c", "<v> 1 </v></c><c"),
    "number of 400 digits": part(SHEET1, "<v>1</v></c><c", f"<v>{'9' * 400}</v></c><c"),
    "style that is not there": part(SHEET1, 'r="A1"', 'r="A1" s="99"'),
    "string that is not there": part(SHEET1, 't="s"><v>0<', 't="s"><v>99<'),
    "inline string": part(SHEET1, 't="s"><v>0</v>', 't="inlineStr"><is><t>one</t></is>'),
    "rich inline string": part(
        SHEET1, 't="s"><v>0</v>', 't="inlineStr"><is><r><t>o</t></r><r><t>ne</t></r></is>'
    ),
    "lower-case reference": part(SHEET1, 'r="A1"', 'r="a1"'),
    "no references": lambda path: rewrite_part(
        path, SHEET1, lambda text: re.sub(r'(<c|<row) r="\w+"', r"\1", text)
    ),
    "same cell twice": part(SHEET1, "(<c r=.A1.*?</c>)", r'\1<c r="A1"><v>5</v></c>'),
    "empty cell far away": part(SHEET1, "</row></sheetData>", '<c r="AB8"/></row></sheetData>'),
    "row beyond the last": part(
        SHEET1, "</sheetData>", '<row r="2000000"><c r="A2000000"><v>1</v></c></row></sheetData>'
    ),
    "other namespace": part(SHEET1, "spreadsheetml/2006/main", "spreadsheetml/2006/none"),
    "two sheets of one name": part("xl/workbook.xml", f'name="{SECOND_SHEET}"', 'name="Data"'),
    "iso date": part(SHEET1, "<v>1</v></c><c", '<v>1</v></c><c r="B9" t="d"/><c'),
    "cut off": _truncated,
    "empty file": content(b""),
    "not a zip": content(b"a,b\n1,2\n"),
    "an xls": content(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000)),
    "a zip of something else": lambda path: _other_zip(path),
    "a folder": _folder,
    "missing": lambda path: path.unlink(),
}


def _other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


def perturbed(gold: Path, name: str, target: Path) -> Path:
    shutil.copyfile(gold, target)
    PERTURBATIONS[name](target)
    return target


POSITIONS = [
    "A1",
    "B2",
    "$A$1",
    "a1",
    "A1:F8",
    "Data!A1:F8",
    "'Data'!A1:F8",
    "Data'!A1:F8",
    "'Data!'A1:F8",
    "'Data!A1:F8'",
    "'Data'!'A1:F8'",
    "'Data!'A1:B2,'Data!'C1:F8",
    "A1:B3,D1:D3",
    "A1:B3, D1:D3",
    "\xa0Data!A1:F8",
    " A1 ",
    "A1,B1,C1,",
    "A:F",
    "A:A",
    "1:3",
    "1:300",
    "A2:5",
    "A1:C",
    "A:C5",
    "Z2:5",
    "Z1:AA3,A:A",
    "A20,A:B",
    "F8:A1",
    "A1:A0",
    "A0:B2",
    "a1:b3",
    "A1:b2",
    "$A$1:$B$3",
    "A1:$B$3",
    "A1:B2:C3",
    "A1：B2",
    "A1;B2",
    "A",
    "5",
    "",
    ",",
    ":",
    "A1 :B2",
    "A1:B2 ",
    "'It's, 2'!A1:B4",
    "It's; 2!A1",
    "Data!Data!A1",
    "data!A1",
    "Nowhere!A1",
    "Nowhere!B2:A1",
    "ZZY1:ZZZ2",
    "ZZZ1:AAAB2",
    "A1048575:B1048577",
    "A٢:B٣",
    "A²:B3",
    "Data !A1",
    "A1:F8!",
    "!A1",
]
