"""Agents, analysts and evolutions may each have a model of their own, and each asks its own."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stub_server import StubServer
from studies import Study, answering

from react_agent.errors import ContractError
from react_agent.layout import BUDGET
from react_agent.models.spending.budget import read_spent
from react_agent.models.spending.prices import Price, Prices
from trace2skill.reproduce.conduct import Conductor
from trace2skill.reproduce.forecast import forecast, plan_text
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import ModelTable, Recipe, RoleTable

ROLES = """
[model.error]
name = "doctor"
generation_config = '{{"top_p": 0.5}}'
[model.success]
name = "praiser"
[model.evolver]
name = "writer"
provider = "vllm"
base_url = "{url}"
"""
IDS = {"train": [f"t{n}" for n in range(40)], "test": [f"h{n}" for n in range(10)]}
WRITER_KEY = "sk-of-the-writer-1234567"
BASE = ModelTable(
    name="worker",
    base_url="http://here/v1",
    generation_config="instruct.json",
    thinking_config="think.json",
    as_released=True,
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-all-others-1234567")
    monkeypatch.setenv("VLLM_API_KEY", WRITER_KEY)


def test_each_role_asks_its_own_model_at_its_own_endpoint(
    tmp_path: Path,
    author: Callable[..., Any],
) -> None:
    here, there = answering(author), answering(author)

    async def run() -> tuple[StubServer, StubServer, str]:
        listed = ["scripted-demo-model", "doctor", "praiser"]
        async with StubServer(here, models=listed) as all_others:
            async with StubServer(there, models=["writer"]) as writer:
                one = Study(
                    tmp_path,
                    all_others,
                    more=ROLES.format(url=writer.url),
                    train='train = ["901-3", "9004"]',
                )
                code, said = await one.run()
                assert code == 0, said
                return all_others, writer, said

    others, writer, said = asyncio.run(run())
    assert {body["model"] for body in writer.bodies} == {"writer"}
    assert {h["Authorization"] for h in writer.headers} == {f"Bearer {WRITER_KEY}"}
    assert WRITER_KEY not in " ".join(h["Authorization"] for h in others.headers)
    by_model: dict[str, list[dict[str, Any]]] = {}
    for body in others.bodies:
        by_model.setdefault(body["model"], []).append(body)
    assert set(by_model) == {"scripted-demo-model", "doctor", "praiser"}
    assert all(body["top_p"] == 0.5 for body in by_model["doctor"])
    assert not any("top_p" in body for body in by_model["praiser"])

    spent = read_spent(tmp_path / "out" / BUDGET).by_model()
    assert {name: use.calls for name, use in spent.items()} == {
        "writer": len(writer.bodies),
        **{name: len(bodies) for name, bodies in by_model.items()},
    }
    assert f"  writer: {len(writer.bodies)} calls, " in said
    value = json.loads((tmp_path / "out" / "reproduction.json").read_text())
    assert set(value["spent"]["by_model"]) == {*spent}
    skill = next((tmp_path / "out").glob("skill_evolution_*/*/**/provenance.json"))
    assert json.loads(skill.read_text())["settings"]["model"] == "writer"


def test_what_a_role_does_not_name_is_the_model_s() -> None:
    same = BASE.model_copy(update={"error": RoleTable(name="other")}).of("error")
    assert (same.name, same.base_url, same.generation_config) == (
        "other",
        "http://here/v1",
        "instruct.json",
    )
    assert BASE.of("agents").generation_config == "instruct.json"
    assert BASE.of("evolver").generation_config == BASE.of("success").generation_config
    assert BASE.of("evolver").generation_config == "think.json"


def test_an_endpoint_of_its_own_takes_nothing_of_the_other() -> None:
    model = BASE.model_copy(update={"evolver": RoleTable(provider="groq")})
    found = model.of("evolver")
    assert (found.name, found.provider, found.base_url) == ("worker", "groq", "")
    assert found.generation_config == ""
    assert found.as_released
    assert model.of("error").base_url == "http://here/v1"


def test_an_address_without_a_provider_is_refused(tmp_path: Path) -> None:
    """Else the key of another would be sent there."""
    more = '[model.error]\nbase_url = "http://there/v1"\n'
    study = Study(tmp_path, StubServer(None, url="http://here/v1"), more=more)
    with pytest.raises(ContractError, match="base_url goes with provider"):
        Recipe.load(study.config)
    study.write(more='[model.error]\nnmae = "x"\n')
    with pytest.raises(ContractError, match=r"model\.error\.nmae: no such key; known keys: name"):
        Recipe.load(study.config)


@pytest.fixture
def conductor(tmp_path: Path) -> Conductor:
    study = Study(tmp_path, StubServer(None, url="http://here/v1"), more=ROLES.format(url="x"))
    recipe = Recipe.load(study.config)
    return Conductor(Pipeline(recipe, IDS), Prices.load("1,2"))


def test_a_plan_prices_each_model(conductor: Conductor) -> None:
    pipeline = conductor.pipeline
    rows = forecast(pipeline, pipeline.plan(None))
    prices = {"scripted-demo-model": 1.0, "doctor": 2.0, "praiser": 3.0, "writer": 40.0}
    known = {name: Price(prompt=dollars, reply=dollars) for name, dollars in prices.items()}
    said = plan_text(rows, "", pipeline.recipe.model, Prices(models=known))
    for role, name in [("evolver", "writer"), ("error", "doctor"), ("success", "praiser")]:
        uses = [row.by_role[role] for row in rows if role in row.by_role]  # type: ignore[index]
        tokens = sum(use.tokens for use in uses)
        assert f"{tokens:,} tokens, ${tokens * prices[name] / 1e6:,.2f}" in said
    del known["writer"]
    said = plan_text(rows, "", pipeline.recipe.model, Prices(models=known))
    assert "not known: no price for writer" in said


def test_a_cap_in_dollars_needs_the_price_of_every_model(conductor: Conductor) -> None:
    conductor.recipe = conductor.recipe.model_copy(
        update={"budget": conductor.recipe.budget.model_copy(update={"max_cost": 1.0})}
    )
    conductor.prices = Prices(models={"scripted-demo-model": Price(prompt=1, reply=1)})
    with pytest.raises(ContractError, match="no price is known for doctor"):
        conductor.check()


def test_a_role_may_move_but_not_become_another_model(conductor: Conductor) -> None:
    decides = conductor.recipe.decides()["model"]
    assert decides["evolver"] == {
        "name": "writer",
        "llm_client": "",
        "api_chat_config": "",
        "generation_config": "",
    }
    assert (
        "evolver"
        not in Recipe.model_validate(
            {**conductor.recipe.model_dump(), "model": BASE.model_dump()}
        ).decides()["model"]
    )
