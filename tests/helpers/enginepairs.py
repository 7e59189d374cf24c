"""One workbook read by both engines: whatever a comparison can ask of it must be the same."""

from collections.abc import Iterable
from pathlib import Path

from spreadsheetbench.book.book import Book
from spreadsheetbench.book.rules import RELEASED, RULES, Rules
from spreadsheetbench.fast import lazy_reader
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring.compare import Comparison, compare
from spreadsheetbench.scoring.mismatches import MismatchReport, report_mismatches


def read(engine: str, path: Path) -> Book | str:
    try:
        return READERS[engine].read(path)  # type: ignore[index]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def reported(
    gold: Path, output: Path, position: str, *, limit: int = 20, engine: str = "lazy"
) -> MismatchReport:
    """As analysts are shown it."""
    reader = READERS[engine]  # type: ignore[index]
    books = reader.read(gold), reader.read(output)
    formulas = reader.formulas(output)
    return report_mismatches(*books, position, RELEASED, formulas=formulas, limit=limit)


def same_books(path: Path) -> tuple[Book, Book] | None:
    """Everything that a comparison can ask of a book is the same. None if neither can be read."""
    lazy_reader.kept.forget()
    expected, found = read("openpyxl", path), read("lazy", path)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
        return None
    assert [(s.name, s.is_chart) for s in found.sheets] == [
        (s.name, s.is_chart) for s in expected.sheets
    ]
    for one, other in zip(expected.sheets, found.sheets, strict=True):
        assert (other.max_column, other.max_row) == (one.max_column, one.max_row)
        typed = [{p: (type(v), repr(v)) for p, v in s.values.items()} for s in (one, other)]
        assert typed[0] == typed[1]
        assert other.empty_texts == one.empty_texts
    return expected, found


def same_verdicts(
    golds: tuple[Book, Book], outputs: tuple[Book, Book], positions: Iterable[str], sheet: str = ""
) -> list[Comparison]:
    verdicts = []
    for position in positions:
        for rules in RULES.values():
            expected, found = (
                _compared(golds[i], outputs[i], position, rules, sheet) for i in (0, 1)
            )
            assert found == expected, (position, rules.name)
            verdicts.append(found)
    return verdicts


def _compared(gold: Book, output: Book, position: str, rules: Rules, sheet: str) -> Comparison:
    try:
        return compare(gold, output, position, rules, sheet)
    except Exception as error:
        return Comparison(False, repr(error))
