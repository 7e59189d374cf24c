"""Whether a reproduction may go on with other settings: only where nothing begun rests on them."""

import json
from typing import Any

from react_agent.bundled import ROOT
from react_agent.configfile import differences
from react_agent.errors import ContractError
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import OWN_MODELS, Recipe
from trace2skill.reproduce.steps import PipelineStep

BESIDE = ("tasks", "contents")
"""What the state holds beside the recipe's own settings."""


def changes(was: Any, now: dict[str, Any], pipeline: Pipeline) -> list[str]:
    """What differs from an earlier start, a line each. Raises ContractError when a step that has
    begun rests on it: each step's own settings are compared, so no table says what rests on
    what."""
    lines = differences(was, now)
    if not lines:
        return []
    begun = {step.name: step for step in all_steps(pipeline) if step.begun}
    if touched := [step for step in begun.values() if _rests(step, was, now, pipeline)]:
        raise ContractError(
            f"{pipeline.root} holds a reproduction with other settings; give another output. "
            f"They decide {touched[0].about.partition(':')[0]}"
            + (f" and {len(touched) - 1} more" if len(touched) > 1 else "")
            + ", which has begun:\n"
            + "\n".join(f"  {line}" for line in lines)
        )
    return lines


def moved(was: Any, state: dict[str, Any]) -> Any:
    """Settings as another copy of the toolkit would have noted them: what comes with it is known
    by its contents, not by where it lies."""
    there = state.get("toolkit")
    if not isinstance(there, str):
        return was
    old, new = (json.dumps(f"{place}/")[1:-1] for place in (there, ROOT))
    return json.loads(json.dumps(was).replace(f'"{old}', f'"{new}'))


def all_steps(pipeline: Pipeline) -> list[PipelineStep]:
    """Every step that there can be, the last one for each seed."""
    recipe = pipeline.recipe
    entrants = [
        *pipeline.baselines(),
        *pipeline.reminded(),
        pipeline.teacher,
        *pipeline.validations(),
        *map(pipeline.champion, recipe.seeds),
    ]
    notes = [pipeline.remember()] if recipe.memory else []
    evolutions = [pipeline.evolve(seed) for seed in recipe.seeds]
    return [*map(pipeline.roll_out, entrants), pipeline.learn(), *notes, *evolutions]


def _rests(step: PipelineStep, was: Any, now: dict[str, Any], pipeline: Pipeline) -> bool:
    """Whether the step was another one then; also when what was noted cannot be read."""
    try:
        then = earlier(was, pipeline.recipe)
        ids, contents = was["tasks"], was["contents"]
    except (ValueError, KeyError, TypeError):
        return True
    same = {other.name: other for other in all_steps(then)}.get(step.name)
    shared = {*contents} & {*now["contents"]}
    return (
        same is None
        or same.stages != step.stages
        or ids[step.split] != now["tasks"][step.split]
        or any(contents[name] != now["contents"][name] for name in shared)
    )


def earlier(was: dict[str, Any], recipe: Recipe) -> Pipeline:
    """The pipeline of noted settings; what decides nothing is taken from `recipe`. Raises
    ValueError, KeyError or TypeError."""
    usual = recipe.model_dump(mode="json")
    noted = {name: value for name, value in was.items() if name not in BESIDE}
    model = usual["model"] | noted["model"]
    for role in OWN_MODELS:
        if model[role] and usual["model"][role]:
            model[role] = usual["model"][role] | model[role]
        elif role not in noted["model"]:
            model[role] = None
    noted["model"] = model
    if noted.get("memory") and usual["memory"]:
        noted["memory"] = usual["memory"] | noted["memory"]
    return Pipeline(Recipe.model_validate(usual | noted), was["tasks"])
