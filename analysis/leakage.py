"""Keep answers out of lessons: an item may not speak of the gold, nor give away its values.

Two checks. *Mentions*: words by which an analyst speaks of what the target agent never sees (gold
file, ground truth, expected answers, the analyst's own tools). *Values*: what stands in the answer
cells of the gold. A lesson is full of small numbers and common words that also stand in some answer
cell by chance, so a value counts only when chance is an unlikely reason for it:

- a number with at least 4 significant digits that is no year (1234.5, 48210; not 100, 2024, 0.5);
- three different numbers of at least two digits, all of them answers, in one item;
- a date written out;
- a text of two words or more with at least 10 characters, or one that mixes letters and digits;
- a single word of 5 letters or more, only in quotes and only when no spreadsheet speaks it anyway.

Values that the task's instruction names itself are no secret and never count.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from analysis.records import LessonItem

SIGNIFICANT_DIGITS = 4
CLUSTER = 3
LONG_TEXT, CODE_TEXT, QUOTED_WORD = 10, 4, 5

_MENTIONS = {
    "gold": r"\bgold(?:en)?\b(?:[ _-]?(?:file|workbook|standard|answer|output|\.xlsx))?",
    "ground truth": r"\bground[ _-]?truths?\b",
    "expected answers": r"\bexpected[ _-](?:answers?|outputs?|results?|values?|cells?|workbook)\b",
    "reference answers": r"\breference[ _-](?:answers?|outputs?|solutions?|workbooks?|values?)\b",
    "answer key": r"\banswer[ _-]?keys?\b|\bcorrect answers?\b|\bsolution file\b",
    "the checker": r"\b(?:evaluator|grader|scorer|checker)\b|\bevaluat(?:e|ion)_output\b",
    "the analyst's files": r"\boutput_fixed\b|\bagent_work\b|\bagent_log\b|\bfix\.py\b",
}
_COMPILED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _MENTIONS.items()}

_NUMBER = re.compile(r"(?<![\w.,])[-+]?\$?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")
_DATES = re.compile(
    r"\b(\d{4})[-/](\d{1,2})[-/](\d{1,2})\b|\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b"
)
_QUOTED = re.compile(r"[`\"“‘']([^`\"“”‘’'\n]{3,80})[`\"”’']")

_EVERYDAY = frozenset(
    re.findall(
        r"\w+",
        "amount average blank category cells column count customer daily false total value values "
        "datetime description employee empty error formula header index invoice label lookup match "
        "month monthly name names none null number order other percent price product quantity "
        "range region remark result sales sheet sheet1 status string subtotal table title totals "
        "units valid weekly yearly",
    )
)


@dataclass(frozen=True)
class Answers:
    """The values that the items of one task must not give away."""

    numbers: frozenset[float] = frozenset()
    dates: frozenset[date] = frozenset()
    texts: frozenset[str] = frozenset()
    """Lower case, one space between words."""
    instruction: str = field(default="", repr=False)
    """Words of it are no secret."""

    @classmethod
    def of(cls, values: Iterable[object], instruction: str = "") -> "Answers":
        """From the cell values of the answer range."""
        numbers, dates, texts = set(), set(), set()
        for value in values:
            if isinstance(value, bool) or value is None:
                continue
            if isinstance(value, int | float):
                numbers.add(_rounded(float(value)))
            elif isinstance(value, datetime):
                dates.add(value.date())
            elif isinstance(value, date):
                dates.add(value)
            elif isinstance(value, str) and value.strip():
                texts.add(_plain(value))
                numbers |= set(_numbers(value)) if _is_number(value) else set()
        named = _plain(instruction)
        known = set(_numbers(instruction))
        return cls(
            frozenset(numbers - known),
            frozenset(dates - set(_dates(instruction))),
            frozenset(text for text in texts if text not in named),
            instruction,
        )


def leaks(item: LessonItem, answers: Answers | None = None) -> list[str]:
    """What an item gives away, each as a phrase to send back to the analyst; empty when nothing.

    Without `answers` only the mentions are checked.
    """
    found = _mentions(item.text, answers.instruction if answers else "")
    if answers:
        found += _numbers_given(item.text, answers)
        found += [f"the date {d.isoformat()}" for d in _dates(item.text) if d in answers.dates]
        found += _texts_given(item.text, answers)
    return list(dict.fromkeys(found))


def split_leaking(
    items: Sequence[LessonItem], answers: Answers | None
) -> tuple[list[LessonItem], list[tuple[LessonItem, list[str]]]]:
    """Items that may be kept, and those that may not with what they give away."""
    judged = [(item, leaks(item, answers)) for item in items]
    return [i for i, why in judged if not why], [(i, why) for i, why in judged if why]


def _mentions(text: str, instruction: str) -> list[str]:
    """A task about the price of gold may say "gold"; what its instruction says is no secret."""
    found = []
    for pattern in _COMPILED.values():
        match = pattern.search(text)
        if match and not pattern.search(instruction):
            found.append(f'the words "{match[0]}"')
    return found


def _numbers_given(text: str, answers: Answers) -> list[str]:
    given = [(n, shown) for n, shown in _numbers_shown(text) if n in answers.numbers]
    telling = [shown for n, shown in given if _is_telling(n, shown)]
    several = {n: shown for n, shown in given if abs(n) >= 10 and not _is_year(n)}
    if not telling and len(several) >= CLUSTER:
        telling = list(several.values())
    return [f"the number {shown}" for shown in telling]


def _texts_given(text: str, answers: Answers) -> list[str]:
    plain = _plain(text)
    quoted = {_plain(match) for match in _QUOTED.findall(text)}
    found = []
    for answer in answers.texts:
        if _is_phrase(answer) or _is_code(answer):
            given = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", plain) is not None
        else:
            given = len(answer) >= QUOTED_WORD and answer in quoted and answer not in _EVERYDAY
        if given:
            found.append(f'the text "{answer}"')
    return sorted(found)


def _is_phrase(text: str) -> bool:
    words = text.split()
    return len(words) > 1 and len(text) >= LONG_TEXT and not set(words) <= _EVERYDAY


def _is_code(text: str) -> bool:
    """Such as `inv-2041`; a cell address or a function name is none."""
    if len(text) < CODE_TEXT or re.fullmatch(r"\$?[a-z]{1,3}\$?\d+", text):
        return False
    return bool(re.search(r"[a-z]", text) and re.search(r"\d\D*\d", text))


def _is_telling(number: float, shown: str) -> bool:
    if _is_year(number):
        return False
    digits = re.sub(r"[eE].*", "", shown).replace(",", "").lstrip("+-$0")
    whole = "." not in digits
    digits = digits.rstrip("0") if whole else digits.replace(".", "").lstrip("0")
    return len(digits) >= SIGNIFICANT_DIGITS


def _is_year(number: float) -> bool:
    return number == int(number) and 1900 <= number <= 2100


def _numbers(text: str) -> list[float]:
    return [number for number, _ in _numbers_shown(text)]


def _numbers_shown(text: str) -> list[tuple[float, str]]:
    without_dates = _DATES.sub(" ", text)
    found = []
    for match in _NUMBER.finditer(without_dates):
        shown = match[0].rstrip(",")
        try:
            number = float(shown.replace(",", "").replace("$", ""))
        except ValueError:
            continue
        if abs(number) < 1e300:
            found.append((_rounded(number), shown))
    return found


def _dates(text: str) -> list[date]:
    """Dates written with numbers; day and month may stand either way round."""
    found = []
    for year, month, day, first, second, last in _DATES.findall(text):
        orders = [(year, month, day)] if year else [(last, second, first), (last, first, second)]
        for parts in orders:
            try:
                found.append(date(*(int(part) for part in parts)))
            except ValueError:
                continue
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _rounded(number: float) -> float:
    """The scorer compares numbers to two decimals, so a lesson gives one away at two decimals."""
    return round(number, 2) if abs(number) < 1e15 else number


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
