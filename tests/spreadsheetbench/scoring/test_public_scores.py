"""What is known of public tasks, where the data lies beside the project.

The whole table of facts is in the documentation of scoring; here are those of the first 200 tasks.
"""

from pathlib import Path

import pytest
from goldvalues import count_values
from naive_scorer import NaiveScorer

from spreadsheetbench.book.book import Book
from spreadsheetbench.book.rules import RELEASED, RULES, SHEET_AWARE, UPSTREAM, RulesName
from spreadsheetbench.reading.reader import READERS
from spreadsheetbench.scoring.compare import compare
from spreadsheetbench.tasks.dataset import Dataset

READER = READERS["openpyxl"]
ALL = ["released", "upstream", "sheet-aware"]


@pytest.fixture(scope="module")
def dataset(shared_data: Path) -> Dataset:
    return Dataset.load(shared_data)


def paths(dataset: Dataset, task_id: str) -> tuple[Path, Path]:
    task = dataset.by_id[task_id]
    return dataset.golds(task)[0], dataset.cases(task)[0].input_path


def passing(dataset: Dataset, task_id: str, output: Book) -> list[RulesName]:
    task, gold = dataset.by_id[task_id], READER.read(paths(dataset, task_id)[0])
    return [
        name
        for name, rules in RULES.items()
        if compare(gold, output, task.answer_position, rules, task.answer_sheet).passed
    ]


@pytest.mark.parametrize(
    ("task_id", "rules"),
    [
        ("130-9", ["sheet-aware"]),
        ("283-32", ["released", "sheet-aware"]),
        ("49300", ["released", "sheet-aware"]),
        ("73-45", ALL),
        ("13-1", ALL),
        ("60-7", ALL),
        ("168-17", ALL),
    ],
)
def test_rules_by_which_gold_passes_against_itself(
    dataset: Dataset, task_id: str, rules: list[str]
) -> None:
    assert passing(dataset, task_id, READER.read(paths(dataset, task_id)[0])) == rules


@pytest.mark.parametrize(
    ("task_id", "rules"), [("13-1", ["released", "upstream"]), ("73-45", ALL), ("60-7", [])]
)
def test_rules_by_which_the_untouched_input_passes(
    dataset: Dataset, task_id: str, rules: list[str]
) -> None:
    assert passing(dataset, task_id, READER.read(paths(dataset, task_id)[1])) == rules


@pytest.mark.parametrize(
    ("task_id", "is_empty"),
    [("168-17", True), ("414-20", True), ("534-26", True), ("13-1", False), ("49300", False)],
)
def test_gold_ranges_that_hold_no_value(dataset: Dataset, task_id: str, is_empty: bool) -> None:
    gold = READER.read(paths(dataset, task_id)[0])
    position = dataset.by_id[task_id].answer_position
    assert (count_values(gold, position, RELEASED) == 0) is is_empty


def test_answer_sheets_make_sheet_aware_rules_compare_all_of_them(dataset: Dataset) -> None:
    gold = READER.read(paths(dataset, "60-7")[0])
    task = dataset.by_id["60-7"]
    values = [
        count_values(gold, task.answer_position, rules, task.answer_sheet)
        for rules in (RELEASED, SHEET_AWARE)
    ]
    assert 0 < values[0] < values[1]


def test_small_tasks_get_the_naive_verdict(dataset: Dataset) -> None:
    """All 200 do; these are a quick share of them, of every form of position."""
    sizes = {task.id: paths(dataset, task.id)[0].stat().st_size for task in dataset.tasks}
    for task_id in sorted(sizes, key=lambda task_id: (sizes[task_id], task_id))[:25]:
        gold, untouched = paths(dataset, task_id)
        naive, position = NaiveScorer(gold, untouched), dataset.by_id[task_id].answer_position
        books = READER.read(gold), READER.read(untouched)
        for rules in RELEASED, UPSTREAM:
            passed, first = naive.score(position, rules.name)
            verdict = compare(*books, position, rules)
            assert verdict.passed == passed, task_id
            if first and rules is RELEASED:
                assert f" at {first}: " in verdict.message, task_id
