"""Verdicts beside those of a naive scorer, on real workbooks, and what is known of public tasks."""

from pathlib import Path

import pytest
from enginepairs import reported
from goldvalues import count_values
from naive_scorer import NaiveScorer
from workbooks import (
    PERTURBATIONS,
    POSITIONS,
    SECOND_SHEET,
    SHEET1,
    cell,
    part,
    perturbed,
)

from spreadsheetbench.book.rules import RELEASED, RULES, SHEET_AWARE, UPSTREAM
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring.compare import compare
from spreadsheetbench.scoring.score import score_pair


class Pair:
    """One pair of files, read once by the package and once by the naive scorer."""

    def __init__(self, gold: Path, output: Path) -> None:
        self.naive = NaiveScorer(gold, output)
        try:
            self.books = READERS["openpyxl"].read(gold), READERS["openpyxl"].read(output)
        except Exception:  # a broken file: both must find it so
            assert not self.naive.loaded
            assert not score_pair(gold, output, "A1").passed
        else:
            assert self.naive.loaded

    def check(self, position: str) -> None:
        for rules in (RELEASED, UPSTREAM) if self.naive.loaded else ():
            passed, first = self.naive.score(position, rules.name)
            verdict = compare(*self.books, position, rules)
            assert verdict.passed == passed, (position, rules.name, verdict.message)
            if first and rules is RELEASED:
                place = first.replace("$", "").upper()
                assert verdict.message.startswith(f"Value mismatch at {place}: "), position


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_change_gets_the_naive_verdict(gold: Path, tmp_path: Path, name: str) -> None:
    pair = Pair(gold, perturbed(gold, name, tmp_path / "output.xlsx"))
    for position in ["A1:F8", "A:F", "1:4", "B1:C3,D1:F3", "A1", "'Data'!D1:E4", "A6:Z99"]:
        pair.check(position)


@pytest.fixture(scope="module")
def pairs(gold: Path) -> list[Pair]:
    changes = "nothing", "every cell", "last cell gone", "cell outside of most ranges"
    return [Pair(gold, perturbed(gold, name, gold.with_name("changed.xlsx"))) for name in changes]


@pytest.mark.parametrize("position", POSITIONS)
def test_every_form_of_position_gets_the_naive_verdict(pairs: list[Pair], position: str) -> None:
    for pair in pairs:
        pair.check(position)


@pytest.mark.parametrize(
    "name",
    [
        "empty cell far away",
        "chart in front",
        "chart under the sheet's name",
        "1904 flag",
        "merged in the file only",
        "hyperlink on a blank cell",
        "number of 400 digits",
    ],
)
def test_odd_golds_get_the_naive_verdict(gold: Path, tmp_path: Path, name: str) -> None:
    odd = perturbed(gold, name, tmp_path / "odd.xlsx")
    for output in odd, gold:
        pair = Pair(odd, output)
        for position in "A:C", "1:2", "A1:F8", "Data!A1:F8", "Data!B3:A1", "A30,A:B":
            pair.check(position)


@pytest.mark.parametrize(
    ("position", "released", "upstream", "sheet_aware"),
    [
        ("A1:F8", True, True, True),
        ("A1:F8, A1", True, False, True),
        ("A:F", True, False, True),
        ("1:3", True, False, True),
        ("A1:B", True, False, True),
        ("$A$1:$B$3", False, False, True),
        ("A", False, False, True),
        ("5", False, False, True),
        ("data!A1:F8", False, False, True),
        (f"'{SECOND_SHEET}'!A1:B4", False, False, True),
        ("'It''s, 2'!A1:B4", False, False, True),
        ("A1,", False, False, True),
        ("", False, False, False),
        ("A1:B2:C3", False, False, False),
        ("A1;B2", False, False, False),
        ("Nowhere!A1", False, False, False),
    ],
)
def test_gold_beside_itself_by_all_rules(
    gold: Path, position: str, released: bool, upstream: bool, sheet_aware: bool
) -> None:
    found = [score_pair(gold, gold, position, rules).passed for rules in RULES.values()]
    assert found == [released, upstream, sheet_aware]


@pytest.mark.parametrize(
    ("position", "released", "upstream"),
    [("F8:A1", True, True), ("A2:1", False, True), ("Z2:5", True, True), ("a1:b3", True, True)],
)
def test_ranges_that_hold_no_cell_pass_except_sheet_aware(
    gold: Path, tmp_path: Path, position: str, released: bool, upstream: bool
) -> None:
    output = perturbed(gold, "every cell", tmp_path / "output.xlsx")
    found = [score_pair(gold, output, position, rules).passed for rules in RULES.values()]
    # `A2:1` is empty by its rows under both; `Z2:5` ends at column F, and is put in order last.
    assert found[:2] == [True if position == "A2:1" else released, upstream]
    assert found[2] is False


@pytest.mark.parametrize(
    ("name", "released", "sheet_aware"),
    [
        ("number by a thousandth", True, True),
        ("number by a hundredth", False, False),
        ("number as text", True, True),
        ("number as bool", True, False),
        ("bool as number", True, False),
        ("date an hour later", True, False),
        ("date in the afternoon", False, False),
        ("seconds of a time", True, True),
        ("minute of a time", False, False),
        ("time as text", True, True),
        ("empty text", False, False),
        ("formulas without a cached value", False, False),
        ("sheets in another order", True, True),
        ("sheet renamed", False, False),
        ("sheet in lower case", False, True),
        ("chart in front", True, True),
        ("cut off", False, False),
        ("missing", False, False),
    ],
)
def test_changes_by_released_and_sheet_aware_rules(
    gold: Path, tmp_path: Path, name: str, released: bool, sheet_aware: bool
) -> None:
    output = perturbed(gold, name, tmp_path / "output.xlsx")
    assert score_pair(gold, output, "A1:F8", RELEASED).passed is released
    assert score_pair(gold, output, "A1:F8", SHEET_AWARE).passed is sheet_aware


def test_message_names_the_first_cell_down_the_columns(gold: Path, tmp_path: Path) -> None:
    output = perturbed(gold, "every cell", tmp_path / "output.xlsx")
    verdict = score_pair(gold, output, "B1:D8")
    assert verdict.message == "Value mismatch at B1: expected '1', got '7'"
    assert score_pair(gold, output, "A1:A8,B1").message.startswith("Value mismatch at A1: ")


def test_messages_say_what_is_missing(gold: Path, tmp_path: Path) -> None:
    missing = score_pair(gold, tmp_path / "none.xlsx", "A1")
    assert missing.message == f"Output file not found: {tmp_path / 'none.xlsx'}"
    broken = perturbed(gold, "not a zip", tmp_path / "output.xlsx")
    assert score_pair(gold, broken, "A1").message.startswith("Error loading workbook: output: ")
    assert score_pair(broken, gold, "A1").message.startswith("Error loading workbook: gold: ")
    gone = perturbed(gold, "sheet gone", tmp_path / "output.xlsx")
    assert "'Data' not found in the output" in score_pair(gold, gone, "A1").message


def test_report_shows_kind_types_and_formula_of_each_mismatch(gold: Path, tmp_path: Path) -> None:
    output = perturbed(gold, "formulas without a cached value", tmp_path / "output.xlsx")
    report = reported(gold, output, "C1:C3,Nowhere!A1,A1:B3", limit=2)
    calculated, missing, equal = report.parts
    assert (calculated.cells_compared, calculated.mismatches, len(calculated.shown)) == (3, 3, 2)
    first = calculated.shown[0]
    assert (first.cell, first.kind, first.formula) == ("C1", "not calculated", "=B1*2")
    assert (first.expected, first.expected_type, first.found_type) == ("2", "number", "blank")
    assert "Nowhere" in missing.error
    assert equal.passed
    assert not report.passed


@pytest.mark.parametrize(
    ("name", "kind", "expected_type", "found_type"),
    [
        ("number", "other value", "number", "number"),
        ("date as text", "other type", "date", "text"),
        ("text gone", "missing", "text", "blank"),
        ("value in a blank cell", "unexpected", "blank", "number"),
        ("minute of a time", "other value", "time", "time"),
        ("duration as number", "other type", "duration", "number"),
        ("another error", "formula error", "error", "error"),
        ("number of 400 digits", "not comparable", "number", "number"),
    ],
)
def test_report_classes_each_mismatch(
    gold: Path, tmp_path: Path, name: str, kind: str, expected_type: str, found_type: str
) -> None:
    output = perturbed(gold, name, tmp_path / "output.xlsx")
    (part,) = reported(gold, output, "A1:F8").parts
    (only,) = part.shown
    assert (only.kind, only.expected_type, only.found_type) == (kind, expected_type, found_type)


def test_open_ends_reach_to_empty_cells_that_gold_mentions(gold: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.xlsx"
    odd.write_bytes(gold.read_bytes())
    part(SHEET1, "</sheetData>", '<row r="30"><c r="H30"/></row></sheetData>')(odd)
    for name, inside in ("A30", True), ("H1", True), ("A31", False), ("I1", False):
        output = tmp_path / "output.xlsx"
        output.write_bytes(gold.read_bytes())
        cell(name, 5)(output)
        assert score_pair(odd, output, "A:A,1:1").passed is not inside, name


def test_empty_texts_are_no_values(gold: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.xlsx"
    empty.write_bytes(gold.read_bytes())
    part("xl/sharedStrings.xml", "<t>one</t>", "<t></t>")(empty)
    counts = [
        count_values(READERS["openpyxl"].read(path), "A1:F8", RELEASED) for path in (gold, empty)
    ]
    assert counts == [19, 18]


def test_open_end_that_reaches_an_impossible_row_fails(gold: Path, tmp_path: Path) -> None:
    odd = perturbed(gold, "row beyond the last", tmp_path / "odd.xlsx")
    assert score_pair(odd, odd, "A:A").message == "A1048577: no sheet has such a cell"
    assert score_pair(odd, gold, "A1:F8").passed


def test_billions_of_cells_cost_no_more_than_those_that_are_there(gold: Path) -> None:
    report = reported(gold, gold, "A1:XFD1048576,A:XFD,1:1048576")
    assert report.passed
    assert report.parts[0].cells_compared == 16_384 * 1_048_576
