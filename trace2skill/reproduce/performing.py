"""Runs one stage of a reproduction, with the words and the exit code of its own command."""

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import analyze, memory
from react_agent.cli import code_of
from react_agent.errors import Trace2SkillError
from react_agent.text import for_terminal, one_line, say, saying_to
from react_agent.threads import in_thread
from reporting.comparing import command as compare
from reporting.page import command as report
from skill_evolver import evolve
from spreadsheet_agent import rollouts, triage
from spreadsheetbench import evaluate
from trace2skill.reproduce.steps import Stage

WORK: dict[str, Callable[[Any], int | Awaitable[int]]] = {
    "run": rollouts.rollouts,
    "evaluate": evaluate.evaluate,
    "triage": triage.analyze,
    "analyze": analyze.run,
    "memory": memory.run,
    "evolve": evolve.work,
    "compare": compare.work,
    "report": report.work,
}
LONGEST = 300
SHOWN = 12
"""Lines of a stage that ended with work owed."""
BEGINS = "== trace2skill "


@dataclass(frozen=True)
class Performed:
    code: int
    error: str = ""
    """What ended it, where one thing did."""


async def perform(stage: Stage) -> Performed:
    """An error that a command would tell in one line is told here, and is its exit code."""
    work = WORK[stage.name]
    try:
        if inspect.iscoroutinefunction(work):
            code = await work(stage.settings)
        else:
            code = await in_thread(work, stage.settings)
        assert isinstance(code, int)
        return Performed(code)
    except (Trace2SkillError, OSError) as error:
        return Performed(code_of(error), one_line(str(error), LONGEST))


@contextlib.contextmanager
def words_to(file: Path, *, progress: bool) -> Iterator[None]:
    """What stages print goes to the end of `file`; warnings and errors are still seen. Without
    `progress` their bars are not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(file.open("a", encoding="utf-8", errors="backslashreplace"))
        stack.enter_context(saying_to(out))
        if not progress:
            stack.enter_context(contextlib.redirect_stderr(out))
        yield


def last_words(file: Path) -> str:
    """The end of what the last stage said."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    begin = max((i for i, line in enumerate(lines) if line.startswith(BEGINS)), default=0)
    said = [line for line in lines[begin + 1 :] if line.strip()]
    return "\n".join(f"  {for_terminal(line)}" for line in said[-SHOWN:])


def begin(stage: Stage) -> None:
    say(f"\n{BEGINS}{stage.name}")
