"""Runs one stage of a reproduction, with the words and the exit code of its own command."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from analysis import analyze
from react_agent.cli import code_of
from react_agent.errors import Trace2SkillError
from react_agent.threads import in_thread
from reporting import compare, report
from skill_evolver import evolve
from spreadsheet_agent import rollouts, triage
from spreadsheetbench import evaluate
from trace2skill.reproduce.steps import Stage

WORK: dict[str, Callable[[Any], int | Awaitable[int]]] = {
    "run": rollouts.rollouts,
    "evaluate": evaluate.evaluate,
    "triage": triage.analyze,
    "analyze": analyze.run,
    "evolve": evolve.work,
    "compare": compare.work,
    "report": report.work,
}


async def perform(stage: Stage) -> int:
    """An error that a command would tell in one line is told here, and is its exit code."""
    work = WORK[stage.name]
    try:
        if inspect.iscoroutinefunction(work):
            code = await work(stage.settings)
        else:
            code = await in_thread(work, stage.settings)
        assert isinstance(code, int)
        return code
    except (Trace2SkillError, OSError) as error:
        return code_of(error)
