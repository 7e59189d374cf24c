"""A plan costs what its parts cost, and what was measured replaces what is assumed."""

from pathlib import Path

import pytest

from react_agent.files import write_json
from react_agent.layout import BUDGET, RESULTS
from react_agent.model import Usage
from react_agent.models.spending.budget import Budget
from react_agent.models.spending.prices import Price, Prices
from react_agent.models.spending.settings import BudgetSettings
from trace2skill.reproduce import forecast as module
from trace2skill.reproduce.forecast import PROMPT, REPLY, forecast, per_case, plan_text, spent_text
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import BudgetTable, ModelTable, Recipe, SplitTable

IDS = {"train": [f"t{n}" for n in range(40)], "test": [f"h{n}" for n in range(10)]}


def plan(folder: Path, **changes: object) -> Pipeline:
    recipe = Recipe(
        data_path=Path("data"),
        output=folder,
        seeds=(4, 41),
        test_seeds=(1, 2, 3),
        max_turns=20,
        model=ModelTable(name="m"),
        split=SplitTable(train=(0, 40), test=(40, 50)),
        budget=BudgetTable(prices="1,2"),
    )
    return Pipeline(recipe.model_copy(update=changes), IDS)


def usage(pipeline: Pipeline, step: str) -> Usage:
    steps = {
        "held out": pipeline.roll_out(pipeline.baselines()[0]),
        "training": pipeline.roll_out(pipeline.teacher),
        "lessons": pipeline.learn(),
        "evolution": pipeline.evolve(41),
    }
    (row,) = forecast(pipeline, [steps[step]])
    assert not row.whole
    return row.usage


@pytest.mark.parametrize(("step", "cases"), [("training", 40), ("held out", 10 * 3)])
def test_rollouts_cost_turns_for_every_task_and_seed(tmp_path: Path, step: str, cases: int) -> None:
    found = usage(plan(tmp_path), step)
    assert found.calls == cases * 20
    assert (found.prompt_tokens, found.completion_tokens) == (
        found.calls * PROMPT,
        found.calls * REPLY,
    )


def test_no_case_is_assumed_to_take_more_turns_than_it_may(tmp_path: Path) -> None:
    assert per_case(plan(tmp_path, max_turns=3)).calls == 3
    assert per_case(plan(tmp_path, max_turns=300)).calls == module.TURNS
    assert per_case(plan(tmp_path, max_turns=3)).basis.startswith("assumed: 3 calls a case")


def test_failures_are_analysed_in_turns_and_successes_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FAILING", 0.75)
    calls = {
        kind: usage(plan(tmp_path, lessons=kind), "lessons").calls
        for kind in ("error", "success", "combined")
    }
    assert calls == {"error": 30 * 20, "success": 10, "combined": 30 * 20 + 10}
    whole = usage(plan(tmp_path, lessons="success"), "lessons")
    assert whole.prompt_tokens == 10 * 2 * PROMPT  # a log is about two prompts long
    assert whole.completion_tokens == 10 * module.SKILL_REPLY


@pytest.mark.parametrize(
    ("patches", "together", "calls"),
    [(1, 5, 1), (2, 5, 3), (3, 2, 5), (6, 5, 7), (70, 5, 88), (323, 5, 323 + 82),
     (64, 2, 64 + 62 + 1)],
)  # fmt: skip
def test_an_evolution_costs_its_patches_and_the_merges_of_the_evolver(
    patches: int, together: int, calls: int
) -> None:
    assert module._evolution_calls(patches, together) == calls


def test_an_evolution_has_as_many_records_as_its_lessons_give(tmp_path: Path) -> None:
    small = usage(plan(tmp_path, lessons="error"), "evolution")
    large = usage(plan(tmp_path, lessons="combined"), "evolution")
    assert small.calls == 14 + 3 + 1  # 35 % of 40 records, merged in fives
    assert large.calls == 34 + 7 + 1
    assert small.prompt_tokens == small.calls * module.SKILL_CALL
    assert small.completion_tokens == small.calls * module.SKILL_REPLY


def measured(folder: Path, calls: int, cases: int) -> None:
    value = {
        "usage": {"calls": calls, "prompt_tokens": 100 * calls, "completion_tokens": 7 * calls},
        "results": [{"test_cases": [{}]}] * cases,
    }
    write_json(folder / "outputs" / RESULTS, value)


def test_finished_cases_replace_what_is_assumed_and_damaged_files_do_not_count(
    tmp_path: Path,
) -> None:
    measured(tmp_path / "a", calls=30, cases=2)
    measured(tmp_path / "b" / "seed_4", calls=10, cases=2)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / RESULTS).write_text('{"usage": {"calls": 999}, "resu')
    write_json(tmp_path / "d" / RESULTS, {"usage": "none", "results": 3})
    case = per_case(plan(tmp_path))
    assert (case.calls, case.prompt, case.reply) == (10, 1000, 70)
    assert case.basis == "4 finished cases of this reproduction"
    assert usage(plan(tmp_path), "training").prompt_tokens == 40 * 1000


def test_the_plan_adds_up_what_is_to_do_and_prices_it(tmp_path: Path) -> None:
    pipeline = plan(tmp_path)
    steps = [pipeline.roll_out(pipeline.teacher), pipeline.learn(), pipeline.evolve(4)]
    write_json(pipeline.evolution(4) / "intermediates" / "state.json", {"done": True})
    rows = forecast(pipeline, steps)
    assert [row.whole for row in rows] == [False, False, True]
    left = rows[0].usage + rows[1].usage
    prices = Prices(models={"m": Price(prompt=3, reply=5)})
    text = plan_text(rows, "BASIS", pipeline.recipe.model, prices)
    total = next(line for line in text.splitlines() if line.startswith("to do, estimated"))
    tokens = left.tokens
    assert total.split()[-2:] == [f"{left.calls:,}", f"{tokens:,}"]
    dollars = (3 * left.prompt_tokens + 5 * left.completion_tokens) / 1e6
    assert f"cost about ${dollars:,.2f} before prefix caching" in text
    assert [line.split()[-1] for line in text.splitlines()[1:4]] == ["do", "do", "whole"]
    assert "BASIS" in text
    assert "cost not known: no price for m" in plan_text(rows, "", pipeline.recipe.model, Prices())


def test_what_was_spent_is_read_from_the_budget_file(tmp_path: Path) -> None:
    prices = Prices(models={"m": Price(prompt=1000, reply=2000)})
    assert spent_text(tmp_path / BUDGET, prices) == ""
    budget = Budget(tmp_path / BUDGET, BudgetSettings(), Prices())
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    budget.settle(budget.reserve(body), Usage(calls=1, prompt_tokens=70, completion_tokens=30))
    said = spent_text(tmp_path / BUDGET, prices)
    assert said.startswith("spent 1 calls, 100 tokens, $0.13 (")
    assert "$" not in spent_text(tmp_path / BUDGET, Prices())
