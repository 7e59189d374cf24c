"""A model, a harness and an evaluator that are Python objects, offered by name: docs/api.md."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from project import ROOT

from react_agent.errors import BudgetReached, ContractError
from react_agent.model import Message, Reply, Usage
from react_agent.models.connect import Connection
from react_agent.registry import DOMAINS, HARNESSES, PROVIDERS, find, offer
from trace2skill import (
    AgentSettings,
    BudgetSettings,
    CaseChoice,
    ModelSettings,
    Rollouts,
    Scoring,
    evaluate,
    offer_evaluator,
    offer_harness,
    offer_model,
    run,
)

PAGE = ROOT / "docs" / "api.md"
TASKS = """
- id: sum
  prompt: What is 40 + 2?
  truth: {text: "unknown to the file"}
- id: other
  prompt: Raise.
  truth: {text: "x"}
"""


def example() -> dict[str, Any]:
    section = PAGE.read_text(encoding="utf-8").partition("## Objects of your own")[2]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, Any] = {}
    exec("\n".join(blocks), names)
    return names


def test_the_page_s_objects_run_a_file_of_tasks(tmp_path: Path) -> None:
    names = example()
    seen: list[tuple[str, Path, Path | None]] = []

    async def work(task: str, folder: Path, skill: Path | None) -> str:
        seen.append((task, folder, skill))
        if "Raise." in task:
            raise RuntimeError("as asked")
        said: str = await names["work"](task, folder, skill)
        return said

    offer_harness("my-agent", work)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    rollouts = Rollouts(
        data_path=tmp_path / "tasks.yaml",
        domain="my-tasks",
        output_dir=tmp_path / "outputs",
        working_dir=tmp_path / "work",
        log_dir=tmp_path / "logs",
        agent=AgentSettings(harness="my-agent", agent="cli_only", sandbox="none"),
        cases=CaseChoice(seeds=(41,)),
        model=ModelSettings(model="m"),
    )

    async def both() -> Any:
        session = await run(rollouts)
        assert session.owed == 1  # what raised is done again
        return await evaluate(
            Scoring(
                data_path=tmp_path / "tasks.yaml",
                domain="my-tasks",
                output_dir=tmp_path / "outputs",
            )
        )

    scored = asyncio.run(both())
    assert {task.id: task.success for task in scored.evaluations[tmp_path / "outputs"].results} == {
        "sum": True,
        "other": False,
    }
    logs = "".join(log.read_text() for log in (tmp_path / "logs").rglob("*.md"))
    assert "Thought about it; it is 42." in logs
    assert "RuntimeError: as asked" in logs
    asyncio.run(run(rollouts))
    assert sum("40 + 2" in task for task, _, _ in seen) == 1  # nothing finished is done again


def test_a_model_that_is_a_function_is_counted_and_capped(tmp_path: Path) -> None:
    asked: list[Any] = []

    async def ask(messages: Any, sampling: Any) -> str | Reply:
        asked.append((messages, sampling))
        return Reply(text="ok", usage=Usage(prompt_tokens=7)) if len(asked) > 1 else "first"

    offer_model("mine", ask)
    budget = BudgetSettings(max_calls=2, budget=tmp_path / "budget.jsonl")
    settings = ModelSettings(model="m", llm_client="mine", temperature=0.5, budget=budget)

    async def talk() -> None:
        async with Connection(settings) as connection:
            model = connection.model(seed=3)
            said = [Message(role="user", content="hi")]
            assert (await model.reply(said)).text == "first"
            assert (await model.reply(said)).usage == Usage(calls=1, prompt_tokens=7)
            with pytest.raises(BudgetReached):
                await model.reply(said)
            assert connection.stats.calls == 2
            assert connection.describe()["client"] == "mine"

    asyncio.run(talk())
    messages, sampling = asked[0]
    assert messages == [{"role": "user", "content": "hi"}]
    assert sampling == {"model": "m", "temperature": 0.5, "seed": 3}


@pytest.mark.parametrize("score", [-0.1, 1.5, float("nan")])
def test_a_score_is_from_0_to_1(score: float, tmp_path: Path) -> None:
    async def judge(task_id: str, answer: str) -> float:
        return score

    offer_evaluator("odd", judge)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    domain = find(DOMAINS, "domain", "odd")(tmp_path / "tasks.yaml")
    with pytest.raises(ContractError, match="is no score from 0 to 1"):
        asyncio.run(domain.judged("sum", "x"))


def test_a_name_that_is_taken_is_refused_and_each_seam_has_its_own() -> None:
    with pytest.raises(ContractError, match="'react' cannot be offered"):
        offer(HARNESSES, "react", None)
    offer(HARNESSES, "only-here", "x")
    assert find(HARNESSES, "harness", "only-here") == "x"
    with pytest.raises(ContractError, match="is not known"):
        find(PROVIDERS, "the provider", "only-here")
