"""Every mismatch of an output, within limits: what an analyst of a failed case needs to see."""

import datetime
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from spreadsheetbench.book.book import Book, CellPlace, Formula, Formulas
from spreadsheetbench.book.cells import CellValue, is_blank
from spreadsheetbench.book.rules import Rules
from spreadsheetbench.scoring.compare import (
    ComparedPart,
    Difference,
    cell_name,
    differences,
    parts,
    shown,
)

ValueType = Literal["blank", "number", "text", "boolean", "date", "time", "duration", "error"]
MismatchKind = Literal[
    "missing",
    "unexpected",
    "not calculated",
    "formula error",
    "other type",
    "other value",
    "not comparable",
]
"""missing: blank where a value is due; unexpected: a value where a blank is due; not calculated: a
formula without a cached value; formula error: `#REF!` and its like."""

ERROR_TEXTS = frozenset(
    ["#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!"]
)


class CellMismatch(BaseModel, frozen=True):
    """One cell, as the report shows it."""

    cell: str
    kind: MismatchKind
    expected: str
    expected_type: ValueType
    found: str
    found_type: ValueType
    formula: str = ""
    """The output's formula, whose cached value is what was found."""
    reason: str = ""


class PartReport(BaseModel, frozen=True):
    """One part of the position."""

    part: str
    sheet: str
    range: str = ""
    cells_compared: int = 0
    mismatches: int = 0
    shown: tuple[CellMismatch, ...] = ()
    error: str = ""
    """Why nothing of this part could be compared."""

    @property
    def passed(self) -> bool:
        return not self.error and not self.mismatches


class MismatchReport(BaseModel, frozen=True):
    """All parts of the position, also those after the first that fails."""

    passed: bool
    parts: tuple[PartReport, ...]

    @property
    def mismatches(self) -> int:
        return sum(part.mismatches for part in self.parts)


def report_mismatches(
    gold: Book,
    output: Book,
    position: str,
    rules: Rules,
    answer_sheet: str = "",
    *,
    formulas: Formulas | None = None,
    limit: int = 20,
) -> MismatchReport:
    """`formulas` are the output's; `limit` counts the cells shown of one part."""
    reports = tuple(
        _part_report(compared, rules, formulas, limit)
        for compared in parts(gold, output, position, rules, answer_sheet)
    )
    passed = all(part.passed for part in reports)
    return MismatchReport(passed=passed, parts=reports)


def _part_report(
    compared: ComparedPart, rules: Rules, formulas: Formulas | None, limit: int
) -> PartReport:
    part, box = compared.part, compared.box
    if box is None:
        return PartReport(part=part.text, sheet=part.sheet, error=compared.error)
    of_sheet: Mapping[CellPlace, Formula] = {}
    if formulas and compared.output:
        of_sheet = formulas.sheets.get(compared.output.name, {})
    found = list(differences(compared, rules))
    first, last = (box.first_column, box.first_row), (box.last_column, box.last_row)
    return PartReport(
        part=part.text,
        sheet=part.sheet,
        range="" if box.empty else ":".join(dict.fromkeys([cell_name(first), cell_name(last)])),
        cells_compared=box.area,
        mismatches=len(found),
        shown=tuple(_cell(difference, of_sheet) for difference in found[:limit]),
    )


def _cell(difference: Difference, formulas: Mapping[CellPlace, Formula]) -> CellMismatch:
    formula = formulas.get(difference.place)
    return CellMismatch(
        cell=difference.cell,
        kind=_kind(difference, formula),
        expected=shown(difference.expected),
        expected_type=type_of(difference.expected),
        found=shown(difference.found),
        found_type=type_of(difference.found),
        formula=shown(formula.text) if formula else "",
        reason=difference.reason,
    )


def _kind(difference: Difference, formula: Formula | None) -> MismatchKind:
    expected, found = type_of(difference.expected), type_of(difference.found)
    if difference.reason:
        return "not comparable"
    if found == "blank":
        return "not calculated" if formula else "missing"
    if expected == "blank":
        return "unexpected"
    if found == "error":
        return "formula error"
    return "other value" if expected == found else "other type"


def type_of(value: CellValue) -> ValueType:
    if is_blank(value):
        return "blank"
    if isinstance(value, str):
        return "error" if value in ERROR_TEXTS else "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, datetime.date):
        return "date"
    if isinstance(value, datetime.time):
        return "time"
    return "duration" if isinstance(value, datetime.timedelta) else "number"
