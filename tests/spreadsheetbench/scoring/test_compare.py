"""Comparing only what is not blank gives what a walk over every cell gives."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.cell import get_column_letter

from spreadsheetbench.book.book import Book, CellPlace, Sheet
from spreadsheetbench.book.cells import CellValue, matches
from spreadsheetbench.book.rules import RELEASED, SHEET_AWARE
from spreadsheetbench.scoring.compare import compare
from spreadsheetbench.scoring.mismatches import report_mismatches

PLACES = st.tuples(st.integers(1, 6), st.integers(1, 6))
CELLS = st.dictionaries(PLACES, st.sampled_from([1, 2, "a", "1", True, "nan"]), max_size=12)


def book(cells: Mapping[CellPlace, CellValue], name: str = "S") -> Book:
    columns, rows = [c for c, _ in cells], [r for _, r in cells]
    sheet = Sheet(name, max_column=max(columns, default=1), max_row=max(rows, default=1))
    return Book((Sheet(name, False, sheet.max_column, sheet.max_row, dict(cells)),))


@given(CELLS, CELLS, PLACES, PLACES)
def test_first_mismatch_is_the_first_of_a_walk_down_the_columns(
    gold: dict[CellPlace, CellValue],
    output: dict[CellPlace, CellValue],
    start: CellPlace,
    end: CellPlace,
) -> None:
    position = f"{get_column_letter(start[0])}{start[1]}:{get_column_letter(end[0])}{end[1]}"
    walked = [
        (column, row)
        for column in range(start[0], end[0] + 1)
        for row in range(start[1], end[1] + 1)
        if not matches(gold.get((column, row)), output.get((column, row)), RELEASED)
    ]
    verdict = compare(book(gold), book(output), position, RELEASED)
    assert verdict.passed is not bool(walked)
    if walked:
        name = f"{get_column_letter(walked[0][0])}{walked[0][1]}"
        assert verdict.message.startswith(f"Value mismatch at {name}: ")
    (part,) = report_mismatches(book(gold), book(output), position, RELEASED, limit=2).parts
    assert part.mismatches == len(walked)
    assert len(part.shown) == min(2, len(walked))


@given(CELLS, CELLS, st.sampled_from(["A1:F6", "A:F", "1:6", "A1,B2:C3", "A1:C2,C1:F6"]))
def test_report_and_verdict_agree(
    gold: dict[CellPlace, CellValue], output: dict[CellPlace, CellValue], position: str
) -> None:
    for rules in RELEASED, SHEET_AWARE:
        report = report_mismatches(book(gold), book(output), position, rules)
        assert report.passed == compare(book(gold), book(output), position, rules).passed
        assert report.passed is (report.mismatches == 0)


def test_reading_extends_a_later_open_end_of_the_same_sheet_only() -> None:
    gold, output = book({(1, 1): 1}), book({(1, 1): 1, (1, 5): 9})
    assert compare(gold, output, "A:A", RELEASED).passed
    assert compare(gold, output, "A:A,B9", RELEASED).passed
    assert not compare(gold, output, "B9,A:A", RELEASED).passed
    assert not compare(gold, output, "B2:B5,A:A", RELEASED).passed
    assert compare(gold, output, "B9:B8,A:A", RELEASED).passed
    assert compare(gold, output, "B9,A:A", SHEET_AWARE).passed
    two = Book((*gold.sheets, *book({}, "T").sheets))
    assert compare(
        two, Book((*output.sheets, *book({}, "T").sheets)), "T!B9,S!A:A", RELEASED
    ).passed


def test_nothing_behind_an_impossible_cell_is_reported() -> None:
    gold, output = book({(1, 2): 1, (2, 2): 1}), book({(1, 2): 2, (2, 2): 2})
    assert compare(gold, output, "A0:B2", RELEASED).message == "A0: no sheet has such a cell"
    (part,) = report_mismatches(gold, output, "A2:B1048577", RELEASED).parts
    assert [cell.cell for cell in part.shown] == ["A2", "A1048577"]


def test_long_values_do_not_fill_the_message() -> None:
    verdict = compare(book({(1, 1): "x" * 10**6}), book({(1, 1): "y"}), "A1", RELEASED)
    assert len(verdict.message) < 500
    assert "1000000 characters" in verdict.message


def test_chartsheets_have_no_cells_but_ranges_of_none_pass() -> None:
    chart = Book((Sheet("S", is_chart=True),))
    sheet = book({(1, 1): 1})
    for gold, output in (chart, chart), (chart, sheet), (sheet, chart):
        assert "chart" in compare(gold, output, "A1", RELEASED).message
        assert compare(gold, output, "B1:A1", RELEASED).passed
    assert not compare(chart, chart, "A:A", RELEASED).passed
