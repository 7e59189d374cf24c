"""When cells match: by the table of the rules, and beside the naive scorer for any values."""

import datetime
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from naive_scorer import same_value

from spreadsheetbench.book.cells import CellValue, matches
from spreadsheetbench.book.rules import RELEASED, SHEET_AWARE, UPSTREAM

DAY = datetime.datetime(2024, 3, 5)
TIME = datetime.time
SAME, APART = True, False


@pytest.mark.parametrize(
    ("one", "other", "released", "sheet_aware"),
    [
        (None, "", SAME, SAME),
        (None, 0, APART, APART),
        ("", " ", APART, APART),
        (1, 1.0, SAME, SAME),
        (1, True, SAME, APART),
        (True, True, SAME, SAME),
        (True, False, APART, APART),
        (True, "TRUE", APART, APART),
        (0.124, 0.12, SAME, SAME),
        (0.126, 0.12, APART, APART),
        (2.675, 2.67, SAME, SAME),
        (5, "5", SAME, SAME),
        (5, " 5 ", SAME, SAME),
        (1000, "1e3", SAME, SAME),
        (1000, "1_000", SAME, SAME),
        (5, "5%", APART, APART),
        (1, "1,0", APART, APART),
        ("inf", "Infinity", SAME, SAME),
        ("nan", "nan", APART, SAME),
        ("nan", "NaN", APART, SAME),
        ("nan", "none", APART, APART),
        ("a", "A", APART, APART),
        ("a", "a ", APART, APART),
        ("#N/A", "#N/A", SAME, SAME),
        ("#N/A", "#REF!", APART, APART),
        ("#N/A", None, APART, APART),
        (DAY, 45356, SAME, SAME),
        (DAY, DAY.replace(hour=11), SAME, APART),
        (DAY, DAY.replace(hour=12), SAME, APART),  # half a day is rounded to the even day
        (DAY, DAY.replace(hour=12, microsecond=500_000), SAME, APART),
        (DAY.replace(day=6), DAY.replace(day=6, hour=12), APART, APART),
        (DAY, DAY.replace(hour=13), APART, APART),
        (DAY, DAY.replace(microsecond=400_000), SAME, SAME),
        (DAY, DAY.replace(second=1), SAME, APART),
        (DAY, "2024-03-05", APART, APART),
        (DAY, DAY.date(), APART, APART),
        (DAY.date(), DAY.date(), SAME, SAME),
        (TIME(9, 30), TIME(9, 30, 59), SAME, SAME),
        (TIME(9, 30), TIME(9, 31), APART, APART),
        (TIME(9, 30), "09:30", SAME, SAME),
        (TIME(9, 30), "09:30:00", APART, APART),
        (TIME(9, 30), TIME(9, 30, 0, 1000), APART, SAME),
        (TIME(9, 30), TIME(9, 29, 59, 999_900), APART, SAME),
        (TIME(9, 30), 0.3958333, APART, APART),
        (datetime.timedelta(hours=30), datetime.timedelta(hours=30), SAME, SAME),
        (datetime.timedelta(hours=30), 1.25, APART, APART),
        (datetime.timedelta(hours=30), datetime.timedelta(hours=30, seconds=1), APART, APART),
    ],
)
def test_cells_match_as_the_table_says(
    one: CellValue, other: CellValue, released: bool, sheet_aware: bool
) -> None:
    for rules, expected in (RELEASED, released), (UPSTREAM, released), (SHEET_AWARE, sheet_aware):
        assert matches(one, other, rules) is expected
        assert matches(other, one, rules) is expected


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(),
    st.floats(),
    st.floats(-2, 2),
    st.sampled_from(["", " ", "1", "1.0", "-0", "nan", "inf", "1_0", "09:30", "#N/A", "TRUE"]),
    st.text(max_size=3),
    st.datetimes(datetime.datetime(1899, 12, 29), datetime.datetime(1900, 1, 3)),
    st.dates(datetime.date(1900, 1, 1), datetime.date(1900, 1, 2)),
    st.times(),
    st.timedeltas(datetime.timedelta(0), datetime.timedelta(2)),
)


@given(VALUES, VALUES)
@example(math.nan, math.nan)
@example(0.0, -0.0)
def test_released_matches_are_the_naive_ones(one: CellValue, other: CellValue) -> None:
    assert matches(one, other, RELEASED) == same_value(one, other)


@given(VALUES)
def test_a_value_matches_itself_unless_it_is_nan(value: CellValue) -> None:
    is_nan = (
        not isinstance(value, datetime.datetime)
        and str(value).strip().lower().lstrip("+-") == "nan"
    )
    assert matches(value, value, RELEASED) is not is_nan
    assert matches(value, value, SHEET_AWARE)


def test_a_whole_number_beyond_all_floats_is_an_error() -> None:
    with pytest.raises(OverflowError):
        matches(10**400, 1, RELEASED)
