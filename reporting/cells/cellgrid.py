"""The cells of one case as a reader wants to see them: input, output and expected side by side.

Only the compared ranges are shown, with a margin, and of a long range the rows that count; what
is left out is counted. Workbooks are untrusted: call `grids_of` in `react_agent.engines.workers`.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl.utils.cell import get_column_letter

from react_agent.text import cut_end
from reporting.cells.window import Rows, read_window, rows_of
from spreadsheetbench.book.book import Book, CellPlace, Formula, Formulas, Sheet
from spreadsheetbench.book.positions import Box, parse
from spreadsheetbench.book.rules import RULES, Rules, RulesName
from spreadsheetbench.scoring.compare import ComparedPart, Difference, differences, parts, shown
from spreadsheetbench.scoring.mismatches import type_of

MAX_ROWS, MAX_COLUMNS, MAX_PARTS = 40, 14, 8
MAX_DIFFERENCES = 400
"""Differing cells that are listed of one range; all are counted."""
FIRST_ROWS = 6
"""Rows shown at the beginning of a range, whatever they hold: its headers."""
MAX_TEXT = 160
LAYERS = ("input", "output", "expected")

Cell = str | dict[str, str]
"""What a cell shows: a text as it is, else `v` (value), `t` (type), `f` (formula)."""


@dataclass(frozen=True)
class GridJob:
    """One case: its input and gold, and the outputs of each run."""

    input: Path | None
    gold: Path | None
    outputs: tuple[Path | None, ...]
    position: str
    answer_sheet: str = ""
    rules: RulesName = "released"


@dataclass(frozen=True)
class Layer:
    """A workbook with its formulas; `error` says why it could not be read."""

    book: Book = field(default_factory=lambda: Book(()))
    formulas: Formulas = field(default_factory=lambda: Formulas({}, counts_from_1904=False))
    error: str = ""

    @classmethod
    def read(cls, path: Path | None, wanted: "Wanted") -> "Layer":
        if path is None or not path.is_file():
            return cls(error="there is no such workbook")
        try:
            return cls(*read_window(path, wanted))
        except MemoryError:
            raise
        except Exception as error:  # openpyxl raises anything at all for a broken file
            return cls(error=f"cannot be read: {type(error).__name__}: {shown(error)}")


@dataclass
class Wanted:
    """What the position asks of each workbook, by the sheets of the first that is opened."""

    job: GridJob
    rows: Rows | None = None

    def __call__(self, names: Sequence[str]) -> Rows:
        if self.rows is None:
            job = self.job
            self.rows = rows_of(parse(job.position, RULES[job.rules], names, job.answer_sheet))
        return self.rows


def grids_of(job: GridJob) -> list[dict[str, Any]]:
    """For each output: `errors` by layer, and `parts` to be shown."""
    wanted = Wanted(job)
    gold, given = Layer.read(job.gold, wanted), Layer.read(job.input, wanted)
    return [_case(job, given, Layer.read(path, wanted), gold) for path in job.outputs]


def _case(job: GridJob, given: Layer, output: Layer, gold: Layer) -> dict[str, Any]:
    layers = dict(zip(LAYERS, (given, output, gold), strict=True))
    errors = {name: layer.error for name, layer in layers.items() if layer.error}
    rules = RULES[job.rules]
    # Without a gold workbook nothing is marked, but the range can be shown all the same.
    lead = next((layer.book for layer in (gold, given, output) if not layer.error), Book(()))
    compared = list(parts(gold.book, output.book, job.position, rules, job.answer_sheet))
    located = list(parts(lead, lead, job.position, rules, job.answer_sheet))
    pairs = zip_longest(located, compared)
    shown_parts = [
        _part(place, judged if not gold.error else None, layers, rules)
        for place, judged in pairs
        if place is not None
    ]
    return {
        "position": job.position,
        "rules": job.rules,
        "errors": errors,
        "parts": shown_parts[:MAX_PARTS],
        "more_parts": max(0, len(shown_parts) - MAX_PARTS),
    }


def _part(
    place: ComparedPart, judged: ComparedPart | None, layers: Mapping[str, Layer], rules: Rules
) -> dict[str, Any]:
    found = list(differences(judged, rules)) if judged else []
    base = {"part": place.part.text, "sheet": place.part.sheet, "differing": len(found)}
    if judged and judged.error:
        base["error"] = judged.error
    if place.box is None or place.box.empty or place.box.impossible:
        return {**base, "error": base.get("error") or place.error or "holds no cell"}
    wrong = [difference.place for difference in found]
    rows = _rows(place.box, wrong)
    columns = _columns(place.box, wrong)
    window = {(c, r) for c in columns for r in rows}
    inside_rows = range(place.box.first_row, place.box.last_row + 1)
    inside_columns = range(place.box.first_column, place.box.last_column + 1)
    sheets = {name: _sheet_of(layer.book, place, judged) for name, layer in layers.items()}
    return {
        **base,
        "range": _range(place.box),
        "rows": rows,
        "columns": [get_column_letter(column) for column in columns],
        "inside": [
            [i for i, row in enumerate(rows) if row in inside_rows],
            [i for i, column in enumerate(columns) if column in inside_columns],
        ],
        "layers": {
            name: _cells(sheets[name], layers[name].formulas, rows, columns) for name in LAYERS
        },
        "differences": [_difference(one) for one in found[:MAX_DIFFERENCES]],
        "hidden_differences": sum(one not in window for one in wrong),
        "hidden_rows": len(inside_rows) - sum(row in inside_rows for row in rows),
        "hidden_columns": len(inside_columns) - sum(c in inside_columns for c in columns),
    }


def _rows(box: Box, wrong: Sequence[CellPlace]) -> list[int]:
    """The first rows, those around differing cells, then the rest while there is room."""
    around = [row + step for _, row in wrong[: 4 * MAX_ROWS] for step in (0, -1, 1)]
    first = range(box.first_row, min(box.last_row, box.first_row + FIRST_ROWS - 1) + 1)
    rest = range(box.first_row, min(box.last_row, box.first_row + MAX_ROWS) + 1)
    wanted = [box.first_row - 1, *first, *around, *rest, box.last_row + 1]
    inside = [row for row in wanted if max(1, box.first_row - 1) <= row <= box.last_row + 1]
    return sorted(list(dict.fromkeys(inside))[:MAX_ROWS])


def _columns(box: Box, wrong: Sequence[CellPlace]) -> list[int]:
    own = range(box.first_column, min(box.last_column, box.first_column + MAX_COLUMNS) + 1)
    around = [column for column, _ in wrong]
    margin = [box.first_column - 1, box.last_column + 1]
    # A narrow answer is hard to read without the columns that it was made from.
    context = range(box.first_column - 2, max(0, box.first_column - 6), -1)
    wanted = [*around, *own, *margin, *(context if len(own) <= 4 else ())]
    return sorted(list(dict.fromkeys(c for c in wanted if c >= 1))[:MAX_COLUMNS])


def _sheet_of(book: Book, place: ComparedPart, judged: ComparedPart | None) -> Sheet | None:
    """The sheet of that name, or the one that the rules took for it."""
    taken = judged.output.name if judged and judged.output else place.part.sheet
    return book.sheet(place.part.sheet) or book.sheet(taken)


def _cells(
    sheet: Sheet | None, formulas: Formulas, rows: Sequence[int], columns: Sequence[int]
) -> list[list[Cell | None]] | None:
    """None when the workbook has no such sheet."""
    if sheet is None:
        return None
    of_sheet = formulas.sheets.get(sheet.name, {})
    return [[_cell(sheet, of_sheet, (c, r)) for c in columns] for r in rows]


def _cell(sheet: Sheet, formulas: Mapping[CellPlace, Formula], place: CellPlace) -> Cell | None:
    value, formula = sheet.value(place), formulas.get(place)
    if value is None and formula is None:
        return None
    kind = type_of(value)
    text = _text(value)
    if kind == "text" and formula is None:
        return text
    cell = {"v": text, "t": kind}
    if formula:
        cell["f"] = cut_end(formula.text, MAX_TEXT)
        if value is None and place in sheet.empty_texts:
            cell["t"] = "text"  # calculated, and the result is the empty text
    return cell


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.12g}"
    return cut_end(str(value), MAX_TEXT)


def _difference(one: Difference) -> dict[str, str]:
    entry = {"cell": one.cell, "expected": _text(one.expected), "found": _text(one.found)}
    types = type_of(one.expected), type_of(one.found)
    if types[0] != types[1]:
        entry["types"] = f"{types[0]} expected, {types[1]} found"
    if one.reason:
        entry["reason"] = one.reason
    return entry


def _range(box: Box) -> str:
    first = f"{get_column_letter(box.first_column)}{box.first_row}"
    last = f"{get_column_letter(box.last_column)}{box.last_row}"
    return first if first == last else f"{first}:{last}"
