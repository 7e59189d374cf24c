"""The lenient column: an answer whose form alone is wrong.

The official rules fail what most readers would take as right: two decimals where the gold has six,
"17 years" for 17, a list in one cell, a percentage for a share, the items in another order.
"""

import re
from collections.abc import Callable, Sequence

from tableqa.values import Date, normalized, number_of, value_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER_IN_WORDS = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?![\w.]*\d)", re.ASCII)
_SEPARATORS = ("|", "\n", ";", ", ", ",", " and ")
MOST_ITEMS = 200
LONGEST_UNIT = 40
"""Characters of a number with its unit; what is longer is a sentence."""


def equal_words(gold: Sequence[str], given: Sequence[str], canonical: Sequence[str] = ()) -> bool:
    """For answers that count or name: numbers are exact, but for their units."""
    wanted = list(zip(gold, canonical or gold, strict=True))

    def fits(index: int, text: str) -> bool:
        return any(_same(one, text) for one in wanted[index])

    return _matched(len(wanted), given, fits)


def equal_amounts(gold: Sequence[str], given: Sequence[str]) -> bool:
    """For answers that measure: rounded as shown or within 1 %, and a share or its percentage."""

    def fits(index: int, text: str) -> bool:
        return _same(gold[index], text) or _near(gold[index], text)

    return _matched(len(gold), given, fits)


def _matched(count: int, given: Sequence[str], fits: Callable[[int, str], bool]) -> bool:
    """Whether the items, in any order, are one for each that is wanted."""
    if len(given) == 1 and count > 1:
        given = next(
            (parts for s in _SEPARATORS if len(parts := given[0].split(s)) == count), given
        )
    left = list(given[:MOST_ITEMS])
    for index in range(count):
        found = next((n for n, text in enumerate(left) if fits(index, text)), None)
        if found is None:
            return False
        del left[found]
    return not left


def _same(gold: str, given: str) -> bool:
    if _bare(gold) == _bare(given):
        return True
    wanted, found = _amount(gold), _amount(given)
    if wanted is not None and found is not None:
        return abs(wanted - found) < 1e-6
    date = _date(gold)
    return date is not None and date == _date(given)


def _bare(text: str) -> str:
    """Letters and digits; a text of signs alone stays as it is."""
    plain_text = re.sub(r"^(the|a|an) ", "", normalized(text))
    return re.sub(r"[^\w]+", "", plain_text) if _amount(text) is None else plain_text


def _amount(text: str) -> float | None:
    """The number in a text that holds one only: "17 years", "$557,000"."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", normalized(text))
    found = _NUMBER_IN_WORDS.findall(text)
    alone = len(found) == 1 and len(re.findall(r"\d+", text)) <= 2 and len(text) <= LONGEST_UNIT
    return number_of(found[0]) if alone else None


def _date(text: str) -> tuple[int, int, int] | None:
    """Also with the month's name."""
    value = value_of(text)
    if isinstance(value, Date):
        return value.year, value.month, value.day
    words = re.findall(r"[a-z]+|\d+", normalized(text))
    months = [_MONTHS.index(w[:3]) + 1 for w in words if w[:3] in _MONTHS]
    numbers = [int(w) for w in words if w.isdecimal() and len(w) < 5]
    years, days = [n for n in numbers if n > 31], [n for n in numbers if 1 <= n <= 31]
    if len(months) != 1 or len(years) > 1 or len(days) > 1:
        return None
    return years[0] if years else -1, months[0], days[0] if days else -1


def _near(gold: str, given: str) -> bool:
    """Whole numbers stay exact, as they are years and counts as often as measures."""
    wanted, found = _amount(gold), _amount(given)
    if wanted is None or found is None or (wanted == 0) != (found == 0):
        return False
    for factor in (1, 100, 0.01):
        scaled = wanted * factor
        exact = wanted.is_integer()
        if abs(scaled - found) <= (1e-6 if exact else 0.01 * abs(scaled)):
            return True
        if not exact and _digits(given) >= 2 and round(scaled, _decimals(given)) == found:
            return True
    return False


def _digits(text: str) -> int:
    return len(re.sub(r"\D", "", text).lstrip("0"))


def _decimals(text: str) -> int:
    found = re.search(r"\.(\d+)", text)
    return len(found[1]) if found else 0
