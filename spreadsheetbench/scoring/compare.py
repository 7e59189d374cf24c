"""Compare two workbooks, already read, over a position.

The rules are told cell by cell, column by column; here only cells that are not blank on either
side are looked at, since two blank cells match. So `A1:XFD1048576` costs no more than the sheets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from openpyxl.utils.cell import get_column_letter

from react_agent.text import cut_end
from spreadsheetbench.book.book import Book, CellPlace, Sheet
from spreadsheetbench.book.cells import CellValue, matches, open_places
from spreadsheetbench.book.positions import Box, Part, find_sheet, parse
from spreadsheetbench.book.rules import Rules

SHOWN = 200
"""Characters of a value that a message shows; a cell may hold 32,767, a forged one any number."""


@dataclass(frozen=True)
class Comparison:
    """What one set of rules says of one output."""

    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Difference:
    """One compared cell whose two values do not match."""

    place: CellPlace
    expected: CellValue
    found: CellValue
    reason: str = ""
    """Why the values could not be compared at all, or the cell not be read."""

    @property
    def cell(self) -> str:
        return cell_name(self.place)

    @property
    def message(self) -> str:
        if self.reason:
            return f"{self.cell}: {self.reason}"
        expected, found = shown(self.expected), shown(self.found)
        return f"Value mismatch at {self.cell}: expected '{expected}', got '{found}'"


@dataclass(frozen=True)
class ComparedPart:
    """One part of the position, ready to be gone through. Without a box, `error` says why."""

    part: Part
    gold: Sheet | None = None
    output: Sheet | None = None
    box: Box | None = None
    error: str = ""


Seen = dict[tuple[str, str, Box], list[CellPlace]]
"""Of two books, by sheets and box: the cells that are not the same on both sides, in order."""


def compare(
    gold: Book,
    output: Book,
    position: str,
    rules: Rules,
    answer_sheet: str = "",
    *,
    seen: Seen | None = None,
) -> Comparison:
    """The verdict, with the first mismatch as its message. `seen` is for more rules to come."""
    for compared in parts(gold, output, position, rules, answer_sheet):
        if compared.error:
            return Comparison(False, compared.error)
        for difference in differences(compared, rules, seen):
            return Comparison(False, difference.message)
    return Comparison(True)


def parts(
    gold: Book, output: Book, position: str, rules: Rules, answer_sheet: str = ""
) -> Iterator[ComparedPart]:
    """The parts in order, each with its sheets and with its open ends closed by gold's sheet."""
    reach: dict[str, tuple[int, int]] = {}
    found_any = False
    for part in parse(position, rules, gold.names, answer_sheet):
        found_any = True
        compared = located(part, gold, output, rules, reach)
        if compared.box and compared.gold and rules.reading_extends and not compared.box.empty:
            column, row = reach.get(compared.gold.name, (1, 1))
            box = compared.box
            reach[compared.gold.name] = max(column, box.last_column), max(row, box.last_row)
        yield compared
    if not found_any:
        yield ComparedPart(Part(position), error=f"no cells in {position!r}")


def located(
    part: Part, gold: Book, output: Book, rules: Rules, reach: dict[str, tuple[int, int]]
) -> ComparedPart:
    """The part with its two sheets. `reach` says how far parts before it extended gold's."""
    gold_sheet, output_sheet = gold.sheet(part.sheet), output.sheet(part.sheet)
    if output_sheet is None and rules.real_names:
        output_sheet = output.sheet(find_sheet(part.sheet, output.names) or "")
    if output_sheet is None:
        return ComparedPart(part, error=f"Worksheet {shown(part.sheet)!r} not found in the output")
    if gold_sheet is None:
        return ComparedPart(part, error=f"Worksheet {shown(part.sheet)!r} does not exist in gold")
    if part.span is None:
        return ComparedPart(part, error=f"Invalid range {shown(part.text)!r}: {shown(part.error)}")
    if part.span.open and gold_sheet.is_chart:
        return ComparedPart(part, error=f"{gold_sheet.name!r} is a chart and has no last cell")
    column, row = reach.get(gold_sheet.name, (1, 1))
    box = part.span.close(max(gold_sheet.max_column, column), max(gold_sheet.max_row, row))
    if rules.ordered_ends:
        box = box.ordered()
    if not box.empty and (gold_sheet.is_chart or output_sheet.is_chart):
        return ComparedPart(part, error=f"{gold_sheet.name!r} is a chart and has no cells")
    return ComparedPart(part, gold_sheet, output_sheet, box)


def differences(
    compared: ComparedPart, rules: Rules, seen: Seen | None = None
) -> Iterator[Difference]:
    """The cells that do not match, column by column, top to bottom.

    A cell that no sheet can have ends the comparison, as nothing can be read there.
    """
    gold, output, box = compared.gold, compared.output, compared.box
    if gold is None or output is None or box is None or box.empty:
        return
    impossible = box.impossible
    own, other = gold.within(box), output.within(box)
    key, seen = (gold.name, output.name, box), {} if seen is None else seen
    if key not in seen:
        seen[key] = sorted(open_places(own, other))
    for place in seen[key]:
        if impossible and place >= impossible:
            break
        expected, found = own.get(place), other.get(place)
        try:
            if not matches(expected, found, rules):
                yield Difference(place, expected, found)
        except OverflowError as error:
            yield Difference(place, expected, found, str(error))
    if impossible:
        yield Difference(impossible, None, None, "no sheet has such a cell")


def cell_name(place: CellPlace) -> str:
    column, row = place
    try:
        return f"{get_column_letter(column)}{row}"
    except ValueError:
        return f"column {column}, row {row}"


def shown(value: object) -> str:
    return cut_end(str(value), SHOWN)
