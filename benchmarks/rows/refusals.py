"""Row `refusals`: prompts that a content filter takes, and accounts that are used up in the middle.

A refused prompt ends its own case, for good; a used-up account stops every stage with exit code 1,
and when it is filled again the same command does the rest and asks for nothing twice.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trial.program import Program
from trial.refusal_words import FILTERED, USED_UP
from trial.row import Row, Trial
from trial.server import FaultServer, Messages, refusal
from trial.stages import TASKS, Pipeline, Stage, asked_again, scripted, task_in

from react_agent.files import digest_tree
from react_agent.layout import RESULT_LINES

ASKING = ("rollouts", "error lessons", "success lessons", "parallel evolution")


def measure(trial: Trial, *, kinds: Sequence[str] = (), before: str = "") -> Row:
    """`kinds` are names of refusal_words.py."""
    few = (next(iter(FILTERED)), next(iter(USED_UP))) if trial.reduced else ()
    chosen = kinds or few or [*FILTERED, *USED_UP]
    wrong: list[str] = []
    filtered = [kind for kind in FILTERED if kind in chosen]
    used_up = [kind for kind in USED_UP if kind in chosen]
    with TemporaryDirectory() as name:
        for kind in filtered:
            found = _filtered(Path(name) / f"filter {kind}", FILTERED[kind], before)
            wrong += [f"filter of {kind}: {line}" for line in found]
        for kind in used_up:
            found = _used_up(Path(name) / f"account {kind}", USED_UP[kind], before)
            wrong += [f"account at {kind}: {line}" for line in found]
    return Row("refused prompts, used-up accounts: lost", len(filtered) + len(used_up), wrong)


def _refusal(words: tuple[int, Any]) -> Any:
    return refusal(words[0], {"error": words[1]})


def _filtered(folder: Path, words: tuple[int, Any], before: str) -> list[str]:
    def answer(messages: Messages) -> Any:
        return _refusal(words) if task_in(messages) == TASKS[1] else scripted(messages)

    with FaultServer(answer) as server:
        pipeline = Pipeline(folder, TASKS[:3], workers=1)
        stage, program = pipeline.stages[0], Program(folder, server.url, before)
        starts = [program.run(stage.module, *stage.argv) for _ in range(2)]
        met = [task_in(one.messages) for one in server.asked].count(TASKS[1])
    wrong = [f"start: {ended}" for ended in starts if ended.code]
    path = folder / "outputs" / RESULT_LINES
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    endings = {line["id"]: line["status"] for line in lines}
    wanted = dict.fromkeys(TASKS[:3], "completed") | {TASKS[1]: "refused"}
    wrong += [] if endings == wanted else [f"ended {endings}"]
    return wrong + ([] if met == 1 else [f"the refused prompt was sent {met} times"])


def _used_up(folder: Path, words: tuple[int, Any], before: str) -> list[str]:
    left = [0]

    def answer(messages: Messages) -> Any:
        left[0] -= 1
        return scripted(messages) if left[0] >= 0 else _refusal(words)

    wrong: list[str] = []
    with FaultServer(answer) as server:
        pipeline = Pipeline(folder, TASKS[:4], workers=1)  # two of each: no stage has one call
        pipeline.lay_out()
        program = Program(folder, server.url, before)
        for stage in pipeline.stages[:8]:
            if stage.name in ASKING:
                left[0] = 1  # the account has one call left
                wrong += _stopped(stage, program, folder)
            left[0], finished, asked = 1_000_000, stage.finished(), len(server.asked)
            ended = program.run(stage.module, *stage.argv)
            wrong += [f"{stage.name}, filled again: {ended}"] if ended.code else []
            wrong += asked_again(stage, finished, server.asked[asked:])
    return wrong


def _stopped(stage: Stage, program: Program, folder: Path) -> list[str]:
    skills = folder / "parallel_skills"
    was = digest_tree(skills)
    ended = program.run(stage.module, *stage.argv)
    told = re.search("account is used up", ended.complained + ended.said)
    wrong = [] if ended.code == 1 and told else [f"{stage.name}: {ended}"]
    return wrong + ([] if digest_tree(skills) == was else [f"{stage.name}: a skill was written"])
