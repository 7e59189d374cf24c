"""When do two cells match: their canonical forms are equal, in kind and in value."""

import datetime
import string
from collections.abc import Mapping
from typing import TypeVar

from spreadsheetbench.book.rules import Rules

CellValue = (
    None
    | bool
    | int
    | float
    | str
    | datetime.datetime
    | datetime.date
    | datetime.time
    | datetime.timedelta
)
"""What openpyxl reads from a cell with `data_only=True`."""

Canonical = tuple[str, object]

BLANK: Canonical = ("blank", None)
_DAY_ZERO = datetime.datetime(1899, 12, 30)
_DAY = 86_400
_SAFE = 10**300
"""Any whole number below has a float."""
_NO_NAN = frozenset(string.ascii_letters + string.digits) - {"n", "N"}
"""First letters of texts that are not read as `nan`."""

Key = TypeVar("Key")


def is_blank(value: CellValue) -> bool:
    return value is None or value == ""


def canonical(value: CellValue, rules: Rules) -> Canonical:
    """Raises OverflowError for a whole number that no float can hold."""
    if is_blank(value):
        return BLANK
    if isinstance(value, bool) and rules.typed_cells:
        return "bool", value
    if isinstance(value, bool | int | float):
        return "number", _rounded(float(value), rules)
    if isinstance(value, datetime.datetime):
        return "number", _days(value, rules)
    if isinstance(value, datetime.time):
        return "text", _minutes(value) if rules.typed_cells else str(value)[:-3]
    if isinstance(value, str):
        try:
            return "number", _rounded(float(value), rules)
        except ValueError:
            return "text", value
    return type(value).__name__, value


def same(one: Canonical, other: Canonical) -> bool:
    """Not `one == other`: comparing tuples would let a nan equal itself where it is one object."""
    return one[0] == other[0] and one[1] == other[1]


def matches(gold: CellValue, output: CellValue, rules: Rules) -> bool:
    return same(canonical(gold, rules), canonical(output, rules))


def open_places(gold: Mapping[Key, CellValue], output: Mapping[Key, CellValue]) -> list[Key]:
    """Quick: all cells that may not match by some rules. Of most ranges nothing is left.

    The same value of the same type matches, but for `nan`, and for what is too large to compare.
    """
    other = output.get
    found = [
        key
        for key, value in gold.items()
        if value != (beside := other(key))
        or type(value) is not type(beside)
        or (type(value) is str and value[:1] not in _NO_NAN and _reads_as_nan(value))
        or (type(value) is int and not -_SAFE < value < _SAFE)
    ]
    found.extend(output.keys() - gold.keys())
    return found


def _reads_as_nan(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return number != number


def _rounded(number: float, rules: Rules) -> float | str:
    if number != number and rules.typed_cells:
        return "nan"
    return round(number, 2)


def _days(value: datetime.datetime, rules: Rules) -> float:
    """Without rules on type a datetime is its day, the afternoon counting as the next one."""
    if rules.typed_cells:
        return round((value - _DAY_ZERO).total_seconds()) / _DAY
    return round(days_since_zero(value), 0)


def days_since_zero(value: datetime.datetime) -> float:
    """Microseconds are dropped."""
    since = value - _DAY_ZERO
    return since.days + since.seconds / _DAY


def _minutes(value: datetime.time) -> str:
    """Times carry the noise of a binary fraction, so the nearest second comes first."""
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    minutes = (seconds + round(value.microsecond / 1e6)) // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"
