"""The paper's comparisons of ways to evolve: each arm a reproduction, what they share run once."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studies import Study, answering, study

from react_agent.errors import ContractError
from react_agent.files import read_json
from react_agent.layout import BUDGET
from react_agent.models.spending.budget import read_spent
from trace2skill.reproduce.experiments import EXPERIMENTS, find_experiment
from trace2skill.reproduce.recipe import Recipe


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")


def test_two_arms_share_what_no_lesson_has_gone_into(
    tmp_path: Path, author: Callable[..., Any]
) -> None:
    async def steps(its: Study) -> None:
        code, said = await its.run("--experiment", "analysts", "--max_calls", "12")
        assert code == 1, said
        code, said = await its.run("--experiment", "analysts")
        assert code == 0, said
        assert "== agentic: " in said
        assert "== single call: " in said
        assert "the paper's Table 12" in said
        assert "35B Deep +Error, single call" in said
        asked = len(its.server.bodies)
        code, again = await its.run("--experiment", "analysts")
        assert (code, len(its.server.bodies)) == (0, asked)
        assert said.split("against agentic")[1] == again.split("against agentic")[1]

    bodies = study(tmp_path, answering(author), steps)
    root = tmp_path / "out" / "analysts"
    accounts = {(root / arm / BUDGET).resolve() for arm in ("agentic", "single_call")}
    assert len(accounts) == 1
    assert read_spent(accounts.pop()).usage().prompt_tokens > 0
    for arm in ("agentic", "single_call"):
        assert read_json(root / arm / "reproduction.json")["standings"]
        assert (root / arm / "baseline_run" / "outputs").resolve().is_relative_to(root / "shared")
        analysed = root / arm / "baseline_run" / "error_analysis"
        assert analysed.resolve().is_relative_to(root / arm)  # each arm's own
    openings = Counter(
        str(body["messages"])
        for body in bodies
        if body["messages"][0]["content"].startswith("You are a spreadsheet agent")
    )
    shared = [text for text in openings if "evolved" not in text]
    assert all(openings[text] <= 2 for text in shared)  # twice at most: in flight at the cap


def test_a_change_of_an_arm_is_a_field_of_the_recipe() -> None:
    for experiment in EXPERIMENTS.values():
        for arm in experiment.arms:
            assert set(arm.changes) <= set(Recipe.model_fields)
        assert len({arm.folder for arm in experiment.arms}) == len(experiment.arms)


def test_an_unknown_experiment_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ContractError, match="merging: patches in parallel"):
        find_experiment("nothing")
