"""How many cells a verdict rests on."""

from spreadsheetbench.book.book import Book
from spreadsheetbench.book.rules import Rules
from spreadsheetbench.scoring.compare import parts


def count_values(gold: Book, position: str, rules: Rules, answer_sheet: str = "") -> int:
    """Gold's cells in the position that are not blank; with none, an empty sheet passes."""
    found = {
        (compared.gold.name, place)
        for compared in parts(gold, gold, position, rules, answer_sheet)
        if compared.gold and compared.box and not compared.box.empty
        for place in compared.gold.within(compared.box)
    }
    return len(found)
