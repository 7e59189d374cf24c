"""Does a lesson help? A scripted agent solves a task where its prompt holds one planted lesson, and
takes no notice of the other."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from reporting_runs import MINI, World, make_world
from stub_server import StubServer, reply
from trial.stages import task_in

from react_agent.layout import CHANGE_LOG
from react_agent.skills import Skill
from reporting.page import command as report
from skill_evolver.commands import lessons, revert
from skill_evolver.engine.history import explain
from skill_evolver.engine.job import home_of
from trace2skill import cli

TASKS = tuple(str(one["id"]) for one in json.loads((MINI / "dataset.json").read_text("utf-8"))[:8])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.syspath_prepend(str(MINI))
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    return make_world(tmp_path)


def lines_of(world: World) -> list[str]:
    """What each lesson wrote, in the order of the lessons."""
    _, provenance, _ = explain(world.skill)
    texts = {edit.id: edit.content for step in provenance.steps for edit in step}
    return [texts[lesson.edits[0]].strip() for lesson in provenance.lessons]


@cache
def book(task: str, kind: str) -> str:
    file = next((MINI / "spreadsheet" / task).glob(f"*_{kind}.xlsx"))
    return base64.b64encode(file.read_bytes()).decode()


def agent(planted: str) -> Callable[[dict[str, Any]], Any]:
    def answer(body: dict[str, Any]) -> Any:
        messages = body["messages"]
        if any(message["role"] == "assistant" for message in messages):
            return reply("ACTION: TASK_COMPLETE")
        kind = "golden" if planted in messages[0]["content"] else "init"
        command = f"echo {book(task_in(messages), kind)} | base64 -d > output.xlsx"
        call = {"name": "bash", "arguments": {"command": command}}
        return reply(f"Action:\n{json.dumps(call)}")

    return answer


def effect(world: World, planted: str, *more: str) -> tuple[int, str, int]:
    """Exit code, what was printed, calls that the server saw."""

    async def run() -> tuple[int, str, int]:
        async with StubServer(agent(planted)) as server:
            flags = ["--data_path", MINI, "--output_dir", world.root / "effect", "--model", "m"]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "trace2skill", "effect", world.skill, *flags, *more),
                env={**os.environ, "OPENAI_BASE_URL": server.url},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            assert process.returncode is not None
            return process.returncode, said.decode(), len(server.bodies)

    return asyncio.run(run())


def test_a_lesson_that_solves_tasks_helps_and_one_that_does_not_is_undecided(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    planted, _ = lines_of(world)
    before = Skill.load(world.skill).digest
    tasks = ("--instance_ids", ",".join(TASKS))
    code, said, asked = effect(world, planted, *tasks, "--max_calls", "30")
    assert code == 1, said
    assert "start it again to go on" in said
    assert asked <= 30
    code, said, more = effect(world, planted, *tasks)
    assert code == 0, said
    assert "24 cases" in said
    assert 0 <= asked + more - 24 * 2 < 4  # but for what was in flight nothing is paid twice
    found = {
        row["lesson"]: row
        for row in json.loads((world.root / "effect/effect.json").read_text())["lessons"]
    }
    assert [(row["verdict"], row["without"], row["whole"]) for row in found.values()] == [
        ("helps", 0.0, 1.0),
        ("undecided", 1.0, 1.0),
    ]
    assert Skill.load(world.skill).digest == before
    assert effect(world, planted, *tasks)[2] == 0

    capsys.readouterr()
    assert lessons.main([str(world.skill)]) == 0
    assert "helps (0% -> 100% of 8 tasks)" in capsys.readouterr().out
    log = home_of(world.skill) / CHANGE_LOG
    assert log.read_text().count("## Effects, measured since\n") == 1
    assert "(L1): helps (0% -> 100% of 8 tasks)\n" in log.read_text()
    page = world.root / "page.html"
    flags = [str(world.first), "--skill", str(world.skill), "--output", str(page)]
    assert report.main(flags) == 0
    assert '"L1":"helps (0% -\\u003e 100% of 8 tasks)"' in page.read_text("utf-8").replace(
        "->", "-\\u003e"
    )

    assert revert.main([str(world.skill), "L2"]) == 0
    capsys.readouterr()
    assert lessons.main([str(world.skill)]) == 0
    assert "helps" not in capsys.readouterr().out  # measured of another state of the skill


def test_the_plan_is_told_first_and_a_lesson_is_tried_on_its_own_tasks(world: World) -> None:
    planted, _ = lines_of(world)
    code, said, asked = effect(world, planted, "--dry_run", "--seeds", "41,42")
    assert (code, asked) == (0, 0), said
    assert "2 lessons: 2 tasks with all of them, 2 without one each, x 2 seeds = 8 cases" in said
    code, said, _ = effect(world, planted, "--seeds", "41,42", "--lessons", "L1")
    assert code == 0, said
    [row] = json.loads((world.root / "effect/effect.json").read_text())["lessons"]
    assert (row["verdict"], row["whole"], len(row["tasks"])) == ("undecided", 1.0, 1)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--lessons", "L9"], "no lesson L9; there is L1, L2"),
        (["--instance_ids", "none"], "no task none"),
        (["--skill", "xlsx"], "the skill is the one that is measured"),
    ],
)
def test_wrong_input_is_one_line(
    world: World, flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["effect", str(world.skill), "--data_path", str(MINI), "--model", "m", *flags])
    assert code == 2
    assert complaint in capsys.readouterr().err
