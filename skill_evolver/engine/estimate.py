"""What an evolution would cost, without calling anybody."""

import os
from collections.abc import Sequence
from pathlib import Path

from react_agent.model import Message, ScriptedModel
from react_agent.models.spending.prices import Price
from react_agent.skills import Skill
from skill_evolver.engine.inputs import LessonEntry
from skill_evolver.engine.map_reduce import EvolutionSettings, Evolver
from skill_evolver.engine.store import Store

CHARS_PER_TOKEN = 4.0
"""English and code, near enough for an estimate."""
EDITS_PER_PATCH = 1.6
TOKENS_PER_EDIT = 160
"""Both as measured on small evolutions; a merged edit is shown about as long as a proposed one."""
KEPT_BY_MERGE = 0.6
REASONING_TOKENS = 800


def estimate(
    skill: Skill,
    settings: EvolutionSettings,
    entries: Sequence[LessonEntry],
    price: Price | None,
) -> str:
    evolver = Evolver(skill, Store(Path(os.devnull), ScriptedModel()), settings)
    batches = evolver.batches(entries)
    prompts = [_text(evolver.map_prompt(skill.files, batch)) for batch in batches]
    prefix = len(os.path.commonprefix(prompts))  # noqa: RUF071 (of text, not of paths)
    sizes = [len(p) / CHARS_PER_TOKEN for p in prompts]
    plan = [] if settings.sequential else _merge_sizes(evolver, entries)
    tokens_in = sum(sizes) + sum(plan)
    calls = len(batches) + len(plan)
    tokens_out = calls * (REASONING_TOKENS + EDITS_PER_PATCH * TOKENS_PER_EDIT)
    share = 100 * prefix * len(prompts) / max(1, sum(map(len, prompts)))
    lines = [
        "nothing was called; tokens are estimates (4 characters each)",
        f"MAP    {len(batches):6} calls {sum(sizes):12,.0f} prompt tokens, {share:.0f} % of them a "
        "prefix that all share",
        f"merge  {len(plan):6} calls {sum(plan):12,.0f} prompt tokens",
        "anchors and repairs: as many calls as edits that code cannot place, usually few",
        f"in all {calls:6} calls {tokens_in:12,.0f} prompt tokens, about {tokens_out:,.0f} out",
    ]
    if settings.review:
        lines.insert(-1, "review: one call more, over the final diff")
    if price:
        cost = (tokens_in * price.prompt + tokens_out * price.reply) / 1e6
        lines.append(f"cost   about ${cost:,.2f} at ${price.prompt} / ${price.reply} per million")
    return "\n".join(lines)


def _merge_sizes(evolver: Evolver, entries: Sequence[LessonEntry]) -> list[float]:
    settings = evolver.settings
    fixed = len(_text(evolver.merge_prompt([])[1])) / CHARS_PER_TOKEN
    sizes: list[float] = []
    edits = EDITS_PER_PATCH
    for level in evolver.plan(entries):
        sizes += [fixed + len(group) * edits * TOKENS_PER_EDIT for group in level if len(group) > 1]
        edits *= KEPT_BY_MERGE * settings.merge_batch_size
    return sizes


def _text(messages: Sequence[Message]) -> str:
    return "\n".join(message.text for message in messages)
