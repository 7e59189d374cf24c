"""Problems as their homes spell them, declared answers, integers, and the second opinion."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT
from pyarrow.parquet import write_table

from math_tasks.answers import integer, right
from math_tasks.domain import MathDomain
from math_tasks.problems import find_index, problems
from math_tasks.second_opinion import LIMITS, opinion
from react_agent.domains.text_answer import answer_in, declared
from react_agent.engines.workers import Workers, WorkLimits
from react_agent.errors import ContractError

SAMPLES = ROOT / "math_tasks/samples"
WRAPPED = (
    "Solve the following math problem step by step. The last line of your response should be of "
    "the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
    'What is 6 times 7?\n\nRemember to put your answer on its own line after "Answer:".'
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 73\nACTION: TASK_COMPLETE", "73"),
        ("**Answer:** 73", "73"),
        ("Final answer: 12. ", "12."),
        ("So \\boxed{34}. Wait, it is 35", "34"),
        ("\\boxed{1} and then \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("Answer: 5\nand so \\boxed{6}", "6"),
        ("Answer: $\\boxed{6}$.", "6"),
        ("The answer is 34\n\nNote: verified with 2 scripts", None),
        ("\\boxed{34", None),
        ("Answer:\n", None),
        ("", None),
    ],
)
def test_the_last_declaration_counts(text: str, answer: str | None) -> None:
    assert declared(text) == answer


@given(st.text(alphabet="\\boxed{}Answer: 1\n*", max_size=60))
def test_what_is_declared_is_part_of_the_text(text: str) -> None:
    answer = declared(text)
    assert answer is None or answer in text


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["\\boxed{" * 20_000, "Answer: " * 20_000, "answer*" * 20_000])
def test_hostile_replies_take_no_time(text: str) -> None:
    declared(text)


def test_a_file_of_one_line_is_its_answer_and_of_several_is_none(tmp_path: Path) -> None:
    path = tmp_path / "answer.txt"
    for content, answer in (("42\n", "42"), ("I think\n42\n", None), ("\n", None), ("x", "x")):
        path.write_text(content)
        assert answer_in(path) == answer
    path.write_bytes(b"Answer: \xff42")
    assert answer_in(path) == "\ufffd42"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("73", 73),
        ("−7", -7),
        ("$1{,}024$", 1024),
        ("1,024", 1024),
        ("\\text{7}", 7),
        ("x = 12", 12),
        ("007", 7),
        ("12.0", 12),
        ("12.", 12),
        ("\\(9\\)", 9),
        ("12.5", None),
        ("1,2", None),
        ("24/2", None),
        ("12 apples", None),
        ("50%", None),
        ("1e3", None),
        ("1_000", None),
        ("٧", None),
        ("", None),
        ("9" * 5_000, None),
    ],
)
def test_integers(text: str, number: int | None) -> None:
    assert integer(text) == number


WRONG = ["", "?", "none", "{n}1", "1{n}", "-{n}", "{n}.5", "{n}/2", "{n}%", "{n}e1", "{n}!", "~{n}"]
WRONG += ["{n} or 3", "{n}, {n}", "{n}-{n}", "2*{n}", "{n}^2", "\\sqrt{{{n}}}", "{n}x", "0x{n}"]
WRONG += ["{n}\\pi", "{n}i", "({n},1)", "{{{n},1}}", "> {n}", "{n}±1", "{n}_0", "nan", "inf"]
WRONG += ["{n} is wrong", "not {n}", "\x00{n}"]


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_fails(kind: str) -> None:
    for problem in problems(find_index(SAMPLES)):
        assert right(problem.answer, problem.answer)
        assert not right(problem.answer, kind.format(n=problem.answer))


def test_each_problem_once_in_an_order_that_the_file_does_not_decide(tmp_path: Path) -> None:
    """Or repeats of a problem that was learnt from would be held out."""
    rows = [{"problem": f"What is {n} + 1?", "answer": n + 1} for n in range(40)]
    repeated = [{**row, "problem": f"  {row['problem']}\n"} for row in rows]
    orders = []
    for seed in (1, 2):
        mixed = [*rows, *repeated, {"problem": "What is 0 + 1?", "answer": 5}]
        random.Random(seed).shuffle(mixed)
        path = tmp_path / f"{seed}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in mixed))
        orders.append(problems(path))
    assert orders[0] == orders[1]
    assert len(orders[0]) == 39  # one has two different answers
    assert [p.answer for p in orders[0]] != sorted(p.answer for p in orders[0])


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize(
    "record",
    [
        {
            "prompt": [{"role": "user", "content": WRAPPED}],
            "reward_model": {"ground_truth": "42", "style": "rule"},
        },
        {"prompt": "What is 6 times 7?", "solution": "42"},
        {"problem_idx": 3, "problem": "What is 6 times 7?", "answer": 42},
    ],
)
def test_the_forms_of_all_homes_are_read(tmp_path: Path, record: Any, suffix: str) -> None:
    path = tmp_path / f"set{suffix}"
    if suffix == ".parquet":
        write_table(pyarrow.Table.from_pylist([record, record]), path)
    else:
        text = json.dumps(record)
        path.write_text(f"[{text}]" if suffix == ".json" else text)
    (found,) = problems(find_index(tmp_path))
    assert (found.instruction, found.answer) == ("What is 6 times 7?", "42")
    assert found.id == "p3" or len(found.id) == 12


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("3", "not an object"),
        ('{"problem": ""}', "no text"),
        ('{"problem": "a"}', "no answer"),
        ("", "no problem"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_a_bad_record_is_one_clear_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(content)
    with pytest.raises(ContractError, match=said) as caught:
        problems(path)
    assert "set.jsonl" in str(caught.value)


def test_a_damaged_parquet_file_and_two_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ContractError, match=r"a\.parquet"):
        problems(find_index(tmp_path))
    (tmp_path / "b.jsonl").write_text("")
    with pytest.raises(ContractError, match="name one"):
        find_index(tmp_path)


PAIRS = [("42", "$42$"), ("42", "$43$"), ("0.5", "$\\frac{1}{2}$")]


def test_the_second_opinion_works_where_no_alarm_can_be_set() -> None:
    """By itself it raises in any thread but the main one."""

    async def ask() -> list[bool | None]:
        return [await asyncio.to_thread(opinion, pair) for pair in PAIRS]

    assert asyncio.run(ask()) == [True, False, True]


def test_the_second_opinion_is_asked_in_processes() -> None:
    with Workers(1, LIMITS) as workers:
        assert [workers.run(opinion, pair) for pair in PAIRS] == [True, False, True]


def test_where_the_opinions_differ_both_stand_in_the_verdict(tmp_path: Path) -> None:
    domain = MathDomain(SAMPLES)
    task = domain.tasks[0]
    (case,) = domain.cases(task.id)
    gold = domain.golds(task.id)[0]
    output = tmp_path / "answer.txt"
    output.write_text(f"Answer: \\frac{{{2 * int(gold)}}}{{2}}")
    with domain:
        score = asyncio.run(domain.score(case, output))
    assert not score.passed
    assert score.details["passed_by_rules"] == {"strict": False, "math-verify": True}


def test_a_second_opinion_that_takes_too_long_costs_itself_only() -> None:
    domain = MathDomain(SAMPLES)
    task = domain.tasks[0]
    domain._workers = Workers(1, WorkLimits(seconds=0.001))
    with domain._workers:
        judged = asyncio.run(domain.judged(task.id, domain.golds(task.id)[0]))
    assert judged.passed
    assert judged.relaxed
