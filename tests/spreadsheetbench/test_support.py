"""The released names, beside the naive scorer, on real workbooks and the bundled tasks."""

import datetime
import json
import string
import warnings
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_scorer import NaiveScorer, cell_names, column_number, plain, same_value
from project import MINI
from workbooks import PERTURBATIONS, SECOND_SHEET, perturbed

import spreadsheetbench_support as support
from react_agent.errors import ContractError

RANGES = ["A1", "A1:F8", "A:F", "1:4", "B2:5", "F3:A1", "a1:b3", "A6:Z99"]
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["1e3", " 5 ", "nan", "inf", "1_000", "2.345"]),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_workbooks_get_the_naive_verdict(gold: Path, tmp_path: Path, name: str) -> None:
    output = perturbed(gold, name, tmp_path / "output.xlsx")
    naive = NaiveScorer(gold, output)
    for position in ["A1:F8", "'Data'!A:F", "B1:C3,D1:F3"]:
        passed, first = naive.score(position, "released")
        found, message = support.compare_workbooks(str(gold), str(output), position)
        assert found == passed, (position, message)
        assert bool(message) != passed
        assert first in message


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_ranges_of_loaded_workbooks_get_the_verdict_of_the_position(
    gold: Path, tmp_path: Path, name: str
) -> None:
    output = perturbed(gold, name, tmp_path / "output.xlsx")
    try:
        with warnings.catch_warnings(action="ignore"):
            books = [openpyxl.load_workbook(path, data_only=True) for path in (gold, output)]
    except Exception:  # a broken file has no loaded form
        assert not support.compare_workbooks(gold, output, "Data!A1")[0]
        return
    for cells in RANGES:
        whole = support.compare_workbooks(gold, output, f"Data!{cells}")
        assert support.cell_level_compare(*books, "Data", cells) == whole, cells


def test_a_sheet_that_no_position_can_name_is_compared_all_the_same(gold: Path) -> None:
    book = openpyxl.load_workbook(gold, data_only=True)
    assert support.cell_level_compare(book, book, SECOND_SHEET, "A1:B4") == (True, "")
    passed, message = support.cell_level_compare(book, book, "none", "A1")
    assert not passed
    assert "'none' not found" in message
    assert support.cell_level_compare(book, book, "Data", "A1;B2")[1]


@given(values, values)
def test_values_match_as_told_and_match_as_they_are_transformed(one: object, other: object) -> None:
    assert support.compare_cell_value(one, other) == same_value(one, other)  # type: ignore[arg-type]
    ours, theirs = support.transform_value(one), plain(one)  # type: ignore[arg-type]
    assert type(ours) is type(theirs)
    assert ours == theirs or ours != ours


def test_a_datetime_is_days_since_the_spreadsheets_zero() -> None:
    noon = datetime.datetime(2024, 3, 5, 12, 0, 0, 999_999)
    assert support.datetime_to_float(noon) == 45356.5


@given(st.integers(1, 18_278))
def test_columns_and_their_names_go_both_ways(number: int) -> None:
    name = support.col_num2name(number)
    assert set(name) <= set(string.ascii_uppercase)
    assert support.col_name2num(name) == column_number(name) == number


@pytest.mark.parametrize("cells", RANGES)
def test_the_cells_of_a_range_in_the_order_of_comparing(gold: Path, cells: str) -> None:
    sheet = openpyxl.load_workbook(gold)["Data"]
    found = support.generate_cell_names(cells, sheet.max_row, sheet.max_column)
    assert found == cell_names(cells, sheet, "released")


def test_open_ends_are_told_and_need_a_limit() -> None:
    assert support.parse_cell_range("B2:AA10") == ((2, 2), (27, 10))
    assert support.parse_cell_range("A:G") == ((1, None), (7, None))
    assert support.generate_cell_names("B:B", max_row=2) == ["B1", "B2"]
    for cells in "A:G", "1:3":
        with pytest.raises(ValueError, match=r"has no last (row|col): give max_"):
            support.generate_cell_names(cells)
    assert support.generate_cell_names("A1:B0") == []


def test_records_and_folders_of_the_data_set(tmp_path: Path) -> None:
    records = support.load_dataset(str(MINI))
    assert records == json.loads((MINI / "dataset.json").read_text())
    for data_path in (MINI, str(MINI / "dataset.json")):
        folder = support.find_spreadsheet_dir(data_path, records[0])
        assert folder is not None
        assert list(folder.glob("*.xlsx"))
    assert support.find_spreadsheet_dir(MINI, {"id": 4711}) is None
    (tmp_path / "index.jsonl").write_text('{"id": 7}\n[1]\n')
    with pytest.raises(ContractError, match="record 2 is no object"):
        support.load_dataset(tmp_path)


def test_outputs_lie_below_the_path_else_below_the_id(tmp_path: Path) -> None:
    instance = {"id": 7, "spreadsheet_path": "some/where"}
    assert support.find_output_dir(tmp_path, instance) is None
    (tmp_path / "7").mkdir()
    assert support.find_output_dir(str(tmp_path), instance) == tmp_path / "7"
    (tmp_path / "some/where").mkdir(parents=True)
    assert support.find_output_dir(tmp_path, instance) == tmp_path / "some/where"
