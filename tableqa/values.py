"""What an answer's text stands for: a number, a date or words, read as WikiTableQuestions does."""

import re
import unicodedata
from dataclasses import dataclass, field

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_FIELD = re.compile(r"\d+", re.ASCII)
_QUOTES = str.maketrans("‘’´`“”‐‑‒–—−", "''''\"\"------")
_MARKS = frozenset("•♦†‡*#+")
_LONGEST = 10_000
"""Characters of an answer; what is longer is cut, so that no pattern has to work on a megabyte."""


@dataclass(frozen=True)
class Words:
    normalized: str


@dataclass(frozen=True)
class Number:
    amount: float
    normalized: str = field(compare=False)


@dataclass(frozen=True)
class Date:
    year: int
    """-1 where it is not known, as for month and day."""
    month: int
    day: int
    normalized: str = field(compare=False)


Value = Words | Number | Date


def value_of(text: str, canonical: str = "") -> Value:
    """`canonical` is the value that the data set itself gives for a gold text."""
    read = canonical or text[:_LONGEST]
    amount = number_of(read)
    if amount is not None:
        return Number(_whole(amount), normalized(text))
    fields = _date_of(read)
    if fields is None:
        return Words(normalized(text))
    if fields[1] == fields[2] == -1:
        return Number(fields[0], normalized(text))
    return Date(*fields, normalized(text))


def number_of(text: str) -> float | None:
    """Of digits only: Python alone would also take 1_000, 1e3, nan and digits of other scripts."""
    text = text.strip()
    return float(text) if len(text) < 300 and _NUMBER.fullmatch(text) else None


def plain(number: int | float) -> str:
    """With the 15 digits that a workbook shows, and never with an exponent."""
    if isinstance(number, int):
        return str(number)
    text = f"{number:.15g}"
    if "e" in text:
        text = f"{number:.20f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(amount: float) -> float:
    """The official scorer cuts what is within a millionth of a whole number; it does not round."""
    return int(amount) if abs(amount - round(amount)) < 1e-6 else amount


def _date_of(text: str) -> tuple[int, int, int] | None:
    parts = text.strip().lower().split("-")
    if len(parts) != 3:
        return None
    fields: list[int] = []
    for place, part in enumerate(parts):
        if part == "xx" or (place == 0 and part == "xxxx"):
            fields.append(-1)
        elif _FIELD.fullmatch(part) and len(part) < 10:
            fields.append(int(part))
        else:
            return None
    year, month, day = fields
    known = not year == month == day == -1
    return (year, month, day) if known and month in _MONTHS and day in _DAYS else None


_MONTHS, _DAYS = {-1, *range(1, 13)}, {-1, *range(1, 32)}


def normalized(text: str) -> str:
    """Without accents, footnote marks, remarks in brackets, quotes around all and a last stop."""
    text = unicodedata.normalize("NFKD", text[:_LONGEST])
    text = "".join(c for c in text if unicodedata.category(c) != "Mn").translate(_QUOTES)
    before = None
    while text != before:
        before = text
        text = _without_footnotes(text.strip())
        text = _without_remarks(text.strip())
        text = re.sub(r'^"([^"]*)"$', r"\1", text.strip())
    return re.sub(r"\s+", " ", text.removesuffix(".")).lower().strip()


def _without_footnotes(text: str) -> str:
    """Taken from the end, one at a time: a pattern would need quadratic time on hostile text."""
    while text:
        if text[-1] in _MARKS:
            text = text[:-1]
            continue
        start = text.find("[", text.rfind("]", 0, -1) + 1) if text[-1] == "]" else -1
        if start == 0 and not _FIELD.fullmatch(text[1:-1]):  # all there is, and no footnote
            start = text.find("[", 1)
        if start < 0:
            break
        text = text[:start]
    return text


def _without_remarks(text: str) -> str:
    while text.endswith(")"):
        start = text.find(" (", text.rfind(")", 0, -1) + 1)
        if start <= 0:
            break
        text = text[:start]
    return text
