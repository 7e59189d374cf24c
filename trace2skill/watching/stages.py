"""How many stages of a reproduction are done, and what the rest may take, from its files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from react_agent.layout import RESULT_LINES, STATE
from react_agent.model import Usage
from reporting.runs.runlines import read_results
from trace2skill.reproduce.changes import BESIDE
from trace2skill.reproduce.forecast import Row, forecast
from trace2skill.reproduce.pipeline import Pipeline
from trace2skill.reproduce.recipe import Recipe


@dataclass(frozen=True)
class Stages:
    done: int
    total: int
    current: str
    """The first that is not whole; empty when all are."""
    model: str
    left: Usage
    """Estimated."""
    stopped: str
    """Where and why the last start ended early, if it did."""


def stages_of(path: Path) -> Stages | None:
    """None for what is no reproduction, or one whose notes cannot be read."""
    try:
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        noted = state["settings"]
        own = {name: value for name, value in noted.items() if name not in BESIDE}
        pipeline = Pipeline(Recipe.model_validate(own | {"output": path}), noted["tasks"])
        return _stages(pipeline, state)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stages(pipeline: Pipeline, state: dict[str, Any]) -> Stages:
    chosen = state.get("chosen") or {}
    rows = forecast(pipeline, pipeline.plan(chosen.get("seed")))
    open_rows = [row for row in rows if not row.whole]
    return Stages(
        len(rows) - len(open_rows),
        len(rows),
        open_rows[0].step.about if open_rows else "",
        pipeline.recipe.model.name,
        sum((_left(row, pipeline) for row in open_rows), Usage()),
        str(state.get("stopped") or ""),
    )


def _left(row: Row, pipeline: Pipeline) -> Usage:
    """Without the share of its cases that have ended."""
    entrant = row.step.entrant
    if entrant is None:
        return row.usage
    files = [folder / RESULT_LINES for folder in entrant.seed_folders()]
    ended = {
        (file, case.key)
        for file in files
        if file.exists()
        for case in read_results(file)[0]
        if not case.owed
    }
    share = max(0.0, 1 - len(ended) / (len(pipeline.ids[entrant.split]) * row.step.runs))
    use = row.usage
    return Usage(
        calls=round(use.calls * share),
        prompt_tokens=round(use.prompt_tokens * share),
        completion_tokens=round(use.completion_tokens * share),
    )
