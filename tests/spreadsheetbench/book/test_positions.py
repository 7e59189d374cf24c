"""Positions as the sheet-aware rules read them, and properties that hold for any position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_scorer import column_number
from openpyxl.utils.cell import get_column_letter

from spreadsheetbench.book.positions import MAX_COLUMN, MAX_ROW, Box, Span, find_sheet, parse
from spreadsheetbench.book.rules import RELEASED, RULES, SHEET_AWARE, UPSTREAM

SHEETS = ("First", "b2b, sez, de", "x!y", "it's", "Received", "Sub CO's", "99250", "R")


def sheet_aware(position: str, answer_sheet: str = "") -> list[tuple[str, Box]]:
    parts = parse(position, SHEET_AWARE, SHEETS, answer_sheet)
    assert all(part.span for part in parts), [part.error for part in parts]
    return [(part.sheet, part.span.close(9, 99).ordered()) for part in parts if part.span]


B2_C3 = Box(2, 2, 3, 3)


@pytest.mark.parametrize(
    ("position", "sheets"),
    [
        ("'b2b, sez, de'!B2:C3", ["b2b, sez, de"]),
        ("b2b, sez, de'!B2:C3", ["b2b, sez, de"]),
        ("'x!y'!B2:C3", ["x!y"]),
        ("x!y!B2:C3", ["x!y"]),
        ("'it''s'!B2:C3", ["it's"]),
        ("'it's'!B2:C3", ["it's"]),
        ("'Sub CO's'!B2:C3", ["Sub CO's"]),
        ("Received'!B2:C3", ["Received"]),
        ("'Received!'B2:C3", ["Received"]),
        ("'Received'!'B2:C3'", ["Received"]),
        ("'Received'!'Received!B2:C3'", ["Received"]),
        ("'99250!B2:C3'", ["99250"]),
        ("'R!B2:C3','Received!B2:C3'", ["R", "Received"]),
        ("R'!B2:C3,'Received'!B2:C3", ["R", "Received"]),
        ("'R!'B2:C3,'Received!'B2:C3", ["R", "Received"]),
        ("received!B2:C3", ["Received"]),
        ("\xa0'R'!B2:C3 , 'First'!B2:C3", ["R", "First"]),
        ("'R'!B2:C3,B2:C3", ["R", "R"]),
        ("B2:C3,R!B2:C3", ["First", "R"]),
        ("Gone!B2:C3", ["Gone"]),
    ],
)
def test_sheet_names_are_read_as_written_by_people(position: str, sheets: list[str]) -> None:
    assert sheet_aware(position) == [(sheet, B2_C3) for sheet in sheets]


@pytest.mark.parametrize(
    "cells", ["B2:C3", "b2:c3", "$B$2:$C$3", "C3:B2", "C2:B3", " B2 : C3 ", "'B2:C3'", "b$2:C$3"]
)
def test_ranges_mean_the_same_however_they_are_written(cells: str) -> None:
    assert sheet_aware(cells) == [("First", B2_C3)]


@pytest.mark.parametrize(
    ("cells", "box"),
    [
        ("B", Box(2, 1, 2, 99)),
        ("5", Box(1, 5, 9, 5)),
        ("b:d", Box(2, 1, 4, 99)),
        ("3:2", Box(1, 2, 9, 3)),
        ("B2:5", Box(2, 2, 9, 5)),
        ("Z2:5", Box(9, 2, 26, 5)),
        ("A2:C", Box(1, 2, 3, 99)),
        ("$D$4", Box(4, 4, 4, 4)),
    ],
)
def test_open_ends_reach_to_the_end_of_gold(cells: str, box: Box) -> None:
    assert sheet_aware(cells) == [("First", box)]


@pytest.mark.parametrize(
    ("answer_sheet", "sheets"),
    [
        ("R", ["R"]),
        ("r", ["R"]),
        ("'R'", ["R"]),
        ("R, Gone,Received", ["R", "Received"]),
        ("b2b, sez, de", ["b2b, sez, de"]),
        ("Gone", ["First"]),
        ("", ["First"]),
    ],
)
def test_answer_sheet_is_where_a_position_without_sheet_lies(
    answer_sheet: str, sheets: list[str]
) -> None:
    assert sheet_aware("B2:C3", answer_sheet) == [(sheet, B2_C3) for sheet in sheets]
    for rules in RELEASED, UPSTREAM:
        (part,) = parse("B2:C3", rules, SHEETS, answer_sheet)
        assert part.sheet == "First"


@pytest.mark.parametrize("position", ["A1:B2:C3", "A1;B2", "A1-B2", ":", "A:", "1A", "R!", "ABCD1"])
def test_what_is_no_range_carries_its_reason(position: str) -> None:
    (part,) = parse(position, SHEET_AWARE, SHEETS)
    assert part.span is None
    assert part.error


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
@given(position=st.text(alphabet=st.sampled_from("A$z9:,!' \xa0²٣：-Ü\n"), max_size=12))
def test_no_position_breaks_the_parser(rules: object, position: str) -> None:
    for part in parse(position, rules, SHEETS):  # type: ignore[arg-type]
        assert bool(part.error) != bool(part.span)


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=31).filter(
        lambda name: name == name.strip(" '\xa0") and name.strip()
    )
)
def test_any_name_in_proper_quotes_is_found(name: str) -> None:
    quoted = name.replace("'", "''")
    (part,) = parse(f"'{quoted}'!A1", SHEET_AWARE, ["Other sheet", name])
    assert part.sheet == name


@given(st.integers(1, MAX_COLUMN), st.integers(1, MAX_ROW))
def test_upper_case_ranges_are_the_same_by_all_rules(column: int, row: int) -> None:
    cells = f"A1:{get_column_letter(column)}{row}"
    for rules in RULES.values():
        (part,) = parse(cells, rules, SHEETS)
        assert part.span == Span(1, 1, column, row)


@given(st.text(st.sampled_from("AZaz$-"), min_size=1, max_size=5))
def test_columns_are_read_by_code_point(letters: str) -> None:
    (part,) = parse(f"{letters}1:{letters}1", RELEASED, SHEETS)
    assert part.span
    assert part.span.first_column == column_number(letters)


@given(st.integers(-30, 18_300), st.integers(0, 2**20 + 5), st.integers(0, 30), st.integers(0, 4))
def test_first_impossible_cell_is_the_one_a_walk_would_meet(
    column: int, row: int, wide: int, high: int
) -> None:
    box = Box(column, row, column + wide, row + high)
    walk = (
        (c, r)
        for c in range(box.first_column, box.last_column + 1)
        for r in range(box.first_row, box.last_row + 1)
    )
    met = next((at for at in walk if not (0 < at[0] <= 18_278 and 0 < at[1] <= 2**20)), None)
    assert box.impossible == met


def test_sheets_are_found_by_case_only_when_none_fits_exactly() -> None:
    assert find_sheet("data", ["DATA", "data"]) == "data"
    assert find_sheet("Data", ["DATA"]) == "DATA"
    assert find_sheet("Data", ["Other"]) is None
