"""What the runs of a reproduction add up to: the closing table and `reproduction.json`.

Every number names the file that it was read from.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from react_agent.files import read_json, write_json
from react_agent.layout import BUDGET, REPRODUCTION, RESULTS
from react_agent.model import Usage
from react_agent.models.spending.budget import read_spent
from react_agent.models.spending.prices import Prices
from react_agent.runs.verdicts import Evaluation
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.steps import Entrant

MARK = "recorded replies, not a measurement"


class Standing(BaseModel, frozen=True):
    """One agent on one split."""

    label: str
    split: str
    seeds: tuple[int, ...]
    tasks: int
    """Over all seeds."""
    solved: int
    turns: int
    usage: Usage
    seconds: float = Field(exclude=True)
    """Wall time of the rollouts over all starts; in no file, as it never comes out twice."""
    evaluations: tuple[Evaluation, ...] = Field(exclude=True)
    """Verdicts on each task, by seed; in `verdicts`, too."""
    verdicts: str
    """The file that `tasks` and `solved` come from."""
    results: tuple[str, ...]
    """The files that turns and tokens come from."""


def score(entrant: Entrant) -> Standing:
    """Raises ContractError when a file is missing."""
    folders = entrant.seed_folders()
    files = [folder / entrant.verdicts.name for folder in folders]
    evaluations = tuple(Evaluation.from_json(read_json(file), file) for file in files)
    runs = [read_json(folder / RESULTS) for folder in folders]
    cases = [case for run in runs for task in run["results"] for case in task["test_cases"]]
    return Standing(
        label=entrant.label,
        split=entrant.split,
        seeds=entrant.seeds,
        tasks=sum(one.summary.total_instances for one in evaluations),
        solved=sum(one.summary.fully_correct_instances for one in evaluations),
        turns=sum(case["turns"] for case in cases),
        usage=sum((Usage.model_validate(run["usage"]) for run in runs), Usage()),
        seconds=sum(run["elapsed_seconds"] for run in runs),
        evaluations=evaluations,
        verdicts=str(entrant.verdicts),
        results=tuple(str(folder / RESULTS) for folder in folders),
    )


def table(standings: Sequence[Standing], prices: Prices, model: str) -> str:
    width = max(len(standing.label) for standing in standings)
    price = prices.find(model)
    head = f"{'agent':<{width}}  {'split':<6}{'solved':>9}{'share':>8}{'turns':>8}{'tokens':>13}"
    head += f"{'seconds':>9}"
    lines = [head + (f"{'dollars':>10}" if price else "")]
    for standing in standings:
        use = standing.usage
        share = standing.solved / standing.tasks if standing.tasks else 0.0
        solved = f"{standing.solved}/{standing.tasks}"
        tokens = use.tokens
        lines.append(
            f"{standing.label:<{width}}  {standing.split:<6}{solved:>9}{share:>8.1%}"
            f"{standing.turns:>8,}{tokens:>13,}{standing.seconds:>9,.0f}"
            + (f"{price.of(use):>10.2f}" if price else "")
        )
    return "\n".join(lines)


def write_reproduction(
    pipeline: Pipeline, standings: Sequence[Standing], state: Mapping[str, Any], prices: Prices
) -> Path:
    """Rewritten whole at the end of every start that comes so far."""
    root = pipeline.root
    spent = read_spent(root / BUDGET)
    chosen = state.get("chosen")
    skill = pipeline.evolved_skills(chosen["seed"]) / pipeline.recipe.start if chosen else None
    value = {
        "mark": MARK if pipeline.recipe.recorded else "",
        "settings": state["settings"],
        "chosen": chosen,
        "skill": str(skill) if skill else None,
        "standings": [standing.model_dump(mode="json") for standing in standings],
        "spent": {
            **spent.usage().model_dump(),
            "dollars": prices.cost(spent.by_model()),
            "by_model": {name: use.model_dump() for name, use in spent.by_model().items()},
            "file": str(root / BUDGET),
        },
    }
    write_json(root / REPRODUCTION, value)
    return root / REPRODUCTION
