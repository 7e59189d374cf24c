"""What a reproduction would cost, before anybody is called: estimates, with what they rest on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from react_agent.layout import RESULTS
from react_agent.model import Usage
from react_agent.models.spending.budget import read_spent
from react_agent.models.spending.prices import Prices
from skill_evolver.engine.map_reduce import EvolutionSettings
from skill_evolver.engine.tree import levels
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import ModelTable, Role
from trace2skill.reproduce.steps import PipelineStep

TURNS = 30
"""The paper: rollouts often exceed 30 turns."""
PROMPT, REPLY = 6_000, 300
"""Tokens of a call in the middle of a conversation: skill, task and what was observed so far."""
SKILL_CALL, SKILL_REPLY = 8_000, 2_000
"""A patch or a merge shows the whole skill and lets the model think."""
FAILING = 0.5
"""Share of training runs that fail, near what others found for the paper's model."""
MERGE_LEVELS = EvolutionSettings.max_merge_levels
LESSONS = {"error": 0.35, "success": 0.5, "combined": 0.85}
"""Records for each training task; the paper's timing run had about 70 error lessons of 200."""


@dataclass(frozen=True)
class PerCase:
    """What one case of a rollout is expected to use."""

    calls: float
    prompt: float
    reply: float
    basis: str


@dataclass(frozen=True)
class Row:
    step: PipelineStep
    whole: bool
    by_role: Mapping[Role, Usage]

    @property
    def usage(self) -> Usage:
        return sum(self.by_role.values(), Usage())


def per_case(pipeline: Pipeline) -> PerCase:
    """As measured in this reproduction's own finished cases, else by assumption."""
    cases, used = 0, Usage()
    for file in sorted(pipeline.root.glob(f"**/{RESULTS}")):
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            used += Usage.model_validate(value["usage"])
            cases += sum(len(instance["test_cases"]) for instance in value["results"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # an estimate does without a damaged file
    if cases and used.calls:
        basis = f"{cases} finished cases of this reproduction"
        return PerCase(
            used.calls / cases,
            used.prompt_tokens / cases,
            used.completion_tokens / cases,
            basis,
        )
    turns = min(TURNS, pipeline.recipe.max_turns)
    basis = f"assumed: {turns} calls a case, {PROMPT:,} prompt and {REPLY} reply tokens a call"
    return PerCase(turns, turns * PROMPT, turns * REPLY, basis)


def forecast(pipeline: Pipeline, steps: Sequence[PipelineStep]) -> list[Row]:
    case = per_case(pipeline)
    return [Row(step, step.whole(), _usage(pipeline, step, case)) for step in steps]


def _usage(pipeline: Pipeline, step: PipelineStep, case: PerCase) -> dict[Role, Usage]:
    tasks = len(pipeline.ids[step.split])
    lessons = pipeline.recipe.lessons
    if step.kind == "rollouts":
        return {"agents": _times(case, tasks * step.runs)}
    if step.kind == "memory":
        return {"success": _single(tasks)}
    if step.kind == "lessons":
        agentic = tasks * FAILING if lessons != "success" else 0
        single = tasks * (1 - FAILING) if lessons != "error" else 0
        return {"error": _times(case, agentic), "success": _single(single)}
    calls = _evolution_calls(round(tasks * LESSONS[lessons]), pipeline.recipe.merge_batch_size)
    usage = Usage(
        calls=calls, prompt_tokens=calls * SKILL_CALL, completion_tokens=calls * SKILL_REPLY
    )
    return {"evolver": usage}


def _single(number: float) -> Usage:
    """Calls that show a whole log each."""
    return Usage(
        calls=round(number),
        prompt_tokens=round(number * 2 * PROMPT),
        completion_tokens=round(number * SKILL_REPLY),
    )


def _times(case: PerCase, number: float) -> Usage:
    return Usage(
        calls=round(case.calls * number),
        prompt_tokens=round(case.prompt * number),
        completion_tokens=round(case.reply * number),
    )


def _evolution_calls(patches: int, together: int) -> int:
    """A proposal for each record, and the merges that the evolver would make of them."""
    plan = levels(patches, together, MERGE_LEVELS)
    merges = sum(len(group) > 1 for level in plan for group in level)
    return patches + merges + (len(plan) == MERGE_LEVELS and len(plan[-1]) > 1)


def plan_of(pipeline: Pipeline, steps: Sequence[PipelineStep], prices: Prices) -> str:
    """The plan before it is started: every step, what it may cost, and what that rests on."""
    rows = forecast(pipeline, steps)
    return plan_text(rows, per_case(pipeline).basis, pipeline.recipe.model, prices)


def plan_text(rows: Sequence[Row], basis: str, model: ModelTable, prices: Prices) -> str:
    """What is whole already costs nothing."""
    width = max(len(row.step.about) for row in rows)
    lines = [f"{'stage':<{width}}  {'calls':>9} {'tokens':>15}  state"]
    for row in rows:
        tokens = row.usage.tokens
        state = "whole" if row.whole else "to do"
        numbers = f"{row.usage.calls:>9,} {tokens:>15,}"
        lines.append(f"{row.step.about:<{width}}  {numbers}  {state}")
    used: dict[str, Usage] = {}
    for role, usage in (item for row in rows if not row.whole for item in row.by_role.items()):
        name = model.of(role).name
        used[name] = used.get(name, Usage()) + usage
    left = sum(used.values(), Usage())
    tokens = left.tokens
    lines.append(f"{'to do, estimated':<{width}}  {left.calls:>9,} {tokens:>15,}")
    cost = prices.cost(used)
    unknown = ", ".join(name for name in used if not prices.find(name))
    known = f"about ${cost or 0:,.2f} before prefix caching"
    lines.append(f"cost {known if cost is not None else f'not known: no price for {unknown}'}")
    lines += by_model(used, prices)
    lines.append(f"These are estimates. Rollouts and failure analyses: {basis}.")
    lines.append(
        f"Besides: {FAILING:.0%} of training runs fail, {SKILL_CALL:,} prompt and "
        f"{SKILL_REPLY:,} reply tokens for a patch or merge."
    )
    return "\n".join(lines)


def spent_text(path: Path, prices: Prices) -> str:
    """What the budget file says was spent so far."""
    spent = read_spent(path)
    use = spent.usage()
    if not use.calls:
        return ""
    cost = prices.cost(spent.by_model())
    dollars = f", ${cost:,.2f}" if cost is not None else ""
    tokens = use.tokens
    total = f"spent {use.calls:,} calls, {tokens:,} tokens{dollars} ({path})"
    return "\n".join([total, *by_model(spent.by_model(), prices)])


def by_model(used: Mapping[str, Usage], prices: Prices) -> list[str]:
    """A line for each model, where there are several."""
    if len(used) < 2:
        return []
    lines = []
    for name, use in used.items():
        tokens = use.tokens
        cost = prices.cost({name: use})
        dollars = f", ${cost:,.2f}" if cost is not None else ""
        lines.append(f"  {name}: {use.calls:,} calls, {tokens:,} tokens{dollars}")
    return lines
