"""Whom a stage of a recipe asks, with what caps."""

from dataclasses import replace
from pathlib import Path

from react_agent.layout import BUDGET
from react_agent.memory.settings import MemorySettings
from react_agent.models.settings import ModelSettings
from react_agent.models.spending.settings import BudgetSettings
from react_agent.registry import is_client
from trace2skill.reproduce.recipe import Recipe, Role


def model_settings(recipe: Recipe, usual: ModelSettings, role: Role, cache: str) -> ModelSettings:
    """Each stage has a reply cache of its own: a broken one pays nothing twice, and two stages
    that ask the same still draw their own replies. Evolutions keep what they paid themselves,
    and ask anew for what they could not read. A client as the agent has no cache."""
    model, budget, root = recipe.model.of(role), recipe.budget, recipe.output
    replay = Path(model.replay) if model.replay else None
    caches = root / "reply_cache" / cache.replace("/", "_")
    cached = cache and not replay and not (role == "agents" and is_client(recipe.harness))
    return replace(
        usual,
        model=model.name,
        llm_client=model.llm_client,
        provider=model.provider or None,
        as_released=model.as_released,
        api_chat_config=model.api_chat_config,
        base_url=model.base_url or None,
        generation_config=model.generation_config or None,
        replay=replay,
        record=Path(model.record) if model.record else None,
        reply_cache=caches if cached else None,
        max_downtime=recipe.max_downtime,
        min_free_disk=recipe.min_free_disk,
        budget=BudgetSettings(
            max_cost=budget.max_cost,
            max_tokens=budget.max_tokens,
            max_calls=budget.max_calls,
            budget=root / BUDGET,
            prices=budget.prices,
        ),
    )


def memory_settings(recipe: Recipe, bank: Path | None) -> MemorySettings:
    if not bank or not recipe.memory:
        return MemorySettings()
    return MemorySettings(
        memory="reasoningbank",
        memory_bank=bank,
        embedding_model=recipe.memory.embedding_model or None,
        embedding_base_url=recipe.memory.embedding_base_url or None,
    )
