"""The preview is short and never fails, whatever the workbook holds."""

import re
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from cell_rules import RULES_OF_CELLS
from project import ROOT
from workbooks import PERTURBATIONS, SHEET1, part, rewrite_part, write_gold

from react_agent.engines.workers import WorkLimits
from spreadsheet_agent.preview import LOOKED_AT, MAX_PREVIEW, by_head, by_openpyxl, preview
from spreadsheetbench.fast.archive import Unusual
from spreadsheetbench.tasks.dataset import Dataset, Task

MINI = Dataset.load(ROOT / "data/mini")


def test_first_five_rows_of_the_active_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Second").append(["Item", None, 2.5, datetime(2024, 3, 1)])
    for row in range(9):
        book["Second"].append([row, None, None])
    book.active = 1
    book.save(tmp_path / "a.xlsx")
    assert preview(tmp_path / "a.xlsx").splitlines() == [
        "('Item', None, 2.5, datetime.datetime(2024, 3, 1, 0, 0))",
        *("(0,)", "(1,)", "(2,)", "(3,)", "... (5 more rows)"),
        "used range: A1:D10",
    ]


@pytest.mark.parametrize("empty", [1, 4, 5, 6, 40, LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 30])
def test_empty_rows_at_the_top_are_passed_over(empty: int, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in range(7):
        book.worksheets[0].cell(empty + 1 + row, 3, f"row {row}")
    book.worksheets[0].cell(1, 2).number_format = "0.00"  # an empty cell that is written
    book.save(tmp_path / "a.xlsx")
    text = preview(tmp_path / "a.xlsx")
    assert text == by_openpyxl(tmp_path / "a.xlsx")
    assert text.endswith(f"used range: B1:C{empty + 7}")
    if empty <= LOOKED_AT:
        first, *rows = text.splitlines()
        assert first == f"[the first {empty} rows are empty]"
        assert rows[:6] == [
            *(f"(None, None, 'row {row}')" for row in range(5)),
            "... (2 more rows)",
        ]
    else:
        assert "row" not in text.splitlines()[1]


def test_a_very_wide_sheet_stays_short(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for _ in range(5):
        book.worksheets[0].append(["wide" * 100] * 500)
    book.save(tmp_path / "a.xlsx")
    assert len(preview(tmp_path / "a.xlsx")) < MAX_PREVIEW + 300


def test_a_broken_workbook_is_said_in_brackets(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"not a zip")
    assert preview(tmp_path / "a.xlsx").startswith("[the workbook could not be read")


def fast(path: Path) -> str | None:
    """By the quick reader alone; None for what it leaves to openpyxl."""
    try:
        return by_head(path)
    except (Unusual, OSError):
        return None


@pytest.mark.parametrize("task", MINI.tasks, ids=lambda task: task.id)
def test_bundled_inputs_look_as_by_openpyxl(task: Task) -> None:
    for path in MINI.cases(task)[0].input_path, MINI.golds(task)[0]:
        assert fast(path) == by_openpyxl(path)


def test_public_inputs_look_as_by_openpyxl(shared_data: Path) -> None:
    """All 200 do; these are the smaller ones, which openpyxl reads in a moment."""
    dataset = Dataset.load(shared_data)
    paths = [case.input_path for task in dataset.tasks for case in dataset.cases(task)]
    for path in sorted(paths, key=lambda path: path.stat().st_size)[:60]:
        assert fast(path) == by_openpyxl(path), path


CHANGES = {
    **PERTURBATIONS,
    **{name: change for name, (change, *_) in RULES_OF_CELLS.items()},
    "no dimension": part(SHEET1, "<dimension[^>]*>", ""),
    "a dimension that is too small": part(
        SHEET1, '<dimension ref="[^"]*"', '<dimension ref="B2:C3"'
    ),
    "rows left out": part(SHEET1, "<row r=.2.*?</row>", ""),
    "only a late row": part(SHEET1, "<sheetData>.*(<row r=.8.*</sheetData>)", r"<sheetData>\1"),
    "no rows": part(SHEET1, "<sheetData>.*</sheetData>", "<sheetData/>"),
    "the second sheet in front": part(
        "xl/workbook.xml", "<workbookView ", '<workbookView activeTab="1" '
    ),
    "a sheet that is not there in front": part(
        "xl/workbook.xml", "<workbookView ", '<workbookView activeTab="7" '
    ),
    "characters by number": part("xl/sharedStrings.xml", "<t>one<", "<t>o&#110;e&#10;&lt;<"),
    "rubbish behind the rows": part(SHEET1, "</sheetData>.*", "</sheetData><"),
}


def test_strings_without_their_table_are_said_in_brackets(tmp_path: Path) -> None:
    book = write_gold(tmp_path / "book.xlsx")
    rewrite_part(book, "xl/sharedStrings.xml", lambda _: None)
    kind = r'<Override PartName="/xl/sharedStrings.xml"[^>]*>'
    rewrite_part(book, "[Content_Types].xml", lambda text: re.sub(kind, "", text))
    assert preview(book).startswith("[the active sheet could not be read: ")


@pytest.mark.parametrize("name", CHANGES)
def test_changed_workbooks_look_as_by_openpyxl(tmp_path: Path, name: str) -> None:
    path = write_gold(tmp_path / "book.xlsx")
    CHANGES[name](path)
    quick, whole = fast(path), by_openpyxl(path)
    # What is broken in a part that is not shown is no reason to show nothing.
    assert quick in (whole, None) or whole.startswith("[")


@pytest.mark.parametrize(
    "name", ["nothing", "saved by openpyxl with its values", "no dimension", "rich text"]
)
def test_usual_workbooks_need_no_openpyxl(tmp_path: Path, name: str) -> None:
    path = write_gold(tmp_path / "book.xlsx")
    CHANGES[name](path)
    assert fast(path) == by_openpyxl(path)


def padded(name: str, mark: str, megabytes: int) -> Callable[[Path], None]:
    """Much of nothing in front of the mark; it takes a thousandth of that on disk."""
    return lambda path: rewrite_part(
        path, name, lambda text: text.replace(mark, " " * (megabytes * 2**20) + mark, 1)
    )


BOMBS = {
    "before the rows": padded(SHEET1, "<sheetData>", 40),
    "in a row": padded(SHEET1, "</row>", 40),
    "before the strings": padded("xl/sharedStrings.xml", "<si>", 40),
    "in a string": padded("xl/sharedStrings.xml", "</t>", 40),
    "before the styles": padded("xl/styles.xml", "<cellXfs", 40),
    "in the workbook": padded("xl/workbook.xml", "<sheets>", 40),
    "entities": part(
        "xl/workbook.xml",
        "<workbook",
        '<!DOCTYPE workbook [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><workbook',
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_not_inflated_here(tmp_path: Path, name: str) -> None:
    path = write_gold(tmp_path / "book.xlsx")
    BOMBS[name](path)
    tracemalloc.start()
    try:
        assert fast(path) is None
        assert tracemalloc.get_traced_memory()[1] < 150 * 2**20
    finally:
        tracemalloc.stop()


def test_what_only_openpyxl_can_read_is_read_within_limits(tmp_path: Path) -> None:
    path = write_gold(tmp_path / "book.xlsx")
    rewrite_part(path, SHEET1, lambda text: text.replace("<sheetData>", "<!-- --><sheetData>"))
    assert preview(path) == by_openpyxl(path)
    padded(SHEET1, "</v>", 150)(path)
    assert preview(path, WorkLimits(seconds=10, memory_mb=100)).startswith("[the workbook could")


def test_a_wide_claim_costs_nothing(tmp_path: Path) -> None:
    path = write_gold(tmp_path / "book.xlsx")
    part(SHEET1, '<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"')(path)
    text = fast(path)
    assert text
    assert text.endswith("... (1048571 more rows)\nused range: A1:XFD1048576")
