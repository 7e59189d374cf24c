"""The preview is short and never fails, whatever the workbook holds."""

from datetime import datetime
from pathlib import Path

import openpyxl

from spreadsheet_agent.preview import MAX_PREVIEW, preview


def test_first_five_rows_of_the_active_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Second").append(["Item", None, 2.5, datetime(2024, 3, 1)])
    for row in range(9):
        book["Second"].append([row, None, None])
    book.active = 1
    book.save(tmp_path / "a.xlsx")
    text = preview(tmp_path / "a.xlsx")
    assert "'Second'" in text.splitlines()[0]
    assert "('Item', None, 2.5, datetime.datetime(2024, 3, 1, 0, 0))" in text
    assert text.splitlines()[2:6] == ["(0,)", "(1,)", "(2,)", "(3,)"]
    assert text.endswith("... (5 more rows)")


def test_a_very_wide_sheet_stays_short(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for _ in range(5):
        book.worksheets[0].append(["wide" * 100] * 500)
    book.save(tmp_path / "a.xlsx")
    assert len(preview(tmp_path / "a.xlsx")) < MAX_PREVIEW + 300


def test_a_broken_workbook_is_said_in_brackets(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"not a zip")
    assert preview(tmp_path / "a.xlsx").startswith("[the workbook could not be read")
