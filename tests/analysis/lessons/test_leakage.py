"""What gives an answer away, and what only looks like it."""

import json
from datetime import date, datetime

import pytest
from project import SHARED

from analysis.lessons.leaks import LeakScan, split_leaking
from analysis.lessons.records import LessonItem
from analysis.lessons.reports import parse_report

REPLIES = SHARED / "real_replies"
ANSWERS = LeakScan.of_case(
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
        "The date is 17/05/23.",
        "The date is May 17th, 2023.",
        "The date is 17-May-2023.",
        "The date is `datetime(2023, 5, 17)`.",
        "Row 3 has to hold 48_210.",
        "Row 3 has to hold 48210USD.",
        "Row 3 has to hold -48210.",
        "Row 3 has to hold 48.210,00.",
        "The sum must come to 1 234,50 euro.",
        "Look for **INV**-20417 in the list.",
        "Look for INV-20417 in the list.",
        "The key is 88321.",
        'The city is "Johannesburg".',
    ],
)
def test_these_leak(text):
    assert ANSWERS.find(text)


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
    assert ANSWERS.find(text) == []


def test_a_task_about_gold_may_say_gold():
    scan = LeakScan.of_case([1], "Sum the price of gold per month.")
    assert scan.find("Convert the gold price first.") == []
    assert LeakScan.of_case([1], "Sum it.").find("Convert the gold price first.") != []


def test_without_answers_only_mentions_count():
    assert LeakScan.of_case().find("The sum must come to 48210.") == []
    assert LeakScan.of_case().find("as in the answer key") == ['the words "answer key"']


def test_words_that_the_run_saw_are_no_leak_and_others_of_their_kind_are() -> None:
    seen = "[3] USER\nrow 1: Item | Qty | Expected  Result | Notes"
    scan = LeakScan.of_case([48210], "Fill column D.", seen)
    assert scan.find("Fill `Expected Result` only where Qty is a number.") == []
    assert scan.find("Fill the expected result; the expected output has no blanks.") == [
        'the words "expected output"'
    ]
    assert scan.find("Match the ground truth.") == ['the words "ground truth"']


def test_a_value_of_the_answer_stays_a_secret_though_the_log_shows_it() -> None:
    scan = LeakScan.of_case([48210, "INV-20417"], "Sum it.", "wrote 48210 for INV-20417")
    assert scan.find("It is 48210 for INV-20417.") == ["the number 48210", 'the text "inv-20417"']


@pytest.mark.skipif(not REPLIES.exists(), reason="../shared/data/real_replies is missing")
def test_a_heading_of_the_users_workbook_is_no_leak_in_real_replies() -> None:
    """Two reports were sent back for "expected result": one log shows it, the other does not."""
    lines = (REPLIES / "suc.cassette.jsonl").read_text("utf-8").splitlines()[1:]
    said: dict[str, str] = {}
    first_reports: dict[str, str] = {}
    judged = []
    for line in lines:
        turn = json.loads(line)
        said |= {name: message["content"] for name, message in turn["new"].items()}
        _, run, *rest = turn["request"]["messages"]
        if not rest:
            first_reports[run] = turn["reply"]["text"]
            continue
        items = parse_report(first_reports[run], "success").items
        scans = [LeakScan.of_case(seen=seen) for seen in ("", said[run].partition("<log>")[2])]
        judged.append([split_leaking(items, scan) for scan in scans])
    assert len(judged) == 2
    for (_, leaking), (kept, _) in judged:
        assert [why for _, why in leaking] == [['the words "expected result"']]
        assert len(kept) > 1
    assert [len(leaking) for _, (_, leaking) in judged] == [0, 1]


def test_items_are_judged_one_by_one():
    kept, lost = split_leaking([item("fine"), item("48210")], ANSWERS)
    assert [i.content for i in kept] == ["fine"]
    assert [(i.content, why) for i, why in lost] == [("48210", ["the number 48210"])]


def test_values_that_the_instruction_names_are_no_secret():
    scan = LeakScan.of_case([48210, date(2023, 5, 17)], "Put 48,210 at 2023-05-17.")
    assert scan.find("48210 on 2023-05-17") == []
