"""The three rule sets by which a verdict can be reached, each a value of small choices.

`released` is what the paper's released scorer does, `upstream` what SpreadsheetBench's own
evaluation does, `sheet-aware` is this project's reading of what the positions mean.
"""

from dataclasses import dataclass
from typing import Literal

RulesName = Literal["released", "upstream", "sheet-aware"]


@dataclass(frozen=True)
class Rules:
    """The defaults are the released scorer's choices."""

    name: RulesName
    strip_parts: bool = True
    """Blanks around a part of a position, no-break spaces among them, do not count."""
    open_ends: bool = True
    """A missing row or column means the end of the gold sheet, as in `A:G` or `BD2:308`."""
    reading_extends: bool = True
    """Comparing a cell creates it in the gold workbook, so that a later open end of the same
    position reaches as far; openpyxl does so, and the released scorer reads through it."""
    real_names: bool = False
    """Sheet names are read as a spreadsheet program reads them: quotes, commas, `!`, `$`, case."""
    answer_sheet: bool = False
    """A position without a sheet means the record's answer_sheet, not the first sheet of gold."""
    ordered_ends: bool = False
    """A range whose end lies before its start is put in order; else it holds no cell."""
    typed_cells: bool = False
    """Times to the minute, datetimes to the second, booleans apart from numbers, nan is nan."""
    only_input_names_output: bool = False
    """A gold file whose own name leads to no output takes that of the folder's only input."""


RELEASED = Rules("released")
UPSTREAM = Rules("upstream", strip_parts=False, open_ends=False, reading_extends=False)
SHEET_AWARE = Rules(
    "sheet-aware",
    reading_extends=False,
    real_names=True,
    answer_sheet=True,
    ordered_ends=True,
    typed_cells=True,
    only_input_names_output=True,
)

RULES: dict[RulesName, Rules] = {rules.name: rules for rules in (RELEASED, UPSTREAM, SHEET_AWARE)}
