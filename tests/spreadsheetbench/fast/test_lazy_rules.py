"""Each rule by which openpyxl reads a workbook, one by one: what it makes of a cell is told here,
and the lazy engine makes the same of it."""

from pathlib import Path

import pytest
from cell_rules import ANYTHING, LOST, RULES_OF_CELLS
from enginepairs import same_books
from workbooks import write_gold

from spreadsheetbench.book.positions import Box
from spreadsheetbench.reading.reader import READERS


@pytest.mark.parametrize("rule", RULES_OF_CELLS)
def test_a_rule_of_reading_holds_for_both_engines(tmp_path: Path, rule: str) -> None:
    change, name, expected = RULES_OF_CELLS[rule]
    path = write_gold(tmp_path / "book.xlsx")
    READERS["lazy"].read(path)  # so that what is remembered of the sound file could mislead
    change(path)
    books = same_books(path)
    if name == LOST:
        assert books is None
        return
    assert books
    column, row = ord(name[0]) - ord("A") + 1, int(name[1:])
    values = [book.sheets[0].value((column, row)) for book in books]
    assert repr(values[0]) == repr(values[1])
    if expected is not ANYTHING:
        assert (values[0], type(values[0])) == (expected, type(expected))
    whole = Box(1, 1, 40, 40)
    assert books[0].sheets[0].within(whole) == books[1].sheets[0].within(whole)
