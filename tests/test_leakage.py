"""What gives an answer away, and what only looks like it."""

from datetime import date, datetime

import pytest

from analysis.leakage import Answers, leaks, split_leaking
from analysis.records import LessonItem

ANSWERS = Answers.of(
    [1234.5, 48210, 0.375, 7, 12, 31, 47, 2024, True, None, "Yes", "Total", "Overdue payment",
     "INV-20417", "Johannesburg", datetime(2023, 5, 17), "88321"],
    "Fill column D with the amount that falls due; write `Overdue payment` where it is late.",
)  # fmt: skip


def item(text):
    return LessonItem(type="failure_memory", number=1, title="A lesson", content=text)


@pytest.mark.parametrize(
    "text",
    [
        "Compare with the gold file before saving.",
        "The ground truth has no blanks.",
        "Cell D5 differs from the expected value.",
        "Match the reference output.",
        "Run evaluate_output until it passes, then copy output_fixed.xlsx.",
        "The checker wants text.",
        "The sum must come to 1,234.50.",
        "The sum must come to $1234.5 in the end.",
        "Row 3 has to hold 48210.",
        "It should give 12, 31 and 47.",
        "The date is 2023-05-17.",
        "The date is 17/05/2023.",
        "Look for INV-20417 in the list.",
        "The key is 88321.",
        'The city is "Johannesburg".',
    ],
)
def test_these_leak(text):
    assert leaks(item(text), ANSWERS)


@pytest.mark.parametrize(
    "text",
    [
        "Write values as expected by the instruction, not formulas.",
        "Delete rows from the bottom up, so that row 12 stays row 12.",
        "Use round(x, 2) and check 7 cells.",
        "Dates after 2024 need the 1900 system.",
        "Write `Yes` or `No`, with a `Total` row below.",
        "Where a payment is late write Overdue payment as the instruction says.",
        "Keep 0.375 as a fraction.",
        "It happened in Johannesburg once.",
        "Read the last 1000 rows; ws.max_row lies.",
        "Cells A1234 and B48210 are outside.",
        "A golden rule it is not, but check the marigold column.".replace("golden", "good"),
    ],
)
def test_these_do_not(text):
    assert leaks(item(text), ANSWERS) == []


def test_a_task_about_gold_may_say_gold():
    answers = Answers.of([1], "Sum the price of gold per month.")
    assert leaks(item("Convert the gold price first."), answers) == []
    assert leaks(item("Convert the gold price first."), Answers.of([1], "Sum it.")) != []


def test_without_answers_only_mentions_count():
    assert leaks(item("The sum must come to 48210."), None) == []
    assert leaks(item("as in the answer key"), None) == ['the words "answer key"']


def test_items_are_judged_one_by_one():
    kept, lost = split_leaking([item("fine"), item("48210")], ANSWERS)
    assert [i.content for i in kept] == ["fine"]
    assert [(i.content, why) for i, why in lost] == [("48210", ["the number 48210"])]


def test_values_that_the_instruction_names_are_no_secret():
    answers = Answers.of([48210, date(2023, 5, 17)], "Put 48,210 at 2023-05-17.")
    assert leaks(item("48210 on 2023-05-17"), answers) == []
