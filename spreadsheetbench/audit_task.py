"""What is wrong with one task of a data set, found by reading its workbooks.

Runs in a worker process: a workbook may be broken, hostile or huge.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from react_agent.errors import ContractError
from react_agent.text import one_line
from spreadsheetbench.cells import CellValue
from spreadsheetbench.compare import Comparison, compare, parts
from spreadsheetbench.dataset import (
    CELL_LEVEL,
    SHEET_LEVEL,
    Dataset,
    SheetCase,
    Task,
    output_name_of_gold,
)
from spreadsheetbench.engines import uncached
from spreadsheetbench.positions import Part, find_sheet, parse
from spreadsheetbench.reader import Book, OpenpyxlReader
from spreadsheetbench.rules import RELEASED, SHEET_AWARE, UPSTREAM, Rules

Severity = Literal["error", "warning", "note"]
"""error: cannot be run, or no output can pass; warning: its verdict misleads; note: good to know"""

FindingKind = Literal[
    "index",
    "missing files",
    "unreadable workbook",
    "no position",
    "gold fails",
    "gold fails by other rules",
    "gold has another name",
    "input passes",
    "empty gold",
    "uncalculated gold",
    "rounding tie",
    "malformed position",
    "sheet not named",
    "wide preview",
    "unused workbook",
    "orphan folder",
    "unknown type",
    "marked for exclusion",
    "balance",
]

PREVIEW_ROWS = 5
WIDE = 50_000
"""Characters of a five-row preview: with that many it costs more than the rest of the prompt."""


class Finding(BaseModel, frozen=True):
    """One thing about a task, or about the whole set where there is no task_id."""

    severity: Severity
    kind: FindingKind
    message: str
    task_id: str = ""


def examine(dataset: Dataset, task: Task) -> list[Finding]:
    """Everything about one task. Never raises for what lies in its folder."""
    found = dict.fromkeys(_examine(dataset, task))
    return [finding.model_copy(update={"task_id": task.id}) for finding in found]


def _examine(dataset: Dataset, task: Task) -> Iterator[Finding]:
    if task.instruction_type not in (CELL_LEVEL, SHEET_LEVEL):
        yield _say("warning", "unknown type", f"instruction_type {task.instruction_type!r}")
    if task.exclude:
        yield _say("note", "marked for exclusion", f"the record says: {task.exclude}")
    if not task.answer_position.strip():
        yield _say("error", "no position", "no answer_position: the released scorer drops it")
    try:
        cases, golds = dataset.cases(task), dataset.golds(task)
    except ContractError as error:
        yield _say("error", "missing files", str(error))
        return
    known = {case.input_path for case in cases} | set(golds)
    for path in sorted(dataset.folder(task).glob("*.xls*")):
        if path not in known and not path.name.startswith((".", "~$")):
            yield _say("note", "unused workbook", f"{path.name} is neither input nor gold")
    inputs = {case.output_name: case for case in cases}
    for gold in golds:
        wanted = output_name_of_gold(gold.name)
        case = inputs.pop(wanted, None)
        if case is None:
            case = cases[0] if len(cases) == len(golds) == 1 else None
            inputs.clear()
            yield _say(
                "error",
                "gold has another name",
                f"{gold.name} is compared with {wanted}, which no input leads to"
                + (f" ({cases[0].input_path.name} gives {cases[0].output_name})" if case else ""),
            )
        for finding in _examine_pair(task, case, gold):
            prefix = f"{gold.name}: " if len(golds) > 1 else ""
            yield finding.model_copy(update={"message": prefix + finding.message})
    for case in inputs.values():
        yield _say("warning", "missing files", f"{case.input_path.name} has no gold workbook")


def _examine_pair(task: Task, case: SheetCase | None, gold_path: Path) -> Iterator[Finding]:
    gold = _read(gold_path)
    given = _read(case.input_path) if case else None
    for broken in (gold, given):
        if isinstance(broken, Finding):
            yield broken
    if isinstance(given, Book):
        yield from _wide_preview(given)
    if not isinstance(gold, Book) or not task.answer_position.strip():
        return
    yield from _position_form(task.answer_position, gold, task.answer_sheet)
    own = _verdict(gold, gold, task, RELEASED)
    if not own.passed:
        why = f"gold fails against itself, so nothing can pass: {own.message}"
        yield _say("error", "gold fails", why)
    for rules in (UPSTREAM, SHEET_AWARE):
        verdict = _verdict(gold, gold, task, rules)
        if own.passed and not verdict.passed:
            why = f"gold fails against itself by the {rules.name} rules: {verdict.message}"
            yield _say("warning", "gold fails by other rules", why)
    if isinstance(given, Book) and _verdict(gold, given, task, RELEASED).passed:
        yield _say("warning", "input passes", "the untouched input passes: doing nothing scores")
    if own.passed:
        yield from _gold_contents(gold, gold_path, task.answer_position)


def _verdict(gold: Book, output: Book, task: Task, rules: Rules) -> Comparison:
    try:
        return compare(gold, output, task.answer_position, rules, task.answer_sheet)
    except MemoryError:
        raise
    except Exception as error:  # the rules say that any exception is a fail with its text
        return Comparison(False, f"{type(error).__name__}: {error}")


def _gold_contents(gold: Book, path: Path, position: str) -> Iterator[Finding]:
    compared = list(parts(gold, gold, position, RELEASED))
    values: list[CellValue] = []
    for part in compared:
        if part.gold and part.box:
            values += part.gold.within(part.box).values()
    if not values:
        yield _say("warning", "empty gold", f"gold holds no value in {position}: blanks score")
    ties = [value for value in values if isinstance(value, float) and _is_tie(value)]
    if ties:
        yield _say(
            "note",
            "rounding tie",
            f"{ties[0]!r} rounds to other cents once saved with 15 digits"
            + (f", and {len(ties) - 1} more" if len(ties) > 1 else ""),
        )
    if _may_be_uncalculated(path):
        missing = uncached(gold, OpenpyxlReader().formulas(path), compared)
        if missing:
            yield _say(
                "warning",
                "uncalculated gold",
                f"{len(missing)} compared gold cells hold formulas without a value: they ask for "
                "blanks where a right formula shows something",
            )


def _is_tie(value: float) -> bool:
    """Spreadsheet programs save 15 digits; here the ones cut off decide the rounding."""
    return round(value, 2) != round(float(f"{value:.15g}"), 2)


_UNCACHED = re.compile(rb"(?:</f>|<f\b[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def _may_be_uncalculated(path: Path) -> bool:
    """A look at the bytes, as reading the formulas properly takes as long as all the rest."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return any(_UNCACHED.search(archive.read(name)) for name in names)


_PLAIN = re.compile(r"(?:'(?:[^']|'')*'!|[^'!]+!)?[^'!]+")


def _position_form(position: str, gold: Book, answer_sheet: str) -> Iterator[Finding]:
    for name in gold.names:
        if ("," in name or "!" in name) and name in position:
            yield _say("warning", "malformed position", f"sheet name with a comma or '!': {name!r}")
            return
    read = parse(position, RELEASED, gold.names, answer_sheet)
    pieces = [part.text.strip() for part in read]
    if any(not _PLAIN.fullmatch(piece) for piece in pieces):
        yield _say("note", "malformed position", f"unbalanced or misplaced quotes: {position!r}")
    if not (position.isascii() or any(not name.isascii() for name in gold.names)):
        unusual = "".join(sorted({char for char in position if not char.isascii()}))
        yield _say("note", "malformed position", f"unusual characters {unusual!r} in {position!r}")
    for part in read:
        yield from _range_form(part)
        if part.sheet not in gold.names and not part.error:
            yield _say(
                "warning", "malformed position", f"gold has no sheet {part.sheet!r} ({position!r})"
            )
    yield from _unnamed_sheet(pieces, gold, answer_sheet)


def _range_form(part: Part) -> Iterator[Finding]:
    """What the released rules make of one range, where that is not what it says."""
    cells = part.text.rpartition("!")[2]
    if part.span is None:
        yield _say("warning", "malformed position", f"{part.text!r}: {part.error}")
        return
    if re.search(r"[a-z]", cells) and ":" in cells:
        yield _say("warning", "malformed position", f"lower case, other columns meant: {cells!r}")
    elif part.span.open:
        box = part.span.close(1 << 14, 1 << 20)
        rows_only = re.search(r"[A-Za-z]", cells) and re.search(r":\D*\d+\D*$", cells)
        reach = "reads to the end of the gold sheet" if not box.empty else "holds no cell"
        kind = " (a column letter is missing)" if rows_only else ""
        yield _say("warning", "malformed position", f"open range {cells!r}{kind}: {reach}")
    elif part.span.close(0, 0).empty:
        yield _say("warning", "malformed position", f"reversed, holds no cell: {cells!r}")


def _unnamed_sheet(pieces: Sequence[str], gold: Book, answer_sheet: str) -> Iterator[Finding]:
    """A piece without a sheet is compared on the first one, whatever the record's answer_sheet."""
    if not answer_sheet.strip() or not any("!" not in piece for piece in pieces):
        return
    names = [answer_sheet, *answer_sheet.split(",")]
    found = [find_sheet(name.strip(" \t\xa0'\""), gold.names) for name in names]
    meant = list(dict.fromkeys(name for name in found if name))
    first = gold.names[0]
    if meant == [first]:
        says = f"compared on the first sheet, which answer_sheet names ({first!r})"
        yield _say("note", "sheet not named", f"position without a sheet: {says}")
    else:
        says = f"compared on the first sheet {first!r}, while answer_sheet is {answer_sheet!r}"
        yield _say("warning", "sheet not named", f"position without a sheet: {says}")


def _wide_preview(given: Book) -> Iterator[Finding]:
    sheet = given.sheets[0] if given.sheets else None
    if sheet is None:
        return
    rows = min(PREVIEW_ROWS, sheet.max_row)
    shown = sum(len(repr(v)) for (_, row), v in sheet.values.items() if row <= rows)
    blanks = rows * sheet.max_column - sum(row <= rows for _, row in sheet.values)
    size = shown + blanks * len("None") + rows * sheet.max_column * len(", ")
    if size > WIDE:
        yield _say(
            "warning",
            "wide preview",
            f"first sheet {sheet.max_column:,} columns wide: its first {rows} rows are "
            f"{size // 1000:,} KB of prompt",
        )


def _read(path: Path) -> Book | Finding:
    try:
        return OpenpyxlReader().read(path)
    except MemoryError:
        raise
    except Exception as error:  # whatever openpyxl raises for a broken file is the finding
        reason = one_line(str(error), 200) or type(error).__name__
        return _say("error", "unreadable workbook", f"{path.name}: {reason}")


def _say(severity: Severity, kind: FindingKind, message: str) -> Finding:
    return Finding(severity=severity, kind=kind, message=message)
