"""Variants of an input: of the same kind, other values, and what was equal stays equal."""

import pytest
from openpyxl import Workbook, load_workbook

from spreadsheetbench.evidence.variants import KINDS, draw_variant

ROWS = [[f"K-{n}{n}", 100 + n, 1.25 * n, "paid" if n % 2 else "open"] for n in range(1, 9)]


@pytest.fixture
def source(tmp_path):
    book = Workbook()
    book.active.append(["Key", "Count", "Price", "State"])
    for row in ROWS:
        book.active.append(row)
    other = book.create_sheet("Lookup")
    other.append(["Key"])
    for row in ROWS:
        other.append([row[0]])
    book.save(tmp_path / "input.xlsx")
    return tmp_path / "input.xlsx"


def drawn(source, kind, seed=1, named=""):
    target = source.with_name("variant.xlsx")
    changed = draw_variant(source, target, kind, seed, named)
    book = load_workbook(target)
    tables = [[[c.value for c in row] for row in sheet.iter_rows()] for sheet in book.worksheets]
    return changed, tables[0], tables[1]


@pytest.mark.parametrize("kind", KINDS)
def test_headings_stay_and_something_changes(source, kind):
    changed, first, second = drawn(source, kind)
    assert changed > 0
    assert (first[0], second[0]) == (["Key", "Count", "Price", "State"], ["Key"])


def test_values_are_others_of_their_type_and_range(source):
    _, first, _ = drawn(source, "values")
    counts, prices = ([row[n] for row in first[1:]] for n in (1, 2))
    assert all(isinstance(n, int) and 101 <= n <= 108 for n in counts)
    assert all(1.25 <= n <= 10 and round(n, 2) == n for n in prices)
    assert prices != [row[2] for row in ROWS]
    assert [(row[0], row[3]) for row in first[1:]] == [(row[0], row[3]) for row in ROWS]


def test_texts_that_are_the_same_in_two_places_stay_so(source):
    _, first, second = drawn(source, "texts")
    keys = [row[0] for row in first[1:]]
    assert keys == [row[0] for row in second[1:]]
    assert not set(keys) <= {row[0] for row in ROWS}
    assert all(len(key) == 4 and key[1] == "-" for key in keys)
    assert [row[3] for row in first[1:]] == [row[3] for row in ROWS]


def test_a_text_that_is_named_stays_but_not_when_most_are(source):
    assert drawn(source, "texts", named="look for k-33")[1][3][0] == "K-33"
    every = " ".join(row[0] for row in ROWS)
    assert drawn(source, "texts", named=every)[0] > 0


def test_rows_only_change_places(source):
    _, first, _ = drawn(source, "rows", seed=3)
    assert sorted(first[1:]) == sorted(ROWS)


def test_the_same_seed_draws_the_same(source):
    assert drawn(source, "values", 5) == drawn(source, "values", 5)
    assert drawn(source, "values", 5) != drawn(source, "values", 6)
