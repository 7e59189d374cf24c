"""What the workbooks of a case say: right or wrong, where, and what kind of failure it is.

Plain functions of files, since workbooks of an agent are read in a worker process with limits.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from react_agent.proof import Movement
from react_agent.seams import Check, Facts
from spreadsheetbench.book.book import Book, CellPlace
from spreadsheetbench.book.cells import CellValue, canonical, is_blank, matches
from spreadsheetbench.book.rules import RULES, Rules, RulesName
from spreadsheetbench.evidence.mismatch_text import failing_cells, first_problem, render
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring.compare import ComparedPart, compare, differences, parts
from spreadsheetbench.scoring.mismatches import MismatchReport, report_mismatches

KEPT_BOOKS = 4
"""Workbooks that a worker keeps: gold is asked for again a moment later."""
SHARE_MOVED = 0.8
"""When so much of what is missing stands newly elsewhere, it was put in the wrong place."""
SHARE_UNCALCULATED = 0.5
SHARE_THERE = 0.5
"""A script that leaves more of its cells blank than this does not work on a variant."""
CELLS_LISTED = 200
"""Mismatches of one range that are looked at one by one; the others are only counted."""
JUDGE_BY: tuple[RulesName, ...] = ("released", "sheet-aware")
"""Tried in this order: a gold that fails against itself cannot judge a repair."""


READER = READERS["lazy"]
"""Reads what openpyxl reads, with less work; it is called in worker processes only."""


@dataclass(frozen=True)
class Question:
    """Which cells of a workbook count."""

    position: str
    answer_sheet: str = ""
    rules: RulesName = "released"

    @property
    def by(self) -> Rules:
        return RULES[self.rules]

    @property
    def said(self) -> dict[str, str]:
        return {"position": self.position, "rules": self.rules}


def case_facts(gold: Path, given: Path, output: Path | None, question: Question) -> Facts:
    """Raises whatever the reader raises when gold or the input cannot be loaded."""
    right, before = _own(gold), _own(given)
    usable = _usable(right, question)
    if usable is None:
        return Facts(None, comparable=False)
    answers = tuple(_answers(right, before, usable))
    if output is None:
        return Facts(None, "no_output", answers, by=usable.said)
    try:
        found = READER.read(output)
    except Exception as error:  # openpyxl raises all kinds on a broken file; none is a bug here
        return Facts(_unreadable(error, usable), "damaged_workbook", answers, by=usable.said)
    report = _report(right, found, output, usable)
    check = _check(right, found, report, usable)
    error_class = "" if check.passed else _error_class(right, before, found, report, usable)
    return Facts(check, error_class, answers, by=usable.said)


def check_output(gold: Path, output: Path, question: Question) -> Check:
    """Compare; an output that cannot be loaded is a failed check that says so."""
    right = _own(gold)
    question = _usable(right, question) or question
    try:
        found = READER.read(output)
    except Exception as error:  # as above
        return _unreadable(error, question)
    return _check(right, found, _report(right, found, output, question), question)


def movement(gold: Path, given: Path, before: Path, after: Path, question: Question) -> Movement:
    """Two outputs in the cells that the task changes; where it only empties some, in all that
    count. Raises whatever the reader raises when the first cannot be loaded."""
    right, own, old = _own(gold), _own(given), READER.read(before)
    question = _usable(right, question) or question
    try:
        new = READER.read(after)
    except Exception:  # openpyxl raises all kinds on a broken file: the script does not work
        return Movement(works=False)
    places = list(_answer_places(right, own, question))
    asked = [(_value(old, *place), _value(new, *place)) for place in places]
    filled = [(one, other) for one, other in asked if not is_blank(one)]
    if not filled:
        return _emptied(right, old, new, question)
    there = [(one, other) for one, other in filled if not is_blank(other)]
    moved = [(a, b) for a, b in there if not matches(a, b, question.by)]
    befores, afters = ({_hashable(pair[n], question.by) for pair in moved} for n in (0, 1))
    if len(moved) > 2 and len(befores) > 1 and len(afters) == 1:
        moved = []  # one word for all that it does not know
    answers = {_hashable(one, question.by) for one, _ in filled}
    new_ones = bool(moved) and bool(afters - answers)
    return Movement(len(there) >= SHARE_THERE * len(filled), len(moved), new_ones)


def _emptied(gold: Book, old: Book, new: Book, question: Question) -> Movement:
    moved = 0
    for part in parts(gold, gold, question.position, question.by, question.answer_sheet):
        if part.gold is None or part.box is None or part.box.empty:
            continue
        one, other = old.sheet(part.gold.name), new.sheet(part.gold.name)
        if one is None or other is None:
            return Movement(works=False)
        moved += len(set(one.within(part.box).items()) ^ set(other.within(part.box).items()))
    return Movement(works=True, moved=moved, new=bool(moved))


def _value(book: Book, sheet: str, place: CellPlace) -> CellValue:
    found = book.sheet(sheet)
    return found.value(place) if found else None


def _own(path: Path) -> Book:
    """A workbook of the data set, which nobody changes while it is worked with."""
    status = path.stat()
    return _own_as_it_is(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(KEPT_BOOKS)
def _own_as_it_is(path: Path, changed: int, size: int) -> Book:
    return READER.read(path)


def _usable(gold: Book, question: Question) -> Question | None:
    for name in JUDGE_BY:
        if compare(gold, gold, question.position, RULES[name], question.answer_sheet).passed:
            return Question(question.position, question.answer_sheet, name)
    return None


def _answer_places(gold: Book, before: Book, question: Question) -> Iterator[tuple[str, CellPlace]]:
    """Cells that count, are not blank, and hold something else than in the input."""
    for part in parts(gold, gold, question.position, question.by, question.answer_sheet):
        if part.gold is None or part.box is None or part.box.empty:
            continue
        old = before.sheet(part.gold.name)
        for place in sorted(part.gold.within(part.box)):
            if old is None or old.value(place) != part.gold.value(place):
                yield part.gold.name, place


def _answers(gold: Book, before: Book, question: Question) -> Iterator[CellValue]:
    for name, place in _answer_places(gold, before, question):
        sheet = gold.sheet(name)
        if sheet:
            yield sheet.value(place)


def _report(gold: Book, found: Book, output: Path, question: Question) -> MismatchReport:
    """Formulas cost a second reading of the file, and explain only what differs."""
    where = (gold, found, question.position, question.by, question.answer_sheet)
    formulas = None if compare(*where).passed else READER.formulas(output)
    return report_mismatches(*where, formulas=formulas, limit=CELLS_LISTED)


def _check(gold: Book, found: Book, report: MismatchReport, question: Question) -> Check:
    verdict = compare(gold, found, question.position, question.by, question.answer_sheet)
    return Check(
        verdict.passed,
        render(report.model_copy(update={"passed": verdict.passed})),
        "" if verdict.passed else first_problem(report) or verdict.message,
        failing_cells(report),
        report.mismatches + sum(bool(part.error) for part in report.parts),
        by=question.said,
    )


def _unreadable(error: Exception, question: Question) -> Check:
    text = f"the workbook cannot be opened: {type(error).__name__}: {error}"
    return Check(False, f"Result: FAIL {text}", text, readable=False, by=question.said)


def _error_class(
    gold: Book, before: Book, found: Book, report: MismatchReport, question: Question
) -> str:
    compared = list(parts(gold, found, question.position, question.by, question.answer_sheet))
    if _sheet_missing(report, found):
        return "wrong_place"
    listed = [cell for part in report.parts for cell in part.shown]
    uncalculated = sum(cell.kind == "not calculated" for cell in listed)
    if listed and uncalculated >= SHARE_UNCALCULATED * len(listed):
        return "uncalculated_formula"
    return "wrong_place" if _moved(compared, before, found, question.by) else "wrong_values"


def _sheet_missing(report: MismatchReport, found: Book) -> bool:
    return any(part.error and found.sheet(part.sheet) is None for part in report.parts)


def _moved(compared: list[ComparedPart], before: Book, found: Book, rules: Rules) -> bool:
    """Whether what is missing stands newly in cells that are not compared."""
    missing = [
        difference.expected
        for part in compared
        for difference in differences(part, rules)
        if not is_blank(difference.expected)
    ]
    counted = {
        (p.output.name, place)
        for p in compared
        if p.output and p.box
        for place in p.output.within(p.box)
    }
    new = set()
    for sheet in found.sheets:
        old = before.sheet(sheet.name)
        for place, value in sheet.values.items():
            same = old is not None and old.value(place) == value
            if not same and (sheet.name, place) not in counted:
                new.add(_hashable(value, rules))
    there = sum(_hashable(value, rules) in new for value in missing)
    return bool(missing) and there >= SHARE_MOVED * len(missing)


def _hashable(value: CellValue, rules: Rules) -> str:
    try:
        return repr(canonical(value, rules))
    except OverflowError:
        return repr(value)
